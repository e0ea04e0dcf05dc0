/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Making the index anew from the stored records. */

#include "state.h"

/**
 * Replace all rows of the index by those that the stored records give, in one commit. It takes
 * about as long as opening every record; nothing else is served meanwhile.
 * @return OK; as reader_open if a record does not open, and then the index is left as it was;
 *         errors of the store.
 */
MUST_CHECK enum error reindex(struct engine *engine, struct instant now);
