/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "armor.h"
#include "chain.h"
#include "control.h"
#include "message.h"
#include "names.h"
#include "policy_caveats.h"
#include "record_index.h"
#include "record_json.h"
#include "record_schema.h"
#include "record_sections.h"

#include "failing.h"

#include <string.h>

/*
 * The n-th allocation fails, for n = 1, 2, … until none is left to fail. Each
 * time the code under test must give a clean error, leak nothing (the address
 * sanitizer looks at the end) and leave whole what it was given.
 */

enum { ALLOCATIONS_MAX = 20000, ARENA_BYTES = 4 * 1024 * 1024 };

/* Two States and a record, made before anything fails. */
struct fixture {
    struct party marentia;
    struct party norrhaven;
    struct sample sample;
    struct shelf *shelf;
    struct buffer text;   /* an example record as JSON */
    struct buffer schema; /* of cases, packed */
};

typedef enum error (*scenario)(struct fixture *f);

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct arena *arena = big_arena();
    void *shelf = NULL;

    party_make(&f->marentia, "XMA", "Marentia");
    party_make(&f->norrhaven, "XNH", "Norrhaven");
    sample_make(&f->sample, &f->marentia);
    MUST(shelf_new(&shelf) == 0);
    f->shelf = shelf;
    store_close(&f->shelf->store);
    f->text = buffer_init(RECORD_JSON_MAX_BYTES);
    MUST(json_write(sample_record(arena, "DN-XMA-2026-0014"), 0, &f->text) == OK);
    struct value *schema = NULL;
    MUST(record_schema(record_kind_find(view_of_text("case")), arena, &schema) == OK);
    f->schema = buffer_init(ARENA_BYTES);
    value_pack(&f->schema, schema);
    arena_free(&arena);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *shelf = f->shelf;

    party_free(&f->marentia);
    party_free(&f->norrhaven);
    sample_free(&f->sample);
    MUST(shelf_free(&shelf) == 0);
    buffer_free(&f->text);
    buffer_free(&f->schema);
    free(f);
    return 0;
}

/*
 * Run a scenario until it runs without a failure. Each failure must be told as
 * one; `other` is what else may be told: OK where the result does not need what
 * could not be had. Libraries take their memory past us.
 */
static void sweep(struct fixture *f, scenario run, enum error other)
{
    long n = 1;

    for (; n < ALLOCATIONS_MAX; n++) {
        failing_set(n);
        enum error err = run(f);
        bool happened = failing_happened();
        failing_set(0);
        if (!happened) {
            assert_ok(err);
            break;
        }
        if (err != ERR_NO_MEMORY && err != other) {
            fail_msg("allocation %ld failed and gave %s: %s", n, error_info(err)->code,
                     error_info(err)->text);
        }
    }
    assert_true(n > 1 && n < ALLOCATIONS_MAX);
}

/* --- identity and keys --------------------------------------------------------------------- */

static enum error run_identity(struct fixture *f)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct buffer rotation = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct buffer card = buffer_init(CARD_MAX_BYTES);
    struct identity identity;
    struct card_facts facts;
    struct card_facts *cards = NULL;
    size_t count = 0;
    struct card body = {.version = 1, .card_seq = 1, .not_after = {1000}};
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(inception_make(f->marentia.authority, f->marentia.next, view_of_text("XMA"),
                       view_of_text("Marentia"), sample_now, &event));
    TRY(identity_begin(view_of_buffer(&event), arena, &identity));
    body.node = identity.node;
    memcpy(body.sign_key, f->marentia.keys.card.sign_key, 32);
    memcpy(body.seal_key, f->marentia.keys.card.seal_key, 32);
    memcpy(body.curve_key, f->marentia.keys.card.curve_key, 32);
    TRY(card_make(&body, f->marentia.authority, 0, &card));
    TRY(card_verify(&identity, view_of_buffer(&card), arena, &facts));
    TRY(rotation_make(&identity, f->marentia.authority, f->marentia.next, f->norrhaven.next,
                      sample_now, &rotation));
    TRY(identity_rotate(&identity, view_of_buffer(&rotation), arena));
    TRY(identity_bundle_verify(view_of_buffer(&f->marentia.keys.bundle), arena, &identity, &cards,
                               &count));
