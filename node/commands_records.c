/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "finder.h"
#include "names.h"
#include "publish.h"
#include "reader.h"
#include "record_index.h"
#include "record_sections.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Commands about records: finding, reading, taking out, and what was kept aside. */

enum {
    PAGE_DEFAULT = 50,
    OPENED_MAX = 200, /* records in one call, so that the loop is never held up for long */
    FOLDED_MAX_BYTES = 8192,
    RECORD_READ_BYTES = 2 * ENGINE_ARENA_BYTES /* whatever could be taken in can be shown */
};

enum error commands_reference(struct command *command, struct view *reference)
{
    struct reference parsed = {0};
    char text[REFERENCE_TEXT_BYTES];
    struct view typed = value_get_text(command->arguments, "reference");

    if (reference_parse(typed, &parsed) != OK) {
        enum error err = problem_add(command->problems, ERR_FIELD_VALUE, "reference",
                                     "it is no reference of a record");
        problem_mend(command->problems, "write it as DN-XMA-2026-0014");
        return err;
    }
    return arena_copy(command->arena, view_of_text(reference_format(&parsed, text)), reference);
}

/* --- lists and search ---------------------------------------------------------------------- */

/** What is asked for. */
struct query {
    struct finder finder;
    bool all_versions;
    size_t limit;
    size_t opened; /* records, in this call */
};

/* A mistyped code would find nothing and look like an answer: it must be known, or be used here. */
static enum error check_code(struct command *command, const char *argument, struct view typed,
                             struct view folded)
{
    uint64_t number = 0;
    struct store_numbers found = {&number, 1, 0};
    struct store_txn *txn = NULL;
    const char *meant = NULL;
    enum error err = OK;

    if (record_code_is_known(typed, &meant)) {
        return OK;
    }
    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    TRY(store_index_find(txn, INDEX_CODE, folded, 0, &found));
    if (found.count == 0) {
        err = problem_add(command->problems, ERR_FIELD_VALUE, argument,
                          "no list has the code \"%.*s\", and no record here",
                          (int)(typed.size < 60 ? typed.size : 60), (const char *)typed.data);
        problem_mend(command->problems,
                     meant != NULL ? "did you mean %s?" : "valise schema denial%.0s",
                     meant != NULL ? meant : "");
    }
out:
    store_abort(&txn);
    return err;
}

static enum error add_filter(struct command *command, struct query *query, const char *argument,
                             enum index_field field)
{
    struct buffer folded = buffer_init(FOLDED_MAX_BYTES);
    struct view typed = value_get_text(command->arguments, argument);
    enum error err = OK;

    if (typed.size == 0) {
        return OK;
    }
    TRY(record_index_fold(field, typed, &folded));
    if (folded.size == 0 || (field == INDEX_KIND && record_kind_find(typed) == NULL)) {
        err = problem_add(command->problems, ERR_FIELD_VALUE, argument, "\"%.*s\" cannot be found",
                          (int)(typed.size < 60 ? typed.size : 60), (const char *)typed.data);
        goto out;
    }
    TRY(field == INDEX_CODE ? check_code(command, argument, typed, view_of_buffer(&folded)) : OK);
    struct finder_condition *condition = &query->finder.conditions[query->finder.condition_count++];
    condition->field = field;
    TRY(arena_copy(command->arena, view_of_buffer(&folded), &condition->value));
out:
    buffer_free(&folded);
    return err;
}

/* A day, a month or a year, and nothing vaguer: what does not compare would find nothing. */
static enum error check_since(struct command *command)
{
    struct view since = value_get_text(command->arguments, "since");
    bool plain = since.size == 0 || since.size == 4 || since.size == 7 || since.size == 10;
    enum error err = OK;

    if (since.size > 0 &&
        (!plain || !date_is_partial(since) || memchr(since.data, '/', since.size) != NULL)) {
        err = problem_add(command->problems, ERR_FIELD_VALUE, "since", "it is no date");
        problem_mend(command->problems, "write it as 2026, 2026-03 or 2026-03-11");
    }
    return err;
}

static enum error read_query(struct command *command, struct query *query)
{
    const struct value *arguments = command->arguments;
    const char *cursor = commands_text(command, "cursor");
    int64_t limit = value_get_integer(arguments, "limit", PAGE_DEFAULT);
    enum error err = OK;

