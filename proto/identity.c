/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include "codes.h"
#include "text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define FIELD(object, member) offsetof(struct object, member)

enum { TYPE_INCEPTION = 0, TYPE_ROTATION = 1, INDEXED_SIGNATURE_BYTES = 1 + SIGNATURE_BYTES };

static const struct object_field inception_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(inception, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_INTEGER, false, FIELD(inception, type), 0, 0, 0, "type", "0 = inception"},
    {5, OBJECT_INTEGER, false, FIELD(inception, threshold), 1, IDENTITY_KEYS_MAX, 0, "threshold",
     "signatures needed"},
    {6, OBJECT_LIST, false, FIELD(inception, keys), SIGN_PUBLIC_BYTES, SIGN_PUBLIC_BYTES,
     IDENTITY_KEYS_MAX, "keys", "authority keys, Ed25519"},
    {7, OBJECT_INTEGER, false, FIELD(inception, next_threshold), 1, IDENTITY_KEYS_MAX, 0,
     "next threshold", "signatures that a rotation will need"},
    {8, OBJECT_LIST, false, FIELD(inception, next), ID_BYTES, ID_BYTES, IDENTITY_KEYS_MAX, "next",
     "H(\"valise1-event\", key) of each next key"},
    {10, OBJECT_INSTANT, false, FIELD(inception, time), 0, INT64_MAX, 0, "time", "when made"},
    {12, OBJECT_TEXT, false, FIELD(inception, state), 3, 3, 0, "state", "ISO 3166-1 alpha-3"},
    {13, OBJECT_TEXT, false, FIELD(inception, name), 1, IDENTITY_NAME_MAX_BYTES, 0, "name",
     "name of the State"},
};

static const struct object_field rotation_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(rotation, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_INTEGER, false, FIELD(rotation, type), 1, 1, 0, "type", "1 = rotation"},
    {2, OBJECT_FIXED, false, FIELD(rotation, node), 0, ID_BYTES, 0, "node", "node id"},
    {3, OBJECT_INTEGER, false, FIELD(rotation, seq), 1, IDENTITY_EVENTS_MAX, 0, "seq",
     "number of the event; the inception is 0"},
    {4, OBJECT_FIXED, false, FIELD(rotation, previous), 0, ID_BYTES, 0, "prev",
     "H(\"valise1-event\", body before)"},
    {5, OBJECT_INTEGER, false, FIELD(rotation, threshold), 1, IDENTITY_KEYS_MAX, 0, "threshold",
     "signatures needed from now on"},
    {6, OBJECT_LIST, false, FIELD(rotation, keys), SIGN_PUBLIC_BYTES, SIGN_PUBLIC_BYTES,
     IDENTITY_KEYS_MAX, "keys", "authority keys, as committed to"},
    {7, OBJECT_INTEGER, false, FIELD(rotation, next_threshold), 1, IDENTITY_KEYS_MAX, 0,
     "next threshold", "signatures that the next rotation will need"},
    {8, OBJECT_LIST, false, FIELD(rotation, next), ID_BYTES, ID_BYTES, IDENTITY_KEYS_MAX, "next",
     "hashes of the next keys"},
    {10, OBJECT_INSTANT, false, FIELD(rotation, time), 0, INT64_MAX, 0, "time", "when made"},
};

static const struct object_field card_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(card, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_FIXED, false, FIELD(card, node), 0, ID_BYTES, 0, "node", "node id"},
    {2, OBJECT_INTEGER, false, FIELD(card, card_seq), 1, INT32_MAX, 0, "card seq",
     "number of the card"},
    {3, OBJECT_INTEGER, false, FIELD(card, event_seq), 0, IDENTITY_EVENTS_MAX, 0, "event seq",
     "event whose keys sign"},
    {4, OBJECT_INSTANT, false, FIELD(card, not_before), 0, INT64_MAX, 0, "not before",
     "in force from"},
    {5, OBJECT_INSTANT, false, FIELD(card, not_after), 0, INT64_MAX, 0, "not after",
     "in force until, at most 400 days later"},
    {6, OBJECT_FIXED, false, FIELD(card, sign_key), 0, SIGN_PUBLIC_BYTES, 0, "sign key", "Ed25519"},
    {7, OBJECT_FIXED, false, FIELD(card, seal_key), 0, BOX_PUBLIC_BYTES, 0, "seal key",
     "X25519 for grants"},
    {8, OBJECT_FIXED, false, FIELD(card, curve_key), 0, BOX_PUBLIC_BYTES, 0, "curve key",
     "X25519 for the transport"},
    {9, OBJECT_INTEGER, false, FIELD(card, features), 0, INT64_MAX, 0, "features",
     "bits, none yet"},
    {10, OBJECT_FIXED, true, FIELD(card, previous), 0, ID_BYTES, 0, "prev",
     "H(\"valise1-card\", body before)"},
    {11, OBJECT_LIST, false, FIELD(card, endpoints), 1, ENDPOINT_MAX_BYTES, CARD_ENDPOINTS_MAX,
     "endpoints", "tcp://HOST:PORT, may be none"},
    {12, OBJECT_FLAG, true, FIELD(card, emergency), 0, 0, 0, "emergency",
     "replaces the card before at once"},
};

