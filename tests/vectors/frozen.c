/* SPDX-License-Identifier: Apache-2.0 */
#include "frozen.h"

#include "chain.h"
#include "digest.h"
#include "keyfile.h"
#include "policy.h"
#include "safety.h"
#include "seal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small things: digests, sections, key file, names, audit trail. frozen_exchange.c has the rest. */

const struct frozen_topic frozen_topics[] = {
    {"digest", frozen_digest},     {"section", frozen_section},
    {"keyfile", frozen_keyfile},   {"names", frozen_names},
    {"audit", frozen_audit},       {"identity", frozen_identity},
    {"exchange", frozen_exchange}, {"messages", frozen_messages},
    {"split", frozen_split},       {NULL, NULL},
};

/* --- random numbers ------------------------------------------------------------------------ */

/* Tests replace libsodium's random numbers, which has no place for a context. */
static struct {
    uint8_t seed[randombytes_SEEDBYTES];
    uint64_t drawn;
} stream;

static void fill(void *to, const size_t size)
{
    uint8_t seed[randombytes_SEEDBYTES];

    memcpy(seed, stream.seed, sizeof seed);
    put_u64(seed + sizeof seed - 8, ++stream.drawn);
    randombytes_buf_deterministic(to, size, seed);
}

static uint32_t number(void)
{
    uint8_t bytes[4];

    fill(bytes, sizeof bytes);
    return get_u32(bytes);
}

static const char *name(void)
{
    return "seeded";
}

void frozen_install(void)
{
    static struct randombytes_implementation seeded = {
        .implementation_name = name, .random = number, .buf = fill};

    FROZEN_MUST(randombytes_set_implementation(&seeded) == 0);
}

void frozen_seed(const char *topic)
{
    memset(&stream, 0, sizeof stream);
    (void)snprintf((char *)stream.seed, sizeof stream.seed - 8, "valise %s", topic);
}

struct buffer frozen_text(const struct frozen_topic *topic)
{
    struct buffer text = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    json_t *made = NULL;
    char *dumped = NULL;

    frozen_seed(topic->name);
    made = topic->make();
    dumped = json_dumps(made, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    FROZEN_MUST(dumped != NULL);
    buffer_append_text(&text, dumped);
    buffer_append_text(&text, "\n");
    FROZEN_MUST(text.error == OK);
    free(dumped);
    json_decref(made);
    return text;
}

/* --- JSON ---------------------------------------------------------------------------------- */

void frozen_must(int holds, const char *what, const char *file, int line)
{
    if (holds == 0) {
        (void)fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
        abort();
    }
}

static json_t *hex(struct view bytes)
{
    struct buffer text = buffer_init(2 * bytes.size + 1);
    json_t *value = NULL;

    for (size_t i = 0; i < bytes.size; i++) {
        buffer_printf(&text, "%02x", bytes.data[i]);
    }
    const char *digits = buffer_text(&text);
    FROZEN_MUST(digits != NULL);
    value = json_string(digits);
    buffer_free(&text);
    return value;
}

void frozen_put_hex(json_t *object, const char *field, struct view bytes)
{
    FROZEN_MUST(json_object_set_new(object, field, hex(bytes)) == 0);
}

void frozen_append_hex(json_t *list, struct view bytes)
{
    FROZEN_MUST(json_array_append_new(list, hex(bytes)) == 0);
}

void frozen_put_text(json_t *object, const char *field, struct view text)
{
    json_t *value = json_stringn((const char *)text.data, text.size);

    FROZEN_MUST(json_object_set_new(object, field, value) == 0);
}

void frozen_put_integer(json_t *object, const char *field, int64_t integer)
{
    FROZEN_MUST(json_object_set_new(object, field, json_integer(integer)) == 0);
}

static void count_up(uint8_t *bytes, size_t size, uint8_t first)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(first + i);
    }
}

/* --- digests, keys, signatures ------------------------------------------------------------- */

static json_t *digest_rows(struct view message)
{
    json_t *rows = json_object();

    for (int i = 0; i < HASH_LABEL_COUNT; i++) {
        struct id id = digest((enum hash_label)i, message);
        frozen_put_hex(rows, hash_label_text((enum hash_label)i), id_view(&id));
    }
    return rows;
}

