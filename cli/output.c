/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include "record_json.h"
#include "text.h"

#include <libsmartcols/libsmartcols.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 * 1024 * 1024, DOCUMENT_MAX_BYTES = 512 * 1024 * 1024 };

/* --- cells --------------------------------------------------------------------------------- */

void cell_text(const struct value *value, struct buffer *to)
{
    if (value == NULL) {
        return;
    }
    switch (value->kind) {
    case PACK_TEXT:
        buffer_append(to, value->bytes);
        break;
    case PACK_INTEGER:
        buffer_printf(to, "%lld", (long long)value->number);
        break;
    case PACK_BOOL:
        buffer_append_text(to, value->flag ? "yes" : "no");
        break;
    case PACK_LIST:
        for (size_t i = 0; i < value->count; i++) {
            buffer_append_text(to, i == 0 ? "" : ", ");
            cell_text(value->items[i], to);
        }
        break;
    default:
        break;
    }
}

void csv_field(struct view text, struct buffer *to)
{
    bool quoted = false;

    for (size_t i = 0; i < text.size; i++) {
        quoted = quoted || strchr(",\"\r\n", text.data[i]) != NULL;
    }
    if (!quoted) {
        buffer_append(to, text);
        return;
    }
    buffer_append_byte(to, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') {
            buffer_append_byte(to, '"');
        }
        buffer_append_byte(to, text.data[i]);
    }
    buffer_append_byte(to, '"');
}

void pad_to(struct buffer *to, size_t from, size_t column)
{
    do {
        buffer_append_byte(to, ' ');
        from++;
    } while (from < column);
}

static void blanks(struct buffer *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buffer_append_byte(to, ' ');
    }
}

void wrap_text(struct view text, size_t column, size_t indent, size_t width, struct buffer *to)
{
    bool at_start = true;
    size_t i = 0;

    while (i < text.size) {
        size_t end = i;
        if (text.data[i] == '\n') {
            buffer_append_byte(to, '\n');
            blanks(to, indent);
            column = indent;
            at_start = true;
            i++;
            continue;
        }
        while (end < text.size && text.data[end] != ' ' && text.data[end] != '\n') {
            end++;
        }
        struct view word = view_of(text.data + i, end - i);
        size_t columns = text_columns(word);
        if (!at_start && column + 1 + columns > width) {
            buffer_append_byte(to, '\n');
            blanks(to, indent);
            column = indent;
        } else if (!at_start) {
            buffer_append_byte(to, ' ');
            column++;
        }
        buffer_append(to, word);
        column += columns;
        at_start = false;
        i = end < text.size && text.data[end] == ' ' ? end + 1 : end;
    }
}

/* --- choosing columns ---------------------------------------------------------------------- */

/** The columns to write, borrowed from the listing. */
struct choice {
    size_t count;
    const struct column *columns[COLUMNS_MAX];
};

static size_t column_count(const struct listing *listing)
{
    size_t count = 0;

    while (count < COLUMNS_MAX && listing->columns[count].key != NULL) {
        count++;
    }
    return count;
}

static enum error choose_named(struct cli *cli, const struct listing *listing, struct view name,
                               struct choice *choice)
{
    const char *keys[COLUMNS_MAX] = {NULL};
    size_t count = column_count(listing);

    for (size_t i = 0; i < count; i++) {
        keys[i] = listing->columns[i].key;
        if (view_is(name, keys[i]) && choice->count < COLUMNS_MAX) {
            choice->columns[choice->count++] = &listing->columns[i];
            return OK;
        }
    }
    const char *meant = text_suggest(name, keys, count);
    enum error err = cli_usage(cli, "--fields: there is no column \"%.*s\"",
                               (int)(name.size < 40 ? name.size : 40), (const char *)name.data);
    struct buffer all = buffer_init(PROBLEM_TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&all, "%s%s", i == 0 ? "" : ", ", keys[i]);
    }
    const char *text = buffer_text(&all);
    problem_mend(&cli->problems, meant != NULL ? "did you mean %s?" : "choose from: %s",
                 meant != NULL  ? meant
                 : text != NULL ? text
                                : "");
    buffer_free(&all);
    return err;
}

static enum error choose_fields(struct cli *cli, const struct listing *listing,
                                struct choice *choice)
{
    const char *wish = option_value(&cli->options, FLAG_FIELDS);
    bool all = cli->shape == SHAPE_WIDE || cli->shape == SHAPE_CSV || cli->shape == SHAPE_JSON ||
               cli->shape == SHAPE_JSONL;
    enum error err = OK;

