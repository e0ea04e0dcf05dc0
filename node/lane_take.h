/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Taking batches: of a peer's lane to us, and of our own lane that a peer gives back. */

#include "peer.h"
#include "state.h"

MUST_CHECK enum error lane_take_theirs(struct engine *engine, struct peer *peer,
                                       const struct message_lane_data *data, struct moment now);
MUST_CHECK enum error lane_take_ours(struct engine *engine, struct peer *peer,
                                     const struct message_lane_data *data, struct moment now);

/** A ciphertext that was asked for. */
MUST_CHECK enum error lane_take_blob(struct engine *engine, struct peer *peer, struct view bytes,
                                     struct moment now);

/** The peer cannot give a ciphertext: its entry is kept aside, and the lane goes on. */
void lane_take_absence(struct engine *engine, struct peer *peer,
                       const struct message_lane_nack *nack);
