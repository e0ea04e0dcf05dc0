/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "failing.h"

#include <string.h>

static void views_compare_bytewise_and_shorter_first(void **state)
{
    (void)state;
    assert_true(view_compare(view_of_text("a"), view_of_text("b")) < 0);
    assert_true(view_compare(view_of_text("b"), view_of_text("a")) > 0);
    assert_true(view_compare(view_of_text("a"), view_of_text("aa")) < 0);
    assert_true(view_compare(view_of_text("aa"), view_of_text("a")) > 0);
    assert_true(view_compare(BYTES("\x7f"), BYTES("\x80")) < 0);
    assert_int_equal(view_compare(view_of_text("ab"), view_of_text("ab")), 0);
    assert_int_equal(view_compare(view_of(NULL, 0), view_of_text("")), 0);
}

static void views_are_equal_by_content(void **state)
{
    (void)state;
    assert_true(view_equal(view_of_text("ab"), view_of_text("ab")));
    assert_false(view_equal(view_of_text("ab"), view_of_text("ac")));
    assert_false(view_equal(view_of_text("ab"), view_of_text("a")));
    assert_true(view_equal(view_of(NULL, 0), view_of("", 0)));
    assert_true(view_is(view_of_text("ab"), "ab"));
    assert_false(view_is(BYTES("ab\0"), "ab"));
}

static void a_buffer_holds_what_was_appended(void **state)
{
    struct buffer buffer = buffer_init(100);

    (void)state;
    buffer_append_text(&buffer, "ab");
    buffer_append_byte(&buffer, 'c');
    buffer_printf(&buffer, "%d", 12);
    assert_view(view_of_buffer(&buffer), "abc12");
    assert_string_equal(buffer_text(&buffer), "abc12");
    assert_int_equal(buffer.size, 5);
    buffer_free(&buffer);
    assert_null(buffer.data);
}

static void a_buffer_takes_its_limit_and_not_one_byte_more(void **state)
{
    struct buffer buffer = buffer_init(4);

    (void)state;
    buffer_append_text(&buffer, "abc");
    assert_error(OK, buffer.error);
    buffer_append_text(&buffer, "d");
    assert_error(OK, buffer.error);
    assert_string_equal(buffer_text(&buffer), "abcd");
    buffer_append_text(&buffer, "e");
    assert_error(ERR_TOO_LARGE, buffer.error);
    assert_view(view_of_buffer(&buffer), "abcd");
    buffer_free(&buffer);
}

static void the_first_error_of_a_buffer_sticks(void **state)
{
    struct buffer buffer = buffer_init(4);

    (void)state;
    buffer_append_text(&buffer, "abcde");
    buffer_append_text(&buffer, "a");
    assert_error(ERR_TOO_LARGE, buffer.error);
    assert_int_equal(buffer.size, 0);
    assert_null(buffer_extend(&buffer, 1));
    assert_null(buffer_text(&buffer));
    buffer_clear(&buffer);
    buffer_append_text(&buffer, "a");
    assert_error(OK, buffer.error);
    buffer_free(&buffer);
}

static void a_buffer_tells_when_memory_is_out(void **state)
{
    struct buffer buffer = buffer_init(SIZE_MAX);

    (void)state;
    failing_set(1);
    buffer_append_text(&buffer, "a");
    failing_set(0);
    assert_error(ERR_NO_MEMORY, buffer.error);
    buffer_free(&buffer);
}

static void sizes_that_overflow_are_too_large(void **state)
{
    struct buffer buffer = buffer_init(SIZE_MAX);

    (void)state;
    buffer_append_text(&buffer, "a");
    assert_null(buffer_extend(&buffer, SIZE_MAX));
    assert_error(ERR_TOO_LARGE, buffer.error);
    buffer_clear(&buffer);
    assert_null(buffer_extend(&buffer, SIZE_MAX - 1));
    assert_error(ERR_TOO_LARGE, buffer.error);
    buffer_free(&buffer);
}

