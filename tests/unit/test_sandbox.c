/* SPDX-License-Identifier: Apache-2.0 */

/* T-19: what a confined process may do, tried by one. */

#include "support.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 256, CONFINE_FAILED = 100 };

/** A directory that is allowed, and a file beside it. */
struct fixture {
    char directory[PATH_BYTES];
    char inside[PATH_BYTES + 16];
    char outside[PATH_BYTES + 16];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    MUST(f != NULL);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/valise-sandbox-XXXXXX");
    MUST(mkdtemp(f->directory) != NULL);
    (void)snprintf(f->outside, sizeof f->outside, "%s.out", f->directory);
    (void)snprintf(f->inside, sizeof f->inside, "%s/file", f->directory);
    int fd = open(f->outside, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);
    MUST(fd >= 0 && close(fd) == 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)unlink(f->inside);
    (void)unlink(f->outside);
    (void)rmdir(f->directory);
    free(f);
    return 0;
}

/* Run in a child: confine it, try something, say the number of its error, 0 for success. */
static int tried(const struct fixture *f, bool transport, int (*try)(const struct fixture *f))
{
    const char *const directories[] = {f->directory, NULL};
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        enum error err = sandbox_no_dumps();
        if (err == OK) {
            err = transport ? sandbox_transport() : sandbox_node(directories);
        }
        if (err != OK) {
            _exit(CONFINE_FAILED);
        }
        errno = 0;
        _exit(try(f) < 0 ? errno : 0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), CONFINE_FAILED);
    return WEXITSTATUS(status);
}

static int write_inside(const struct fixture *f)
{
    return open(f->inside, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
}

static int read_outside(const struct fixture *f)
{
    return open(f->outside, O_RDONLY | O_CLOEXEC);
}

static int write_outside(const struct fixture *f)
{
    return open(f->outside, O_WRONLY | O_CLOEXEC);
}

static int read_passwords(const struct fixture *f)
{
    (void)f;
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int read_memory(const struct fixture *f)
{
    (void)f;
    return open("/proc/1/environ", O_RDONLY | O_CLOEXEC);
}

static int read_hosts(const struct fixture *f)
{
    (void)f;
    return open("/etc/hosts", O_RDONLY | O_CLOEXEC);
}

static int open_network(const struct fixture *f)
{
    (void)f;
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int run_program(const struct fixture *f)
{
    char *const arguments[] = {(char *)(uintptr_t) "true", NULL};

    (void)f;
    return execv("/bin/true", arguments);
}

static int make_process(const struct fixture *f)
{
    (void)f;
    return (int)syscall(SYS_fork);
}

static int trace_parent(const struct fixture *f)
{
    (void)f;
    return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int kill_parent(const struct fixture *f)
{
    (void)f;
    return kill(getppid(), 0);
}

static int make_link(const struct fixture *f)
{
    return symlink("/etc/passwd", f->inside);
}

static int change_mode(const struct fixture *f)
{
    return chmod(f->directory, 0777);
}

static int have_core_file(const struct fixture *f)
{
    struct rlimit now = {1, 1};

    (void)f;
    if (getrlimit(RLIMIT_CORE, &now) != 0 || now.rlim_cur != 0 || now.rlim_max != 0) {
        errno = EDOM;
        return -1;
    }
    return 0;
}

static int mount_something(const struct fixture *f)
{
    return (int)syscall(SYS_mount, "none", f->directory, "tmpfs", 0, NULL);
}

static int load_program(const struct fixture *f)
{
    (void)f;
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static void the_node_reaches_its_directories_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tried(f, false, write_inside), 0);
    assert_int_equal(tried(f, false, read_outside), EACCES);
    assert_int_equal(tried(f, false, write_outside), EACCES);
    assert_int_equal(tried(f, false, read_passwords), EACCES);
    assert_int_equal(tried(f, false, read_memory), EACCES);
    assert_int_equal(tried(f, false, make_link), EPERM);
    assert_int_equal(tried(f, false, change_mode), EPERM);
}

static void the_node_opens_no_network_and_runs_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tried(f, false, open_network), EPERM);
    assert_int_equal(tried(f, false, run_program), EPERM);
    assert_int_equal(tried(f, false, make_process), EPERM);
    assert_int_equal(tried(f, false, trace_parent), EPERM);
    assert_int_equal(tried(f, false, mount_something), EPERM);
    assert_int_equal(tried(f, false, load_program), EPERM);
    assert_int_equal(tried(f, false, have_core_file), 0);
}

static void the_transport_has_the_network_and_writes_no_file(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tried(f, true, open_network), 0);
    assert_int_equal(tried(f, true, read_hosts), 0);
    assert_int_equal(tried(f, true, write_inside), EACCES);
    assert_int_equal(tried(f, true, read_outside), EACCES);
    assert_int_equal(tried(f, true, write_outside), EACCES);
    assert_int_equal(tried(f, true, read_passwords), EACCES);
    assert_int_equal(tried(f, true, read_memory), EACCES);
}

static void the_transport_runs_nothing_and_reaches_no_process(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tried(f, true, run_program), EPERM);
    assert_int_equal(tried(f, true, make_process), EPERM);
    assert_int_equal(tried(f, true, trace_parent), EPERM);
    assert_int_equal(tried(f, true, kill_parent), EPERM);
    assert_int_equal(tried(f, true, mount_something), EPERM);
    assert_int_equal(tried(f, true, have_core_file), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_node_reaches_its_directories_and_nothing_else),
        TEST(the_node_opens_no_network_and_runs_nothing),
        TEST(the_transport_has_the_network_and_writes_no_file),
        TEST(the_transport_runs_nothing_and_reaches_no_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