    memset(query, 0, sizeof *query);
    query->all_versions = value_get_bool(arguments, "all_versions");
    query->limit = limit < 1 ? PAGE_DEFAULT : (size_t)limit;
    query->finder.below = cursor[0] == '\0' ? 0 : strtoull(cursor, NULL, 10);
    TRY(check_since(command));
    TRY(add_filter(command, query, "kind", INDEX_KIND));
    TRY(add_filter(command, query, "by", INDEX_ORIGINATOR));
    TRY(add_filter(command, query, "dest", INDEX_DESTINATION));
    TRY(add_filter(command, query, "code", INDEX_CODE));
out:
    return err;
}

/* "--since 2024" and longer: the main date as text begins no earlier. A sealed date may. */
static bool is_since(struct command *command, const struct value *line)
{
    struct view since = value_get_text(command->arguments, "since");
    struct view date = value_get_text(line, "date");
    size_t common = since.size < date.size ? since.size : date.size;

    return view_compare(view_of(date.data, common), view_of(since.data, common)) >= 0;
}

/* A record that does not open is not passed over: it might be the one that is looked for. */
static enum error add_unreadable(struct command *command, struct store_txn *txn, uint64_t number,
                                 enum error why, struct value *list)
{
    struct arena *arena = command->arena;
    struct store_record row = {0};
    struct value *line = value_map(arena);
    enum error err = OK;

    if (store_record_get(txn, number, arena, &row) != OK) {
        row = (struct store_record){0};
    }
    const struct peer *peer = engine_peer_by_number(command->engine, (uint32_t)row.peer);
    TRY(value_put_text(arena, line, "reference", row.reference));
    TRY(value_put_integer(arena, line, "version", row.version));
    TRY(value_put_string(arena, line, "kind", ""));
    TRY(value_put_string(arena, line, "by", peer == NULL ? "" : peer->identity.state));
    TRY(value_put_string(arena, line, "date", ""));
    TRY(value_put_string(arena, line, "status", "unreadable"));
    TRY(value_put_string(arena, line, "destination", ""));
    TRY(value_put_string(
        arena, line, "headline",
        arena_printf(arena, "does not open (%s): valise doctor", error_info(why)->code)));
    TRY(value_put_string(arena, line, "standing", "unreadable"));
    TRY(value_append(arena, list, line));
out:
    return err;
}

/* Add the line of one record to the list, if it is wanted. */
static enum error add_line(struct command *command, struct query *query, uint64_t number,
                           struct value *list)
{
    struct arena *arena = arena_new(RECORD_READ_BYTES);
    struct store_txn *txn = query->finder.txn;
    struct reading reading = {0};
    struct value *line = NULL;
    struct value *copy = NULL;
    enum error err = OK;

    query->opened++;
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    err = reader_open(command->engine, txn, number, arena, &reading);
    if (err == OK && !query->all_versions && reading.row.standing == RECORD_SUPERSEDED) {
        goto out;
    }
    if (err == OK) {
        err = reader_summary(command->engine, &reading, arena, command->now.wall, &line);
    }
    if (err != OK) {
        err = err == ERR_NO_MEMORY ? err : add_unreadable(command, txn, number, err, list);
        goto out;
    }
    if (is_since(command, line)) {
        TRY(value_copy(command->arena, line, &copy));
        TRY(value_append(command->arena, list, copy));
    }
out:
    arena_free(&arena);
    return err;
}

/* One page of a walk; "next" unless it came to the end. */
static enum error put_page(struct command *command, struct query *query)
{
    struct value *list = value_list(command->arena);
    uint64_t number = 0;
    bool ended = false;
    enum error err = OK;

    while (!ended && list->count < query->limit && query->opened < OPENED_MAX) {
        err = finder_next(&query->finder, &number);
        if (err == ERR_NOT_FOUND) {
            ended = true;
            err = OK;
            break;
        }
        if (err == ERR_LANE_WAITS) {
            err = OK;
            break;
        }
        TRY(err);
        TRY(add_line(command, query, number, list));
    }
    TRY(value_put(command->arena, command->result, "items", list));
    TRY(commands_coverage(command));
    if (!ended) {
        TRY(value_put_string(command->arena, command->result, "next",
                             arena_printf(command->arena, "%" PRIu64, query->finder.below)));
    }
out:
    return err;
}

static enum error handle_list(struct command *command)
{
    struct query *query = arena_alloc(command->arena, sizeof *query);
    enum error err = OK;

