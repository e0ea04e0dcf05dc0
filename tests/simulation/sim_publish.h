/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Records as officers write them: from the examples, with audiences drawn at random. */

#include "sim_ledger.h"

enum publish_kind {
    PUBLISH_PLAIN,
    PUBLISH_FAT,  /* about a megabyte */
    PUBLISH_FLOOD /* the same, to everybody */
};

/** Load the example records. False if they cannot be read. */
bool publish_load_templates(struct sim *sim);

/** Publish a new record. */
void publish_new(struct sim_node *node, enum publish_kind kind);

/** Publish a new version of a record that this node published before, if there is one. */
void publish_version(struct sim_node *node);

/** A record of this node that is not published, for traitors; NULL without luck. */
struct value *publish_sample(struct sim_node *node);
