/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Peers and groups as the sharing policy sees them. */

#include "state.h"

/** Allocate the world; freed with world_free. NULL without memory. */
struct policy_world *world_new(void);
void world_free(struct policy_world **world);

/** Make the world anew from the peers in memory and the groups in the store. */
MUST_CHECK enum error world_update(struct engine *engine);

/** The same after a commit, when nothing may fail any more: if it does, the node ends. */
void world_refresh(struct engine *engine);

/**
 * Define a group, or define it anew.
 * @param states `count` State codes of verified peers or our own.
 * @return OK; ERR_FIELD_VALUE for a bad name; ERR_STATE_UNKNOWN; ERR_PEER_UNVERIFIED;
 *         ERR_AUDIENCE_EMPTY for no member; ERR_TOO_LARGE; errors of the store.
 */
MUST_CHECK enum error world_define_group(struct engine *engine, const char *actor, struct view name,
                                         const struct value *states, struct problems *problems,
                                         struct moment now);
