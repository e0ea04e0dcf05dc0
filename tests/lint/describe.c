/* SPDX-License-Identifier: Apache-2.0 */

/*
 * describe NAME           prints one table of WIRE.md or LAYOUT.md
 * describe --list         names all tables
 * describe --check FILE   compares the tables in a document with the code
 * describe --write FILE   puts them there
 *
 * A document carries a table between <!-- begin: NAME --> and <!-- end: NAME -->.
 */

#include "describe.h"

#include "../../store/database.h"

#include "chain.h"
#include "control.h"
#include "grant.h"
#include "identity.h"
#include "keyfile.h"
#include "message.h"
#include "node_keys.h"
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENT_MAX_BYTES = 4 * 1024 * 1024, TABLES_MAX = 128, NAME_BYTES = 64 };

static const char wire[] = "WIRE.md";
static const char layout[] = "LAYOUT.md";

/* --- objects ------------------------------------------------------------------------------- */

static const struct object_info *const wire_objects[] = {
    &inception_info,       &rotation_info,    &card_info,         &signed_object_info,
    &identity_bundle_info, &keyfile_info,     &keyfile_slot_info, &node_keys_info,
    &envelope_header_info, &section_info,     &caveats_info,      &grant_terms_info,
    &grant_info,           &parcel_info,      &lane_entry_info,   &lane_head_info,
    &lane_ack_info,        &lane_signed_info, &hello_info,
};

static const struct object_info *const store_rows[] = {
    &record_row_info,  &holder_row_info,     &lane_row_info,    &entry_row_info,
    &pending_row_info, &peer_row_info,       &group_row_info,   &user_row_info,
    &draft_row_info,   &quarantine_row_info, &counter_row_info, &audit_entry_info,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void print_object(const char *name, struct buffer *to)
{
    size_t count = 0;
    const struct message_info *messages = message_table(&count);

    for (size_t i = 0; i < COUNT(wire_objects); i++) {
        if (strcmp(wire_objects[i]->name, name) == 0) {
            object_describe(wire_objects[i], to);
        }
    }
    for (size_t i = 0; i < COUNT(store_rows); i++) {
        if (strcmp(store_rows[i]->name, name) == 0) {
            object_describe(store_rows[i], to);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(messages[i].name, name) == 0) {
            object_describe(messages[i].object, to);
        }
    }
}

/* --- labels and messages ------------------------------------------------------------------- */

static void print_labels(const char *name, struct buffer *to)
{
    (void)name;
    buffer_append_text(to, "| use | labels |\n|---|---|\n| hashes |");
    for (int i = 0; i < HASH_LABEL_COUNT; i++) {
        buffer_printf(to, " `%s`", hash_label_text((enum hash_label)i));
    }
    buffer_append_text(to, " |\n| signatures |");
    for (int i = 0; i < SIGN_LABEL_COUNT; i++) {
        buffer_printf(to, " `%s`", sign_label_text((enum sign_label)i));
    }
    buffer_append_text(to, " |\n| derived keys |");
    for (int i = 0; i < KDF_LABEL_COUNT; i++) {
        buffer_printf(to, " `%s`", kdf_label_text((enum kdf_label)i));
    }
    buffer_append_text(to, " |\n");
}

static void print_messages(const char *name, struct buffer *to)
{
    size_t count = 0;
    const struct message_info *messages = message_table(&count);

    (void)name;
    buffer_append_text(to, "| type | name | costs credit | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(to, "| 0x%02x | %s | %s | %s |\n", (unsigned)messages[i].type,
                      messages[i].name, messages[i].costs_credit ? "yes" : "no", messages[i].help);
    }
}

/* --- control ------------------------------------------------------------------------------- */

static void print_argument(const struct control_argument *argument, struct buffer *to)
{
    static const char *const types[] = {[ARGUMENT_TEXT] = "text",
                                        [ARGUMENT_INTEGER] = "integer",
                                        [ARGUMENT_FLAG] = "flag",
                                        [ARGUMENT_MAP] = "map",
                                        [ARGUMENT_LIST] = "list"};

    buffer_printf(to, "`%s` %s", argument->name, types[argument->type]);
    if (argument->max > 0) {
        buffer_printf(to, " ≤ %lld", (long long)argument->max);
    }
    if (!argument->required) {
        buffer_append_text(to, ", optional");
    }
}

