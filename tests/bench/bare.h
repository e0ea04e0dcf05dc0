/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The library calls that applying and publishing cannot do without, in a loop
 * of their own: nothing is parsed, allocated, checked against a table or
 * looked up. Together with the bare store (recorder.h) they are the limits.
 */

#include "node.h"
#include "recorder.h"

/** Batches of a lane, taken apart beforehand. */
struct bare_lane;

/** A lane as `receiver` would take it from `sender`. */
struct bare_lane *bare_lane_new(const struct bench_node *receiver, const struct bench_node *sender);
void bare_lane_free(struct bare_lane **lane);

/** A wire_tap: keep what a message to the receiver brings; context is the lane. */
void bare_lane_tap(void *context, struct view message);

/** Records in it. */
size_t bare_lane_records(const struct bare_lane *lane);

/** Do all of it once: verify, unwrap, open, and what was recorded into the store. */
void bare_lane_apply(const struct bare_lane *lane, struct bare_store *store,
                     const struct recording *recording);

/** What publishing bare takes: keys, room, and which tables hold what. */
struct bare_desk {
    uint8_t sign_key[SIGN_SECRET_BYTES];
    uint8_t *bytes; /* room for the largest section */
    uint8_t blob_table;
    uint8_t entry_table;
};

void bare_desk_open(struct bare_desk *desk, const struct bench_node *node);
void bare_desk_close(struct bare_desk *desk);

/**
 * Seal the sections, sign the header, wrap for each reader, and commit: what
 * was recorded of one publishing.
 * @param next as in bare_store_replay.
 */
void bare_publish(const struct bare_desk *desk, struct bare_store *store,
                  const struct recording *recording, size_t *next);
