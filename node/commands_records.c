/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
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
    LOOKED_AT_MAX = 5000, /* rows of one call, so that the loop is never held up for long */
    FILTERS_MAX = 8,
    CANDIDATES_MAX = 2000,
    FOLDED_MAX_BYTES = 8192,
    RECORD_READ_BYTES = 16 * 1024 * 1024
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

/** One condition that a record must meet. */
struct filter {
    enum index_field field;
    struct view value;
};

/** What is asked for. */
struct query {
    size_t filter_count;
    struct filter filters[FILTERS_MAX];
    bool all_versions;
    size_t limit;
    uint64_t below; /* numbers smaller than this; 0 for all */
};

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
    struct filter *filter = &query->filters[query->filter_count++];
    filter->field = field;
    TRY(arena_copy(command->arena, view_of_buffer(&folded), &filter->value));
out:
    buffer_free(&folded);
    return err;
}

static enum error read_query(struct command *command, struct query *query)
{
    const struct value *arguments = command->arguments;
    const char *cursor = commands_text(command, "cursor");
    enum error err = OK;

    *query = (struct query){.all_versions = value_get_bool(arguments, "all_versions"),
                            .limit = (size_t)value_get_integer(arguments, "limit", PAGE_DEFAULT)};
    query->below = cursor[0] == '\0' ? 0 : strtoull(cursor, NULL, 10);
    TRY(add_filter(command, query, "kind", INDEX_KIND));
    TRY(add_filter(command, query, "by", INDEX_ORIGINATOR));
    TRY(add_filter(command, query, "dest", INDEX_DESTINATION));
    TRY(add_filter(command, query, "code", INDEX_CODE));
out:
    return err;
}

/* "--since 2024" and longer: the main date as text begins no earlier. */
static bool is_since(struct command *command, const struct value *line)
{
    struct view since = value_get_text(command->arguments, "since");
    struct view date = value_get_text(line, "date");

    if (since.size == 0) {
        return true;
    }
    size_t common = since.size < date.size ? since.size : date.size;
    return common > 0 && view_compare(view_of(date.data, common), view_of(since.data, common)) >= 0;
}

static bool meets(struct store_txn *txn, const struct query *query, uint64_t number)
{
    for (size_t i = 0; i < query->filter_count; i++) {
        if (!store_index_has(txn, query->filters[i].field, query->filters[i].value, number)) {
            return false;
        }
    }
    return true;
}

/* Add the line of one record to the list, if it is wanted. */
static enum error add_line(struct command *command, struct store_txn *txn,
                           const struct query *query, uint64_t number, struct value *list)
{
    struct arena *arena = arena_new(RECORD_READ_BYTES);
    struct reading reading = {0};
    struct value *line = NULL;
    struct value *copy = NULL;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(reader_open(command->engine, txn, number, arena, &reading));
    if (!query->all_versions && reading.row.standing == RECORD_SUPERSEDED) {
        goto out;
    }
    TRY(reader_summary(command->engine, &reading, arena, command->now.wall, &line));
    if (is_since(command, line)) {
        TRY(value_copy(command->arena, line, &copy));
        TRY(value_append(command->arena, list, copy));
    }
out:
    arena_free(&arena);
    return err;
}

/* The next number of the walk: along the first filter's index, else along all records. */
static enum error next_number(struct store_txn *txn, const struct query *query, uint64_t below,
                              uint64_t *number)
{
    struct store_numbers found = {number, 1, 0};
    enum error err = OK;

    if (query->filter_count == 0) {
        return store_record_before(txn, below, number);
    }
    TRY(store_index_find(txn, query->filters[0].field, query->filters[0].value, below, &found));
    err = found.count == 0 ? ERR_NOT_FOUND : OK;
out:
    return err;
}

static enum error put_next(struct command *command, uint64_t below)
{
    return value_put_string(command->arena, command->result, "next",
                            arena_printf(command->arena, "%" PRIu64, below));
}

static enum error handle_list(struct command *command)
{
    struct value *list = value_list(command->arena);
    struct store_txn *txn = NULL;
    struct query query;
    uint64_t number = 0;
    enum error err = OK;