    TRY(query == NULL ? arena_error(command->arena) : OK);
    TRY(read_query(command, query));
    if (query->finder.condition_count > 0) {
        /* Along the index of the first condition rather than along all records. */
        query->finder.source_count = 1;
        query->finder.sources[0].count = 1;
        query->finder.sources[0].all[0] = query->finder.conditions[0];
    }
    TRY(store_begin(command->engine->store, STORE_READ, &query->finder.txn));
    TRY(put_page(command, query));
out:
    if (query != NULL) {
        store_abort(&query->finder.txn);
    }
    return err;
}

/* A way to find records: by a whole value of a field. None if the words cannot be one. */
static enum error add_exact(struct command *command, struct query *query, enum index_field field,
                            struct view words)
{
    struct finder_source *source = &query->finder.sources[query->finder.source_count];
    struct buffer folded = buffer_init(FOLDED_MAX_BYTES);
    enum error err = record_index_fold(field, words, &folded);

    if (err == OK && folded.size > 0 && query->finder.source_count < FINDER_SOURCES_MAX) {
        source->count = 1;
        source->all[0].field = field;
        TRY(arena_copy(command->arena, view_of_buffer(&folded), &source->all[0].value));
        query->finder.source_count++;
    }
    err = err == ERR_TOO_LARGE || err == ERR_FIELD_VALUE ? OK : err;
out:
    buffer_free(&folded);
    return err;
}

/* A serial number is also found by each block of a range that it may lie in. */
static enum error add_serial(struct command *command, struct query *query, struct view words)
{
    size_t before = query->finder.source_count;
    enum error err = OK;

    TRY(add_exact(command, query, INDEX_SERIAL, words));
    if (query->finder.source_count == before) {
        goto out;
    }
    const struct view serial = query->finder.sources[before].all[0].value;
    for (size_t any = 1;
         any <= record_index_digits(serial) && query->finder.source_count < FINDER_SOURCES_MAX;
         any++) {
        struct finder_source *source = &query->finder.sources[query->finder.source_count++];
        char *block = arena_alloc(command->arena, serial.size);

        TRY(block == NULL ? arena_error(command->arena) : OK);
        memcpy(block, serial.data, serial.size);
        record_index_any_digits(block, serial.size, any);
        source->count = 1;
        source->all[0] = (struct finder_condition){INDEX_SERIAL, view_of(block, serial.size)};
    }
out:
    return err;
}

/* A State by its code in capitals; the names of States are also names of people. */
static bool is_alpha3(struct view words)
{
    char alpha3[4];

    return words.size == 3 && state_canonical(words, alpha3) && memcmp(words.data, alpha3, 3) == 0;
}

/* Another: every word of the text stands in some name of the record. */
static enum error add_words(struct command *command, struct query *query, struct view text)
{
    struct finder_source *source = &query->finder.sources[query->finder.source_count];
    struct view words[NAME_WORDS_MAX];
    struct buffer folded = buffer_init(FOLDED_MAX_BYTES);
    enum error err = names_fold(text, &folded);

    if (err != OK) {
        err = err == ERR_TOO_LARGE || err == ERR_FIELD_VALUE ? OK : err;
        goto out;
    }
    size_t count = names_words(view_of_buffer(&folded), words);
    TRY(query->finder.source_count < FINDER_SOURCES_MAX ? OK : ERR_BUG);
    for (size_t i = 0; i < count && i < FINDER_WORDS_MAX; i++) {
        source->all[i].field = INDEX_WORD;
        TRY(arena_copy(command->arena, words[i], &source->all[i].value));
        source->count = i + 1;
    }
    query->finder.source_count += count > 0 ? 1 : 0;
out:
    buffer_free(&folded);
    return err;
}

/* One box takes anything: a reference, a number, a code, or a name in any script. */
static enum error handle_search(struct command *command)
{
    static const enum index_field exact[] = {INDEX_REFERENCE, INDEX_REFERS_TO, INDEX_NAME,
                                             INDEX_IDENTIFIER, INDEX_CODE};
    struct view words = value_get_text(command->arguments, "words");
    struct query *query = arena_alloc(command->arena, sizeof *query);
    enum error err = OK;

    TRY(query == NULL ? arena_error(command->arena) : OK);
    TRY(read_query(command, query));
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        TRY(add_exact(command, query, exact[i], words));
    }
    TRY(add_serial(command, query, words));
    TRY(is_alpha3(words) ? add_exact(command, query, INDEX_STATE, words) : OK);
    TRY(add_words(command, query, words));
    if (query->finder.source_count == 0) {
        err = problem_add(command->problems, ERR_FIELD_VALUE, "words",
                          "there is no letter and no digit in it");
        goto out;
    }
    TRY(store_begin(command->engine->store, STORE_READ, &query->finder.txn));
    TRY(put_page(command, query));
