/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "text.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

enum { COMPOSED_MAX_BYTES = 65536 };
enum { UNITS_MAX = NAME_UNFOLDED_MAX * NAME_CHARACTERS_MAX };

/* Keep letters and digits, drop marks, turn runs of anything else into one blank. */
static int32_t keep_words(const UChar *from, int32_t length, UChar *to)
{
    int32_t out = 0;
    int32_t i = 0;
    bool blank = false;

    while (i < length) {
        int32_t start = i;
        UChar32 c = 0;

        U16_NEXT(from, i, length, c);
        if (u_isalnum(c)) {
            if (blank && out > 0) {
                to[out++] = ' ';
            }
            blank = false;
            for (; start < i; start++) {
                to[out++] = from[start];
            }
        } else if (((U_GET_GC_MASK(c)) & (U_GC_M_MASK | U_GC_CF_MASK)) == 0) {
            blank = true;
        }
    }
    return out;
}

/* Whether no character could combine with another: most texts, told without memory. */
static bool is_plainly_composed(struct view text)
{
    const uint8_t *bytes = text.data;
    size_t i = 0;

    while (i < text.size) {
        UChar32 c = 0;
        U8_NEXT(bytes, i, text.size, c);
        if (c < 0 || (c > 0x7f && (u_getCombiningClass(c) != 0 ||
                                   u_getIntPropertyValue(c, UCHAR_NFC_QUICK_CHECK) != UNORM_YES))) {
            return false;
        }
    }
    return true;
}

enum error names_compose(struct view text, struct arena *arena, struct view *composed)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *form = unorm2_getNFCInstance(&status);
    int32_t length = 0;
    int32_t size = 0;

    *composed = text;
    if (is_plainly_composed(text)) {
        return OK;
    }
    if (!text_is_valid(text) || text.size > COMPOSED_MAX_BYTES) {
        return text.size > COMPOSED_MAX_BYTES ? ERR_TOO_LARGE : ERR_FIELD_VALUE;
    }
    /* As many units as bytes are enough to read it in, three times as many to compose it (UAX 15).
     */
    int32_t room = 3 * (int32_t)text.size;
    UChar *raw = arena_alloc_many(arena, text.size, sizeof *raw);
    UChar *made = arena_alloc_many(arena, (size_t)room, sizeof *made);
    char *bytes = arena_alloc_many(arena, (size_t)room, 3);
    if (raw == NULL || made == NULL || bytes == NULL) {
        return arena_error(arena);
    }
    u_strFromUTF8(raw, (int32_t)text.size, &length, (const char *)text.data, (int32_t)text.size,
                  &status);
    if (unorm2_isNormalized(form, raw, length, &status)) {
        return U_FAILURE(status) ? ERR_NO_MEMORY : OK;
    }
    length = unorm2_normalize(form, raw, length, made, room, &status);
    u_strToUTF8(bytes, 3 * room, &size, made, length, &status);
    *composed = view_of(bytes, (size_t)size);
    return U_FAILURE(status) ? ERR_NO_MEMORY : OK;
}

enum error names_fold(struct view name, struct buffer *folded)
{
    UChar folded_case[UNITS_MAX];
    UChar apart[UNITS_MAX];
    UChar raw[UNITS_MAX];
    UErrorCode status = U_ZERO_ERROR;
    int32_t length = 0;
    int32_t size = 0;

    buffer_clear(folded);
    if (!text_is_valid(name)) {
        return ERR_FIELD_VALUE;
    }
    if (text_length(name) > NAME_CHARACTERS_MAX) {
        return ERR_TOO_LARGE;
    }
    u_strFromUTF8(raw, UNITS_MAX, &length, (const char *)name.data, (int32_t)name.size, &status);
    length = unorm2_normalize(unorm2_getNFKCCasefoldInstance(&status), raw, length, folded_case,
                              UNITS_MAX, &status);
    length = unorm2_normalize(unorm2_getNFDInstance(&status), folded_case, length, apart, UNITS_MAX,
                              &status);
    if (U_FAILURE(status)) {
        return status == U_MEMORY_ALLOCATION_ERROR ? ERR_NO_MEMORY : ERR_TOO_LARGE;
    }
    length = keep_words(apart, length, raw);
    u_strToUTF8(NULL, 0, &size, raw, length, &status);
    status = U_ZERO_ERROR; /* the first call only measures */
    uint8_t *place = buffer_extend(folded, (size_t)size);
    if (place != NULL) {
        u_strToUTF8((char *)place, size, NULL, raw, length, &status);
    }
    return folded->error;
}

size_t names_words(struct view folded, struct view words[static NAME_WORDS_MAX])
{
    size_t count = 0;
    size_t start = 0;

    for (size_t i = 0; i <= folded.size; i++) {
        if (i < folded.size && folded.data[i] != ' ') {
            continue;
        }
        if (i > start && count < NAME_WORDS_MAX) {
            words[count++] = view_of(folded.data + start, i - start);
        }
        start = i + 1;
    }
    return count;
}
