/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_take.h"

#include "lane_state.h"
#include "receive.h"
#include "session.h"

#include <inttypes.h>
#include <string.h>

/* --- verifying and applying ------------------------------------------------ */

/** A batch of a lane that was verified as a whole. */
struct verified {
    const struct message_lane_data *data;
    struct lane_head head;
    struct lane_entry *entries;
    struct id *hashes; /* of each entry */
};

/* The entries chain from `cursor`, carry their payloads, and end in the signed head. */
static enum error verify_chain(struct engine *engine, const struct lane_ends *ends,
                               struct lane_cursor cursor, struct verified *verified)
{
    const struct message_lane_data *data = verified->data;
    size_t count = data->entries.count;
    enum error err = OK;

    verified->entries = arena_alloc_many(engine->arena, count, sizeof *verified->entries);
    verified->hashes = arena_alloc_many(engine->arena, count, sizeof *verified->hashes);
    TRY(verified->entries == NULL || verified->hashes == NULL ? arena_error(engine->arena) : OK);
    for (size_t i = 0; i < count; i++) {
        err = lane_entry_follow(data->entries.items[i], data->payloads.items[i], ends,
                                engine->arena, &cursor, &verified->entries[i]);
        if (err == ERR_LANE_FORK && i > 0) {
            err = ERR_BAD_HASH; /* broken inside: nobody signed that */
        }
        TRY(err);
        verified->hashes[i] = cursor.hash;
    }
    TRY(verified->head.seq == cursor.seq && id_equal(&verified->head.hash, &cursor.hash) &&
                verified->head.incarnation == cursor.incarnation
            ? OK
            : ERR_BAD_HASH);
out:
    return err;
}

/* Number of the first entry of a batch, before anything about it is believed. */
static enum error first_entry(struct engine *engine, const struct message_lane_data *data,
                              struct lane_entry *first)
{
    return object_decode(&lane_entry_info, data->entries.items[0], engine->arena, first);
}

static enum error hash_blobs(struct engine *engine, const struct message_lane_data *data,
                             struct batch_blobs *blobs)
{
    blobs->count = data->blobs.count;
    blobs->bytes = data->blobs.items;
    blobs->ids = arena_alloc_many(engine->arena, blobs->count, sizeof *blobs->ids);
    if (blobs->ids == NULL) {
        return arena_error(engine->arena);
    }
    for (size_t i = 0; i < blobs->count; i++) {
        blobs->ids[i] = digest(HASH_CIPHER, blobs->bytes[i]);
    }
    return OK;
}

static enum lane_nack_reason nack_reason(enum error error)
{
    switch (error) {
    case ERR_BAD_SIGNATURE:
        return NACK_BAD_SIGNATURE;
    case ERR_KEY_MISSING:
        return NACK_KEY_RETIRED;
    case ERR_PEER_QUOTA:
        return NACK_QUOTA;
    default:
        return NACK_POLICY;
    }
}

/* Questions whose answers do not move the lane on: a peer could have us ask for ever. Y08 */
static enum error count_round(struct peer *peer)
{
    return ++peer->session.rounds <= ROUNDS_MAX ? OK : ERR_PEER_QUOTA;
}

/* The lane moved on. */
static void end_rounds(struct peer *peer)
{
    peer->absent_count = 0;
    peer->session.rounds = 0;
    peer->session.fetched_bytes = 0;
}

static void ask_for_blobs(struct engine *engine, struct peer *peer)
{
    struct message message = {.type = MESSAGE_BLOB_PULL};
    struct view ids[BLOBS_WANTED_MAX];

    for (size_t i = 0; i < peer->wanted_count; i++) {
        ids[i] = id_view(&peer->wanted[i]);
    }
    message.blob_pull.ids = (struct views){peer->wanted_count, ids};
    (void)session_send(engine, peer, &message);
}

