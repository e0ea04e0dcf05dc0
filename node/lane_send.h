/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our lane to a peer: numbering, sending, acknowledgements; giving a peer its own lane back. */

#include "peer.h"
#include "state.h"

/** What goes onto a lane. */
struct lane_item {
    enum lane_entry_type type;
    struct view payload; /* borrowed */
};

/**
 * Put a payload on our lane to a peer as its next entry, within the caller's
 * transaction. Only while heads are compared: an older copy of the store would
 * give a number twice.
 * @param cursor where the lane stands; moved. The caller takes it over after the commit.
 */
MUST_CHECK enum error lane_append(struct engine *engine, struct store_txn *txn,
                                  const struct peer *peer, const struct lane_item *item,
                                  struct instant now, struct lane_cursor *cursor);

/** Send what the peer lacks, as far as credit allows. */
void lane_push(struct engine *engine, struct peer *peer, struct moment now);

MUST_CHECK enum error lane_take_ack(struct engine *engine, struct peer *peer, struct view bytes,
                                    struct moment now);
MUST_CHECK enum error lane_take_nack(struct engine *engine, struct peer *peer,
                                     const struct message_lane_nack *nack, struct moment now);

/** The peer asks for entries: of our lane, or of its own that it lost. */
MUST_CHECK enum error lane_take_pull(struct engine *engine, struct peer *peer,
                                     const struct message_lane_pull *pulled, struct moment now);

/** The peer asks for ciphertexts; only those of grants to it, or of its own records, are given. */
MUST_CHECK enum error lane_give_blobs(struct engine *engine, struct peer *peer,
                                      const struct views *ids);

/** The peer gave credit: give what it asked for while it gave none. */
MUST_CHECK enum error lane_give_owed(struct engine *engine, struct peer *peer, struct moment now);
