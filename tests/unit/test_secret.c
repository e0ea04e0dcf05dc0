/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "failing.h"

#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_new_secret_is_zero(void **state)
{
    struct secret *secret = secret_new(KEY_BYTES);

    (void)state;
    assert_int_equal(secret_size(secret), KEY_BYTES);
    assert_true(sodium_is_zero(secret_open(secret), KEY_BYTES) == 1);
    secret_close(secret);
    secret_free(&secret);
    assert_null(secret);
}

static void sizes_have_limits(void **state)
{
    struct secret *secret = NULL;

    (void)state;
    assert_null(secret_new(0));
    secret = secret_new(1);
    assert_non_null(secret);
    secret_free(&secret);
    secret = secret_new(SECRET_MAX_BYTES - 1);
    assert_non_null(secret);
    secret_free(&secret);
    secret = secret_new(SECRET_MAX_BYTES);
    assert_non_null(secret);
    secret_free(&secret);
    assert_null(secret_new(SECRET_MAX_BYTES + 1));
    assert_null(secret_random(SECRET_MAX_BYTES + 1));
}

static void random_secrets_differ(void **state)
{
    struct secret *a = secret_random(KEY_BYTES);
    struct secret *b = secret_random(KEY_BYTES);

    (void)state;
    assert_false(secret_equal(a, b));
    assert_true(secret_equal(a, a));
    secret_free(&a);
    secret_free(&b);
}

static void taking_wipes_the_old_place(void **state)
{
    uint8_t bytes[4] = "abc";
    struct secret *secret = secret_take(bytes, sizeof bytes);

    (void)state;
    assert_memory_equal(bytes, "\0\0\0\0", 4);
    assert_memory_equal(secret_open(secret), "abc", 4);
    secret_close(secret);
    secret_free(&secret);
}

static void taking_wipes_also_without_memory(void **state)
{
    (void)state;
    for (long n = 1; n <= 2; n++) {
        uint8_t bytes[4] = "abc";
        failing_set(n);
        assert_null(secret_take(bytes, sizeof bytes));
        failing_set(0);
        assert_memory_equal(bytes, "\0\0\0\0", 4);
    }
}

static void equal_secrets_are_equal_and_sizes_count(void **state)
{
    uint8_t one[3] = "ab";
    uint8_t two[3] = "ab";
    uint8_t three[2] = "a";
    struct secret *a = secret_take(one, 3);
    struct secret *b = secret_take(two, 3);
    struct secret *c = secret_take(three, 2);

    (void)state;
    assert_true(secret_equal(a, b));
    assert_false(secret_equal(a, c));
    secret_free(&a);
    secret_free(&b);
    secret_free(&c);
}

static void opening_nests(void **state)
{
    struct secret *secret = secret_new(4);

    (void)state;
    memcpy(secret_open_for_writing(secret), "abcd", 4);
    secret_close(secret);
    const uint8_t *outer = secret_open(secret);
    const uint8_t *inner = secret_open(secret);
    secret_close(secret);
    assert_ptr_equal(outer, inner);
    assert_int_equal(outer[3], 'd'); /* still open */
    secret_close(secret);
    secret_free(&secret);
}

