/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "armor.h"
#include "control.h"
#include "message.h"
#include "record_json.h"
#include "record_sections.h"
#include "transport.h"

#include <string.h>
#include <sys/stat.h>

/*
 * Writes the seed corpus from real objects into the folder given as argument:
 * one file an object. What a fuzzer found is kept beside them by hand.
 */

enum { NO_PREFIX = -1, PATH_BYTES = 512, JSON_BYTES = 64 * 1024 };

static const char *folder;

/* Write one seed; the prefix tells targets with several inputs which one it is. */
static void seed(const char *target, const char *name, int prefix, struct view bytes)
{
    char path[PATH_BYTES];
    FILE *file = NULL;

    (void)snprintf(path, sizeof path, "%s/%s", folder, target);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
    file = fopen(path, "wb");
    MUST(file != NULL);
    MUST(prefix == NO_PREFIX || fputc(prefix, file) == prefix);
    MUST(fwrite(bytes.data, 1, bytes.size, file) == bytes.size);
    MUST(fclose(file) == 0);
}

static void seed_buffer(const char *target, const char *name, int prefix, struct buffer *bytes)
{
    MUST(bytes->error == OK);
    seed(target, name, prefix, view_of_buffer(bytes));
    buffer_clear(bytes);
}

/* --- records ------------------------------------------------------------------------------- */

/* The parts of one record, each behind its length. */
static void seed_parts(const char *name, const struct value *record, struct arena *arena)
{
    struct record_parts parts;
    struct buffer all = buffer_init(1024 * 1024);

    MUST(record_split(record, arena, &parts) == OK);
    for (int s = 0; s < SECTION_INTERNAL; s++) {
        struct buffer packed = buffer_init(65535);
        uint8_t length[2];
        if (parts.section[s] != NULL) {
            value_pack(&packed, parts.section[s]);
        }
        put_u16(length, (uint16_t)packed.size);
        buffer_append(&all, view_of(length, sizeof length));
        buffer_append(&all, view_of_buffer(&packed));
        buffer_free(&packed);
    }
    seed_buffer("record_parts", name, NO_PREFIX, &all);
    buffer_free(&all);
}

static void seed_records(void)
{
    struct arena *arena = fuzz_arena();
    struct value *records = sample_records(arena);
    struct buffer bytes = buffer_init(JSON_BYTES);

    for (size_t i = 0; i < records->count; i++) {
        struct value *record = records->items[i];
        struct view reference = value_get_text(record, "reference");
        const char *name = arena_text(arena, reference);
        MUST(json_write(record, 0, &bytes) == OK);
        seed_buffer("record_json", name, NO_PREFIX, &bytes);
        MUST(record_check(record, RECORD_OWN, arena, NULL, NULL) == OK);
        seed_parts(name, record, arena);
        if (i % 5 == 0) {
            value_pack(&bytes, record);
            seed_buffer("pack", name, NO_PREFIX, &bytes);
        }
    }
    buffer_free(&bytes);
    arena_free(&arena);
}

static void seed_pack(void)
{
    seed("pack", "integers", NO_PREFIX,
         view_of(
             "\x96\x00\xff\xcc\x80\xd1\xff\x7f\xce\x00\x01\x00\x00\xd3\x80\x00\x00\x00\x00\x00\x00"
             "\x00",
             22));
    seed("pack", "map", NO_PREFIX, view_of("\x82\x01\xc0\x05\x91\xc3", 6));
    seed("pack", "depth", NO_PREFIX,
         view_of("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0", 13));
    seed("pack", "bomb", NO_PREFIX, view_of("\xdd\x00\xff\xff\xff", 5));
}

/* --- objects of the wire ------------------------------------------------------------------- */

static void seed_envelope(struct fuzz_world *world)
{
    struct buffer bytes = buffer_init(65536);

    seed("envelope", "header", 0, view_of_buffer(&world->sample.envelope.header));
    for (size_t i = 0; i < SAMPLE_SECTIONS; i++) {
        char name[16];
        MUST(object_encode(&section_info, &world->sample.sections[i].section, &bytes) == OK);
        (void)snprintf(name, sizeof name, "section%zu", i);
        seed_buffer("envelope", name, 1, &bytes);
    }
    seed("envelope", "ciphertext", 2, view_of_buffer(&world->sample.sections[0].ciphertext));
    buffer_free(&bytes);
}

