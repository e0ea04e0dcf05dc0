/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "intake.h"
#include "judge.h"
#include "newfile.h"
#include "output.h"
#include "pages.h"
#include "prompt.h"
#include "record_json.h"
#include "record_schema.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

/* Commands about records as a whole: lists, search, drafts, files. */

enum { EXIT_INCOMPLETE = 12, WORDS_MAX_BYTES = 1000, RECORD_TEXT_MAX_BYTES = 4 * 1024 * 1024 };

/* --- lists and search ---------------------------------------------------------------------- */

static const struct listing record_listing = {"valise/records/1",
                                              "Nothing found.",
                                              {{"reference", "REFERENCE", false, false},
                                               {"by", "BY", false, false},
                                               {"date", "DATE", false, false},
                                               {"status", "STATUS", false, false},
                                               {"destination", "TO", false, false},
                                               {"version", "VERSION", true, true},
                                               {"kind", "KIND", true, false},
                                               {"standing", "STANDING", true, false},
                                               {"headline", "WHAT", false, false}}};

/* A "no" is never silent: say what could not be looked at, on the screen and in the exit code. */
static void tell_coverage(struct cli *cli, const struct value *items)
{
    const struct value *missing = cli->missing;

    if (missing == NULL || cli->complete) {
        return;
    }
    if (items->count == 0) {
        cli->exit = EXIT_INCOMPLETE;
    }
    if (cli_is_json(cli)) {
        return;
    }
    (void)fprintf(stderr, "Not everything could be looked at:\n");
    for (size_t i = 0; missing->kind == PACK_LIST && i < missing->count; i++) {
        const struct value *row = missing->items[i];
        (void)fprintf(stderr, "  %s (%s): %s\n", safe_text(cli->arena, row, "name"),
                      safe_text(cli->arena, row, "state"), safe_text(cli->arena, row, "why"));
    }
    if (missing->count == 0) {
        (void)fprintf(stderr, "  the clock of this machine is not believed\n");
    }
}

static enum error list_records(struct cli *cli, const char *command, struct value *arguments)
{
    struct listing listing = record_listing;
    struct value *items = NULL;
    enum error err = OK;

    TRY(pages_fetch(cli, command, arguments, &items));
    if (cli->missing != NULL && !cli->complete) {
        listing.empty = "Nothing found, but not everything could be looked at.";
    }
    TRY(output_list(cli, &listing, items));
    tell_coverage(cli, items);
out:
    return err;
}

static enum error put_filter(struct cli *cli, struct value *arguments, const char *name,
                             enum flag flag)
{
    const char *text = option_value(&cli->options, flag);

    return text == NULL ? OK : value_put_string(cli->arena, arguments, name, text);
}

static enum error put_filters(struct cli *cli, struct value *arguments)
{
    enum error err = OK;

    TRY(put_filter(cli, arguments, "by", FLAG_BY));
    TRY(put_filter(cli, arguments, "dest", FLAG_DEST));
    TRY(put_filter(cli, arguments, "code", FLAG_ML));
    TRY(put_filter(cli, arguments, "since", FLAG_SINCE));
    TRY(put_filter(cli, arguments, "kind", FLAG_KIND));
    if (option_given(&cli->options, FLAG_MINE)) {
        TRY(option_given(&cli->options, FLAG_BY) ? cli_usage(cli, "--mine and --by contradict")
                                                 : OK);
        TRY(client_own_state(cli));
        TRY(value_put_string(cli->arena, arguments, "by", cli->own_state));
    }
    if (option_given(&cli->options, FLAG_ALL_VERSIONS)) {
        TRY(value_put_bool(cli->arena, arguments, "all_versions", true));
    }
out:
    return err;
}

enum error verb_record_list(struct cli *cli)
{
    struct value *arguments = value_map(cli->arena);
    enum error err = OK;

    cli_doing(cli, "list %ss", cli->verb->noun);
    TRY(value_put_string(cli->arena, arguments, "kind", cli->verb->noun));
    TRY(put_filters(cli, arguments));
    TRY(list_records(cli, "record.list", arguments));
out:
    return err;
}

static bool any_filter(const struct cli *cli)
{
    static const enum flag filters[] = {FLAG_KIND, FLAG_BY,    FLAG_MINE,        FLAG_DEST,
                                        FLAG_ML,   FLAG_SINCE, FLAG_ALL_VERSIONS};

    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (option_given(&cli->options, filters[i])) {
            return true;
        }
    }
    return false;
}

