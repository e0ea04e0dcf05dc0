/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming.h"

#include "peer.h"
#include "reader.h"

#include <string.h>

/* Batches bring ciphertexts in the order of their entries, so the search goes on where it ended. */
static struct view find_blob(struct receive *receive, const struct id *cipher)
{
    const struct batch_blobs *blobs = receive->blobs;
    size_t count = blobs == NULL ? 0 : blobs->count;

    for (size_t n = 0; n < count; n++) {
        size_t i = (receive->next_blob + n) % count;
        if (id_equal(&blobs->ids[i], cipher)) {
            receive->next_blob = i + 1;
            return blobs->bytes[i];
        }
    }
    return view_of(NULL, 0);
}

/* Whether the peer said that it cannot give a ciphertext. */
static bool is_absent(const struct peer *peer, const struct id *cipher)
{
    for (size_t i = 0; i < peer->absent_count; i++) {
        if (id_equal(&peer->absent[i], cipher)) {
            return true;
        }
    }
    return false;
}

static void want(struct peer *peer, const struct id *cipher)
{
    if (peer->wanted_count < BLOBS_WANTED_MAX) {
        peer->wanted[peer->wanted_count++] = *cipher;
    }
}

/*
 * Whether a stored ciphertext may serve an entry of this lane: it was fetched for
 * it, or belongs to a record of the same originator. Else a State could learn
 * from our answer whether another one shared a record with us. T-9
 */
static bool may_use(const struct receive *receive, const struct id *cipher,
                    const struct id *originator)
{
    uint64_t number = 0;
    struct store_numbers found = {&number, 1, 0};
    struct store_record row = {0};

    for (size_t i = 0; i < receive->peer->fetched_count; i++) {
        if (id_equal(&receive->peer->fetched[i], cipher)) {
            return true;
        }
    }
    return store_index_find(receive->txn, INDEX_CIPHER, id_view(cipher), 0, &found) == OK &&
           found.count == 1 &&
           store_record_get(receive->txn, number, receive->engine->record_arena, &row) == OK &&
           id_equal(&row.originator, originator);
}

/* The ciphertext of one granted slot: from the batch, else from the store. */
static enum error get_cipher(struct receive *receive, struct incoming *in, size_t place)
{
    struct view *bytes = &in->ciphertexts[place];
    struct id cipher = {{0}};

    (void)id_from_view(in->parcel.ciphers.items[place], &cipher);
    *bytes = find_blob(receive, &cipher);
    if (bytes->size > 0) {
        return OK;
    }
    in->kept[place] = true;
    enum error err = ERR_NOT_FOUND;
    if (may_use(receive, &cipher, &in->header.originator)) {
        err = store_blob_get(receive->txn, &cipher, receive->engine->record_arena, bytes);
    }
    if (err == ERR_NOT_FOUND || (receive->mending && err == ERR_STORE_CORRUPT)) {
        if (is_absent(receive->peer, &cipher)) {
            return ERR_BLOB_MISSING;
        }
        want(receive->peer, &cipher);
        return OK;
    }
    return err;
}

enum error incoming_find_ciphers(struct receive *receive, struct incoming *in)
{
    enum error err = OK;

    receive->peer->wanted_count = 0;
    for (size_t i = 0; i < in->parcel.ciphers.count; i++) {
        TRY(get_cipher(receive, in, i));
    }
    err = receive->peer->wanted_count > 0 ? ERR_NOT_FOUND : OK;
out:
    return err;
}

static enum error open_section(struct receive *receive, struct incoming *in, size_t place)
{
    struct arena *arena = receive->engine->record_arena;
    struct buffer plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct section section = {0};
    struct view bytes = in->ciphertexts[place];
    struct view body = {0};
    enum section_id name = SECTION_COUNT;
    enum error err = OK;

