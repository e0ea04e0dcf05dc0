/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Taking over what a lane brings: verify, unwrap, open, index, store, in the
 * caller's transaction. What does not pass is kept aside and never blocks the
 * lane. Order of the checks: WIRE.md W-57.
 */

#include "state.h"

/** Ciphertexts that came with a batch. */
struct batch_blobs {
    size_t count;
    struct id *ids; /* hash of each */
    struct view *bytes;
};

/** Everything that handling one entry needs. */
struct receive {
    struct engine *engine;
    struct store_txn *txn;
    struct peer *peer;
    struct moment now;
    const struct batch_blobs *blobs;
    size_t next_blob; /* where the next ciphertext is likely to be */
    bool writing;     /* something of the entry was written */
    bool mending;     /* the entry was applied before; rows that do not open are written again */
};

/** Before the entries of a batch: open the keys that all of them need. */
void receive_begin(struct receive *receive);

/** After them: forget the section keys and close everything. */
void receive_end(struct receive *receive);

enum receive_outcome {
    RECEIVE_APPLIED,
    RECEIVE_ASIDE,       /* kept aside; the lane goes on */
    RECEIVE_NEEDS_BLOBS, /* ciphertexts are missing: peer->wanted names them */
    RECEIVE_HELD,        /* its time has not come by our clock: the lane waits */
    RECEIVE_FAILED       /* our own store or memory: nothing of this may be committed */
};

/**
 * Handle the payload of one entry of the peer's lane to us.
 * @param entry decoded and verified to follow our cursor.
 * @param error receives why it was kept aside, or what failed.
 */
enum receive_outcome receive_entry(struct receive *receive, const struct lane_entry *entry,
                                   struct view payload, enum error *error);

/** Remove the ciphertexts that were fetched for an entry which was not taken over. */
MUST_CHECK enum error receive_drop_fetched(struct store_txn *txn, struct peer *peer);

/**
 * Take back a payload of our own lane that a peer kept for us.
 * @return as receive_entry.
 */
enum receive_outcome recover_entry(struct receive *receive, const struct lane_entry *entry,
                                   struct view payload, enum error *error);