static void seed_grant(struct fuzz_world *world)
{
    struct buffer bytes = buffer_init(PARCEL_MAX_BYTES);
    struct buffer packed = buffer_init(CAVEATS_MAX_BYTES);
    struct caveats caveats = sample_caveats();
    struct view to = id_view(&world->them.keys.identity.node);
    struct view notes[2] = {view_of_text("a note"), view_of_text("another")};

    sample_grant(&world->us, &world->them, &world->sample, 2, &bytes);
    seed_buffer("grant", "grant", 0, &bytes);
    sample_parcel(&world->us, &world->them, &world->sample, 3, &bytes);
    seed_buffer("grant", "parcel", 2, &bytes);
    MUST(object_encode(&caveats_info, &caveats, &packed) == OK);
    seed("grant", "caveats", 1, view_of_buffer(&packed));
    struct grant_terms terms =
        sample_terms(&world->us, &world->them, &world->sample, view_of_buffer(&packed));
    MUST(grant_make(&terms, world->sample.keys, sample_slots(&world->sample, 1), world->pair_key,
                    world->us.keys.sign_key, &bytes) == OK);
    seed_buffer("grant", "signed", 0, &bytes);
    caveats.onward = ONWARD_LISTED;
    caveats.onward_to = (struct views){1, &to};
    caveats.notes = (struct views){2, notes};
    caveats.present = 0x1e0;
    caveats.not_before.ms = 1;
    caveats.use_until.ms = 2;
    buffer_clear(&packed);
    MUST(object_encode(&caveats_info, &caveats, &packed) == OK);
    seed_buffer("grant", "caveats-full", 1, &packed);
    buffer_free(&packed);
    buffer_free(&bytes);
}

static void seed_lane(struct fuzz_world *world)
{
    struct lane_ends ends = {world->us.keys.identity.node, world->them.keys.identity.node};
    struct lane_signer signer = {1, world->us.keys.sign_key};
    struct lane_cursor cursor = lane_start();
    struct buffer bytes = buffer_init(4096);

    MUST(lane_entry_make(&ends, LANE_GRANT, view_of_text("payload"), sample_now, &cursor, &bytes) ==
         OK);
    seed_buffer("lane", "entry", 0, &bytes);
    MUST(lane_head_make(&ends, &cursor, sample_now, &signer, &bytes) == OK);
    seed_buffer("lane", "head", 1, &bytes);
    MUST(lane_ack_make(&ends, &cursor, LANE_APPLIED, sample_now, &signer, &bytes) == OK);
    seed_buffer("lane", "ack", 2, &bytes);
    buffer_free(&bytes);
}

/* Fill the fields that may not be zero. */
static void fill_message(struct message *m, const struct views *one)
{
    m->session.counter = 1;
    switch (m->type) {
    case MESSAGE_ERROR:
        m->error.code = PEER_ERROR_BUSY;
        m->error.text = one->items[0];
        break;
    case MESSAGE_IDENT:
        m->ident.bundle = one->items[0];
        break;
    case MESSAGE_HEADS:
        m->heads.incarnation = 1;
        m->heads.mine = one->items[0];
        m->heads.session.present = (uint64_t)1 << HEADS_MINE;
        break;
    case MESSAGE_LANE_PULL:
        m->lane_pull.incarnation = 1;
        break;
    case MESSAGE_LANE_DATA:
    case MESSAGE_LANE_PUSH:
        m->lane_data.entries = *one;
        m->lane_data.payloads = *one;
        m->lane_data.head = one->items[0];
        m->lane_data.blobs = *one;
        break;
    case MESSAGE_LANE_ACK:
        m->lane_ack.ack = one->items[0];
        break;
    case MESSAGE_LANE_NACK:
        m->lane_nack.reason = NACK_GAP;
        break;
    case MESSAGE_BLOB_PULL:
        m->blob_pull.ids = *one;
        break;
    case MESSAGE_BLOB:
        m->blob.bytes = one->items[0];
        break;
    case MESSAGE_CREDIT:
        m->credit.bytes = 1;
        break;
    default:
        break;
    }
}

static void seed_messages(struct fuzz_world *world)
{
    struct view item = view_of("0123456789abcdef0123456789abcdef", 32);
    struct views one = {1, &item};
    struct hello hello = {.version = PROTOCOL_VERSION,
                          .version_min = PROTOCOL_VERSION_MIN,
                          .node = world->us.keys.identity.node,
                          .to = world->them.keys.identity.node,
                          .card_seq = 1,
                          .time = sample_now,
                          .software = view_of_text("valise")};
    struct buffer bytes = buffer_init(65536);
    size_t count = 0;
    const struct message_info *table = message_table(&count);

    for (size_t i = 0; i < count; i++) {
        struct message message = {.type = table[i].type};
        if (message.type == MESSAGE_HELLO) {
            MUST(hello_make(&hello, world->us.keys.sign_key, &bytes) == OK);
        } else {
            fill_message(&message, &one);
            MUST(message_encode(&message, &bytes) == OK);
        }
        seed_buffer("message", table[i].name, NO_PREFIX, &bytes);
    }
    buffer_free(&bytes);
}

/* --- the node's own files and sockets ------------------------------------------------------ */

