/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Records as officers write them: from the examples, with audiences drawn at random. */

#include "sim_ledger.h"

/** Load the example records. False if they cannot be read. */
bool publish_load_templates(struct sim *sim);

/** Publish a new record, or (fat) one of about a megabyte. */
void publish_new(struct sim_node *node, bool fat);

/** Publish a new version of a record that this node published before, if there is one. */
void publish_version(struct sim_node *node);

/** A record of this node that is not published, for traitors; NULL without luck. */
struct value *publish_sample(struct sim_node *node);
