/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JSON Schema (draft 2020-12) and an empty form of each kind, from the table of fields. */

#include "record.h"

/**
 * The schema that a record of this kind fulfils, as typed, imported and shown.
 * A part that is not open to the reader is {"sealed": true}; `node` holds what
 * the showing node knows about the record.
 * @return OK, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error record_schema(const struct record_kind *kind, struct arena *arena,
                                    struct value **schema);

/**
 * An example to start from: every required field with a value of its type.
 * @param state the State's own code; alpha-3.
 */
MUST_CHECK enum error record_template(const struct record_kind *kind, const char *state,
                                      struct instant now, struct arena *arena,
                                      struct value **record);
