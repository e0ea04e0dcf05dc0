/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include "intake.h"
#include "keyfile.h"

#include <bsd/readpassphrase.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_MAX_BYTES = 4096, REASON_MAX_BYTES = 300, TRIES = 3 };

static bool may_ask(const struct cli *cli)
{
    return cli->ask && !cli->stdin_used;
}

static enum error nobody(struct cli *cli, const char *mend)
{
    enum error err =
        problem_add(&cli->problems, ERR_CANCELLED, "", "nothing was done: nobody can be asked");

    problem_mend(&cli->problems, "%s", mend);
    return err;
}

/* One line from standard input, without its end; false at its end. */
static bool read_answer(char answer[static ANSWER_MAX_BYTES])
{
    if (fgets(answer, ANSWER_MAX_BYTES, stdin) == NULL) {
        return false;
    }
    answer[strcspn(answer, "\r\n")] = '\0';
    return true;
}

enum error prompt_yes(struct cli *cli, const char *question)
{
    char answer[ANSWER_MAX_BYTES];

    if (option_given(&cli->options, FLAG_YES)) {
        return OK;
    }
    if (!may_ask(cli)) {
        return nobody(cli, "run it on a terminal and answer, or add --yes");
    }
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s [y/N] ", question);
    if (!read_answer(answer)) {
        return ERR_CANCELLED;
    }
    if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0) {
        return OK;
    }
    return problem_add(&cli->problems, ERR_CANCELLED, "",
                       "nothing was done: the answer was not yes");
}

enum error prompt_line(struct cli *cli, const char *question, const char **answer)
{
    char line[ANSWER_MAX_BYTES];
    enum error err = OK;

    if (!may_ask(cli)) {
        return nobody(cli, "run it on a terminal, or give the answers as flags");
    }
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s ", question);
    TRY(read_answer(line) ? OK : ERR_CANCELLED);
    struct view text = intake_trim(view_of_text(line));
    TRY(text.size == 0 ? ERR_CANCELLED : OK);
    *answer = arena_text(cli->arena, text);
    TRY(*answer == NULL ? ERR_NO_MEMORY : OK);
out:
    sodium_memzero(line, sizeof line);
    return err;
}

enum error prompt_typed(struct cli *cli, const char *question, const char *wanted)
{
    const char *typed = option_value(&cli->options, FLAG_CONFIRM);
    enum error err = OK;

    if (typed == NULL && !may_ask(cli)) {
        err =
            problem_add(&cli->problems, ERR_CANCELLED, "", "nothing was done: it is not confirmed");
        problem_mend(&cli->problems, "add --confirm %s", wanted);
        return err;
    }
    if (typed == NULL) {
        TRY(prompt_line(cli, question, &typed));
    }
    if (strcasecmp(typed, wanted) != 0) {
        err = problem_add(&cli->problems, ERR_CANCELLED, "",
                          "nothing was done: what was typed is not %s", wanted);
    }
out:
    return err;
}

enum error prompt_reason(struct cli *cli, const char **reason)
{
    const char *given = option_value(&cli->options, FLAG_REASON);
    const char *file = option_value(&cli->options, FLAG_REASON_FILE);
    enum error err = OK;

    if (given != NULL && file != NULL) {
        return cli_usage(cli, "--reason and --reason-file contradict");
    }
    if (file != NULL) {
        struct view text = {0};
        TRY(intake_text(cli, file, REASON_MAX_BYTES, &text));
        text = intake_trim(text);
        given = arena_text(cli->arena, text);
        TRY(given == NULL ? ERR_NO_MEMORY : OK);
    } else if (given == NULL && may_ask(cli)) {
        TRY(prompt_line(cli, "Why? (kept in the audit trail)", &given));
    }
    if (given == NULL || given[0] == '\0') {
        err = cli_usage(cli, "a reason is needed for the audit trail");
        problem_mend(&cli->problems, "add --reason \"…\" (without names of persons)");
        return err;
    }
    *reason = given;
out:
    return err;
}

/* readpassphrase echoes nothing and needs a terminal. */
static bool read_phrase(const char *question, char phrase[static PASSPHRASE_MAX_BYTES + 1])
{
    return readpassphrase(question, phrase, PASSPHRASE_MAX_BYTES + 1, RPP_REQUIRE_TTY) != NULL;
}

static enum error too_short(struct cli *cli)
{
    return problem_add(&cli->problems, ERR_PASSPHRASE, "",
                       "a pass phrase has at least %d bytes, and is typed twice alike",
                       PASSPHRASE_MIN_BYTES);
}

enum error prompt_passphrase(struct cli *cli, struct secret **phrase)
{
    char first[PASSPHRASE_MAX_BYTES + 1] = "";
    char second[PASSPHRASE_MAX_BYTES + 1] = "";
    enum error err = OK;

    if (!may_ask(cli)) {
        return nobody(cli, "give it with --passphrase-fd N, or use --key-file");
    }
    for (int i = 0; i < TRIES; i++) {
        TRY(read_phrase("Pass phrase (6 random words are good): ", first) ? OK : ERR_CANCELLED);
        if (strlen(first) < PASSPHRASE_MIN_BYTES) {
            (void)fprintf(stderr, "It needs at least %d bytes.\n", PASSPHRASE_MIN_BYTES);
            continue;
        }
        TRY(read_phrase("The same again: ", second) ? OK : ERR_CANCELLED);
        if (strcmp(first, second) == 0) {
            *phrase = secret_take((uint8_t *)first, strlen(first));
            TRY(*phrase == NULL ? ERR_NO_MEMORY : OK);
            goto out;
        }
        (void)fprintf(stderr, "The two differ.\n");
    }
    err = too_short(cli);
out:
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
    return err;
}
