/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The UNIX socket for the command line. Who calls is found out from the kernel
 * when the connection comes in (SO_PEERCRED); what they may do is looked up for
 * each command. WIRE.md W-90..W-94.
 */

#include "engine.h"

#include <poll.h>
#include <stddef.h>

enum { CONTROL_CLIENTS_MAX = 64 };

struct control_server;

/**
 * Listen.
 * @param path  of the socket; its directory must be private to the node's account or
 *              belong to root, and an old socket is replaced.
 * @param group UNIX group that may connect, or "".
 * @return OK; ERR_FILE; ERR_FILE_UNSAFE; ERR_NO_MEMORY.
 */
MUST_CHECK enum error control_server_new(const char *path, const char *group,
                                         struct control_server **server);

/** Close all and remove the socket; NULL is allowed. */
void control_server_free(struct control_server **server);

/** Fill in what to poll for; at most 1 + CONTROL_CLIENTS_MAX entries. @return how many. */
size_t control_server_poll(const struct control_server *server, struct pollfd *items);

/** Serve what poll found. */
void control_server_serve(struct control_server *server, struct engine *engine,
                          const struct pollfd *items, size_t count, struct moment now);

/** Send new events to watchers; close callers that take too long over a command. */
void control_server_tick(struct control_server *server, struct engine *engine, struct moment now);
