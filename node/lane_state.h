/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What sending and taking lanes have in common. */

#include "peer.h"
#include "state.h"

/** Names an entry of one of the two lanes of a peer, in its present incarnation. */
struct store_entry_name lane_entry_name(const struct peer *peer, enum store_side side, int64_t seq);

/** From whom to whom our lane to a peer goes (STORE_OUT), or the peer's to us (STORE_IN). */
struct lane_ends lane_ends_of(const struct engine *engine, const struct peer *peer,
                              enum store_side side);

/** What we sign heads and acknowledgements with: the card in force. */
struct lane_signer lane_signer_of(const struct engine *engine);

/** Hash of an entry that we hold; zero for number 0. ERR_NOT_FOUND, ERR_STORE_CORRUPT. */
MUST_CHECK enum error lane_held_hash(struct engine *engine, const struct peer *peer,
                                     enum store_side side, int64_t seq, struct id *hash);

/** Verify a head of our own lane that the peer shows us. */
MUST_CHECK enum error lane_check_own_head(struct engine *engine, const struct peer *peer,
                                          struct view bytes, struct lane_head *head);

/** Verify a head of the peer's lane to us. */
MUST_CHECK enum error lane_check_peer_head(struct engine *engine, const struct peer *peer,
                                           struct view bytes, struct lane_head *head);

/** Keep the contradicting head as evidence and freeze the exchange. Always OK: it is handled. */
MUST_CHECK enum error lane_freeze(struct engine *engine, struct peer *peer, enum store_side side,
                                  struct view evidence, struct moment now);

/** Ask for the entries of a lane after a number; `side` is seen from us. */
void lane_pull(struct engine *engine, struct peer *peer, enum lane_side side, int64_t after);

/** Acknowledge all that is held of the peer's lane; only what a commit made durable is. */
void lane_acknowledge(struct engine *engine, struct peer *peer, struct moment now);

/** Tell the peer that an entry was kept aside or refused. */
void lane_nack(struct engine *engine, struct peer *peer, enum lane_nack_reason reason, int64_t seq,
               const struct id *entry);
