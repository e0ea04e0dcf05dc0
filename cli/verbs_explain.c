/* SPDX-License-Identifier: Apache-2.0 */
#include "codes.h"
#include "control.h"
#include "output.h"
#include "record_json.h"
#include "record_schema.h"
#include "sections.h"
#include "text.h"
#include "verbs.h"

#include <string.h>
#include <strings.h>

/* What words mean: errors, code lists, codes, sections, roles; and the schemas of records. */

enum { CANDIDATES_MAX = 256, SCHEMA_MAX_BYTES = 8 * 1024 * 1024 };

static const struct listing code_listing = {"valise/codes/1",
                                            "The list is empty.",
                                            {{"code", "CODE", false, false},
                                             {"list", "LIST", true, false},
                                             {"group", "GROUP", true, false},
                                             {"label", "MEANING", false, false}}};

/* --- errors -------------------------------------------------------------------------------- */

static enum error explain_error(struct cli *cli, enum error error)
{
    const struct error_info *info = error_info(error);
    struct value *document = value_map(cli->arena);
    enum error err = OK;

    if (cli_is_json(cli)) {
        TRY(value_put_string(cli->arena, document, "code", info->code));
        TRY(value_put_integer(cli->arena, document, "exit", info->exit));
        TRY(value_put_string(cli->arena, document, "message", info->text));
        TRY(value_put_string(cli->arena, document, "mend", info->mend));
        TRY(value_put_string(cli->arena, document, "why", info->why));
        return output_document(cli, "valise/explanation/1", document);
    }
    say(cli, "%s%s%s  %s.\n", style(cli, STYLE_BOLD), info->code, style(cli, STYLE_PLAIN),
        info->text);
    say(cli, "  mend   %s\n  why    %s\n  exit   %d\n", info->mend, info->why, info->exit);
out:
    return err;
}

/* --- codes --------------------------------------------------------------------------------- */

static enum error add_code(struct cli *cli, struct value *rows, const char *list,
                           const struct code *code)
{
    struct value *row = value_map(cli->arena);
    enum error err = OK;

    TRY(value_put_string(cli->arena, row, "code", code->code));
    TRY(value_put_string(cli->arena, row, "list", list));
    TRY(value_put_string(cli->arena, row, "label", code->label));
    TRY(value_put_string(cli->arena, row, "group", code->group == NULL ? "" : code->group));
    TRY(value_append(cli->arena, rows, row));
out:
    return err;
}

static enum error add_countries(struct cli *cli, struct value *rows, const char *word)
{
    size_t count = 0;
    const struct country *countries = country_list(&count);
    enum error err = OK;

    for (size_t i = 0; i < count; i++) {
        const struct code code = {countries[i].alpha3, countries[i].name, countries[i].alpha2};
        bool wanted = word == NULL || strcasecmp(word, countries[i].alpha3) == 0 ||
                      strcasecmp(word, countries[i].alpha2) == 0 ||
                      strcasecmp(word, countries[i].name) == 0;
        if (wanted) {
            TRY(add_code(cli, rows, "state", &code));
        }
    }
out:
    return err;
}

/* Every code spelt like the word, in whatever list; or the whole list that has the name. */
static enum error find_codes(struct cli *cli, const char *word, struct value *rows)
{
    enum error err = OK;

    for (int l = CODES_NONE + 1; l < CODES_LIST_COUNT; l++) {
        const struct code_list_info *list = code_list_info((enum code_list)l);
        bool whole = strcasecmp(list->name, word) == 0;
        const struct code *code = list->items;

        for (; code != NULL && code->code != NULL; code++) {
            if (whole || strcasecmp(code->code, word) == 0) {
                TRY(add_code(cli, rows, list->name, code));
            }
        }
    }
    TRY(add_countries(cli, rows, strcasecmp(word, "state") == 0 ? NULL : word));
out:
    return err;
}

/* --- sections, roles ----------------------------------------------------------------------- */

static enum error explain_word(struct cli *cli, const char *word, const char *kind,
                               const char *text)
{
    struct value *document = value_map(cli->arena);
    struct buffer wrapped = buffer_init(4096);
    enum error err = OK;

    if (cli_is_json(cli)) {
        TRY(value_put_string(cli->arena, document, "term", word));
        TRY(value_put_string(cli->arena, document, "kind", kind));
        TRY(value_put_string(cli->arena, document, "message", text));
        return output_document(cli, "valise/explanation/1", document);
    }
    wrap_text(view_of_text(text), 2, 2, cli->width, &wrapped);
    const char *shown = buffer_text(&wrapped);
    say(cli, "%s%s%s (%s)\n  %s\n", style(cli, STYLE_BOLD), word, style(cli, STYLE_PLAIN), kind,
        shown == NULL ? text : shown);
out:
    buffer_free(&wrapped);
    return err;
}

