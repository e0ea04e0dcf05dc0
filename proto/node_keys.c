/* SPDX-License-Identifier: Apache-2.0 */
#include "node_keys.h"

#include "armor.h"
#include "object.h"

#include <sodium.h>
#include <string.h>

#define FIELD(member) offsetof(struct node_file, member)

static const char node_kind[] = "valise-node-key-1";
static const char authority_kind[] = "valise-authority-key-1";

enum { NODE_FILE_MAX_BYTES = KEYFILE_CONTENT_MAX_BYTES, BUNDLE_IN_FILE_MAX_BYTES = 12288 };

/* The contents of the file; only ever in wiped memory. */
struct node_file {
    uint64_t present;
    int64_t version;
    struct view bundle;
    uint8_t sign_key[SIGN_SECRET_BYTES];
    uint8_t seal_key[KEY_BYTES];
    uint8_t curve_key[KEY_BYTES];
    uint8_t master[KEY_BYTES];
};

static const struct object_field file_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(version), 1, 1, 0, "v", "version"},
    {1, OBJECT_BYTES, false, FIELD(bundle), 1, BUNDLE_IN_FILE_MAX_BYTES, 0, "bundle",
     "packed identity bundle"},
    {2, OBJECT_FIXED, false, FIELD(sign_key), 0, SIGN_SECRET_BYTES, 0, "sign key", "Ed25519"},
    {3, OBJECT_FIXED, false, FIELD(seal_key), 0, KEY_BYTES, 0, "seal key", "X25519"},
    {4, OBJECT_FIXED, false, FIELD(curve_key), 0, KEY_BYTES, 0, "curve key", "X25519"},
    {5, OBJECT_FIXED, false, FIELD(master), 0, KEY_BYTES, 0, "master", "of the store"},
};

const struct object_info node_keys_info = {"node key file", file_fields,
                                           sizeof file_fields / sizeof file_fields[0],
                                           sizeof(struct node_file), NODE_FILE_MAX_BYTES};

void node_keys_free(struct node_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    buffer_free(&keys->bundle);
    secret_free(&keys->sign_key);
    secret_free(&keys->seal_key);
    secret_free(&keys->curve_key);
    secret_free(&keys->master);
}

/* --- making -------------------------------------------------------------------------------- */

static enum error make_card(const struct node_keys_wish *wish, const struct node_keys *keys,
                            struct secret *authority, struct buffer *card)
{
    struct card body = {.version = 1,
                        .node = keys->identity.node,
                        .card_seq = 1,
                        .event_seq = 0,
                        .not_before = instant_add(wish->now, -HOUR_MS),
                        .not_after = instant_add(wish->now, wish->card_days * DAY_MS - HOUR_MS)};

    for (size_t i = 0; i < wish->endpoint_count; i++) {
        if (!endpoint_is_valid(wish->endpoints[i])) {
            return ERR_FIELD_VALUE;
        }
    }
    sign_public(keys->sign_key, body.sign_key);
    box_public(keys->seal_key, body.seal_key);
    box_public(keys->curve_key, body.curve_key);
    body.endpoints =
        (struct views){wish->endpoint_count, (struct view *)(uintptr_t)wish->endpoints};
    return card_make(&body, authority, 0, card);
}

/* Take identity and newest card from the bundle, verified as a peer would. */
static enum error read_bundle(struct node_keys *keys)
{
    struct arena *arena = arena_new(IDENTITY_BUNDLE_MAX_BYTES * 4);
    struct card_facts *cards = NULL;
    size_t count = 0;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(identity_bundle_verify(view_of_buffer(&keys->bundle), arena, &keys->identity, &cards,
                               &count));
    keys->card = cards[count - 1];
out:
    arena_free(&arena);
    return err;
}

static enum error make_bundle(const struct node_keys_wish *wish, struct node_keys *keys,
                              struct secret *authority, struct secret *next)
{
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct buffer card = buffer_init(CARD_MAX_BYTES);
    struct arena *arena = arena_new(IDENTITY_BUNDLE_MAX_BYTES);
    struct identity_bundle bundle = {.version = 1};
    struct view event_view = {0};
    struct view card_view = {0};
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(inception_make(authority, next, wish->state, wish->name, wish->now, &event));
    TRY(identity_begin(view_of_buffer(&event), arena, &keys->identity));
    TRY(make_card(wish, keys, authority, &card));
    event_view = view_of_buffer(&event);
    card_view = view_of_buffer(&card);
    bundle.events = (struct views){1, &event_view};
    bundle.cards = (struct views){1, &card_view};
    TRY(object_encode(&identity_bundle_info, &bundle, &keys->bundle));
    TRY(read_bundle(keys));
out:
    arena_free(&arena);
    buffer_free(&card);
    buffer_free(&event);
    return err;
}

enum error node_keys_make(const struct node_keys_wish *wish, struct node_keys *keys,
                          struct secret **authority, struct secret **next)
{
    uint8_t unused[SIGN_PUBLIC_BYTES];
    struct node_keys made = {.bundle = buffer_init(BUNDLE_IN_FILE_MAX_BYTES)};
    struct secret *first = sign_new(unused);
    struct secret *second = sign_new(unused);
    enum error err = OK;