    TRY(read_query(command, &query));
    number = query.below;
    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    for (size_t looked = 0; list->count < query.limit; looked++) {
        err = next_number(txn, &query, number, &number);
        if (err == ERR_NOT_FOUND) {
            number = 0;
            err = OK;
            break;
        }
        TRY(err);
        if (looked == LOOKED_AT_MAX) {
            break;
        }
        if (meets(txn, &query, number)) {
            TRY(add_line(command, txn, &query, number, list));
        }
    }
    TRY(value_put(command->arena, command->result, "items", list));
    if (number != 0) {
        TRY(put_next(command, number));
    }
out:
    store_abort(&txn);
    return err;
}

/** Numbers found so far, newest first, each once. */
struct found {
    size_t count;
    uint64_t numbers[CANDIDATES_MAX];
};

static void add_found(struct found *found, uint64_t number)
{
    size_t place = found->count;

    for (size_t i = 0; i < found->count; i++) {
        if (found->numbers[i] == number) {
            return;
        }
        if (found->numbers[i] < number && place == found->count) {
            place = i;
        }
    }
    if (found->count == CANDIDATES_MAX) {
        return;
    }
    memmove(&found->numbers[place + 1], &found->numbers[place],
            (found->count - place) * sizeof found->numbers[0]);
    found->numbers[place] = number;
    found->count++;
}

/* All records in whose index a value stands, as it is compared in that field. */
static enum error find_exact(struct store_txn *txn, enum index_field field, struct view words,
                             struct found *found)
{
    uint64_t room[CANDIDATES_MAX];
    struct store_numbers numbers = {room, CANDIDATES_MAX, 0};
    struct buffer folded = buffer_init(FOLDED_MAX_BYTES);
    enum error err = OK;

    TRY(record_index_fold(field, words, &folded));
    if (folded.size > 0) {
        TRY(store_index_find(txn, field, view_of_buffer(&folded), 0, &numbers));
    }
    for (size_t i = 0; i < numbers.count; i++) {
        add_found(found, room[i]);
    }
out:
    buffer_free(&folded);
    return err;
}

/* All records that hold every word of the text in some name. */
static enum error find_words(struct store_txn *txn, struct view text, struct found *found)
{
    uint64_t room[CANDIDATES_MAX];
    struct store_numbers numbers = {room, CANDIDATES_MAX, 0};
    struct view words[NAME_WORDS_MAX];
    struct buffer folded = buffer_init(FOLDED_MAX_BYTES);
    enum error err = OK;

    TRY(names_fold(text, &folded));
    size_t word_count = names_words(view_of_buffer(&folded), words);
    if (word_count == 0) {
        goto out;
    }
    TRY(store_index_find(txn, INDEX_WORD, words[0], 0, &numbers));
    for (size_t i = 0; i < numbers.count; i++) {
        bool all = true;
        for (size_t w = 1; w < word_count && all; w++) {
            all = store_index_has(txn, INDEX_WORD, words[w], room[i]);
        }
        if (all) {
            add_found(found, room[i]);
        }
    }
out:
    buffer_free(&folded);
    return err;
}

/* One box takes anything: a reference, a number, a code, or a name in any script. */
static enum error handle_search(struct command *command)
{
    static const enum index_field exact[] = {INDEX_REFERENCE,  INDEX_REFERS_TO, INDEX_NAME,
                                             INDEX_IDENTIFIER, INDEX_SERIAL,    INDEX_CODE};
    struct view words = value_get_text(command->arguments, "words");
    struct found *found = arena_alloc(command->arena, sizeof *found);
    struct value *list = value_list(command->arena);
    struct store_txn *txn = NULL;
    struct query query;
    enum error err = OK;

    TRY(found == NULL ? arena_error(command->arena) : OK);
    TRY(read_query(command, &query));
    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        err = find_exact(txn, exact[i], words, found);
        TRY(err == ERR_TOO_LARGE || err == ERR_FIELD_VALUE ? OK : err); /* no such value */
    }
    err = find_words(txn, words, found);
    TRY(err == ERR_TOO_LARGE || err == ERR_FIELD_VALUE ? OK : err);
    for (size_t i = 0; i < found->count; i++) {
        uint64_t number = found->numbers[i];
        if ((query.below != 0 && number >= query.below) || !meets(txn, &query, number)) {
            continue;
        }
        if (list->count == query.limit) {
            TRY(put_next(command, number + 1));
            break;
        }
        TRY(add_line(command, txn, &query, number, list));
    }
    TRY(value_put(command->arena, command->result, "items", list));
out:
    store_abort(&txn);
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
