/* SPDX-License-Identifier: Apache-2.0 */
#include "render.h"

#include "output.h"
#include "sections.h"
#include "text.h"

#include <string.h>

enum { INDENT = 2, VALUE_COLUMN = 24, POINTER_MAX_BYTES = 1024, COMPACT_FIELDS_MAX = 5 };

/** Where the next line goes. */
struct page {
    const struct cli *cli;
    struct buffer *to;
    unsigned level;
    const struct value *places; /* pointers into the body that stand in another section */
    struct buffer pointer;      /* of the field that is shown */
    const char *mark;           /* section to say on the next line, or NULL */
};

/* Go down one step, and note if what is there stands in another section. Gives the way back. */
static size_t enter(struct page *page, const char *step, size_t number)
{
    size_t before = page->pointer.size;

    if (page->places != NULL) {
        if (step != NULL) {
            buffer_printf(&page->pointer, "/%s", step);
        } else {
            buffer_printf(&page->pointer, "/%zu", number);
        }
        struct view place = value_get_text(
            page->places, arena_text(page->cli->arena, view_of_buffer(&page->pointer)));
        page->mark = place.size > 0 ? arena_text(page->cli->arena, place) : NULL;
    }
    return before;
}

static void leave(struct page *page, size_t before)
{
    page->pointer.size = before;
}

static void render_fields(struct page *page, const struct record_object *object,
                          const struct value *map);

/* --- scalars ------------------------------------------------------------------------------- */

static const char *label_of(const struct record_field *field, const struct record_object *around,
                            struct view text)
{
    const struct code *code = NULL;

    if (field->type == FIELD_STATE) {
        return state_name(text);
    }
    if (field->type == FIELD_CODE) {
        code = code_find(field->codes, text);
    } else if (strcmp(around->name, "ground") == 0 && strcmp(field->name, "code") == 0) {
        code = code_find(CODES_GROUND_ATT, text);
        code = code == NULL ? code_find(CODES_GROUND_EU, text) : code;
    }
    return code == NULL ? NULL : code->label;
}

/* "licence_refused" needs no "(licence refused)" behind it. */
static bool says_more(struct view text, const char *label)
{
    size_t size = strlen(label);

    if (size != text.size) {
        return true;
    }
    for (size_t i = 0; i < size; i++) {
        char c = (char)text.data[i] == '_' ? ' ' : (char)text.data[i];
        if (c != label[i]) {
            return true;
        }
    }
    return false;
}

void render_scalar(const struct record_field *field, const struct record_object *around,
                   const struct value *value, struct buffer *to)
{
    struct buffer plain = buffer_init(RECORD_JSON_MAX_BYTES);

    cell_text(value, &plain);
    text_escape(to, view_of_buffer(&plain), field->type == FIELD_LINES);
    buffer_free(&plain);
    const char *label = value->kind == PACK_TEXT ? label_of(field, around, value->bytes) : NULL;
    if (label != NULL && says_more(value->bytes, label)) {
        buffer_printf(to, " (%s)", label);
    }
}

static bool is_sealed(const struct value *value)
{
    return value->kind == PACK_MAP && value_get_bool(value, "sealed");
}

/* --- lines --------------------------------------------------------------------------------- */

/* The label of a field in its place; what follows begins at the returned column. */
static size_t put_label(struct page *page, const char *name, size_t number)
{
    struct buffer label = buffer_init(256);
    size_t column = (size_t)page->level * INDENT;

    pad_to(page->to, 0, column);
    for (const char *c = name; *c != '\0'; c++) {
        buffer_append_byte(&label, *c == '_' ? ' ' : (uint8_t)*c);
    }
    if (number > 0) {
        buffer_printf(&label, " %zu", number);
    }
    buffer_append(page->to, view_of_buffer(&label));
    column += text_columns(view_of_buffer(&label));
    buffer_free(&label);
    return column;
}

/* Say once in which section something stands, if not in the one that the heading names. */
static void put_mark(struct page *page, struct buffer *to)
{
    if (page->mark != NULL) {
        buffer_printf(to, " [%s]", page->mark);
        page->mark = NULL;
    }
}