static size_t batch_bytes(const struct message_lane_data *data)
{
    size_t bytes = 0;

    for (size_t i = 0; i < data->entries.count; i++) {
        bytes += data->entries.items[i].size + data->payloads.items[i].size;
    }
    for (size_t i = 0; i < data->blobs.count; i++) {
        bytes += data->blobs.items[i].size;
    }
    return bytes;
}

/* What one peer may bring in a day. */
static enum error check_quota(struct engine *engine, struct peer *peer, size_t records,
                              size_t bytes, struct moment now)
{
    int64_t day = now.wall.ms / DAY_MS;

    if (day != peer->day) {
        peer->day = day;
        peer->records_today = 0;
        peer->bytes_today = 0;
    }
    peer->records_today += (int64_t)records;
    peer->bytes_today += (int64_t)bytes;
    if (peer->records_today > engine->limits.records_per_day ||
        peer->bytes_today > engine->limits.bytes_per_day) {
        return ERR_PEER_QUOTA;
    }
    return store_has_room(engine->store) ? OK : ERR_STORE_FULL;
}

/** What applying a batch came to. */
struct applied {
    struct lane_cursor cursor;
    bool needs_blobs;
    bool held;
    size_t aside_count;
    int64_t aside_seq[LANE_BATCH_ENTRIES_MAX];
    struct id aside_hash[LANE_BATCH_ENTRIES_MAX];
    enum error aside_error[LANE_BATCH_ENTRIES_MAX];
};

/* Apply the entries after the cursor, as far as their ciphertexts are here. */
static enum error apply_entries(struct receive *receive, const struct verified *verified,
                                struct applied *applied)
{
    const struct message_lane_data *data = verified->data;
    struct peer *peer = receive->peer;
    enum error err = OK;

    for (size_t i = 0; i < data->entries.count; i++) {
        const struct lane_entry *entry = &verified->entries[i];
        bool last = i + 1 == data->entries.count;
        enum error why = OK;

        if (entry->seq <= applied->cursor.seq) {
            continue;
        }
        enum receive_outcome outcome = receive_entry(receive, entry, data->payloads.items[i], &why);
        if (outcome == RECEIVE_FAILED) {
            return why;
        }
        if (outcome == RECEIVE_NEEDS_BLOBS || outcome == RECEIVE_HELD) {
            applied->needs_blobs = outcome == RECEIVE_NEEDS_BLOBS;
            applied->held = outcome == RECEIVE_HELD;
            break;
        }
        if (outcome == RECEIVE_ASIDE) {
            applied->aside_seq[applied->aside_count] = entry->seq;
            applied->aside_hash[applied->aside_count] = verified->hashes[i];
            applied->aside_error[applied->aside_count++] = why;
        }
        const struct store_entry row = {.entry = data->entries.items[i],
                                        .payload = data->payloads.items[i],
                                        .head = last ? data->head : view_of(NULL, 0)};
        TRY(store_entry_put(receive->txn, lane_entry_name(peer, STORE_IN, entry->seq), &row));
        applied->cursor.seq = entry->seq;
        applied->cursor.hash = verified->hashes[i];
    }
out:
    return err;
}

static enum error put_in_lane(struct receive *receive, const struct verified *verified,
                              const struct applied *applied)
{
    struct engine *engine = receive->engine;
    struct peer *peer = receive->peer;
    struct store_lane lane = {0};
    struct store_event event = {.time = receive->now.wall,
                                .event = "lane.applied",
                                .actor = "node",
                                .subject = peer->identity.state,
                                .detail = ""};
    enum error err = OK;

    TRY(store_lane_get(receive->txn, STORE_IN, peer->number, engine->arena, &lane));
    lane.incarnation = applied->cursor.incarnation;
    lane.seq = applied->cursor.seq;
    lane.hash = applied->cursor.hash;
    lane.head = verified->data->head;
    TRY(store_lane_put(receive->txn, STORE_IN, peer->number, &lane));
    TRY(store_audit_add(receive->txn, &event));
out:
    return err;
}

/*
 * A record from the future by our clock: theirs is fast or ours is slow. The lane
 * waits, nothing is acknowledged, and answers say that this State is behind.
 */
