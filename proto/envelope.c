/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include <sodium.h>
#include <string.h>

#define FIELD(object, member) offsetof(struct object, member)

static const struct object_field header_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(envelope_header, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_FIXED, false, FIELD(envelope_header, originator), 0, ID_BYTES, 0, "originator",
     "node id"},
    {2, OBJECT_FIXED, false, FIELD(envelope_header, sign_id), 0, ID_BYTES, 0, "signing key",
     "H(\"valise1-key\", sign key)"},
    {3, OBJECT_FIXED, false, FIELD(envelope_header, record_number), 0, RECORD_NUMBER_BYTES, 0, "rn",
     "16 random bytes"},
    {4, OBJECT_LIST, false, FIELD(envelope_header, leaves), ID_BYTES, ID_BYTES, SLOTS_MAX, "leaves",
     "1, 2, 4, 8 or 16; decoys are random"},
    {5, OBJECT_INTEGER, false, FIELD(envelope_header, retention_years), RETENTION_YEARS_MIN,
     RETENTION_YEARS_MAX, 0, "retention", "years to keep at least"},
    {6, OBJECT_INTEGER, true, FIELD(envelope_header, charter_epoch), 0, INT64_MAX, 0,
     "charter epoch", "of the group's charter"},
};

static const struct object_field section_fields[] = {
    {0, OBJECT_TEXT, false, FIELD(section, name), 1, SECTION_NAME_MAX_BYTES, 0, "name",
     "manifest, summary, …"},
    {1, OBJECT_TEXT, false, FIELD(section, schema), 1, SECTION_SCHEMA_MAX_BYTES, 0, "schema",
     "valise/denial/1, …"},
    {2, OBJECT_INTEGER, false, FIELD(section, version), 1, INT32_MAX, 0, "version",
     "of the record"},
    {3, OBJECT_BYTES, false, FIELD(section, body), 1, PACK_SECTION_MAX_BYTES, 0, "body",
     "canonical map with text keys"},
};

const struct object_info envelope_header_info = {
    "record header", header_fields, sizeof header_fields / sizeof header_fields[0],
    sizeof(struct envelope_header), ENVELOPE_HEADER_MAX_BYTES};

const struct object_info section_info = {"section", section_fields,
                                         sizeof section_fields / sizeof section_fields[0],
                                         sizeof(struct section), PACK_SECTION_MAX_BYTES};

void envelope_free(struct envelope *envelope)
{
    buffer_free(&envelope->header);
}

void envelope_section_free(struct envelope_section *section)
{
    buffer_free(&section->ciphertext);
}

/* A random order of the slots (Fisher and Yates), so that a slot's place tells nothing. */
static void shuffle(uint8_t slots[static ENVELOPE_SLOTS])
{
    for (uint8_t i = 0; i < ENVELOPE_SLOTS; i++) {
        slots[i] = i;
    }
    for (uint32_t i = ENVELOPE_SLOTS - 1; i > 0; i--) {
        uint32_t j = randombytes_uniform(i + 1);
        uint8_t kept = slots[i];
        slots[i] = slots[j];
        slots[j] = kept;
    }
}

static enum error seal_one(struct envelope_section *section, struct seal_place *place,
                           struct section_keys *keys, struct id *leaf)
{
    struct buffer plain = buffer_init(SECTION_PLAINTEXT_MAX_BYTES);
    enum error err = OK;

    section->slot = place->slot;
    section->ciphertext = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    TRY(object_encode(&section_info, &section->section, &plain));
    section_keys_make(keys, place->slot);
    TRY(seal_section(keys, place, view_of_buffer(&plain), &section->ciphertext, leaf));
    section->cipher_id = digest(HASH_CIPHER, view_of_buffer(&section->ciphertext));
out:
    buffer_free(&plain);
    return err;
}

enum error envelope_make(const struct envelope_draft *draft, struct secret *sign_key,
                         struct section_keys *keys, struct envelope *envelope)
{
    uint8_t slots[ENVELOPE_SLOTS];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct id leaves[ENVELOPE_SLOTS];
    struct view leaf_views[ENVELOPE_SLOTS];
    struct envelope_header header = {.version = 1, .retention_years = draft->retention_years};
    struct seal_place place = {.originator = draft->originator};
    enum error err = OK;

    if (draft->count == 0 || draft->count > ENVELOPE_SLOTS) {
        return ERR_TOO_LARGE;
    }
    section_keys_clear(keys);
    random_fill(place.record_number, RECORD_NUMBER_BYTES);
    random_fill((uint8_t *)leaves, sizeof leaves);
    shuffle(slots);
    for (size_t i = 0; i < draft->count; i++) {
        place.slot = slots[i];
        TRY(seal_one(&draft->sections[i], &place, keys, &leaves[slots[i]]));
    }
    for (size_t i = 0; i < ENVELOPE_SLOTS; i++) {
        leaf_views[i] = id_view(&leaves[i]);
    }
    sign_public(sign_key, public_key);
    header.originator = draft->originator;
    header.sign_id = key_id(public_key);
    memcpy(header.record_number, place.record_number, RECORD_NUMBER_BYTES);
    memcpy(envelope->record_number, place.record_number, RECORD_NUMBER_BYTES);
    header.leaves = (struct views){ENVELOPE_SLOTS, leaf_views};
    envelope->header = buffer_init(ENVELOPE_HEADER_MAX_BYTES);
    TRY(object_encode(&envelope_header_info, &header, &envelope->header));
    TRY(sign(sign_key, SIGN_RECORD, view_of_buffer(&envelope->header), envelope->signature));
    envelope->record_id = envelope_record_id(view_of_buffer(&envelope->header));
out:
    return err;
}

enum error envelope_read_header(struct view bytes, struct arena *arena,
                                struct envelope_header *header)
{
    enum error err = object_decode(&envelope_header_info, bytes, arena, header);

    if (err != OK) {
        return err;
    }
    size_t count = header->leaves.count;
    return count == 0 || (count & (count - 1)) != 0 ? ERR_NOT_CANONICAL : OK;
}

enum error envelope_verify(struct view header_bytes, struct view signature,
                           const uint8_t sign_key[static SIGN_PUBLIC_BYTES])
{
    return sign_verify(sign_key, SIGN_RECORD, header_bytes, signature);
}

struct id envelope_record_id(struct view header_bytes)
{
    return digest(HASH_RECORD, header_bytes);
}

enum error envelope_open(const struct envelope_header *header, const struct envelope_part *part,
                         struct section_keys *keys, struct buffer *plain, struct arena *arena,
                         struct section *section)
{
    struct seal_place place = {.originator = header->originator, .slot = part->slot};
    struct id leaf = {{0}};
    enum error err = OK;

    if (part->slot >= header->leaves.count ||
        !id_from_view(header->leaves.items[part->slot], &leaf)) {
        return ERR_BAD_COMMITMENT;
    }
    memcpy(place.record_number, header->record_number, RECORD_NUMBER_BYTES);
    TRY(seal_open(keys, &place, part->ciphertext, &leaf, plain));
    TRY(object_decode(&section_info, view_of_buffer(plain), arena, section));
out:
    return err;
}
