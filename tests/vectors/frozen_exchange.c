/* SPDX-License-Identifier: Apache-2.0 */
#include "frozen.h"

#include "armor.h"
#include "envelope.h"
#include "grant.h"
#include "identity.h"
#include "lane.h"
#include "node_keys.h"

#include <string.h>

/* Identities, and a record on its way from one State to another. */

enum { ARENA_BYTES = 8 * 1024 * 1024 };

static const struct instant now = {(int64_t)FROZEN_NOW_S * 1000};

static void put_seed(json_t *object, const char *field, struct secret *key)
{
    /* The first half of an Ed25519 secret is its seed; X25519 secrets have 32 bytes. */
    frozen_put_hex(object, field, view_of(secret_open(key), KEY_BYTES));
    secret_close(key);
}

/* --- identity ------------------------------------------------------------------------------ */

/** The authority keys of an identity that rotates once. */
struct authority {
    struct secret *keys[3];
};

static void sign_card(const struct identity *identity, int64_t number, const struct id *previous,
                      struct secret *authority, struct buffer *to)
{
    uint8_t unused[SIGN_PUBLIC_BYTES];
    struct view endpoints[2] = {view_of_text("tcp://node.example:7443"),
                                view_of_text("tcp://[2001:db8::1]:7443")};
    struct card card = {.version = 1,
                        .node = identity->node,
                        .card_seq = number,
                        .event_seq = identity->event_seq,
                        .not_before = now,
                        .not_after = instant_add(now, 365 * DAY_MS)};
    struct secret *sign_key = sign_new(card.sign_key);
    struct secret *seal_key = box_new(card.seal_key);
    struct secret *curve_key = box_new(card.curve_key);

    FROZEN_MUST(sign_key != NULL && seal_key != NULL && curve_key != NULL);
    sign_public(sign_key, unused);
    card.endpoints = (struct views){number == 1 ? 0 : 2, endpoints};
    if (previous != NULL) {
        card.previous = *previous;
        card.emergency = true;
        OBJECT_SET(&card, 10);
        OBJECT_SET(&card, 12);
    }
    FROZEN_MUST(card_make(&card, authority, 0, to) == OK);
    secret_free(&sign_key);
    secret_free(&seal_key);
    secret_free(&curve_key);
}

static void make_bundle(struct authority *by, struct arena *arena, struct buffer *bundle)
{
    struct buffer parts[4];
    struct view views[4];
    struct identity identity = {0};
    struct card_facts first = {0};
    struct identity_bundle whole = {.version = 1};

    for (size_t i = 0; i < 4; i++) {
        parts[i] = buffer_init(CARD_MAX_BYTES);
    }
    FROZEN_MUST(inception_make(by->keys[0], by->keys[1], view_of_text("XMA"),
                               view_of_text("Marentia"), now, &parts[0]) == OK);
    FROZEN_MUST(identity_begin(view_of_buffer(&parts[0]), arena, &identity) == OK);
    sign_card(&identity, 1, NULL, by->keys[0], &parts[2]);
    FROZEN_MUST(card_verify(&identity, view_of_buffer(&parts[2]), arena, &first) == OK);
    FROZEN_MUST(rotation_make(&identity, by->keys[0], by->keys[1], by->keys[2], now, &parts[1]) ==
                OK);
    FROZEN_MUST(identity_rotate(&identity, view_of_buffer(&parts[1]), arena) == OK);
    sign_card(&identity, 2, &first.card, by->keys[1], &parts[3]);
    for (size_t i = 0; i < 4; i++) {
        views[i] = view_of_buffer(&parts[i]);
    }
    whole.events = (struct views){2, views};
    whole.cards = (struct views){2, views + 2};
    FROZEN_MUST(object_encode(&identity_bundle_info, &whole, bundle) == OK);
    for (size_t i = 0; i < 4; i++) {
        buffer_free(&parts[i]);
    }
}

static void put_bundle(json_t *made, struct view bundle, struct arena *arena)
{
    struct identity identity = {0};
    struct card_facts *cards = NULL;
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    size_t count = 0;

    FROZEN_MUST(identity_bundle_verify(bundle, arena, &identity, &cards, &count) == OK);
    frozen_put_hex(made, "bundle", bundle);
    armor_write("valise-card-1", bundle, &text);
    frozen_put_text(made, "card text", view_of_buffer(&text));
    frozen_put_hex(made, "node", id_view(&identity.node));
    frozen_put_hex(made, "last event", id_view(&identity.last_event));
    frozen_put_hex(made, "newest card", id_view(&cards[count - 1].card));
    frozen_put_hex(made, "sign key name", id_view(&cards[count - 1].sign_id));
    frozen_put_hex(made, "seal key name", id_view(&cards[count - 1].seal_id));
    buffer_free(&text);
}

