/* SPDX-License-Identifier: Apache-2.0 */
#include "preview.h"

#include "judge.h"
#include "output.h"
#include "text.h"

#include <string.h>

enum { STATE_COLUMN = 2, CELL_GAP = 2, TABLE_MAX_BYTES = 256 * 1024 };

static size_t list_count(const struct value *list)
{
    return list != NULL && list->kind == PACK_LIST ? list->count : 0;
}

static bool reads_anything(const struct value *row)
{
    for (size_t i = 0; row != NULL && row->kind == PACK_MAP && i < row->count; i++) {
        if (row->members[i].value->flag) {
            return true;
        }
    }
    return false;
}

static const char *cell_word(const struct value *row, struct view section)
{
    const struct value *cell = value_get_view(row, section);

    if (!reads_anything(row)) {
        return "-";
    }
    return cell != NULL && cell->flag ? "reads" : "sealed";
}

/* A word and blanks up to the width of its column. */
static void cell(struct buffer *to, struct view word, size_t width)
{
    text_escape(to, word, false);
    for (size_t i = text_columns(word); i < width + CELL_GAP; i++) {
        buffer_append_byte(to, ' ');
    }
}

static size_t column_width(struct view section)
{
    static const size_t least = sizeof "sealed" - 1;
    size_t size = text_columns(section);

    return size > least ? size : least;
}

static void end_line(struct buffer *to)
{
    while (to->error == OK && to->size > 0 && to->data[to->size - 1] == ' ') {
        to->size--;
    }
    buffer_append_byte(to, '\n');
}

void preview_table(const struct value *preview, struct buffer *to)
{
    const struct value *sections = value_get(preview, "sections");
    const struct value *order = value_get(preview, "order");
    const struct value *readers = value_get(preview, "readers");
    const struct view none = {0};

    pad_to(to, 0, STATE_COLUMN);
    cell(to, none, 4);
    for (size_t s = 0; s < list_count(sections); s++) {
        struct view section = sections->items[s]->bytes;
        cell(to, section, column_width(section));
    }
    end_line(to);
    for (size_t i = 0; i < list_count(order); i++) {
        const struct value *row = value_get_view(readers, order->items[i]->bytes);
        pad_to(to, 0, STATE_COLUMN);
        cell(to, order->items[i]->bytes, 4);
        for (size_t s = 0; s < list_count(sections); s++) {
            struct view section = sections->items[s]->bytes;
            cell(to, view_of_text(cell_word(row, section)), column_width(section));
        }
        end_line(to);
    }
}

/* A person's name goes to others: that is worth a second look each time. */
static void say_persons(const struct cli *cli, const struct value *preview,
                        const struct value *record)
{
    size_t persons = record == NULL ? 0 : judge_persons(record);
    int64_t readers = value_get_integer(preview, "reader_count", 0);

    if (persons > 0 && readers > 0) {
        say(cli, "%sLook at this:%s it names %zu person%s; see who reads parties and restricted.\n",
            style(cli, STYLE_LOOK), style(cli, STYLE_PLAIN), persons, persons == 1 ? "" : "s");
    }
}

void preview_say(const struct cli *cli, const struct value *preview, const struct value *record)
{
    const struct value *warnings = value_get(preview, "warnings");
    struct buffer table = buffer_init(TABLE_MAX_BYTES);

    preview_table(preview, &table);
    const char *text = buffer_text(&table);
    say(cli, "Who will be able to read what:\n%s", text == NULL ? "" : text);
    buffer_free(&table);
    if (value_get_integer(preview, "reader_count", 0) == 0) {
        say(cli, "%sLook at this:%s no other State would be able to read it.\n",
            style(cli, STYLE_LOOK), style(cli, STYLE_PLAIN));
    }
    say_persons(cli, preview, record);
    for (size_t i = 0; i < list_count(warnings); i++) {
        say(cli, "%sLook at this:%s %s\n", style(cli, STYLE_LOOK), style(cli, STYLE_PLAIN),
            safe(cli->arena, warnings->items[i]->bytes, false));
    }
}
