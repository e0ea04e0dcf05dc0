/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include "control.h"
#include "output.h"
#include "text.h"

#include <string.h>

enum { FLAG_COLUMN = 28, VERB_COLUMN = 14, TOPIC_COLUMN = 16, HELP_WIDTH = 78 };

/* What every command takes, and so is listed apart. */
static const uint64_t shared_flags =
    FLAG_BIT(FLAG_HELP) | FLAG_BIT(FLAG_JSON) | FLAG_BIT(FLAG_OUTPUT) | FLAG_BIT(FLAG_FIELDS) |
    FLAG_BIT(FLAG_QUIET) | FLAG_BIT(FLAG_VERBOSE) | FLAG_BIT(FLAG_COLOR) | FLAG_BIT(FLAG_YES) |
    FLAG_BIT(FLAG_NO_INPUT) | FLAG_BIT(FLAG_SOCKET) | FLAG_BIT(FLAG_TIME_LIMIT);

uint64_t help_shared_flags(const struct verb *verb)
{
    /* For init the directory is what it makes, for all others the way to the socket. */
    return shared_flags | (verb->asks == NULL ? 0 : FLAG_BIT(FLAG_HOME));
}

/* --- pieces -------------------------------------------------------------------------------- */

/* "  left      right", the right side wrapped under itself. */
static void two_columns(const char *left, const char *right, size_t column, struct buffer *to)
{
    size_t size = 2 + text_columns(view_of_text(left));

    buffer_printf(to, "  %s", left);
    if (size + 2 > column) {
        buffer_append_byte(to, '\n');
        size = 0;
    }
    pad_to(to, size, column);
    wrap_text(view_of_text(right), column, column, HELP_WIDTH, to);
    buffer_append_byte(to, '\n');
}

static void paragraph(const char *text, size_t indent, struct buffer *to)
{
    pad_to(to, 0, indent);
    wrap_text(view_of_text(text), indent, indent, HELP_WIDTH, to);
    buffer_append_byte(to, '\n');
}

static void flag_spelling(const struct flag_info *info, struct buffer *to)
{
    if (info->letter != 0) {
        buffer_printf(to, "-%c, ", info->letter);
    }
    buffer_printf(to, "--%s", info->name);
    if (info->takes == VALUE_NEEDED) {
        buffer_printf(to, " %s", info->value);
    } else if (info->takes == VALUE_OPTIONAL) {
        buffer_printf(to, "[=%s]", info->value);
    }
}

static void flags_section(const char *title, uint64_t flags, struct buffer *to)
{
    bool begun = false;

    for (int i = 0; i < FLAG_COUNT; i++) {
        const struct flag_info *info = flag_info((enum flag)i);
        struct buffer spelling = buffer_init(128);

        if ((flags & FLAG_BIT(i)) == 0 || info->hidden) {
            continue;
        }
        if (!begun) {
            buffer_printf(to, "\n%s\n", title);
            begun = true;
        }
        flag_spelling(info, &spelling);
        const char *text = buffer_text(&spelling);
        two_columns(text == NULL ? "" : text, info->help, FLAG_COLUMN, to);
        buffer_free(&spelling);
    }
}

static void usage_line(const struct verb *verb, struct buffer *to)
{
    char title[64];

    buffer_printf(to, "valise %s", verb_title(verb, title));
    if (verb->arguments[0] != '\0') {
        buffer_printf(to, " %s", verb->arguments);
    }
    buffer_append_byte(to, '\n');
}

/* --- levels -------------------------------------------------------------------------------- */

void help_verb(const struct verb *verb, struct buffer *to)
{
    const struct control_command *command =
        verb->asks == NULL ? NULL : control_find(view_of_text(verb->asks));

    usage_line(verb, to);
    paragraph(verb->help, 2, to);
    if (verb->more != NULL) {
        paragraph(verb->more, 2, to);
    }
    buffer_append_text(to, "\nExamples\n");
    for (size_t i = 0; i < 2 && verb->examples[i] != NULL; i++) {
        buffer_printf(to, "  $ %s\n", verb->examples[i]);
    }
    flags_section("Flags", verb->flags & ~help_shared_flags(verb), to);
    flags_section("Flags of many commands", verb->flags & help_shared_flags(verb), to);
    if (command != NULL) {
        buffer_append_text(to, "\nRoles: ");
        if (command->roles == ROLE_ALL) {
            buffer_append_text(to, "any");
        } else {
            roles_format(command->roles, to);
        }
        buffer_append_text(to, " (valise help roles)\n");
    }
}

