/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_send.h"

#include "lane_state.h"
#include "session.h"

#include <inttypes.h>
#include <string.h>

enum {
    ACK_PATIENCE_MS = 60000,
    PUSH_AGAIN_MS = 10000,
    PUSH_AT_ONCE = 4, /* batches to one peer before others have their turn */
    BACKLOG_MARK_BYTES = 8 * 1024 * 1024,
    BATCH_ROOM_BYTES = LANE_BATCH_BYTES - 16384 /* the rest is for head, tags and lengths */
};

/* --- numbering and sending ------------------------------------------------------- */

enum error lane_append(struct engine *engine, struct store_txn *txn, const struct peer *peer,
                       const struct lane_item *item, struct instant now, struct lane_cursor *cursor)
{
    const struct lane_ends ends = lane_ends_of(engine, peer, STORE_OUT);
    struct buffer entry = buffer_init(LANE_ENTRY_MAX_BYTES);
    struct store_lane lane = {0};
    enum error err = OK;

    TRY(lane_entry_make(&ends, item->type, item->payload, now, cursor, &entry));
    const struct store_entry row = {.entry = view_of_buffer(&entry), .payload = item->payload};
    struct store_entry_name name = lane_entry_name(peer, STORE_OUT, cursor->seq);
    TRY(store_entry_put(txn, name, &row));
    TRY(store_lane_get(txn, STORE_OUT, peer->number, engine->arena, &lane));
    lane.incarnation = cursor->incarnation;
    lane.seq = cursor->seq;
    lane.hash = cursor->hash;
    TRY(store_lane_put(txn, STORE_OUT, peer->number, &lane));
out:
    buffer_free(&entry);
    return err;
}

/** A batch being put together. */
struct batch {
    size_t count;
    struct view entries[LANE_BATCH_ENTRIES_MAX];
    struct view payloads[LANE_BATCH_ENTRIES_MAX];
    size_t blob_count;
    struct view blobs[BLOBS_IN_BATCH_MAX];
    struct view head; /* the one kept with the last entry, if any */
    size_t bytes;
};

/** The ciphertexts that belong to one entry. */
struct entry_blobs {
    struct view items[SLOTS_MAX];
    size_t count;
    size_t bytes; /* of all items */
};

static enum error collect_blobs(struct engine *engine, struct store_txn *txn,
                                const struct lane_entry *entry, struct view payload,
                                struct entry_blobs *blobs)
{
    struct parcel parcel = {0};
    enum error err = OK;

    *blobs = (struct entry_blobs){0};
    if (entry->type != LANE_GRANT) {
        return OK;
    }
    TRY(parcel_read(payload, engine->arena, &parcel));
    for (size_t i = 0; i < parcel.ciphers.count; i++) {
        struct id cipher = {{0}};
        (void)id_from_view(parcel.ciphers.items[i], &cipher);
        err = store_blob_get(txn, &cipher, engine->arena, &blobs->items[blobs->count]);
        if (err == ERR_NOT_FOUND || err == ERR_STORE_CORRUPT) {
            err = OK; /* the other side will ask, and learn that it is not here */
            continue;
        }
        TRY(err);
        blobs->bytes += blobs->items[blobs->count++].size;
    }
out:
    return err;
}

/*
 * Add the entry with a number. False when it does not fit any more. The first
 * entry of a batch always fits; ciphertexts that do not are asked for apart.
 */
static enum error batch_add(struct engine *engine, struct store_txn *txn, struct batch *batch,
                            struct store_entry_name name, bool *added)
{
    struct store_entry row = {0};
    struct lane_entry entry = {0};
    struct entry_blobs blobs = {0};
    enum error err = OK;