    choice->count = 0;
    if (wish == NULL) {
        for (size_t i = 0; i < column_count(listing); i++) {
            if (all || !listing->columns[i].wide) {
                choice->columns[choice->count++] = &listing->columns[i];
            }
        }
        return OK;
    }
    for (const char *start = wish;; start++) {
        size_t size = strcspn(start, ",");
        TRY(choose_named(cli, listing, view_of(start, size), choice));
        start += size;
        if (*start == '\0') {
            break;
        }
    }
out:
    return err;
}

/* --- shapes -------------------------------------------------------------------------------- */

static enum error flush_line(struct buffer *line)
{
    enum error err = line->error;

    if (err == OK) {
        err = fwrite(line->data, 1, line->size, stdout) == line->size ? OK : ERR_OUTPUT;
    }
    buffer_clear(line);
    return err;
}

static enum error write_csv(const struct choice *choice, const struct value *items)
{
    struct buffer line = buffer_init(LINE_MAX_BYTES);
    struct buffer cell = buffer_init(LINE_MAX_BYTES);
    struct buffer shown = buffer_init(LINE_MAX_BYTES); /* a file may be shown on a terminal too */
    enum error err = OK;

    for (size_t c = 0; c < choice->count; c++) {
        buffer_printf(&line, "%s%s", c == 0 ? "" : ",", choice->columns[c]->key);
    }
    buffer_append_text(&line, "\r\n");
    TRY(flush_line(&line));
    for (size_t i = 0; i < items->count; i++) {
        for (size_t c = 0; c < choice->count; c++) {
            buffer_clear(&cell);
            buffer_clear(&shown);
            cell_text(value_get(items->items[i], choice->columns[c]->key), &cell);
            buffer_append_text(&line, c == 0 ? "" : ",");
            text_escape(&shown, view_of_buffer(&cell), true);
            csv_field(view_of_buffer(&shown), &line);
        }
        buffer_append_text(&line, "\r\n");
        TRY(cell.error);
        TRY(shown.error);
        TRY(flush_line(&line));
    }
out:
    buffer_free(&shown);
    buffer_free(&cell);
    buffer_free(&line);
    return err;
}

/* One row a line, cells between tabs, nothing cut: for other programs. */
static enum error write_tabs(const struct choice *choice, const struct value *items)
{
    struct buffer line = buffer_init(LINE_MAX_BYTES);
    struct buffer cell = buffer_init(LINE_MAX_BYTES);
    enum error err = OK;

    for (size_t i = 0; i < items->count; i++) {
        for (size_t c = 0; c < choice->count; c++) {
            buffer_clear(&cell);
            cell_text(value_get(items->items[i], choice->columns[c]->key), &cell);
            buffer_append_text(&line, c == 0 ? "" : "\t");
            text_escape(&line, view_of_buffer(&cell), false);
        }
        buffer_append_byte(&line, '\n');
        TRY(cell.error);
        TRY(flush_line(&line));
    }
out:
    buffer_free(&cell);
    buffer_free(&line);
    return err;
}

static enum error fill_line(struct libscols_table *table, const struct choice *choice,
                            const struct value *row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    struct buffer cell = buffer_init(LINE_MAX_BYTES);
    struct buffer shown = buffer_init(LINE_MAX_BYTES);
    enum error err = OK;

    TRY(line == NULL ? ERR_NO_MEMORY : OK);
    for (size_t c = 0; c < choice->count; c++) {
        buffer_clear(&cell);
        buffer_clear(&shown);
        cell_text(value_get(row, choice->columns[c]->key), &cell);
        text_escape(&shown, view_of_buffer(&cell), false);
        const char *text = buffer_text(&shown);
        TRY(text == NULL || scols_line_set_data(line, c, text) != 0 ? ERR_NO_MEMORY : OK);
    }
out:
    buffer_free(&shown);
    buffer_free(&cell);
    return err;
}

static enum error write_table(const struct choice *choice, const struct value *items)
{
    struct libscols_table *table = scols_new_table();
    bool terminal = isatty(STDOUT_FILENO) == 1;
    enum error err = OK;