void help_noun(const struct noun *noun, struct buffer *to)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    buffer_printf(to, "valise %s: %s\n\n", noun->name, noun->help);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(verbs[i].noun, noun->name) == 0) {
            two_columns(verbs[i].name, verbs[i].help, VERB_COLUMN, to);
        }
    }
    buffer_printf(to, "\nMore: valise %s VERB --help\n", noun->name);
}

void help_program(struct buffer *to)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    buffer_append_text(to,
                       "valise: sealed and signed exchange between States that are party to the\n"
                       "        Arms Trade Treaty\n\nExamples\n"
                       "  $ valise denial publish --from denial.json --wait\n"
                       "  $ valise search\n\nEvery day\n");
    for (size_t i = 0; i < count; i++) {
        if (verbs[i].noun[0] == '\0') {
            two_columns(verbs[i].name, verbs[i].help, VERB_COLUMN, to);
        }
    }
    buffer_append_text(to, "\nBy noun: valise NOUN VERB\n");
    const struct noun *nouns = nouns_table(&count);
    for (size_t i = 0; i < count; i++) {
        two_columns(nouns[i].name, nouns[i].help, VERB_COLUMN, to);
    }
    buffer_append_text(to, "\nTopics: valise help TOPIC\n");
    const struct topic *topics = help_topics(&count);
    for (size_t i = 0; i < count; i++) {
        two_columns(topics[i].name, topics[i].help, TOPIC_COLUMN, to);
    }
    flags_section("Flags of many commands", shared_flags | FLAG_BIT(FLAG_HOME), to);
}

/* --- commands ------------------------------------------------------------------------------ */

static enum error unknown_topic(struct cli *cli, const char *word)
{
    enum { CANDIDATES_MAX = 128 };
    const char *candidates[CANDIDATES_MAX];
    size_t used = 0;
    size_t count = 0;
    const struct topic *topics = help_topics(&count);

    for (size_t i = 0; i < count && used < CANDIDATES_MAX; i++) {
        candidates[used++] = topics[i].name;
    }
    const struct noun *nouns = nouns_table(&count);
    for (size_t i = 0; i < count && used < CANDIDATES_MAX; i++) {
        candidates[used++] = nouns[i].name;
    }
    const struct verb *verbs = verbs_table(&count);
    for (size_t i = 0; i < count && used < CANDIDATES_MAX; i++) {
        candidates[used++] = verbs[i].name;
    }
    const char *meant = text_suggest(view_of_text(word), candidates, used);
    enum error err = problem_add(&cli->problems, ERR_CODE_UNKNOWN, "",
                                 "there is no command or topic \"%.40s\"", word);
    if (meant != NULL) {
        problem_mend(&cli->problems, "did you mean: valise help %s", meant);
    }
    return err;
}

static enum error find_help(struct cli *cli, struct buffer *to)
{
    const char *first = cli_word(cli, 0);
    const char *second = cli_word(cli, 1);
    size_t count = 0;
    const struct topic *topics = help_topics(&count);

    if (option_given(&cli->options, FLAG_MAN)) {
        help_manual(to);
        return OK;
    }
    if (first == NULL) {
        help_program(to);
        return OK;
    }
    for (size_t i = 0; second == NULL && i < count; i++) {
        if (strcmp(topics[i].name, first) == 0) {
            topics[i].write(to);
            return OK;
        }
    }
    const struct verb *verb = second == NULL ? verb_find("", first) : verb_find(first, second);
    const struct noun *noun = second == NULL ? noun_find(first) : NULL;
    if (verb != NULL) {
        help_verb(verb, to);
    } else if (noun != NULL) {
        help_noun(noun, to);
    } else {
        return unknown_topic(cli, second == NULL ? first : second);
    }
    return OK;
}

enum error verb_help(struct cli *cli)
{
    struct buffer text = buffer_init(1024 * 1024);
    enum error err = OK;

    TRY(find_help(cli, &text));
    TRY(text.error);
    TRY(cli_write(stdout, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}

enum error verb_completion(struct cli *cli)
{
    struct buffer text = buffer_init(1024 * 1024);
    enum error err = OK;

    if (strcmp(cli_word(cli, 0), "bash") != 0) {
        err = cli_usage(cli, "there is completion for bash only");
        problem_mend(&cli->problems, "valise completion bash");
        goto out;
    }
    help_completion(&text);
    TRY(text.error);
    TRY(cli_write(stdout, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}
