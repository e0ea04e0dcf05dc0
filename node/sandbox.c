/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef VALISE_SANITIZED
/*
 * What the sanitizers are told where no environment comes through: a confined
 * process cannot be traced at its end, and limits of memory are measured.
 */
const char *__asan_default_options(void); /* NOLINT: their name */
const char *__asan_default_options(void)  /* NOLINT */
{
    return "detect_leaks=0:abort_on_error=1:quarantine_size_mb=64";
}
#endif

enum error sandbox_no_dumps(void)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return ERR_SANDBOX;
    }
    return OK;
}

/* --- Landlock ------------------------------------------------------------------------------ */

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t write_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                     LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_SOCK;
/* Everything of the first version; later rights are added where the kernel knows them. */
static const uint64_t all_rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

static int ruleset_new(void)
{
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = all_rights};

    return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
}

static int allow_below(int ruleset, const char *directory, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights};
    struct stat info;
    int result = 0;

    rule.parent_fd = open(directory, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) {
        return errno == ENOENT ? 0 : -1; /* nothing to allow */
    }
    if (fstat(rule.parent_fd, &info) == 0 && !S_ISDIR(info.st_mode)) {
        rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
    }
    result = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    (void)close(rule.parent_fd);
    return result;
}

static enum error enforce(int ruleset)
{
    int result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);

    (void)close(ruleset);
    return result == 0 ? OK : ERR_SANDBOX;
}

/* --- seccomp ------------------------------------------------------------------------------- */

/* What memory, threads, time and signals need; both processes have it. */
static const int common_calls[] = {
    SCMP_SYS(read),         SCMP_SYS(write),         SCMP_SYS(readv),
    SCMP_SYS(writev),       SCMP_SYS(close),         SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),   SCMP_SYS(lseek),         SCMP_SYS(mmap),
    SCMP_SYS(munmap),       SCMP_SYS(mprotect),      SCMP_SYS(mremap),
    SCMP_SYS(madvise),      SCMP_SYS(brk),           SCMP_SYS(mlock),
    SCMP_SYS(munlock),      SCMP_SYS(poll),          SCMP_SYS(ppoll),
    SCMP_SYS(futex),        SCMP_SYS(sched_yield),   SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrandom),    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),    SCMP_SYS(gettimeofday),  SCMP_SYS(time),
    SCMP_SYS(getpid),       SCMP_SYS(gettid),        SCMP_SYS(tgkill),
    SCMP_SYS(geteuid),      SCMP_SYS(getuid),        SCMP_SYS(getgid),
    SCMP_SYS(getegid),      SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),   SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),         SCMP_SYS(exit_group),    SCMP_SYS(fcntl),
    SCMP_SYS(openat),       SCMP_SYS(open),          SCMP_SYS(access),
    SCMP_SYS(faccessat),    SCMP_SYS(faccessat2),    SCMP_SYS(readlink),
    SCMP_SYS(prlimit64),    SCMP_SYS(getrlimit),     SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),     SCMP_SYS(sendmsg),       SCMP_SYS(sendto),
    SCMP_SYS(shutdown),     SCMP_SYS(getsockopt),    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),  SCMP_SYS(getpeername),   SCMP_SYS(accept4),
    SCMP_SYS(accept),       SCMP_SYS(rseq),          SCMP_SYS(set_robust_list),
    SCMP_SYS(membarrier),   SCMP_SYS(uname),         SCMP_SYS(sysinfo),
    SCMP_SYS(getdents64),   SCMP_SYS(ioctl),         SCMP_SYS(dup),
};

/* The store. */
static const int node_calls[] = {
    SCMP_SYS(pread64),  SCMP_SYS(pwrite64),  SCMP_SYS(preadv),    SCMP_SYS(pwritev),
    SCMP_SYS(fsync),    SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(msync),
    SCMP_SYS(flock),    SCMP_SYS(statfs),    SCMP_SYS(fstatfs),   SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(kill),      SCMP_SYS(statx),
};

/* The network, and the I/O threads of ZeroMQ. */
static const int transport_calls[] = {
    SCMP_SYS(socket),         SCMP_SYS(connect),
    SCMP_SYS(bind),           SCMP_SYS(listen),
    SCMP_SYS(epoll_create1),  SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),     SCMP_SYS(epoll_pwait),
    SCMP_SYS(eventfd2),       SCMP_SYS(pipe2),
    SCMP_SYS(clone),          SCMP_SYS(clone3),
    SCMP_SYS(sendmmsg),       SCMP_SYS(recvmmsg),
    SCMP_SYS(epoll_create),   SCMP_SYS(statfs),
    SCMP_SYS(statx),          SCMP_SYS(sched_setscheduler),
    SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
    SCMP_SYS(setpriority),    SCMP_SYS(prctl),
    SCMP_SYS(poll),
};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++) {
        if (calls[i] >= 0) { /* a call that this architecture does not have is negative */
            result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
        }
    }
    return result;
}

/* A refused call fails with EPERM: the library gets an error, not the process a signal. */
static enum error filter_calls(const int *calls, size_t count)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int result = filter == NULL ? -1 : 0;

    if (result == 0) {
        result = allow_all(filter, common_calls, sizeof common_calls / sizeof common_calls[0]);
    }
    if (result == 0) {
        result = allow_all(filter, calls, count);
    }
    if (result == 0) {
        result = seccomp_load(filter);
    }
    if (filter != NULL) {
        seccomp_release(filter);
    }
    return result == 0 ? OK : ERR_SANDBOX;
}

enum error sandbox_node(const char *const *directories)
{
    int ruleset = ruleset_new();
    enum error err = ruleset < 0 ? ERR_SANDBOX : OK;

    for (size_t i = 0; err == OK && directories[i] != NULL; i++) {
        err = allow_below(ruleset, directories[i], write_rights) == 0 ? OK : ERR_SANDBOX;
    }
    if (err == OK) {
        err = enforce(ruleset);
    }
    return err == OK ? filter_calls(node_calls, sizeof node_calls / sizeof node_calls[0]) : err;
}

enum error sandbox_transport(void)
{
    /* Name resolution, and the libraries that the resolver loads late. */
    static const char *const readable[] = {"/etc/resolv.conf",
                                           "/etc/hosts",
                                           "/etc/nsswitch.conf",
                                           "/etc/host.conf",
                                           "/etc/gai.conf",
                                           "/etc/services",
                                           "/etc/ld.so.cache",
                                           "/usr/lib",
                                           "/lib",
                                           "/lib64"};
    int ruleset = ruleset_new();
    enum error err = sandbox_no_dumps();

    if (ruleset < 0 || err != OK) {
        return ERR_SANDBOX;
    }
    for (size_t i = 0; i < sizeof readable / sizeof readable[0] && err == OK; i++) {
        err = allow_below(ruleset, readable[i], read_rights) == 0 ? OK : ERR_SANDBOX;
    }
    if (err == OK) {
        err = enforce(ruleset);
    }
    return err == OK
               ? filter_calls(transport_calls, sizeof transport_calls / sizeof transport_calls[0])
               : err;
}