    *added = false;
    TRY(store_entry_get(txn, name, engine->arena, &row));
    TRY(object_decode(&lane_entry_info, row.entry, engine->arena, &entry));
    TRY(collect_blobs(engine, txn, &entry, row.payload, &blobs));
    size_t own = row.entry.size + row.payload.size + 64;
    size_t room = BATCH_ROOM_BYTES - batch->bytes;
    if (batch->count > 0 && own + blobs.bytes > room) {
        return OK;
    }
    batch->entries[batch->count] = row.entry;
    batch->payloads[batch->count] = row.payload;
    batch->count++;
    batch->bytes += own;
    batch->head = row.head;
    for (size_t i = 0; i < blobs.count && batch->blob_count < BLOBS_IN_BATCH_MAX; i++) {
        if (blobs.items[i].size + 8 <= BATCH_ROOM_BYTES - batch->bytes) {
            batch->blobs[batch->blob_count++] = blobs.items[i];
            batch->bytes += blobs.items[i].size + 8;
        }
    }
    *added = true;
out:
    return err;
}

static void batch_message(struct batch *batch, struct view head, enum lane_side side,
                          struct message *message)
{
    message->lane_data.side = side;
    message->lane_data.entries = (struct views){batch->count, batch->entries};
    message->lane_data.payloads = (struct views){batch->count, batch->payloads};
    message->lane_data.blobs = (struct views){batch->blob_count, batch->blobs};
    message->lane_data.head = head;
}

/* Send one batch of our lane from after pushed_seq. */
static enum error push_batch(struct engine *engine, struct peer *peer, struct moment now,
                             bool *sent)
{
    const struct lane_ends ends = lane_ends_of(engine, peer, STORE_OUT);
    const struct lane_signer signer = lane_signer_of(engine);
    struct message message = {.type = MESSAGE_LANE_PUSH};
    struct buffer head = buffer_init(LANE_HEAD_MAX_BYTES);
    struct batch *batch = arena_alloc(engine->arena, sizeof *batch);
    struct lane_cursor last = peer->out;
    struct store_txn *txn = NULL;
    int64_t seq = peer->session.pushed_seq;
    bool added = true;
    enum error err = OK;

    *sent = false;
    if (peer->session.credit_out < MESSAGE_MAX_BYTES) {
        goto out; /* it would not be sent; the peer gives credit before that runs out */
    }
    TRY(batch == NULL ? arena_error(engine->arena) : OK);
    TRY(store_begin(engine->store, STORE_READ, &txn));
    while (added && seq < peer->out.seq && batch->count < LANE_BATCH_ENTRIES_MAX) {
        TRY(batch_add(engine, txn, batch, lane_entry_name(peer, STORE_OUT, seq + 1), &added));
        seq += added ? 1 : 0;
    }
    last.seq = seq;
    last.hash = lane_entry_hash(batch->entries[batch->count - 1]);
    TRY(lane_head_make(&ends, &last, now.wall, &signer, &head));
    batch_message(batch, view_of_buffer(&head), LANE_OF_SENDER, &message);
    *sent = session_send(engine, peer, &message);
    if (*sent) {
        peer->session.pushed_seq = seq;
        peer->session.ack_due_ms = now.steady_ms + ACK_PATIENCE_MS;
    }
out:
    store_abort(&txn);
    buffer_free(&head);
    return err;
}

void lane_push(struct engine *engine, struct peer *peer, struct moment now)
{
    bool sent = true;
    enum error err = OK;

    if (!peer_is_steady(peer) || !peer->session.heads_seen || !peer->lane_confirmed) {
        return;
    }
    peer->session.push_at_ms = 0;
    for (int i = 0; i < PUSH_AT_ONCE && sent && peer->session.pushed_seq < peer->out.seq; i++) {
        if (engine->ports->backlog(engine->ports->context) > BACKLOG_MARK_BYTES) {
            break;
        }
        arena_clear(engine->arena);
        TRY(push_batch(engine, peer, now, &sent));
    }
    if (sent && peer->session.pushed_seq < peer->out.seq) {
        peer->session.push_at_ms = now.steady_ms + 1; /* the others first */
    }
out:
    if (err == ERR_STORE_CORRUPT || err == ERR_NOT_FOUND) {
        /* An entry of our own lane does not open: fetch the lane back from whoever holds it. */
        engine_log(engine, LOG_ERROR, "lane.damaged", "state=%s seq=%" PRId64, peer->identity.state,
                   peer->session.pushed_seq + 1);
        if (!peer->mend_out) {
            peer->mend_out = true;
            peer_close(engine, peer, err, now);
        }
    } else if (err != OK) {
        engine_store_failed(engine, err);
        peer->session.push_at_ms = now.steady_ms + PUSH_AGAIN_MS;
    }
}

