/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A full check of the store in a process of its own: it takes its time, and
 * when a damaged file makes it crash, the node lives and can say so.
 */

#include "secret.h"
#include "store.h"

#include <poll.h>

/** What the checker process must know. */
struct checker_task {
    const char *path;
    struct secret *master;
    struct id node;
    uint64_t max_bytes;
    bool allow_tmpfs;
};

struct checker;

/** Give the task to a checker process over `fd`, which is taken over. */
MUST_CHECK enum error checker_begin(int fd, const struct checker_task *task,
                                    struct checker **checker);
void checker_free(struct checker **checker);

/** What to poll for. */
struct pollfd checker_poll(const struct checker *checker);

/**
 * Read what came.
 * @param report receives the result, borrowed from the checker.
 * @return OK when it is complete; ERR_LANE_WAITS when not yet; ERR_STORE_CORRUPT when the
 *         process ended without a result.
 */
MUST_CHECK enum error checker_serve(struct checker *checker, const struct store_report **report);

/** The checker process itself: read the task from `fd`, check, write the result. @return exit code.
 */
int checker_main(int fd);
