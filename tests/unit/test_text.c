/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "text.h"

#include <string.h>

/* W-3 R19 */
static void R19_only_well_formed_utf8_without_nul_is_text(void **state)
{
    static const struct view good[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"abc", 3},
        {(const uint8_t *)"\xc2\x80", 2},
        {(const uint8_t *)"\xed\x9f\xbf", 3},     /* U+D7FF */
        {(const uint8_t *)"\xee\x80\x80", 3},     /* U+E000 */
        {(const uint8_t *)"\xf0\x90\x80\x80", 4}, /* U+10000 */
        {(const uint8_t *)"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
    };
    static const struct view bad[] = {
        {(const uint8_t *)"\0", 1},
        {(const uint8_t *)"a\0b", 3},
        {(const uint8_t *)"\x80", 1},
        {(const uint8_t *)"\xc0\x80", 2}, /* overlong U+0000 */
        {(const uint8_t *)"\xc1\xbf", 2}, /* overlong */
        {(const uint8_t *)"\xc2", 1},     /* cut short */
        {(const uint8_t *)"\xc2"
                          "a",
         2},
        {(const uint8_t *)"\xe0\x9f\xbf", 3},     /* overlong */
        {(const uint8_t *)"\xed\xa0\x80", 3},     /* surrogate U+D800 */
        {(const uint8_t *)"\xed\xbf\xbf", 3},     /* surrogate U+DFFF */
        {(const uint8_t *)"\xf0\x8f\xbf\xbf", 4}, /* overlong */
        {(const uint8_t *)"\xf4\x90\x80\x80", 4}, /* beyond U+10FFFF */
        {(const uint8_t *)"\xf8\x88\x80\x80\x80", 5},
        {(const uint8_t *)"\xff", 1},
        {(const uint8_t *)"abc\xe2\x82", 5},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(text_is_valid(good[i]));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(text_is_valid(bad[i]));
        assert_int_equal(text_length(bad[i]), 0);
    }
}

static void length_is_counted_in_code_points(void **state)
{
    (void)state;
    assert_int_equal(text_length(view_of_text("")), 0);
    assert_int_equal(text_length(view_of_text("abc")), 3);
    assert_int_equal(text_length(view_of_text("كريم")), 4);
    assert_int_equal(text_length(view_of_text("a\xf0\x9f\x98\x80")), 2);
}