/* A node's own key file, W-36. */
static void put_key_file(json_t *made)
{
    const struct node_keys_wish wish = {.state = view_of_text("XNH"),
                                        .name = view_of_text("Norrhaven"),
                                        .card_days = 365,
                                        .now = now};
    struct keyfile_opener opener = {KEYFILE_KEY, secret_random(KEY_BYTES)};
    struct buffer text = buffer_init(KEYFILE_MAX_BYTES * 2);
    struct buffer authority_text = buffer_init(KEYFILE_MAX_BYTES * 2);
    struct node_keys keys = {0};
    struct secret *authority = NULL;
    struct secret *next = NULL;

    FROZEN_MUST(opener.secret != NULL);
    FROZEN_MUST(node_keys_make(&wish, &keys, &authority, &next) == OK);
    FROZEN_MUST(node_keys_seal(&keys, &opener, KEYFILE_COST_FLOOR, &text) == OK);
    FROZEN_MUST(authority_key_seal(authority, &opener, KEYFILE_COST_FLOOR, &authority_text) == OK);
    put_seed(made, "key of the key file", opener.secret);
    frozen_put_text(made, "node key file", view_of_buffer(&text));
    frozen_put_text(made, "authority key file", view_of_buffer(&authority_text));
    put_seed(made, "authority seed", authority);
    put_seed(made, "master", keys.master);
    secret_free(&authority);
    secret_free(&next);
    node_keys_free(&keys);
    buffer_free(&authority_text);
    buffer_free(&text);
    secret_free(&opener.secret);
}

json_t *frozen_identity(void)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct arena *arena = arena_new(ARENA_BYTES);
    struct buffer bundle = buffer_init(IDENTITY_BUNDLE_MAX_BYTES);
    struct authority by = {{sign_new(public_key), sign_new(public_key), sign_new(public_key)}};
    json_t *made = json_object();
    json_t *seeds = json_array();

    FROZEN_MUST(arena != NULL);
    for (size_t i = 0; i < 3; i++) {
        FROZEN_MUST(by.keys[i] != NULL);
        frozen_append_hex(seeds, view_of(secret_open(by.keys[i]), KEY_BYTES));
        secret_close(by.keys[i]);
    }
    FROZEN_MUST(json_object_set_new(made, "authority seeds", seeds) == 0);
    make_bundle(&by, arena, &bundle);
    put_bundle(made, view_of_buffer(&bundle), arena);
    put_key_file(made);
    for (size_t i = 0; i < 3; i++) {
        secret_free(&by.keys[i]);
    }
    buffer_free(&bundle);
    arena_free(&arena);
    return made;
}

/* --- a record from one State to another ---------------------------------------------------- */

enum { SECTIONS = 3 };

/** Both States and the record. */
struct exchange {
    struct node_keys from;
    struct node_keys to;
    struct secret *pair_key;
    struct section_keys *keys;
    struct envelope_section sections[SECTIONS];
    struct envelope envelope;
};

static void make_state(const char *state, struct node_keys *keys)
{
    const struct node_keys_wish wish = {
        .state = view_of_text(state), .name = view_of_text(state), .card_days = 300, .now = now};
    struct secret *authority = NULL;
    struct secret *next = NULL;

    FROZEN_MUST(node_keys_make(&wish, keys, &authority, &next) == OK);
    secret_free(&authority);
    secret_free(&next);
}

static struct pair_end end_of(const struct node_keys *keys)
{
    struct pair_end end = {.node = keys->identity.node};

    memcpy(end.seal_key, keys->card.seal_key, sizeof end.seal_key);
    return end;
}

static void make_pair_key(struct exchange *exchange)
{
    struct pair_end from = end_of(&exchange->from);
    struct pair_end to = end_of(&exchange->to);
    struct secret *theirs = pair_key_new(exchange->to.seal_key, &to, &from, NULL, 0);

    exchange->pair_key = pair_key_new(exchange->from.seal_key, &from, &to, NULL, 0);
    FROZEN_MUST(exchange->pair_key != NULL && theirs != NULL);
    FROZEN_MUST(secret_equal(exchange->pair_key, theirs));
    secret_free(&theirs);
}

