/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

enum { SUGGEST_MAX = 64 };

bool text_is_valid(struct view text)
{
    const uint8_t *bytes = text.data;
    size_t i = 0;

    while (i < text.size) {
        UChar32 c = 0;
        U8_NEXT(bytes, i, text.size, c);
        if (c <= 0) {
            return false;
        }
    }
    return true;
}

size_t text_length(struct view text)
{
    const uint8_t *bytes = text.data;
    size_t length = 0;
    size_t i = 0;

    while (i < text.size) {
        UChar32 c = 0;
        U8_NEXT(bytes, i, text.size, c);
        if (c <= 0) {
            return 0;
        }
        length++;
    }
    return length;
}

static unsigned character_traits(UChar32 c)
{
    /* Most of what is written. Not worth three questions to ICU for each. */
    if (c >= 0x20 && c < 0x7F) {
        return 0;
    }
    if (c == '\n' || c == '\t') {
        return TEXT_HAS_LINE_BREAK;
    }
    if (u_hasBinaryProperty(c, UCHAR_BIDI_CONTROL)) {
        return TEXT_HAS_BIDI;
    }
    switch (u_charType(c)) {
    case U_CONTROL_CHAR:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
        return TEXT_HAS_CONTROL;
    case U_FORMAT_CHAR:
        /* Zero-width joiners are part of how several scripts are spelled. */
        return c == 0x200C || c == 0x200D ? 0 : TEXT_HAS_HIDDEN;
    case U_UNASSIGNED:
    case U_PRIVATE_USE_CHAR:
    case U_SURROGATE:
        return TEXT_HAS_HIDDEN;
    default:
        return 0;
    }
}

unsigned text_traits(struct view text)
{
    const uint8_t *bytes = text.data;
    unsigned traits = 0;
    size_t i = 0;

    while (i < text.size) {
        UChar32 c = 0;
        U8_NEXT(bytes, i, text.size, c);
        traits |= c < 0 ? (unsigned)TEXT_HAS_CONTROL : character_traits(c);
    }
    return traits;
}

void text_escape(struct buffer *to, struct view text, bool lines)
{
    const uint8_t *bytes = text.data;
    size_t i = 0;

    while (i < text.size) {
        size_t start = i;
        UChar32 c = 0;

        U8_NEXT(bytes, i, text.size, c);
        if (c < 0) {
            for (; start < i; start++) {
                buffer_printf(to, "\\x{%02x}", bytes[start]);
            }
            continue;
        }
        unsigned traits = character_traits(c);
        if (traits == 0 || (lines && traits == TEXT_HAS_LINE_BREAK)) {
            buffer_append(to, view_of(bytes + start, i - start));
        } else {
            buffer_printf(to, "\\u{%x}", (unsigned)c);
        }
    }
}

size_t text_columns(struct view text)
{
    const uint8_t *bytes = text.data;
    size_t columns = 0;
    size_t i = 0;

    while (i < text.size) {
        UChar32 c = 0;
        U8_NEXT(bytes, i, text.size, c);
        int width = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
        int8_t category = u_charType(c);
        if (category == U_NON_SPACING_MARK || category == U_ENCLOSING_MARK ||
            category == U_FORMAT_CHAR) {
            continue;
        }
        columns += width == U_EA_FULLWIDTH || width == U_EA_WIDE ? 2 : 1;
    }
    return columns;
}

/* Edit distance with one row of memory; both words are short. */
static size_t distance(struct view a, struct view b)
{
    size_t row[SUGGEST_MAX + 1];

    for (size_t j = 0; j <= b.size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t cost = diagonal + (a.data[i - 1] == b.data[j - 1] ? 0 : 1);
            diagonal = row[j];
            cost = row[j] + 1 < cost ? row[j] + 1 : cost;
            row[j] = row[j - 1] + 1 < cost ? row[j - 1] + 1 : cost;
        }
    }
    return row[b.size];
}

const char *text_suggest(struct view word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SUGGEST_MAX;

    if (word.size == 0 || word.size > SUGGEST_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t length = candidates[i] == NULL ? 0 : strlen(candidates[i]);
        if (length == 0 || length > SUGGEST_MAX) {
            continue;
        }
        size_t d = distance(word, view_of_text(candidates[i]));
        /* Half of a short word changed is another word, not a slip of the finger. */
        if (d < best_distance && d <= 1 + length / 4) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
