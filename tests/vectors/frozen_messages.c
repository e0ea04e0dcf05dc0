/* SPDX-License-Identifier: Apache-2.0 */
#include "frozen.h"

#include "message.h"
#include "record.h"
#include "record_json.h"
#include "record_sections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One message of each kind, and a record taken apart into its sections. */

enum { ARENA_BYTES = 16 * 1024 * 1024 };

static const struct instant now = {(int64_t)FROZEN_NOW_S * 1000};

/* --- sessions ------------------------------------------------------------------------------ */

/** Both ends of a session. */
struct ends {
    struct id nodes[2];
    uint8_t nonces[2][HELLO_NONCE_BYTES];
    struct secret *keys[2];
    uint8_t tag[SESSION_TAG_BYTES]; /* of messages from the first */
};

static void put_hellos(json_t *made, struct ends *ends)
{
    json_t *list = json_array();

    for (size_t i = 0; i < 2; i++) {
        struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES);
        struct hello hello = {.version = PROTOCOL_VERSION,
                              .version_min = PROTOCOL_VERSION_MIN,
                              .node = ends->nodes[i],
                              .to = ends->nodes[1 - i],
                              .card_seq = 1,
                              .time = now,
                              .software = view_of_text("valised 0.1.0")};

        memcpy(hello.nonce, ends->nonces[i], HELLO_NONCE_BYTES);
        if (i == 1) {
            memcpy(hello.echo, ends->nonces[0], HELLO_NONCE_BYTES);
            OBJECT_SET(&hello, HELLO_ECHO);
        }
        FROZEN_MUST(hello_make(&hello, ends->keys[i], &bytes) == OK);
        frozen_append_hex(list, view_of_buffer(&bytes));
        buffer_free(&bytes);
    }
    FROZEN_MUST(json_object_set_new(made, "hellos", list) == 0);
}

static void put_ends(json_t *made, struct ends *ends)
{
    json_t *list = json_array();

    for (size_t i = 0; i < 2; i++) {
        uint8_t tag[SESSION_TAG_BYTES];
        uint8_t public_key[SIGN_PUBLIC_BYTES];
        json_t *end = json_object();

        session_tag(&ends->nodes[i], &ends->nodes[1 - i], ends->nonces[i], ends->nonces[1 - i],
                    tag);
        sign_public(ends->keys[i], public_key);
        frozen_put_hex(end, "node", id_view(&ends->nodes[i]));
        frozen_put_hex(end, "nonce", view_of(ends->nonces[i], HELLO_NONCE_BYTES));
        frozen_put_hex(end, "sign public", view_of(public_key, sizeof public_key));
        frozen_put_hex(end, "tag of what it sends", view_of(tag, sizeof tag));
        FROZEN_MUST(json_array_append_new(list, end) == 0);
        if (i == 0) {
            memcpy(ends->tag, tag, sizeof tag);
        }
    }
    FROZEN_MUST(json_object_set_new(made, "ends", list) == 0);
}

/* Fill in what a kind of message needs beyond zeros. */
static void fill_message(struct message *message, struct view *two)
{
    const struct views list = {2, two};

    switch (message->type) {
    case MESSAGE_ERROR:
        message->error.code = PEER_ERROR_QUOTA;
        message->error.retry_after_ms = 60000;
        message->error.text = view_of_text("too much");
        break;
    case MESSAGE_PING:
    case MESSAGE_PONG:
        message->time.time = now;
        break;
    case MESSAGE_IDENT:
        message->ident.bundle = two[0];
        break;
    case MESSAGE_HEADS:
        message->heads.mine = two[0];
        message->heads.incarnation = 1;
        message->heads.yours_seq = 300;
        OBJECT_SET(&message->session, HEADS_MINE);
        break;
    case MESSAGE_LANE_PULL:
        message->lane_pull.side = LANE_OF_RECEIVER;
        message->lane_pull.incarnation = 1;
        message->lane_pull.after = 65536;
        break;
    case MESSAGE_LANE_DATA:
    case MESSAGE_LANE_PUSH:
        message->lane_data.entries = list;
        message->lane_data.payloads = list;
        message->lane_data.head = two[1];
        message->lane_data.blobs = list;
        break;
    case MESSAGE_LANE_ACK:
        message->lane_ack.ack = two[0];
        break;
    case MESSAGE_LANE_NACK:
        message->lane_nack.reason = NACK_POLICY;
        message->lane_nack.seq = 7;
        break;
    case MESSAGE_BLOB_PULL:
        message->blob_pull.ids = list;
        break;
    case MESSAGE_BLOB:
        message->blob.bytes = two[0];
        break;
    case MESSAGE_CREDIT:
        message->credit.bytes = CREDIT_BYTES;
        break;
    default:
        break;
    }
}

