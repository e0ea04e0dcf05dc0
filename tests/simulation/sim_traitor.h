/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Traitors: nodes that run the real engine with their real keys, but whose
 * messages are rewritten on the way out, and whose lanes carry what no honest
 * node would put there.
 */

#include "sim_network.h"

/** Choose which nodes are traitors and what they do in this run. */
void traitor_choose(struct sim *sim);

/** A message of a traitor's engine: send it, or something else. */
void traitor_send(struct sim *sim, struct link *link, size_t place, struct view message);

/** A traitor receives a message: it may be of use later. */
void traitor_listen(struct sim *sim, const struct event *event);

/** Put a forged object on a traitor's lane, with its real signature on the lane. */
void forge(struct sim_node *node);

/** Have what is published next sent together with what was sent before. */
void traitor_rewind(struct sim_node *node);

void traitor_free(struct sim *sim);