/* How a child ends that runs a forbidden access. */
static bool dies(void (*act)(struct secret *), struct secret *secret)
{
    int status = 0;

    (void)fflush(stdout);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        /* cmocka would take the signal for a failed test and go on. */
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        (void)close(2);
        act(secret);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void read_closed(struct secret *secret)
{
    const volatile uint8_t *bytes = secret_open(secret);

    secret_close(secret);
    (void)bytes[0];
}

static void write_read_only(struct secret *secret)
{
    volatile uint8_t *bytes = (volatile uint8_t *)(uintptr_t)secret_open(secret);

    bytes[0] = 1;
}

static void read_beyond(struct secret *secret)
{
    const volatile uint8_t *bytes = secret_open(secret);

    (void)bytes[secret_size(secret)];
}

static void read_open(struct secret *secret)
{
    const volatile uint8_t *bytes = secret_open(secret);

    (void)bytes[0];
}

/* Open for writing, and once more within: it stays writable until the last closing. */
static void write_after_inner_closing(struct secret *secret)
{
    volatile uint8_t *bytes = secret_open_for_writing(secret);

    (void)secret_open(secret);
    secret_close(secret);
    (void)secret_open_for_writing(secret);
    secret_close(secret);
    bytes[0] = 1;
}

static void write_after_last_closing(struct secret *secret)
{
    volatile uint8_t *bytes = secret_open_for_writing(secret);

    (void)secret_open_for_writing(secret);
    secret_close(secret);
    secret_close(secret);
    bytes[0] = 1;
}

static void write_read_only_later(struct secret *secret)
{
    (void)secret_open_for_writing(secret);
    secret_close(secret);
    write_read_only(secret);
}

static void write_within_reading(struct secret *secret)
{
    (void)secret_open(secret);
    (void)secret_open_for_writing(secret);
}

static void writing_nests(void **state)
{
    struct secret *secret = secret_random(KEY_BYTES);

    (void)state;
    assert_false(dies(write_after_inner_closing, secret));
    assert_true(dies(write_after_last_closing, secret));
    assert_true(dies(write_read_only_later, secret));
    assert_true(dies(write_within_reading, secret));
    secret_free(&secret);
}

static void memory_is_fenced_and_closed(void **state)
{
    struct secret *secret = secret_random(KEY_BYTES);

    (void)state;
    assert_false(dies(read_open, secret));
    assert_true(dies(read_closed, secret));
    assert_true(dies(write_read_only, secret));
    assert_true(dies(read_beyond, secret));
    secret_free(&secret);
}

/* A secret of a pool, holding four given letters. */
static struct secret *pooled(struct secret_pool *pool, const char *letters)
{
    uint8_t bytes[4];

    memcpy(bytes, letters, sizeof bytes);
    struct secret *secret = secret_take(bytes, sizeof bytes);
    MUST(secret != NULL);
    MUST(secret_pool_take(pool, secret));
    return secret;
}

static void secrets_of_a_pool_keep_apart(void **state)
{
    struct secret_pool *pool = secret_pool_new(4, 3);
    struct secret *a = pooled(pool, "aaaa");
    struct secret *b = pooled(pool, "bbbb");

    (void)state;
    memcpy(secret_open_for_writing(a), "AAAA", 4);
    secret_close(a);
    assert_memory_equal(secret_open(b), "bbbb", 4);
    secret_close(b);
    const uint8_t *place = secret_open(a);
    assert_memory_equal(place, "AAAA", 4);
    secret_close(a);
    secret_free(&a);
    a = secret_new(4);
    assert_true(secret_pool_take(pool, a)); /* the place that became free, and wiped */
    assert_ptr_equal(secret_open(a), place);
    assert_true(sodium_is_zero(place, 4) == 1);
    secret_close(a);
    secret_free(&a);
    secret_free(&b);
    secret_pool_free(&pool);
    assert_null(pool);
}

static void a_freed_secret_leaves_nothing_in_its_pool(void **state)
{
    struct secret_pool *pool = secret_pool_new(4, 2);
    struct secret *a = pooled(pool, "aaaa");
    struct secret *b = pooled(pool, "bbbb");

    (void)state;
    const uint8_t *place = secret_open(a);
    secret_close(a);
    secret_free(&a);
    secret_pool_hold(pool);
    assert_true(sodium_is_zero(place, 4) == 1);
    secret_pool_release(pool);
    secret_free(&b);
    secret_pool_free(&pool);
}

static void a_pool_takes_so_many_of_its_size(void **state)
{
    struct secret_pool *pool = secret_pool_new(4, 2);
    struct secret *a = pooled(pool, "aaaa");
    struct secret *other = secret_new(5);
    struct secret *third = secret_new(4);

    (void)state;
    assert_false(secret_pool_take(pool, other));
    assert_false(secret_pool_take(pool, a)); /* it lies there already */
    struct secret *b = pooled(pool, "bbbb");
    assert_false(secret_pool_take(pool, third));
    assert_true(sodium_is_zero(secret_open(third), 4) == 1); /* as it was */
    secret_close(third);
    secret_free(&third);
    secret_free(&other);
    secret_free(&b);
    secret_free(&a);
    secret_pool_free(&pool);
    assert_null(secret_pool_new(0, 1));
    assert_null(secret_pool_new(1, 0));
    assert_null(secret_pool_new(2, SECRET_MAX_BYTES / 2 + 1));
    assert_null(secret_pool_new(SIZE_MAX, 2));
    pool = secret_pool_new(2, SECRET_MAX_BYTES / 2);
    assert_non_null(pool);
    secret_pool_free(&pool);
}

static struct secret_pool *held; /* by the child that dies; a test cannot pass it otherwise */

static void read_while_held(struct secret *secret)
{
    const volatile uint8_t *bytes = secret_open(secret);

    secret_pool_hold(held);
    secret_close(secret);
    (void)bytes[0];
}

static void read_after_release(struct secret *secret)
{
    const volatile uint8_t *bytes = secret_open(secret);

    secret_pool_hold(held);
    secret_close(secret);
    secret_pool_release(held);
    (void)bytes[0];
}

static void a_pool_is_closed_unless_it_is_held(void **state)
{
    held = secret_pool_new(4, 2);
    struct secret *a = pooled(held, "aaaa");

    (void)state;
    assert_false(dies(read_open, a));
    assert_true(dies(read_closed, a));
    assert_true(dies(write_read_only, a));
    assert_false(dies(read_while_held, a));
    assert_true(dies(read_after_release, a));
    secret_free(&a);
    secret_pool_free(&held);
}

static void memory_out_is_told(void **state)
{
    (void)state;
    for (long n = 1; n <= 2; n++) {
        failing_set(n);
        assert_null(secret_random(KEY_BYTES));
        assert_true(failing_happened());
    }
    for (long n = 1; n <= 4; n++) {
        failing_set(n);
        assert_null(secret_pool_new(KEY_BYTES, 3));
        assert_true(failing_happened());
    }
    failing_set(0);
    secret_free(NULL);
    secret_pool_free(NULL);
}

static void starting_twice_is_fine(void **state)
{
    (void)state;
    assert_ok(secret_start());
    assert_ok(secret_start());
}

static void locking_is_tried_and_not_believed(void **state)
{
    (void)state;
    enum error err = secret_check_locking();
    assert_true(err == OK || err == ERR_MEMORY_NOT_LOCKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_secret_is_zero),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(random_secrets_differ),
        cmocka_unit_test(taking_wipes_the_old_place),
        cmocka_unit_test(taking_wipes_also_without_memory),
        cmocka_unit_test(equal_secrets_are_equal_and_sizes_count),
        cmocka_unit_test(opening_nests),
        cmocka_unit_test(writing_nests),
        cmocka_unit_test(memory_is_fenced_and_closed),
        cmocka_unit_test(secrets_of_a_pool_keep_apart),
        cmocka_unit_test(a_freed_secret_leaves_nothing_in_its_pool),
        cmocka_unit_test(a_pool_takes_so_many_of_its_size),
        cmocka_unit_test(a_pool_is_closed_unless_it_is_held),
        cmocka_unit_test(memory_out_is_told),
        cmocka_unit_test(starting_twice_is_fine),
        cmocka_unit_test(locking_is_tried_and_not_believed),
    };

    return RUN(tests);
}
