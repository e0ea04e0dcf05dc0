/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher.h"

#include "bytes.h"
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
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

/* What the node asks: a program, or who a caller is. Both ends are the same build. */
struct question {
    uint32_t number;
    char kind; /* enum launcher_program, or ASK_CALLER */
    uint32_t uid;
    uint32_t gid;
};

struct caller_answer {
    uint32_t number; /* of the question */
    struct launcher_caller caller;
};

enum { ASK_CALLER = 'U' };

/* Look a caller up where files may be read and services asked; the node itself may do neither. */
static void tell_caller(int node, const struct question *question)
{
    struct caller_answer answer = {.number = question->number};
    struct launcher_caller *caller = &answer.caller;
    const struct passwd *row = getpwuid(question->uid);
    gid_t ids[LAUNCHER_GROUPS_MAX] = {question->gid};
    int count = 1;

    if (row == NULL) {
        (void)snprintf(caller->user, sizeof caller->user, "uid:%u", (unsigned)question->uid);
    } else {
        (void)snprintf(caller->user, sizeof caller->user, "%s", row->pw_name);
        count = LAUNCHER_GROUPS_MAX;
        if (getgrouplist(caller->user, question->gid, ids, &count) < 0) {
            count = LAUNCHER_GROUPS_MAX; /* more than we look at: the first ones count */
        }
    }
    for (int i = 0; i < count; i++) {
        const struct group *group = getgrgid(ids[i]);
        if (group != NULL && strlen(group->gr_name) < LAUNCHER_NAME_BYTES) {
            (void)snprintf(caller->groups[caller->group_count++], LAUNCHER_NAME_BYTES, "%s",
                           group->gr_name);
        }
    }
    (void)send(node, &answer, sizeof answer, MSG_NOSIGNAL);
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
    struct question question;

    /* Signals for the node's group are the node's to handle; we end when it does. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    while (recv(node, &question, sizeof question, 0) == (ssize_t)sizeof question) {
        if (question.kind == ASK_CALLER) {
            tell_caller(node, &question);
        }
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            if ((char)programs[i].kind == question.kind) {
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

/* What came after we stopped waiting for it. */
static void drop_late_answers(int launcher)
{
    struct caller_answer late;

    while (recv(launcher, &late, sizeof late, MSG_DONTWAIT) > 0) {
    }
}

static uint32_t random_number(void)
{
    uint8_t bytes[4];

    random_fill(bytes, sizeof bytes);
    return get_u32(bytes);
}

enum error launcher_identify(int launcher, uint32_t uid, uint32_t gid,
                             struct launcher_caller *caller)
{
    static const int patience_ms = 2000;
    const struct question question = {
        .kind = ASK_CALLER, .number = random_number(), .uid = uid, .gid = gid};
    struct caller_answer answer = {0};
    struct pollfd item = {.fd = launcher, .events = POLLIN};

    drop_late_answers(launcher);
    if (send(launcher, &question, sizeof question, MSG_NOSIGNAL) != (ssize_t)sizeof question) {
        return ERR_FILE;
    }
    /* A directory service may hang; the node must not. */
    do {
        if (poll(&item, 1, patience_ms) != 1 ||
            recv(launcher, &answer, sizeof answer, 0) != (ssize_t)sizeof answer) {
            return ERR_FILE;
        }
    } while (answer.number != question.number);
    *caller = answer.caller;
    return OK;
}

enum error launcher_request(int launcher, enum launcher_program program, int *fd)
{
    const struct question question = {.kind = (char)program};
    char good = 0;
    struct iovec bytes = {&good, 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};

    drop_late_answers(launcher);
    if (send(launcher, &question, sizeof question, MSG_NOSIGNAL) != (ssize_t)sizeof question ||
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
