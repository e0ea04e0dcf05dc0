/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_state.h"

#include "session.h"

#include <inttypes.h>

struct store_entry_name lane_entry_name(const struct peer *peer, enum store_side side, int64_t seq)
{
    const struct lane_cursor *cursor = side == STORE_OUT ? &peer->out : &peer->in;

    return (struct store_entry_name){side, peer->number, cursor->incarnation, seq};
}

/* Hash of an entry that we hold; zero for number 0. */
enum error lane_held_hash(struct engine *engine, const struct peer *peer, enum store_side side,
                          int64_t seq, struct id *hash)
{
    const struct lane_cursor *cursor = side == STORE_OUT ? &peer->out : &peer->in;
    struct store_txn *txn = NULL;
    struct store_entry entry = {0};
    enum error err = OK;

    *hash = (struct id){{0}};
    if (seq == 0) {
        return OK;
    }
    if (seq == cursor->seq) {
        *hash = cursor->hash;
        return OK;
    }
    TRY(store_begin(engine->store, STORE_READ, &txn));
    TRY(store_entry_get(txn, lane_entry_name(peer, side, seq), engine->arena, &entry));
    *hash = lane_entry_hash(entry.entry);
out:
    store_abort(&txn);
    return err;
}

struct lane_ends lane_ends_of(const struct engine *engine, const struct peer *peer,
                              enum store_side side)
{
    const struct id *us = &engine->keys->identity.node;
    const struct id *them = &peer->identity.node;

    return side == STORE_OUT ? (struct lane_ends){*us, *them} : (struct lane_ends){*them, *us};
}

struct lane_signer lane_signer_of(const struct engine *engine)
{
    return (struct lane_signer){engine->keys->card.card_seq, engine->keys->sign_key};
}

/* Verify a head of our own lane that the peer shows us. */
enum error lane_check_own_head(struct engine *engine, const struct peer *peer, struct view bytes,
                               struct lane_head *head)
{
    enum error err = OK;

    TRY(lane_head_read(bytes, engine->arena, head));
    TRY(id_equal(&head->originator, &engine->keys->identity.node) ? OK : ERR_WRONG_SENDER);
    TRY(id_equal(&head->recipient, &peer->identity.node) ? OK : ERR_NOT_FOR_US);
    TRY(head->card_seq == engine->keys->card.card_seq ? OK : ERR_KEY_MISSING);
    TRY(lane_head_verify(bytes, engine->arena, engine->keys->card.sign_key));
out:
    return err;
}

enum error lane_check_peer_head(struct engine *engine, const struct peer *peer, struct view bytes,
                                struct lane_head *head)
{
    const struct peer_key *key = NULL;
    enum error err = OK;

    TRY(lane_head_read(bytes, engine->arena, head));
    TRY(id_equal(&head->originator, &peer->identity.node) ? OK : ERR_WRONG_SENDER);
    TRY(id_equal(&head->recipient, &engine->keys->identity.node) ? OK : ERR_NOT_FOR_US);
    key = peer_key_of_card(peer, head->card_seq);
    TRY(key == NULL ? ERR_KEY_MISSING : OK);
    TRY(lane_head_verify(bytes, engine->arena, key->sign_key));
out:
    return err;
}

/* Keep the contradicting head as evidence, and stop: S-5, protocol.md section 7. */
enum error lane_freeze(struct engine *engine, struct peer *peer, enum store_side side,
                       struct view evidence, struct moment now)
{
    struct store_txn *txn = NULL;
    struct store_lane lane = {0};
    struct store_event event = {.time = now.wall,
                                .event = "lane.fork",
                                .actor = "node",
                                .subject = peer->identity.state,
                                .detail = side == STORE_IN ? "their lane" : "our lane"};
    const char *why = side == STORE_IN ? "it signed two different histories of its lane"
                                       : "our own lane has two different histories";
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_lane_get(txn, side, peer->number, engine->arena, &lane));
    lane.frozen = 1;
    lane.evidence = evidence;
    TRY(store_lane_put(txn, side, peer->number, &lane));
    TRY(store_audit_add(txn, &event));
    TRY(peer_freeze(txn, peer, why, now));
    TRY(engine_commit(engine, &txn));
out:
    store_abort(&txn);
    if (err != OK) {
        engine_store_failed(engine, err);
    }
    peer_frozen(engine, peer, why, now);
    return OK;
}

void lane_pull(struct engine *engine, struct peer *peer, enum lane_side side, int64_t after)
{
    struct message message = {.type = MESSAGE_LANE_PULL};

    message.lane_pull.side = side;
    message.lane_pull.incarnation =
        side == LANE_OF_SENDER ? peer->out.incarnation : peer->in.incarnation;
    message.lane_pull.after = after;
    (void)session_send(engine, peer, &message);
}

void lane_nack(struct engine *engine, struct peer *peer, enum lane_nack_reason reason, int64_t seq,
               const struct id *entry)
{
    struct message message = {.type = MESSAGE_LANE_NACK};

    message.lane_nack.reason = reason;
    message.lane_nack.seq = seq;
    if (entry != NULL) {
        message.lane_nack.entry = *entry;
    }
    (void)session_send(engine, peer, &message);
}

void lane_acknowledge(struct engine *engine, struct peer *peer, struct moment now)
{
    const struct lane_ends ends = lane_ends_of(engine, peer, STORE_IN);
    const struct lane_signer signer = lane_signer_of(engine);
    struct buffer bytes = buffer_init(LANE_HEAD_MAX_BYTES);
    struct message message = {.type = MESSAGE_LANE_ACK};

    if (lane_ack_make(&ends, &peer->in, LANE_APPLIED, now.wall, &signer, &bytes) == OK) {
        message.lane_ack.ack = view_of_buffer(&bytes);
        (void)session_send(engine, peer, &message);
    }
    buffer_free(&bytes);
}
