/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "judge.h"
#include "output.h"
#include "preview.h"
#include "render.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* Showing one record or draft, and who may read it and has it. */

enum { PAGE_MAX_BYTES = 8 * 1024 * 1024 };

/* "--sections summary,restricted" as a bit set. */
static enum error wanted_sections(struct cli *cli, unsigned *sections)
{
    const char *wish = option_value(&cli->options, FLAG_SECTIONS);
    enum error err = OK;

    *sections = wish == NULL ? (unsigned)RENDER_ALL : 0;
    while (wish != NULL) {
        size_t size = strcspn(wish, ",");
        enum section_id section = SECTION_MANIFEST;
        if (!section_find(view_of(wish, size), &section)) {
            err = cli_usage(cli, "--sections: there is no section \"%.*s\"",
                            (int)(size < 40 ? size : 40), wish);
            problem_mend(&cli->problems, "valise help sections");
            return err;
        }
        *sections |= 1U << section;
        wish = wish[size] == ',' ? wish + size + 1 : NULL;
    }
    return OK;
}

static enum error write_record(struct cli *cli, struct value *record)
{
    struct buffer text = buffer_init(PAGE_MAX_BYTES);
    unsigned sections = 0;
    enum error err = OK;

    TRY(wanted_sections(cli, &sections));
    if (cli_is_json(cli)) {
        /* As the node gives it, so that it fulfils the schema of its kind. */
        return output_document(cli, NULL, record);
    }
    if (option_given(&cli->options, FLAG_RAW)) {
        render_raw(record, &text);
    } else {
        render_record(cli, record, sections, &text);
    }
    TRY(text.error);
    TRY(cli_write(stdout, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}

/* --- readers ------------------------------------------------------------------------------- */

static const char *delivery_words(struct view delivery)
{
    return view_is(delivery, "acknowledged") ? "has it"
           : view_is(delivery, "sent")       ? "sent, not confirmed yet"
                                             : "waiting to be sent";
}

static void say_holders(const struct cli *cli, const struct value *holders)
{
    for (size_t i = 0; holders != NULL && holders->kind == PACK_MAP && i < holders->count; i++) {
        const struct member *holder = &holders->members[i];
        struct view delivery = value_get_text(holder->value, "delivery");
        bool done = view_is(delivery, "acknowledged");
        say(cli, "  %s %s%s%s %s\n", safe(cli->arena, holder->key, false),
            style(cli, done ? STYLE_GOOD : STYLE_LOOK), done ? "✓" : "…", style(cli, STYLE_PLAIN),
            delivery_words(delivery));
    }
}

static enum error show_readers(struct cli *cli, struct value *record)
{
    const struct value *node = value_get(record, "node");
    struct value *document = value_map(cli->arena);
    struct value *preview = NULL;
    enum error err = OK;

    if (!value_get_bool(node, "own")) {
        err = problem_add(&cli->problems, ERR_POLICY_DENIED, "",
                          "only its originator knows who else reads it");
        problem_mend(&cli->problems, "valise show %s shows what is open to us",
                     judge_reference(cli, cli_word(cli, 0)));
        goto out;
    }
    TRY(client_ask_text(cli, "policy.preview", &preview, "reference",
                        judge_reference(cli, cli_word(cli, 0)), NULL));
    struct value *holders = value_get(node, "holders");
    if (cli_is_json(cli)) {
        TRY(value_put_text(cli->arena, document, "reference", value_get_text(record, "reference")));
        TRY(value_put(cli->arena, document, "readers", value_get(preview, "readers")));
        TRY(value_put(cli->arena, document, "holders",
                      holders == NULL ? value_map(cli->arena) : holders));
        return output_document(cli, "valise/readers/1", document);
    }
    say(cli, "%s  %s\n", safe_text(cli->arena, record, "reference"), judge_headline(cli, record));
    preview_say(cli, preview, NULL);
    say_holders(cli, holders);
out:
    return err;
}

/* --- show ---------------------------------------------------------------------------------- */

/* "DN-XMA-2026-0014#2": the reference, and the version to ask for. */
static enum error put_reference(struct cli *cli, struct value *arguments, const char *word)
{
    size_t size = strcspn(word, "#");
    enum error err = OK;

    TRY(value_put_text(cli->arena, arguments, "reference", view_of(word, size)));
    if (word[size] == '#') {
        char *end = NULL;
        long version = strtol(word + size + 1, &end, 10);
        if (word[size + 1] < '1' || word[size + 1] > '9' || *end != '\0' ||
            version > RECORD_NUMBER_MAX) {
            return cli_usage(cli, "a version is named as DN-XMA-2026-0014#1");
        }
        TRY(value_put_integer(cli->arena, arguments, "version", version));
    }
out:
    return err;
}

static enum error show_record(struct cli *cli, struct value *result)
{
    struct value *record = value_get(result, "record");

    if (record == NULL || record->kind != PACK_MAP) {
        return ERR_BUG;
    }
    return option_given(&cli->options, FLAG_READERS) ? show_readers(cli, record)
                                                     : write_record(cli, record);
}

enum error verb_show(struct cli *cli)
{
    struct value *arguments = value_map(cli->arena);
    const char *word = cli_word(cli, 0);
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "show %s", judge_reference(cli, word));
    TRY(put_reference(cli, arguments, word));
    TRY(client_ask(cli, cli->arena, "record.show", arguments, &result));
    TRY(show_record(cli, result));
out:
    return err;
}

enum error verb_draft_show(struct cli *cli)
{
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "show the draft %s", judge_reference(cli, cli_word(cli, 0)));
    TRY(client_ask_text(cli, "draft.show", &result, "reference", cli_word(cli, 0), NULL));
    TRY(show_record(cli, result));
out:
    return err;
}
