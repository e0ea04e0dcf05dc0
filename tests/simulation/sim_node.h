/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The nodes as processes: starting, ending well or badly, their disks and their clocks. */

#include "sim.h"

/** Make the keys and the directory of a node. */
void node_make(struct sim_node *node);

/** Make all nodes known to each other, verified, and the groups defined. */
void nodes_introduce(struct sim *sim);

/** Start the process over what lies on its disk. */
void node_start(struct sim_node *node);

/** End it in good order. */
void node_stop(struct sim_node *node);

/** End it as SIGKILL does: nothing more is said or written. */
void node_kill(struct sim_node *node);

/** Free everything. */
void node_free(struct sim_node *node);

/** What its clocks show. */
struct moment node_moment(const struct sim_node *node);

/** The true wall time. */
struct instant sim_wall(const struct sim *sim);

/** Note that the engine was called: a node that reached its crash point dies now. */
void node_called(struct sim_node *node);

void node_tick(struct sim_node *node);

/**
 * One command as an officer and administrator.
 * @param arguments a map in sim->arena, where the reply borrows from, too.
 * @return the error of the reply.
 */
enum error node_command(struct sim_node *node, const char *name, struct value *arguments,
                        struct control_reply *reply);

/** What the engine of a node knows of another one; NULL while it does not run. */
struct peer *node_peer(const struct sim_node *node, size_t other);

/** Copy the disk of a node aside. */
void node_copy(struct sim_node *node, size_t slot);

/** Put a copy back in place of the disk; the node must not run. */
void node_restore(struct sim_node *node, size_t slot, bool keep_anchor);

/** Run the full check of the store that the engine asked for. */
void node_check(struct sim_node *node);

/** Whether the disk of a node can be looked at: it runs. */
bool node_is_up(const struct sim_node *node);

/** Nodes that follow the protocol. */
bool node_is_honest(const struct sim_node *node);
