/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"

#include "database.h"

#include <sodium.h>
#include <string.h>

enum {
    BATCH_ARENA_BYTES = 64 * 1024 * 1024,
    CONTEXT_BYTES = ID_BYTES + RECORD_NUMBER_BYTES + 2,
    LEAF_BYTES = 1 + ID_BYTES + 32 + 8,
    KDF_INPUT_BYTES = 4 + 10 + 4 + CONTEXT_BYTES, /* label and context with their lengths */
    KDF_PER_SECTION = 3,                          /* key, nonce, commitment */
    PLAIN_MAX_BYTES = SECTION_CIPHERTEXT_MAX_BYTES,
    WRAP_PLAIN_BYTES = WRAPPED_KEYS_BYTES - 16,
    TERMS_BYTES = 320,  /* additional data of a wrap, as large as ours are */
    ENTRY_BYTES = 200,  /* an entry of a lane, likewise */
    HEADER_BYTES = 400, /* a record's header, likewise */
    REST_BYTES = 40     /* nonce and tag of a value at rest */
};

/** One section: what its opening takes. */
struct bare_section {
    struct view ciphertext;
    uint8_t key[KEY_BYTES];
    uint8_t nonce[24];
    uint8_t context[CONTEXT_BYTES];
};

/** One entry that grants a record. */
struct bare_record {
    struct view entry;
    struct view payload;
    struct view header;
    struct view labelled; /* what is signed: label and header */
    uint8_t signature[SIGNATURE_BYTES];
    struct view terms;
    uint8_t nonce[GRANT_NONCE_BYTES];
    uint8_t wrapped[WRAPPED_KEYS_BYTES];
    size_t section_count;
    struct bare_section sections[SLOTS_MAX];
};

/** One batch: a signed head and the entries under it. */
struct bare_batch {
    struct bare_batch *next;
    struct arena *arena; /* that all of it lives in */
    struct view head;    /* labelled */
    uint8_t head_signature[SIGNATURE_BYTES];
    size_t count;
    struct bare_record *records;
};

struct bare_lane {
    uint8_t pair_key[KEY_BYTES];
    uint8_t verify_key[SIGN_PUBLIC_BYTES]; /* sender's */
    uint8_t sign_key[SIGN_SECRET_BYTES];   /* receiver's */
    struct secret *pair;
    size_t records;
    struct bare_batch *first;
    struct bare_batch **last;
};

/* --- taking a lane apart, before any time is measured --------------------------------------- */

static struct view labelled(struct arena *arena, enum sign_label label, struct view bytes)
{
    uint8_t *place = arena_alloc(arena, SIGN_LABEL_BYTES + bytes.size);

    MUST(place != NULL);
    memcpy(place, sign_label_text(label), strlen(sign_label_text(label)));
    memcpy(place + SIGN_LABEL_BYTES, bytes.data, bytes.size);
    return view_of(place, SIGN_LABEL_BYTES + bytes.size);
}

/* Derive what opens a section, as proto/seal.c does. */
static void take_section(const struct envelope_header *header, uint8_t slot,
                         const uint8_t *section_key, struct bare_section *section)
{
    struct view key = view_of(section_key, KEY_BYTES);

    memcpy(section->context, header->originator.bytes, ID_BYTES);
    memcpy(section->context + ID_BYTES, header->record_number, RECORD_NUMBER_BYTES);
    section->context[CONTEXT_BYTES - 2] = slot;
    section->context[CONTEXT_BYTES - 1] = SEAL_SUITE;
    struct view input = view_of(section->context, CONTEXT_BYTES);
    kdf(key, KDF_SECTION_KEY, &input, 1, section->key, KEY_BYTES);
    kdf(key, KDF_SECTION_NONCE, &input, 1, section->nonce, sizeof section->nonce);
}

static struct view find_blob(const struct message_lane_data *data, struct view cipher)
{
    struct view found = {0};

    for (size_t i = 0; i < data->blobs.count && found.size == 0; i++) {
        struct id hash = digest(HASH_CIPHER, data->blobs.items[i]);
        if (view_equal(id_view(&hash), cipher)) {
            found = data->blobs.items[i];
        }
    }
    MUST(found.size > 0); /* every ciphertext comes with its batch */
    return found;
}

static void take_record(struct bare_lane *lane, struct arena *arena,
                        const struct message_lane_data *data, size_t place,
                        struct bare_record *record)
{
    struct parcel parcel = {0};
    struct grant_parts grant = {0};
    struct envelope_header header = {0};
    struct section_keys *keys = section_keys_new();