out:
    buffer_free(&card);
    buffer_free(&rotation);
    buffer_free(&event);
    arena_free(&arena);
    return err;
}

static void an_identity_survives_every_failure(void **state)
{
    sweep(*state, run_identity, ERR_NO_MEMORY);
}

static enum error run_keyfile(struct fixture *f)
{
    struct keyfile_opener opener = {KEYFILE_KEY, f->marentia.keys.master};
    struct keyfile_opener added = {KEYFILE_KEY, f->norrhaven.keys.master};
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer more = buffer_init(KEYFILE_MAX_BYTES);
    struct secret *opened = NULL;
    enum error err = OK;

    TRY(keyfile_seal(f->marentia.authority, &opener, KEYFILE_COST_FLOOR, &file));
    TRY(keyfile_add_slot(view_of_buffer(&file), &opener, &added, KEYFILE_COST_FLOOR, &more));
    TRY(keyfile_open(view_of_buffer(&more), &added, &opened));
out:
    secret_free(&opened);
    buffer_free(&more);
    buffer_free(&file);
    return err;
}

static void a_key_file_survives_every_failure(void **state)
{
    sweep(*state, run_keyfile, ERR_NO_MEMORY);
}

static enum error run_node_keys(struct fixture *f)
{
    struct view endpoint = view_of_text("tcp://127.0.0.1:7700");
    struct node_keys_wish wish = {.state = view_of_text("XOR"),
                                  .name = view_of_text("Oldenreach"),
                                  .endpoints = &endpoint,
                                  .endpoint_count = 1,
                                  .card_days = 365,
                                  .now = sample_now};
    struct keyfile_opener opener = {KEYFILE_KEY, f->marentia.keys.master};
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct buffer authority_text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct secret *authority = NULL;
    struct secret *next = NULL;
    struct node_keys made = {0};
    struct node_keys opened = {0};
    enum error err = OK;

    TRY(node_keys_make(&wish, &made, &authority, &next));
    TRY(node_keys_seal(&made, &opener, KEYFILE_COST_FLOOR, &text));
    TRY(authority_key_seal(authority, &opener, KEYFILE_COST_FLOOR, &authority_text));
    TRY(node_keys_open(view_of_buffer(&text), &opener, &opened));
out:
    node_keys_free(&opened);
    node_keys_free(&made);
    secret_free(&authority);
    secret_free(&next);
    buffer_free(&authority_text);
    buffer_free(&text);
    return err;
}

static void the_keys_of_a_node_survive_every_failure(void **state)
{
    sweep(*state, run_node_keys, ERR_NO_MEMORY);
}

/* --- records on the wire ------------------------------------------------------------------- */

static enum error run_envelope(struct fixture *f)
{
    struct envelope_section section = {.section = f->sample.sections[0].section};
    struct envelope_draft draft = {f->marentia.keys.identity.node, &section, 1, 10};
    struct section_keys *keys = section_keys_new();
    struct arena *arena = arena_new(ARENA_BYTES);
    struct buffer plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct envelope envelope;
    struct envelope_header header;
    struct section opened;
    enum error err = OK;

    memset(&envelope, 0, sizeof envelope);
    TRY(keys == NULL || arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(envelope_make(&draft, f->marentia.keys.sign_key, keys, &envelope));
    struct view bytes = view_of_buffer(&envelope.header);
    TRY(envelope_read_header(bytes, arena, &header));
    TRY(envelope_verify(bytes, view_of(envelope.signature, SIGNATURE_BYTES),
                        f->marentia.keys.card.sign_key));
    struct envelope_part part = {section.slot, view_of_buffer(&section.ciphertext)};
    TRY(envelope_open(&header, &part, keys, &plain, arena, &opened));
out:
    buffer_free(&plain);
    arena_free(&arena);
    section_keys_free(&keys);
    envelope_section_free(&section);
    envelope_free(&envelope);
    return err;
}

static void an_envelope_survives_every_failure(void **state)
{
    sweep(*state, run_envelope, ERR_NO_MEMORY);
}

/* As sample_parcel, but giving its errors back. */
static enum error make_parcel(struct fixture *f, struct view grant, struct buffer *to)
{
    uint8_t slot = f->sample.sections[0].slot;
    struct view cipher = id_view(&f->sample.sections[0].cipher_id);
    struct parcel parcel = {.version = 1,
                            .grant = grant,
                            .header = view_of_buffer(&f->sample.envelope.header),
                            .slots = view_of(&slot, 1),
                            .ciphers = {1, &cipher}};