/* The words: from standard input with "-", else asked for; NULL when flags alone are to list. */
static enum error read_words(struct cli *cli, const char **words)
{
    const char *word = cli_word(cli, 0);
    struct view text = {0};
    enum error err = OK;

    if (word == NULL && any_filter(cli)) {
        return OK;
    }
    if (word == NULL && !cli->ask) {
        err =
            cli_usage(cli, "words are asked for on a terminal, or read from standard input with -");
        problem_mend(&cli->problems,
                     "valise search - <FILE; or flags alone: valise search --kind denial");
        return err;
    }
    if (word == NULL) {
        return prompt_line(cli, "Name, reference, number or code:", words);
    }
    if (strcmp(word, "-") != 0) {
        err = cli_usage(cli, "words to look for are not given on the command line: others on this "
                             "machine can read it");
        problem_mend(&cli->problems, "valise search (it asks), or: valise search - <FILE");
        return err;
    }
    TRY(intake_text(cli, "-", WORDS_MAX_BYTES, &text));
    cli->source[0] = '\0';
    text = intake_trim(text);
    TRY(text.size == 0 ? cli_usage(cli, "there are no words on standard input") : OK);
    TRY(memchr(text.data, 0, text.size) != NULL ? cli_usage(cli, "the words hold a zero byte")
                                                : OK);
    *words = arena_text(cli->arena, text);
    TRY(*words == NULL ? ERR_NO_MEMORY : OK);
out:
    return err;
}

enum error verb_search(struct cli *cli)
{
    struct value *arguments = value_map(cli->arena);
    const char *words = NULL;
    enum error err = OK;

    cli_doing(cli, "search");
    TRY(put_filters(cli, arguments));
    TRY(read_words(cli, &words));
    if (words != NULL) {
        TRY(value_put_string(cli->arena, arguments, "words", words));
    }
    TRY(list_records(cli, words == NULL ? "record.list" : "record.search", arguments));
out:
    return err;
}

/* --- new and validate ---------------------------------------------------------------------- */

static enum error print_template(struct cli *cli)
{
    struct value *record = NULL;
    struct buffer text = buffer_init(RECORD_TEXT_MAX_BYTES);
    enum error err = client_own_state(cli);

