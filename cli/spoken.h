/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Safety numbers as they are read aloud and typed: each group of five is checked by itself. */

#include "bytes.h"

/** What is wrong with a typed number. */
enum spoken_fault {
    SPOKEN_GOOD,   /* 40 digits, every group adds up */
    SPOKEN_GROUP,  /* a group does not add up */
    SPOKEN_LENGTH, /* fewer or more than 40 digits */
    SPOKEN_SIGN    /* something that is no digit, blank or hyphen */
};

/**
 * Check a number as typed.
 * @param typed blanks, hyphens and line breaks are ignored.
 * @param group receives the first group that does not add up, 1..8, with SPOKEN_GROUP.
 */
enum spoken_fault spoken_check(struct view typed, unsigned *group);

/** "first" for 1 … "eighth" for 8; static. */
const char *spoken_ordinal(unsigned group);
