/* SPDX-License-Identifier: Apache-2.0 */
#include "granting.h"

#include "lane_send.h"
#include "policy_caveats.h"
#include "reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBERED_AT_ONCE = 64, NUMBER_AGAIN_MS = 10000 };

/* --- one grant ----------------------------------------------------------------------------- */

/** The sections that a State gets, by slot, ascending. */
struct granted {
    uint16_t set; /* of slots */
    size_t count;
    uint8_t slots[SLOTS_MAX];
    struct view ciphers[SLOTS_MAX]; /* borrow from the record's row */
};

static void choose_slots(const struct store_record *row, uint16_t sections, struct granted *granted)
{
    *granted = (struct granted){0};
    for (uint8_t slot = 0; slot < ENVELOPE_SLOTS; slot++) {
        for (size_t i = 0; i < row->parts.count; i++) {
            const uint8_t *part = row->parts.items[i].data;
            if (part[0] != slot || part[1] >= SECTION_SHARED_COUNT ||
                ((sections >> part[1]) & 1U) == 0) {
                continue;
            }
            granted->set = (uint16_t)(granted->set | (1U << slot));
            granted->slots[granted->count] = slot;
            granted->ciphers[granted->count++] = view_of(part + 2, ID_BYTES);
        }
    }
}

static enum error make_grant(const struct granting *granting, const struct peer *peer,
                             uint16_t slots, struct buffer *grant)
{
    const struct engine *engine = granting->engine;
    struct buffer packed = buffer_init(CAVEATS_MAX_BYTES);
    struct caveats caveats = granting->caveats;
    struct grant_terms terms = {.version = 1,
                                .issuer = engine->keys->identity.node,
                                .subject = peer->identity.node,
                                .record = granting->row->record,
                                .issuer_seal_id = engine->keys->card.seal_id,
                                .subject_seal_id = peer->card.seal_id,
                                .suite = GRANT_SUITE,
                                .issued_at = granting->now};
    /* What may go onward must convince third parties, so it carries a signature of its own. */
    struct secret *sign_key = caveats.onward == ONWARD_NONE ? NULL : engine->keys->sign_key;
    enum error err = OK;

    if (caveats.onward != ONWARD_NONE) {
        caveats.slots = slots;
        caveats.depth = 1;
    }
    TRY(object_encode(&caveats_info, &caveats, &packed));
    terms.caveats = view_of_buffer(&packed);
    TRY(grant_make(&terms, engine->scratch_keys, slots, peer->pair_key, sign_key, grant));
out:
    buffer_free(&packed);
    return err;
}

enum error granting_give(const struct granting *granting, const struct peer *peer,
                         uint16_t sections, struct lane_cursor *cursor)
{
    struct buffer grant = buffer_init(GRANT_MAX_BYTES);
    struct buffer bytes = buffer_init(PARCEL_MAX_BYTES);
    struct parcel parcel = {.version = 1, .header = granting->row->header};
    struct store_holder holder = {.sections = sections, .granted_at = granting->now};
    struct granted granted;
    enum error err = OK;

    choose_slots(granting->row, sections, &granted);
    TRY(make_grant(granting, peer, granted.set, &grant));
    parcel.grant = view_of_buffer(&grant);
    memcpy(parcel.signature, granting->row->signature, SIGNATURE_BYTES);
    parcel.slots = view_of(granted.slots, granted.count);
    parcel.ciphers = (struct views){granted.count, granted.ciphers};
    TRY(object_encode(&parcel_info, &parcel, &bytes));
    const struct lane_item item = {LANE_GRANT, view_of_buffer(&bytes)};
    TRY(lane_append(granting->engine, granting->txn, peer, &item, granting->now, cursor));
    holder.slots = granted.set;
    holder.seq = cursor->seq;
    TRY(store_holder_put(granting->txn, granting->number, peer->number, &holder));
out:
    buffer_free(&bytes);
    buffer_free(&grant);
    return err;
}

/* --- grants that wait ---------------------------------------------------------------------- */

enum error granting_queue(const struct granting *granting, const struct peer *peer,
                          uint16_t sections)
{
    const struct store_pending pending = {.record = (int64_t)granting->number};
    const struct store_holder holder = {.sections = sections, .granted_at = granting->now};
    enum error err = OK;

    TRY(store_pending_add(granting->txn, peer->number, &pending));
    TRY(store_holder_put(granting->txn, granting->number, peer->number, &holder));
out:
    return err;
}

static enum error note_withdrawn(const struct granting *granting, const struct peer *peer,
                                 const char *event, struct view reference)
{
    char subject[REFERENCE_TEXT_BYTES];
    const struct store_event row = {.time = granting->now,
                                    .event = event,
                                    .actor = "node",
                                    .subject = subject,
                                    .detail = peer->identity.state};

    (void)snprintf(subject, sizeof subject, "%.*s", (int)reference.size,
                   reference.size == 0 ? "" : (const char *)reference.data);
    return store_audit_add(granting->txn, &row);
}