static void growing_keeps_the_bytes(void **state)
{
    struct buffer buffer = buffer_init(100000);

    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        buffer_append_byte(&buffer, (uint8_t)i);
    }
    assert_error(OK, buffer.error);
    for (unsigned i = 0; i < 50000; i++) {
        assert_int_equal(buffer.data[i], (uint8_t)i);
    }
    buffer_free(&buffer);
}

static void printf_output_has_a_limit_of_its_own(void **state)
{
    struct buffer buffer = buffer_init(100000);

    (void)state;
    buffer_printf(&buffer, "%*d", 4095, 1);
    assert_error(OK, buffer.error);
    assert_int_equal(buffer.size, 4095);
    buffer_printf(&buffer, "%*d", 4096, 1);
    assert_error(ERR_TOO_LARGE, buffer.error);
    buffer_free(&buffer);
}

static void clearing_wipes(void **state)
{
    struct buffer buffer = buffer_init(100);

    (void)state;
    buffer_append_text(&buffer, "secret");
    buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_memory_equal(buffer.data, "\0\0\0\0\0\0", 6);
    buffer_free(&buffer);
    buffer_free(NULL);
}

static void dropping_moves_the_rest_and_wipes(void **state)
{
    struct buffer buffer = buffer_init(100);

    (void)state;
    buffer_append_text(&buffer, "abcdef");
    buffer_drop(&buffer, 0);
    buffer_drop(&buffer, 4);
    assert_view(view_of_buffer(&buffer), "ef");
    assert_memory_equal(buffer.data + 2, "\0\0\0\0", 4);
    buffer_drop(&buffer, 99);
    assert_int_equal(buffer.size, 0);
    buffer_free(&buffer);
}

static void sums_and_products_tell_when_they_do_not_fit(void **state)
{
    size_t result = 7;

    (void)state;
    assert_true(size_add(SIZE_MAX - 1, 1, &result));
    assert_true(result == SIZE_MAX);
    result = 7;
    assert_false(size_add(SIZE_MAX, 1, &result));
    assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &result));
    assert_int_equal(result, 7);
    assert_true(size_mul(SIZE_MAX / 2, 2, &result));
    assert_true(result == SIZE_MAX - 1);
    assert_true(size_mul(0, SIZE_MAX, &result));
    assert_int_equal(result, 0);
}

static void numbers_are_written_big_endian(void **state)
{
    uint8_t bytes[8];

    (void)state;
    put_u64(bytes, 0x0102030405060708);
    assert_memory_equal(bytes, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_true(get_u64(bytes) == 0x0102030405060708);
    put_u32(bytes, 0xfffefdfc);
    assert_memory_equal(bytes, "\xff\xfe\xfd\xfc", 4);
    assert_true(get_u32(bytes) == 0xfffefdfc);
    put_u16(bytes, 0x8001);
    assert_memory_equal(bytes, "\x80\x01", 2);
    assert_int_equal(get_u16(bytes), 0x8001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_bytewise_and_shorter_first),
        cmocka_unit_test(views_are_equal_by_content),
        cmocka_unit_test(a_buffer_holds_what_was_appended),
        cmocka_unit_test(a_buffer_takes_its_limit_and_not_one_byte_more),
        cmocka_unit_test(the_first_error_of_a_buffer_sticks),
        cmocka_unit_test(a_buffer_tells_when_memory_is_out),
        cmocka_unit_test(sizes_that_overflow_are_too_large),
        cmocka_unit_test(growing_keeps_the_bytes),
        cmocka_unit_test(printf_output_has_a_limit_of_its_own),
        cmocka_unit_test(clearing_wipes),
        cmocka_unit_test(dropping_moves_the_rest_and_wipes),
        cmocka_unit_test(sums_and_products_tell_when_they_do_not_fit),
        cmocka_unit_test(numbers_are_written_big_endian),
    };

    return RUN(tests);
}