    return object_encode(&parcel_info, &parcel, to);
}

static enum error run_grant(struct fixture *f)
{
    struct caveats caveats = sample_caveats();
    struct pair_end us = party_end(&f->marentia);
    struct pair_end them = party_end(&f->norrhaven);
    struct buffer packed = buffer_init(CAVEATS_MAX_BYTES);
    struct buffer grant = buffer_init(GRANT_MAX_BYTES);
    struct buffer parcel_bytes = buffer_init(PARCEL_MAX_BYTES);
    struct section_keys *keys = section_keys_new();
    struct arena *arena = arena_new(ARENA_BYTES);
    struct secret *pair = pair_key_new(f->marentia.keys.seal_key, &us, &them, NULL, 0);
    struct grant_parts parts;
    struct parcel parcel;
    enum error err = OK;

    TRY(keys == NULL || arena == NULL || pair == NULL ? ERR_NO_MEMORY : OK);
    TRY(object_encode(&caveats_info, &caveats, &packed));
    struct grant_terms terms =
        sample_terms(&f->marentia, &f->norrhaven, &f->sample, view_of_buffer(&packed));
    TRY(grant_make(&terms, f->sample.keys, sample_slots(&f->sample, 2), pair,
                   f->marentia.keys.sign_key, &grant));
    TRY(make_parcel(f, view_of_buffer(&grant), &parcel_bytes));
    TRY(parcel_read(view_of_buffer(&parcel_bytes), arena, &parcel));
    TRY(grant_read(parcel.grant, arena, &parts));
    TRY(grant_unwrap(&parts, pair, keys));
    TRY(grant_verify(&parts.grant, f->marentia.keys.card.sign_key));
    TRY(caveats_meet(&caveats, &parts.caveats, arena, &caveats));
out:
    secret_free(&pair);
    arena_free(&arena);
    section_keys_free(&keys);
    buffer_free(&parcel_bytes);
    buffer_free(&grant);
    buffer_free(&packed);
    return err;
}

static void a_grant_survives_every_failure(void **state)
{
    sweep(*state, run_grant, ERR_NO_MEMORY);
}

static enum error run_lane(struct fixture *f)
{
    struct lane_ends ends = {f->marentia.keys.identity.node, f->norrhaven.keys.identity.node};
    struct lane_signer signer = {1, f->marentia.keys.sign_key};
    const uint8_t *public_key = f->marentia.keys.card.sign_key;
    struct buffer entry = buffer_init(LANE_ENTRY_MAX_BYTES);
    struct buffer head = buffer_init(LANE_HEAD_MAX_BYTES);
    struct buffer ack = buffer_init(LANE_HEAD_MAX_BYTES);
    struct arena *arena = arena_new(ARENA_BYTES);
    struct lane_cursor cursor = lane_start();
    struct lane_cursor follower = lane_start();
    struct lane_entry decoded;
    struct lane_head read_head;
    struct lane_ack read_ack;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(lane_entry_make(&ends, LANE_GRANT, view_of_text("p"), sample_now, &cursor, &entry));
    TRY(lane_entry_follow(view_of_buffer(&entry), view_of_text("p"), &ends, arena, &follower,
                          &decoded));
    TRY(lane_head_make(&ends, &cursor, sample_now, &signer, &head));
    TRY(lane_head_read(view_of_buffer(&head), arena, &read_head));
    TRY(lane_head_verify(view_of_buffer(&head), arena, public_key));
    TRY(lane_ack_make(&ends, &cursor, LANE_STORED, sample_now, &signer, &ack));
    TRY(lane_ack_read(view_of_buffer(&ack), arena, &read_ack));
    TRY(lane_ack_verify(view_of_buffer(&ack), arena, public_key));
out:
    arena_free(&arena);
    buffer_free(&ack);
    buffer_free(&head);
    buffer_free(&entry);
    return err;
}

static void a_lane_survives_every_failure(void **state)
{
    sweep(*state, run_lane, ERR_NO_MEMORY);
}

static enum error run_messages(struct fixture *f)
{
    struct view item = view_of_text("item");
    struct hello hello = {.version = 1, .version_min = 1, .card_seq = 1};
    struct message push = {.type = MESSAGE_LANE_PUSH};
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES);
    struct arena *arena = arena_new(ARENA_BYTES);
    struct message decoded;
    struct hello read;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(hello_make(&hello, f->marentia.keys.sign_key, &bytes));
    TRY(message_decode(view_of_buffer(&bytes), arena, &decoded));
    TRY(hello_read(&decoded.hello, arena, &read));
    TRY(hello_verify(&decoded.hello, f->marentia.keys.card.sign_key));
    push.session.counter = 1;
    push.lane_data.entries = (struct views){1, &item};
    push.lane_data.payloads = (struct views){1, &item};
    push.lane_data.head = item;
    push.lane_data.blobs = (struct views){1, &item};
    buffer_free(&bytes);
    TRY(message_encode(&push, &bytes));
    TRY(message_decode(view_of_buffer(&bytes), arena, &decoded));
out:
    arena_free(&arena);
    buffer_free(&bytes);
    return err;
}