static void seal_record(struct exchange *exchange)
{
    static const char *const names[SECTIONS] = {"manifest", "summary", "restricted"};
    static const char *const bodies[SECTIONS] = {"\x81\xa1\x61\x01", "\x81\xa1\x62\x02",
                                                 "\x81\xa1\x63\x03"};
    const struct envelope_draft draft = {.originator = exchange->from.identity.node,
                                         .sections = exchange->sections,
                                         .count = SECTIONS,
                                         .retention_years = 12};

    for (size_t i = 0; i < SECTIONS; i++) {
        exchange->sections[i].section = (struct section){.name = view_of_text(names[i]),
                                                         .schema = view_of_text("valise/denial/1"),
                                                         .version = 2,
                                                         .body = view_of_text(bodies[i])};
    }
    exchange->keys = section_keys_new();
    FROZEN_MUST(exchange->keys != NULL);
    FROZEN_MUST(
        envelope_make(&draft, exchange->from.sign_key, exchange->keys, &exchange->envelope) == OK);
}

static void put_state(json_t *made, const char *field, struct node_keys *keys)
{
    json_t *state = json_object();

    frozen_put_hex(state, "bundle", view_of_buffer(&keys->bundle));
    put_seed(state, "sign seed", keys->sign_key);
    put_seed(state, "seal secret", keys->seal_key);
    put_seed(state, "curve secret", keys->curve_key);
    FROZEN_MUST(json_object_set_new(made, field, state) == 0);
}

static void put_record(json_t *made, struct exchange *exchange)
{
    json_t *record = json_object();
    json_t *sections = json_array();

    frozen_put_hex(record, "header", view_of_buffer(&exchange->envelope.header));
    frozen_put_hex(record, "signature", view_of(exchange->envelope.signature, SIGNATURE_BYTES));
    frozen_put_hex(record, "rid", id_view(&exchange->envelope.record_id));
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct envelope_section *from = &exchange->sections[i];
        json_t *section = json_object();

        frozen_put_text(section, "name", from->section.name);
        frozen_put_integer(section, "slot", from->slot);
        frozen_put_hex(section, "body", from->section.body);
        frozen_put_hex(section, "key",
                       view_of(section_keys_open(exchange->keys, from->slot), KEY_BYTES));
        section_keys_close(exchange->keys);
        frozen_put_hex(section, "ciphertext", view_of_buffer(&from->ciphertext));
        FROZEN_MUST(json_array_append_new(sections, section) == 0);
    }
    FROZEN_MUST(json_object_set_new(record, "sections", sections) == 0);
    FROZEN_MUST(json_object_set_new(made, "record", record) == 0);
}

/* Every caveat there is. */
static void rich_caveats(const struct id *state, struct view *items, struct caveats *caveats)
{
    items[0] = id_view(state);
    items[1] = view_of_text("a note");
    items[2] = view_of_text("not for commercial advantage");
    *caveats = (struct caveats){.tlp = TLP_GREEN,
                                .onward = ONWARD_LISTED,
                                .onward_to = {1, items},
                                .depth = 1,
                                .slots = 3,
                                .not_before = now,
                                .use_until = instant_add(now, 30 * DAY_MS),
                                .purge_by = instant_add(now, 60 * DAY_MS),
                                .review_by = instant_add(now, 20 * DAY_MS),
                                .purposes = PURPOSE_LICENSING | PURPOSE_TRACING,
                                .export_mode = EXPORT_FILE,
                                .ack = ACK_APPLIED,
                                .leave = LEAVE_PURGE,
                                .notes = {2, items + 1}};
    for (unsigned key = CAVEAT_NOT_BEFORE; key <= CAVEAT_REVIEW_BY; key++) {
        OBJECT_SET(caveats, key);
    }
}

/* Slots of the first `count` sections, ascending, with the hashes of their ciphertexts. */
static uint16_t list_slots(const struct exchange *exchange, size_t count, uint8_t *slots,
                           struct view *ciphers)
{
    unsigned set = 0;
    size_t n = 0;

    for (uint8_t slot = 0; slot < ENVELOPE_SLOTS; slot++) {
        for (size_t i = 0; i < count; i++) {
            if (exchange->sections[i].slot == slot) {
                set |= 1U << slot;
                slots[n] = slot;
                ciphers[n++] = id_view(&exchange->sections[i].cipher_id);
            }
        }
    }
    return (uint16_t)set;
}

/* A parcel with the first `count` sections; signed if its caveats allow onward sharing. */
static void make_parcel(struct exchange *exchange, const struct caveats *caveats, size_t count,
                        struct buffer *to)
{
    struct buffer packed = buffer_init(CAVEATS_MAX_BYTES);
    struct buffer grant = buffer_init(GRANT_MAX_BYTES);
    uint8_t slots[SECTIONS];
    struct view ciphers[SECTIONS];
    uint16_t set = list_slots(exchange, count, slots, ciphers);
    struct grant_terms terms = {.version = 1,
                                .issuer = exchange->from.identity.node,
                                .subject = exchange->to.identity.node,
                                .record = exchange->envelope.record_id,
                                .issuer_seal_id = exchange->from.card.seal_id,
                                .subject_seal_id = exchange->to.card.seal_id,
                                .suite = GRANT_SUITE,
                                .issued_at = now};
    struct parcel parcel = {.version = 1, .header = view_of_buffer(&exchange->envelope.header)};

