/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include "control.h"

#include <string.h>

static size_t argument_count(const struct control_command *command)
{
    size_t count = 0;

    while (count < CONTROL_ARGUMENTS_MAX && command->arguments[count].name != NULL) {
        count++;
    }
    return count;
}

/* --- the table ----------------------------------------------------------------------------- */

/* W-90 */
static void every_command_has_a_role_a_help_and_sound_arguments(void **state)
{
    size_t count = 0;
    const struct control_command *table = control_commands(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(control_find(view_of_text(table[i].name)), &table[i]);
        assert_true(table[i].roles != 0 && (table[i].roles & ~(unsigned)ROLE_ALL) == 0);
        assert_true(table[i].help[0] != '\0');
        for (size_t a = 0; a < argument_count(&table[i]); a++) {
            const struct control_argument *argument = &table[i].arguments[a];
            bool bounded = argument->type == ARGUMENT_FLAG || argument->type == ARGUMENT_MAP;
            assert_true(bounded || argument->max > 0);
            assert_true(argument->help[0] != '\0');
            for (size_t b = 0; b < a; b++) {
                assert_string_not_equal(argument->name, table[i].arguments[b].name);
            }
        }
    }
}

static void an_unknown_command_is_not_found(void **state)
{
    (void)state;
    assert_null(control_find(view_of_text("record.delete")));
    assert_null(control_find(view_of_text("")));
    assert_null(control_find(BYTES("status\0")));
}

static void roles_have_names(void **state)
{
    struct buffer to = buffer_init(100);

    (void)state;
    for (unsigned role = 0; role <= ROLE_ALL + 1; role++) {
        const char *name = role_name(role);
        bool single = role != 0 && role <= ROLE_AUDITOR && (role & (role - 1)) == 0;
        assert_int_equal(name != NULL, single);
        if (name != NULL) {
            assert_int_equal(role_find(view_of_text(name)), role);
        }
    }
    assert_int_equal(role_find(view_of_text("Admin")), 0);
    roles_format(ROLE_POC | ROLE_AUDITOR, &to);
    assert_view(view_of_buffer(&to), "poc, auditor");
    buffer_clear(&to);
    roles_format(0, &to);
    assert_view(view_of_buffer(&to), "");
    buffer_free(&to);
}

/* --- requests ------------------------------------------------------------------------------ */

/* A value for an argument, `more` beyond its largest. */
static struct value *argument_value(const struct control_argument *argument, int64_t more)
{
    struct value *list = value_list(arena);
    uint8_t *text = NULL;

    switch (argument->type) {
    case ARGUMENT_TEXT:
        text = arena_alloc(arena, (size_t)(argument->max + more));
        memset(text, 'x', (size_t)(argument->max + more));
        return value_text(arena, view_of(text, (size_t)(argument->max + more)));
    case ARGUMENT_INTEGER:
        return value_integer(arena, argument->max + more);
    case ARGUMENT_FLAG:
        return value_bool(arena, true);
    case ARGUMENT_LIST:
        for (int64_t i = 0; i < argument->max + more; i++) {
            MUST(value_append(arena, list, value_nil(arena)) == OK);
        }
        return list;
    default:
        return value_map(arena);
    }
}

/* All arguments of a command, at their largest. */
static struct value *all_arguments(const struct control_command *command)
{
    struct value *map = value_map(arena);

    for (size_t a = 0; a < argument_count(command); a++) {
        const struct control_argument *argument = &command->arguments[a];
        MUST(value_put(arena, map, argument->name, argument_value(argument, 0)) == OK);
    }
    return map;
}

static enum error ask(const char *command, struct value *arguments, const char *where)
{
    struct buffer bytes = buffer_init(CONTROL_FRAME_MAX_BYTES);
    const struct control_command *row = NULL;
    struct value *read = NULL;
    struct problems problems = {0};

