/* SPDX-License-Identifier: Apache-2.0 */
#include "receive.h"

#include "incoming.h"
#include "peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ISSUED_AHEAD_MAX_MS = 10 * 60 * 1000 };

/* Failures of ours end the transaction; all others are the peer's. */
static bool is_ours(enum error error)
{
    enum error_mover mover = error_info(error)->mover;

    return mover == MOVER_HOST || mover == MOVER_BUG;
}

void receive_begin(struct receive *receive)
{
    section_keys_hold(receive->engine->scratch_keys);
    (void)secret_open(receive->peer->pair_key);
}

void receive_end(struct receive *receive)
{
    secret_close(receive->peer->pair_key);
    section_keys_clear(receive->engine->scratch_keys);
    section_keys_release(receive->engine->scratch_keys);
}

/* --- checks, in the order of W-57 ---------------------------------------------------------- */

/* The grant is for us, from the lane's originator, and about this header. */
static enum error check_grant(const struct engine *engine, const struct peer *peer,
                              struct incoming *in, struct arena *arena)
{
    const struct grant_terms *terms = &in->grant.terms;
    enum error err = OK;

    TRY(id_equal(&terms->subject, &engine->keys->identity.node) ? OK : ERR_NOT_FOR_US);
    TRY(id_equal(&terms->issuer, &peer->identity.node) ? OK : ERR_WRONG_SENDER);
    in->record_id = envelope_record_id(in->parcel.header);
    TRY(id_equal(&terms->record, &in->record_id) ? OK : ERR_BAD_HASH);
    TRY(envelope_read_header(in->parcel.header, arena, &in->header));
    /* Records of others and grants that rest on grants need a chain of consent: none here yet. */
    TRY(id_equal(&in->header.originator, &peer->identity.node) ? OK : ERR_GRANT_WIDENS);
    TRY(in->parcel.parents.count == 0 && terms->depth == 0 && !OBJECT_HAS(terms, GRANT_PARENT)
            ? OK
            : ERR_GRANT_WIDENS);
out:
    return err;
}

/* A grant that may go onward has to convince third parties, so it is signed itself. W-54 */
static enum error check_grant_signature(const struct peer *peer, const struct incoming *in)
{
    const struct grant *grant = &in->grant.grant;
    enum error err = ERR_BAD_SIGNATURE;

    if (!OBJECT_HAS(grant, GRANT_SIGNATURE)) {
        return in->grant.caveats.onward == ONWARD_NONE ? OK : ERR_BAD_SIGNATURE;
    }
    for (size_t i = 0; i < peer->key_count && err == ERR_BAD_SIGNATURE; i++) {
        err = grant_verify(grant, peer->keys[i].sign_key);
    }
    return err;
}

static enum error check_signature(const struct peer *peer, const struct incoming *in)
{
    const struct peer_key *key = peer_key_named(peer, &in->header.sign_id);

    if (key == NULL) {
        return ERR_KEY_MISSING;
    }
    return envelope_verify(in->parcel.header, view_of(in->parcel.signature, SIGNATURE_BYTES),
                           key->sign_key);
}

/* The wrapped keys are exactly those of the slots that the parcel names. */
static enum error unwrap(const struct engine *engine, const struct peer *peer,
                         const struct incoming *in)
{
    const struct grant_terms *terms = &in->grant.terms;
    uint16_t named = 0;
    enum error err = OK;

    if (!id_equal(&terms->issuer_seal_id, &peer->card.seal_id) ||
        !id_equal(&terms->subject_seal_id, &engine->keys->card.seal_id)) {
        return ERR_KEY_MISSING;
    }
    TRY(grant_unwrap(&in->grant, peer->pair_key, engine->scratch_keys));
    for (size_t i = 0; i < in->parcel.slots.size; i++) {
        named = (uint16_t)(named | (1U << in->parcel.slots.data[i]));
    }
    TRY(named == section_keys_slots(engine->scratch_keys) ? OK : ERR_BAD_HASH);
out:
    return err;
}

/*
 * Not from the future. Where the two clocks differ either may be wrong, so the
 * lane waits; a time that is ahead even of the clock of its own State is no
 * matter of waiting.
 */
static enum error check_issued(const struct receive *receive, struct instant issued)
{
    int64_t ahead_ms = issued.ms - receive->now.wall.ms;