static void hold_lane(struct engine *engine, struct peer *peer, int64_t seq, struct moment now)
{
    engine_log(engine, LOG_WARNING, "lane.held", "state=%s seq=%" PRId64 " why=%s",
               peer->identity.state, seq, error_info(ERR_TIME)->code);
    peer->last_error = ERR_TIME;
    peer->session.pull_at_ms = now.steady_ms + MINUTE_MS;
    lane_nack(engine, peer, NACK_TIME, seq, NULL);
}

/* Apply a verified batch in one transaction, then acknowledge. */
static enum error apply_batch(struct engine *engine, struct peer *peer,
                              const struct verified *verified, const struct batch_blobs *blobs,
                              struct moment now)
{
    struct applied applied = {.cursor = peer->in};
    struct receive receive = {.engine = engine, .peer = peer, .now = now, .blobs = blobs};
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &receive.txn));
    receive_begin(&receive);
    err = apply_entries(&receive, verified, &applied);
    receive_end(&receive);
    TRY(err);
    /* All or nothing: the newest entry held always has a signed head of its own. */
    if (applied.needs_blobs) {
        store_abort(&receive.txn);
        TRY(count_round(peer));
        ask_for_blobs(engine, peer);
        return OK;
    }
    if (applied.held) {
        hold_lane(engine, peer, applied.cursor.seq + 1, now);
        goto out;
    }
    if (applied.cursor.seq > peer->in.seq) {
        TRY(put_in_lane(&receive, verified, &applied));
        TRY(engine->ports->point(engine->ports->context, "apply.before-commit"));
        TRY(engine_commit(engine, &receive.txn));
        peer->in = applied.cursor;
        peer->quarantined += applied.aside_count;
        end_rounds(peer);
        TRY(engine->ports->point(engine->ports->context, "apply.after-commit"));
        lane_acknowledge(engine, peer, now);
    }
    for (size_t i = 0; i < applied.aside_count; i++) {
        lane_nack(engine, peer, nack_reason(applied.aside_error[i]), applied.aside_seq[i],
                  &applied.aside_hash[i]);
    }
out:
    store_abort(&receive.txn);
    return err;
}

/* Entries that we hold already must be the same ones; else the peer signed both. */
static enum error compare_overlap(struct engine *engine, struct peer *peer,
                                  const struct verified *verified, bool *forked)
{
    struct id held = {{0}};
    enum error err = OK;

    *forked = false;
    for (size_t i = 0; i < verified->data->entries.count; i++) {
        int64_t seq = verified->entries[i].seq;
        if (seq > peer->in.seq) {
            break;
        }
        TRY(lane_held_hash(engine, peer, STORE_IN, seq, &held));
        if (!id_equal(&held, &verified->hashes[i])) {
            *forked = true;
            return OK;
        }
    }
out:
    return err;
}

/* A batch of the lane that is fetched again to mend our store. */
static enum error mend_batch(struct engine *engine, struct peer *peer, bool ours,
                             const struct verified *verified, const struct batch_blobs *blobs,
                             struct moment now);