static void messages_survive_every_failure(void **state)
{
    sweep(*state, run_messages, ERR_NO_MEMORY);
}

/* --- records as trees ---------------------------------------------------------------------- */

static enum error visit(void *context, enum index_field field, struct view value)
{
    struct buffer *to = context;

    (void)field;
    buffer_append(to, value);
    return to->error;
}

static enum error run_record(struct fixture *f)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct buffer values = buffer_init(ARENA_BYTES);
    struct buffer packed = buffer_init(ARENA_BYTES);
    struct buffer text = buffer_init(ARENA_BYTES);
    struct record_parts parts;
    struct value *record = NULL;
    struct value *merged = NULL;
    struct value *unpacked = NULL;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(json_parse(view_of_buffer(&f->text), RECORD_JSON_MAX_BYTES, arena, NULL, &record));
    TRY(record_check(record, RECORD_OWN, arena, NULL, NULL));
    TRY(record_fill_defaults(record, arena));
    TRY(record_split(record, arena, &parts));
    TRY(record_merge(&parts, arena, &merged));
    TRY(record_index(merged, visit, &values));
    value_pack(&packed, merged);
    TRY(packed.error);
    TRY(value_unpack(arena, view_of_buffer(&packed), &unpacked));
    TRY(json_write(unpacked, 2, &text));
out:
    buffer_free(&text);
    buffer_free(&packed);
    buffer_free(&values);
    arena_free(&arena);
    return err;
}

static void a_record_survives_every_failure(void **state)
{
    sweep(*state, run_record, ERR_NO_MEMORY);
}

static enum error run_schema(struct fixture *f)
{
    const struct record_kind *kind = record_kind_find(view_of_text("case"));
    struct arena *arena = arena_new(ARENA_BYTES);
    struct value *schema = NULL;
    struct value *template = NULL;
    struct buffer packed = buffer_init(ARENA_BYTES);
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(record_schema(kind, arena, &schema));
    value_pack(&packed, schema);
    TRY(packed.error);
    TRY(view_equal(view_of_buffer(&packed), view_of_buffer(&f->schema)) ? OK : ERR_BUG);
    TRY(record_template(kind, "XMA", sample_now, arena, &template));
out:
    buffer_free(&packed);
    arena_free(&arena);
    return err;
}

static void a_schema_survives_every_failure(void **state)
{
    sweep(*state, run_schema, OK);
}

static enum error run_policy(struct fixture *f)
{
    static struct policy_world world; /* too large for a stack */
    static struct policy_group group;
    struct arena *arena = arena_new(ARENA_BYTES);
    struct value *record = NULL;
    struct value *described = NULL;
    struct policy_preview preview;
    struct caveats caveats;
    enum error err = OK;