    if (ahead_ms <= ISSUED_AHEAD_MAX_MS) {
        return OK;
    }
    return ahead_ms - receive->peer->clock_ahead_ms > ISSUED_AHEAD_MAX_MS ? ERR_RECORD_CONFLICT
                                                                          : ERR_TIME;
}

/* The record says that it is of the State it comes from, and is not from the future. */
static enum error check_manifest(struct receive *receive, struct incoming *in)
{
    const struct value *originator = value_get(in->record, "originator");
    struct view supersedes = value_get_text(in->record, "supersedes");
    char older[REFERENCE_TEXT_BYTES + 24];
    char reference[REFERENCE_TEXT_BYTES];
    struct instant issued = {0};
    enum error err = OK;

    TRY(reference_parse(value_get_text(in->record, "reference"), &in->reference));
    in->version = value_get_integer(in->record, "version", 1);
    if (strcmp(in->reference.state, receive->peer->identity.state) != 0 ||
        !view_is(value_get_text(originator, "state"), receive->peer->identity.state)) {
        return ERR_WRONG_SENDER;
    }
    TRY(instant_parse(value_get_text(in->record, "issued_at"), &issued));
    TRY(check_issued(receive, issued));
    if (supersedes.size > 0) {
        /* A version follows an older one of the same record: no cycle, no foreign record. */
        (void)reference_format(&in->reference, reference);
        bool follows = false;
        for (int64_t v = 1; v < in->version && !follows; v++) {
            (void)snprintf(older, sizeof older, "%s#%" PRId64, reference, v);
            follows = view_is(supersedes, older);
        }
        TRY(follows ? OK : ERR_RECORD_CONFLICT);
    } else {
        TRY(in->version == 1 ? OK : ERR_RECORD_CONFLICT);
    }
out:
    return err;
}

/* --- storing ------------------------------------------------------------------------------- */

/* Slot, section and ciphertext hash of each granted part, as the record row keeps them. */
static enum error make_parts(const struct incoming *in, struct arena *arena, struct views *parts)
{
    size_t count = in->parcel.slots.size;
    uint8_t *bytes = arena_alloc_many(arena, count, STORE_PART_BYTES);

    parts->items = arena_alloc_many(arena, count, sizeof *parts->items);
    if (bytes == NULL || parts->items == NULL) {
        return arena_error(arena);
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t *part = bytes + i * STORE_PART_BYTES;
        part[0] = in->parcel.slots.data[i];
        part[1] = (uint8_t)in->sections[i];
        memcpy(part + 2, in->parcel.ciphers.items[i].data, ID_BYTES);
        parts->items[i] = view_of(part, STORE_PART_BYTES);
    }
    parts->count = count;
    return OK;
}

/* Parts that an earlier grant of the same record gave and this one does not name. */
static enum error add_old_parts(const struct store_record *held, struct arena *arena,
                                struct views *parts)
{
    struct view *items = arena_alloc_many(arena, parts->count + held->parts.count, sizeof *items);
    size_t count = parts->count;

    if (items == NULL) {
        return arena_error(arena);
    }
    if (count > 0) {
        memcpy(items, parts->items, count * sizeof *items);
    }
    for (size_t i = 0; i < held->parts.count; i++) {
        bool known = false;
        for (size_t j = 0; j < parts->count; j++) {
            known = known || parts->items[j].data[0] == held->parts.items[i].data[0];
        }
        if (!known && count < SLOTS_MAX) {
            items[count++] = held->parts.items[i];
        }
    }
    *parts = (struct views){count, items};
    return OK;
}

/* Put the ciphertexts, keys and index rows of a record whose row is written. */
static enum error put_contents(struct receive *receive, const struct incoming *in, uint64_t number)
{
    enum error err = OK;

    for (size_t i = 0; i < in->parcel.ciphers.count; i++) {
        struct id cipher = {{0}};

        (void)id_from_view(in->parcel.ciphers.items[i], &cipher);
        if (!in->kept[i]) {
            TRY(store_blob_put(receive->txn, &cipher, in->ciphertexts[i]));
        }
        TRY(store_index_add(receive->txn, INDEX_CIPHER, id_view(&cipher), number));
    }
    TRY(store_keys_put(receive->txn, &in->record_id, receive->engine->scratch_keys));
    TRY(contents_put(receive->txn, number, &in->contents));
out:
    return err;
}

