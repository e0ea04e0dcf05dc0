/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Mending the index from the stored records. */

#include "state.h"

/**
 * Put the rows by which records are found by their id, where they are missing: before a lane is
 * fetched again, which would else store a record twice. What else is wrong stays to be seen.
 * @return errors of the store.
 */
MUST_CHECK enum error reindex_ids(struct engine *engine, struct instant now);

/**
 * Take away the rows of the index that are damaged and put those that are missing, in one commit.
 * It takes about as long as opening every record, and nothing else is served meanwhile: 0.3 ms a
 * record, once after damage.
 * @return OK; ERR_STORE_CORRUPT if the table itself is damaged; as reader_open if a record does
 *         not open; errors of the store. With any error the index is left as it was.
 */
MUST_CHECK enum error reindex(struct engine *engine, struct instant now);
