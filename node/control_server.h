/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The UNIX socket for the command line. Who calls is found out from the kernel
 * when the connection comes in (SO_PEERCRED); what they may do is looked up for
 * each command. WIRE.md W-90..W-94.
 */

#include "engine.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_CLIENTS_MAX = 64 };

struct control_server;

/**
 * Listen.
 * @param path  of the socket; its directory must be private to the node's account or
 *              belong to root, and an old socket is replaced.
 * @param group UNIX group that may connect, or "".
 * @param launcher tells who callers are; borrowed.
 * @return OK; ERR_FILE; ERR_FILE_UNSAFE; ERR_NO_MEMORY.
 */
MUST_CHECK enum error control_server_new(const char *path, const char *group, int launcher,
                                         struct control_server **server);

/** Close all and remove the socket; NULL is allowed. */
void control_server_free(struct control_server **server);

/** Fill in what to poll for; at most 1 + CONTROL_CLIENTS_MAX entries. @return how many. */
size_t control_server_poll(const struct control_server *server, struct pollfd *items);

/** Whether a command is here already: the next turn should not wait. */
bool control_server_waits(const struct control_server *server);

/** Serve what poll found, one command of each caller. */
void control_server_serve(struct control_server *server, struct engine *engine,
                          const struct pollfd *items, size_t count, struct moment now);

/** Send new events to watchers; close callers that take too long over a command. */
void control_server_tick(struct control_server *server, struct engine *engine, struct moment now);
