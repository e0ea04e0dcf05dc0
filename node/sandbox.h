/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Confinement of the processes: seccomp for system calls, Landlock for files.
 * The node opens no network socket and starts nothing; the transport opens no
 * file that could hold a key or the store.
 */

#include "error.h"

/** No core dumps, no tracing by others, no new privileges. */
MUST_CHECK enum error sandbox_no_dumps(void);

/**
 * Confine the node process for the rest of its life.
 * @param directories NULL-ended list of directories it may read and write.
 * @return OK, ERR_SANDBOX.
 */
MUST_CHECK enum error sandbox_node(const char *const *directories);

/** Confine the transport process. ERR_SANDBOX. */
MUST_CHECK enum error sandbox_transport(void);
