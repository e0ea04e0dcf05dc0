/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "complain.h"
#include "hint.h"

#include <string.h>

enum { PAGE_BYTES = 64 * 1024 };

static void text_is(const struct complaint *complaint, const char *wanted)
{
    struct buffer to = buffer_init(PAGE_BYTES);

    complain_text(complaint, &to);
    assert_view(view_of_buffer(&to), wanted);
    buffer_free(&to);
}

static void an_error_has_object_cause_mend_and_more(void **state)
{
    const struct complaint complaint = {ERR_KEY_LOCKED, "cannot publish DN-XMA-2026-0014", "", NULL,
                                        NULL};

    (void)state;
    text_is(&complaint,
            "valise: cannot publish DN-XMA-2026-0014: the node's keys are locked (E412)\n"
            "  mend: start the node with its pass phrase: valised --passphrase-fd 0\n"
            "  more: valise explain E412\n");
}

static void one_problem_is_the_cause(void **state)
{
    struct problems problems = {0};
    const struct complaint complaint = {ERR_STATE_UNKNOWN, "cannot reach XUR", "", &problems, NULL};

    (void)state;
    (void)problem_add(&problems, ERR_STATE_UNKNOWN, "state", "there is no such peer");
    problem_mend(&problems, "valise peer add FILE");
    text_is(&complaint, "valise: cannot reach XUR: there is no such peer (E302)\n"
                        "  mend: valise peer add FILE\n"
                        "  more: valise explain E302\n");
}

static void mistakes_of_a_file_have_their_place(void **state)
{
    struct problems place = {0};
    struct problems pointer = {0};
    const struct complaint at_place = {ERR_JSON, "", "draft.json", &place, NULL};
    const struct complaint at_pointer = {ERR_FIELD_VALUE, "", "draft.json", &pointer, NULL};

    (void)state;
    (void)problem_add(&place, ERR_JSON, "line 3, column 14", "it is not JSON here");
    (void)problem_add(&pointer, ERR_FIELD_VALUE, "/body/items/0/cml", "ML23 does not exist");
    problem_mend(&pointer, "write it as ML1.a");
    text_is(&at_place, "valise: draft.json:3:14: it is not JSON here (E202)\n"
                       "  mend: mend the line and column named above\n"
                       "  more: valise explain E202\n");
    text_is(&at_pointer, "valise: draft.json: /body/items/0/cml: ML23 does not exist (E206)\n"
                         "  mend: write it as ML1.a\n"
                         "  more: valise explain E206\n");
}

static void many_problems_are_all_listed(void **state)
{
    struct problems problems = {0};
    const struct complaint complaint = {ERR_FIELD_VALUE, "", "draft.json", &problems, NULL};

    (void)state;
    (void)problem_add(&problems, ERR_FIELD_VALUE, "/lang", "\"xx\" is not in the list language");
    problem_mend(&problems, "did you mean \"xh\"?");
    (void)problem_add(&problems, ERR_FIELD_MISSING, "/body/items", "it is missing");
    text_is(&complaint, "valise: draft.json: 2 problems (E206)\n"
                        "  draft.json: /lang: \"xx\" is not in the list language\n"
                        "    mend: did you mean \"xh\"?\n"
                        "  draft.json: /body/items: it is missing\n"
                        "  more: valise explain E206\n");
}

