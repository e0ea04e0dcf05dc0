/* SPDX-License-Identifier: Apache-2.0 */
#include "checker.h"

#include "sandbox.h"

#include <errno.h>
#include <signal.h>
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

/* What the child says: how it went, and then what it found. */
struct wire_result {
    int32_t error; /* enum error */
    struct store_report report;
};

struct checker {
    int fd;
    size_t got;
    struct wire_result result;
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
    uint8_t *to = (uint8_t *)&checker->result + checker->got;
    ssize_t got = read(checker->fd, to, sizeof checker->result - checker->got);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return ERR_LANE_WAITS;
    }
    if (got <= 0) {
        /* It ended early: by what the store did to it if it could still say so, else by others. */
        return checker->got >= sizeof checker->result.error ? (enum error)checker->result.error
                                                            : ERR_NO_MEMORY;
    }
    checker->got += (size_t)got;
    if (checker->got < sizeof checker->result) {
        return ERR_LANE_WAITS;
    }
    *report = &checker->result.report;
    return (enum error)checker->result.error;
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

static bool write_all(int fd, const void *from, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t put = write(fd, (const uint8_t *)from + done, size - done);
        if (put <= 0) {
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

enum { RESULT_FD = 3 };

/* LMDB follows damaged pages to addresses that are not there. DB8 */
static void on_fault(int number)
{
    static const int32_t error = ERR_STORE_CORRUPT;
    ssize_t ignored = write(RESULT_FD, &error, sizeof error);

    (void)number;
    (void)ignored;
    _exit(1);
}

static enum error read_task(int fd, struct wire_task *task, struct store_options *options)
{
    enum error err = OK;

    TRY(read_all(fd, task, sizeof *task) ? OK : ERR_FILE);
    task->path[sizeof task->path - 1] = '\0';
    *options = (struct store_options){.path = task->path,
                                      .node = task->node,
                                      .max_bytes = task->max_bytes,
                                      .allow_tmpfs = task->allow_tmpfs,
                                      .read_only = true,
                                      .accept_older = true};
    options->master = secret_take(task->master, KEY_BYTES);
    TRY(options->master == NULL ? ERR_NO_MEMORY : OK);
out:
    return err;
}

int checker_main(int fd)
{
    struct wire_task task;
    struct wire_result *result = calloc(1, sizeof *result);
    struct store *store = NULL;
    struct store_options options = {0};
    const char *const directories[] = {task.path, NULL};
    const struct sigaction fault = {.sa_handler = on_fault};
    enum error err = OK;

    TRY(result == NULL ? ERR_NO_MEMORY : OK);
    TRY(secret_start());
    TRY(sandbox_no_dumps());
    TRY(read_task(fd, &task, &options));
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    TRY(sandbox_node(directories));
    TRY(sigaction(SIGSEGV, &fault, NULL) == 0 && sigaction(SIGBUS, &fault, NULL) == 0 ? OK
                                                                                      : ERR_BUG);
    TRY(store_open(&options, &store));
    TRY(store_check(store, &result->report));
out:
    if (result != NULL) {
        result->error = (int32_t)err;
        (void)write_all(fd, result, err == OK ? sizeof *result : sizeof result->error);
    }
    store_close(&store);
    secret_free(&options.master);
    free(result);
    return err == OK ? 0 : 1;
}