    MUST(keys != NULL);
    record->entry = data->entries.items[place];
    record->payload = data->payloads.items[place];
    MUST(parcel_read(record->payload, arena, &parcel) == OK);
    MUST(grant_read(parcel.grant, arena, &grant) == OK);
    MUST(envelope_read_header(parcel.header, arena, &header) == OK);
    MUST(grant_unwrap(&grant, lane->pair, keys) == OK);
    record->header = parcel.header;
    record->labelled = labelled(arena, SIGN_RECORD, parcel.header);
    memcpy(record->signature, parcel.signature, SIGNATURE_BYTES);
    record->terms = grant.grant.terms;
    memcpy(record->nonce, grant.terms.nonce, GRANT_NONCE_BYTES);
    memcpy(record->wrapped, grant.grant.wrapped, WRAPPED_KEYS_BYTES);
    for (size_t i = 0; i < parcel.slots.size; i++) {
        struct bare_section *section = &record->sections[record->section_count++];
        section->ciphertext = find_blob(data, parcel.ciphers.items[i]);
        const uint8_t *key = section_keys_open(keys, parcel.slots.data[i]);
        MUST(key != NULL);
        take_section(&header, parcel.slots.data[i], key, section);
        section_keys_close(keys);
    }
    section_keys_free(&keys);
}

static void take_batch(struct bare_lane *lane, struct arena *arena,
                       const struct message_lane_data *data)
{
    struct bare_batch *batch = arena_alloc(arena, sizeof *batch);
    struct lane_signed head = {0};

    MUST(batch != NULL);
    MUST(object_decode(&lane_signed_info, data->head, arena, &head) == OK);
    batch->arena = arena;
    batch->head = labelled(arena, SIGN_LANE_HEAD, head.body);
    memcpy(batch->head_signature, head.signature, SIGNATURE_BYTES);
    batch->count = data->entries.count;
    batch->records = arena_alloc_many(arena, batch->count, sizeof *batch->records);
    MUST(batch->records != NULL);
    for (size_t i = 0; i < batch->count; i++) {
        take_record(lane, arena, data, i, &batch->records[i]);
    }
    lane->records += batch->count;
    *lane->last = batch;
    lane->last = &batch->next;
}

struct bare_lane *bare_lane_new(const struct bench_node *receiver, const struct bench_node *sender)
{
    struct bare_lane *lane = calloc(1, sizeof *lane);
    struct peer *peer = engine_peer_by_node(receiver->engine, &sender->keys.identity.node);

    MUST(lane != NULL && peer != NULL);
    lane->last = &lane->first;
    memcpy(lane->pair_key, secret_open(peer->pair_key), KEY_BYTES);
    secret_close(peer->pair_key);
    lane->pair = secret_new(KEY_BYTES);
    MUST(lane->pair != NULL);
    memcpy(secret_open_for_writing(lane->pair), lane->pair_key, KEY_BYTES);
    secret_close(lane->pair);
    memcpy(lane->verify_key, sender->keys.card.sign_key, SIGN_PUBLIC_BYTES);
    memcpy(lane->sign_key, secret_open(receiver->keys.sign_key), SIGN_SECRET_BYTES);
    secret_close(receiver->keys.sign_key);
    return lane;
}

void bare_lane_free(struct bare_lane **lane)
{
    struct bare_batch *batch = (*lane)->first;

    while (batch != NULL) {
        struct arena *arena = batch->arena;
        batch = batch->next;
        arena_free(&arena);
    }
    secret_free(&(*lane)->pair);
    free(*lane);
    *lane = NULL;
}

void bare_lane_tap(void *context, struct view message)
{
    struct bare_lane *lane = context;
    struct arena *arena = arena_new(BATCH_ARENA_BYTES);
    struct message decoded = {.type = MESSAGE_ERROR};
    struct view copy = {0};

    MUST(arena != NULL);
    MUST(arena_copy(arena, message, &copy) == OK);
    MUST(message_decode(copy, arena, &decoded) == OK);
    if (decoded.type == MESSAGE_LANE_PUSH) {
        take_batch(lane, arena, &decoded.lane_data);
    } else {
        arena_free(&arena);
    }
}

size_t bare_lane_records(const struct bare_lane *lane)
{
    return lane->records;
}

/* --- the calls ------------------------------------------------------------------------------ */

static const uint8_t personal[16] = "valise1-bench";

static void hash(struct view bytes, uint8_t out[static ID_BYTES])
{
    (void)crypto_generichash_blake2b_salt_personal(out, ID_BYTES, bytes.data, bytes.size, NULL, 0,
                                                   NULL, personal);
}

/*
 * The hashes of one section: key, nonce and commitment come out of its key by
 * three keyed hashes; the ciphertext's hash and the leaf tie it to the
 * signature.
 */
static void hash_section(const struct bare_section *section, uint8_t leaf[static ID_BYTES])
{
    uint8_t input[KDF_INPUT_BYTES] = {0};
    uint8_t bytes[LEAF_BYTES] = {0};

    for (int i = 0; i < KDF_PER_SECTION; i++) {
        (void)crypto_generichash_blake2b_salt_personal(leaf, ID_BYTES, input, sizeof input,
                                                       section->key, KEY_BYTES, NULL, personal);
    }
    hash(section->ciphertext, bytes + 1);
    hash(view_of(bytes, sizeof bytes), leaf);
}

