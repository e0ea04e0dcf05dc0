/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "text.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

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