static void print_commands(const char *name, struct buffer *to)
{
    size_t count = 0;
    const struct control_command *commands = control_commands(&count);

    (void)name;
    buffer_append_text(to, "| command | any role of | arguments | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct control_argument *arguments = commands[i].arguments;

        buffer_printf(to, "| `%s` | ", commands[i].name);
        roles_format(commands[i].roles, to);
        buffer_append_text(to, " | ");
        for (size_t a = 0; a < CONTROL_ARGUMENTS_MAX && arguments[a].name != NULL; a++) {
            buffer_append_text(to, a == 0 ? "" : "; ");
            print_argument(&arguments[a], to);
        }
        buffer_printf(to, " | %s%s |\n", commands[i].help,
                      commands[i].streams ? "; many replies" : "");
    }
}

static void print_errors(const char *name, struct buffer *to)
{
    (void)name;
    buffer_append_text(to, "| code | meaning | exit |\n|---|---|---|\n");
    for (int i = OK + 1; i < ERROR_COUNT; i++) {
        const struct error_info *info = error_info((enum error)i);
        buffer_printf(to, "| %s | %s | %d |\n", info->code, info->text, info->exit);
    }
}

/* --- store --------------------------------------------------------------------------------- */

/** What a table's keys are made of, and what its values hold. */
struct table_facts {
    const char *key;
    size_t key_bytes;
    const char *value;
};

static const struct table_facts facts[TABLE_COUNT] = {
    [TABLE_META] = {"0 (8), or token of the counter's name (16)", 0, "counter row"},
    [TABLE_RECORD] = {"record number (8)", KEY_RECORD_BYTES, "record row"},
    [TABLE_BLOB] = {"token of the ciphertext's hash (16)", KEY_BLOB_BYTES, "the ciphertext"},
    [TABLE_INDEX] = {"field (1) ‖ token of the value (16) ‖ record number (8)", KEY_INDEX_BYTES,
                     "a tag (8), S-3"},
    [TABLE_LANE] = {"side (1) ‖ peer (4)", KEY_LANE_BYTES, "lane row"},
    [TABLE_ENTRY] = {"side (1) ‖ peer (4) ‖ incarnation (8) ‖ seq (8)", KEY_ENTRY_BYTES,
                     "entry row"},
    [TABLE_PENDING] = {"peer (4) ‖ order (8)", KEY_PENDING_BYTES, "pending row"},
    [TABLE_PEER] = {"peer (4)", KEY_PEER_BYTES, "peer row"},
    [TABLE_GROUP] = {"token of the name (16)", KEY_NAMED_BYTES, "group row"},
    [TABLE_USER] = {"token of the name (16)", KEY_NAMED_BYTES, "user row"},
    [TABLE_DRAFT] = {"token of the reference (16)", KEY_NAMED_BYTES, "draft row"},
    [TABLE_HOLDER] = {"record number (8) ‖ peer (4)", KEY_HOLDER_BYTES, "holder row"},
    [TABLE_QUARANTINE] = {"number (8)", KEY_NUMBER_BYTES, "quarantine row"},
    [TABLE_AUDIT] = {"seq (8)", KEY_NUMBER_BYTES, "audit entry"},
    [TABLE_SECTION_KEY] = {"token of the record id (16) ‖ slot (1)", KEY_SECTION_BYTES,
                           "the section key (32)"},
};