/*
 * Put a record next to the other versions held of its reference: an older one
 * is superseded at once, a newer one supersedes, the same version with other
 * bytes is proof that the State signed both.
 */
static enum error settle_versions(struct receive *receive, const struct incoming *in,
                                  struct store_record *row)
{
    enum { VERSIONS_MAX = 64 };
    uint64_t room[VERSIONS_MAX];
    struct store_numbers found = {room, VERSIONS_MAX, 0};
    enum error err = OK;

    TRY(store_index_find(receive->txn, INDEX_REFERENCE, row->reference, 0, &found));
    for (size_t i = 0; i < found.count; i++) {
        struct store_record other = {0};
        err = store_record_get(receive->txn, room[i], receive->engine->record_arena, &other);
        if (err == ERR_STORE_CORRUPT && receive->mending) {
            err = OK;
            continue;
        }
        TRY(err);
        if (id_equal(&other.record, &in->record_id)) {
            continue;
        }
        if (other.version == row->version) {
            other.standing = RECORD_CONTESTED;
            TRY(store_record_put(receive->txn, room[i], &other));
            return ERR_LANE_FORK;
        }
        if (other.version > row->version) {
            row->standing = RECORD_SUPERSEDED;
        } else if (other.standing == RECORD_CURRENT) {
            other.standing = RECORD_SUPERSEDED;
            TRY(store_record_put(receive->txn, room[i], &other));
        }
    }
out:
    return err;
}

static enum error store_incoming(struct receive *receive, struct incoming *in,
                                 const struct lane_entry *entry)
{
    struct arena *arena = receive->engine->record_arena;
    char reference[REFERENCE_TEXT_BYTES];
    struct store_record row = {.record = in->record_id,
                               .originator = in->header.originator,
                               .peer = receive->peer->number,
                               .seq = entry->seq,
                               .header = in->parcel.header,
                               .reference =
                                   view_of_text(reference_format(&in->reference, reference)),
                               .version = in->version,
                               .schema = view_of_text(in->reference.kind->schema),
                               .caveats = in->grant.terms.caveats,
                               .stored_at = receive->now.wall,
                               .supersedes = value_get_text(in->record, "supersedes")};
    enum error err = OK;

    memcpy(row.signature, in->parcel.signature, SIGNATURE_BYTES);
    TRY(make_parts(in, arena, &row.parts));
    receive->writing = true;
    TRY(settle_versions(receive, in, &row));
    if (in->held && in->held_row.parts.count > 0) {
        row.standing = in->held_row.standing;
        row.stored_at = in->held_row.stored_at;
        TRY(add_old_parts(&in->held_row, arena, &row.parts));
    }
    TRY(in->held ? store_record_put(receive->txn, in->number, &row)
                 : store_record_add(receive->txn, &row, &in->number));
    TRY(put_contents(receive, in, in->number));
out:
    return err;
}

static enum error note(struct receive *receive, const char *event, const char *subject,
                       const char *detail)
{
    struct store_event entry = {.time = receive->now.wall,
                                .event = event,
                                .actor = "node",
                                .subject = subject,
                                .detail = detail};

    return store_audit_add(receive->txn, &entry);
}

static enum error apply_grant(struct receive *receive, const struct lane_entry *entry,
                              struct view payload)
{
    struct engine *engine = receive->engine;
    struct incoming in = {0};
    char reference[REFERENCE_TEXT_BYTES];
    char detail[64];
    enum error err = OK;

    TRY(parcel_read(payload, engine->record_arena, &in.parcel));
    TRY(grant_read(in.parcel.grant, engine->record_arena, &in.grant));
    TRY(check_grant(engine, receive->peer, &in, engine->record_arena));
    TRY(check_grant_signature(receive->peer, &in));
    TRY(check_signature(receive->peer, &in));
    TRY(unwrap(engine, receive->peer, &in));
    TRY(incoming_find_ciphers(receive, &in));
    TRY(incoming_open(receive, &in));
    TRY(check_manifest(receive, &in));
    TRY(engine->ports->point(engine->ports->context, "apply.verified"));
    TRY(store_incoming(receive, &in, entry));
    if (!receive->mending) {
        (void)snprintf(detail, sizeof detail, "version %" PRId64 " from %s", in.version,
                       receive->peer->identity.state);
        TRY(note(receive, "record.received", reference_format(&in.reference, reference), detail));
    }
out:
    return err;
}

