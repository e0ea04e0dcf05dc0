/* SPDX-License-Identifier: Apache-2.0 */
#include "keyfile.h"

#include "digest.h"
#include "object.h"

#include <sodium.h>
#include <string.h>

#define FIELD(object, member) offsetof(struct object, member)

enum {
    SALT_BYTES = crypto_pwhash_SALTBYTES,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    WRAPPED_BYTES = KEY_BYTES + TAG_BYTES,
    SLOT_MAX_BYTES = 256,
    FULL_PASSES = 4,
    FULL_KIB = 1024 * 1024,
    FLOOR_PASSES = crypto_pwhash_OPSLIMIT_MODERATE,
    FLOOR_KIB = crypto_pwhash_MEMLIMIT_MODERATE / 1024,
    PASSES_MAX = 16,
    KIB_MAX = 4 * 1024 * 1024
};

struct keyfile_slot {
    uint64_t present;
    int64_t kind;
    uint8_t salt[SALT_BYTES];
    int64_t passes;
    int64_t memory_kib;
    uint8_t nonce[NONCE_BYTES];
    uint8_t wrapped[WRAPPED_BYTES];
};

struct keyfile {
    uint64_t present;
    int64_t version;
    struct views slots;
    uint8_t nonce[NONCE_BYTES];
    struct view sealed;
};

static const struct object_field slot_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(keyfile_slot, kind), 1, 2, 0, "kind", "pass phrase or key"},
    {1, OBJECT_FIXED, false, FIELD(keyfile_slot, salt), 0, SALT_BYTES, 0, "salt", "random"},
    {2, OBJECT_INTEGER, false, FIELD(keyfile_slot, passes), 0, PASSES_MAX, 0, "passes", "Argon2id"},
    {3, OBJECT_INTEGER, false, FIELD(keyfile_slot, memory_kib), 0, KIB_MAX, 0, "memory", "KiB"},
    {4, OBJECT_FIXED, false, FIELD(keyfile_slot, nonce), 0, NONCE_BYTES, 0, "nonce", "random"},
    {5, OBJECT_FIXED, false, FIELD(keyfile_slot, wrapped), 0, WRAPPED_BYTES, 0, "wrapped",
     "file key"},
};

static const struct object_field keyfile_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(keyfile, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_LIST, false, FIELD(keyfile, slots), 1, SLOT_MAX_BYTES, KEYFILE_SLOTS_MAX, "slots",
     "any one opens it"},
    {2, OBJECT_FIXED, false, FIELD(keyfile, nonce), 0, NONCE_BYTES, 0, "nonce", "random"},
    {3, OBJECT_BYTES, false, FIELD(keyfile, sealed), 1 + TAG_BYTES,
     KEYFILE_CONTENT_MAX_BYTES + TAG_BYTES, 0, "sealed", "contents"},
};

const struct object_info keyfile_slot_info = {"key slot", slot_fields,
                                              sizeof slot_fields / sizeof slot_fields[0],
                                              sizeof(struct keyfile_slot), SLOT_MAX_BYTES};
const struct object_info keyfile_info = {"key file", keyfile_fields,
                                         sizeof keyfile_fields / sizeof keyfile_fields[0],
                                         sizeof(struct keyfile), KEYFILE_MAX_BYTES};

/* The key that a slot wraps the file key under. */
static enum error slot_key(const struct keyfile_slot *slot, const struct keyfile_opener *opener,
                           struct secret **key)
{
    const struct view salt = view_of(slot->salt, SALT_BYTES);
    const uint8_t *given = secret_open(opener->secret);
    size_t size = secret_size(opener->secret);
    enum error err = OK;

    *key = secret_new(KEY_BYTES);
    if (*key == NULL) {
        err = ERR_NO_MEMORY;
    } else if (opener->kind == KEYFILE_KEY) {
        kdf(view_of(given, size), KDF_KEYFILE, &salt, 1, secret_open_for_writing(*key), KEY_BYTES);
        secret_close(*key);
    } else {
        if (crypto_pwhash(secret_open_for_writing(*key), KEY_BYTES, (const char *)given, size,
                          slot->salt, (unsigned long long)slot->passes,
                          (size_t)slot->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0) {
            err = ERR_NO_MEMORY;
        }
        secret_close(*key);
    }
    secret_close(opener->secret);
    if (err != OK) {
        secret_free(key);
    }
    return err;
}

static bool opener_is_good(const struct keyfile_opener *opener)
{
    size_t size = secret_size(opener->secret);

    if (opener->kind == KEYFILE_KEY) {
        return size == KEY_BYTES;
    }
    return size >= PASSPHRASE_MIN_BYTES && size <= PASSPHRASE_MAX_BYTES;
}

/* Wrap the file key for an opener and append the slot. */
static enum error slot_make(struct secret *file_key, const struct keyfile_opener *opener,
                            enum keyfile_cost cost, struct buffer *to)
{
    bool full = cost == KEYFILE_COST_FULL;
    struct keyfile_slot slot = {.kind = opener->kind};
    struct secret *key = NULL;
    enum error err = OK;