static void put_line(struct page *page, const char *name, size_t number, struct view text)
{
    size_t column = put_label(page, name, number);
    size_t begin = column + 1 > VALUE_COLUMN ? column + 1 : VALUE_COLUMN;
    struct buffer line = buffer_init(RECORD_JSON_MAX_BYTES);

    buffer_append(&line, text);
    put_mark(page, &line);
    pad_to(page->to, column, begin);
    wrap_text(view_of_buffer(&line), begin, VALUE_COLUMN, page->cli->width, page->to);
    buffer_append_byte(page->to, '\n');
    buffer_free(&line);
}

static void put_sealed(struct page *page, const char *name)
{
    struct buffer text = buffer_init(64);

    buffer_printf(&text, "%ssealed to you%s", style(page->cli, STYLE_DIM),
                  style(page->cli, STYLE_PLAIN));
    put_line(page, name, 0, view_of_buffer(&text));
    buffer_free(&text);
}

/* --- objects ------------------------------------------------------------------------------- */

/* Whether something within what is shown stands in a section of its own. */
static bool is_mixed(const struct page *page)
{
    const struct view here = view_of_buffer(&page->pointer);

    for (size_t i = 0; page->places != NULL && i < page->places->count; i++) {
        const struct view place = page->places->members[i].key;
        if (place.size > here.size && place.data[here.size] == '/' &&
            view_equal(view_of(place.data, here.size), here)) {
            return true;
        }
    }
    return false;
}

/* Small objects of plain values stand on one line: a name, an identifier, a ground. */
static bool is_compact(const struct page *page, const struct record_object *object,
                       const struct value *map)
{
    if (object->count > COMPACT_FIELDS_MAX || map->count == 0 || is_mixed(page)) {
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct value *value = map->members[i].value;
        const struct record_field *field = record_field_find(object, map->members[i].key);
        if (field == NULL || field->type == FIELD_LINES || value->kind == PACK_MAP ||
            value->kind == PACK_LIST) {
            return false;
        }
    }
    return true;
}

static void put_compact(struct page *page, const struct record_field *field, size_t number,
                        const struct value *map)
{
    struct buffer line = buffer_init(RECORD_JSON_MAX_BYTES);
    const struct record_object *object = field->object;

    for (size_t i = 0; i < object->count; i++) {
        const struct value *value = value_get(map, object->fields[i].name);
        if (value != NULL) {
            buffer_append_text(&line, line.size == 0 ? "" : " · ");
            render_scalar(&object->fields[i], object, value, &line);
        }
    }
    put_line(page, field->name, number, view_of_buffer(&line));
    buffer_free(&line);
}

static void put_object(struct page *page, const struct record_field *field, size_t number,
                       const struct value *map)
{
    if (map->kind != PACK_MAP) {
        return;
    }
    if (is_sealed(map)) {
        put_sealed(page, field->name);
    } else if (is_compact(page, field->object, map)) {
        put_compact(page, field, number, map);
    } else {
        (void)put_label(page, field->name, number);
        put_mark(page, page->to);
        buffer_append_byte(page->to, '\n');
        page->level++;
        render_fields(page, field->object, map);
        page->level--;
    }
}

/* Sections to terms, pointers to sections: "restricted: state:XNH, state:XOR". */
static void put_pairs(struct page *page, const struct record_field *field, const struct value *map)
{
    struct buffer line = buffer_init(RECORD_JSON_MAX_BYTES);
    struct buffer plain = buffer_init(RECORD_JSON_MAX_BYTES);

    for (size_t i = 0; map->kind == PACK_MAP && i < map->count; i++) {
        buffer_clear(&plain);
        buffer_append(&plain, map->members[i].key);
        buffer_append_text(&plain, ": ");
        cell_text(map->members[i].value, &plain);
        buffer_append_text(&line, i == 0 ? "" : "\n");
        text_escape(&line, view_of_buffer(&plain), false);
    }
    put_line(page, field->name, 0, view_of_buffer(&line));
    buffer_free(&plain);
    buffer_free(&line);
}

