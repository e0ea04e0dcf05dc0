/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a record can be found by: exact values in the form in which they are compared. */

#include "record.h"

enum {
    RECORD_INDEX_MAX = 2048,      /* values of one record: what a node indexes in one turn */
    RECORD_SERIAL_DIGITS_MAX = 18 /* at the end of a serial number that are counted */
};

/** Called for each value; `value` lives only during the call. An error ends the walk. */
typedef enum error (*record_index_visit)(void *context, enum index_field field, struct view value);

/**
 * Name every value of a record that is indexed, as far as the tree holds it.
 * Codes are also named by their headings (ML1.a: ML1.A, ML1; 930120: 930120, 9301, 93), the main
 * date by its year and its month, names by the whole and by each word, ranges of serial numbers by
 * blocks with a * for each last digit that may be any (A100..A119: A10*, A11*).
 * @return OK, what the visitor returned, ERR_NO_MEMORY, ERR_TOO_LARGE for a name too long to fold.
 */
MUST_CHECK enum error record_index(const struct value *record, record_index_visit visit,
                                   void *context);

/**
 * Bring what a person typed to the form in which a field is compared.
 * @param to cleared first; empty if it cannot be a value of this field.
 */
MUST_CHECK enum error record_index_fold(enum index_field field, struct view typed,
                                        struct buffer *to);

/** How many digits stand at the end of a folded serial number, of which blocks are made. */
size_t record_index_digits(struct view text);

/** Turn a folded serial number into the block it is in: its last `count` digits may be any. */
void record_index_any_digits(char *serial, size_t size, size_t count);

/**
 * Whether a code that a person typed is one of a list that records are found by, or a heading of
 * such, in any letter case. National grounds stand in no list.
 * @param meant set to the code most like it (static), or NULL, when it is not known.
 */
bool record_code_is_known(struct view typed, const char **meant);