enum error lane_take_ack(struct engine *engine, struct peer *peer, struct view bytes,
                         struct moment now)
{
    struct lane_ack ack = {0};
    struct id held = {{0}};
    struct store_lane lane = {0};
    struct store_txn *txn = NULL;
    struct store_event event = {.time = now.wall,
                                .event = "lane.acknowledged",
                                .actor = "node",
                                .subject = peer->identity.state,
                                .detail = ""};
    const struct peer_key *key = NULL;
    enum error err = OK;

    TRY(lane_ack_read(bytes, engine->arena, &ack));
    TRY(id_equal(&ack.originator, &engine->keys->identity.node) ? OK : ERR_WRONG_SENDER);
    TRY(id_equal(&ack.recipient, &peer->identity.node) ? OK : ERR_WRONG_SENDER);
    key = peer_key_of_card(peer, ack.card_seq);
    TRY(key == NULL ? ERR_KEY_MISSING : OK);
    TRY(lane_ack_verify(bytes, engine->arena, key->sign_key));
    if (peer->recovering && ack.seq > peer->out.seq) {
        return OK; /* for entries that are on their way back, and will be acknowledged again */
    }
    TRY(ack.incarnation == peer->out.incarnation && ack.seq <= peer->out.seq ? OK
                                                                             : ERR_PEER_PROTOCOL);
    TRY(lane_held_hash(engine, peer, STORE_OUT, ack.seq, &held));
    TRY(id_equal(&held, &ack.hash) ? OK : ERR_BAD_HASH);
    peer->session.ack_due_ms =
        ack.seq >= peer->session.pushed_seq ? 0 : now.steady_ms + ACK_PATIENCE_MS;
    if (ack.seq <= peer->out_acked) {
        goto out; /* again, or older: nothing changes */
    }
    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_lane_get(txn, STORE_OUT, peer->number, engine->arena, &lane));
    lane.ack = bytes;
    lane.acked_seq = ack.seq;
    TRY(store_lane_put(txn, STORE_OUT, peer->number, &lane));
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
    peer->out_acked = ack.seq;
out:
    store_abort(&txn);
    return err;
}

enum error lane_take_nack(struct engine *engine, struct peer *peer,
                          const struct message_lane_nack *nack, struct moment now)
{
    engine_log(engine, LOG_WARNING, "lane.refused", "state=%s seq=%" PRId64 " reason=%" PRId64,
               peer->identity.state, nack->seq, nack->reason);
    if (nack->reason == NACK_GAP && nack->seq <= peer->out.seq) {
        peer->session.pushed_seq = nack->seq;
    }
    if (nack->reason == NACK_TIME) {
        peer->session.ack_due_ms = 0; /* it asks again by itself */
    }
    (void)now;
    return OK;
}

/* --- giving a lane back, and ciphertexts ---------------------------------------------------- */

/* The peer wants its own lane: batches as it closed them, each with the head it signed. */
static enum error give_back(struct engine *engine, struct peer *peer, int64_t after,
                            struct moment now)
{
    struct message message = {.type = MESSAGE_LANE_DATA};
    struct batch *batch = arena_alloc(engine->arena, sizeof *batch);
    struct store_txn *txn = NULL;
    int64_t seq = after;
    bool added = true;
    enum error err = OK;

    TRY(after < peer->in.seq ? OK : ERR_PEER_PROTOCOL);
    peer->session.gives_back = peer->session.credit_out < MESSAGE_MAX_BYTES;
    peer->session.give_after = after;
    if (peer->session.gives_back) {
        goto out; /* whoever asks has to give credit first */
    }
    TRY(batch == NULL ? arena_error(engine->arena) : OK);
    TRY(store_begin(engine->store, STORE_READ, &txn));
    do {
        TRY(batch_add(engine, txn, batch, lane_entry_name(peer, STORE_IN, seq + 1), &added));
        seq += added ? 1 : 0;
    } while (added && batch->head.size == 0 && seq < peer->in.seq &&
             batch->count < LANE_BATCH_ENTRIES_MAX);
    if (batch->head.size == 0) {
        engine_log(engine, LOG_ERROR, "lane.no-head", "state=%s seq=%" PRId64, peer->identity.state,
                   seq);
        goto out;
    }
    batch_message(batch, batch->head, LANE_OF_RECEIVER, &message);
    if (session_send(engine, peer, &message) && seq == peer->in.seq) {
        lane_acknowledge(engine, peer, now); /* it may have lost that, too */
    }
out:
    store_abort(&txn);
    return err;
}

