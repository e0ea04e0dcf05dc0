/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a record can be found by: exact values in the form in which they are compared. */

#include "record.h"

enum { RECORD_INDEX_MAX = 2048 }; /* values of one record: what a node indexes in one turn */

/** Called for each value; `value` lives only during the call. An error ends the walk. */
typedef enum error (*record_index_visit)(void *context, enum index_field field, struct view value);

/**
 * Name every value of a record that is indexed, as far as the tree holds it.
 * Codes of control lists are also named by their headings (ML1.a: ML1.a, ML1),
 * the main date by its year and its month, names by the whole and by each word,
 * short serial ranges by each of their numbers.
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