static const struct object_field signed_object_fields[] = {
    {0, OBJECT_BYTES, false, FIELD(signed_object, body), 1, SIGNED_EVENT_MAX_BYTES, 0, "body",
     "an inception, a rotation or a card"},
    {1, OBJECT_LIST, false, FIELD(signed_object, signatures), INDEXED_SIGNATURE_BYTES,
     INDEXED_SIGNATURE_BYTES, 2 * IDENTITY_KEYS_MAX, "signatures",
     "place of the key (1 byte) ‖ signature"},
};

static const struct object_field identity_bundle_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(identity_bundle, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_LIST, false, FIELD(identity_bundle, events), 1, SIGNED_EVENT_MAX_BYTES,
     IDENTITY_EVENTS_MAX, "events", "signed inception and rotations, oldest first"},
    {2, OBJECT_LIST, false, FIELD(identity_bundle, cards), 1, CARD_MAX_BYTES, IDENTITY_CARDS_MAX,
     "cards", "signed cards, oldest first"},
};

#define INFO(name, text, bytes)                                                                    \
    const struct object_info name##_info = {text, name##_fields,                                   \
                                            sizeof name##_fields / sizeof name##_fields[0],        \
                                            sizeof(struct name), bytes}

INFO(inception, "inception", SIGNED_EVENT_MAX_BYTES);
INFO(rotation, "rotation", SIGNED_EVENT_MAX_BYTES);
INFO(card, "card", CARD_MAX_BYTES);
INFO(signed_object, "signed object", SIGNED_EVENT_MAX_BYTES);
INFO(identity_bundle, "identity bundle", IDENTITY_BUNDLE_MAX_BYTES);

bool box_public_is_good(const uint8_t key[static BOX_PUBLIC_BYTES])
{
    /* libsodium refuses a product of all zero, which is what small-order keys give. */
    static const uint8_t probe[crypto_scalarmult_SCALARBYTES] = {8, 1};
    uint8_t product[crypto_scalarmult_BYTES];

    return crypto_scalarmult(product, probe, key) == 0;
}

struct secret *box_new(uint8_t public_key[static BOX_PUBLIC_BYTES])
{
    struct secret *key = secret_random(BOX_PUBLIC_BYTES);

    if (key != NULL) {
        box_public(key, public_key);
    }
    return key;
}

void box_public(struct secret *key, uint8_t public_key[static BOX_PUBLIC_BYTES])
{
    (void)crypto_scalarmult_base(public_key, secret_open(key));
    secret_close(key);
}

bool endpoint_is_valid(struct view text)
{
    static const char scheme[] = "tcp://";
    const size_t prefix = sizeof scheme - 1;
    size_t colon = text.size;
    unsigned port = 0;

    if (text.size <= prefix || text.size > ENDPOINT_MAX_BYTES ||
        memcmp(text.data, scheme, prefix) != 0) {
        return false;
    }
    for (size_t i = prefix; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool allowed = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '.' || c == '-' || c == '[' || c == ']' || c == ':';
        if (!allowed) {
            return false;
        }
        colon = c == ':' ? i : colon;
    }
    if (colon == text.size || colon == prefix || text.size - colon > 6 || text.size - colon < 2) {
        return false;
    }
    for (size_t i = colon + 1; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

/* --- making -------------------------------------------------------------------------------- */

/* Sign a body with up to two keys and append the signed object. */
static enum error append_signed(struct view body, enum sign_label label, struct secret *const *keys,
                                const uint8_t *places, size_t count, struct buffer *to)
{
    uint8_t signatures[2][INDEXED_SIGNATURE_BYTES];
    struct view views[2];
    struct signed_object object = {.body = body};
    enum error err = OK;

    for (size_t i = 0; i < count; i++) {
        signatures[i][0] = places[i];
        TRY(sign(keys[i], label, body, signatures[i] + 1));
        views[i] = view_of(signatures[i], INDEXED_SIGNATURE_BYTES);
    }
    object.signatures = (struct views){count, views};
    TRY(object_encode(&signed_object_info, &object, to));
out:
    return err;
}

static struct id commitment(struct secret *key)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];

    sign_public(key, public_key);
    return digest(HASH_EVENT, view_of(public_key, sizeof public_key));
}

