/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "output.h"
#include "pages.h"
#include "qr.h"
#include "spoken.h"
#include "text.h"

#include "safety.h"

#include <string.h>

enum { WIDE = 64 * 1024 };

/* --- wrapping ------------------------------------------------------------------------------ */

static void wrapped_is(const char *text, size_t indent, size_t width, const char *wanted)
{
    struct buffer to = buffer_init(WIDE);

    wrap_text(view_of_text(text), indent, indent, width, &to);
    assert_view(view_of_buffer(&to), wanted);
    buffer_free(&to);
}

static void lines_are_broken_at_blanks(void **state)
{
    (void)state;
    wrapped_is("", 0, 10, "");
    wrapped_is("one two", 0, 10, "one two");
    wrapped_is("one two three", 0, 10, "one two\nthree");
    wrapped_is("one two three", 0, 7, "one two\nthree");
    wrapped_is("one two three", 0, 6, "one\ntwo\nthree");
    wrapped_is("one two", 2, 6, "one\n  two");
}

static void a_word_that_is_too_long_stays_whole(void **state)
{
    (void)state;
    wrapped_is("abcdefghijkl", 0, 5, "abcdefghijkl");
    wrapped_is("a abcdefghijkl b", 0, 5, "a\nabcdefghijkl\nb");
}

static void line_feeds_are_kept(void **state)
{
    (void)state;
    wrapped_is("one\ntwo", 2, 20, "one\n  two");
    wrapped_is("one\n\ntwo", 0, 20, "one\n\ntwo");
}

static void columns_are_counted_not_bytes(void **state)
{
    (void)state;
    /* Five Arabic letters are five columns and ten bytes; two ideographs are four columns. */
    wrapped_is("كريمة ab", 0, 8, "كريمة ab");
    wrapped_is("中文 ab", 0, 6, "中文\nab");
    wrapped_is("中文 ab", 0, 7, "中文 ab");
}

static void no_line_is_longer_than_asked(void **state)
{
    static const char text[] = "Quantity exceeds the establishment of the stated end-user by a "
                               "factor of three; the certificate could not be authenticated.";

    (void)state;
    for (size_t width = 20; width < 90; width++) {
        struct buffer to = buffer_init(WIDE);
        wrap_text(view_of_text(text), 4, 4, width, &to);
        size_t column = 4;
        for (size_t i = 0; i < to.size; i++) {
            column = to.data[i] == '\n' ? 0 : column + 1;
            assert_true(column <= width);
        }
        buffer_free(&to);
    }
}

/* --- cells --------------------------------------------------------------------------------- */

static void csv_is(const char *text, const char *wanted)
{
    struct buffer to = buffer_init(WIDE);

    csv_field(view_of_text(text), &to);
    assert_view(view_of_buffer(&to), wanted);
    buffer_free(&to);
}

static void csv_fields_are_quoted_where_needed(void **state)
{
    (void)state;
    csv_is("", "");
    csv_is("plain text", "plain text");
    csv_is("a,b", "\"a,b\"");
    csv_is("say \"no\"", "\"say \"\"no\"\"\"");
    csv_is("two\nlines", "\"two\nlines\"");
    csv_is("carriage\rreturn", "\"carriage\rreturn\"");
}

static void cells_are_words(void **state)
{
    static const struct {
        const char *json;
        const char *wanted;
    } rows[] = {{"\"text\"", "text"}, {"12", "12"},      {"-3", "-3"},
                {"true", "yes"},      {"false", "no"},   {"[\"XMA\",\"XNH\"]", "XMA, XNH"},
                {"[]", ""},           {"{\"a\":1}", ""}, {"null", ""}};
    struct arena *arena = big_arena();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer to = buffer_init(WIDE);
        cell_text(json_value(arena, rows[i].json), &to);
        assert_view(view_of_buffer(&to), rows[i].wanted);
        buffer_free(&to);
    }
    arena_free(&arena);
}

static void spans_are_told_in_the_unit_that_fits(void **state)
{
    static const struct {
        int64_t seconds;
        const char *wanted;
    } rows[] = {{0, "0 s"},    {119, "119 s"},   {120, "2 min"},     {7199, "119 min"},
                {7200, "2 h"}, {172799, "47 h"}, {172800, "2 days"}, {86400LL * 400, "400 days"}};
    char text[32];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(span_format(rows[i].seconds, text), rows[i].wanted);
    }
}

