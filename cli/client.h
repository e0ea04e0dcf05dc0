/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Asking the node, over its control socket. */

#include "cli.h"
#include "control.h"

/** Close the connection, if there is one. */
void client_free(struct client **client);

/** The path of the control socket that the flags and the environment name; in the arena. */
const char *client_socket_path(struct cli *cli);

/**
 * Ask the node and wait for its answer, at most --time-limit (30 s).
 *
 * @param command   name as in proto/control.c.
 * @param arguments a map in the arena, or NULL for none.
 * @param arena     for question and answer; a caller that asks again and again gives its own.
 * @param result    receives a map that lives in the arena.
 * @return OK; ERR_NODE_UNREACHABLE, ERR_NODE_GONE; what the node answers, with its problems in
 *         cli->problems; ERR_NO_MEMORY; ERR_TOO_LARGE.
 */
MUST_CHECK enum error client_ask(struct cli *cli, struct arena *arena, const char *command,
                                 struct value *arguments, struct value **result);

/** Ask with text arguments: pairs of name and text, ended by NULL; NULL texts are left out. */
MUST_CHECK enum error client_ask_text(struct cli *cli, const char *command, struct value **result,
                                      ...) __attribute__((sentinel));

/**
 * Wait for the next part of an answer that streams.
 * @param limit_ms how long to wait; negative for ever.
 * @param result   receives NULL if nothing came in that time.
 * @return as client_ask.
 */
MUST_CHECK enum error client_next(struct cli *cli, struct arena *arena, int64_t limit_ms,
                                  struct value **result);

/** Ask the node which State it stands for; the answer is in cli->own_state. Errors of client_ask.
 */
MUST_CHECK enum error client_own_state(struct cli *cli);