enum error inception_make(struct secret *authority, struct secret *next, struct view state,
                          struct view name, struct instant now, struct buffer *to)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct id next_hash = commitment(next);
    struct view key_view = view_of(public_key, sizeof public_key);
    struct view next_view = id_view(&next_hash);
    struct inception body = {.version = 1, .threshold = 1, .next_threshold = 1, .time = now};
    struct buffer bytes = buffer_init(SIGNED_EVENT_MAX_BYTES);
    uint8_t place = 0;
    enum error err = OK;

    if (!state_is_valid(state) || name.size == 0 || name.size > IDENTITY_NAME_MAX_BYTES ||
        !text_is_valid(name) || text_traits(name) != 0) {
        return ERR_FIELD_VALUE;
    }
    sign_public(authority, public_key);
    body.keys = (struct views){1, &key_view};
    body.next = (struct views){1, &next_view};
    body.state = state;
    body.name = name;
    TRY(object_encode(&inception_info, &body, &bytes));
    TRY(append_signed(view_of_buffer(&bytes), SIGN_INCEPTION, &authority, &place, 1, to));
out:
    buffer_free(&bytes);
    return err;
}

enum error rotation_make(const struct identity *identity, struct secret *old, struct secret *next,
                         struct secret *after, struct instant now, struct buffer *to)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct id after_hash = commitment(after);
    struct view key_view = view_of(public_key, sizeof public_key);
    struct view next_view = id_view(&after_hash);
    struct rotation body = {.version = 1,
                            .type = TYPE_ROTATION,
                            .node = identity->node,
                            .seq = identity->event_seq + 1,
                            .previous = identity->last_event,
                            .threshold = 1,
                            .next_threshold = 1,
                            .time = now};
    struct buffer bytes = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct secret *signers[2] = {next, old};
    /* Places from IDENTITY_KEYS_MAX on mean the keys of the event before. */
    uint8_t places[2] = {0, IDENTITY_KEYS_MAX};
    enum error err = OK;

    sign_public(next, public_key);
    body.keys = (struct views){1, &key_view};
    body.next = (struct views){1, &next_view};
    TRY(object_encode(&rotation_info, &body, &bytes));
    TRY(append_signed(view_of_buffer(&bytes), SIGN_ROTATION, signers, places, 2, to));
out:
    buffer_free(&bytes);
    return err;
}

enum error card_make(const struct card *card, struct secret *authority, uint8_t index,
                     struct buffer *to)
{
    struct buffer bytes = buffer_init(CARD_MAX_BYTES);
    enum error err = OK;

    TRY(object_encode(&card_info, card, &bytes));
    TRY(append_signed(view_of_buffer(&bytes), SIGN_CARD, &authority, &index, 1, to));
out:
    buffer_free(&bytes);
    return err;
}

/* --- verifying ----------------------------------------------------------------------------- */

/* Count the valid signatures by distinct keys whose places are first..first+count-1. */
static enum error count_signatures(const struct signed_object *object, enum sign_label label,
                                   const uint8_t (*keys)[SIGN_PUBLIC_BYTES], size_t count,
                                   size_t first, int64_t *valid)
{
    bool seen[IDENTITY_KEYS_MAX] = {false};

    *valid = 0;
    for (size_t i = 0; i < object->signatures.count; i++) {
        struct view indexed = object->signatures.items[i];
        size_t place = indexed.data[0];

        if (place < first || place - first >= count || seen[place - first]) {
            continue;
        }
        enum error err = sign_verify(keys[place - first], label, object->body,
                                     view_of(indexed.data + 1, SIGNATURE_BYTES));
        if (err == ERR_NO_MEMORY) {
            return err;
        }
        if (err == OK) {
            seen[place - first] = true;
            (*valid)++;
        }
    }
    return OK;
}

static bool take_keys(const struct views *list, uint8_t keys[static IDENTITY_KEYS_MAX][32])
{
    for (size_t i = 0; i < list->count; i++) {
        memcpy(keys[i], list->items[i].data, SIGN_PUBLIC_BYTES);
        if (crypto_core_ed25519_is_valid_point(keys[i]) != 1) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (memcmp(keys[i], keys[j], SIGN_PUBLIC_BYTES) == 0) {
                return false; /* one key must not count twice */
            }
        }
    }
    return true;
}

