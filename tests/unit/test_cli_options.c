/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "options.h"

#include <string.h>

static const uint64_t allowed = FLAG_BIT(FLAG_JSON) | FLAG_BIT(FLAG_QUIET) | FLAG_BIT(FLAG_YES) |
                                FLAG_BIT(FLAG_WAIT) | FLAG_BIT(FLAG_OUTPUT) |
                                FLAG_BIT(FLAG_ADDRESS) | FLAG_BIT(FLAG_LIMIT);

/** A command line read in an arena of its own. */
struct fixture {
    struct arena *arena;
    struct options options;
    struct problems problems;
};

static struct fixture read_line(const char *const *arguments)
{
    struct fixture fixture = {.arena = arena_new(64 * 1024)};
    int count = 0;

    while (arguments[count] != NULL) {
        count++;
    }
    assert_non_null(fixture.arena);
    assert_ok(options_read(count, (char **)(uintptr_t)arguments, fixture.arena, &fixture.options));
    return fixture;
}

#define LINE(...) read_line((const char *const[]){__VA_ARGS__, NULL})

static enum error check(struct fixture *fixture, uint64_t flags)
{
    return options_check(&fixture->options, flags, "peer list", &fixture->problems);
}

static void flags_stand_anywhere(void **state)
{
    struct fixture line = LINE("--json", "peer", "-q", "add", "--address=tcp://a:1", "file");

    (void)state;
    assert_int_equal(line.options.word_count, 3);
    assert_string_equal(line.options.words[0], "peer");
    assert_string_equal(line.options.words[1], "add");
    assert_string_equal(line.options.words[2], "file");
    assert_ok(check(&line, allowed));
    assert_true(option_given(&line.options, FLAG_JSON));
    assert_true(option_given(&line.options, FLAG_QUIET));
    assert_false(option_given(&line.options, FLAG_YES));
    assert_string_equal(option_value(&line.options, FLAG_ADDRESS), "tcp://a:1");
    arena_free(&line.arena);
}

static void two_dashes_end_the_flags_and_one_is_a_word(void **state)
{
    struct fixture line = LINE("search", "-", "--", "--json", "-q");

    (void)state;
    assert_int_equal(line.options.word_count, 4);
    assert_string_equal(line.options.words[1], "-");
    assert_string_equal(line.options.words[2], "--json");
    assert_false(option_given(&line.options, FLAG_JSON));
    arena_free(&line.arena);
}

static void letters_stand_together_and_take_values(void **state)
{
    struct fixture together = LINE("-qy");
    struct fixture joined = LINE("-oids");
    struct fixture apart = LINE("-o", "ids");
    struct fixture equals = LINE("-qo=ids");

    (void)state;
    assert_true(option_given(&together.options, FLAG_QUIET));
    assert_true(option_given(&together.options, FLAG_YES));
    assert_string_equal(option_value(&joined.options, FLAG_OUTPUT), "ids");
    assert_string_equal(option_value(&apart.options, FLAG_OUTPUT), "ids");
    assert_string_equal(option_value(&equals.options, FLAG_OUTPUT), "ids");
    arena_free(&together.arena);
    arena_free(&joined.arena);
    arena_free(&apart.arena);
    arena_free(&equals.arena);
}

static void an_optional_value_is_only_taken_after_an_equals_sign(void **state)
{
    struct fixture with = LINE("--wait=5s", "REF");
    struct fixture without = LINE("--wait", "5s");

    (void)state;
    assert_string_equal(option_value(&with.options, FLAG_WAIT), "5s");
    assert_true(option_given(&without.options, FLAG_WAIT));
    assert_null(option_value(&without.options, FLAG_WAIT));
    assert_int_equal(without.options.word_count, 1);
    arena_free(&with.arena);
    arena_free(&without.arena);
}

static void an_unknown_flag_is_refused_with_a_suggestion(void **state)
{
    struct fixture line = LINE("--jsno");

    (void)state;
    assert_error(ERR_USAGE, check(&line, allowed));
    assert_non_null(strstr(line.problems.items[0].mend, "--json"));
    arena_free(&line.arena);
}

static void an_abbreviated_flag_is_refused(void **state)
{
    struct fixture line = LINE("--jso");

    (void)state;
    assert_error(ERR_USAGE, check(&line, allowed));
    arena_free(&line.arena);
}

static void the_value_of_an_unknown_flag_is_not_repeated(void **state)
{
    struct fixture line = LINE("--passphrase=hunter2hunter2");

    (void)state;
    assert_error(ERR_USAGE, check(&line, allowed));
    assert_null(strstr(line.problems.items[0].what, "hunter2"));
    assert_null(strstr(line.problems.items[0].mend, "hunter2"));
    arena_free(&line.arena);
}

static void a_flag_that_the_command_does_not_take_is_refused(void **state)
{
    struct fixture line = LINE("--readers");

    (void)state;
    assert_error(ERR_USAGE, check(&line, allowed));
    assert_non_null(strstr(line.problems.items[0].what, "does not take --readers"));
    arena_free(&line.arena);
}