    if (err != OK) {
        cli->problems.count = 0;
        (void)fprintf(stderr, "valise: no node answers, so originator.state is to be filled in\n");
    }
    TRY(record_template(judge_kind(cli), cli->own_state[0] == '\0' ? "XXX" : cli->own_state,
                        cli_now(), cli->arena, &record));
    TRY(json_write(record, 2, &text));
    buffer_append_byte(&text, '\n');
    TRY(text.error);
    TRY(cli_write(stdout, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}

static enum error tell_draft(struct cli *cli, struct value *draft, bool kept)
{
    const char *reference = safe_text(cli->arena, draft, "reference");
    const struct value *warnings = value_get(draft, "warnings");
    enum error err = OK;

    if (cli_is_json(cli)) {
        TRY(value_put_bool(cli->arena, draft, "kept", kept));
        return output_document(cli, "valise/draft/1", draft);
    }
    for (size_t i = 0; warnings != NULL && warnings->kind == PACK_LIST && i < warnings->count;
         i++) {
        say(cli, "%sLook at this:%s %s\n", style(cli, STYLE_LOOK), style(cli, STYLE_PLAIN),
            safe(cli->arena, warnings->items[i]->bytes, false));
    }
    if (value_get_bool(draft, "published")) {
        say(cli, "This record was published before, as %s. No draft was made.\n", reference);
        say_next(cli, "valise show %s --readers", reference);
    } else if (value_get_bool(draft, "recalled")) {
        say(cli, "Draft %s is this record already. Nothing was changed.\n", reference);
        say_next(cli, "valise %s publish %s", cli->verb->noun, reference);
    } else if (kept) {
        say(cli, "Draft %s.\n", reference);
        say_next(cli, "valise %s publish %s", cli->verb->noun, reference);
    } else {
        say(cli, "It would be kept as a draft. Nothing was kept.\n");
    }
out:
    return err;
}

enum error verb_record_new(struct cli *cli)
{
    const char *path = option_value(&cli->options, FLAG_FROM);
    struct value *arguments = value_map(cli->arena);
    struct value *record = NULL;
    struct value *result = NULL;
    bool dry = option_given(&cli->options, FLAG_DRY_RUN);
    enum error err = OK;

    cli_doing(cli, "make a draft");
    if (option_given(&cli->options, FLAG_TEMPLATE)) {
        return path == NULL ? print_template(cli)
                            : cli_usage(cli, "--template and --from contradict");
    }
    if (path == NULL) {
        err = cli_usage(cli, "it needs the record: --from FILE, or --from - for standard input");
        problem_mend(&cli->problems,
                     "valise %s new --template >draft.json; edit it; then: valise "
                     "%s new --from draft.json",
                     cli->verb->noun, cli->verb->noun);
        return err;
    }
    TRY(intake_record(cli, path, judge_kind(cli), &record));
    TRY(value_put(cli->arena, arguments, "record", record));
    TRY(value_put_bool(cli->arena, arguments, "once", true));
    TRY(value_put_bool(cli->arena, arguments, "dry_run", dry));
    TRY(client_ask(cli, cli->arena, "draft.new", arguments, &result));
    cli->source[0] = '\0';
    TRY(tell_draft(cli, result, !dry && !value_get_bool(result, "recalled")));
out:
    return err;
}

enum error verb_record_validate(struct cli *cli)
{
    struct problems warnings = {0};
    struct value *record = NULL;
    struct value *document = value_map(cli->arena);
    enum error err = OK;

    TRY(intake_record(cli, cli_word(cli, 0), judge_kind(cli), &record));
    TRY(judge_record(cli, record, RECORD_OWN, &warnings));
    if (cli_is_json(cli)) {
        TRY(value_put_bool(cli->arena, document, "valid", true));
        TRY(value_put_string(cli->arena, document, "kind", record_kind_of(record)->kind));
        TRY(value_put(cli->arena, document, "warnings", judge_warnings(cli, &warnings)));
        return output_document(cli, "valise/validate/1", document);
    }
    judge_say_warnings(cli, &warnings);
    say(cli, "%s✓%s %s\n", style(cli, STYLE_GOOD), style(cli, STYLE_PLAIN),
        judge_headline(cli, record));
    if (!cli->stdin_used) {
        say_next(cli, "valise policy preview %s",
                 safe(cli->arena, view_of_text(cli->source), false));
    }
out:
    return err;
}

/* --- drafts -------------------------------------------------------------------------------- */

enum error verb_draft_list(struct cli *cli)
{
    static const struct listing listing = {"valise/drafts/1",
                                           "No drafts.",
                                           {{"reference", "REFERENCE", false, false},
                                            {"author", "BY", false, false},
                                            {"changed_at", "CHANGED", false, false}}};
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "list drafts");
    TRY(client_ask(cli, cli->arena, "draft.list", NULL, &result));
    TRY(output_list(cli, &listing, value_get(result, "items")));
out:
    return err;
}

enum error verb_draft_discard(struct cli *cli)
{
    const char *reference = judge_reference(cli, cli_word(cli, 0));
    struct value *result = NULL;
    char question[128];
    enum error err = OK;

    cli_doing(cli, "discard %s", reference);
    (void)snprintf(question, sizeof question, "Forget the draft %s?", reference);
    TRY(prompt_yes(cli, question));
    TRY(client_ask_text(cli, "draft.discard", &result, "reference", cli_word(cli, 0), NULL));
    if (cli_is_json(cli)) {
        TRY(value_put_string(cli->arena, result, "reference", reference));
        return output_document(cli, "valise/draft-discarded/1", result);
    }
    say(cli, "Draft %s is gone.\n", reference);
    say_next(cli, "valise draft list");
out:
    return err;
}

/* --- export -------------------------------------------------------------------------------- */

enum error verb_export(struct cli *cli)
{
    const char *path = option_value(&cli->options, FLAG_FILE);
    const char *reference = judge_reference(cli, cli_word(cli, 0));
    struct buffer text = buffer_init(RECORD_TEXT_MAX_BYTES);
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "export %s", reference);
    TRY(client_ask_text(cli, "record.export", &result, "reference", cli_word(cli, 0), NULL));
    const struct value *record = value_get(result, "record");
    TRY(record == NULL ? ERR_BUG : json_write(record, 2, &text));
    buffer_append_byte(&text, '\n');
    TRY(text.error);
    if (path == NULL || strcmp(path, "-") == 0) {
        TRY(cli_write(stdout, view_of_buffer(&text)));
        goto out;
    }
    TRY(newfile_write(cli, path, view_of_buffer(&text)));
    say(cli, "%s is in %s. The export is in the audit trail.\n", reference,
        safe(cli->arena, view_of_text(path), false));
out:
    buffer_free(&text);
    return err;
}