static void put_list(struct page *page, const struct record_field *field,
                     const struct record_object *around, const struct value *list)
{
    struct buffer line = buffer_init(RECORD_JSON_MAX_BYTES);
    bool own_lines = field->type == FIELD_LINES || field->type == FIELD_TEXT;

    for (size_t i = 0; i < list->count; i++) {
        if (field->type == FIELD_OBJECT) {
            size_t before = enter(page, NULL, i);
            put_object(page, field, list->count == 1 ? 0 : i + 1, list->items[i]);
            leave(page, before);
            continue;
        }
        buffer_append_text(&line, i == 0 ? "" : own_lines ? "\n" : ", ");
        render_scalar(field, around, list->items[i], &line);
    }
    if (field->type != FIELD_OBJECT) {
        put_line(page, field->name, 0, view_of_buffer(&line));
    }
    buffer_free(&line);
}

static void put_field(struct page *page, const struct record_field *field,
                      const struct record_object *around, const struct value *value)
{
    struct buffer line = buffer_init(RECORD_JSON_MAX_BYTES);

    if (is_sealed(value)) {
        put_sealed(page, field->name);
    } else if (field->type == FIELD_AUDIENCE || field->type == FIELD_SECTIONS) {
        put_pairs(page, field, value);
    } else if (value->kind == PACK_LIST) {
        put_list(page, field, around, value);
    } else if (field->type == FIELD_OBJECT) {
        put_object(page, field, 0, value);
    } else {
        render_scalar(field, around, value, &line);
        put_line(page, field->name, 0, view_of_buffer(&line));
    }
    buffer_free(&line);
}

static void render_fields(struct page *page, const struct record_object *object,
                          const struct value *map)
{
    for (size_t i = 0; i < object->count; i++) {
        const struct value *value = value_get(map, object->fields[i].name);
        if (value != NULL) {
            size_t before = enter(page, object->fields[i].name, 0);
            put_field(page, &object->fields[i], object, value);
            leave(page, before);
        }
    }
}

/* --- sections ------------------------------------------------------------------------------ */

static void put_heading(struct page *page, const char *text, const char *note)
{
    buffer_printf(page->to, "\n%s%s%s", style(page->cli, STYLE_BOLD), text,
                  style(page->cli, STYLE_PLAIN));
    if (note[0] != '\0') {
        buffer_printf(page->to, "  %s%s%s", style(page->cli, STYLE_DIM), note,
                      style(page->cli, STYLE_PLAIN));
    }
    buffer_append_byte(page->to, '\n');
}

/* The section of a field of the body: by the table, unless the node says that it was moved. */
static enum section_id place_of(const struct page *page, const struct record_field *field)
{
    char pointer[POINTER_MAX_BYTES];
    enum section_id section = field->section;

    (void)snprintf(pointer, sizeof pointer, "/%s", field->name);
    (void)section_find(value_get_text(page->places, pointer), &section);
    return section;
}

/* The fields of the body that stand in one section. What stands deeper elsewhere is marked. */
static void put_section(struct page *page, const struct record_kind *kind, const struct value *body,
                        enum section_id section)
{
    bool begun = false;

    for (size_t i = 0; i < kind->body->count; i++) {
        const struct record_field *field = &kind->body->fields[i];
        const struct value *value = value_get(body, field->name);
        if (value == NULL || place_of(page, field) != section) {
            continue;
        }
        if (!begun) {
            put_heading(page, section_heading(section), "");
            begun = true;
        }
        size_t before = enter(page, field->name, 0);
        page->mark = NULL; /* the heading says it */
        put_field(page, field, kind->body, value);
        leave(page, before);
    }
}

static void put_sections(struct page *page, const struct record_kind *kind,
                         const struct value *record, unsigned sections)
{
    const struct value *open = value_get(value_get(record, "node"), "sections");

    for (int s = SECTION_MANIFEST; s < SECTION_COUNT; s++) {
        enum section_id section = (enum section_id)s;
        struct view word = value_get_text(open, section_name(section));
        if (((sections >> s) & 1U) == 0) {
            continue;
        }
        if (view_is(word, "sealed")) {
            /* Whether anything stands in it is not told to those who cannot read it. */
            put_heading(page, section_heading(section), "sealed to you, if it holds anything");
        } else {
            put_section(page, kind, value_get(record, "body"), section);
        }
    }
}

/* --- the whole ----------------------------------------------------------------------------- */

static const char *field_text(struct page *page, const struct value *map, const char *key)
{
    return safe_text(page->cli->arena, map, key);
}