static enum error unknown_term(struct cli *cli, const char *word)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;
    enum error err = problem_add(&cli->problems, ERR_CODE_UNKNOWN, "",
                                 "there is no code, list or term \"%.40s\"", word);

    for (int l = CODES_NONE + 1; l < CODES_LIST_COUNT && count < CANDIDATES_MAX; l++) {
        candidates[count++] = code_list_info((enum code_list)l)->name;
    }
    for (int i = 1; i < ERROR_COUNT && count < CANDIDATES_MAX; i++) {
        candidates[count++] = error_info((enum error)i)->code;
    }
    for (int s = 0; s < SECTION_COUNT && count < CANDIDATES_MAX; s++) {
        candidates[count++] = section_name((enum section_id)s);
    }
    const char *meant = text_suggest(view_of_text(word), candidates, count);
    if (meant != NULL) {
        problem_mend(&cli->problems, "did you mean: valise explain %s", meant);
    } else {
        problem_mend(&cli->problems, "valise explain codes shows all lists");
    }
    return err;
}

/* "codes": the names of all lists. */
static enum error list_lists(struct cli *cli)
{
    static const struct listing listing = {
        "valise/code-lists/1",
        "",
        {{"list", "LIST", false, false}, {"codes", "CODES", false, true}}};
    struct value *rows = value_list(cli->arena);
    enum error err = OK;

    for (int l = CODES_NONE + 1; l < CODES_LIST_COUNT; l++) {
        const struct code_list_info *list = code_list_info((enum code_list)l);
        struct value *row = value_map(cli->arena);
        size_t count = 0;
        if (l == CODES_STATE) {
            (void)country_list(&count);
        }
        while (list->items != NULL && list->items[count].code != NULL) {
            count++;
        }
        TRY(value_put_string(cli->arena, row, "list", list->name));
        TRY(value_put_integer(cli->arena, row, "codes", (int64_t)count));
        TRY(value_append(cli->arena, rows, row));
    }
    err = output_list(cli, &listing, rows);
out:
    return err;
}

enum error verb_explain(struct cli *cli)
{
    const char *word = cli_word(cli, 0);
    enum error known = error_from_code(word);
    struct value *rows = value_list(cli->arena);
    enum section_id section = SECTION_MANIFEST;
    enum error err = OK;

    cli_doing(cli, "explain");
    if (known != OK) {
        return explain_error(cli, known);
    }
    if (strcmp(word, "codes") == 0) {
        return list_lists(cli);
    }
    if (section_find(view_of_text(word), &section)) {
        return explain_word(cli, word, "section of a record", section_help(section));
    }
    if (role_find(view_of_text(word)) != 0) {
        return explain_word(cli, word, "role", "valise help roles tells what it may ask for");
    }
    TRY(find_codes(cli, word, rows));
    TRY(rows->count == 0 ? unknown_term(cli, word) : OK);
    TRY(output_list(cli, &code_listing, rows));
out:
    return err;
}

/* --- schemas ------------------------------------------------------------------------------- */

enum error verb_schema_list(struct cli *cli)
{
    static const struct listing listing = {"valise/schemas/1",
                                           "",
                                           {{"kind", "KIND", false, false},
                                            {"schema_name", "SCHEMA", false, false},
                                            {"prefix", "REFERENCES", false, false},
                                            {"title", "WHAT", false, false}}};
    struct value *rows = value_list(cli->arena);
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);
    enum error err = OK;

    for (size_t i = 0; i < count; i++) {
        struct value *row = value_map(cli->arena);
        TRY(value_put_string(cli->arena, row, "kind", kinds[i].kind));
        TRY(value_put_string(cli->arena, row, "schema_name", kinds[i].schema));
        TRY(value_put_string(cli->arena, row, "prefix", kinds[i].prefix));
        TRY(value_put_string(cli->arena, row, "title", kinds[i].title));
        TRY(value_append(cli->arena, rows, row));
    }
    err = output_list(cli, &listing, rows);
out:
    return err;
}

enum error verb_schema_show(struct cli *cli)
{
    const char *word = cli_word(cli, 0);
    const struct record_kind *kind = record_kind_find(view_of_text(word));
    struct value *schema = NULL;
    struct buffer text = buffer_init(SCHEMA_MAX_BYTES);
    enum error err = OK;

    cli_doing(cli, "show the schema");
    if (kind == NULL) {
        err = problem_add(&cli->problems, ERR_CODE_UNKNOWN, "",
                          "there is no kind of record \"%.40s\"", word);
        problem_mend(&cli->problems, "valise schema list");
        goto out;
    }
    TRY(record_schema(kind, cli->arena, &schema));
    TRY(json_write(schema, 2, &text));
    buffer_append_byte(&text, '\n');
    TRY(text.error);
    TRY(cli_write(stdout, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}
