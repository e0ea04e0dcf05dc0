/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "complain.h"
#include "help.h"
#include "hint.h"
#include "secret.h"
#include "text.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUGGESTIONS_MAX = 128, HELP_MAX_BYTES = 1024 * 1024 };

/* Taken by every command, needed or not: people put them into an alias for their node. */
static const uint64_t anywhere = FLAG_BIT(FLAG_SOCKET) | FLAG_BIT(FLAG_HOME) |
                                 FLAG_BIT(FLAG_TIME_LIMIT) | FLAG_BIT(FLAG_QUIET) |
                                 FLAG_BIT(FLAG_VERBOSE) | FLAG_BIT(FLAG_COLOR);

static const char what_it_is[] =
    "valise: States that are party to the Arms Trade Treaty tell each other, sealed and signed,\n"
    "        whom they refused, who brokers, and what was diverted.\n"
    "  valise demo     shows it with three fictional States on this machine\n"
    "  valise init     makes the keys and configuration of a node\n"
    "  valise help     lists the commands\n";

/* --- which command is meant ---------------------------------------------------------------- */

static enum error unknown_word(struct cli *cli, const char *word, const char *noun)
{
    const char *candidates[SUGGESTIONS_MAX];
    size_t verb_count = 0;
    size_t noun_count = 0;
    size_t count = 0;
    const struct verb *verbs = verbs_table(&verb_count);
    const struct noun *nouns = nouns_table(&noun_count);

    for (size_t i = 0; i < verb_count && count < SUGGESTIONS_MAX; i++) {
        if (strcmp(verbs[i].noun, noun) == 0) {
            candidates[count++] = verbs[i].name;
        }
    }
    for (size_t i = 0; noun[0] == '\0' && i < noun_count && count < SUGGESTIONS_MAX; i++) {
        candidates[count++] = nouns[i].name;
    }
    const char *space = noun[0] == '\0' ? "" : " ";
    const char *meant = text_suggest(view_of_text(word), candidates, count);
    enum error err = cli_usage(cli, "there is no command \"valise %s%s%.40s\"", noun, space, word);
    if (meant != NULL) {
        problem_mend(&cli->problems, "did you mean: valise %s%s%s", noun, space, meant);
    } else {
        problem_mend(&cli->problems, "valise help%s%s", space, noun);
    }
    return err;
}

static void drop_words(struct options *options, size_t count)
{
    options->words += count;
    options->word_count -= count;
}

/*
 * Find the command and take its words away; cli->verb stays NULL when help about a noun or the
 * program is wanted.
 */
static enum error find_verb(struct cli *cli, const struct noun **noun)
{
    struct options *options = &cli->options;
    bool help = option_given(options, FLAG_HELP);
    const char *first = cli_word(cli, 0);
    const char *second = cli_word(cli, 1);

    *noun = NULL;
    if (first == NULL) {
        cli->verb = help ? NULL : verb_find("", "status");
        return OK;
    }
    cli->verb = verb_find("", first);
    if (cli->verb != NULL) {
        drop_words(options, 1);
        return OK;
    }
    *noun = noun_find(first);
    if (*noun == NULL) {
        return unknown_word(cli, first, "");
    }
    cli->verb = second == NULL && help ? NULL : verb_find(first, second == NULL ? "list" : second);
    if (cli->verb != NULL) {
        drop_words(options, second == NULL ? 1 : 2);
    }
    return cli->verb == NULL && second != NULL ? unknown_word(cli, second, first) : OK;
}

static enum error check_words(struct cli *cli)
{
    const struct verb *verb = cli->verb;
    size_t count = cli->options.word_count;
    char title[64];
    enum error err = OK;

    if (count >= verb->least && count <= verb->most) {
        return OK;
    }
    (void)verb_title(verb, title);
    if (count > verb->most && strcmp(verb->name, "search") == 0) {
        err = cli_usage(cli, "words to look for are not given on the command line: others on this "
                             "machine can read it");
        problem_mend(&cli->problems, "valise search (it asks), or: valise search - <FILE");
        return err;
    }
    err = cli_usage(cli, count < verb->least ? "%s needs: %s" : "%s takes no more than: %s", title,
                    verb->arguments[0] == '\0' ? "no words" : verb->arguments);
    problem_mend(&cli->problems, "valise %s --help", title);
    return err;
}

