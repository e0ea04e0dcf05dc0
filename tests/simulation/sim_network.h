/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The network between the nodes, with the manners of the transport process: a
 * link is a pair of ends, its messages arrive in order while it is up, and each
 * side learns which key the other one proved. Faults are on top: messages lost,
 * doubled, swapped or late, links that break, partitions.
 */

#include "sim.h"

enum event_kind { EVENT_UP, EVENT_MESSAGE, EVENT_DOWN };

/** What must come of a message, known to whoever made it up. */
enum event_flag {
    EVENT_LOCAL = 1,  /* found out at this end: a partition does not hold it back */
    EVENT_TWICE = 2,  /* was delivered before */
    EVENT_REFUSE = 4, /* must end the session and change nothing */
    EVENT_FORK = 8,   /* proves that its sender signed two histories: must freeze it */
    EVENT_COPIED = 16 /* bit by bit the same as the one before: ends the session */
};

struct event {
    struct event *next;
    enum event_kind kind;
    unsigned flags;
    int64_t due_ms;
    size_t size;
    uint8_t bytes[];
};

/** One end of a link, with what is on its way to it. */
struct end {
    size_t node;
    link_id id;
    bool open;
    struct event *first;
    struct event *last;
    int64_t counter; /* messages that a traitor sent from here in the session */
    bool counting;   /* a traitor's numbers are its own from here on */
};

struct link {
    struct link *next;
    struct end ends[2];
    int64_t cut_ms;      /* since when a partition separates the ends; 0 if none does */
    int64_t patience_ms; /* until both notice */
};

void network_send(struct sim_node *node, link_id id, struct view message);
void network_dial(struct sim_node *node, link_id id, const char *endpoint, const uint8_t *key);
void network_hang_up(struct sim_node *node, link_id id);

/** All links of a node end with its process; abruptly, the others may notice late. */
void network_node_gone(struct sim_node *node, bool abrupt);

/** Put a message of `from` on its way to the other end, as the weather is. */
void network_queue(struct sim *sim, struct link *link, size_t from, struct view message,
                   unsigned flags);

/** Break a random link. */
void network_break(struct sim *sim);

/** Drop all links of a node: its transport process died. */
void network_reset(struct sim_node *node);

/** Cut or mend the connection between two nodes, both ways. */
void network_cut(struct sim *sim, size_t a, size_t b, bool cut);

/** When the next thing is due; INT64_MAX if nothing is under way. Notices broken partitions. */
int64_t network_due(struct sim *sim);

/** Deliver one random thing that is due. False if none is. */
bool network_deliver(struct sim *sim);

/** Forget links that are closed at both ends. */
void network_sweep(struct sim *sim);

void network_free(struct sim *sim);
