/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our lane to a peer: numbering, sending, acknowledgements; giving a peer its own lane back. */

#include "peer.h"
#include "state.h"

/**
 * Put a payload on the lane to a peer, within the caller's transaction: as the
 * next entry if heads were compared since the start, else among what waits.
 * @param item   borrowed; its type is an enum lane_entry_type, its record what it grants, or 0.
 * @param cursor receives where the lane stands then; the caller takes it over after the commit.
 */
MUST_CHECK enum error lane_append(struct engine *engine, struct store_txn *txn,
                                  const struct peer *peer, const struct store_pending *item,
                                  struct instant now, struct lane_cursor *cursor);

/** Number what waits and send what the peer lacks, as far as credit allows. */
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