/* R20 */
static void R20_hidden_and_dangerous_characters_are_named(void **state)
{
    static const struct {
        const char *text;
        unsigned traits;
    } rows[] = {
        {"plain text, Ünïcode, كريم, 中文", 0},
        {"a\nb", TEXT_HAS_LINE_BREAK},
        {"a\tb", TEXT_HAS_LINE_BREAK},
        {"a\rb", TEXT_HAS_CONTROL},
        {"a\033[31m", TEXT_HAS_CONTROL},
        {"a\x7f", TEXT_HAS_CONTROL},
        {"a\xc2\x9b", TEXT_HAS_CONTROL},             /* C1 CSI */
        {"a\xe2\x80\xa8", TEXT_HAS_CONTROL},         /* line separator */
        {"a\xe2\x80\xa9", TEXT_HAS_CONTROL},         /* paragraph separator */
        {"a\xe2\x80\xae", TEXT_HAS_BIDI},            /* override */
        {"a\xe2\x81\xa6", TEXT_HAS_BIDI},            /* isolate */
        {"a\xe2\x80\x8f", TEXT_HAS_BIDI},            /* right-to-left mark */
        {"a\xd8\x9c", TEXT_HAS_BIDI},                /* Arabic letter mark */
        {"a\xe2\x80\x8b", TEXT_HAS_HIDDEN},          /* zero-width space */
        {"a\xef\xbb\xbf", TEXT_HAS_HIDDEN},          /* byte order mark */
        {"a\xf3\xa0\x81\x81", TEXT_HAS_HIDDEN},      /* tag letter */
        {"a\xee\x80\x80", TEXT_HAS_HIDDEN},          /* private use */
        {"a\xc2\xad", TEXT_HAS_HIDDEN},              /* soft hyphen */
        {"\xe0\xa4\x95\xe2\x80\x8d\xe0\xa4\x96", 0}, /* a joiner is spelling */
        {"\n\033\xe2\x80\xae\xe2\x80\x8b",
         TEXT_HAS_LINE_BREAK | TEXT_HAS_CONTROL | TEXT_HAS_BIDI | TEXT_HAS_HIDDEN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(text_traits(view_of_text(rows[i].text)), rows[i].traits);
    }
}

static void escape(struct view text, bool lines, const char *wanted)
{
    struct buffer to = buffer_init(1000);

    text_escape(&to, text, lines);
    assert_view(view_of_buffer(&to), wanted);
    buffer_free(&to);
}

/* R20 L09 */
static void L09_nothing_that_a_terminal_obeys_passes(void **state)
{
    (void)state;
    escape(view_of_text("plain Ü كريم"), false, "plain Ü كريم");
    escape(view_of_text("a\033[2Jb"), false, "a\\u{1b}[2Jb");
    escape(view_of_text("a\xe2\x80\xae"
                        "b"),
           false, "a\\u{202e}b");
    escape(view_of_text("a\nb\tc"), false, "a\\u{a}b\\u{9}c");
    escape(view_of_text("a\nb\tc\r"), true, "a\nb\tc\\u{d}");
    escape(view_of_text("a\xff\xc2"), false, "a\\x{ff}\\x{c2}");
    escape(BYTES("a\0b"), false, "a\\u{0}b");
}

static void escaping_leaves_no_trait_behind(void **state)
{
    struct dice dice = dice_new("text");

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[40];
        struct buffer to = buffer_init(1000);
        dice_fill(&dice, bytes, sizeof bytes);
        text_escape(&to, view_of(bytes, dice_roll(&dice, sizeof bytes)), false);
        assert_error(OK, to.error);
        assert_true(text_is_valid(view_of_buffer(&to)));
        assert_int_equal(text_traits(view_of_buffer(&to)), 0);
        buffer_free(&to);
    }
}

static void columns_count_wide_and_combining_characters(void **state)
{
    (void)state;
    assert_int_equal(text_columns(view_of_text("abc")), 3);
    assert_int_equal(text_columns(view_of_text("中文")), 4);
    assert_int_equal(text_columns(view_of_text("e\xcc\x81")), 1);
    assert_int_equal(text_columns(view_of_text("")), 0);
}

static void a_slip_of_the_finger_is_understood(void **state)
{
    static const char *const words[] = {"destination", NULL, "denied_on", "items", ""};

    (void)state;
    assert_string_equal(text_suggest(view_of_text("destinaton"), words, COUNT(words)),
                        "destination");
    assert_string_equal(text_suggest(view_of_text("denied-on"), words, COUNT(words)), "denied_on");
    assert_string_equal(text_suggest(view_of_text("item"), words, COUNT(words)), "items");
}

static void another_word_is_not_suggested(void **state)
{
    static const char *const words[] = {"destination", "items", "end"};
    char lengthy[66];

    (void)state;
    memset(lengthy, 'a', 65);
    lengthy[65] = '\0';
    assert_null(text_suggest(view_of_text("explanation"), words, COUNT(words)));
    assert_null(text_suggest(view_of_text("xyz"), words, COUNT(words)));
    assert_null(text_suggest(view_of_text(""), words, COUNT(words)));
    assert_null(text_suggest(view_of_text(lengthy), words, COUNT(words)));
    assert_null(text_suggest(view_of_text("a"), NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R19_only_well_formed_utf8_without_nul_is_text),
        cmocka_unit_test(length_is_counted_in_code_points),
        cmocka_unit_test(R20_hidden_and_dangerous_characters_are_named),
        cmocka_unit_test(L09_nothing_that_a_terminal_obeys_passes),
        cmocka_unit_test(escaping_leaves_no_trait_behind),
        cmocka_unit_test(columns_count_wide_and_combining_characters),
        cmocka_unit_test(a_slip_of_the_finger_is_understood),
        cmocka_unit_test(another_word_is_not_suggested),
    };

    return RUN(tests);
}
