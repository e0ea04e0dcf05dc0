/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Waiting until every reader of a published record has confirmed that it holds it. */

#include "cli.h"

/** How the wait ended. */
struct waiting {
    size_t readers;     /* States that were granted something */
    size_t confirmed;   /* of these, how many hold it */
    bool interrupted;   /* by Ctrl-C */
    struct value *done; /* list of maps {state, seconds} in cli->arena, in order of arrival */
};

/**
 * Ask the node again and again, say each State as it confirms ("✓ XNH has it (0.9 s)").
 * Ctrl-C ends the wait, not the program.
 * @param limit_ms how long at most.
 * @return OK, also when time or patience ran out; errors of client_ask.
 */
MUST_CHECK enum error waiting_run(struct cli *cli, const char *reference, int64_t limit_ms,
                                  struct waiting *waiting);
