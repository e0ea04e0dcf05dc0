/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include "record_json.h"

#include <string.h>

static enum error parse(struct view text, struct problems *problems)
{
    struct value *tree = NULL;
    enum error err = json_parse(text, RECORD_JSON_MAX_BYTES, arena, problems, &tree);

    assert_int_equal(err == OK, tree != NULL);
    return err;
}

/* --- reading ------------------------------------------------------------------------------- */

static void every_kind_of_value_is_read(void **state)
{
    struct value *tree =
        json(arena, "{\"t\":\"é\\u00e9\",\"i\":-5,\"b\":true,\"n\":null,\"l\":[1,[]],\"m\":{}}");

    (void)state;
    assert_view(value_get_text(tree, "t"), "éé");
    assert_true(value_get_integer(tree, "i", 0) == -5);
    assert_true(value_get_bool(tree, "b"));
    assert_int_equal(value_get(tree, "n")->kind, PACK_NIL);
    assert_int_equal(value_get(tree, "l")->count, 2);
    assert_int_equal(value_get(tree, "m")->kind, PACK_MAP);
}

/* A number with a fraction stays text, so that no digit of it is lost on the way. */
static void a_fraction_becomes_flagged_text(void **state)
{
    static const char *const rows[][2] = {{"2.5", "2.5"},
                                          {"0.1", "0.1"},
                                          {"-0.52", "-0.52"},
                                          {"9.81", "9.81"},
                                          {"123456789.123456", "123456789.123456"},
                                          {"2.50", "2.5"},
                                          {"3.0", "3"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value *number = json_value(arena, rows[i][0]);
        assert_int_equal(number->kind, PACK_TEXT);
        assert_true(number->flag);
        assert_view(number->bytes, rows[i][1]);
    }
}

/* More digits than a number can hold would be lost without a word: they must come in quotes. */
static void a_fraction_that_would_lose_digits_is_refused(void **state)
{
    static const char *const bad[] = {"[0.1234567890123456789]", "[12345678901234567.5]",
                                      "[1234567890123.4567]"};
    struct problems problems = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_error(ERR_JSON, parse(view_of_text(bad[i]), &problems));
    }
    assert_int_equal(problems.count, COUNT(bad));
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *where;
    } rows[] = {
        {"", "line 1, column 0"},
        {"7", "line 1, column 1"},
        {"\"x\"", "line 1, column 3"},
        {"{", "line 1, column 1"},
        {"{\"a\":1,}", "line 1, column 8"},
        {"{\"a\":1}\n{}", "line 2, column 1"},
        {"{'a':1}", "line 1, column 2"},
        {"{\"a\":01}", "line 1, column 6"},
        {"{\"a\":NaN}", NULL},
        {"{\"a\":1e400}", NULL},
        {"{\"a\":99999999999999999999}", NULL},
        {"{\"a\":\"\\ud800\"}", NULL},
        {"{\"a\":\"\\u0000\"}", NULL},
        {"{\"\\u0000\":1}", NULL},
        {"{\"a\":\"\n\"}", NULL},
        {"{\"a\":\"\xff\"}", NULL},
        {"// remark\n{}", NULL},
        {"[1 2]", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problems problems = {0};
        enum error err = parse(view_of_text(rows[i].text), &problems);
        if (err != ERR_JSON || problems.count != 1) {
            fail_msg("accepted %s", rows[i].text);
        }
        if (rows[i].where != NULL) {
            assert_string_equal(problems.items[0].where, rows[i].where);
        }
    }
    assert_error(ERR_JSON, parse(BYTES("{}\0"), NULL));
    assert_error(ERR_JSON, parse(BYTES("{\"a\0b\":1}"), NULL));
}

/* The input may hold names: a message never repeats it. */
static void a_message_does_not_repeat_the_input(void **state)
{
    struct problems problems = {0};

    (void)state;
    assert_error(ERR_JSON, parse(view_of_text("{\"Dessaloui\" Karim}"), &problems));
    assert_null(strstr(problems.items[0].what, "Dessaloui"));
    assert_null(strstr(problems.items[0].what, "Karim"));
    assert_null(strstr(problems.items[0].where, "Karim"));
}

/* R19 */
static void R19_a_name_that_is_given_twice_is_refused(void **state)
{
    struct problems problems = {0};

    (void)state;
    assert_error(ERR_FIELD_REPEATED, parse(view_of_text("{\"a\":1,\"a\":2}"), &problems));
    assert_error(ERR_FIELD_REPEATED, parse(view_of_text("{\"x\":{\"a\":1,\"a\":1}}"), &problems));
    assert_error(ERR_FIELD_REPEATED, parse(view_of_text("{\"a\":1,\"\\u0061\":2}"), &problems));
    assert_int_equal(problems.count, 3);
}

static void a_text_has_a_limit(void **state)
{
    char *text = malloc(RECORD_JSON_MAX_BYTES + 1);
    struct problems problems = {0};

    (void)state;
    memset(text, ' ', RECORD_JSON_MAX_BYTES + 1);
    memcpy(text, "{}", 2);
    assert_ok(parse(view_of(text, RECORD_JSON_MAX_BYTES - 1), &problems));
    assert_ok(parse(view_of(text, RECORD_JSON_MAX_BYTES), &problems));
    assert_error(ERR_TOO_LARGE, parse(view_of(text, RECORD_JSON_MAX_BYTES + 1), &problems));
    free(text);
}

