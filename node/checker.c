/* SPDX-License-Identifier: Apache-2.0 */
#include "checker.h"

#include "sandbox.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATH_BYTES = 512, NICE = 10 };

/* Both ends are the same build, so the structures go over as they are. */
struct wire_task {
    uint8_t master[KEY_BYTES];
    struct id node;
    uint64_t max_bytes;
    bool allow_tmpfs;
    char path[PATH_BYTES];
};

struct checker {
    int fd;
    size_t got;
    struct store_report report;
};

enum error checker_begin(int fd, const struct checker_task *task, struct checker **checker)
{
    struct checker *made = calloc(1, sizeof *made);
    struct wire_task wire = {
        .node = task->node, .max_bytes = task->max_bytes, .allow_tmpfs = task->allow_tmpfs};
    enum error err = OK;

    *checker = NULL;
    TRY(made == NULL ? ERR_NO_MEMORY : OK);
    (void)snprintf(wire.path, sizeof wire.path, "%s", task->path);
    memcpy(wire.master, secret_open(task->master), KEY_BYTES);
    secret_close(task->master);
    TRY(send(fd, &wire, sizeof wire, MSG_NOSIGNAL) == (ssize_t)sizeof wire ? OK : ERR_FILE);
    made->fd = fd;
    *checker = made;
    made = NULL;
out:
    sodium_memzero(&wire, sizeof wire);
    if (err != OK) {
        (void)close(fd);
    }
    free(made);
    return err;
}

void checker_free(struct checker **checker)
{
    if (checker != NULL && *checker != NULL) {
        (void)close((*checker)->fd);
        free(*checker);
        *checker = NULL;
    }
}

struct pollfd checker_poll(const struct checker *checker)
{
    return (struct pollfd){.fd = checker->fd, .events = POLLIN};
}

enum error checker_serve(struct checker *checker, const struct store_report **report)
{
    uint8_t *to = (uint8_t *)&checker->report + checker->got;
    ssize_t got = read(checker->fd, to, sizeof checker->report - checker->got);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return ERR_LANE_WAITS;
    }
    if (got <= 0) {
        return ERR_STORE_CORRUPT;
    }
    checker->got += (size_t)got;
    if (checker->got < sizeof checker->report) {
        return ERR_LANE_WAITS;
    }
    *report = &checker->report;
    return OK;
}

static bool read_all(int fd, void *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(fd, (uint8_t *)to + done, size - done);
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

int checker_main(int fd)
{
    struct wire_task task;
    struct store_report *report = calloc(1, sizeof *report);
    struct store *store = NULL;
    struct store_options options = {.read_only = true, .accept_older = true};
    const char *const directories[] = {task.path, NULL};
    enum error err = OK;

    TRY(report == NULL ? ERR_NO_MEMORY : OK);
    TRY(secret_start());
    TRY(read_all(fd, &task, sizeof task) ? OK : ERR_FILE);
    task.path[sizeof task.path - 1] = '\0';
    options.path = task.path;
    options.master = secret_take(task.master, KEY_BYTES);
    TRY(options.master == NULL ? ERR_NO_MEMORY : OK);
    options.node = task.node;
    options.max_bytes = task.max_bytes;
    options.allow_tmpfs = task.allow_tmpfs;
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    TRY(sandbox_no_dumps());
    TRY(store_open(&options, &store));
    TRY(sandbox_node(directories));
    TRY(store_check(store, report));
    TRY(write(fd, report, sizeof *report) == (ssize_t)sizeof *report ? OK : ERR_OUTPUT);
out:
    store_close(&store);
    secret_free(&options.master);
    free(report);
    return err == OK ? 0 : 1;
}