/* Put keys, thresholds and commitments of an event in force. */
static bool take_event(struct identity *identity, const struct views *keys, int64_t threshold,
                       const struct views *next, int64_t next_threshold)
{
    if (keys->count == 0 || threshold > (int64_t)keys->count || next->count == 0 ||
        next_threshold > (int64_t)next->count || !take_keys(keys, identity->keys)) {
        return false;
    }
    identity->key_count = keys->count;
    identity->threshold = threshold;
    identity->next_count = next->count;
    identity->next_threshold = next_threshold;
    for (size_t i = 0; i < next->count; i++) {
        (void)id_from_view(next->items[i], &identity->next[i]);
    }
    return true;
}

enum error identity_begin(struct view signed_inception, struct arena *arena,
                          struct identity *identity)
{
    struct signed_object object = {0};
    struct inception body = {0};
    struct identity made = {0};
    int64_t valid = 0;
    enum error err = OK;

    TRY(object_decode(&signed_object_info, signed_inception, arena, &object));
    TRY(object_decode(&inception_info, object.body, arena, &body));
    if (!state_is_valid(body.state) || text_traits(body.name) != 0 ||
        !take_event(&made, &body.keys, body.threshold, &body.next, body.next_threshold)) {
        return ERR_IDENTITY;
    }
    TRY(count_signatures(&object, SIGN_INCEPTION, (const uint8_t(*)[32])made.keys, made.key_count,
                         0, &valid));
    if (valid < made.threshold) {
        return ERR_IDENTITY;
    }
    made.node = digest(HASH_NODE, object.body);
    made.last_event = digest(HASH_EVENT, object.body);
    (void)snprintf(made.state, sizeof made.state, "%.3s", (const char *)body.state.data);
    (void)snprintf(made.name, sizeof made.name, "%.*s", (int)body.name.size,
                   (const char *)body.name.data);
    *identity = made;
out:
    return err;
}

/* Whether enough of the shown keys were committed to by the event before. */
static bool keys_were_committed(const struct identity *before, const struct views *keys)
{
    int64_t known = 0;

    for (size_t i = 0; i < keys->count; i++) {
        struct id hash = digest(HASH_EVENT, keys->items[i]);
        bool found = false;
        for (size_t j = 0; j < before->next_count; j++) {
            found = found || id_equal(&hash, &before->next[j]);
        }
        if (!found) {
            return false;
        }
        known++;
    }
    return known >= before->next_threshold;
}

/*
 * Two events with one number count against the State only if the very keys that
 * the accepted one brought in signed the other too: nobody else can frame it.
 */
static bool is_duplicity(const struct identity *accepted, const struct identity *other, int64_t seq,
                         int64_t valid)
{
    return seq == accepted->event_seq && other->key_count == accepted->key_count &&
           memcmp(other->keys, accepted->keys, accepted->key_count * SIGN_PUBLIC_BYTES) == 0 &&
           valid >= accepted->threshold;
}

enum error identity_rotate(struct identity *identity, struct view signed_rotation,
                           struct arena *arena)
{
    struct signed_object object = {0};
    struct rotation body = {0};
    struct identity made = *identity;
    int64_t by_new = 0;
    int64_t by_old = 0;
    enum error err = OK;

    TRY(object_decode(&signed_object_info, signed_rotation, arena, &object));
    struct id hash = digest(HASH_EVENT, object.body);
    if (id_equal(&hash, &identity->last_event)) {
        return ERR_EXISTS;
    }
    TRY(object_decode(&rotation_info, object.body, arena, &body));
    if (!id_equal(&body.node, &identity->node)) {
        return ERR_IDENTITY;
    }
    if (body.seq > identity->event_seq + 1) {
        return ERR_LANE_GAP;
    }
    if (!take_event(&made, &body.keys, body.threshold, &body.next, body.next_threshold)) {
        return ERR_IDENTITY;
    }
    TRY(count_signatures(&object, SIGN_ROTATION, (const uint8_t(*)[32])made.keys, made.key_count, 0,
                         &by_new));
    TRY(count_signatures(&object, SIGN_ROTATION, (const uint8_t(*)[32])identity->keys,
                         identity->key_count, IDENTITY_KEYS_MAX, &by_old));
    if (body.seq <= identity->event_seq) {
        return is_duplicity(identity, &made, body.seq, by_new) ? ERR_IDENTITY_FORK : ERR_IDENTITY;
    }
    if (!id_equal(&body.previous, &identity->last_event) ||
        !keys_were_committed(identity, &body.keys) || by_new < made.threshold ||
        by_new < identity->next_threshold || by_old < identity->threshold) {
        return ERR_IDENTITY;
    }
    made.event_seq = body.seq;
    made.last_event = hash;
    *identity = made;
out:
    return err;
}