enum error lane_take_theirs(struct engine *engine, struct peer *peer,
                            const struct message_lane_data *data, struct moment now)
{
    const struct lane_ends ends = lane_ends_of(engine, peer, STORE_IN);
    struct verified verified = {.data = data};
    struct batch_blobs blobs = {0};
    struct lane_entry first = {0};
    struct lane_cursor start = peer->in;
    bool forked = false;
    enum error err = OK;

    TRY(lane_check_peer_head(engine, peer, data->head, &verified.head));
    TRY(first_entry(engine, data, &first));
    peer->in_head = verified.head.seq > peer->in_head ? verified.head.seq : peer->in_head;
    peer->peer_lost = peer->peer_lost && verified.head.seq < peer->in.seq; /* it has recovered */
    if (first.incarnation != peer->in.incarnation || first.seq > peer->in.seq + 1) {
        TRY(count_round(peer));
        lane_nack(engine, peer, NACK_GAP, peer->in.seq, NULL);
        lane_pull(engine, peer, LANE_OF_RECEIVER, peer->in.seq);
        return OK;
    }
    bool mending =
        peer->mend_in && first.seq == peer->mended_in.seq + 1 && first.seq <= peer->in.seq;
    start.seq = first.seq - 1;
    if (mending) {
        start = peer->mended_in;
    } else {
        TRY(lane_held_hash(engine, peer, STORE_IN, start.seq, &start.hash));
    }
    err = verify_chain(engine, &ends, start, &verified);
    if (err == ERR_LANE_FORK) {
        /* Proof only if the signed head really covers entries that do not follow ours. */
        start.hash = first.previous;
        TRY(verify_chain(engine, &ends, start, &verified));
        return lane_freeze(engine, peer, STORE_IN, data->head, now);
    }
    TRY(err);
    TRY(hash_blobs(engine, data, &blobs));
    if (mending) {
        TRY(mend_batch(engine, peer, false, &verified, &blobs, now));
        if (peer->mend_in || verified.head.seq <= peer->in.seq) {
            return OK;
        }
    }
    TRY(compare_overlap(engine, peer, &verified, &forked));
    if (forked) {
        return lane_freeze(engine, peer, STORE_IN, data->head, now);
    }
    err = check_quota(engine, peer, data->entries.count, batch_bytes(data), now);
    if (err == ERR_PEER_QUOTA) {
        lane_nack(engine, peer, NACK_QUOTA, first.seq, NULL);
    }
    TRY(err);
    TRY(apply_batch(engine, peer, &verified, &blobs, now));
out:
    return err;
}

/* --- our lane, given back ------------------------------------------------------------------- */

/* Write again what a batch of a lane holds; an entry that opens here keeps its row and head. */
static enum error mend_entry(struct receive *receive, bool ours, const struct verified *verified,
                             size_t i, bool *waits)
{
    const struct message_lane_data *data = verified->data;
    const struct lane_entry *entry = &verified->entries[i];
    const struct store_entry_name name =
        lane_entry_name(receive->peer, ours ? STORE_OUT : STORE_IN, entry->seq);
    bool last = i + 1 == data->entries.count;
    struct store_entry held = {0};
    enum error why = OK;
    enum error err = OK;
    enum receive_outcome outcome =
        ours ? recover_entry(receive, entry, data->payloads.items[i], &why)
             : receive_entry(receive, entry, data->payloads.items[i], &why);

    *waits = outcome == RECEIVE_NEEDS_BLOBS;
    if (outcome == RECEIVE_FAILED || outcome == RECEIVE_HELD) {
        return why;
    }
    if (*waits || store_entry_get(receive->txn, name, receive->engine->arena, &held) == OK) {
        return OK;
    }
    const struct store_entry row = {.entry = data->entries.items[i],
                                    .payload = data->payloads.items[i],
                                    .head = last && !ours ? data->head : view_of(NULL, 0)};
    TRY(store_entry_put(receive->txn, name, &row));
out:
    return err;
}

/* The lane row after recovering or mending up to a cursor. */
static enum error mend_lane_row(struct receive *receive, bool ours,
                                const struct lane_cursor *cursor)
{
    enum store_side side = ours ? STORE_OUT : STORE_IN;
    struct peer *peer = receive->peer;
    struct store_lane lane = {.incarnation = cursor->incarnation};
    struct store_event event = {.time = receive->now.wall,
                                .event = receive->mending ? "lane.mended" : "lane.recovered",
                                .actor = "node",
                                .subject = peer->identity.state,
                                .detail = ""};
    enum error err = OK;

    err = store_lane_get(receive->txn, side, peer->number, receive->engine->arena, &lane);
    TRY(err == ERR_STORE_CORRUPT ? OK : err);
    if (cursor->seq >= lane.seq) {
        lane.seq = cursor->seq;
        lane.hash = cursor->hash;
    }
    TRY(store_lane_put(receive->txn, side, peer->number, &lane));
    TRY(store_audit_add(receive->txn, &event));
out:
    return err;
}