/* --- running ------------------------------------------------------------------------------- */

static enum error show_help(struct cli *cli, const struct noun *noun)
{
    struct buffer text = buffer_init(HELP_MAX_BYTES);
    enum error err = OK;

    if (cli->verb != NULL) {
        help_verb(cli->verb, &text);
    } else if (noun != NULL) {
        help_noun(noun, &text);
    } else {
        help_program(&text);
    }
    err = text.error != OK ? text.error : cli_write(stdout, view_of_buffer(&text));
    buffer_free(&text);
    return err;
}

/* `valise` alone, where no node was set up: what it is and how to begin. */
static bool nothing_set_up(struct cli *cli, int count)
{
    return count == 0 && getenv("VALISE_SOCKET") == NULL &&
           access("/var/lib/valise/keys", F_OK) != 0 && access(client_socket_path(cli), F_OK) != 0;
}

static enum error run(struct cli *cli, int count, char **arguments)
{
    const struct noun *noun = NULL;
    char title[64] = "";
    enum error err = OK;

    TRY(options_read(count, arguments, cli->arena, &cli->options));
    TRY(find_verb(cli, &noun));
    if (option_given(&cli->options, FLAG_HELP) || (cli->verb == NULL && noun != NULL)) {
        return show_help(cli, noun);
    }
    (void)verb_title(cli->verb, title);
    TRY(options_check(&cli->options, cli->verb->flags | anywhere, title, &cli->problems));
    TRY(cli_settle(cli));
    TRY(check_words(cli));
    if (nothing_set_up(cli, count)) {
        return cli_write(stdout, view_of_text(what_it_is));
    }
    TRY(cli->verb->run(cli));
    TRY(fflush(stdout) == 0 && ferror(stdout) == 0 ? OK : ERR_OUTPUT);
out:
    return err;
}

static int complain(struct cli *cli, enum error error)
{
    struct buffer node = buffer_init(HELP_MAX_BYTES);
    struct buffer text = buffer_init(HELP_MAX_BYTES);

    (void)fflush(stdout);
    hint_node(&cli->options, &node);
    const struct complaint complaint = {error, cli->doing, cli->source, &cli->problems,
                                        buffer_text(&node)};
    if (!option_given(&cli->options, FLAG_JSON) && !cli_is_json(cli)) {
        complain_text(&complaint, &text);
    } else if (complain_json(&complaint, &text) != OK) {
        buffer_clear(&text);
        buffer_printf(&text, "{\"error\":{\"code\":\"%s\",\"exit\":%d}}\n", error_info(error)->code,
                      error_info(error)->exit);
    }
    (void)fwrite(text.data, 1, text.size, stderr); /* if that fails, nobody can be told */
    buffer_free(&text);
    buffer_free(&node);
    return error_info(error)->exit;
}

/*
 * A stream that was closed is opened on nothing, so that no socket or file of
 * ours takes its number and its output. Standard output is opened for reading:
 * what cannot be written must fail.
 */
static void hold_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            _exit(1);
        }
    }
}

int main(int count, char **arguments)
{
    struct cli cli = {.talk = stdout, .width = CLI_WIDTH_STANDARD};
    int code = 0;
    enum error err = OK;

    hold_streams();
    (void)umask(0077);
    /* All output is UTF-8, whatever the environment says; nothing else depends on a locale. */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    cli.options.misused = FLAG_COUNT;
    cli.arena = arena_new(CLI_ARENA_BYTES);
    err = cli.arena == NULL ? ERR_NO_MEMORY : secret_start();
    if (err == OK) {
        err = run(&cli, count - 1, arguments + (count > 0 ? 1 : 0));
    }
    code = err == OK ? cli.exit : complain(&cli, err);
    client_free(&cli.client);
    arena_free(&cli.arena);
    return code;
}
