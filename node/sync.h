/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lanes between two nodes: comparing heads, sending what the other side lacks,
 * taking what it sends, getting back a lane that was lost. WIRE.md W-70..W-79.
 */

#include "peer.h"
#include "state.h"

/** Load where both lanes of a peer stand. */
MUST_CHECK enum error sync_load(struct engine *engine, struct peer *peer);

/** The session is up: say where our lanes stand. */
void sync_begin(struct engine *engine, struct peer *peer, struct moment now);

/** Handle one message of a session; an error ends the session. */
MUST_CHECK enum error sync_message(struct engine *engine, struct peer *peer,
                                   const struct message *message, struct moment now);

/** Try again to send what could not be sent because of our own store. */
void sync_tick(struct engine *engine, struct peer *peer, struct moment now);

/** Fetch the whole lane of a peer again to mend what is damaged here. */
void sync_repair(struct engine *engine, struct peer *peer);