static json_t *kdf_rows(struct view key, const struct view *inputs, size_t count, size_t size)
{
    json_t *rows = json_object();

    for (int i = 0; i < KDF_LABEL_COUNT; i++) {
        uint8_t out[64];
        kdf(key, (enum kdf_label)i, inputs, count, out, size);
        frozen_put_hex(rows, kdf_label_text((enum kdf_label)i), view_of(out, size));
    }
    return rows;
}

static json_t *signature_rows(struct secret *key, struct view message)
{
    json_t *rows = json_object();
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES];

    sign_public(key, public_key);
    for (int i = 0; i < SIGN_LABEL_COUNT; i++) {
        FROZEN_MUST(sign(key, (enum sign_label)i, message, signature) == OK);
        FROZEN_MUST(sign_verify(public_key, (enum sign_label)i, message,
                                view_of(signature, sizeof signature)) == OK);
        frozen_put_hex(rows, sign_label_text((enum sign_label)i),
                       view_of(signature, sizeof signature));
    }
    return rows;
}

json_t *frozen_digest(void)
{
    const struct view message = view_of_text("the quick brown fox");
    const struct view inputs[2] = {view_of_text("first"), view_of_text("")};
    json_t *made = json_object();
    uint8_t key[KEY_BYTES];
    uint8_t short_token[16];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct secret *sign_key = sign_new(public_key);

    FROZEN_MUST(sign_key != NULL);
    count_up(key, sizeof key, 0);
    frozen_put_hex(made, "message", message);
    FROZEN_MUST(json_object_set_new(made, "H", digest_rows(message)) == 0);
    frozen_put_hex(made, "key", view_of(key, sizeof key));
    frozen_put_hex(made, "input", inputs[0]);
    FROZEN_MUST(json_object_set_new(made, "KDF 32 (input, empty)",
                                    kdf_rows(view_of(key, sizeof key), inputs, 2, 32)) == 0);
    FROZEN_MUST(json_object_set_new(made, "KDF 24 (no inputs)",
                                    kdf_rows(view_of(key, sizeof key), inputs, 0, 24)) == 0);
    token(view_of(key, sizeof key), message, short_token);
    frozen_put_hex(made, "token", view_of(short_token, sizeof short_token));
    frozen_put_hex(made, "sign seed", view_of(secret_open(sign_key), 32));
    secret_close(sign_key);
    frozen_put_hex(made, "sign public", view_of(public_key, sizeof public_key));
    FROZEN_MUST(json_object_set_new(made, "signatures", signature_rows(sign_key, message)) == 0);
    secret_free(&sign_key);
    return made;
}

/* --- sections ------------------------------------------------------------------------------ */

static json_t *one_section(size_t size, uint8_t slot)
{
    struct buffer plain = buffer_init(SECTION_PLAINTEXT_MAX_BYTES);
    struct buffer sealed = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct buffer opened = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct section_keys *keys = section_keys_new();
    struct seal_place place = {.slot = slot};
    struct id leaf = {{0}};
    struct id cipher = {{0}};
    json_t *made = json_object();

    FROZEN_MUST(keys != NULL);
    random_fill(place.originator.bytes, ID_BYTES);
    random_fill(place.record_number, RECORD_NUMBER_BYTES);
    for (size_t i = 0; i < size; i++) {
        buffer_append_byte(&plain, (uint8_t)i);
    }
    section_keys_make(keys, slot);
    FROZEN_MUST(seal_section(keys, &place, view_of_buffer(&plain), &sealed, &leaf) == OK);
    FROZEN_MUST(seal_open(keys, &place, view_of_buffer(&sealed), &leaf, &opened) == OK);
    FROZEN_MUST(view_equal(view_of_buffer(&opened), view_of_buffer(&plain)));
    frozen_put_hex(made, "originator", id_view(&place.originator));
    frozen_put_hex(made, "rn", view_of(place.record_number, RECORD_NUMBER_BYTES));
    frozen_put_integer(made, "slot", slot);
    frozen_put_hex(made, "key", view_of(section_keys_open(keys, slot), KEY_BYTES));
    section_keys_close(keys);
    frozen_put_integer(made, "plain size", (int64_t)size);
    frozen_put_integer(made, "size", (int64_t)sealed.size);
    cipher = digest(HASH_CIPHER, view_of_buffer(&sealed));
    frozen_put_hex(made, "cipher hash", id_view(&cipher));
    frozen_put_hex(made, "leaf", id_view(&leaf));
    if (sealed.size < 1100) {
        frozen_put_hex(made, "ciphertext", view_of_buffer(&sealed));
    }
    section_keys_free(&keys);
    buffer_free(&opened);
    buffer_free(&sealed);
    buffer_free(&plain);
    return made;
}