/* Write the entries of a batch, as far as their ciphertexts are here; give how far that went. */
static enum error rewrite(struct receive *receive, bool ours, const struct verified *verified,
                          struct lane_cursor *cursor, bool *waits)
{
    const struct lane_cursor before = *cursor;
    enum error err = OK;

    *waits = false;
    TRY(store_begin(receive->engine->store, STORE_WRITE, &receive->txn));
    for (size_t i = 0; i < verified->data->entries.count; i++) {
        /* What is new to us is no matter of mending. */
        if (verified->entries[i].seq <= cursor->seq ||
            (!ours && verified->entries[i].seq > receive->peer->in.seq)) {
            continue;
        }
        TRY(mend_entry(receive, ours, verified, i, waits));
        if (*waits) {
            break;
        }
        cursor->seq = verified->entries[i].seq;
        cursor->hash = verified->hashes[i];
    }
    if (cursor->seq > before.seq) {
        TRY(mend_lane_row(receive, ours, cursor));
        TRY(engine_commit(receive->engine, &receive->txn));
        end_rounds(receive->peer);
    }
out:
    store_abort(&receive->txn);
    if (err != OK) {
        *cursor = before;
    } else if (*waits) {
        err = count_round(receive->peer);
        ask_for_blobs(receive->engine, receive->peer);
    }
    return err;
}

/* The index waited for damaged lanes: with the last of them mended, it is its turn. */
static void check_index_again(struct engine *engine, struct moment now)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        if (engine->peers[i]->mend_in || engine->peers[i]->mend_out) {
            return;
        }
    }
    if (engine->index_waits) {
        engine->index_waits = false;
        engine->check_owed = true;
        engine->check_at_ms = now.steady_ms;
    }
}

static enum error mend_batch(struct engine *engine, struct peer *peer, bool ours,
                             const struct verified *verified, const struct batch_blobs *blobs,
                             struct moment now)
{
    struct lane_cursor *cursor = ours ? &peer->mended_out : &peer->mended_in;
    int64_t goal = ours ? peer->recover_to : peer->in.seq;
    struct receive receive = {
        .engine = engine, .peer = peer, .now = now, .blobs = blobs, .mending = true};
    bool waits = false;
    enum error err = OK;

    TRY(rewrite(&receive, ours, verified, cursor, &waits));
    if (cursor->seq >= goal) {
        if (ours) {
            peer->mend_out = false;
        } else {
            peer->mend_in = false;
        }
        engine_log(engine, LOG_NOTICE, "lane.mended", "state=%s ours=%d seq=%" PRId64,
                   peer->identity.state, ours, cursor->seq);
        check_index_again(engine, now);
    } else if (!waits) {
        lane_pull(engine, peer, ours ? LANE_OF_SENDER : LANE_OF_RECEIVER, cursor->seq);
    }
out:
    return err;
}

static enum error recover_batch(struct engine *engine, struct peer *peer,
                                const struct verified *verified, const struct batch_blobs *blobs,
                                struct moment now)
{
    struct receive receive = {.engine = engine, .peer = peer, .now = now, .blobs = blobs};
    struct lane_cursor cursor = peer->out;
    bool waits = false;
    enum error err = OK;

    TRY(rewrite(&receive, true, verified, &cursor, &waits));
    peer->out = cursor;
    if (cursor.seq >= peer->recover_to) {
        peer->recovering = false;
        peer->lane_confirmed = true;
        engine_log(engine, LOG_NOTICE, "lane.recovered", "state=%s seq=%" PRId64,
                   peer->identity.state, cursor.seq);
    } else if (!waits) {
        lane_pull(engine, peer, LANE_OF_SENDER, cursor.seq);
    }
out:
    return err;
}