    memset(&world, 0, sizeof world);
    (void)snprintf(group.name, sizeof group.name, "NORTH");
    world.groups = &group;
    world.group_count = 1;
    world.member_count = 3;
    (void)snprintf(world.members[0].state, 4, "XMA");
    (void)snprintf(world.members[1].state, 4, "XNH");
    (void)snprintf(world.members[2].state, 4, "XOR");
    world.members[0].self = true;
    world.members[1].verified = true;
    world.members[2].verified = true;
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(json_parse(view_of_buffer(&f->text), RECORD_JSON_MAX_BYTES, arena, NULL, &record));
    const struct value *handling = value_get(record, "handling");
    TRY(policy_check(handling, &world, sample_now, NULL));
    TRY(policy_preview(handling, &world, 0x3f, arena, &preview));
    TRY(policy_caveats(handling, &world, arena, &caveats));
    TRY(policy_describe(&caveats, &world, arena, &described));
out:
    arena_free(&arena);
    return err;
}

static void a_policy_survives_every_failure(void **state)
{
    sweep(*state, run_policy, ERR_NO_MEMORY);
}

/* --- control ------------------------------------------------------------------------------- */

static enum error run_control(struct fixture *f)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct buffer request = buffer_init(CONTROL_FRAME_MAX_BYTES);
    struct buffer answer = buffer_init(CONTROL_FRAME_MAX_BYTES);
    const struct control_command *command = NULL;
    struct value *arguments = NULL;
    struct control_reply reply = {.error = ERR_JSON};
    struct control_reply read;
    enum error err = OK;

    (void)f;
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    arguments = value_map(arena);
    TRY(value_put_string(arena, arguments, "reference", "DN-XMA-2026-0014"));
    TRY(control_request_write("record.show", arguments, arena, &request));
    TRY(control_request_read(view_of_buffer(&request), arena, &command, &arguments, NULL));
    (void)problem_add(&reply.problems, ERR_JSON, "/a", "what");
    TRY(control_reply_write(&reply, arena, &answer));
    TRY(control_reply_read(view_of_buffer(&answer), arena, &read));
out:
    buffer_free(&answer);
    buffer_free(&request);
    arena_free(&arena);
    return err;
}

static void the_control_protocol_survives_every_failure(void **state)
{
    sweep(*state, run_control, ERR_NO_MEMORY);
}

/* --- the store ----------------------------------------------------------------------------- */

/* What publishing writes: a record, its ciphertext and keys, an entry, a lane, the audit. */
static enum error write_record(struct fixture *f, struct store_txn *txn)
{
    const struct envelope_section *section = &f->sample.sections[0];
    struct store_record record = {.record = f->sample.envelope.record_id,
                                  .originator = f->marentia.keys.identity.node,
                                  .header = view_of_buffer(&f->sample.envelope.header),
                                  .reference = view_of_text("DN-XMA-2026-0014"),
                                  .version = 1,
                                  .schema = view_of_text("valise/denial/1")};
    struct store_entry entry = {view_of_text("entry"), view_of_text("payload"), view_of_text("")};
    struct store_entry_name name = {STORE_OUT, 1, 1, 1};
    struct store_lane lane = {.incarnation = 1, .seq = 1};
    const struct store_event event = {sample_now, "record.published", "officer", "", ""};
    uint64_t number = 0;
    enum error err = OK;

    err = store_record_add(txn, &record, &number);
    TRY(err == ERR_EXISTS ? OK : err); /* from a run that failed after its commit */
    TRY(store_blob_put(txn, &section->cipher_id, view_of_buffer(&section->ciphertext)));
    TRY(store_keys_put(txn, &record.record, f->sample.keys));
    TRY(store_index_add(txn, INDEX_STATE, view_of_text("XPE"), number));
    TRY(store_entry_put(txn, name, &entry));
    TRY(store_lane_put(txn, STORE_OUT, 1, &lane));
    TRY(store_counter_set(txn, "DN-2026", 14));
    TRY(store_audit_add(txn, &event));
out:
    return err;
}

static enum error read_record(struct fixture *f, struct store *store)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct section_keys *keys = section_keys_new();
    struct store_txn *txn = NULL;
    struct store_record record;
    uint64_t number = 0;
    int64_t value = 0;
    enum error err = OK;

    TRY(arena == NULL || keys == NULL ? ERR_NO_MEMORY : OK);
    TRY(store_begin(store, STORE_READ, &txn));
    TRY(store_record_find(txn, &f->sample.envelope.record_id, &number));
    TRY(store_record_get(txn, number, arena, &record));
    TRY(store_keys_get(txn, &record.record, keys));
    TRY(store_counter_get(txn, "DN-2026", &value));
    TRY(store_audit_verify(txn, &value));