/* R17: a megabyte of brackets. */
static void R17_deep_nesting_is_refused(void **state)
{
    char *text = malloc(RECORD_JSON_MAX_BYTES);

    (void)state;
    memset(text, '[', RECORD_JSON_MAX_BYTES);
    assert_error(ERR_JSON, parse(view_of(text, RECORD_JSON_MAX_BYTES), NULL));
    for (size_t depth = VALUE_DEPTH_MAX; depth <= VALUE_DEPTH_MAX + 2; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_error(depth <= VALUE_DEPTH_MAX + 1 ? OK : ERR_TOO_LARGE,
                     parse(view_of(text, 2 * depth), NULL));
    }
    free(text);
}

static void more_values_than_the_arena_holds_are_too_large(void **state)
{
    struct arena *small = arena_new(1000);
    struct problems problems = {0};
    struct value *tree = NULL;

    (void)state;
    assert_error(ERR_TOO_LARGE,
                 json_parse(view_of_text("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]"), 1000,
                            small, &problems, &tree));
    assert_null(tree);
    assert_int_equal(problems.count, 1);
    arena_free(&small);
}

/* --- writing ------------------------------------------------------------------------------- */

static void a_tree_is_written_in_one_line_or_indented(void **state)
{
    struct value *tree = json(arena, "{\"b\":[1,true,null],\"a\":\"é\\n\\\"\"}");
    struct buffer to = buffer_init(1000);

    (void)state;
    assert_ok(json_write(tree, 0, &to));
    assert_view(view_of_buffer(&to), "{\"a\":\"é\\n\\\"\",\"b\":[1,true,null]}");
    buffer_clear(&to);
    assert_ok(json_write(json(arena, "{\"a\":[1]}"), 2, &to));
    assert_view(view_of_buffer(&to), "{\n  \"a\": [\n    1\n  ]\n}");
    buffer_clear(&to);
    assert_ok(json_write(value_string(arena, "x"), 0, &to));
    assert_view(view_of_buffer(&to), "\"x\"");
    buffer_free(&to);
}

/* T-18: what a terminal would obey or hide does not reach it; a program reads the same text. */
static void what_a_terminal_would_obey_is_written_as_escapes(void **state)
{
    const char *text = "a\x1b[2J\x7f\xc2\x85\xc2\x9b\u200e\u202e\u2066\u2028\U000e0041Ж\u200d";
    struct value *back = NULL;
    struct buffer to = buffer_init(1000);

    (void)state;
    assert_ok(json_write(value_string(arena, text), 0, &to));
    assert_view(view_of_buffer(&to),
                "\"a\\u001B[2J\\u007f\\u0085\\u009b\\u200e\\u202e\\u2066\\u2028"
                "\\udb40\\udc41Ж\u200d\"");
    buffer_clear(&to);
    struct value *map = value_map(arena);
    assert_ok(value_put_string(arena, map, "x", text));
    assert_ok(json_write(map, 0, &to));
    back = json(arena, arena_text(arena, view_of_buffer(&to)));
    assert_true(view_is(value_get_text(back, "x"), text));
    buffer_free(&to);
}

static void bytes_are_written_as_hexadecimal(void **state)
{
    struct buffer to = buffer_init(1000);

    (void)state;
    assert_ok(json_write(value_bytes(arena, BYTES("\x00\xff\x10")), 0, &to));
    assert_view(view_of_buffer(&to), "\"00ff10\"");
    buffer_clear(&to);
    assert_ok(json_write(value_bytes(arena, view_of(NULL, 0)), 0, &to));
    assert_view(view_of_buffer(&to), "\"\"");
    buffer_free(&to);
}

static void an_empty_text_is_written(void **state)
{
    struct buffer to = buffer_init(1000);
    struct value empty = {.kind = PACK_TEXT};

    (void)state;
    assert_ok(json_write(&empty, 0, &to));
    assert_view(view_of_buffer(&to), "\"\"");
    buffer_free(&to);
}

static void a_small_buffer_is_too_small(void **state)
{
    struct buffer to = buffer_init(5);

    (void)state;
    assert_error(ERR_TOO_LARGE, json_write(json(arena, "{\"abc\":1}"), 0, &to));
    buffer_free(&to);
}

static void the_examples_survive_writing_and_reading(void **state)
{
    struct value *records = sample_records(arena);
    struct buffer to = buffer_init(RECORD_JSON_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < records->count; i++) {
        struct value *again = NULL;
        assert_ok(record_check(records->items[i], RECORD_OWN, arena, NULL, NULL));
        buffer_clear(&to);
        assert_ok(json_write(records->items[i], 2, &to));
        assert_ok(json_parse(view_of_buffer(&to), RECORD_JSON_MAX_BYTES, arena, NULL, &again));
        assert_true(value_equal(records->items[i], again));
    }
    buffer_free(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_value_is_read),
        TEST(a_fraction_becomes_flagged_text),
        TEST(a_fraction_that_would_lose_digits_is_refused),
        TEST(what_is_no_json_is_refused_with_its_place),
        TEST(a_message_does_not_repeat_the_input),
        TEST(R19_a_name_that_is_given_twice_is_refused),
        TEST(a_text_has_a_limit),
        TEST(R17_deep_nesting_is_refused),
        TEST(more_values_than_the_arena_holds_are_too_large),
        TEST(a_tree_is_written_in_one_line_or_indented),
        TEST(what_a_terminal_would_obey_is_written_as_escapes),
        TEST(bytes_are_written_as_hexadecimal),
        TEST(an_empty_text_is_written),
        TEST(a_small_buffer_is_too_small),
        TEST(the_examples_survive_writing_and_reading),
    };

    return RUN(tests);
}