static void put_first_lines(struct page *page, const struct record_kind *kind,
                            const struct value *record)
{
    const struct value *originator = value_get(record, "originator");
    const struct value *node = value_get(record, "node");
    struct view received = value_get_text(node, "received_at");
    struct view standing = value_get_text(node, "standing");
    struct buffer line = buffer_init(8192);

    buffer_printf(&line, "%s by %s, %s", kind->title, field_text(page, originator, "state"),
                  field_text(page, originator, "authority"));
    buffer_printf(page->to, "%s%s%s  ", style(page->cli, STYLE_BOLD),
                  field_text(page, record, "reference"), style(page->cli, STYLE_PLAIN));
    wrap_text(view_of_buffer(&line), 18, INDENT, page->cli->width, page->to);
    buffer_clear(&line);
    buffer_printf(&line, "version %lld", (long long)value_get_integer(record, "version", 1));
    if (standing.size > 0) {
        buffer_printf(&line, ", %s", field_text(page, node, "standing"));
    }
    buffer_printf(&line, " · issued %s", field_text(page, record, "issued_at"));
    if (node != NULL) {
        buffer_printf(&line, " · %s %s", received.size > 0 ? "received" : "published",
                      field_text(page, node, received.size > 0 ? "received_at" : "published_at"));
    }
    buffer_append_byte(page->to, '\n');
    pad_to(page->to, 0, INDENT);
    wrap_text(view_of_buffer(&line), INDENT, INDENT, page->cli->width, page->to);
    if (value_get_bool(node, "verified")) {
        buffer_printf(page->to, "\n  %s✓%s signature verified here", style(page->cli, STYLE_GOOD),
                      style(page->cli, STYLE_PLAIN));
    }
    buffer_append_byte(page->to, '\n');
    buffer_free(&line);
}

/* What stands in the envelope besides the first lines: language, references, what it replaces. */
static void put_envelope(struct page *page, const struct value *record)
{
    static const char *const names[] = {"supersedes", "refs", "lang"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct record_field *field =
            record_field_find(record_envelope(), view_of_text(names[i]));
        const struct value *value = value_get(record, names[i]);
        if (field != NULL && value != NULL) {
            put_field(page, field, record_envelope(), value);
        }
    }
}

void render_record(const struct cli *cli, const struct value *record, unsigned sections,
                   struct buffer *to)
{
    const struct record_kind *kind = record_kind_of(record);
    const struct value *handling = value_get(record, "handling");
    struct page page = {.cli = cli,
                        .to = to,
                        .level = 1,
                        .places = value_get(value_get(record, "node"), "places"),
                        .pointer = buffer_init(POINTER_MAX_BYTES)};

    if (kind == NULL) {
        render_raw(record, to);
        return;
    }
    put_first_lines(&page, kind, record);
    if (sections == RENDER_ALL) {
        put_envelope(&page, record);
    }
    put_sections(&page, kind, record, sections);
    if (sections == RENDER_ALL && handling != NULL && handling->kind == PACK_MAP) {
        put_heading(&page, "Handling", "");
        page.places = NULL;
        render_fields(&page, record_handling(), handling);
    }
    buffer_free(&page.pointer);
}

/* --- raw ----------------------------------------------------------------------------------- */

static void raw_value(const struct value *value, struct buffer *pointer, struct buffer *to)
{
    size_t before = pointer->size;
    bool list = value->kind == PACK_LIST;

    if (!list && value->kind != PACK_MAP) {
        struct buffer plain = buffer_init(RECORD_JSON_MAX_BYTES);
        cell_text(value, &plain);
        text_escape(to, view_of_buffer(pointer), false);
        buffer_append_byte(to, '\t');
        text_escape(to, view_of_buffer(&plain), false);
        buffer_append_byte(to, '\n');
        buffer_free(&plain);
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        buffer_append_byte(pointer, '/');
        if (list) {
            buffer_printf(pointer, "%zu", i);
        } else {
            buffer_append(pointer, value->members[i].key);
        }
        raw_value(list ? value->items[i] : value->members[i].value, pointer, to);
        pointer->size = before;
    }
}

void render_raw(const struct value *record, struct buffer *to)
{
    struct buffer pointer = buffer_init(POINTER_MAX_BYTES);

    raw_value(record, &pointer, to);
    if (pointer.error != OK && to->error == OK) {
        to->error = pointer.error;
    }
    buffer_free(&pointer);
}