out:
    store_abort(&txn);
    section_keys_free(&keys);
    arena_free(&arena);
    return err;
}

static enum error run_store(struct fixture *f)
{
    struct store *store = NULL;
    struct store_txn *txn = NULL;
    enum error err = OK;

    TRY(store_open(&f->shelf->options, &store));
    TRY(store_begin(store, STORE_WRITE, &txn));
    TRY(write_record(f, txn));
    TRY(store_commit(&txn));
    TRY(read_record(f, store));
out:
    store_abort(&txn);
    store_close(&store);
    return err;
}

/* After each failure the store opens again, and its audit chain holds. */
static void the_store_survives_every_failure(void **state)
{
    struct fixture *f = *state;
    long n = 1;

    for (; n < ALLOCATIONS_MAX; n++) {
        int64_t entries = 0;
        failing_set(n);
        enum error err = run_store(f);
        bool happened = failing_happened();
        failing_set(0);
        MUST(store_open(&f->shelf->options, &f->shelf->store) == OK);
        struct store_txn *txn = shelf_begin(f->shelf, STORE_READ);
        assert_ok(store_audit_verify(txn, &entries));
        store_abort(&txn);
        store_close(&f->shelf->store);
        if (!happened) {
            assert_ok(err);
            break;
        }
        /* A lack of memory while the anchor is written only leaves the anchor behind. */
        if (err != ERR_NO_MEMORY && err != OK) {
            fail_msg("allocation %ld failed and gave %s", n, error_info(err)->code);
        }
    }
    assert_true(n > 20 && n < ALLOCATIONS_MAX);
}

static enum error run_check(struct fixture *f)
{
    struct store_report report;

    return store_check(f->shelf->store, &report);
}

static void a_check_survives_every_failure(void **state)
{
    struct fixture *f = *state;

    MUST(run_store(f) == OK);
    MUST(store_open(&f->shelf->options, &f->shelf->store) == OK);
    sweep(f, run_check, ERR_NO_MEMORY);
    store_close(&f->shelf->store);
}

/* --- small things -------------------------------------------------------------------------- */

static enum error run_small(struct fixture *f)
{
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct buffer bytes = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct buffer folded = buffer_init(NAME_FOLDED_MAX_BYTES);
    struct buffer entry = buffer_init(AUDIT_ENTRY_MAX_BYTES);
    struct arena *arena = arena_new(ARENA_BYTES);
    struct audit_cursor cursor = {0};
    struct audit_cursor follower = {0};
    struct audit_entry made = {.event = view_of_text("e"), .actor = view_of_text("a")};
    enum error err = OK;

    (void)f;
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    armor_write("valise-thing-1", view_of_text("some bytes"), &text);
    TRY(text.error);
    TRY(armor_read("valise-thing-1", view_of_buffer(&text), &bytes));
    TRY(names_fold(view_of_text("DESSALOUI, Karim"), &folded));
    TRY(audit_entry_make(&made, &cursor, &entry));
    TRY(audit_entry_follow(view_of_buffer(&entry), arena, &follower, &made));
out:
    arena_free(&arena);
    buffer_free(&entry);
    buffer_free(&folded);
    buffer_free(&bytes);
    buffer_free(&text);
    return err;
}

static void armor_names_and_the_trail_survive_every_failure(void **state)
{
    sweep(*state, run_small, ERR_NO_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_identity_survives_every_failure),
        TEST(a_key_file_survives_every_failure),
        TEST(the_keys_of_a_node_survive_every_failure),
        TEST(an_envelope_survives_every_failure),
        TEST(a_grant_survives_every_failure),
        TEST(a_lane_survives_every_failure),
        TEST(messages_survive_every_failure),
        TEST(a_record_survives_every_failure),
        TEST(a_schema_survives_every_failure),
        TEST(a_policy_survives_every_failure),
        TEST(the_control_protocol_survives_every_failure),
        TEST(the_store_survives_every_failure),
        TEST(a_check_survives_every_failure),
        TEST(armor_names_and_the_trail_survive_every_failure),
    };

    return RUN(tests);
}
