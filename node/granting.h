/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Grants of our records. A grant is made, from the record as it is stored, when
 * it gets its number on a lane, and by the policy of that moment: what waited
 * for a State that left the audience meanwhile is not sent any more.
 */

#include "peer.h"
#include "state.h"

/** A record of ours that is granted. Its section keys are in engine->scratch_keys. */
struct granting {
    struct engine *engine;
    struct store_txn *txn;
    uint64_t number; /* of the record in the store */
    const struct store_record *row;
    struct caveats caveats; /* of its handling; slots and depth are set for each grant */
    struct instant now;
};

/**
 * Grant sections to a State within the caller's transaction: parcel, next entry
 * of its lane, holder row.
 *
 * @param sections set of enum section_id as the policy decided; not 0.
 * @param cursor   where the lane stands; moved onto the new entry. The caller
 *                 takes it over into the peer after the commit.
 * @return OK, ERR_NO_MEMORY, ERR_TOO_LARGE, errors of the store.
 */
MUST_CHECK enum error granting_give(const struct granting *granting, const struct peer *peer,
                                    uint16_t sections, struct lane_cursor *cursor);

/** Keep a grant until its State says where the lane stands. Errors of the store. */
MUST_CHECK enum error granting_queue(const struct granting *granting, const struct peer *peer,
                                     uint16_t sections);

/** Forget what waits for a State that is removed, in the caller's transaction. */
MUST_CHECK enum error granting_withdraw(struct engine *engine, struct store_txn *txn,
                                        const struct peer *peer);

/** Number what waits for a State, if its lane may grow, and send what it lacks. */
void granting_push(struct engine *engine, struct peer *peer, struct moment now);