json_t *frozen_section(void)
{
    static const size_t sizes[] = {0, 1, 1023, 1024, 5000, SECTION_PLAINTEXT_MAX_BYTES};
    json_t *made = json_array();

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        FROZEN_MUST(json_array_append_new(made, one_section(sizes[i], (uint8_t)(3 * i))) == 0);
    }
    return made;
}

/* --- key file ------------------------------------------------------------------------------ */

/* Opened by a key, not by a pass phrase: Argon2id has vectors of its own. */
json_t *frozen_keyfile(void)
{
    struct buffer once = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer twice = buffer_init(KEYFILE_MAX_BYTES);
    struct secret *contents = secret_random(100);
    const struct keyfile_opener first = {KEYFILE_KEY, secret_random(KEY_BYTES)};
    const struct keyfile_opener second = {KEYFILE_KEY, secret_random(KEY_BYTES)};
    struct keyfile_opener openers[2] = {first, second};
    json_t *made = json_object();

    FROZEN_MUST(contents != NULL && first.secret != NULL && second.secret != NULL);
    frozen_put_hex(made, "contents", view_of(secret_open(contents), secret_size(contents)));
    frozen_put_hex(made, "key", view_of(secret_open(first.secret), KEY_BYTES));
    frozen_put_hex(made, "second key", view_of(secret_open(second.secret), KEY_BYTES));
    secret_close(contents);
    secret_close(first.secret);
    secret_close(second.secret);
    FROZEN_MUST(keyfile_seal(contents, &first, KEYFILE_COST_FLOOR, &once) == OK);
    FROZEN_MUST(
        keyfile_add_slot(view_of_buffer(&once), &first, &second, KEYFILE_COST_FLOOR, &twice) == OK);
    frozen_put_hex(made, "file", view_of_buffer(&once));
    frozen_put_hex(made, "file with both", view_of_buffer(&twice));
    for (size_t i = 0; i < 2; i++) {
        secret_free(&openers[i].secret);
    }
    secret_free(&contents);
    buffer_free(&twice);
    buffer_free(&once);
    return made;
}

/* --- safety numbers, groups, previews ------------------------------------------------------ */

static json_t *safety_row(const struct id *node)
{
    char text[SAFETY_TEXT_BYTES];
    struct buffer code = buffer_init(64);
    json_t *row = json_object();

    frozen_put_hex(row, "node", id_view(node));
    frozen_put_text(row, "safety number", view_of_text(safety_number(node, text)));
    safety_qr_payload(node, &code);
    frozen_put_text(row, "QR payload", view_of_buffer(&code));
    buffer_free(&code);
    return row;
}

static json_t *group_row(const char *group, struct id *nodes, size_t count)
{
    json_t *row = json_object();
    json_t *list = json_array();
    struct id id = {{0}};

    for (size_t i = 0; i < count; i++) {
        frozen_append_hex(list, id_view(&nodes[i]));
    }
    id = policy_group_id(view_of_text(group), nodes, count);
    frozen_put_text(row, "name", view_of_text(group));
    FROZEN_MUST(json_object_set_new(row, "nodes", list) == 0);
    frozen_put_hex(row, "group id", id_view(&id));
    return row;
}

