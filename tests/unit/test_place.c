/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A private directory, and a path within it. */
struct fixture {
    char path[64];
    char inner[80];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    directory_new(f->path);
    (void)snprintf(f->inner, sizeof f->inner, "%s/x", f->path);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)rmdir(f->inner);
    directory_remove(f->path);
    free(f);
    return 0;
}

static void touch(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    MUST(fd >= 0 && fchmod(fd, mode) == 0 && close(fd) == 0);
}

/* S12 */
static void S12_a_directory_that_others_may_enter_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_ok(place_check(f->path, true));
    for (mode_t bit = 1; bit <= 040; bit <<= 1) {
        MUST(chmod(f->path, 0700 | bit) == 0);
        assert_error(ERR_FILE_UNSAFE, place_check(f->path, true));
    }
    MUST(chmod(f->path, 0700) == 0);
    assert_ok(place_check(f->path, true));
}

/* S12 */
static void S12_a_link_or_a_file_is_no_place_for_a_store(void **state)
{
    struct fixture *f = *state;

    MUST(symlink(f->path, f->inner) == 0);
    assert_error(ERR_FILE_UNSAFE, place_check(f->inner, true));
    MUST(unlink(f->inner) == 0);
    touch(f->inner, 0600);
    assert_error(ERR_FILE_UNSAFE, place_check(f->inner, true));
}

static void a_directory_that_is_not_there_is_a_file_error(void **state)
{
    struct fixture *f = *state;

    assert_error(ERR_FILE, place_check(f->inner, true));
    assert_error(ERR_FILE, place_check("", true));
}

static void a_directory_of_somebody_else_is_refused(void **state)
{
    struct fixture *f = *state;

    if (geteuid() != 0) {
        skip();
    }
    MUST(chown(f->path, 12345, (gid_t)-1) == 0);
    assert_error(ERR_FILE_UNSAFE, place_check(f->path, true));
    MUST(chown(f->path, geteuid(), (gid_t)-1) == 0);
}

/* S10 */
static void S10_a_file_system_in_memory_is_for_tests_only(void **state)
{
    char path[] = "/dev/shm/valise-place-XXXXXX";

    (void)state;
    if (mkdtemp(path) == NULL) {
        skip();
    }
    assert_error(ERR_STORE_PLACE, place_check(path, false));
    assert_ok(place_check(path, true));
    MUST(rmdir(path) == 0);
}

static void a_file_is_made_private(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    int fd = -1;

    assert_ok(place_file(f->path, "x", &fd));
    MUST(fstat(fd, &info) == 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    MUST(close(fd) == 0);
    assert_ok(place_file(f->path, "x", &fd));
    MUST(close(fd) == 0);
}

/* S12 */
static void S12_a_file_that_is_open_to_others_or_no_file_is_refused(void **state)
{
    struct fixture *f = *state;
    int fd = -7;

    touch(f->inner, 0640);
    assert_error(ERR_FILE_UNSAFE, place_file(f->path, "x", &fd));
    touch(f->inner, 0602);
    assert_error(ERR_FILE_UNSAFE, place_file(f->path, "x", &fd));
    MUST(unlink(f->inner) == 0);
    MUST(symlink("/etc/passwd", f->inner) == 0);
    assert_error(ERR_FILE_UNSAFE, place_file(f->path, "x", &fd));
    MUST(unlink(f->inner) == 0);
    MUST(mkfifo(f->inner, 0600) == 0);
    assert_error(ERR_FILE_UNSAFE, place_file(f->path, "x", &fd));
    MUST(unlink(f->inner) == 0);
    MUST(mkdir(f->inner, 0700) == 0);
    assert_error(ERR_FILE, place_file(f->path, "x", &fd));
    assert_int_equal(fd, -7);
}

static void a_path_that_is_too_long_is_a_file_error(void **state)
{
    char path[5000];
    int fd = -1;

    (void)state;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_error(ERR_FILE, place_file(path, "x", &fd));
}

/* S09 */
static void S09_a_place_is_locked_once(void **state)
{
    struct fixture *f = *state;
    int first = -1;
    int second = -1;

    assert_ok(place_lock(f->path, &first));
    assert_error(ERR_STORE_LOCKED, place_lock(f->path, &second));
    assert_int_equal(second, -1);
    MUST(close(first) == 0);
    assert_ok(place_lock(f->path, &second));
    MUST(close(second) == 0);
}

static void the_mark_tells_whether_it_was_closed(void **state)
{
    struct fixture *f = *state;
    int fd = -1;

    assert_ok(place_lock(f->path, &fd));
    assert_true(place_was_closed(fd)); /* new */
    place_mark(fd, false);
    assert_false(place_was_closed(fd));
    place_mark(fd, true);
    assert_true(place_was_closed(fd));
    MUST(close(fd) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(S12_a_directory_that_others_may_enter_is_refused),
        TEST(S12_a_link_or_a_file_is_no_place_for_a_store),
        TEST(a_directory_that_is_not_there_is_a_file_error),
        TEST(a_directory_of_somebody_else_is_refused),
        TEST(S10_a_file_system_in_memory_is_for_tests_only),
        TEST(a_file_is_made_private),
        TEST(S12_a_file_that_is_open_to_others_or_no_file_is_refused),
        TEST(a_path_that_is_too_long_is_a_file_error),
        TEST(S09_a_place_is_locked_once),
        TEST(the_mark_tells_whether_it_was_closed),
    };

    return RUN(tests);
}
