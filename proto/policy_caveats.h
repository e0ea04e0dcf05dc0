/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Handling in words, caveats in grants: from one to the other and back. */

#include "policy.h"

/**
 * The caveats that a handling puts into each grant; onward terms are resolved
 * to node and group ids. `slots` and `depth` are left at 0.
 * @param world    for onward_to.
 * @return OK, ERR_POLICY_UNKNOWN_TERM, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error policy_caveats(const struct value *handling, const struct policy_world *world,
                                     struct arena *arena, struct caveats *caveats);

/** The years to keep that handling.retain asks for, at least RETENTION_YEARS_MIN. */
int64_t policy_retention_years(const struct value *handling);

/** A handling object that says what caveats say, for showing a received record. */
MUST_CHECK enum error policy_describe(const struct caveats *caveats,
                                      const struct policy_world *world, struct arena *arena,
                                      struct value **handling);