    MUST(control_request_write(command, arguments, arena, &bytes) == OK);
    enum error err = control_request_read(view_of_buffer(&bytes), arena, &row, &read, &problems);
    if (err == OK) {
        assert_string_equal(row->name, command);
        assert_true(value_equal(read, arguments));
    }
    if (where != NULL) {
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.items[0].where, where);
    }
    buffer_free(&bytes);
    return err;
}

/* W-91 */
static void every_command_takes_its_arguments_at_their_limits(void **state)
{
    size_t count = 0;
    const struct control_command *table = control_commands(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        arena_clear(arena);
        assert_ok(ask(table[i].name, all_arguments(&table[i]), NULL));
    }
}

static void every_argument_beyond_its_limit_is_refused(void **state)
{
    size_t count = 0;
    const struct control_command *table = control_commands(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t a = 0; a < argument_count(&table[i]); a++) {
            const struct control_argument *argument = &table[i].arguments[a];
            if (argument->type == ARGUMENT_FLAG || argument->type == ARGUMENT_MAP) {
                continue;
            }
            arena_clear(arena);
            struct value *arguments = all_arguments(&table[i]);
            assert_ok(value_put(arena, arguments, argument->name, argument_value(argument, 1)));
            assert_error(ERR_USAGE, ask(table[i].name, arguments, argument->name));
        }
    }
}

static void a_negative_number_is_refused(void **state)
{
    struct value *arguments = value_map(arena);

    (void)state;
    assert_ok(value_put_integer(arena, arguments, "limit", 0));
    assert_ok(ask("record.list", arguments, NULL));
    assert_ok(value_put_integer(arena, arguments, "limit", -1));
    assert_error(ERR_USAGE, ask("record.list", arguments, "limit"));
}

static void every_argument_of_another_type_is_refused(void **state)
{
    size_t count = 0;
    const struct control_command *table = control_commands(&count);
    static const enum argument_type kinds[] = {ARGUMENT_TEXT, ARGUMENT_INTEGER, ARGUMENT_FLAG,
                                               ARGUMENT_MAP, ARGUMENT_LIST};

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t a = 0; a < argument_count(&table[i]); a++) {
            const struct control_argument *argument = &table[i].arguments[a];
            for (size_t k = 0; k < COUNT(kinds); k++) {
                struct control_argument other = {.type = kinds[k], .max = 1};
                arena_clear(arena);
                struct value *arguments = all_arguments(&table[i]);
                assert_ok(value_put(arena, arguments, argument->name, argument_value(&other, 0)));
                assert_error(kinds[k] == argument->type ? OK : ERR_USAGE,
                             ask(table[i].name, arguments,
                                 kinds[k] == argument->type ? NULL : argument->name));
            }
        }
    }
}

static void a_required_argument_that_is_missing_is_named(void **state)
{
    size_t count = 0;
    const struct control_command *table = control_commands(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t a = 0; a < argument_count(&table[i]); a++) {
            const struct control_argument *argument = &table[i].arguments[a];
            arena_clear(arena);
            struct value *arguments = all_arguments(&table[i]);
            value_remove(arguments, view_of_text(argument->name));
            assert_error(argument->required ? ERR_USAGE : OK,
                         ask(table[i].name, arguments, argument->required ? argument->name : NULL));
        }
    }
}

/* A06: no flag that is not in the table can be smuggled in. */
static void A06_an_unknown_argument_is_refused(void **state)
{
    size_t count = 0;
    const struct control_command *table = control_commands(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        arena_clear(arena);
        struct value *arguments = all_arguments(&table[i]);
        assert_ok(value_put_bool(arena, arguments, "force", true));
        assert_error(ERR_USAGE, ask(table[i].name, arguments, table[i].name));
    }
}

static enum error read_tree(const char *text)
{
    struct buffer bytes = buffer_init(CONTROL_FRAME_MAX_BYTES);
    const struct control_command *command = NULL;
    struct value *arguments = NULL;