enum error lane_take_ours(struct engine *engine, struct peer *peer,
                          const struct message_lane_data *data, struct moment now)
{
    const struct lane_ends ends = lane_ends_of(engine, peer, STORE_OUT);
    struct verified verified = {.data = data};
    struct batch_blobs blobs = {0};
    struct lane_cursor start = peer->recovering ? peer->out : peer->mended_out;
    struct lane_entry first = {0};
    enum error err = OK;

    TRY(peer->recovering || peer->mend_out ? OK : ERR_PEER_PROTOCOL);
    TRY(lane_check_own_head(engine, peer, data->head, &verified.head));
    TRY(first_entry(engine, data, &first));
    TRY(first.seq == start.seq + 1 ? OK : ERR_PEER_PROTOCOL);
    err = verify_chain(engine, &ends, start, &verified);
    if (err == ERR_LANE_FORK) {
        start.hash = first.previous;
        TRY(verify_chain(engine, &ends, start, &verified));
        return lane_freeze(engine, peer, STORE_OUT, data->head, now);
    }
    TRY(err);
    TRY(hash_blobs(engine, data, &blobs));
    TRY(peer->recovering ? recover_batch(engine, peer, &verified, &blobs, now)
                         : mend_batch(engine, peer, true, &verified, &blobs, now));
out:
    return err;
}

/* Nothing is wanted any more: the entries that waited can be taken. */
static void pull_on(struct engine *engine, struct peer *peer)
{
    if (peer->recovering) {
        lane_pull(engine, peer, LANE_OF_SENDER, peer->out.seq);
    } else if (peer->mend_out) {
        lane_pull(engine, peer, LANE_OF_SENDER, peer->mended_out.seq);
    } else {
        lane_pull(engine, peer, LANE_OF_RECEIVER,
                  peer->mend_in ? peer->mended_in.seq : peer->in.seq);
    }
}

static size_t wanted_place(const struct peer *peer, const struct id *cipher)
{
    size_t place = 0;

    while (place < peer->wanted_count && !id_equal(&peer->wanted[place], cipher)) {
        place++;
    }
    return place;
}

void lane_take_absence(struct engine *engine, struct peer *peer,
                       const struct message_lane_nack *nack)
{
    size_t place = wanted_place(peer, &nack->entry);

    if (nack->reason != NACK_BLOB_MISSING || place == peer->wanted_count ||
        peer->absent_count == BLOBS_WANTED_MAX) {
        return;
    }
    engine_log(engine, LOG_WARNING, "lane.absent", "state=%s", peer->identity.state);
    peer->absent[peer->absent_count++] = nack->entry;
    peer->wanted[place] = peer->wanted[--peer->wanted_count];
    if (peer->wanted_count == 0) {
        pull_on(engine, peer);
    }
}

enum error lane_take_blob(struct engine *engine, struct peer *peer, struct view bytes,
                          struct moment now)
{
    struct id cipher = digest(HASH_CIPHER, bytes);
    struct store_txn *txn = NULL;
    struct store_event event = {.time = now.wall,
                                .event = "lane.ciphertext",
                                .actor = "node",
                                .subject = peer->identity.state,
                                .detail = ""};
    size_t place = wanted_place(peer, &cipher);
    enum error err = OK;

    if (place == peer->wanted_count) {
        return ERR_PEER_PROTOCOL; /* never asked for: nothing is stored */
    }
    TRY(check_quota(engine, peer, 0, bytes.size, now));
    peer->session.fetched_bytes += bytes.size;
    TRY(peer->session.fetched_bytes <= FETCHED_MAX_BYTES ? OK : ERR_PEER_QUOTA);
    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    if (peer->fetched_count == BLOBS_WANTED_MAX) {
        TRY(receive_drop_fetched(txn, peer));
    }
    TRY(store_blob_put(txn, &cipher, bytes));
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
    peer->fetched[peer->fetched_count++] = cipher;
    peer->wanted[place] = peer->wanted[--peer->wanted_count];
    if (peer->wanted_count == 0) {
        pull_on(engine, peer);
    }
out:
    store_abort(&txn);
    return err;
}
