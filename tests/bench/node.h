/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Real engines over real stores in this process, and a wire between them that
 * loses nothing and takes no time. Time is virtual: a millisecond for each
 * message, so that no timer disturbs a measurement.
 */

#include "bench.h"
#include "state.h"

struct wire;

/** A function that looks at what one node is told, before the node sees it. */
typedef void (*wire_tap)(void *context, struct view message);

/** One State's node. */
struct bench_node {
    char state[4];
    struct wire *wire;
    char path[BENCH_PATH_BYTES]; /* of the store */
    struct node_keys keys;
    struct store *store;
    struct engine *engine;
    struct ports ports;
    struct bench_span busy; /* spent in its engine by wire_run */
    wire_tap tap;           /* or NULL */
    void *tap_context;
    const char *watched; /* named point to be timed, or NULL */
    int64_t watched_ns;  /* when it was reached last */
    bool recorded;       /* the recorder runs while its engine does */
    bool counted;        /* valgrind counts what its engine does with messages */
};

struct wire *wire_new(void);

/** Free the wire; its nodes must be stopped. */
void wire_free(struct wire **wire);

/** Now, on the wire. */
struct moment wire_now(const struct wire *wire);

/** Make fresh keys for a State. */
void node_make(struct bench_node *node, struct wire *wire, const char *state);

/** Take the keys of a real node's home instead. */
void node_take_home(struct bench_node *node, struct wire *wire, const char *home);

/**
 * Open the store in a directory (made if missing) and start the engine.
 * @param max_bytes of the store.
 */
void node_start(struct bench_node *node, const char *path, uint64_t max_bytes);

/** Stop in good order: links down at both ends, engine freed, store closed. */
void node_stop(struct bench_node *node);

/** Stop, and forget the keys. */
void node_free(struct bench_node *node);

/** Make a peer of another node and verify it. */
void node_trust(struct bench_node *node, const struct bench_node *other);

/** Define a group of States, at most 64. */
void node_group(struct bench_node *node, const char *name, const char *const *states, size_t count);

/**
 * One command as an officer with all roles; it must succeed.
 * @param arguments a map in wire_arena.
 * @return the result, until the next command of any node.
 */
const struct value *node_command(struct bench_node *node, const char *name,
                                 struct value *arguments);

/** For arguments of one command; node_command leaves it, wire_arena_clear empties it. */
struct arena *wire_arena(struct wire *wire);

/** Keep a draft of a record. @return its reference, until the next clearing. */
const char *node_draft(struct bench_node *node, struct value *record);

/** Publish a draft. */
void node_publish(struct bench_node *node, const char *reference);

/** Deliver everything until nothing is under way and nothing was said in a whole second. */
void wire_run(struct wire *wire);

/** wire_run until all nodes that are peers of each other have compared heads. */
void wire_meet(struct wire *wire);