/* Ciphertexts that were fetched for an entry which is not taken over must not fill the store. */
enum error receive_drop_fetched(struct store_txn *txn, struct peer *peer)
{
    enum error err = OK;

    for (size_t i = 0; i < peer->fetched_count; i++) {
        uint64_t number = 0;
        struct store_numbers found = {&number, 1, 0};
        TRY(store_index_find(txn, INDEX_CIPHER, id_view(&peer->fetched[i]), 0, &found));
        TRY(found.count > 0 ? OK : store_blob_remove(txn, &peer->fetched[i]));
    }
    peer->fetched_count = 0;
out:
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum error keep_aside(struct receive *receive, const struct lane_entry *entry,
                             struct view payload, enum error why)
{
    char detail[128];
    struct store_quarantine row = {.peer = receive->peer->number,
                                   .seq = entry->seq,
                                   .error = atoi(error_info(why)->code + 1),
                                   .time = receive->now.wall,
                                   .bytes = payload};
    enum error err = OK;

    (void)snprintf(detail, sizeof detail, "entry %" PRId64 ": %s", entry->seq,
                   error_info(why)->text);
    if (receive->peer->quarantined >= STORE_QUARANTINE_PEER_MAX) {
        TRY(store_quarantine_trim(receive->txn, receive->peer->number,
                                  receive->engine->record_arena));
    }
    TRY(store_quarantine_add(receive->txn, &row));
    TRY(receive_drop_fetched(receive->txn, receive->peer));
    TRY(note(receive, "record.quarantined", receive->peer->identity.state, detail));
    engine_log(receive->engine, LOG_WARNING, "record.quarantined",
               "state=%s seq=%" PRId64 " why=%s", receive->peer->identity.state, entry->seq,
               error_info(why)->code);
out:
    return err;
}

/* Turn the error of an entry into what becomes of the entry. */
static enum receive_outcome settle(struct receive *receive, const struct lane_entry *entry,
                                   struct view payload, enum error err, enum error *error)
{
    *error = err;
    if (err == OK) {
        receive->peer->fetched_count = 0;
        return RECEIVE_APPLIED;
    }
    if (err == ERR_NOT_FOUND && receive->peer->wanted_count > 0) {
        return RECEIVE_NEEDS_BLOBS;
    }
    if (err == ERR_TIME) {
        return RECEIVE_HELD;
    }
    /* Once something of it is written it cannot be kept aside, save for the fork that was noted. */
    if (is_ours(err) || store_error(receive->txn) != OK ||
        (receive->writing && err != ERR_LANE_FORK)) {
        return RECEIVE_FAILED;
    }
    if (receive->mending) {
        return RECEIVE_ASIDE; /* it was kept aside the first time too */
    }
    err = keep_aside(receive, entry, payload, err);
    if (err != OK) {
        *error = err;
        return RECEIVE_FAILED;
    }
    return RECEIVE_ASIDE;
}

enum receive_outcome receive_entry(struct receive *receive, const struct lane_entry *entry,
                                   struct view payload, enum error *error)
{
    enum error err = ERR_CODE_NOT_KNOWN_HERE;

    arena_clear(receive->engine->record_arena);
    receive->peer->wanted_count = 0;
    receive->writing = false;
    /* Other types come with later versions; an entry of one is kept aside, the lane goes on. */
    if (entry->type == LANE_GRANT) {
        err = apply_grant(receive, entry, payload);
    } else if (entry->type == LANE_COVER) {
        err = OK;
    }
    return settle(receive, entry, payload, err, error);
}

/* --- our own lane, given back by a peer ---------------------------------------------------- */

static enum error check_own(struct engine *engine, const struct peer *peer, struct incoming *in)
{
    const struct grant_terms *terms = &in->grant.terms;
    enum error err = OK;