    FROZEN_MUST(object_encode(&caveats_info, caveats, &packed) == OK);
    terms.caveats = view_of_buffer(&packed);
    FROZEN_MUST(grant_make(&terms, exchange->keys, set, exchange->pair_key,
                           caveats->onward == ONWARD_NONE ? NULL : exchange->from.sign_key,
                           &grant) == OK);
    parcel.grant = view_of_buffer(&grant);
    memcpy(parcel.signature, exchange->envelope.signature, SIGNATURE_BYTES);
    parcel.slots = view_of(slots, count);
    parcel.ciphers = (struct views){count, ciphers};
    FROZEN_MUST(object_encode(&parcel_info, &parcel, to) == OK);
    buffer_free(&grant);
    buffer_free(&packed);
}

static void put_parcels(json_t *made, struct exchange *exchange, struct buffer payloads[2])
{
    const struct caveats plain = {.tlp = TLP_RED, .purposes = PURPOSE_ENFORCEMENT};
    struct view items[3];
    struct caveats rich;
    json_t *list = json_array();

    rich_caveats(&exchange->to.identity.node, items, &rich);
    for (size_t i = 0; i < 2; i++) {
        payloads[i] = buffer_init(PARCEL_MAX_BYTES);
        make_parcel(exchange, i == 0 ? &plain : &rich, i == 0 ? SECTIONS : 2, &payloads[i]);
        frozen_append_hex(list, view_of_buffer(&payloads[i]));
    }
    FROZEN_MUST(json_object_set_new(made, "parcels", list) == 0);
}

/* Two entries, the head that closes them, and the acknowledgement of it. */
static void put_lane(json_t *made, struct exchange *exchange, const struct buffer payloads[2])
{
    const struct lane_ends ends = {exchange->from.identity.node, exchange->to.identity.node};
    const struct lane_signer from = {exchange->from.card.card_seq, exchange->from.sign_key};
    const struct lane_signer to = {exchange->to.card.card_seq, exchange->to.sign_key};
    struct lane_cursor cursor = lane_start();
    struct buffer head = buffer_init(LANE_HEAD_MAX_BYTES);
    struct buffer ack = buffer_init(LANE_HEAD_MAX_BYTES);
    json_t *entries = json_array();

    for (size_t i = 0; i < 2; i++) {
        struct buffer entry = buffer_init(LANE_ENTRY_MAX_BYTES);
        FROZEN_MUST(lane_entry_make(&ends, LANE_GRANT, view_of_buffer(&payloads[i]), now, &cursor,
                                    &entry) == OK);
        frozen_append_hex(entries, view_of_buffer(&entry));
        buffer_free(&entry);
    }
    FROZEN_MUST(lane_head_make(&ends, &cursor, now, &from, &head) == OK);
    FROZEN_MUST(lane_ack_make(&ends, &cursor, LANE_APPLIED, now, &to, &ack) == OK);
    FROZEN_MUST(json_object_set_new(made, "entries", entries) == 0);
    frozen_put_hex(made, "head", view_of_buffer(&head));
    frozen_put_hex(made, "ack", view_of_buffer(&ack));
    buffer_free(&ack);
    buffer_free(&head);
}

json_t *frozen_exchange(void)
{
    struct exchange exchange = {.pair_key = NULL};
    struct buffer payloads[2];
    json_t *made = json_object();

    make_state("XMA", &exchange.from);
    make_state("XNH", &exchange.to);
    make_pair_key(&exchange);
    seal_record(&exchange);
    put_state(made, "from", &exchange.from);
    put_state(made, "to", &exchange.to);
    put_seed(made, "pair key", exchange.pair_key);
    put_record(made, &exchange);
    put_parcels(made, &exchange, payloads);
    put_lane(made, &exchange, payloads);
    for (size_t i = 0; i < 2; i++) {
        buffer_free(&payloads[i]);
    }
    for (size_t i = 0; i < SECTIONS; i++) {
        envelope_section_free(&exchange.sections[i]);
    }
    envelope_free(&exchange.envelope);
    section_keys_free(&exchange.keys);
    secret_free(&exchange.pair_key);
    node_keys_free(&exchange.from);
    node_keys_free(&exchange.to);
    return made;
}