out:
    if (query != NULL) {
        store_abort(&query->finder.txn);
    }
    return err;
}

/* --- showing ------------------------------------------------------------------------------- */

enum error commands_reading(struct command *command, struct store_txn *txn, struct reading *reading)
{
    struct view reference = {0};
    uint64_t number = 0;
    enum error err = OK;

    TRY(commands_reference(command, &reference));
    TRY(reader_find(command->engine, txn, reference,
                    value_get_integer(command->arguments, "version", 0), &number));
    TRY(reader_open(command->engine, txn, number, command->arena, reading));
out:
    return err;
}

static enum error handle_show(struct command *command)
{
    struct store_txn *txn = NULL;
    struct reading reading = {0};
    struct value *shown = NULL;
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    TRY(commands_reading(command, txn, &reading));
    TRY(reader_present(command->engine, txn, &reading, command->arena, &shown));
    TRY(value_put(command->arena, command->result, "record", shown));
out:
    store_abort(&txn);
    return err;
}

/* A received record leaves for a file only where its originator's caveats say so. */
static enum error check_export(struct command *command, const struct reading *reading)
{
    struct caveats caveats = {0};
    enum error err = OK;

    if (reading->own) {
        return OK;
    }
    TRY(caveats_read(reading->row.caveats, command->arena, &caveats));
    if (caveats.export_mode != EXPORT_FILE) {
        err = problem_add(command->problems, ERR_POLICY_DENIED, "export",
                          "its originator does not allow it as a file");
        problem_mend(command->problems, "ask the originator for \"export\": \"file\"");
    }
out:
    return err;
}

static enum error handle_export(struct command *command)
{
    struct store_txn *txn = NULL;
    struct reading reading = {0};
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_WRITE, &txn));
    TRY(commands_reading(command, txn, &reading));
    TRY(check_export(command, &reading));
    TRY(commands_note(command, txn, "record.exported", commands_text(command, "reference"), ""));
    TRY(engine_commit(command->engine, &txn));
    /* Internal fields stay here; what comes out can be read in again as a draft. */
    struct value *body = value_get(reading.record, "body");
    const struct record_object *fields = record_kind_of(reading.record)->body;
    for (size_t i = 0; body != NULL && i < fields->count; i++) {
        if (fields->fields[i].section == SECTION_INTERNAL) {
            value_remove(body, view_of_text(fields->fields[i].name));
        }
    }
    TRY(value_put(command->arena, command->result, "record", reading.record));
out:
    store_abort(&txn);
    return err;
}

/* --- quarantine ---------------------------------------------------------------------------- */

/* Rows keep the number in an error's code, which stays what it is. */
static const struct error_info *info_of_row(int64_t number)
{
    char code[8];

    (void)snprintf(code, sizeof code, "E%03d", (int)(number % 1000));
    return error_info(error_from_code(code));
}

static enum error handle_quarantine(struct command *command)
{
    enum { ROWS_MAX = 100 };
    struct arena *arena = command->arena;
    struct value *list = value_list(arena);
    struct store_txn *txn = NULL;
    uint64_t number = 0;
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    while (list->count < ROWS_MAX) {
        struct store_quarantine kept = {0};
        struct value *row = value_map(arena);
        const struct peer *peer = NULL;

        err = store_quarantine_before(txn, number, arena, &number, &kept);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            break;
        }
        TRY(err);
        peer = engine_peer_by_number(command->engine, (uint32_t)kept.peer);
        TRY(value_put_string(arena, row, "from", peer == NULL ? "?" : peer->identity.state));
        TRY(value_put_integer(arena, row, "entry", kept.seq));
        TRY(value_put_string(arena, row, "at", instant_format(kept.time, text)));
        TRY(value_put_string(arena, row, "code", info_of_row(kept.error)->code));
        TRY(value_put_string(arena, row, "why", info_of_row(kept.error)->text));
        TRY(value_append(arena, list, row));
    }
    TRY(value_put(arena, command->result, "items", list));
out:
    store_abort(&txn);
    return err;
}

const struct command_row commands_records[] = {
    {"record.list", handle_list},           {"record.search", handle_search},
    {"record.show", handle_show},           {"record.export", handle_export},
    {"quarantine.list", handle_quarantine}, {NULL, NULL},
};