static bool card_is_sound(const struct card *card)
{
    if (card->not_after.ms <= card->not_before.ms ||
        card->not_after.ms - card->not_before.ms > CARD_DAYS_MAX * DAY_MS) {
        return false;
    }
    for (size_t i = 0; i < card->endpoints.count; i++) {
        if (!endpoint_is_valid(card->endpoints.items[i])) {
            return false;
        }
    }
    return crypto_core_ed25519_is_valid_point(card->sign_key) == 1 &&
           box_public_is_good(card->seal_key) && box_public_is_good(card->curve_key);
}

enum error card_verify(const struct identity *identity, struct view signed_card,
                       struct arena *arena, struct card_facts *facts)
{
    struct signed_object object = {0};
    struct card card = {0};
    struct card_facts made = {0};
    int64_t valid = 0;
    enum error err = OK;

    TRY(object_decode(&signed_object_info, signed_card, arena, &object));
    TRY(object_decode(&card_info, object.body, arena, &card));
    if (!id_equal(&card.node, &identity->node) || card.event_seq != identity->event_seq ||
        !card_is_sound(&card)) {
        return ERR_IDENTITY;
    }
    TRY(count_signatures(&object, SIGN_CARD, (const uint8_t(*)[32])identity->keys,
                         identity->key_count, 0, &valid));
    if (valid < identity->threshold) {
        return ERR_IDENTITY;
    }
    made.card_seq = card.card_seq;
    made.event_seq = card.event_seq;
    made.not_before = card.not_before;
    made.not_after = card.not_after;
    made.card = digest(HASH_CARD, object.body);
    made.sign_id = key_id(card.sign_key);
    made.seal_id = key_id(card.seal_key);
    made.emergency = OBJECT_HAS(&card, 12) && card.emergency;
    memcpy(made.sign_key, card.sign_key, sizeof made.sign_key);
    memcpy(made.seal_key, card.seal_key, sizeof made.seal_key);
    memcpy(made.curve_key, card.curve_key, sizeof made.curve_key);
    made.endpoint_count = card.endpoints.count;
    for (size_t i = 0; i < card.endpoints.count; i++) {
        (void)snprintf(made.endpoints[i], sizeof made.endpoints[i], "%.*s",
                       (int)card.endpoints.items[i].size,
                       (const char *)card.endpoints.items[i].data);
    }
    *facts = made;
out:
    return err;
}

bool card_in_force(const struct card_facts *card, struct instant now)
{
    return card->not_before.ms <= now.ms && now.ms < card->not_after.ms;
}

enum error identity_bundle_verify(struct view bundle, struct arena *arena,
                                  struct identity *identity, struct card_facts **cards,
                                  size_t *count)
{
    struct identity_bundle parts = {0};
    struct identity made = {0};
    struct card_facts *found = NULL;
    size_t at = 0;
    enum error err = OK;

    TRY(object_decode(&identity_bundle_info, bundle, arena, &parts));
    if (parts.events.count == 0 || parts.cards.count == 0) {
        return ERR_IDENTITY;
    }
    found = arena_alloc_many(arena, parts.cards.count, sizeof *found);
    TRY(found == NULL ? arena_error(arena) : OK);
    for (size_t i = 0; i < parts.events.count; i++) {
        bool last = i + 1 == parts.events.count;

        TRY(i == 0 ? identity_begin(parts.events.items[0], arena, &made)
                   : identity_rotate(&made, parts.events.items[i], arena));
        /* The cards that this event's keys signed come next in the list. */
        while (at < parts.cards.count) {
            err = card_verify(&made, parts.cards.items[at], arena, &found[at]);
            if (err == ERR_IDENTITY && !last) {
                break;
            }
            TRY(err);
            if (at > 0 && found[at].card_seq <= found[at - 1].card_seq) {
                return ERR_IDENTITY;
            }
            at++;
        }
    }
    if (at < parts.cards.count) {
        return ERR_IDENTITY;
    }
    *identity = made;
    *cards = found;
    *count = at;
    err = OK;
out:
    return err;
}