/* A mend is pasted: its commands are for the node that the failed one was for. */
static void commands_in_mends_name_the_node(void **state)
{
    static const struct {
        const char *node;
        const char *sentence;
        const char *hint;
    } rows[] = {
        {"", "valise draft list", "valise draft list"},
        {"--home ma", "valise draft list; or: valise denial publish --from FILE",
         "valise --home ma draft list; or: valise --home ma denial publish --from FILE"},
        {"--home ma", "valise schema show denial", "valise schema show denial"},
        {"--home ma", "valise help draft (valise status)",
         "valise help draft (valise --home ma status)"},
        {"--home ma", "valise --home x status", "valise --home x status"},
        {"--home ma", "valised --config FILE; xvalise status",
         "valised --config FILE; xvalise status"},
        {"--home ma", "valise ", "valise "},
        {"--home ma", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer to = buffer_init(PAGE_BYTES);
        hint_append(rows[i].node, rows[i].sentence, &to);
        buffer_append_byte(&to, '.');
        assert_int_equal(to.size, strlen(rows[i].hint) + 1);
        assert_memory_equal(to.data, rows[i].hint, strlen(rows[i].hint));
        buffer_free(&to);
    }
    const struct complaint complaint = {ERR_NOT_FOUND, "", "", NULL, "--home 'm a'"};
    text_is(&complaint, "valise: there is no such record (E301)\n"
                        "  mend: valise --home 'm a' search, or valise --home 'm a' denial list\n"
                        "  more: valise explain E301\n");
}

static void the_flag_of_the_node_is_quoted_for_a_shell(void **state)
{
    static const struct {
        const char *home;
        const char *flag;
    } rows[] = {
        {"/srv/ma-1", "--home /srv/ma-1"},   {"m a", "--home 'm a'"}, {"it's", "--home 'it'\\''s'"},
        {"$(reboot)", "--home '$(reboot)'"}, {"", "--home ''"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct flag_use uses[] = {{FLAG_HOME, "--home", rows[i].home},
                                  {FLAG_SOCKET, "--socket", "x/control.sock"}};
        struct options options = {.use_count = 1, .uses = uses};
        struct buffer to = buffer_init(PAGE_BYTES);
        hint_node(&options, &to);
        assert_string_equal(buffer_text(&to), rows[i].flag);
        /* The socket is what is asked when both are given. */
        options.use_count = 2;
        buffer_clear(&to);
        hint_node(&options, &to);
        assert_string_equal(buffer_text(&to), "--socket x/control.sock");
        buffer_free(&to);
    }
}

static void problems_beyond_those_that_are_kept_are_counted(void **state)
{
    struct problems problems = {0};
    const struct complaint complaint = {ERR_FIELD_VALUE, "", "", &problems, NULL};
    struct buffer to = buffer_init(PAGE_BYTES);

    (void)state;
    for (int i = 0; i < PROBLEM_COUNT_MAX + 3; i++) {
        (void)problem_add(&problems, ERR_FIELD_VALUE, "/lang", "wrong");
    }
    complain_text(&complaint, &to);
    assert_non_null(strstr(buffer_text(&to), "23 problems"));
    assert_non_null(strstr(buffer_text(&to), "  and 3 more\n"));
    buffer_free(&to);
}

static void only_failed_verification_is_framed(void **state)
{
    (void)state;
    for (int i = 1; i < ERROR_COUNT; i++) {
        const struct complaint complaint = {(enum error)i, "", "", NULL, NULL};
        struct buffer to = buffer_init(PAGE_BYTES);
        complain_text(&complaint, &to);
        bool framed = to.size > 0 && to.data[0] == '=';
        assert_true(framed == (error_info((enum error)i)->exit == 7));
        buffer_free(&to);
    }
}

/* L09 */
static void L09_what_a_terminal_would_obey_is_escaped(void **state)
{
    struct problems problems = {0};
    const struct complaint complaint = {ERR_FIELD_VALUE, "cannot show \033[2J", "a\nb", &problems,
                                        NULL};
    struct buffer to = buffer_init(PAGE_BYTES);

    (void)state;
    (void)problem_add(&problems, ERR_FIELD_VALUE, "/x\033]0;", "\"\xe2\x80\xae\" is wrong");
    problem_mend(&problems, "\033[31m");
    complain_text(&complaint, &to);
    for (size_t i = 0; i < to.size; i++) {
        assert_true(to.data[i] >= 0x20 || to.data[i] == '\n');
    }
    assert_null(strstr(buffer_text(&to), "\xe2\x80\xae"));
    assert_null(strstr(buffer_text(&to), "a\nb"));
    buffer_free(&to);
}

static void json_is_one_line_with_every_part(void **state)
{
    struct problems problems = {0};
    const struct complaint complaint = {ERR_FIELD_VALUE, "cannot make a draft", "d.json", &problems,
                                        NULL};
    struct arena *arena = big_arena();
    struct buffer to = buffer_init(PAGE_BYTES);

    (void)state;
    (void)problem_add(&problems, ERR_FIELD_VALUE, "/lang", "wrong");
    problem_mend(&problems, "right");
    assert_ok(complain_json(&complaint, &to));
    assert_int_equal(to.data[to.size - 1], '\n');
    assert_ptr_equal(memchr(to.data, '\n', to.size), to.data + to.size - 1);
    struct value *document = json(arena, buffer_text(&to));
    const struct value *error = value_get(document, "error");
    assert_view(value_get_text(error, "code"), "E206");
    assert_int_equal(value_get_integer(error, "exit", -1), 2);
    assert_view(value_get_text(error, "message"), "cannot make a draft: d.json: /lang: wrong");
    assert_view(value_at(document, view_of_text("/error/mend/0"))->bytes, "right");
    assert_view(value_at(document, view_of_text("/error/problems/0/where"))->bytes, "/lang");
    assert_view(value_at(document, view_of_text("/error/problems/0/what"))->bytes, "wrong");
    buffer_free(&to);
    arena_free(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_object_cause_mend_and_more),
        cmocka_unit_test(one_problem_is_the_cause),
        cmocka_unit_test(mistakes_of_a_file_have_their_place),
        cmocka_unit_test(many_problems_are_all_listed),
        cmocka_unit_test(commands_in_mends_name_the_node),
        cmocka_unit_test(the_flag_of_the_node_is_quoted_for_a_shell),
        cmocka_unit_test(problems_beyond_those_that_are_kept_are_counted),
        cmocka_unit_test(only_failed_verification_is_framed),
        cmocka_unit_test(L09_what_a_terminal_would_obey_is_escaped),
        cmocka_unit_test(json_is_one_line_with_every_part),
    };

    return RUN(tests);
}