enum error lane_take_pull(struct engine *engine, struct peer *peer,
                          const struct message_lane_pull *pulled, struct moment now)
{
    if (pulled->side == LANE_OF_SENDER) {
        return pulled->incarnation == peer->in.incarnation
                   ? give_back(engine, peer, pulled->after, now)
                   : ERR_PEER_PROTOCOL;
    }
    if (pulled->incarnation != peer->out.incarnation || pulled->after > peer->out.seq) {
        return ERR_PEER_PROTOCOL;
    }
    peer->session.pushed_seq = pulled->after;
    (void)now;
    return OK;
}

/*
 * Whether a peer may have a ciphertext: named in a grant of ours to it, or part
 * of a record of its own that it lost. Anything else looks like an unknown id.
 */
static bool may_have(struct store_txn *txn, const struct peer *peer, const struct id *cipher,
                     struct arena *arena)
{
    uint64_t number = 0;
    struct store_numbers found = {&number, 1, 0};
    struct store_record record = {0};
    struct store_holder holder = {0};

    if (store_index_find(txn, INDEX_CIPHER, id_view(cipher), 0, &found) != OK || found.count == 0 ||
        store_record_get(txn, number, arena, &record) != OK) {
        return false;
    }
    if (id_equal(&record.originator, &peer->identity.node)) {
        return true;
    }
    if (store_holder_get(txn, number, peer->number, &holder) != OK) {
        return false;
    }
    for (size_t i = 0; i < record.parts.count; i++) {
        const uint8_t *part = record.parts.items[i].data;
        if (memcmp(part + 2, cipher->bytes, ID_BYTES) == 0) {
            return ((holder.slots >> part[0]) & 1) != 0;
        }
    }
    return false;
}

/* Ciphertexts that were asked for go on the list until there is credit for them. */
static void owe(struct session *session, const struct views *ids, size_t from)
{
    session->owed_count = 0;
    for (size_t i = from; i < ids->count && session->owed_count < BLOBS_WANTED_MAX; i++) {
        (void)id_from_view(ids->items[i], &session->owed[session->owed_count++]);
    }
}

enum error lane_give_owed(struct engine *engine, struct peer *peer, struct moment now)
{
    struct session *session = &peer->session;
    struct id ids[BLOBS_WANTED_MAX];
    struct view items[BLOBS_WANTED_MAX];
    const struct views owed = {session->owed_count, items};
    enum error err = OK;

    memcpy(ids, session->owed, sizeof ids);
    for (size_t i = 0; i < owed.count; i++) {
        items[i] = id_view(&ids[i]);
    }
    TRY(owed.count > 0 ? lane_give_blobs(engine, peer, &owed) : OK);
    TRY(session->gives_back ? give_back(engine, peer, session->give_after, now) : OK);
out:
    return err;
}

enum error lane_give_blobs(struct engine *engine, struct peer *peer, const struct views *ids)
{
    struct store_txn *txn = NULL;
    enum error err = OK;

    peer->session.owed_count = 0;
    TRY(store_begin(engine->store, STORE_READ, &txn));
    for (size_t i = 0; i < ids->count; i++) {
        struct message message = {.type = MESSAGE_BLOB};
        struct id cipher = {{0}};

        (void)id_from_view(ids->items[i], &cipher);
        if (peer->session.credit_out < MESSAGE_MAX_BYTES) {
            owe(&peer->session, ids, i);
            goto out;
        }
        if (may_have(txn, peer, &cipher, engine->arena) &&
            store_blob_get(txn, &cipher, engine->arena, &message.blob.bytes) == OK) {
            (void)session_send(engine, peer, &message);
        } else {
            lane_nack(engine, peer, NACK_BLOB_MISSING, 0, &cipher);
        }
    }
out:
    store_abort(&txn);
    return err;
}
