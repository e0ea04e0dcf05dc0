/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What must hold (threats.md section 3):
 *
 * I1  what was published with success is in its publisher's store for ever, what was
 *     acknowledged is in the recipient's; a restored disk learns it again from the others
 * I2  nobody opens, or holds a key or ciphertext of, a section that it was not granted
 * I3  whatever is visible was verified: signature, grant, lane
 * I4  what is shown is what was published, section by section
 * I5  two histories signed by a traitor are noticed, proved, and freeze the traitor only
 * I6  repetition and reordering change nothing
 * I7  when faults end, everybody gets everything, and everything is acknowledged
 * I9  clocks that jump move nothing
 * I10 the audit trail is whole, and a full check of the store finds nothing
 * I11 memory of an engine is bounded
 */

#include "sim_network.h"

/** Hand a message to an engine and watch what it does with it. */
void check_delivery(struct sim *sim, struct link *link, size_t place, const struct event *event);

/** What is cheap enough for every step. */
void check_step(struct sim *sim);

/** After a start: nothing that was durable is missing. */
void check_started(struct sim_node *node);

/** Whether a node on an old disk has learned everything again; settles what it lost. */
void check_rollback(struct sim_node *node);

/** Compare everything that a node holds with what was published. Dear. */
void check_store(struct sim_node *node);

/** Memory per engine, and all stores. Dear. */
void check_all(struct sim *sim);

/** Whether nothing is left to be done between nodes that follow the protocol. */
bool check_converged(struct sim *sim);

/** When it should have converged: say what is missing. */
void check_missing(struct sim *sim);