    /* Ciphertexts of the batch were found by the hash of their bytes. */
    if (in->kept[place]) {
        struct id hash = digest(HASH_CIPHER, bytes);
        TRY(view_equal(id_view(&hash), in->parcel.ciphers.items[place]) ? OK : ERR_BAD_HASH);
    }
    const struct envelope_part part = {in->parcel.slots.data[place], bytes};
    TRY(envelope_open(&in->header, &part, receive->engine->scratch_keys, &plain, arena, &section));
    TRY(section_find(section.name, &name) && (int)name < (int)SECTION_SHARED_COUNT
            ? OK
            : ERR_CODE_NOT_KNOWN_HERE);
    TRY(in->parts.section[name] == NULL ? OK : ERR_RECORD_CONFLICT);
    TRY(pack_check(section.body, PACK_SECTION_MAX_BYTES));
    /* The plaintext buffer is wiped here, the tree lives on in the arena, wiped after the event. */
    TRY(arena_copy(arena, section.body, &body));
    TRY(value_unpack(arena, body, &in->parts.section[name]));
    if (name == SECTION_MANIFEST) {
        TRY(view_equal(section.schema, value_get_text(in->parts.section[name], "schema"))
                ? OK
                : ERR_RECORD_CONFLICT);
    }
    in->sections[place] = name;
out:
    buffer_free(&plain);
    return err;
}

/* Handling and internal fields never travel: shown, they would pass for what we know ourselves. */
static enum error check_shared(const struct value *part, const struct record_object *body)
{
    const struct value *inside = value_get(part, "body");

    if (value_get(part, "handling") != NULL) {
        return ERR_RECORD_CONFLICT;
    }
    for (size_t i = 0; inside != NULL && body != NULL && i < body->count; i++) {
        if (body->fields[i].section == SECTION_INTERNAL &&
            value_get(inside, body->fields[i].name) != NULL) {
            return ERR_RECORD_CONFLICT;
        }
    }
    return OK;
}

/*
 * What an earlier grant of the same record gave belongs to it: the whole must
 * hold together, else what is stored could not be opened any more.
 */
static enum error add_held(struct receive *receive, struct incoming *in)
{
    struct arena *arena = receive->engine->record_arena;
    uint16_t slots = 0;
    enum error err = store_record_find(receive->txn, &in->record_id, &in->number);

    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(err);
    in->held = true;
    err = store_record_get(receive->txn, in->number, arena, &in->held_row);
    if (err == ERR_STORE_CORRUPT && receive->mending) {
        in->held_row = (struct store_record){0}; /* it is written again as a whole */
        return OK;
    }
    TRY(err);
    for (size_t i = 0; i < in->parcel.slots.size; i++) {
        slots = (uint16_t)(slots | (1U << in->parcel.slots.data[i]));
    }
    err = reader_parts(receive->engine, receive->txn, &in->held_row, slots, arena, &in->parts);
    /* A part whose key or ciphertext is lost does not keep the others from being mended. */
    bool lost = err == ERR_STORE_CORRUPT || err == ERR_KEY_MISSING || err == ERR_NOT_FOUND;
    TRY(lost && receive->mending ? OK : err);
out:
    return err;
}

enum error incoming_open(struct receive *receive, struct incoming *in)
{
    struct arena *arena = receive->engine->record_arena;
    enum error err = OK;

    for (size_t i = 0; i < in->parcel.slots.size; i++) {
        TRY(open_section(receive, in, i));
    }
    const struct value *manifest = in->parts.section[SECTION_MANIFEST];
    const struct record_kind *kind = manifest == NULL ? NULL : record_kind_of(manifest);
    for (int i = 0; i < SECTION_SHARED_COUNT; i++) {
        const struct value *part = in->parts.section[i];
        TRY(part == NULL ? OK : check_shared(part, kind == NULL ? NULL : kind->body));
    }
    TRY(add_held(receive, in));
    TRY(record_merge(&in->parts, arena, &in->record));
    TRY(record_check(in->record, RECORD_RECEIVED, arena, NULL, NULL));
    TRY(contents_collect(in->record, arena, &in->contents));
out:
    return err;
}