/* What the policy gives a State now, and no more than was seen when it was published. */
static enum error decide_again(struct granting *granting, const struct peer *peer,
                               const struct reading *reading, uint16_t *sections)
{
    struct engine *engine = granting->engine;
    const struct value *handling = value_get(reading->record, "handling");
    const struct policy_member *member =
        policy_member_find(engine->world, view_of_text(peer->identity.state));
    struct store_holder holder = {0};
    enum error err = OK;

    TRY(store_holder_get(granting->txn, granting->number, peer->number, &holder));
    *sections = 0;
    if (member != NULL && id_equal(&member->node, &peer->identity.node)) {
        *sections = policy_sections(handling, engine->world, member, reading->sections);
    }
    *sections = (uint16_t)(*sections & holder.sections);
    if (*sections != holder.sections) {
        TRY(note_withdrawn(granting, peer, *sections == 0 ? "grant.withdrawn" : "grant.narrowed",
                           reading->row.reference));
    }
    if (*sections == 0) {
        holder = (struct store_holder){.granted_at = granting->now};
        TRY(store_holder_put(granting->txn, granting->number, peer->number, &holder));
        goto out;
    }
    TRY(policy_caveats(handling, engine->world, engine->record_arena, &granting->caveats));
out:
    return err;
}

static enum error give_again(struct granting *granting, const struct peer *peer,
                             struct reading *reading, struct lane_cursor *cursor)
{
    struct engine *engine = granting->engine;
    uint16_t sections = 0;
    enum error err = OK;

    TRY(reader_open(engine, granting->txn, granting->number, engine->record_arena, reading));
    granting->row = &reading->row;
    TRY(decide_again(granting, peer, reading, &sections));
    if (sections != 0) {
        section_keys_hold(engine->scratch_keys);
        err = store_keys_get(granting->txn, &reading->row.record, engine->scratch_keys);
        if (err == OK) {
            err = granting_give(granting, peer, sections, cursor);
        }
        section_keys_clear(engine->scratch_keys);
        section_keys_release(engine->scratch_keys);
    }
out:
    return err;
}

/*
 * One grant that waited. One that cannot be made now goes on waiting at the end
 * of the queue, for its record may be mended; it must not keep the others back.
 */
static enum error number_one(struct engine *engine, struct store_txn *txn, const struct peer *peer,
                             struct instant now, struct lane_cursor *cursor, size_t *done)
{
    const struct lane_cursor before = *cursor;
    struct granting granting = {.engine = engine, .txn = txn, .now = now};
    struct reading reading = {0};
    struct store_pending pending = {0};
    enum error err = OK;

    arena_clear(engine->record_arena);
    TRY(store_pending_take(txn, peer->number, engine->record_arena, &pending));
    granting.number = (uint64_t)pending.record;
    err = give_again(&granting, peer, &reading, cursor);
    /* What the store refused ends the transaction; so does what is written by half. */
    if (err != OK && error_info(err)->mover != MOVER_HOST && store_error(txn) == OK &&
        lane_cursor_equal(cursor, &before)) {
        engine_log(engine, LOG_ERROR, "grant.waits", "state=%s why=%s", peer->identity.state,
                   error_info(err)->code);
        return store_pending_add(txn, peer->number, &pending);
    }
    TRY(err);
    *done += 1;
out:
    return err;
}

/* Give numbers to what waited until heads were compared: some at a time, one transaction. */
static enum error number_pending(struct engine *engine, struct peer *peer, struct moment now)
{
    const struct store_event event = {.time = now.wall,
                                      .event = "lane.numbered",
                                      .actor = "node",
                                      .subject = peer->identity.state,
                                      .detail = "grants that waited for the peer"};
    int64_t some = peer->pending < NUMBERED_AT_ONCE ? peer->pending : NUMBERED_AT_ONCE;
    struct store_txn *txn = NULL;
    struct lane_cursor cursor = peer->out;
    uint64_t left = 0;
    size_t done = 0;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    for (int64_t i = 0; i < some; i++) {
        TRY(number_one(engine, txn, peer, now.wall, &cursor, &done));
    }
    if (done == 0) {
        goto out; /* only such as wait on: nothing is written for them again and again */
    }
    TRY(store_pending_count(txn, peer->number, &left));
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
    peer->out = cursor;
    peer->pending = (int64_t)left;
out:
    store_abort(&txn);
    return err;
}

enum error granting_withdraw(struct engine *engine, struct store_txn *txn, const struct peer *peer)
{
    enum error err = OK;

    for (;;) {
        struct store_pending pending = {0};
        const struct store_holder nothing = {0};

        arena_clear(engine->record_arena);
        err = store_pending_take(txn, peer->number, engine->record_arena, &pending);
        if (err == ERR_NOT_FOUND) {
            return OK;
        }
        TRY(err);
        TRY(store_holder_put(txn, (uint64_t)pending.record, peer->number, &nothing));
    }
out:
    return err;
}

void granting_push(struct engine *engine, struct peer *peer, struct moment now)
{
    enum error err = OK;

    if (peer_is_steady(peer) && peer->lane_confirmed && peer->pending > 0) {
        err = number_pending(engine, peer, now);
    }
    if (err != OK) {
        engine_store_failed(engine, err);
        peer->session.push_at_ms = now.steady_ms + NUMBER_AGAIN_MS;
        return;
    }
    lane_push(engine, peer, now);
}
