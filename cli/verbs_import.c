/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "intake.h"
#include "judge.h"
#include "output.h"
#include "verbs.h"

#include <string.h>

/* Files of records, each record a draft; one bad record does not keep the others back. */

enum { EXIT_INVALID = 2 };

static const struct listing listing = {"valise/import/1",
                                       "The files hold no records.",
                                       {{"reference", "REFERENCE", false, false},
                                        {"result", "RESULT", false, false},
                                        {"file", "FILE", false, false},
                                        {"number", "NUMBER", false, true},
                                        {"code", "CODE", true, false},
                                        {"where", "WHERE", false, false},
                                        {"what", "WHAT", false, false}}};

/** An import on its way. */
struct import {
    struct cli *cli;
    const char *file;
    size_t number; /* of the record within its file, from 1 */
    bool dry;
    struct value *rows;
    size_t refused;
    size_t known; /* were here already */
};

/** What the node made of one record. */
struct taken {
    const char *reference;
    bool recalled;  /* it was here already, from the same words */
    bool published; /* and is published */
};

/* A reference that an earlier record of this run has would replace that one. */
static bool is_repeated(const struct import *import, const char *reference)
{
    for (size_t i = 0; i < import->rows->count; i++) {
        const struct value *row = import->rows->items[i];
        if (reference[0] != '\0' && view_is(value_get_text(row, "reference"), reference) &&
            !view_is(value_get_text(row, "result"), "refused")) {
            return true;
        }
    }
    return false;
}

/* Keep one record as a draft, or only check it. */
static enum error take(struct import *import, struct value *record, struct taken *taken)
{
    struct cli *cli = import->cli;
    struct value *arguments = value_map(cli->arena);
    struct value *result = NULL;
    enum error err = OK;

    if (record->kind != PACK_MAP) {
        return problem_add(&cli->problems, ERR_FIELD_TYPE, "", "it must be a JSON object");
    }
    taken->reference = judge_reference(cli, safe_text(cli->arena, record, "reference"));
    if (is_repeated(import, taken->reference)) {
        return problem_add(&cli->problems, ERR_REFERENCE_TAKEN, "/reference",
                           "an earlier record of this run has it");
    }
    TRY(value_put(cli->arena, arguments, "record", record));
    TRY(value_put_bool(cli->arena, arguments, "once", true));
    TRY(value_put_bool(cli->arena, arguments, "dry_run", import->dry));
    TRY(client_ask(cli, cli->arena, "draft.new", arguments, &result));
    taken->recalled = value_get_bool(result, "recalled");
    taken->published = value_get_bool(result, "published");
    if (!import->dry || taken->recalled) {
        taken->reference = safe_text(cli->arena, result, "reference");
    }
out:
    return err;
}

/* Whether the failure is this record's, so that the next one may still go well. */
static bool is_of_record(enum error error)
{
    int code = error_info(error)->exit;

    return code == EXIT_INVALID || code == 3 || code == 9;
}

static enum error add_row(struct import *import, enum error outcome, const struct taken *taken)
{
    struct cli *cli = import->cli;
    const struct problem *problem = cli->problems.count > 0 ? &cli->problems.items[0] : NULL;
    struct value *row = value_map(cli->arena);
    enum error err = OK;

    TRY(value_put_string(cli->arena, row, "file", import->file));
    TRY(value_put_integer(cli->arena, row, "number", (int64_t)import->number));
    TRY(value_put_string(cli->arena, row, "reference", taken->reference));
    TRY(value_put_string(cli->arena, row, "result",
                         outcome != OK      ? "refused"
                         : taken->published ? "published before"
                         : taken->recalled  ? "draft before"
                         : import->dry      ? "good"
                                            : "draft"));
    if (outcome != OK) {
        TRY(value_put_string(cli->arena, row, "code", error_info(outcome)->code));
        TRY(value_put_string(cli->arena, row, "where", problem == NULL ? "" : problem->where));
        TRY(value_put_string(cli->arena, row, "what",
                             problem == NULL ? error_info(outcome)->text : problem->what));
        import->refused++;
    }
    import->known += outcome == OK && taken->recalled ? 1 : 0;
    TRY(value_append(cli->arena, import->rows, row));
out:
    return err;
}

static enum error import_one(struct import *import, struct value *record)
{
    struct cli *cli = import->cli;
    struct taken taken = {.reference = ""};
    enum error outcome = OK;
    enum error err = OK;

    import->number++;
    cli->problems.count = 0;
    outcome = take(import, record, &taken);
    if (outcome != OK && !is_of_record(outcome)) {
        return outcome;
    }
    TRY(add_row(import, outcome, &taken));
    cli->problems.count = 0;
out:
    return err;
}

static enum error import_file(struct import *import)
{
    struct cli *cli = import->cli;
    struct value *tree = NULL;
    enum error err = OK;

    import->number = 0;
    TRY(intake_json(cli, import->file, IMPORT_MAX_BYTES, &tree));
    if (tree->kind != PACK_LIST) {
        return import_one(import, tree);
    }
    for (size_t i = 0; i < tree->count; i++) {
        TRY(import_one(import, tree->items[i]));
    }
out:
    return err;
}

enum error verb_import(struct cli *cli)
{
    struct import import = {.cli = cli,
                            .dry = option_given(&cli->options, FLAG_DRY_RUN),
                            .rows = value_list(cli->arena)};
    enum error err = OK;

    cli_doing(cli, "import");
    for (size_t i = 0; i < cli->options.word_count; i++) {
        import.file = cli_word(cli, i);
        err = import_file(&import);
        if (err != OK) {
            break;
        }
    }
    if (err != OK && import.rows->count == 0) {
        return err;
    }
    /* What was done before a failure is told all the same. */
    enum error told = output_list(cli, &listing, import.rows);
    TRY(err);
    TRY(told);
    cli->exit = import.refused > 0 ? EXIT_INVALID : 0;
    size_t good = import.rows->count - import.refused - import.known;
    if (!cli->quiet && !cli_is_json(cli)) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "%zu record%s: %zu %s, %zu known already, %zu refused\n",
                      import.rows->count, import.rows->count == 1 ? "" : "s", good,
                      import.dry  ? "good"
                      : good == 1 ? "draft"
                                  : "drafts",
                      import.known, import.refused);
    }
out:
    return err;
}