static void apply_record(const struct bare_lane *lane, const struct bare_record *record,
                         uint8_t *plain)
{
    uint8_t id[ID_BYTES];
    uint8_t keys[WRAP_PLAIN_BYTES];

    /* The chain: the head vouches for each entry, the entry for its payload. */
    hash(record->entry, id);
    hash(record->payload, id);
    /* The originator's signature over the whole record, and the name that the grant gives it. */
    hash(record->header, id);
    MUST(crypto_sign_verify_detached(record->signature, record->labelled.data,
                                     record->labelled.size, lane->verify_key) == 0);
    /* The section keys, under the pair key that is agreed once and kept. */
    MUST(crypto_aead_xchacha20poly1305_ietf_decrypt(
             keys, NULL, NULL, record->wrapped, WRAPPED_KEYS_BYTES, record->terms.data,
             record->terms.size, record->nonce, lane->pair_key) == 0);
    for (size_t i = 0; i < record->section_count; i++) {
        const struct bare_section *section = &record->sections[i];
        hash_section(section, id);
        /* Without opening it nothing can be indexed. */
        MUST(crypto_aead_xchacha20poly1305_ietf_decrypt(
                 plain, NULL, NULL, section->ciphertext.data, section->ciphertext.size,
                 section->context, CONTEXT_BYTES, section->nonce, section->key) == 0);
    }
}

void bare_lane_apply(const struct bare_lane *lane, struct bare_store *store,
                     const struct recording *recording)
{
    uint8_t *plain = malloc(PLAIN_MAX_BYTES);
    uint8_t signature[SIGNATURE_BYTES];
    size_t next = 0;

    MUST(plain != NULL);
    for (const struct bare_batch *batch = lane->first; batch != NULL; batch = batch->next) {
        /* One signature of the sender a batch, one of ours that acknowledges it. */
        MUST(crypto_sign_verify_detached(batch->head_signature, batch->head.data, batch->head.size,
                                         lane->verify_key) == 0);
        for (size_t i = 0; i < batch->count; i++) {
            apply_record(lane, &batch->records[i], plain);
        }
        /* Tokens, sealing at rest, puts and the commit: what this very batch wrote. */
        bare_store_replay(store, recording, &next);
        (void)crypto_sign_detached(signature, NULL, batch->head.data, batch->head.size,
                                   lane->sign_key);
    }
    free(plain);
}

/* --- publishing ----------------------------------------------------------------------------- */

/* One section: three derivations, one sealing, its hash and its leaf. */
static void seal_one(size_t ciphertext_bytes, uint8_t *bytes)
{
    struct bare_section section = {.ciphertext = view_of(bytes, ciphertext_bytes)};
    uint8_t leaf[ID_BYTES];

    randombytes_buf(section.key, sizeof section.key);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(bytes, NULL, bytes, ciphertext_bytes - 16,
                                                     section.context, CONTEXT_BYTES, NULL,
                                                     section.nonce, section.key);
    hash_section(&section, leaf);
}

/* One reader: its wrapped keys, the payload's hash, the entry's hash. */
static void grant_one(size_t payload_bytes, uint8_t *bytes)
{
    uint8_t plain[WRAP_PLAIN_BYTES];
    uint8_t wrapped[WRAPPED_KEYS_BYTES];
    uint8_t nonce[GRANT_NONCE_BYTES];
    uint8_t key[KEY_BYTES] = {0};
    uint8_t id[ID_BYTES];

    /* Slots without a key are random, so that nobody can count the sections. */
    randombytes_buf(plain, sizeof plain);
    randombytes_buf(nonce, sizeof nonce);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(wrapped, NULL, plain, sizeof plain, bytes,
                                                     TERMS_BYTES, NULL, nonce, key);
    hash(view_of(bytes, payload_bytes), id);
    hash(view_of(bytes, ENTRY_BYTES), id);
}

void bare_desk_open(struct bare_desk *desk, const struct bench_node *node)
{
    memcpy(desk->sign_key, secret_open(node->keys.sign_key), SIGN_SECRET_BYTES);
    secret_close(node->keys.sign_key);
    desk->bytes = calloc(1, PLAIN_MAX_BYTES);
    MUST(desk->bytes != NULL);
    desk->blob_table = (uint8_t)node->store->tables[TABLE_BLOB];
    desk->entry_table = (uint8_t)node->store->tables[TABLE_ENTRY];
}

void bare_desk_close(struct bare_desk *desk)
{
    free(desk->bytes);
    *desk = (struct bare_desk){{0}, NULL, 0, 0};
}

void bare_publish(const struct bare_desk *desk, struct bare_store *store,
                  const struct recording *recording, size_t *next)
{
    uint8_t signature[SIGNATURE_BYTES];

    for (size_t i = *next; recording->items[i].kind != RECORDED_COMMIT; i++) {
        const struct recorded *item = &recording->items[i];
        bool is_put = item->kind == RECORDED_PUT;

        if (is_put && item->table == desk->blob_table) {
            seal_one(item->size - REST_BYTES, desk->bytes);
        } else if (is_put && item->table == desk->entry_table) {
            grant_one(item->size - REST_BYTES - ENTRY_BYTES, desk->bytes);
        }
    }
    /* One signature, over the header. */
    (void)crypto_sign_detached(signature, NULL, desk->bytes, HEADER_BYTES, desk->sign_key);
    bare_store_replay(store, recording, next);
}
