/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "intake.h"
#include "judge.h"
#include "output.h"
#include "preview.h"
#include "prompt.h"
#include "verbs.h"
#include "waiting.h"

#include <string.h>

/* Publishing: preview, question, and then exactly what was shown. */

enum { EXIT_INTERRUPTED = 130 };

/** One wish to publish. */
struct publishing {
    struct cli *cli;
    const char *reference; /* stored form; NULL for a file that is not kept yet */
    struct value *record;
    struct value *preview; /* as the node gave it */
    bool kept_now;         /* the draft was made by this command */
    bool was_published;    /* before, from the same file */
};

/* --- what is published --------------------------------------------------------------------- */

static enum error load_draft(struct publishing *publishing, const char *word)
{
    struct cli *cli = publishing->cli;
    const struct record_kind *found = NULL;
    struct value *result = NULL;
    enum error err = OK;

    publishing->reference = judge_reference(cli, word);
    cli_doing(cli, "publish %s", publishing->reference);
    err = client_ask_text(cli, "draft.show", &result, "reference", word, NULL);
    if (err == ERR_NOT_FOUND && cli->problems.count == 0) {
        (void)problem_add(&cli->problems, err, "", "there is no such draft");
        problem_mend(&cli->problems, "valise draft list");
    }
    TRY(err);
    publishing->record = value_get(result, "record");
    TRY(publishing->record == NULL ? ERR_BUG : OK);
    found = record_kind_of(publishing->record);
    if (found != judge_kind(cli)) {
        err = cli_usage(cli, "it is no %s", cli->verb->noun);
        problem_mend(&cli->problems, "valise %s publish %s", found == NULL ? "…" : found->kind,
                     publishing->reference);
    }
out:
    return err;
}

/* Keep the record of a file, or only ask; the same file again keeps its reference. */
static enum error ask_draft(struct publishing *publishing, bool dry, struct value **result)
{
    struct cli *cli = publishing->cli;
    struct value *arguments = value_map(cli->arena);
    enum error err = OK;

    TRY(value_put(cli->arena, arguments, "record", publishing->record));
    TRY(value_put_bool(cli->arena, arguments, "once", true));
    TRY(value_put_bool(cli->arena, arguments, "dry_run", dry));
    TRY(client_ask(cli, cli->arena, "draft.new", arguments, result));
out:
    return err;
}

/* A file is checked here first, so that its mistakes are told before anything is kept. */
static enum error load_file(struct publishing *publishing, const char *path)
{
    struct cli *cli = publishing->cli;
    struct value *copy = NULL;
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "publish");
    TRY(intake_record(cli, path, judge_kind(cli), &publishing->record));
    TRY(client_own_state(cli));
    TRY(value_copy(cli->arena, publishing->record, &copy));
    TRY(judge_record(cli, copy, RECORD_OWN, NULL));
    TRY(ask_draft(publishing, true, &result));
    if (value_get_bool(result, "published")) {
        publishing->was_published = true;
        publishing->reference = safe_text(cli->arena, result, "reference");
    }
out:
    return err;
}

static enum error ask_preview(struct publishing *publishing)
{
    struct cli *cli = publishing->cli;
    struct value *arguments = value_map(cli->arena);
    struct value *filled = NULL;
    enum error err = OK;

    if (publishing->reference != NULL) {
        TRY(value_put_string(cli->arena, arguments, "reference", publishing->reference));
    } else {
        TRY(value_copy(cli->arena, publishing->record, &filled));
        TRY(judge_record(cli, filled, RECORD_OWN, NULL));
        TRY(value_put(cli->arena, arguments, "record", filled));
    }
    TRY(client_ask(cli, cli->arena, "policy.preview", arguments, &publishing->preview));
out:
    return err;
}

static enum error keep_draft(struct publishing *publishing)
{
    struct cli *cli = publishing->cli;
    struct value *result = NULL;
    enum error err = OK;

    TRY(ask_draft(publishing, false, &result));
    publishing->reference = safe_text(cli->arena, result, "reference");
    publishing->kept_now = true;
    cli->source[0] = '\0';
    cli_doing(cli, "publish %s", publishing->reference);
out:
    return err;
}

/* --- the question -------------------------------------------------------------------------- */

static enum error show_and_ask(struct publishing *publishing)
{
    struct cli *cli = publishing->cli;
    FILE *talk = cli->talk;
    enum error err = OK;

    /* Whoever said yes beforehand and wants few words gets the result only. */
    if (cli->quiet && option_given(&cli->options, FLAG_YES) &&
        !option_given(&cli->options, FLAG_DRY_RUN)) {
        return OK;
    }
    if (talk == NULL && !option_given(&cli->options, FLAG_YES)) {
        cli->talk = stderr; /* standard output is for the JSON document alone */
    }
    say(cli, "%s\n", judge_headline(cli, publishing->record));
    preview_say(cli, publishing->preview, publishing->record);
    say(cli, "You can correct it later; you cannot make another State forget it.\n");
    err = option_given(&cli->options, FLAG_DRY_RUN) ? OK : prompt_yes(cli, "Publish?");
    cli->talk = talk;
    return err;
}

/* --- sending and waiting ------------------------------------------------------------------- */

static enum error send_it(struct publishing *publishing, struct value **result)
{
    struct cli *cli = publishing->cli;
    struct value *arguments = value_map(cli->arena);
    enum error err = OK;

    if (publishing->reference != NULL) {
        TRY(value_put_string(cli->arena, arguments, "reference", publishing->reference));
    } else {
        TRY(value_put(cli->arena, arguments, "record", publishing->record));
    }
    TRY(value_put_text(cli->arena, arguments, "preview",
                       value_get_text(publishing->preview, "preview")));
    if (option_given(&cli->options, FLAG_DRY_RUN)) {
        TRY(value_put_bool(cli->arena, arguments, "dry_run", true));
    }
    TRY(client_ask(cli, cli->arena, "record.publish", arguments, result));
out:
    return err;
}

