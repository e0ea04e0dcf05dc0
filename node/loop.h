/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one loop of the node process: control socket, transport, checker,
 * signals, timers. The only place where a clock is asked.
 */

#include "config.h"
#include "control_server.h"
#include "engine.h"

struct loop;

/** What the loop needs. All borrowed while it runs. */
struct loop_options {
    const struct config *config;
    struct node_keys *keys;
    struct store *store;
    struct control_server *control;
    int launcher;      /* socket to the launcher */
    bool accept_clock; /* the operator says that this machine's clock is right */
    enum error (*point)(void *context, const char *name); /* tests end the process here */
};

/** The clocks. */
struct moment loop_now(void);

/** Make the loop with its engine. OK, ERR_NO_MEMORY, errors of engine_new. */
MUST_CHECK enum error loop_new(const struct loop_options *options, struct loop **loop);
void loop_free(struct loop **loop);

/** Start the transport for the first time; must be done before the process is confined. */
MUST_CHECK enum error loop_start_transport(struct loop *loop);

/**
 * Run until a signal says to stop (SIGTERM, SIGINT) or the store breaks.
 * @return OK; ERR_STORE_IO or ERR_STORE_CORRUPT when it is not safe to go on; ERR_LINK when
 *         the transport cannot work at all (address in use, strangers let in).
 */
MUST_CHECK enum error loop_run(struct loop *loop);