    value_pack(&bytes, json(arena, text));
    enum error err =
        control_request_read(view_of_buffer(&bytes), arena, &command, &arguments, NULL);
    buffer_free(&bytes);
    return err;
}

static void a_request_has_version_command_and_arguments_and_nothing_more(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "[1,\"status\",{}]",
        "{\"v\":1}",
        "{\"v\":1,\"command\":\"status\"}",
        "{\"v\":1,\"command\":\"status\",\"arguments\":[]}",
        "{\"v\":1,\"command\":\"status\",\"arguments\":null}",
        "{\"v\":2,\"command\":\"status\",\"arguments\":{}}",
        "{\"v\":0,\"command\":\"status\",\"arguments\":{}}",
        "{\"v\":\"1\",\"command\":\"status\",\"arguments\":{}}",
        "{\"command\":\"status\",\"arguments\":{}}",
        "{\"v\":1,\"command\":\"nothing\",\"arguments\":{}}",
        "{\"v\":1,\"command\":7,\"arguments\":{}}",
        "{\"v\":1,\"command\":\"status\",\"arguments\":{},\"role\":\"admin\"}",
    };

    (void)state;
    assert_ok(read_tree("{\"v\":1,\"command\":\"status\",\"arguments\":{}}"));
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (read_tree(bad[i]) != ERR_USAGE) {
            fail_msg("accepted %s", bad[i]);
        }
    }
}

static void bytes_that_are_no_request_are_refused(void **state)
{
    const struct control_command *command = NULL;
    struct value *arguments = NULL;
    uint8_t *large = calloc(1, CONTROL_FRAME_MAX_BYTES + 1);
    struct view bytes = view_of(large, CONTROL_FRAME_MAX_BYTES + 1);

    (void)state;
    assert_error(ERR_TOO_LARGE, control_request_read(bytes, arena, &command, &arguments, NULL));
    bytes.size--;
    assert_error(ERR_NOT_CANONICAL, control_request_read(bytes, arena, &command, &arguments, NULL));
    assert_error(ERR_NOT_CANONICAL,
                 control_request_read(view_of(NULL, 0), arena, &command, &arguments, NULL));
    free(large);
}

/* --- replies ------------------------------------------------------------------------------- */

static enum error reply_back(const struct control_reply *reply, struct control_reply *read)
{
    struct buffer bytes = buffer_init(CONTROL_FRAME_MAX_BYTES);
    struct view copy = {0};

    MUST(control_reply_write(reply, arena, &bytes) == OK);
    MUST(arena_copy(arena, view_of_buffer(&bytes), &copy) == OK);
    buffer_free(&bytes);
    return control_reply_read(copy, arena, read);
}

/* W-92 */
static void a_result_comes_back(void **state)
{
    struct control_reply reply = {.more = true, .result = json(arena, "{\"rows\":[1,2]}")};
    struct control_reply read = {0};

    (void)state;
    assert_ok(reply_back(&reply, &read));
    assert_true(read.more && read.error == OK && read.problems.count == 0);
    assert_true(value_equal(read.result, reply.result));
    reply.result = NULL;
    assert_ok(reply_back(&reply, &read));
    assert_int_equal(read.result->count, 0);
}

static void every_error_comes_back_with_its_problems(void **state)
{
    (void)state;
    for (int error = 1; error < ERROR_COUNT; error++) {
        struct control_reply reply = {.error = (enum error)error};
        struct control_reply read = {0};
        arena_clear(arena);
        (void)problem_add(&reply.problems, ERR_JSON, "/a", "what");
        problem_mend(&reply.problems, "mend");
        assert_ok(reply_back(&reply, &read));
        assert_int_equal(read.error, error);
        assert_int_equal(read.problems.count, 1);
        assert_int_equal(read.problems.items[0].error, ERR_JSON);
        assert_string_equal(read.problems.items[0].where, "/a");
        assert_string_equal(read.problems.items[0].what, "what");
        assert_string_equal(read.problems.items[0].mend, "mend");
    }
}

