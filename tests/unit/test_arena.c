/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "failing.h"

#include <string.h>

static void memory_is_zeroed_and_aligned(void **state)
{
    struct arena *arena = arena_new(100000);

    (void)state;
    for (size_t size = 0; size < 100; size++) {
        uint8_t *place = arena_alloc(arena, size);
        assert_non_null(place);
        assert_int_equal((uintptr_t)place % 16, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(place[i], 0);
            place[i] = 0xff;
        }
    }
    arena_clear(arena);
    uint8_t *again = arena_alloc(arena, 64);
    assert_memory_equal(again, (uint8_t[64]){0}, 64);
    arena_free(&arena);
    assert_null(arena);
}

static void pieces_of_no_size_have_places_of_their_own(void **state)
{
    struct arena *arena = arena_new(1000);

    (void)state;
    void *a = arena_alloc(arena, 0);
    void *b = arena_alloc(arena, 0);
    assert_non_null(a);
    assert_true(a != b);
    arena_free(&arena);
}

static void gives_out_its_limit_and_not_more(void **state)
{
    struct arena *arena = arena_new(1024);

    (void)state;
    assert_non_null(arena_alloc(arena, 1008));
    assert_null(arena_alloc(arena, 17));
    assert_error(ERR_TOO_LARGE, arena_error(arena));
    assert_non_null(arena_alloc(arena, 16));
    assert_null(arena_alloc(arena, 0));
    arena_clear(arena);
    assert_error(OK, arena_error(arena));
    assert_non_null(arena_alloc(arena, 1024));
    arena_free(&arena);
}

static void large_pieces_get_blocks_of_their_own(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);

    (void)state;
    uint8_t *small = arena_alloc(arena, 10);
    uint8_t *large = arena_alloc(arena, 500000);
    uint8_t *after = arena_alloc(arena, 10);
    memset(large, 1, 500000);
    small[9] = 2;
    after[9] = 3;
    assert_int_equal(large[0] + large[499999], 2);
    arena_free(&arena);
}

static void sizes_that_overflow_are_too_large(void **state)
{
    struct arena *arena = arena_new(1000);

    (void)state;
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_error(ERR_TOO_LARGE, arena_error(arena));
    assert_null(arena_alloc_many(arena, SIZE_MAX / 2, 3));
    assert_null(arena_text(arena, view_of("", SIZE_MAX)));
    assert_error(ERR_TOO_LARGE, arena_error(arena));
    arena_free(&arena);
}

static void tells_when_memory_is_out(void **state)
{
    struct view copy = {0};

    (void)state;
    failing_set(1);
    assert_null(arena_new(1000));
    struct arena *arena = arena_new(1000);
    failing_set(1);
    assert_error(ERR_NO_MEMORY, arena_copy(arena, view_of_text("a"), &copy));
    failing_set(0);
    assert_error(ERR_NO_MEMORY, arena_error(arena));
    assert_ok(arena_copy(arena, view_of_text("a"), &copy));
    arena_free(&arena);
}

static void copies_are_copies(void **state)
{
    struct arena *arena = arena_new(1000);
    char original[] = "abc";
    struct view copy = {0};

    (void)state;
    assert_ok(arena_copy(arena, view_of_text(original), &copy));
    const char *text = arena_text(arena, view_of_text(original));
    memset(original, 'x', 3);
    assert_view(copy, "abc");
    assert_string_equal(text, "abc");
    assert_ok(arena_copy(arena, view_of(NULL, 0), &copy));
    assert_int_equal(copy.size, 0);
    assert_string_equal(arena_text(arena, view_of(NULL, 0)), "");
    arena_free(&arena);
}

static void prints_within_the_limit(void **state)
{
    struct arena *arena = arena_new(64);

    (void)state;
    assert_string_equal(arena_printf(arena, "%s-%d", "a", 7), "a-7");
    assert_null(arena_printf(arena, "%200d", 7));
    assert_error(ERR_TOO_LARGE, arena_error(arena));
    arena_free(&arena);
}

static void nothing_is_freed_for_nothing(void **state)
{
    struct arena *none = NULL;

    (void)state;
    arena_free(&none);
    arena_free(NULL);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(pieces_of_no_size_have_places_of_their_own),
        cmocka_unit_test(gives_out_its_limit_and_not_more),
        cmocka_unit_test(large_pieces_get_blocks_of_their_own),
        cmocka_unit_test(sizes_that_overflow_are_too_large),
        cmocka_unit_test(tells_when_memory_is_out),
        cmocka_unit_test(copies_are_copies),
        cmocka_unit_test(prints_within_the_limit),
        cmocka_unit_test(nothing_is_freed_for_nothing),
    };

    return RUN(tests);
}
