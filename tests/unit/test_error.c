/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "text.h"

#include <string.h>

static void every_error_has_a_row_with_words(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_COUNT; i++) {
        const struct error_info *info = error_info((enum error)i);
        assert_true(i == ERR_BUG || info != error_info(ERR_BUG));
        assert_int_equal(strlen(info->code), 4);
        assert_true(strlen(info->text) > 0 && strlen(info->mend) > 0 && strlen(info->why) > 0);
        assert_true(info->text[strlen(info->text) - 1] != '.');
    }
}

static void codes_are_unique(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(error_info((enum error)i)->code,
                                    error_info((enum error)j)->code);
        }
    }
}

static void an_error_is_found_by_its_code_in_any_case(void **state)
{
    (void)state;
    for (int i = 1; i < ERROR_COUNT; i++) {
        assert_int_equal(error_from_code(error_info((enum error)i)->code), i);
    }
    assert_int_equal(error_from_code("e101"), ERR_NO_MEMORY);
}

static void an_unknown_code_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(error_from_code("E999"), OK);
    assert_int_equal(error_from_code(""), OK);
    assert_int_equal(error_from_code("E1011"), OK);
}

static void an_error_outside_the_table_is_a_bug(void **state)
{
    (void)state;
    assert_ptr_equal(error_info(ERROR_COUNT), error_info(ERR_BUG));
    assert_ptr_equal(error_info((enum error) - 1), error_info(ERR_BUG));
}

/* Exit codes tell scripts what to do; a class of errors has few of them. */
static void exit_codes_follow_the_class_of_the_error(void **state)
{
    static const char *const allowed[10] = {"", "1", "2", "3", "46", "59", "8", "7", "179", "9"};

    (void)state;
    for (int i = 1; i < ERROR_COUNT; i++) {
        const struct error_info *info = error_info((enum error)i);
        assert_in_range(info->exit, 1, 9);
        assert_true(info->mover != MOVER_NOBODY);
        assert_non_null(strchr(allowed[info->code[1] - '0'], '0' + info->exit));
    }
    assert_int_equal(error_info(OK)->exit, 0);
}

static void a_problem_keeps_place_words_and_mend(void **state)
{
    struct problems problems = {0};

    (void)state;
    assert_int_equal(problem_add(&problems, ERR_JSON, "/a", "at %d", 7), ERR_JSON);
    problem_mend(&problems, "do %s", "this");
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.items[0].error, ERR_JSON);
    assert_string_equal(problems.items[0].where, "/a");
    assert_string_equal(problems.items[0].what, "at 7");
    assert_string_equal(problems.items[0].mend, "do this");
}

static void problems_beyond_the_room_are_counted(void **state)
{
    struct problems problems = {0};

    (void)state;
    for (int i = 0; i < PROBLEM_COUNT_MAX + 1; i++) {
        (void)problem_add(&problems, ERR_JSON, "", "%d", i);
    }
    problem_mend(&problems, "this belongs to the one that did not fit");
    assert_int_equal(problems.count, PROBLEM_COUNT_MAX + 1);
    assert_string_equal(problems.items[PROBLEM_COUNT_MAX - 1].what, "19");
    assert_string_equal(problems.items[PROBLEM_COUNT_MAX - 1].mend, "");
}

static void a_place_that_is_too_long_is_cut(void **state)
{
    struct problems problems = {0};
    char where[PROBLEM_WHERE_BYTES + 10];

    (void)state;
    memset(where, 'x', sizeof where);
    where[sizeof where - 1] = '\0';
    (void)problem_add(&problems, ERR_JSON, where, "%s", where);
    assert_int_equal(strlen(problems.items[0].where), PROBLEM_WHERE_BYTES - 1);
}

static void nobody_has_to_listen_to_problems(void **state)
{
    struct problems problems = {0};

    (void)state;
    assert_int_equal(problem_add(NULL, ERR_JSON, "", "%s", "x"), ERR_JSON);
    problem_mend(NULL, "x");
    problem_mend(&problems, "x");
    assert_int_equal(problems.count, 0);
}

/* A reply with half a character could not be read by anybody. */
static void what_is_said_is_whole_characters(void **state)
{
    struct problems problems = {0};
    char text[3 * PROBLEM_TEXT_BYTES];
    char where[3 * PROBLEM_WHERE_BYTES];

    (void)state;
    for (size_t at = 0; at < 4; at++) {
        memset(text, 'x', at);
        memset(where, 'x', at);
        for (size_t i = at; i + 2 < sizeof text; i += 2) {
            memcpy(text + i, "\xc3\xa9\0", 3);
        }
        for (size_t i = at; i + 2 < sizeof where; i += 2) {
            memcpy(where + i, "\xc3\xa9\0", 3);
        }
        problems.count = 0;
        (void)problem_add(&problems, ERR_FIELD_VALUE, where, "\"%.41s\" and %s", text, text);
        problem_mend(&problems, "%s", text);
        assert_true(text_is_valid(view_of_text(problems.items[0].where)));
        assert_true(text_is_valid(view_of_text(problems.items[0].what)));
        assert_true(text_is_valid(view_of_text(problems.items[0].mend)));
        assert_true(strlen(problems.items[0].mend) > PROBLEM_TEXT_BYTES / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_row_with_words),
        cmocka_unit_test(codes_are_unique),
        cmocka_unit_test(an_error_is_found_by_its_code_in_any_case),
        cmocka_unit_test(an_unknown_code_is_no_error),
        cmocka_unit_test(an_error_outside_the_table_is_a_bug),
        cmocka_unit_test(exit_codes_follow_the_class_of_the_error),
        cmocka_unit_test(a_problem_keeps_place_words_and_mend),
        cmocka_unit_test(problems_beyond_the_room_are_counted),
        cmocka_unit_test(a_place_that_is_too_long_is_cut),
        cmocka_unit_test(nobody_has_to_listen_to_problems),
        cmocka_unit_test(what_is_said_is_whole_characters),
    };

    return RUN(tests);
}