static void seed_control(void)
{
    struct arena *arena = fuzz_arena();
    struct buffer bytes = buffer_init(65536);
    struct control_reply reply = {.more = true};
    size_t count = 0;
    const struct control_command *table = control_commands(&count);

    for (size_t i = 0; i < count; i++) {
        struct value *arguments = value_map(arena);
        for (size_t a = 0; a < CONTROL_ARGUMENTS_MAX && table[i].arguments[a].name != NULL; a++) {
            const struct control_argument *argument = &table[i].arguments[a];
            struct value *made[] = {value_string(arena, "text"), value_integer(arena, 1),
                                    value_bool(arena, true), value_map(arena), value_list(arena)};
            MUST(value_put(arena, arguments, argument->name, made[argument->type]) == OK);
        }
        MUST(control_request_write(table[i].name, arguments, arena, &bytes) == OK);
        seed_buffer("control", table[i].name, NO_PREFIX, &bytes);
    }
    MUST(control_reply_write(&reply, arena, &bytes) == OK);
    seed_buffer("control", "result", NO_PREFIX, &bytes);
    reply.error = problem_add(&reply.problems, ERR_JSON, "/a", "what");
    MUST(control_reply_write(&reply, arena, &bytes) == OK);
    seed_buffer("control", "error", NO_PREFIX, &bytes);
    buffer_free(&bytes);
    arena_free(&arena);
}

static void seed_frames(void)
{
    struct buffer bytes = buffer_init(4096);

    MUST(frame_append(&bytes, view_of_text("one"), 100) == OK);
    MUST(frame_append(&bytes, view_of_text("two"), 100) == OK);
    seed_buffer("frame", "two", NO_PREFIX, &bytes);
    seed("frame", "cut", NO_PREFIX,
         view_of("\0\0\0\x05"
                 "abc",
                 7));
    MUST(transport_frame_append(&bytes, TRANSPORT_UP, 1, view_of_text("key")) == OK);
    MUST(transport_frame_append(&bytes, TRANSPORT_MESSAGE, 1, view_of_text("message")) == OK);
    MUST(transport_frame_append(&bytes, TRANSPORT_DOWN, 1, view_of(NULL, 0)) == OK);
    seed_buffer("transport", "three", NO_PREFIX, &bytes);
    seed("transport", "short", NO_PREFIX, view_of("\0\0\0\x04M\0\0\0", 8));
    buffer_free(&bytes);
}

static void seed_keyfile(struct fuzz_world *world)
{
    struct keyfile_opener opener = {KEYFILE_KEY, world->us.keys.master};
    struct keyfile_opener other = {KEYFILE_KEY, world->them.keys.master};
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer more = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct buffer bytes = buffer_init(KEYFILE_MAX_BYTES);
    struct secret *contents = NULL;

    MUST(keyfile_seal(world->us.authority, &opener, KEYFILE_COST_FLOOR, &file) == OK);
    seed("keyfile", "file", 0, view_of_buffer(&file));
    MUST(keyfile_add_slot(view_of_buffer(&file), &opener, &other, KEYFILE_COST_FLOOR, &more) == OK);
    seed("keyfile", "two-slots", 0, view_of_buffer(&more));
    MUST(node_keys_seal(&world->us.keys, &opener, KEYFILE_COST_FLOOR, &text) == OK);
    seed("keyfile", "text", 1, view_of_buffer(&text));
    /* The contents, so that they can be changed under the seal. */
    MUST(armor_read("valise-node-key-1", view_of_buffer(&text), &bytes) == OK);
    MUST(keyfile_open(view_of_buffer(&bytes), &opener, &contents) == OK);
    seed("keyfile", "contents", 2, view_of(secret_open(contents), secret_size(contents)));
    secret_close(contents);
    secret_free(&contents);
    buffer_free(&bytes);
    buffer_free(&text);
    buffer_free(&more);
    buffer_free(&file);
}

static void seed_card(struct fuzz_world *world)
{
    struct arena *arena = fuzz_arena();
    struct view bundle = view_of_buffer(&world->us.keys.bundle);
    struct buffer bytes = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct identity_bundle parts;

    seed("card", "bundle", 0, bundle);
    armor_write("valise-card-1", bundle, &bytes);
    seed_buffer("card", "text", 1, &bytes);
    MUST(object_decode(&identity_bundle_info, bundle, arena, &parts) == OK);
    seed("card", "inception", 2, parts.events.items[0]);
    seed("card", "card", 3, parts.cards.items[0]);
    MUST(rotation_make(&world->us.keys.identity, world->us.authority, world->us.next,
                       world->them.next, sample_now, &bytes) == OK);
    seed_buffer("card", "rotation", 2, &bytes);
    buffer_free(&bytes);
    arena_free(&arena);
}

int main(int count, char **arguments)
{
    if (count != 2) {
        (void)fprintf(stderr, "usage: seeds FOLDER\n");
        return 2;
    }
    folder = arguments[1];
    fuzz_start();
    struct fuzz_world *world = fuzz_world();
    seed_records();
    seed_pack();
    seed_envelope(world);
    seed_grant(world);
    seed_lane(world);
    seed_messages(world);
    seed_control();
    seed_frames();
    seed_keyfile(world);
    seed_card(world);
    seed("must_crash", "word", NO_PREFIX, view_of_text("word"));
    return 0;
}