    made.sign_key = sign_new(unused);
    made.seal_key = box_new(unused);
    made.curve_key = box_new(unused);
    made.master = secret_random(KEY_BYTES);
    TRY(first == NULL || second == NULL || made.sign_key == NULL || made.seal_key == NULL ||
                made.curve_key == NULL || made.master == NULL
            ? ERR_NO_MEMORY
            : OK);
    TRY(wish->card_days >= 1 && wish->card_days <= CARD_DAYS_MAX &&
                wish->endpoint_count <= CARD_ENDPOINTS_MAX
            ? OK
            : ERR_FIELD_VALUE);
    TRY(make_bundle(wish, &made, first, second));
    *keys = made;
    *authority = first;
    *next = second;
    first = NULL;
    second = NULL;
    memset(&made, 0, sizeof made);
out:
    node_keys_free(&made);
    secret_free(&first);
    secret_free(&second);
    return err;
}

/* --- sealing and opening ------------------------------------------------------------------- */

static void copy_key(uint8_t *to, struct secret *key)
{
    memcpy(to, secret_open(key), secret_size(key));
    secret_close(key);
}

static enum error seal_bytes(struct buffer *bytes, const char *kind,
                             const struct keyfile_opener *opener, enum keyfile_cost cost,
                             struct buffer *to)
{
    struct buffer sealed = buffer_init(KEYFILE_MAX_BYTES);
    struct secret *contents = secret_take(bytes->data, bytes->size);
    enum error err = OK;

    TRY(contents == NULL ? ERR_NO_MEMORY : OK);
    TRY(keyfile_seal(contents, opener, cost, &sealed));
    armor_write(kind, view_of_buffer(&sealed), to);
    TRY(to->error);
out:
    secret_free(&contents);
    buffer_free(&sealed);
    return err;
}

enum error node_keys_seal(const struct node_keys *keys, const struct keyfile_opener *opener,
                          enum keyfile_cost cost, struct buffer *to)
{
    struct node_file file = {.version = 1, .bundle = view_of_buffer(&keys->bundle)};
    struct buffer bytes = buffer_init(NODE_FILE_MAX_BYTES);
    enum error err = OK;

    copy_key(file.sign_key, keys->sign_key);
    copy_key(file.seal_key, keys->seal_key);
    copy_key(file.curve_key, keys->curve_key);
    copy_key(file.master, keys->master);
    TRY(object_encode(&node_keys_info, &file, &bytes));
    TRY(seal_bytes(&bytes, node_kind, opener, cost, to));
out:
    sodium_memzero(&file, sizeof file);
    buffer_free(&bytes);
    return err;
}

enum error authority_key_seal(struct secret *key, const struct keyfile_opener *opener,
                              enum keyfile_cost cost, struct buffer *to)
{
    struct buffer bytes = buffer_init(SIGN_SECRET_BYTES);
    uint8_t *place = buffer_extend(&bytes, SIGN_SECRET_BYTES);
    enum error err = place == NULL ? bytes.error : OK;

    if (err == OK) {
        copy_key(place, key);
        err = seal_bytes(&bytes, authority_kind, opener, cost, to);
    }
    buffer_free(&bytes);
    return err;
}

/* Whether the secrets are those of the newest card. */
static bool keys_match(const struct node_keys *keys)
{
    uint8_t public_key[KEY_BYTES];
    bool match = true;

    sign_public(keys->sign_key, public_key);
    match = match && memcmp(public_key, keys->card.sign_key, KEY_BYTES) == 0;
    box_public(keys->seal_key, public_key);
    match = match && memcmp(public_key, keys->card.seal_key, KEY_BYTES) == 0;
    box_public(keys->curve_key, public_key);
    return match && memcmp(public_key, keys->card.curve_key, KEY_BYTES) == 0;
}

static enum error unpack(struct view contents, struct node_keys *keys)
{
    struct arena *arena = arena_new(NODE_FILE_MAX_BYTES);
    struct node_file file = {0};
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(object_decode(&node_keys_info, contents, arena, &file));
    buffer_append(&keys->bundle, file.bundle);
    TRY(keys->bundle.error);
    keys->sign_key = secret_take(file.sign_key, sizeof file.sign_key);
    keys->seal_key = secret_take(file.seal_key, sizeof file.seal_key);
    keys->curve_key = secret_take(file.curve_key, sizeof file.curve_key);
    keys->master = secret_take(file.master, sizeof file.master);
    TRY(keys->sign_key == NULL || keys->seal_key == NULL || keys->curve_key == NULL ||
                keys->master == NULL
            ? ERR_NO_MEMORY
            : OK);
    TRY(read_bundle(keys));
    TRY(keys_match(keys) ? OK : ERR_IDENTITY);
out:
    sodium_memzero(&file, sizeof file);
    arena_free(&arena);
    return err;
}

enum error node_keys_open(struct view text, const struct keyfile_opener *opener,
                          struct node_keys *keys)
{
    struct node_keys made = {.bundle = buffer_init(BUNDLE_IN_FILE_MAX_BYTES)};
    struct buffer sealed = buffer_init(KEYFILE_MAX_BYTES + 64);
    struct secret *contents = NULL;
    enum error err = OK;

    TRY(armor_read(node_kind, text, &sealed));
    TRY(keyfile_open(view_of_buffer(&sealed), opener, &contents));
    err = unpack(view_of(secret_open(contents), secret_size(contents)), &made);
    secret_close(contents);
    TRY(err);
    *keys = made;
    memset(&made, 0, sizeof made);
out:
    secret_free(&contents);
    buffer_free(&sealed);
    node_keys_free(&made);
    return err;
}
