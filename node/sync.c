/* SPDX-License-Identifier: Apache-2.0 */
#include "sync.h"

#include "granting.h"
#include "lane_send.h"
#include "lane_state.h"
#include "lane_take.h"
#include "session.h"

#include <inttypes.h>

enum error sync_load(struct engine *engine, struct peer *peer)
{
    struct store_txn *txn = NULL;
    struct store_lane out = {0};
    struct store_lane in = {0};
    uint64_t pending = 0;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_READ, &txn));
    TRY(store_lane_get(txn, STORE_OUT, peer->number, engine->arena, &out));
    TRY(store_lane_get(txn, STORE_IN, peer->number, engine->arena, &in));
    TRY(store_pending_count(txn, peer->number, &pending));
    peer->out = (struct lane_cursor){out.incarnation, out.seq, out.hash};
    peer->in = (struct lane_cursor){in.incarnation, in.seq, in.hash};
    peer->out_acked = out.acked_seq;
    peer->in_head = in.seq;
    peer->pending = (int64_t)pending;
out:
    store_abort(&txn);
    return err;
}

/* --- heads --------------------------------------------------------------------------------- */

void sync_begin(struct engine *engine, struct peer *peer, struct moment now)
{
    struct message pull = {.type = MESSAGE_IDENT_PULL};
    struct message message = {.type = MESSAGE_HEADS};
    const struct lane_ends ends = lane_ends_of(engine, peer, STORE_OUT);
    const struct lane_signer signer = lane_signer_of(engine);
    struct buffer head = buffer_init(LANE_HEAD_MAX_BYTES);
    struct store_txn *txn = NULL;
    struct store_lane out = {0};
    struct store_lane in = {0};
    enum error err = OK;

    pull.ident_pull.card_seq = peer->card.card_seq;
    (void)session_send(engine, peer, &pull);
    TRY(store_begin(engine->store, STORE_READ, &txn));
    TRY(store_lane_get(txn, STORE_OUT, peer->number, engine->arena, &out));
    TRY(store_lane_get(txn, STORE_IN, peer->number, engine->arena, &in));
    if (peer->out.seq > 0) {
        TRY(lane_head_make(&ends, &peer->out, now.wall, &signer, &head));
        message.heads.mine = view_of_buffer(&head);
        OBJECT_SET(&message.session, HEADS_MINE);
    }
    if (in.head.size > 0) {
        message.heads.yours = in.head;
        OBJECT_SET(&message.session, HEADS_YOURS);
    }
    if (out.ack.size > 0) {
        message.heads.acked = out.ack;
        OBJECT_SET(&message.session, HEADS_ACKED);
    }
    message.heads.yours_seq = peer->in.seq;
    message.heads.yours_hash = peer->in.hash;
    message.heads.incarnation = peer->out.incarnation;
    peer->session.heads_sent = session_send(engine, peer, &message);
out:
    store_abort(&txn);
    buffer_free(&head);
    if (err != OK) {
        engine_store_failed(engine, err);
    }
}

/* Where our own lane stands at the peer. */
static enum error compare_out(struct engine *engine, struct peer *peer,
                              const struct message_heads *heads, struct moment now)
{
    struct lane_head head = {0};
    struct id held = {{0}};
    bool has_proof = OBJECT_HAS(&heads->session, HEADS_YOURS);
    enum error err = OK;

    if (has_proof) {
        TRY(lane_check_own_head(engine, peer, heads->yours, &head));
    }
    if (heads->yours_seq > peer->out.seq) {
        /* It holds entries that we signed and do not have: our store is an older one. */
        TRY(has_proof && head.seq == heads->yours_seq ? OK : ERR_PEER_PROTOCOL);
        peer->recovering = true;
        peer->recover_to = head.seq;
        peer->session.pushed_seq = head.seq; /* it has these; it may ask for them meanwhile */
        engine_log(engine, LOG_WARNING, "lane.recover", "state=%s from=%" PRId64 " to=%" PRId64,
                   peer->identity.state, peer->out.seq, head.seq);
        lane_pull(engine, peer, LANE_OF_SENDER, peer->out.seq);
        return OK;
    }
    TRY(lane_held_hash(engine, peer, STORE_OUT, heads->yours_seq, &held));
    if (!id_equal(&held, &heads->yours_hash)) {
        /* With our own signature it is a fork; without, it is only a claim. */
        if (has_proof && head.seq <= peer->out.seq) {
            TRY(lane_held_hash(engine, peer, STORE_OUT, head.seq, &held));
            if (!id_equal(&held, &head.hash)) {
                return lane_freeze(engine, peer, STORE_OUT, heads->yours, now);
            }
        }
        return ERR_PEER_PROTOCOL;
    }
    peer->session.pushed_seq = heads->yours_seq;
    peer->lane_confirmed = true;
    if (peer->mend_out) {
        /* As far as the peer can give it back. */
        peer->mended_out = lane_start();
        peer->recover_to = heads->yours_seq;
        peer->mend_out = heads->yours_seq > 0;
    }
    if (peer->mend_out) {
        lane_pull(engine, peer, LANE_OF_SENDER, 0);
    }
out:
    return err;
}