static void more_problems_than_are_kept_are_counted(void **state)
{
    struct control_reply reply = {.error = ERR_JSON};
    struct control_reply read = {0};

    (void)state;
    for (int i = 0; i < PROBLEM_COUNT_MAX + 5; i++) {
        (void)problem_add(&reply.problems, ERR_JSON, "/a", "%d", i);
    }
    assert_ok(reply_back(&reply, &read));
    assert_int_equal(read.problems.count, PROBLEM_COUNT_MAX + 5);
    assert_string_equal(read.problems.items[PROBLEM_COUNT_MAX - 1].what, "19");
}

static enum error read_reply(const char *text, struct control_reply *reply)
{
    struct buffer bytes = buffer_init(CONTROL_FRAME_MAX_BYTES);

    value_pack(&bytes, json(arena, text));
    enum error err = control_reply_read(view_of_buffer(&bytes), arena, reply);
    buffer_free(&bytes);
    return err;
}

static void a_reply_that_says_nothing_is_refused(void **state)
{
    struct control_reply reply = {0};

    (void)state;
    assert_error(ERR_NOT_CANONICAL, read_reply("{}", &reply));
    assert_error(ERR_NOT_CANONICAL, read_reply("{\"v\":1}", &reply));
    assert_error(ERR_NOT_CANONICAL, read_reply("{\"v\":2,\"result\":{}}", &reply));
    assert_error(ERR_NOT_CANONICAL, read_reply("[]", &reply));
    assert_error(ERR_NOT_CANONICAL, control_reply_read(BYTES("\xc1"), arena, &reply));
}

static void an_error_that_is_not_known_is_still_an_error(void **state)
{
    struct control_reply reply = {0};

    (void)state;
    assert_ok(read_reply("{\"v\":1,\"error\":\"E999\"}", &reply));
    assert_int_equal(reply.error, ERR_BUG);
    assert_ok(read_reply("{\"v\":1,\"error\":7,\"result\":{}}", &reply));
    assert_int_equal(reply.error, ERR_BUG);
}

/* Whatever the other side claims, the count is never less than what is there, nor absurd. */
static void a_false_count_of_problems_is_corrected(void **state)
{
    struct control_reply reply = {0};

    (void)state;
    assert_ok(read_reply("{\"v\":1,\"error\":\"E202\",\"problems\":[{\"code\":\"E202\"}],"
                         "\"problem_count\":-5}",
                         &reply));
    assert_int_equal(reply.problems.count, 1);
    assert_ok(read_reply("{\"v\":1,\"error\":\"E202\",\"problem_count\":3}", &reply));
    assert_int_equal(reply.problems.count, 0);
    assert_ok(read_reply("{\"v\":1,\"error\":\"E202\",\"problems\":[7,null],\"problem_count\":2}",
                         &reply));
    assert_int_equal(reply.problems.count, 2);
    assert_int_equal(reply.problems.items[1].error, ERR_BUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_command_has_a_role_a_help_and_sound_arguments),
        TEST(an_unknown_command_is_not_found),
        TEST(roles_have_names),
        TEST(every_command_takes_its_arguments_at_their_limits),
        TEST(every_argument_beyond_its_limit_is_refused),
        TEST(a_negative_number_is_refused),
        TEST(every_argument_of_another_type_is_refused),
        TEST(a_required_argument_that_is_missing_is_named),
        TEST(A06_an_unknown_argument_is_refused),
        TEST(a_request_has_version_command_and_arguments_and_nothing_more),
        TEST(bytes_that_are_no_request_are_refused),
        TEST(a_result_comes_back),
        TEST(every_error_comes_back_with_its_problems),
        TEST(more_problems_than_are_kept_are_counted),
        TEST(a_reply_that_says_nothing_is_refused),
        TEST(an_error_that_is_not_known_is_still_an_error),
        TEST(a_false_count_of_problems_is_corrected),
    };

    return RUN(tests);
}
