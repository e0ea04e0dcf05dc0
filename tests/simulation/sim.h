/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A simulation of 3 to 7 nodes in one process: the real engines over real
 * stores, under a clock and a network of our own. One seed gives one run, bit
 * by bit. What must hold is checked after every step; the first thing that does
 * not hold ends the run. Invariants I1..I13: see check.h.
 */

#include "sim_random.h"
#include "state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SIM_NODES_MIN = 3,
    SIM_NODES_MAX = 7,
    SIM_COPIES = 2,
    SIM_GROUPS = 2,
    SIM_PATH_BYTES = 128,
    SIM_PORT_FIRST = 10000
};

struct sim;

/** Classes of faults, as a bit set. */
enum sim_fault {
    FAULT_NETWORK = 1,
    FAULT_CRASH = 2,
    FAULT_RESTORE = 4,
    FAULT_CLOCK = 8,
    FAULT_TRAITOR = 16,
    FAULT_DISK = 32,
    FAULT_PAUSE = 64,
    FAULT_ALL = 127
};

struct sim_options {
    uint64_t seed;
    int64_t steps;
    size_t nodes;
    unsigned faults;
    bool quiet;
    bool log;         /* print what the engines log */
    const char *data; /* directory that holds vectors/records.json */
};

/** What did not hold. */
struct sim_failure {
    bool found;
    char invariant[8];
    char text[400];
};

/** What happened, for people. */
struct sim_counts {
    uint64_t published;
    uint64_t refused;
    uint64_t versions;
    uint64_t fat; /* records of about a megabyte */
    uint64_t messages;
    uint64_t message_bytes;
    uint64_t lost;
    uint64_t crashes;
    uint64_t restores;
    uint64_t forks;    /* signed twice by a traitor and delivered */
    uint64_t frozen;   /* and noticed */
    uint64_t forged;   /* objects that a traitor made up */
    uint64_t refusals; /* frames that had to be refused, and were */
    uint64_t mends;
    uint64_t failed_commits;
    int64_t converged_ms; /* after the faults ended */
};

/** One node: a process that may run or not, and its disk. */
struct sim_node {
    struct sim *sim;
    size_t index;
    char state[STATE_TEXT_BYTES];
    bool traitor;
    struct node_keys keys;
    char path[SIM_PATH_BYTES];
    struct store *store;
    struct engine *engine; /* NULL while it does not run */
    struct ports ports;

    bool dying;          /* a crash point was reached: nothing more leaves or is written */
    const char *armed;   /* crash point to come, or NULL */
    int armed_after;     /* at which time it is reached */
    int failing_commits; /* so many commits find the disk full */
    bool commit_failed;  /* one did in the present call */

    int64_t wake_ms;    /* when its engine wants to be called */
    int64_t restart_ms; /* when it comes back, if it does not run */
    int64_t skew_ms;    /* of its wall clock, small */
    int64_t jump_ms;    /* of its wall clock, not to be believed */
    int64_t floor_ms;   /* last seen time floor */
    bool check_due;     /* a full check of the store was asked for */

    uint8_t allowed[SIM_NODES_MAX][BOX_PUBLIC_BYTES];
    size_t allowed_count;
    uint32_t accepted; /* links accepted so far */

    bool copies[SIM_COPIES]; /* taken of the directory */
    bool rolled_back;        /* runs on an old copy and has not learned everything yet */
    bool ever_rolled_back;
    bool noticed;       /* its store knew, from the anchor, that it is an old copy */
    unsigned unlearned; /* nodes it has not compared heads with since then, as a set */
    bool accept_older;
    int64_t audit_read; /* entries looked at */
};

struct link;

struct sim_network {
    struct link *links;
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
    size_t bytes; /* under way */
    /* Weather: parts of 10,000 messages, and how long they take at most. */
    unsigned loss;
    unsigned duplicate;
    unsigned reorder;
    int64_t delay_ms;
};

struct ledger_entry;

/** Everything that was published, as the simulation knows it. */
struct sim_ledger {
    struct ledger_entry *entries;
    size_t count;
    size_t capacity;
    size_t bytes;
};

struct sim_group {
    char name[8];
    unsigned members; /* set of node indexes */
};

enum { TRAITOR_FRAMES = 8 };

/** What traitors keep for later. */
struct sim_traitor {
    struct arena *arena;
    unsigned acts;                        /* set of the acts that this run's traitors do */
    unsigned rate;                        /* parts of 10,000 messages */
    struct buffer frames[TRAITOR_FRAMES]; /* sent before */
    size_t frame_count;
    bool forked[SIM_NODES_MAX][SIM_NODES_MAX]; /* the first signed two histories to the second */
};

struct sim {
    struct sim_options options;
    struct prng prng;
    int64_t now_ms; /* true time since the beginning */
    int64_t step;
    bool faults;  /* faults are still to come */
    bool at_rest; /* they ended, and everything arrived */
    char root[SIM_PATH_BYTES];
    size_t count;
    struct sim_node nodes[SIM_NODES_MAX];
    struct sim_network network;
    struct sim_ledger ledger;
    struct sim_traitor traitor;
    struct sim_group groups[SIM_GROUPS];
    struct value *templates; /* in template_arena */
    struct arena *template_arena;
    struct arena *arena;       /* for one action */
    struct arena *check_arena; /* for one check */
    struct section_keys *check_keys;
    struct sim_failure failure;
    struct sim_counts counts;
    uint64_t trace; /* hash of all that happened */
};

/** 2026-06-01T00:00:00Z: when a run begins. */
static const int64_t SIM_EPOCH_MS = 1780272000000;

/** Note that an invariant does not hold; only the first is kept. */
void sim_fail(struct sim *sim, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Mix something into the trace. */
void sim_trace(struct sim *sim, struct view bytes);
void sim_trace_number(struct sim *sim, uint64_t number);

/** Prepare nodes that know each other; failures are found in sim->failure. */
struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim **sim);

/** Run all steps, let the faults end, and check everything. */
void sim_run(struct sim *sim);