/* Where the peer's lane stands here. */
static enum error compare_in(struct engine *engine, struct peer *peer,
                             const struct message_heads *heads, struct moment now)
{
    struct lane_head head = {0};
    struct id held = {{0}};
    enum error err = OK;

    if (!OBJECT_HAS(&heads->session, HEADS_MINE)) {
        peer->peer_lost = peer->in.seq > 0;
        return OK;
    }
    TRY(lane_check_peer_head(engine, peer, heads->mine, &head));
    peer->in_head = head.seq;
    if (head.seq <= peer->in.seq) {
        TRY(lane_held_hash(engine, peer, STORE_IN, head.seq, &held));
        if (!id_equal(&held, &head.hash)) {
            return lane_freeze(engine, peer, STORE_IN, heads->mine, now);
        }
    }
    peer->peer_lost = head.seq < peer->in.seq;
    if (peer->peer_lost) {
        engine_log(engine, LOG_WARNING, "lane.peer-lost",
                   "state=%s theirs=%" PRId64 " held=%" PRId64, peer->identity.state, head.seq,
                   peer->in.seq);
    }
    if (peer->mend_in) {
        peer->mended_in = lane_start();
        lane_pull(engine, peer, LANE_OF_RECEIVER, 0);
    }
out:
    return err;
}

/* An acknowledgement that got lost on its way is given again. */
static void repeat_ack(struct engine *engine, struct peer *peer, const struct message_heads *heads,
                       struct moment now)
{
    struct lane_ack ack = {0};
    bool has_it = OBJECT_HAS(&heads->session, HEADS_ACKED) &&
                  lane_ack_read(heads->acked, engine->arena, &ack) == OK && ack.seq >= peer->in.seq;

    /* A peer that lost its lane gets it together with the lane. */
    if (peer->in.seq > 0 && !has_it && !peer->peer_lost) {
        lane_acknowledge(engine, peer, now);
    }
}

static enum error take_heads(struct engine *engine, struct peer *peer,
                             const struct message_heads *heads, struct moment now)
{
    enum error err = OK;

    TRY(peer->session.heads_seen ? ERR_PEER_PROTOCOL : OK);
    peer->session.heads_seen = true;
    peer->state = PEER_STEADY;
    TRY(compare_in(engine, peer, heads, now));
    if (peer->state == PEER_STEADY) { /* not frozen meanwhile */
        repeat_ack(engine, peer, heads, now);
        TRY(compare_out(engine, peer, heads, now));
    }
out:
    return err;
}

void sync_repair(struct engine *engine, struct peer *peer)
{
    peer->mend_in = peer->in.seq > 0;
    peer->mend_out = peer->out.seq > 0;
    engine_log(engine, LOG_WARNING, "lane.mend", "state=%s", peer->identity.state);
}

void sync_tick(struct engine *engine, struct peer *peer, struct moment now)
{
    if (!peer_is_steady(peer)) {
        return;
    }
    if (peer->session.push_at_ms != 0 && now.steady_ms >= peer->session.push_at_ms) {
        granting_push(engine, peer, now);
    }
    if (peer->session.pull_at_ms != 0 && now.steady_ms >= peer->session.pull_at_ms) {
        peer->session.pull_at_ms = 0;
        lane_pull(engine, peer, LANE_OF_RECEIVER, peer->in.seq);
    }
}

static void renew_credit(struct engine *engine, struct peer *peer)
{
    struct message message = {.type = MESSAGE_CREDIT};

    if (peer->session.credit_in < CREDIT_BYTES / 2) {
        message.credit.bytes = CREDIT_BYTES - peer->session.credit_in;
        if (session_send(engine, peer, &message)) {
            peer->session.credit_in = CREDIT_BYTES;
        }
    }
}

static enum error handle(struct engine *engine, struct peer *peer, const struct message *message,
                         struct moment now)
{
    switch (message->type) {
    case MESSAGE_HEADS:
        return take_heads(engine, peer, &message->heads, now);
    case MESSAGE_LANE_PULL:
        return lane_take_pull(engine, peer, &message->lane_pull, now);
    case MESSAGE_LANE_DATA:
    case MESSAGE_LANE_PUSH:
        return message->lane_data.side == LANE_OF_SENDER
                   ? lane_take_theirs(engine, peer, &message->lane_data, now)
                   : lane_take_ours(engine, peer, &message->lane_data, now);
    case MESSAGE_LANE_ACK:
        return lane_take_ack(engine, peer, message->lane_ack.ack, now);
    case MESSAGE_LANE_NACK:
        lane_take_absence(engine, peer, &message->lane_nack);
        return lane_take_nack(engine, peer, &message->lane_nack, now);
    case MESSAGE_BLOB_PULL:
        return lane_give_blobs(engine, peer, &message->blob_pull.ids);
    case MESSAGE_BLOB:
        return lane_take_blob(engine, peer, message->blob.bytes, now);
    case MESSAGE_CREDIT:
        peer->session.credit_out += message->credit.bytes;
        return peer->session.credit_out <= CREDIT_BYTES ? lane_give_owed(engine, peer, now)
                                                        : ERR_PEER_PROTOCOL;
    default:
        return ERR_PEER_PROTOCOL;
    }
}

enum error sync_message(struct engine *engine, struct peer *peer, const struct message *message,
                        struct moment now)
{
    enum error err = OK;

    /* Nothing about lanes before both sides have compared heads. */
    TRY(peer->session.heads_seen || message->type == MESSAGE_HEADS ? OK : ERR_PEER_PROTOCOL);
    err = handle(engine, peer, message, now);
    if (error_info(err)->mover == MOVER_HOST) {
        engine_store_failed(engine, err);
    }
    TRY(err);
    if (peer_is_steady(peer)) {
        renew_credit(engine, peer);
        granting_push(engine, peer, now);
    }
out:
    return err;
}