static void put_messages(json_t *made, const struct ends *ends)
{
    json_t *object = json_object();
    struct view two[2] = {view_of(ends->nonces[0], 32), view_of(ends->nonces[1], 32)};
    size_t count = 0;
    const struct message_info *table = message_table(&count);

    for (size_t i = 0; i < count; i++) {
        struct message message;
        struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES);

        if (table[i].type == MESSAGE_HELLO) {
            continue;
        }
        memset(&message, 0, sizeof message);
        message.type = table[i].type;
        memcpy(message.session.tag, ends->tag, SESSION_TAG_BYTES);
        message.session.counter = (int64_t)i;
        fill_message(&message, two);
        FROZEN_MUST(message_encode(&message, &bytes) == OK);
        frozen_put_hex(object, table[i].name, view_of_buffer(&bytes));
        buffer_free(&bytes);
    }
    FROZEN_MUST(json_object_set_new(made, "messages", object) == 0);
}

json_t *frozen_messages(void)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    json_t *made = json_object();
    struct ends ends = {.keys = {sign_new(public_key), sign_new(public_key)}};

    FROZEN_MUST(ends.keys[0] != NULL && ends.keys[1] != NULL);
    random_fill(ends.nodes[0].bytes, ID_BYTES);
    random_fill(ends.nodes[1].bytes, ID_BYTES);
    random_fill(ends.nonces[0], HELLO_NONCE_BYTES);
    random_fill(ends.nonces[1], HELLO_NONCE_BYTES);
    put_ends(made, &ends);
    put_hellos(made, &ends);
    put_messages(made, &ends);
    secret_free(&ends.keys[0]);
    secret_free(&ends.keys[1]);
    return made;
}

/* --- records in sections ------------------------------------------------------------------- */

static struct value *read_records(struct arena *arena)
{
    enum { TEXT_MAX = 256 * 1024 };
    FILE *file = fopen("tests/vectors/records.json", "rb");
    uint8_t *text = malloc(TEXT_MAX);
    struct value *records = NULL;
    size_t size = 0;

    FROZEN_MUST(file != NULL && text != NULL);
    size = fread(text, 1, TEXT_MAX, file);
    (void)fclose(file);
    FROZEN_MUST(json_parse(view_of(text, size), TEXT_MAX, arena, NULL, &records) == OK);
    free(text);
    return records;
}

static json_t *split_one(struct value *record, struct arena *arena)
{
    struct record_parts parts = {{NULL}};
    struct problems problems = {0};
    json_t *made = json_object();
    json_t *sections = json_object();

    /* As a draft: one pointer of "with moves" leads to nothing, which is not published. */
    FROZEN_MUST(record_check(record, RECORD_DRAFT, arena, &problems, NULL) == OK);
    FROZEN_MUST(record_fill_defaults(record, arena) == OK);
    FROZEN_MUST(record_split(record, arena, &parts) == OK);
    for (int s = 0; s < SECTION_COUNT; s++) {
        struct buffer bytes = buffer_init(PACK_SECTION_MAX_BYTES);
        if (parts.section[s] != NULL) {
            value_pack(&bytes, parts.section[s]);
            frozen_put_hex(sections, section_name((enum section_id)s), view_of_buffer(&bytes));
        }
        buffer_free(&bytes);
    }
    struct buffer whole = buffer_init(PACK_SECTION_MAX_BYTES);
    value_pack(&whole, record);
    frozen_put_hex(made, "record", view_of_buffer(&whole));
    FROZEN_MUST(json_object_set_new(made, "sections", sections) == 0);
    buffer_free(&whole);
    return made;
}

/* The first example with entries of a list moved, so that others take their places. */
static struct value *with_moves(struct value *record, struct arena *arena)
{
    struct value *fields = value_map(arena);

    FROZEN_MUST(value_put_string(arena, fields, "/parties/0", "internal") == OK &&
                value_put_string(arena, fields, "/parties/1", "restricted") == OK &&
                value_put_string(arena, fields, "/parties/2/country", "restricted") == OK &&
                value_put_string(arena, fields, "/parties/9", "restricted") == OK &&
                value_put(arena, value_get(record, "handling"), "fields", fields) == OK);
    return record;
}

/* One example of each kind as our officer would publish it: canonical, with defaults, split. */
json_t *frozen_split(void)
{
    static const char *const wanted[] = {"DN-XMA-2026-0014", "BA-XMA-2026-0005",
                                         "DC-XMA-2026-0003"};
    struct arena *arena = arena_new(ARENA_BYTES);
    json_t *made = json_object();
    size_t found = 0;

    FROZEN_MUST(arena != NULL);
    struct value *records = read_records(arena);
    for (size_t i = 0; i < records->count; i++) {
        struct view reference = value_get_text(records->items[i], "reference");

        for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++) {
            if (view_is(reference, wanted[w])) {
                json_t *one = split_one(records->items[i], arena);
                FROZEN_MUST(json_object_set_new(made, wanted[w], one) == 0);
                found++;
            }
        }
    }
    FROZEN_MUST(found == sizeof wanted / sizeof wanted[0]);
    json_t *one = split_one(with_moves(records->items[0], arena), arena);
    FROZEN_MUST(json_object_set_new(made, "with moves", one) == 0);
    arena_free(&arena);
    return made;
}