/* --- safety numbers ------------------------------------------------------------------------ */

static void a_slip_of_the_tongue_is_found_in_its_group(void **state)
{
    const struct id node = {{1, 2, 3}};
    char number[SAFETY_TEXT_BYTES];
    unsigned group = 0;

    (void)state;
    (void)safety_number(&node, number);
    assert_int_equal(spoken_check(view_of_text(number), &group), SPOKEN_GOOD);
    for (size_t i = 0; i < strlen(number); i++) {
        char typed[SAFETY_TEXT_BYTES];
        if (number[i] == ' ') {
            continue;
        }
        memcpy(typed, number, sizeof typed);
        typed[i] = typed[i] == '9' ? '0' : (char)(typed[i] + 1);
        assert_int_equal(spoken_check(view_of_text(typed), &group), SPOKEN_GROUP);
        assert_int_equal(group, i / (SAFETY_GROUP_DIGITS + 1) + 1);
    }
}

static void other_slips_are_told_apart(void **state)
{
    const struct id node = {{7}};
    char number[SAFETY_TEXT_BYTES];
    char longer[SAFETY_TEXT_BYTES + 8];
    unsigned group = 0;

    (void)state;
    (void)safety_number(&node, number);
    assert_int_equal(spoken_check(view_of_text(""), &group), SPOKEN_LENGTH);
    assert_int_equal(spoken_check(view_of(number, 5), &group), SPOKEN_LENGTH);
    assert_int_equal(spoken_check(view_of_text("agreed"), &group), SPOKEN_SIGN);
    assert_int_equal(spoken_check(view_of("1\0", 2), &group), SPOKEN_SIGN);
    (void)snprintf(longer, sizeof longer, "%s 12", number);
    assert_int_equal(spoken_check(view_of_text(longer), &group), SPOKEN_LENGTH);
    assert_string_equal(spoken_ordinal(1), "first");
    assert_string_equal(spoken_ordinal(8), "eighth");
    assert_string_equal(spoken_ordinal(9), "?");
}

/* --- QR ------------------------------------------------------------------------------------ */

static void a_qr_code_is_square_and_has_a_quiet_zone(void **state)
{
    struct buffer drawing = buffer_init(QR_DRAWING_MAX_BYTES);
    size_t lines = 0;
    size_t start = 0;
    size_t width = 0;

    (void)state;
    assert_ok(qr_draw("VALISE:1356628965662658083058364238502735177100", &drawing));
    for (size_t i = 0; i < drawing.size; i++) {
        if (drawing.data[i] != '\n') {
            continue;
        }
        size_t columns = text_columns(view_of(drawing.data + start, i - start));
        assert_true(width == 0 || width == columns);
        width = columns;
        start = i + 1;
        lines++;
    }
    /* Two modules a line; 25 modules (version 2) and four on each side. */
    assert_int_equal(width, 25 + 2 * QR_QUIET_MODULES);
    assert_int_equal(lines, (width + 1) / 2);
    /* The first two lines are light throughout. */
    for (size_t i = 0; i < 2 * QR_QUIET_MODULES; i++) {
        assert_memory_equal(drawing.data + 3 * i, "█", 3);
    }
    buffer_free(&drawing);
}

static void text_that_no_qr_code_holds_is_refused(void **state)
{
    struct buffer drawing = buffer_init(QR_DRAWING_MAX_BYTES);
    char text[8001];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_error(ERR_TOO_LARGE, qr_draw(text, &drawing));
    buffer_free(&drawing);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_broken_at_blanks),
        cmocka_unit_test(a_word_that_is_too_long_stays_whole),
        cmocka_unit_test(line_feeds_are_kept),
        cmocka_unit_test(columns_are_counted_not_bytes),
        cmocka_unit_test(no_line_is_longer_than_asked),
        cmocka_unit_test(csv_fields_are_quoted_where_needed),
        cmocka_unit_test(cells_are_words),
        cmocka_unit_test(spans_are_told_in_the_unit_that_fits),
        cmocka_unit_test(a_slip_of_the_tongue_is_found_in_its_group),
        cmocka_unit_test(other_slips_are_told_apart),
        cmocka_unit_test(a_qr_code_is_square_and_has_a_quiet_zone),
        cmocka_unit_test(text_that_no_qr_code_holds_is_refused),
    };

    return RUN(tests);
}
