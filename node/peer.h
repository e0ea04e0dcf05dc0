/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Peers: what is known of each, who is dialled when, when a session ends.
 * States: a table in peer.c.
 */

#include "state.h"

enum { PEER_YIELD_MS = 3000 }; /* how long the greater node id leaves dialling to the smaller */

/**
 * Make a peer from its row.
 * @param peer receives it, owned by the caller.
 * @return OK; ERR_IDENTITY and the other errors of identity_bundle_verify; ERR_NO_MEMORY.
 */
MUST_CHECK enum error peer_load(struct engine *engine, uint32_t number,
                                const struct store_peer *row, struct peer **peer);
void peer_free(struct peer **peer);

/** The row of a peer as it stands; borrows from the peer. */
void peer_row(const struct peer *peer, struct store_peer *row);

/** Whether anything may be sent to or taken from the peer. */
bool peer_is_open(const struct peer *peer, struct instant now);

/** Name of the session's state for people, and the letter-case-free one for JSON; static. */
const char *peer_state_name(enum peer_state state);

/** Whether a session is open: HELLOs were exchanged. */
bool peer_in_session(const struct peer *peer);

/** Whether the peer's node id is greater than ours, so that our dialling goes first. */
bool peer_is_greater(const struct engine *engine, const struct peer *peer);

/** Whether a session is up and both sides have compared heads. */
bool peer_is_steady(const struct peer *peer);

/** The signing key with this name; NULL if none of the peer's cards has it. */
const struct peer_key *peer_key_named(const struct peer *peer, const struct id *sign_id);

/** The signing key of the card with this number; NULL. */
const struct peer_key *peer_key_of_card(const struct peer *peer, int64_t card_seq);

/** End the session, say why in the log, and plan the next one. */
void peer_close(struct engine *engine, struct peer *peer, enum error why, struct moment now);

/** After standing or card changed: close what may not go on, dial what may. */
void peer_changed(struct engine *engine, struct peer *peer, struct moment now);

/** Tell the transport who may connect. */
void peers_allow(struct engine *engine, struct instant now);

/** Do what is due for one peer. */
void peer_tick(struct engine *engine, struct peer *peer, struct moment now);

/** It flooded the transport: note it, end the session, and leave it alone for a minute. */
void peer_suspend(struct engine *engine, struct peer *peer, struct moment now);

/**
 * Write down that the exchange with a peer is frozen, in the transaction that
 * keeps the evidence. Afterwards, and also if that fails, call peer_frozen.
 * @param why a sentence for people.
 */
MUST_CHECK enum error peer_freeze(struct store_txn *txn, const struct peer *peer, const char *why,
                                  struct moment now);

/** From now on nothing is exchanged with the peer. */
void peer_frozen(struct engine *engine, struct peer *peer, const char *why, struct moment now);