    if (!opener_is_good(opener)) {
        return ERR_FIELD_VALUE;
    }
    if (opener->kind == KEYFILE_PASSPHRASE) {
        slot.passes = full ? FULL_PASSES : FLOOR_PASSES;
        slot.memory_kib = full ? FULL_KIB : FLOOR_KIB;
    }
    random_fill(slot.salt, SALT_BYTES);
    random_fill(slot.nonce, NONCE_BYTES);
    TRY(slot_key(&slot, opener, &key));
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(slot.wrapped, NULL, secret_open(file_key),
                                                     KEY_BYTES, NULL, 0, NULL, slot.nonce,
                                                     secret_open(key));
    secret_close(key);
    secret_close(file_key);
    TRY(object_encode(&keyfile_slot_info, &slot, to));
out:
    secret_free(&key);
    return err;
}

enum error keyfile_seal(struct secret *contents, const struct keyfile_opener *opener,
                        enum keyfile_cost cost, struct buffer *to)
{
    struct buffer slot = buffer_init(SLOT_MAX_BYTES);
    struct buffer sealed = buffer_init(KEYFILE_CONTENT_MAX_BYTES + TAG_BYTES);
    struct secret *file_key = secret_random(KEY_BYTES);
    struct keyfile file = {.version = 1};
    struct view slot_view = {0};
    enum error err = OK;

    TRY(file_key == NULL ? ERR_NO_MEMORY : OK);
    TRY(slot_make(file_key, opener, cost, &slot));
    uint8_t *place = buffer_extend(&sealed, secret_size(contents) + TAG_BYTES);
    TRY(place == NULL ? sealed.error : OK);
    random_fill(file.nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(place, NULL, secret_open(contents),
                                                     secret_size(contents), NULL, 0, NULL,
                                                     file.nonce, secret_open(file_key));
    secret_close(file_key);
    secret_close(contents);
    slot_view = view_of_buffer(&slot);
    file.slots = (struct views){1, &slot_view};
    file.sealed = view_of_buffer(&sealed);
    TRY(object_encode(&keyfile_info, &file, to));
out:
    secret_free(&file_key);
    buffer_free(&sealed);
    buffer_free(&slot);
    return err;
}

/* Open one slot. ERR_PASSPHRASE if it does not open with this. */
static enum error slot_open(struct view bytes, const struct keyfile_opener *opener,
                            struct arena *arena, struct secret **file_key)
{
    struct keyfile_slot slot = {0};
    struct secret *key = NULL;
    struct secret *opened = secret_new(KEY_BYTES);
    enum error err = OK;

    TRY(opened == NULL ? ERR_NO_MEMORY : OK);
    TRY(object_decode(&keyfile_slot_info, bytes, arena, &slot));
    TRY(slot.kind == (int64_t)opener->kind ? OK : ERR_PASSPHRASE);
    if (slot.kind == KEYFILE_PASSPHRASE &&
        (slot.passes < FLOOR_PASSES || slot.memory_kib < FLOOR_KIB)) {
        TRY(ERR_NOT_CANONICAL); /* a weakened file: W-35 */
    }
    TRY(slot_key(&slot, opener, &key));
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(secret_open_for_writing(opened), NULL,
                                                         NULL, slot.wrapped, WRAPPED_BYTES, NULL, 0,
                                                         slot.nonce, secret_open(key));
    secret_close(key);
    secret_close(opened);
    TRY(bad == 0 ? OK : ERR_PASSPHRASE);
    *file_key = opened;
    opened = NULL;
out:
    secret_free(&opened);
    secret_free(&key);
    return err;
}

/* Decode a key file and open its file key with whichever slot fits. */
static enum error file_open(struct view bytes, const struct keyfile_opener *opener,
                            struct arena *arena, struct keyfile *file, struct secret **file_key)
{
    enum error err = OK;

    if (!opener_is_good(opener)) {
        return ERR_PASSPHRASE;
    }
    TRY(object_decode(&keyfile_info, bytes, arena, file));
    err = ERR_PASSPHRASE;
    for (size_t i = 0; i < file->slots.count && err == ERR_PASSPHRASE; i++) {
        err = slot_open(file->slots.items[i], opener, arena, file_key);
    }
out:
    return err;
}

enum error keyfile_open(struct view bytes, const struct keyfile_opener *opener,
                        struct secret **contents)
{
    struct arena *arena = arena_new(KEYFILE_MAX_BYTES);
    struct keyfile file = {0};
    struct secret *file_key = NULL;
    struct secret *opened = NULL;
    enum error err = OK;

    *contents = NULL;
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(file_open(bytes, opener, arena, &file, &file_key));
    opened = secret_new(file.sealed.size - TAG_BYTES);
    TRY(opened == NULL ? ERR_NO_MEMORY : OK);
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(
        secret_open_for_writing(opened), NULL, NULL, file.sealed.data, file.sealed.size, NULL, 0,
        file.nonce, secret_open(file_key));
    secret_close(file_key);
    secret_close(opened);
    TRY(bad == 0 ? OK : ERR_PASSPHRASE);
    *contents = opened;
    opened = NULL;
out:
    secret_free(&opened);
    secret_free(&file_key);
    arena_free(&arena);
    return err;
}

enum error keyfile_add_slot(struct view bytes, const struct keyfile_opener *opener,
                            const struct keyfile_opener *added, enum keyfile_cost cost,
                            struct buffer *to)
{
    struct arena *arena = arena_new(KEYFILE_MAX_BYTES);
    struct buffer slot = buffer_init(SLOT_MAX_BYTES);
    struct view slots[KEYFILE_SLOTS_MAX];
    struct keyfile file = {0};
    struct secret *file_key = NULL;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(file_open(bytes, opener, arena, &file, &file_key));
    TRY(file.slots.count < KEYFILE_SLOTS_MAX ? OK : ERR_TOO_LARGE);
    TRY(slot_make(file_key, added, cost, &slot));
    for (size_t i = 0; i < file.slots.count; i++) {
        slots[i] = file.slots.items[i];
    }
    slots[file.slots.count] = view_of_buffer(&slot);
    file.slots = (struct views){file.slots.count + 1, slots};
    TRY(object_encode(&keyfile_info, &file, to));
out:
    secret_free(&file_key);
    buffer_free(&slot);
    arena_free(&arena);
    return err;
}
