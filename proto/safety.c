/* SPDX-License-Identifier: Apache-2.0 */
#include "safety.h"

#include <string.h>

enum {
    SAFETY_DIGITS = SAFETY_GROUPS * SAFETY_GROUP_DIGITS,
    DATA_DIGITS = SAFETY_GROUP_DIGITS - 1,
    SAFETY_ITERATIONS = 5200 /* makes looking for a node with a chosen number 2^12 dearer */
};

/* H. M. Damm, "Total anti-symmetrische Quasigruppen" (2004): quasigroup of order 10. */
static const uint8_t damm[10][10] = {
    {0, 3, 1, 7, 5, 9, 8, 6, 4, 2}, {7, 0, 9, 2, 1, 5, 4, 8, 6, 3}, {4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
    {1, 7, 5, 0, 9, 8, 3, 4, 2, 6}, {6, 1, 2, 3, 0, 4, 5, 9, 7, 8}, {3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
    {5, 8, 6, 9, 7, 2, 0, 1, 3, 4}, {8, 9, 4, 5, 3, 6, 2, 0, 1, 7}, {9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
    {2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
};

char safety_check_digit(const char *digits, size_t count)
{
    uint8_t interim = 0;

    for (size_t i = 0; i < count; i++) {
        interim = damm[interim][digits[i] - '0'];
    }
    return (char)('0' + interim);
}

static void safety_digits(const struct id *node, char digits[static SAFETY_DIGITS])
{
    uint8_t state[64] = {0};

    for (int i = 0; i < SAFETY_ITERATIONS; i++) {
        digest_iterate(state, id_view(node));
    }
    for (size_t group = 0; group < SAFETY_GROUPS; group++) {
        const uint8_t *five = state + 5 * group;
        uint64_t number = ((uint64_t)five[0] << 32) | get_u32(five + 1);
        char *to = digits + group * SAFETY_GROUP_DIGITS;

        number %= 10000;
        for (size_t i = DATA_DIGITS; i > 0; i--) {
            to[i - 1] = (char)('0' + number % 10);
            number /= 10;
        }
        to[DATA_DIGITS] = safety_check_digit(to, DATA_DIGITS);
    }
}

const char *safety_number(const struct id *node, char text[static SAFETY_TEXT_BYTES])
{
    char digits[SAFETY_DIGITS];
    char *to = text;

    safety_digits(node, digits);
    for (size_t i = 0; i < SAFETY_DIGITS; i++) {
        if (i > 0 && i % SAFETY_GROUP_DIGITS == 0) {
            *to++ = ' ';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

enum error safety_compare(struct view typed, const struct id *node, unsigned *bad_group)
{
    char digits[SAFETY_DIGITS];
    char given[SAFETY_DIGITS];
    size_t count = 0;

    for (size_t i = 0; i < typed.size; i++) {
        char c = (char)typed.data[i];
        if (c == ' ' || c == '-' || c == '\n' || c == '\r' || c == '\t') {
            continue;
        }
        if (c < '0' || c > '9' || count == SAFETY_DIGITS) {
            return ERR_SAFETY_MISMATCH;
        }
        given[count++] = c;
    }
    for (size_t group = 0; group < count / SAFETY_GROUP_DIGITS; group++) {
        const char *from = given + group * SAFETY_GROUP_DIGITS;
        if (safety_check_digit(from, DATA_DIGITS) != from[DATA_DIGITS]) {
            *bad_group = (unsigned)group + 1;
            return ERR_SAFETY_DIGIT;
        }
    }
    if (count != SAFETY_DIGITS) {
        return ERR_SAFETY_MISMATCH;
    }
    safety_digits(node, digits);
    return memcmp(digits, given, SAFETY_DIGITS) == 0 ? OK : ERR_SAFETY_MISMATCH;
}

void safety_qr_payload(const struct id *node, struct buffer *to)
{
    char digits[SAFETY_DIGITS];

    safety_digits(node, digits);
    buffer_append_text(to, "VALISE:");
    buffer_append(to, view_of(digits, sizeof digits));
}