static void print_tables(const char *name, struct buffer *to)
{
    (void)name;
    buffer_append_text(to, "| number | table | environment | key, in bytes | key size | value |\n"
                           "|---|---|---|---|---|---|\n");
    for (int i = 0; i < TABLE_COUNT; i++) {
        buffer_printf(to, "| %d | `%s` | %s | %s | ", i, table_name((enum table)i),
                      i == TABLE_SECTION_KEY ? "keys" : "data", facts[i].key);
        if (facts[i].key_bytes == 0) {
            buffer_append_text(to, "8 or 16");
        } else {
            buffer_printf(to, "%zu", facts[i].key_bytes);
        }
        buffer_printf(to, " | %s |\n", facts[i].value);
    }
}

static void print_tokens(const char *name, struct buffer *to)
{
    static const char *const fields[TOKEN_FIELD_COUNT] = {
        [INDEX_REFERENCE] = "reference of the record",
        [INDEX_REFERS_TO] = "references that it names",
        [INDEX_KIND] = "kind",
        [INDEX_ORIGINATOR] = "State that wrote it",
        [INDEX_STATE] = "any State that it names",
        [INDEX_DESTINATION] = "country of destination",
        [INDEX_CODE] = "list entry, ground, conduct or other code, and the headings above it",
        [INDEX_IDENTIFIER] = "identifier, folded",
        [INDEX_NAME] = "name, folded",
        [INDEX_WORD] = "one word of a folded name",
        [INDEX_MONTH] = "month of the main date, yyyymm; and its year, yyyy",
        [INDEX_SERIAL] = "serial number, or block of them with a * for any digit, folded",
        [INDEX_STATUS] = "status",
        [INDEX_CIPHER] = "hash of a ciphertext",
        [TOKEN_RID] = "record id",
        [TOKEN_CIPHER] = "hash of a ciphertext, as key of table `blob`",
        [TOKEN_KEY] = "record id, as key of table `section`",
        [TOKEN_GROUP] = "name of a group",
        [TOKEN_USER] = "name of a user",
        [TOKEN_DRAFT] = "reference of a draft",
        [TOKEN_COUNTER] = "name of a counter"};

    (void)name;
    buffer_append_text(to, "| field | stands for |\n|---|---|\n");
    for (int i = 0; i < TOKEN_FIELD_COUNT; i++) {
        if (fields[i] != NULL) {
            buffer_printf(to, "| %d | %s |\n", i, fields[i]);
        }
    }
}

/* --- all tables ---------------------------------------------------------------------------- */

static const struct table_row fixed[] = {
    {wire, "labels", print_labels},     {wire, "messages", print_messages},
    {wire, "limits", describe_limits},  {wire, "kinds", describe_kinds},
    {wire, "fields", describe_fields},  {wire, "codes", describe_codes},
    {wire, "commands", print_commands}, {wire, "errors", print_errors},
    {layout, "tables", print_tables},   {layout, "tokens", print_tokens},
};

/* The fixed tables, then one for each object, message and row. */
static size_t all_tables(struct table_row rows[static TABLES_MAX])
{
    size_t count = 0;
    size_t messages = 0;
    const struct message_info *table = message_table(&messages);

    memcpy(rows, fixed, sizeof fixed);
    count = COUNT(fixed);
    for (size_t i = 0; i < COUNT(wire_objects); i++) {
        rows[count++] = (struct table_row){wire, wire_objects[i]->name, print_object};
    }
    for (size_t i = 0; i < messages; i++) {
        rows[count++] = (struct table_row){wire, table[i].name, print_object};
    }
    for (size_t i = 0; i < COUNT(store_rows); i++) {
        rows[count++] = (struct table_row){layout, store_rows[i]->name, print_object};
    }
    return count;
}

static const struct table_row *find(const struct table_row *rows, size_t count, struct view name)
{
    for (size_t i = 0; i < count; i++) {
        if (view_is(name, rows[i].name)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* --- documents ----------------------------------------------------------------------------- */

static bool read_file(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "rb");
    uint8_t piece[4096];
    size_t got = 0;

    if (file == NULL) {
        return false;
    }
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(text, view_of(piece, got));
    }
    return fclose(file) == 0 && text->error == OK;
}

static struct view next_line(struct view *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data) + 1;
    struct view line = view_of(rest->data, size);

    *rest = view_of(rest->data + size, rest->size - size);
    return line;
}

