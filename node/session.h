/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions: how one opens over a link (HELLO both ways), and what binds every
 * later message to it, to its direction and to its place. WIRE.md W-61..W-66.
 */

#include "peer.h"
#include "state.h"

/**
 * Send a message in the peer's session; tag and counter are filled in here.
 * Nothing is sent without a session, or beyond the credit.
 * @return whether it went out.
 */
bool session_send(struct engine *engine, struct peer *peer, struct message *message);

/** A link of ours, or one that was accepted, is up. */
void session_link_up(struct engine *engine, link_id link, const uint8_t *curve_key,
                     struct moment now);
void session_link_down(struct engine *engine, link_id link, struct moment now);
void session_link_message(struct engine *engine, link_id link, struct view bytes,
                          struct moment now);

/** Hang up accepted links that stayed silent. */
void session_tick_accepted(struct engine *engine, struct moment now);
