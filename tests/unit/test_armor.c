/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "armor.h"

#include "failing.h"

#include <string.h>

static const char kind[] = "valise-thing-1";

static void bytes_of_every_length_survive(void **state)
{
    struct buffer text = buffer_init(10000);
    struct buffer back = buffer_init(10000);
    uint8_t bytes[150];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37);
    }
    for (size_t size = 1; size <= sizeof bytes; size++) {
        buffer_clear(&text);
        armor_write(kind, view_of(bytes, size), &text);
        assert_ok(text.error);
        assert_ok(armor_read(kind, view_of_buffer(&text), &back));
        assert_views_equal(view_of_buffer(&back), view_of(bytes, size));
    }
    buffer_free(&text);
    buffer_free(&back);
}

static void lines_are_short_and_the_first_names_the_kind(void **state)
{
    struct buffer text = buffer_init(10000);
    uint8_t bytes[100] = {0};
    size_t length = 0;

    (void)state;
    armor_write(kind, view_of(bytes, sizeof bytes), &text);
    assert_memory_equal(text.data, "valise-thing-1\n", 15);
    for (size_t i = 0; i < text.size; i++) {
        length = text.data[i] == '\n' ? 0 : length + 1;
        assert_true(length <= 64);
    }
    assert_int_equal(text.data[text.size - 1], '\n');
    buffer_free(&text);
}

/* W-34 */
static void remarks_blanks_and_line_ends_do_not_matter(void **state)
{
    static const char *const texts[] = {
        "valise-thing-1\nYWJj\n",           "valise-thing-1\nYWJj",
        "valise-thing-1\r\nYWJj\r\n",       "\n\nvalise-thing-1\n\nYWJj\n\n",
        "# from XMA\nvalise-thing-1\nYWJj", "valise-thing-1\n# remark\nYWJj\n#end",
        "valise-thing-1\nYW\nJj\n",         "valise-thing-1\nYW Jj\n",
        "valise-thing-1\n\tYWJj\n",
    };
    struct buffer back = buffer_init(100);

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_ok(armor_read(kind, view_of_text(texts[i]), &back));
        assert_view(view_of_buffer(&back), "abc");
    }
    buffer_free(&back);
}

static void another_kind_or_broken_digits_are_unreadable(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "#\n",
        "YWJj\n",
        "valise-thing-2\nYWJj\n",
        "valise-thing-1 \nYWJj\n",
        "valise-thing-10\nYWJj\n",
        "valise-thing-1\n",
        "valise-thing-1\n\n# only a remark\n",
        "valise-thing-1\nYWJ\n",
        "valise-thing-1\nYW!j\n",
        "valise-thing-1\nYWJj=\n",
        "valise-thing-1\nYWI=x\n",
        "valise-thing-1\nYW-_\n",
        "valise-thing-1\nYWK=\nYWJj",
        "VALISE-THING-1\nYWJj\n",
    };
    struct buffer back = buffer_init(100);

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (armor_read(kind, view_of_text(texts[i]), &back) != ERR_CARD_UNREADABLE) {
            fail_msg("accepted text %zu", i);
        }
        assert_int_equal(back.size, 0);
    }
    assert_error(ERR_CARD_UNREADABLE, armor_read(kind, view_of(NULL, 0), &back));
    buffer_free(&back);
}

static void a_text_has_a_limit(void **state)
{
    struct buffer back = buffer_init(ARMOR_TEXT_MAX_BYTES);
    char *text = malloc(ARMOR_TEXT_MAX_BYTES + 1);

    (void)state;
    memset(text, '\n', ARMOR_TEXT_MAX_BYTES + 1);
    memcpy(text, "valise-thing-1\nYWJj", 19);
    assert_ok(armor_read(kind, view_of(text, ARMOR_TEXT_MAX_BYTES - 1), &back));
    assert_ok(armor_read(kind, view_of(text, ARMOR_TEXT_MAX_BYTES), &back));
    assert_error(ERR_TOO_LARGE, armor_read(kind, view_of(text, ARMOR_TEXT_MAX_BYTES + 1), &back));
    free(text);
    buffer_free(&back);
}

static void an_object_that_does_not_fit_is_too_large(void **state)
{
    struct buffer back = buffer_init(2);

    (void)state;
    assert_error(ERR_TOO_LARGE, armor_read(kind, view_of_text("valise-thing-1\nYWJj\n"), &back));
    buffer_free(&back);
}

static void reading_without_memory_fails(void **state)
{
    (void)state;
    for (long n = 1; n <= 2; n++) {
        struct buffer back = buffer_init(100);
        failing_set(n);
        assert_error(ERR_NO_MEMORY,
                     armor_read(kind, view_of_text("valise-thing-1\nYWJj\n"), &back));
        failing_set(0);
        buffer_free(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_every_length_survive),
        cmocka_unit_test(lines_are_short_and_the_first_names_the_kind),
        cmocka_unit_test(remarks_blanks_and_line_ends_do_not_matter),
        cmocka_unit_test(another_kind_or_broken_digits_are_unreadable),
        cmocka_unit_test(a_text_has_a_limit),
        cmocka_unit_test(an_object_that_does_not_fit_is_too_large),
        cmocka_unit_test(reading_without_memory_fails),
    };

    return RUN(tests);
}
