/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A small process made before any key is loaded. It alone may start others,
 * so that the node itself can give up the right to: the transport, and the
 * checker of the store. It ends with the node.
 */

#include "error.h"

/** What the launcher can start. */
enum launcher_program { LAUNCH_TRANSPORT = 'T', LAUNCH_CHECKER = 'C' };

/**
 * Fork the launcher.
 * @param directory where valised and valised-transport lie.
 * @param fd        receives our end of the socket to it.
 * @return OK, ERR_FILE.
 */
MUST_CHECK enum error launcher_start(const char *directory, int *fd);

/**
 * Start a program with one end of a new socketpair as its descriptor 3 and
 * nothing else. An earlier one of the same kind is ended first.
 * @param launcher our end of the socket to the launcher.
 * @param fd       receives our end of the pair, non-blocking.
 * @return OK, ERR_FILE.
 */
MUST_CHECK enum error launcher_request(int launcher, enum launcher_program program, int *fd);
