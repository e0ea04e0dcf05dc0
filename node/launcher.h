/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A small process made before any key is loaded. It alone may start others,
 * so that the node itself can give up the right to: the transport, and the
 * checker of the store. It ends with the node.
 */

#include "error.h"

#include <stdint.h>

/** What the launcher can start. */
enum launcher_program { LAUNCH_TRANSPORT = 'T', LAUNCH_CHECKER = 'C' };

enum { LAUNCHER_GROUPS_MAX = 64, LAUNCHER_NAME_BYTES = 64 };

/** An account, as the system's user database has it at the moment. */
struct launcher_caller {
    char user[LAUNCHER_NAME_BYTES]; /* "uid:N" if it has no name */
    uint32_t group_count;
    char groups[LAUNCHER_GROUPS_MAX][LAUNCHER_NAME_BYTES];
};

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

/**
 * Find out who a caller of the control socket is. The node may not look itself:
 * it is confined to its store, and the files of the user database are replaced
 * when they change.
 * @return OK; ERR_FILE if there was no answer within two seconds.
 */
MUST_CHECK enum error launcher_identify(int launcher, uint32_t uid, uint32_t gid,
                                        struct launcher_caller *caller);
