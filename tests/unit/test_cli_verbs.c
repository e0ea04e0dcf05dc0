/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "control.h"
#include "help.h"

#include <string.h>

enum { PAGE_BYTES = 1024 * 1024, WORDS_MAX = 32 };

static void every_control_command_has_a_verb(void **state)
{
    size_t verb_count = 0;
    size_t command_count = 0;
    const struct verb *verbs = verbs_table(&verb_count);
    const struct control_command *commands = control_commands(&command_count);

    (void)state;
    for (size_t c = 0; c < command_count; c++) {
        bool asked = false;
        for (size_t v = 0; v < verb_count; v++) {
            asked =
                asked || (verbs[v].asks != NULL && strcmp(verbs[v].asks, commands[c].name) == 0);
        }
        if (!asked) {
            print_error("no verb asks %s\n", commands[c].name);
        }
        assert_true(asked);
    }
}

static void every_verb_is_whole(void **state)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct verb *verb = &verbs[i];
        assert_true(verb->noun[0] == '\0' || noun_find(verb->noun) != NULL);
        assert_non_null(verb->run);
        assert_true(verb->least <= verb->most);
        assert_true((verb->most > 0) <= (verb->arguments[0] != '\0'));
        assert_true(verb->asks == NULL || control_find(view_of_text(verb->asks)) != NULL);
        assert_true((verb->flags & FLAG_BIT(FLAG_HELP)) != 0);
        assert_non_null(verb->examples[0]);
        assert_ptr_equal(verb_find(verb->noun, verb->name), verb);
        /* A verb that asks the node can be told which node. */
        assert_true(verb->asks == NULL || (verb->flags & FLAG_BIT(FLAG_SOCKET)) != 0);
    }
}

/* Take an example apart as a shell would, as far as examples need it. */
static int split(char *line, char **words)
{
    int count = 0;
    char *at = line;

    while (*at != '\0' && count < WORDS_MAX) {
        char end = *at == '"' ? '"' : ' ';
        at += *at == '"' ? 1 : 0;
        words[count++] = at;
        while (*at != '\0' && *at != end) {
            at++;
        }
        if (*at != '\0') {
            *at++ = '\0';
        }
        at += *at == ' ' && end == '"' ? 1 : 0;
    }
    return count;
}

static void check_example(const char *example)
{
    struct arena *arena = big_arena();
    struct options options = {0};
    struct problems problems = {0};
    char line[512];
    char *words[WORDS_MAX];

    (void)snprintf(line, sizeof line, "%s", example);
    line[strcspn(line, "<>")] = '\0';
    int count = split(line, words);
    assert_string_equal(words[0], "valise");
    assert_ok(options_read(count - 1, words + 1, arena, &options));
    const struct verb *verb = verb_find("", options.words[0]);
    size_t used = 1;
    if (verb == NULL && options.word_count > 1) {
        verb = verb_find(options.words[0], options.words[1]);
        used = 2;
    }
    if (verb == NULL) {
        print_error("example of no command: %s\n", example);
    }
    assert_non_null(verb);
    enum error err = options_check(&options, verb->flags, verb->name, &problems);
    if (err != OK) {
        print_error("%s: %s\n", example, problems.items[0].what);
    }
    assert_ok(err);
    assert_true(options.word_count - used >= verb->least);
    assert_true(options.word_count - used <= verb->most);
    arena_free(&arena);
}

static void every_example_is_a_command_that_is_understood(void **state)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t e = 0; e < 2 && verbs[i].examples[e] != NULL; e++) {
            if (strncmp(verbs[i].examples[e], "source", 6) != 0) {
                check_example(verbs[i].examples[e]);
            }
        }
    }
}

static void help_fits_a_terminal_of_eighty_columns(void **state)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);
    struct buffer page = buffer_init(PAGE_BYTES);

    (void)state;
    help_program(&page);
    for (size_t i = 0; i < count; i++) {
        help_verb(&verbs[i], &page);
    }
    const struct topic *topics = help_topics(&count);
    for (size_t i = 0; i < count; i++) {
        topics[i].write(&page);
    }
    assert_ok(page.error);
    size_t column = 0;
    bool example = false;
    for (size_t i = 0; i < page.size; i++) {
        if (page.data[i] == '\n') {
            column = 0;
            example = false;
            continue;
        }
        example = example || page.data[i] == '$'; /* a command is not broken */
        column += (page.data[i] & 0xc0) == 0x80 ? 0 : 1;
        assert_true(column <= 80 || example);
    }
    buffer_free(&page);
}

static void help_of_every_flag_is_told_once(void **state)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct buffer page = buffer_init(PAGE_BYTES);
        help_verb(&verbs[i], &page);
        const char *text = buffer_text(&page);
        const char *flags = strstr(text, "\nFlags");
        for (int f = 0; f < FLAG_COUNT; f++) {
            char spelling[64];
            (void)snprintf(spelling, sizeof spelling, "--%s", flag_info((enum flag)f)->name);
            if ((verbs[i].flags & FLAG_BIT(f)) != 0 && !flag_info((enum flag)f)->hidden) {
                assert_non_null(flags);
                assert_non_null(strstr(flags, spelling));
            }
        }
        buffer_free(&page);
    }
}

static void the_manual_names_every_command_flag_and_exit_code(void **state)
{
    struct buffer page = buffer_init(PAGE_BYTES);
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);
    char wanted[128];

    (void)state;
    help_manual(&page);
    const char *text = buffer_text(&page);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        char title[64];
        (void)snprintf(wanted, sizeof wanted, "\\fBvalise %s\\fR", verb_title(&verbs[i], title));
        assert_non_null(strstr(text, wanted));
    }
    const struct exit_code *codes = help_exit_codes(&count);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(wanted, sizeof wanted, ".TP\n%d\n", codes[i].code);
        assert_non_null(strstr(text, wanted));
    }
    for (size_t i = 0; i < page.size; i++) {
        assert_true(page.data[i] < 0x80); /* groff reads it without help */
    }
    buffer_free(&page);
}

static void every_exit_code_of_an_error_is_documented(void **state)
{
    size_t count = 0;
    const struct exit_code *codes = help_exit_codes(&count);

    (void)state;
    for (int e = 0; e < ERROR_COUNT; e++) {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || codes[i].code == error_info((enum error)e)->exit;
        }
        assert_true(known);
    }
}

static void completion_names_every_command(void **state)
{
    struct buffer page = buffer_init(PAGE_BYTES);
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    (void)state;
    help_completion(&page);
    const char *text = buffer_text(&page);
    for (size_t i = 0; i < count; i++) {
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "\"%s%s%s", verbs[i].noun,
                       verbs[i].noun[0] == '\0' ? "" : " ", verbs[i].name);
        assert_non_null(strstr(text, wanted));
    }
    buffer_free(&page);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_control_command_has_a_verb),
        cmocka_unit_test(every_verb_is_whole),
        cmocka_unit_test(every_example_is_a_command_that_is_understood),
        cmocka_unit_test(help_fits_a_terminal_of_eighty_columns),
        cmocka_unit_test(help_of_every_flag_is_told_once),
        cmocka_unit_test(the_manual_names_every_command_flag_and_exit_code),
        cmocka_unit_test(every_exit_code_of_an_error_is_documented),
        cmocka_unit_test(completion_names_every_command),
    };

    return RUN(tests);
}