/* The name in "<!-- begin: NAME -->"; empty if the line is no such mark. */
static struct view marked(struct view line, const char *mark)
{
    static const char tail[] = " -->\n";
    const size_t head_size = strlen(mark);
    const size_t tail_size = sizeof tail - 1;

    if (line.size <= head_size + tail_size || memcmp(line.data, mark, head_size) != 0 ||
        memcmp(line.data + line.size - tail_size, tail, tail_size) != 0) {
        return view_of(NULL, 0);
    }
    return view_of(line.data + head_size, line.size - head_size - tail_size);
}

/* The document with every table as the code has it. Complains and gives false if one is amiss. */
static bool fill(const char *path, struct view text, struct buffer *filled)
{
    struct table_row rows[TABLES_MAX];
    size_t count = all_tables(rows);
    bool seen[TABLES_MAX] = {false};
    const char *base = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    bool good = true;

    while (text.size > 0) {
        struct view line = next_line(&text);
        struct view name = marked(line, "<!-- begin: ");

        buffer_append(filled, line);
        if (name.size == 0) {
            continue;
        }
        const struct table_row *row = find(rows, count, name);
        if (row == NULL) {
            (void)printf("%s: there is no table \"%.*s\"\n", path, (int)name.size,
                         (const char *)name.data);
            return false;
        }
        seen[row - rows] = true;
        row->print(row->name, filled);
        do {
            line = text.size == 0 ? view_of(NULL, 0) : next_line(&text);
        } while (line.size > 0 && !view_equal(marked(line, "<!-- end: "), name));
        buffer_append(filled, line);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].document, base) == 0 && !seen[i]) {
            (void)printf("%s: table \"%s\" is missing\n", path, rows[i].name);
            good = false;
        }
    }
    return good && filled->error == OK;
}

static int compare(const char *path, struct view text, struct view wanted)
{
    size_t number = 1;

    while (text.size > 0 || wanted.size > 0) {
        struct view is = text.size == 0 ? text : next_line(&text);
        struct view should = wanted.size == 0 ? wanted : next_line(&wanted);
        if (!view_equal(is, should)) {
            (void)printf("%s:%zu: the code says: %.*s", path, number, (int)should.size,
                         (const char *)should.data);
            return 1;
        }
        number++;
    }
    return 0;
}

static int document(const char *path, bool write)
{
    struct buffer text = buffer_init(DOCUMENT_MAX_BYTES);
    struct buffer filled = buffer_init(DOCUMENT_MAX_BYTES);
    int bad = 1;

    if (!read_file(path, &text)) {
        (void)printf("%s cannot be read\n", path);
    } else if (fill(path, view_of_buffer(&text), &filled)) {
        bad = write ? 0 : compare(path, view_of_buffer(&text), view_of_buffer(&filled));
    }
    if (write && bad == 0) {
        FILE *file = fopen(path, "wb");
        bad = file == NULL || fwrite(filled.data, 1, filled.size, file) != filled.size;
        bad |= file == NULL || fclose(file) != 0;
    }
    buffer_free(&filled);
    buffer_free(&text);
    return bad;
}

int main(int count, char **arguments)
{
    struct table_row rows[TABLES_MAX];
    size_t tables = all_tables(rows);
    struct buffer text = buffer_init(DOCUMENT_MAX_BYTES);

    if (count == 3 && strcmp(arguments[1], "--check") == 0) {
        return document(arguments[2], false);
    }
    if (count == 3 && strcmp(arguments[1], "--write") == 0) {
        return document(arguments[2], true);
    }
    for (size_t i = 0; i < tables; i++) {
        if (count == 2 && strcmp(arguments[1], "--list") == 0) {
            (void)printf("%s %s\n", rows[i].document, rows[i].name);
        } else if (count == 2 && strcmp(arguments[1], rows[i].name) == 0) {
            rows[i].print(rows[i].name, &text);
        }
    }
    (void)fwrite(text.data, 1, text.size, stdout);
    buffer_free(&text);
    return count == 2 ? 0 : 2;
}
