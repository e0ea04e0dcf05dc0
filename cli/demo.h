/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The demonstration: three fictional States, each with a node of its own, on this machine. */

#include "cli.h"

#include <sys/types.h>

enum { DEMO_STATES = 3, DEMO_NODES_MAX = 4, DEMO_OUTPUT_MAX_BYTES = 4 * 1024 * 1024 };

/** One node. Strings live in cli->arena. */
struct demo_node {
    const char *state;   /* "XMA" */
    const char *country; /* "Marentia" */
    const char *office;
    const char *home;
    unsigned port;
    pid_t process; /* of valised; 0 if it does not run */
};

/** The whole. */
struct demo {
    struct cli *cli;
    const char *program; /* our own executable */
    const char *daemon;  /* valised beside it */
    const char *data;    /* configs/demo */
    const char *home;    /* directory of all nodes */
    int signals;         /* descriptor that tells of SIGINT and SIGTERM */
    bool ended;          /* by such a signal */
    int64_t began_ms;
    size_t count;
    struct demo_node nodes[DEMO_NODES_MAX]; /* the last one is the stranger */
};

/* --- demo_nodes.c: processes --------------------------------------------------------------- */

/** A free port of 127.0.0.1 outside the range from which the system takes ports by itself. */
unsigned demo_free_port(void);

/**
 * Start the node and wait until it answers.
 * @return OK; ERR_NODE_UNREACHABLE with a problem if it does not within 15 s.
 */
MUST_CHECK enum error demo_start(struct demo *demo, struct demo_node *node);

/** Stop the node: SIGTERM, after 5 s SIGKILL; wait until it is gone. */
void demo_stop(struct demo_node *node);

/** End the node at once, as a power cut would. */
void demo_kill(struct demo_node *node);

/** What a command of valise is to do. */
struct demo_call {
    struct demo_node *node;
    const char *input;        /* for its standard input; NULL for none */
    int wanted;               /* exit code, or -1 for any */
    struct buffer *output;    /* receives standard output; NULL: it is shown */
    const char *const *words; /* ended by NULL */
};

/**
 * Run valise for a node. Without `output` its command line is shown as typed in
 * that State, and its output comes as it is.
 * @return OK; ERR_CANCELLED after Ctrl-C; ERR_BUG with a problem for another exit code.
 */
MUST_CHECK enum error demo_run(struct demo *demo, const struct demo_call *call);

/* --- demo_story.c: what is shown ----------------------------------------------------------- */

/** Tell the whole story; the nodes run at its end. */
MUST_CHECK enum error demo_story(struct demo *demo);