static void a_flag_spelt_alike_becomes_the_one_that_the_command_takes(void **state)
{
    struct fixture line = LINE("peer", "card", "-o", "our.card");

    (void)state;
    assert_ok(check(&line, FLAG_BIT(FLAG_FILE)));
    assert_string_equal(option_value(&line.options, FLAG_FILE), "our.card");
    assert_false(option_given(&line.options, FLAG_OUTPUT));
    arena_free(&line.arena);
}

static void values_that_lack_or_are_too_many_are_refused(void **state)
{
    struct fixture lacking = LINE("--limit");
    struct fixture needless = LINE("--json=yes");
    struct fixture twice = LINE("--limit", "1", "--limit", "2");
    struct fixture many = LINE("--address", "tcp://a:1", "--address", "tcp://b:1");

    (void)state;
    assert_error(ERR_USAGE, check(&lacking, allowed));
    assert_error(ERR_USAGE, check(&needless, allowed));
    assert_error(ERR_USAGE, check(&twice, allowed));
    assert_ok(check(&many, allowed));
    arena_free(&lacking.arena);
    arena_free(&needless.arena);
    arena_free(&twice.arena);
    arena_free(&many.arena);
}

static void numbers_are_whole_and_within_limits(void **state)
{
    static const struct {
        const char *text;
        enum error wanted;
        int64_t number;
    } rows[] = {
        {"1", OK, 1},          {"10", OK, 10},       {"0", ERR_USAGE, 7},
        {"11", ERR_USAGE, 7},  {"", ERR_USAGE, 7},   {"-1", ERR_USAGE, 7},
        {"1x", ERR_USAGE, 7},  {" 1", ERR_USAGE, 7}, {"99999999999999999999", ERR_USAGE, 7},
        {"0x1", ERR_USAGE, 7},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture line = LINE("--limit", rows[i].text);
        int64_t number = 7;
        assert_error(rows[i].wanted,
                     option_number(&line.options, FLAG_LIMIT, 1, 10, &number, &line.problems));
        assert_int_equal(number, rows[i].number);
        arena_free(&line.arena);
    }
}

static void durations_have_units(void **state)
{
    static const struct {
        const char *text;
        enum error wanted;
        int64_t ms;
    } rows[] = {
        {"--wait=500ms", OK, 500},
        {"--wait=30s", OK, 30000},
        {"--wait=30", OK, 30000},
        {"--wait=2m", OK, 120000},
        {"--wait=24h", OK, 86400000},
        {"--wait", OK, 7},
        {"--wait=25h", ERR_USAGE, 7},
        {"--wait=0s", ERR_USAGE, 7},
        {"--wait=s", ERR_USAGE, 7},
        {"--wait=1d", ERR_USAGE, 7},
        {"--wait=-1s", ERR_USAGE, 7},
        {"--wait=1 s", ERR_USAGE, 7},
        {"--wait=1441m", ERR_USAGE, 7},
        {"--wait=1440m", OK, 86400000},
        {"--wait=9223372036854775807h", ERR_USAGE, 7},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture line = LINE(rows[i].text);
        int64_t ms = 7;
        assert_error(rows[i].wanted,
                     option_duration(&line.options, FLAG_WAIT, &ms, &line.problems));
        assert_int_equal(ms, rows[i].ms);
        arena_free(&line.arena);
    }
}

static void every_row_of_the_table_can_be_used(void **state)
{
    (void)state;
    for (int i = 0; i < FLAG_COUNT; i++) {
        const struct flag_info *info = flag_info((enum flag)i);
        assert_non_null(info->name);
        assert_non_null(info->help);
        assert_true((info->takes == VALUE_NONE) == (info->value == NULL));
        for (int j = 0; j < i; j++) {
            const struct flag_info *other = flag_info((enum flag)j);
            /* What is spelt alike is taken apart before the command is known. */
            if (strcmp(info->name, other->name) == 0) {
                assert_int_equal(info->takes, other->takes);
                assert_int_equal(info->letter, other->letter);
            } else if (info->letter != 0) {
                assert_int_not_equal(info->letter, other->letter);
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_stand_anywhere),
        cmocka_unit_test(two_dashes_end_the_flags_and_one_is_a_word),
        cmocka_unit_test(letters_stand_together_and_take_values),
        cmocka_unit_test(an_optional_value_is_only_taken_after_an_equals_sign),
        cmocka_unit_test(an_unknown_flag_is_refused_with_a_suggestion),
        cmocka_unit_test(an_abbreviated_flag_is_refused),
        cmocka_unit_test(the_value_of_an_unknown_flag_is_not_repeated),
        cmocka_unit_test(a_flag_that_the_command_does_not_take_is_refused),
        cmocka_unit_test(a_flag_spelt_alike_becomes_the_one_that_the_command_takes),
        cmocka_unit_test(values_that_lack_or_are_too_many_are_refused),
        cmocka_unit_test(numbers_are_whole_and_within_limits),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(every_row_of_the_table_can_be_used),
    };

    return RUN(tests);
}
