/* SPDX-License-Identifier: Apache-2.0 */
#include "spoken.h"

#include "safety.h"

#include <string.h>

enum { DIGITS = SAFETY_GROUPS * SAFETY_GROUP_DIGITS };

enum spoken_fault spoken_check(struct view typed, unsigned *group)
{
    char digits[DIGITS];
    size_t count = 0;

    for (size_t i = 0; i < typed.size; i++) {
        char c = (char)typed.data[i];
        if (c >= '0' && c <= '9') {
            if (count < DIGITS) {
                digits[count] = c;
            }
            count++;
        } else if (c == '\0' || strchr(" \t\r\n-", c) == NULL) {
            return SPOKEN_SIGN;
        }
    }
    /* A slip within a group is told first: it is also why the length may be wrong. */
    size_t whole = (count < DIGITS ? count : DIGITS) / SAFETY_GROUP_DIGITS;
    for (size_t g = 0; g < whole; g++) {
        const char *start = digits + g * SAFETY_GROUP_DIGITS;
        if (safety_check_digit(start, SAFETY_GROUP_DIGITS - 1) != start[SAFETY_GROUP_DIGITS - 1]) {
            *group = (unsigned)g + 1;
            return SPOKEN_GROUP;
        }
    }
    return count == DIGITS ? SPOKEN_GOOD : SPOKEN_LENGTH;
}

const char *spoken_ordinal(unsigned group)
{
    static const char *const words[SAFETY_GROUPS] = {"first", "second", "third",   "fourth",
                                                     "fifth", "sixth",  "seventh", "eighth"};

    return group >= 1 && group <= SAFETY_GROUPS ? words[group - 1] : "?";
}