/* Two readers and one without: {"*": [state:XNH], "restricted": [state:XOR]}. */
static struct value *handling_make(struct arena *arena)
{
    struct value *handling = value_map(arena);
    struct value *read = value_map(arena);
    struct value *all = value_list(arena);
    struct value *few = value_list(arena);

    FROZEN_MUST(value_append(arena, all, value_string(arena, "state:XNH")) == OK &&
                value_append(arena, few, value_string(arena, "state:XOR")) == OK &&
                value_put(arena, read, "*", all) == OK &&
                value_put(arena, read, "restricted", few) == OK &&
                value_put(arena, handling, "read", read) == OK);
    return handling;
}

static json_t *preview_rows(const struct policy_preview *preview)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < preview->count; i++) {
        json_t *row = json_object();
        frozen_put_text(row, "state", view_of_text(preview->rows[i].member->state));
        frozen_put_hex(row, "node", id_view(&preview->rows[i].member->node));
        frozen_put_integer(row, "sections", preview->rows[i].sections);
        FROZEN_MUST(json_array_append_new(rows, row) == 0);
    }
    return rows;
}

static json_t *preview_make(const struct id *nodes)
{
    struct policy_world *world = calloc(1, sizeof *world);
    struct arena *arena = arena_new(1024 * 1024);
    static const char *const states[] = {"XOR", "XMA", "XTO", "XNH"};
    struct policy_preview preview = {0};
    json_t *made = json_object();

    FROZEN_MUST(world != NULL && arena != NULL);
    world->member_count = 4;
    for (size_t i = 0; i < 4; i++) {
        world->members[i].node = nodes[i];
        world->members[i].verified = true;
        world->members[i].self = i == 1;
        (void)snprintf(world->members[i].state, 4, "%s", states[i]);
    }
    const uint16_t present = 1 << SECTION_MANIFEST | 1 << SECTION_SUMMARY | 1 << SECTION_RESTRICTED;
    FROZEN_MUST(policy_preview(handling_make(arena), world, present, arena, &preview) == OK);
    FROZEN_MUST(json_object_set_new(made, "rows", preview_rows(&preview)) == 0);
    frozen_put_hex(made, "hash", id_view(&preview.hash));
    arena_free(&arena);
    free(world);
    return made;
}

json_t *frozen_names(void)
{
    struct id nodes[4];
    json_t *made = json_object();
    json_t *safety = json_array();
    json_t *groups = json_array();

    random_fill(nodes[0].bytes, sizeof nodes);
    FROZEN_MUST(json_object_set_new(made, "preview", preview_make(nodes)) == 0);
    for (size_t i = 0; i < 4; i++) {
        FROZEN_MUST(json_array_append_new(safety, safety_row(&nodes[i])) == 0);
    }
    FROZEN_MUST(json_object_set_new(made, "safety numbers", safety) == 0);
    FROZEN_MUST(json_array_append_new(groups, group_row("NORTH", nodes, 3)) == 0);
    FROZEN_MUST(json_array_append_new(groups, group_row("N", nodes, 1)) == 0);
    FROZEN_MUST(json_object_set_new(made, "groups", groups) == 0);
    return made;
}

/* --- audit trail --------------------------------------------------------------------------- */

json_t *frozen_audit(void)
{
    struct audit_cursor cursor = {0};
    json_t *made = json_object();
    json_t *entries = json_array();

    for (int i = 0; i < 3; i++) {
        struct buffer bytes = buffer_init(AUDIT_ENTRY_MAX_BYTES);
        struct audit_entry entry = {.time = {(int64_t)(FROZEN_NOW_S + i) * 1000},
                                    .event = view_of_text("record.published"),
                                    .actor = view_of_text("officer"),
                                    .subject = view_of_text("DN-XMA-2026-0014"),
                                    .detail = view_of_text(i == 0 ? "" : "version 1 to XNH")};
        FROZEN_MUST(audit_entry_make(&entry, &cursor, &bytes) == OK);
        frozen_append_hex(entries, view_of_buffer(&bytes));
        buffer_free(&bytes);
    }
    FROZEN_MUST(json_object_set_new(made, "entries", entries) == 0);
    frozen_put_hex(made, "newest hash", id_view(&cursor.hash));
    return made;
}
