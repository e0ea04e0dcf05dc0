/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_FD = 3, PATH_BYTES = 4096, CHILDREN_MAX = 2 };

/** One kind of program. */
struct program {
    enum launcher_program kind;
    const char *name;
    const char *argument; /* or NULL */
    pid_t running;
};

/* --- in the launcher ----------------------------------------------------------------------- */

/* The child's side of fork: descriptor 3 is the pair, 0 and 1 are nothing, 2 is the log. */
static void become(const struct program *program, const char *directory, int pair)
{
    char path[PATH_BYTES];
    char *const arguments[] = {(char *)(uintptr_t)program->name,
                               (char *)(uintptr_t)program->argument, NULL};
    char *const environment[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", NULL};
    int null = open("/dev/null", O_RDWR);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (snprintf(path, sizeof path, "%s/%s", directory, program->name) >= (int)sizeof path ||
        dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(pair, CHILD_FD) < 0 ||
        close_range(CHILD_FD + 1, ~0U, 0) != 0) {
        _exit(127);
    }
    (void)execve(path, arguments, environment);
    _exit(127);
}

static void end(struct program *program)
{
    if (program->running > 0) {
        (void)kill(program->running, SIGKILL);
        (void)waitpid(program->running, NULL, 0);
        program->running = 0;
    }
}

/* Send a descriptor, or a byte that says there is none. */
static void reply(int node, int fd)
{
    char good = fd >= 0 ? 1 : 0;
    struct iovec bytes = {&good, 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    (void)sendmsg(node, &message, MSG_NOSIGNAL);
}

static void start(struct program *program, const char *directory, int node)
{
    int pair[2] = {-1, -1};

    end(program);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        reply(node, -1);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        become(program, directory, pair[1]);
    }
    program->running = child;
    (void)close(pair[1]);
    reply(node, child > 0 ? pair[0] : -1);
    (void)close(pair[0]);
}

static void serve(const char *directory, int node)
{
    struct program programs[CHILDREN_MAX] = {
        {LAUNCH_TRANSPORT, "valised-transport", NULL, 0},
        {LAUNCH_CHECKER, "valised", "--check-store-fd=3", 0},
    };
    char kind = 0;

    /* Signals for the node's group are the node's to handle; we end when it does. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    while (recv(node, &kind, 1, 0) == 1) {
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            if ((char)programs[i].kind == kind) {
                start(&programs[i], directory, node);
            }
        }
    }
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        end(&programs[i]);
    }
    _exit(0);
}

/* --- in the node --------------------------------------------------------------------------- */

enum error launcher_start(const char *directory, int *fd)
{
    int pair[2] = {-1, -1};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return ERR_FILE;
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(pair[0]);
        serve(directory, pair[1]);
    }
    (void)close(pair[1]);
    if (child < 0) {
        (void)close(pair[0]);
        return ERR_FILE;
    }
    *fd = pair[0];
    return OK;
}

enum error launcher_request(int launcher, enum launcher_program program, int *fd)
{
    char kind = (char)program;
    char good = 0;
    struct iovec bytes = {&good, 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};

    if (send(launcher, &kind, 1, MSG_NOSIGNAL) != 1 ||
        recvmsg(launcher, &message, MSG_CMSG_CLOEXEC) != 1 || good != 1) {
        return ERR_FILE;
    }
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head == NULL || head->cmsg_type != SCM_RIGHTS) {
        return ERR_FILE;
    }
    memcpy(fd, CMSG_DATA(head), sizeof *fd);
    return fcntl(*fd, F_SETFL, O_NONBLOCK) == 0 ? OK : ERR_FILE;
}