static enum error wait_for_readers(struct publishing *publishing, struct value *result)
{
    struct cli *cli = publishing->cli;
    int64_t limit_ms = 30 * SECOND_MS;
    struct waiting waiting = {0};
    enum error err = OK;

    TRY(option_duration(&cli->options, FLAG_WAIT, &limit_ms, &cli->problems));
    TRY(waiting_run(cli, publishing->reference, limit_ms, &waiting));
    TRY(value_put(cli->arena, result, "confirmed", waiting.done));
    if (waiting.confirmed >= waiting.readers) {
        return OK;
    }
    if (waiting.interrupted) {
        cli->exit = EXIT_INTERRUPTED;
        (void)fprintf(stderr,
                      "\nStopped waiting. %s is published; %zu of %zu States have it, the "
                      "others get it by themselves.\n",
                      publishing->reference, waiting.confirmed, waiting.readers);
        return OK;
    }
    err =
        problem_add(&cli->problems, ERR_PEER_SILENT, "", "%zu of %zu States have not confirmed it",
                    waiting.readers - waiting.confirmed, waiting.readers);
    problem_mend(&cli->problems,
                 "it is queued and sent by itself; look with: valise show %s --readers",
                 publishing->reference);
out:
    return err;
}

static enum error tell_published(struct publishing *publishing, const struct value *result)
{
    struct cli *cli = publishing->cli;
    long long readers = (long long)value_get_integer(result, "reader_count", 0);
    char now[INSTANT_TEXT_BYTES];

    if (option_given(&cli->options, FLAG_DRY_RUN)) {
        say(cli, "It would be published. Nothing was sent.\n");
        return OK;
    }
    say(cli, "%s✓%s %s signed and published %.8s UTC, for %lld other State%s\n",
        style(cli, STYLE_GOOD), style(cli, STYLE_PLAIN), publishing->reference,
        instant_format(cli_now(), now) + 11, readers, readers == 1 ? "" : "s");
    return fflush(stdout) == 0 ? OK : ERR_OUTPUT;
}

/* When the answer was no, what this command kept is said. */
static void tell_kept(const struct publishing *publishing)
{
    if (publishing->kept_now) {
        say(publishing->cli, "Kept as draft %s.\n", publishing->reference);
    }
}

static enum error publish(struct publishing *publishing)
{
    struct cli *cli = publishing->cli;
    bool dry = option_given(&cli->options, FLAG_DRY_RUN);
    struct value *result = NULL;
    enum error waited = OK;
    enum error err = OK;

    TRY(ask_preview(publishing));
    TRY(show_and_ask(publishing));
    if (publishing->reference == NULL && !dry) {
        TRY(keep_draft(publishing));
    }
    err = send_it(publishing, &result);
    if (err != OK) {
        tell_kept(publishing);
        goto out;
    }
    if (!dry) {
        /* Whatever goes wrong from here on, that much is true. */
        (void)snprintf(cli->doing, sizeof cli->doing, "%s is published, but",
                       publishing->reference);
    }
    TRY(value_put_bool(cli->arena, result, "published", !dry));
    TRY(tell_published(publishing, result));
    if (!dry && option_given(&cli->options, FLAG_WAIT)) {
        waited = wait_for_readers(publishing, result);
    }
    if (cli_is_json(cli)) {
        TRY(output_document(cli, "valise/published/1", result));
    } else if (!dry && waited == OK) {
        say_next(cli, "valise show %s --readers", publishing->reference);
    }
    err = waited;
out:
    return err;
}

/* The command was run before and may not have been heard to say so: nothing is sent twice. */
static enum error tell_again(struct publishing *publishing)
{
    struct cli *cli = publishing->cli;
    struct value *result = value_map(cli->arena);
    enum error waited = OK;
    enum error err = OK;

    TRY(value_put_string(cli->arena, result, "reference", publishing->reference));
    TRY(value_put_bool(cli->arena, result, "published", true));
    TRY(value_put_bool(cli->arena, result, "before", true));
    say(cli, "%s✓%s This record was published before, as %s. Nothing was sent again.\n",
        style(cli, STYLE_GOOD), style(cli, STYLE_PLAIN), publishing->reference);
    say(cli, "If it is another case, give it a \"reference\" of its own.\n");
    (void)snprintf(cli->doing, sizeof cli->doing, "%s is published, but", publishing->reference);
    if (option_given(&cli->options, FLAG_WAIT) && !option_given(&cli->options, FLAG_DRY_RUN)) {
        waited = wait_for_readers(publishing, result);
    }
    if (cli_is_json(cli)) {
        TRY(output_document(cli, "valise/published/1", result));
    } else if (waited == OK) {
        say_next(cli, "valise show %s --readers", publishing->reference);
    }
    err = waited;
out:
    return err;
}

enum error verb_record_publish(struct cli *cli)
{
    struct publishing publishing = {.cli = cli};
    const char *path = option_value(&cli->options, FLAG_FROM);
    const char *word = cli_word(cli, 0);
    enum error err = OK;

    cli_doing(cli, "publish");
    if ((path == NULL) == (word == NULL)) {
        err = cli_usage(cli, "name a draft, or a file with --from, one of the two");
        problem_mend(&cli->problems, "valise draft list; or: valise %s publish --from FILE",
                     cli->verb->noun);
        return err;
    }
    TRY(word != NULL ? load_draft(&publishing, word) : load_file(&publishing, path));
    TRY(publishing.was_published ? tell_again(&publishing) : publish(&publishing));
out:
    return err;
}