    TRY(table == NULL ? ERR_NO_MEMORY : OK);
    (void)scols_table_set_column_separator(table, "  ");
    for (size_t c = 0; c < choice->count; c++) {
        bool last = c + 1 == choice->count;
        int flags = choice->columns[c]->right ? SCOLS_FL_RIGHT : 0;
        /* Only on a terminal, and only the last column: the others name things. */
        flags |= terminal && last && c > 0 ? SCOLS_FL_TRUNC : 0;
        TRY(scols_table_new_column(table, choice->columns[c]->title, 0, flags) == NULL
                ? ERR_NO_MEMORY
                : OK);
    }
    for (size_t i = 0; i < items->count; i++) {
        TRY(fill_line(table, choice, items->items[i]));
    }
    TRY(scols_print_table(table) == 0 ? OK : ERR_OUTPUT);
out:
    scols_unref_table(table);
    return err;
}

static enum error write_ids(const struct listing *listing, const struct value *items)
{
    const struct choice first = {1, {&listing->columns[0]}};

    return write_tabs(&first, items);
}

/* Only the columns that --fields names; all that the node told otherwise. */
static enum error cut_rows(struct cli *cli, const struct choice *choice, const struct value *items,
                           struct value **cut)
{
    struct value *list = value_list(cli->arena);
    enum error err = OK;

    for (size_t i = 0; i < items->count; i++) {
        struct value *row = items->items[i];
        if (option_given(&cli->options, FLAG_FIELDS)) {
            row = value_map(cli->arena);
            for (size_t c = 0; c < choice->count; c++) {
                const char *key = choice->columns[c]->key;
                struct value *cell = value_get(items->items[i], key);
                TRY(cell == NULL ? OK : value_put(cli->arena, row, key, cell));
            }
        }
        TRY(value_append(cli->arena, list, row));
    }
    *cut = list;
out:
    return err;
}

static enum error write_json(struct cli *cli, const struct listing *listing,
                             const struct choice *choice, const struct value *items)
{
    struct value *document = value_map(cli->arena);
    struct value *list = NULL;
    enum error err = OK;

    TRY(cut_rows(cli, choice, items, &list));
    if (cli->shape == SHAPE_JSON) {
        TRY(value_put(cli->arena, document, "items", list));
        if (cli->missing != NULL) {
            TRY(value_put_bool(cli->arena, document, "complete", cli->complete));
            TRY(value_put(cli->arena, document, "missing",
                          (struct value *)(uintptr_t)cli->missing));
        }
        return output_document(cli, listing->schema, document);
    }
    for (size_t i = 0; i < list->count; i++) {
        TRY(output_line(list->items[i]));
    }
out:
    return err;
}

enum error output_list(struct cli *cli, const struct listing *listing, const struct value *items)
{
    struct choice choice = {0};
    enum error err = OK;

    TRY(choose_fields(cli, listing, &choice));
    if (items == NULL || items->kind != PACK_LIST) {
        items = value_list(cli->arena);
        TRY(items == NULL ? ERR_NO_MEMORY : OK);
    }
    switch (cli->shape) {
    case SHAPE_JSON:
    case SHAPE_JSONL:
        return write_json(cli, listing, &choice, items);
    case SHAPE_CSV:
        return write_csv(&choice, items);
    case SHAPE_IDS:
        return write_ids(listing, items);
    default:
        break;
    }
    if (cli->shape == SHAPE_AUTO && isatty(STDOUT_FILENO) != 1) {
        return write_tabs(&choice, items);
    }
    if (items->count == 0) {
        say(cli, "%s\n", listing->empty);
        return OK;
    }
    err = write_table(&choice, items);
out:
    return err;
}

/* --- documents ----------------------------------------------------------------------------- */

static enum error write_value(const struct value *document, unsigned indent)
{
    struct buffer text = buffer_init(DOCUMENT_MAX_BYTES);
    enum error err = OK;

    TRY(json_write(document, indent, &text));
    buffer_append_byte(&text, '\n');
    TRY(text.error);
    TRY(cli_write(stdout, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}

enum error output_document(struct cli *cli, const char *schema, struct value *document)
{
    enum error err = OK;

    if (schema != NULL && value_get(document, "schema") == NULL) {
        TRY(value_put_string(cli->arena, document, "schema", schema));
    }
    err = write_value(document, cli->shape == SHAPE_JSONL ? 0 : 2);
out:
    return err;
}

enum error output_line(const struct value *document)
{
    return write_value(document, 0);
}
