/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include "output.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* --- checking ------------------------------------------------------------------------------ */

/* Our State, or one that is user-assigned and so never a real one. */
static const char *own_state(const struct cli *cli)
{
    return cli->own_state[0] == '\0' ? "XXX" : cli->own_state;
}

static enum error fill_reference(struct cli *cli, struct value *record)
{
    const struct record_kind *kind = record_kind_of(record);
    struct view state = value_get_text(value_get(record, "originator"), "state");
    char day[DATE_TEXT_BYTES];
    enum error err = OK;

    if (kind == NULL || value_get(record, "reference") != NULL) {
        return OK;
    }
    if (state.size != 3) {
        state = view_of_text(own_state(cli));
    }
    TRY(value_put_string(cli->arena, record, "reference",
                         arena_printf(cli->arena, "%s-%.3s-%.4s-0001", kind->prefix,
                                      (const char *)state.data,
                                      instant_format_date(cli_now(), day))));
out:
    return err;
}

static enum error fill(struct cli *cli, struct value *record)
{
    struct value *originator = value_get(record, "originator");
    struct instant now = cli_now();
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    now.ms -= now.ms % SECOND_MS;
    if (value_get(record, "issued_at") == NULL) {
        TRY(value_put_string(cli->arena, record, "issued_at", instant_format(now, text)));
    }
    if (originator != NULL && originator->kind == PACK_MAP &&
        value_get(originator, "state") == NULL) {
        TRY(value_put_string(cli->arena, originator, "state", own_state(cli)));
    }
    TRY(fill_reference(cli, record));
out:
    return err;
}

enum error judge_record(struct cli *cli, struct value *record, enum record_check_mode mode,
                        struct problems *warnings)
{
    enum error err = OK;

    TRY(fill(cli, record));
    TRY(record_check(record, mode, cli->arena, &cli->problems, warnings));
out:
    return err;
}

static size_t shown_count(const struct problems *problems)
{
    return problems->count < PROBLEM_COUNT_MAX ? problems->count : PROBLEM_COUNT_MAX;
}

void judge_say_warnings(const struct cli *cli, const struct problems *warnings)
{
    for (size_t i = 0; i < shown_count(warnings); i++) {
        const struct problem *warning = &warnings->items[i];
        say(cli, "%sLook at this:%s %s: %s\n", style(cli, STYLE_LOOK), style(cli, STYLE_PLAIN),
            safe(cli->arena, view_of_text(warning->where), false),
            safe(cli->arena, view_of_text(warning->what), false));
    }
}

struct value *judge_warnings(struct cli *cli, const struct problems *warnings)
{
    struct value *list = value_list(cli->arena);

    for (size_t i = 0; i < shown_count(warnings); i++) {
        const char *text =
            arena_printf(cli->arena, "%s: %s", warnings->items[i].where, warnings->items[i].what);
        if (text == NULL || value_append(cli->arena, list, value_string(cli->arena, text)) != OK) {
            return NULL;
        }
    }
    return list;
}

/* --- recognising --------------------------------------------------------------------------- */

static struct view text_at(const struct value *record, const char *pointer)
{
    const struct value *value = value_at(record, view_of_text(pointer));

    return value != NULL && value->kind == PACK_TEXT ? value->bytes : view_of(NULL, 0);
}

static void append_goods(struct cli *cli, const struct value *record, struct buffer *to)
{
    static const char *const places[] = {"/body/items/0", "/body/materiel/0"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct value *goods = value_at(record, view_of_text(places[i]));
        const struct value *quantity = value_get(goods, "quantity");
        if (value_get_text(goods, "description").size == 0) {
            continue;
        }
        buffer_printf(to, ": %s", safe_text(cli->arena, goods, "description"));
        if (quantity != NULL && (quantity->kind == PACK_INTEGER || quantity->kind == PACK_TEXT)) {
            buffer_append_text(to, ", ");
            cell_text(quantity, to);
            buffer_append_text(to, value_get_text(goods, "unit").size > 0 ? " " : "");
            buffer_append_text(to, safe_text(cli->arena, goods, "unit"));
        }
        return;
    }
    struct view name = text_at(record, "/body/subjects/0/names/0/name");
    if (name.size > 0) {
        buffer_printf(to, ": %s", safe(cli->arena, name, false));
    }
}

const char *judge_headline(struct cli *cli, const struct value *record)
{
    const struct record_kind *kind = record_kind_of(record);
    struct buffer line = buffer_init(8192);
    struct view destination = text_at(record, "/body/destination");
    const char *text = NULL;

    buffer_append_text(&line, kind == NULL ? "Record" : kind->title);
    append_goods(cli, record, &line);
    if (destination.size > 0) {
        buffer_printf(&line, ", to %s", safe(cli->arena, destination, false));
    }
    if (line.error == OK) {
        text = arena_text(cli->arena, view_of_buffer(&line));
    }
    buffer_free(&line);
    return text == NULL ? "" : text;
}

size_t judge_persons(const struct value *record)
{
    static const char *const lists[] = {"parties", "subjects", "actors"};
    const struct value *body = value_get(record, "body");
    size_t persons = 0;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct value *list = value_get(body, lists[i]);
        size_t count = list != NULL && list->kind == PACK_LIST ? list->count : 0;
        for (size_t p = 0; p < count; p++) {
            persons += view_is(value_get_text(list->items[p], "type"), "person") ? 1 : 0;
        }
    }
    return persons;
}

/* --- words --------------------------------------------------------------------------------- */

const struct record_kind *judge_kind(const struct cli *cli)
{
    return record_kind_find(view_of_text(cli->verb->noun));
}

bool judge_is_reference(const char *word)
{
    struct reference reference = {0};
    size_t size = strcspn(word, "#");

    return reference_parse(view_of(word, size), &reference) == OK;
}

const char *judge_reference(struct cli *cli, const char *typed)
{
    struct reference reference = {0};
    char text[REFERENCE_TEXT_BYTES];
    size_t size = strcspn(typed, "#");
    const char *form = NULL;

    if (reference_parse(view_of(typed, size), &reference) != OK) {
        return safe(cli->arena, view_of_text(typed), false);
    }
    form = arena_printf(cli->arena, "%s", reference_format(&reference, text));
    return form == NULL ? "" : form;
}
