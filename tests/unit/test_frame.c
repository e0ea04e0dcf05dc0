/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "frame.h"

#include "failing.h"

#include <string.h>

/* W-60 */
static void a_frame_is_its_length_and_its_bytes(void **state)
{
    struct buffer to = buffer_init(100);

    (void)state;
    assert_ok(frame_append(&to, view_of_text("abc"), 10));
    assert_views_equal(view_of_buffer(&to), BYTES("\0\0\0\3abc"));
    buffer_free(&to);
}

static void frames_come_out_as_they_went_in(void **state)
{
    struct buffer to = buffer_init(100);
    struct view frame = {0};
    size_t used = 0;

    (void)state;
    assert_ok(frame_append(&to, view_of_text("abc"), 10));
    assert_ok(frame_append(&to, view_of_text("d"), 10));
    assert_ok(frame_next(view_of_buffer(&to), 10, &frame, &used));
    assert_view(frame, "abc");
    assert_int_equal(used, 7);
    buffer_drop(&to, used);
    assert_ok(frame_next(view_of_buffer(&to), 10, &frame, &used));
    assert_view(frame, "d");
    buffer_free(&to);
}

static void a_frame_that_is_not_whole_is_waited_for(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 3, 'a', 'b', 'c'};
    struct view frame = {0};
    size_t used = 1;

    (void)state;
    for (size_t size = 0; size < sizeof bytes; size++) {
        assert_ok(frame_next(view_of(bytes, size), 10, &frame, &used));
        assert_int_equal(used, 0);
    }
    assert_ok(frame_next(view_of(bytes, sizeof bytes), 10, &frame, &used));
    assert_int_equal(used, sizeof bytes);
}

/* W-60: one below, at, one above. */
static void the_limit_holds_on_both_ends(void **state)
{
    struct buffer to = buffer_init(100);
    struct view frame = {0};
    size_t used = 0;

    (void)state;
    assert_ok(frame_append(&to, view_of_text("12"), 3));
    assert_ok(frame_append(&to, view_of_text("123"), 3));
    assert_error(ERR_TOO_LARGE, frame_append(&to, view_of_text("1234"), 3));
    assert_error(ERR_TOO_LARGE, frame_append(&to, view_of_text(""), 3));
    assert_int_equal(to.size, 13);
    assert_error(OK, to.error);
    assert_ok(frame_next(BYTES("\0\0\0\2"), 3, &frame, &used));
    assert_ok(frame_next(BYTES("\0\0\0\3"), 3, &frame, &used));
    assert_error(ERR_TOO_LARGE, frame_next(BYTES("\0\0\0\4"), 3, &frame, &used));
    assert_error(ERR_TOO_LARGE, frame_next(BYTES("\xff\xff\xff\xff"), 3, &frame, &used));
    assert_error(ERR_TOO_LARGE, frame_next(BYTES("\0\0\0\0"), 3, &frame, &used));
    buffer_free(&to);
}

static void a_full_queue_leaves_the_frame_out_whole(void **state)
{
    struct buffer to = buffer_init(10);

    (void)state;
    assert_ok(frame_append(&to, view_of_text("a"), 10));
    assert_error(ERR_TOO_LARGE, frame_append(&to, view_of_text("ab"), 10));
    assert_int_equal(to.size, 5);
    assert_ok(frame_append(&to, view_of_text("b"), 10));
    assert_int_equal(to.size, 10);
    buffer_free(&to);
}

static void without_memory_it_fails_and_sticks(void **state)
{
    struct buffer to = buffer_init(10);

    (void)state;
    failing_set(1);
    assert_error(ERR_NO_MEMORY, frame_append(&to, view_of_text("a"), 10));
    failing_set(0);
    assert_error(ERR_NO_MEMORY, frame_append(&to, view_of_text("a"), 10));
    buffer_free(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_its_length_and_its_bytes),
        cmocka_unit_test(frames_come_out_as_they_went_in),
        cmocka_unit_test(a_frame_that_is_not_whole_is_waited_for),
        cmocka_unit_test(the_limit_holds_on_both_ends),
        cmocka_unit_test(a_full_queue_leaves_the_frame_out_whole),
        cmocka_unit_test(without_memory_it_fails_and_sticks),
    };

    return RUN(tests);
}