    TRY(id_equal(&terms->issuer, &engine->keys->identity.node) ? OK : ERR_WRONG_SENDER);
    TRY(id_equal(&terms->subject, &peer->identity.node) ? OK : ERR_NOT_FOR_US);
    in->record_id = envelope_record_id(in->parcel.header);
    TRY(id_equal(&terms->record, &in->record_id) ? OK : ERR_BAD_HASH);
    TRY(envelope_read_header(in->parcel.header, engine->record_arena, &in->header));
    TRY(envelope_verify(in->parcel.header, view_of(in->parcel.signature, SIGNATURE_BYTES),
                        engine->keys->card.sign_key));
    TRY(grant_unwrap(&in->grant, peer->pair_key, engine->scratch_keys));
out:
    return err;
}

static enum error put_recovered(struct receive *receive, struct incoming *in,
                                const struct lane_entry *entry)
{
    struct engine *engine = receive->engine;
    char reference[REFERENCE_TEXT_BYTES];
    struct store_record row = {.record = in->record_id,
                               .originator = in->header.originator,
                               .header = in->parcel.header,
                               .version = in->version,
                               .stored_at = receive->now.wall,
                               .caveats = in->grant.terms.caveats,
                               .supersedes = value_get_text(in->record, "supersedes")};
    enum error err = OK;

    memcpy(row.signature, in->parcel.signature, SIGNATURE_BYTES);
    row.reference = view_of_text(reference_format(&in->reference, reference));
    row.schema = view_of_text(in->reference.kind->schema);
    TRY(make_parts(in, engine->record_arena, &row.parts));
    receive->writing = true;
    TRY(settle_versions(receive, in, &row));
    if (in->held && in->held_row.parts.count > 0) {
        /* What we still hold, internal section included, stays; parts only come in addition. */
        const struct store_record offered = {.parts = row.parts};
        row = in->held_row;
        TRY(add_old_parts(&offered, engine->record_arena, &row.parts));
    }
    TRY(in->held ? store_record_put(receive->txn, in->number, &row)
                 : store_record_add(receive->txn, &row, &in->number));
    TRY(put_contents(receive, in, in->number));
    struct store_holder holder = {.granted_at = in->grant.terms.issued_at, .seq = entry->seq};
    for (size_t i = 0; i < in->parcel.slots.size; i++) {
        holder.slots |= 1 << in->parcel.slots.data[i];
        holder.sections |= 1 << in->sections[i];
    }
    TRY(store_holder_put(receive->txn, in->number, receive->peer->number, &holder));
out:
    return err;
}

/* References given before the loss must not be given again. */
static enum error keep_counter(struct receive *receive, const struct reference *reference)
{
    char name[32];
    int64_t last = 0;
    enum error err = OK;

    (void)snprintf(name, sizeof name, "%s-%04d", reference->kind->prefix, reference->year);
    TRY(store_counter_get(receive->txn, name, &last));
    if (reference->number > last) {
        TRY(store_counter_set(receive->txn, name, reference->number));
    }
out:
    return err;
}

static enum error recover_grant(struct receive *receive, const struct lane_entry *entry,
                                struct view payload)
{
    struct engine *engine = receive->engine;
    struct incoming in = {0};
    char reference[REFERENCE_TEXT_BYTES];
    enum error err = OK;

    TRY(parcel_read(payload, engine->record_arena, &in.parcel));
    TRY(grant_read(in.parcel.grant, engine->record_arena, &in.grant));
    TRY(check_own(engine, receive->peer, &in));
    TRY(incoming_find_ciphers(receive, &in));
    TRY(incoming_open(receive, &in));
    TRY(reference_parse(value_get_text(in.record, "reference"), &in.reference));
    in.version = value_get_integer(in.record, "version", 1);
    TRY(put_recovered(receive, &in, entry));
    TRY(keep_counter(receive, &in.reference));
    TRY(note(receive, "record.recovered", reference_format(&in.reference, reference),
             receive->peer->identity.state));
out:
    return err;
}

enum receive_outcome recover_entry(struct receive *receive, const struct lane_entry *entry,
                                   struct view payload, enum error *error)
{
    enum error err = OK;

    arena_clear(receive->engine->record_arena);
    receive->peer->wanted_count = 0;
    receive->writing = false;
    if (entry->type == LANE_GRANT) {
        err = recover_grant(receive, entry, payload);
    }
    return settle(receive, entry, payload, err, error);
}
