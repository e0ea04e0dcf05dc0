/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 15 * 60 * 1000, SESSION_GOOD_MS = 60000 };

/** What a state is called, how long it may last, and what ends it. */
struct state_row {
    const char *name;
    int64_t patience_ms; /* of hearing nothing; 0 for ever */
};

static const struct state_row states[] = {
    [PEER_IDLE] = {"idle", 0},
    [PEER_BACKOFF] = {"waiting", 0},
    [PEER_DIALLING] = {"dialling", 15000},
    [PEER_HELLO] = {"greeting", 15000},
    [PEER_SYNC] = {"comparing", 30000},
    [PEER_STEADY] = {"in touch", 60000},
};

enum { PING_AFTER_MS = 20000 };

const char *peer_state_name(enum peer_state state)
{
    return states[state].name;
}

bool peer_is_steady(const struct peer *peer)
{
    return peer->state == PEER_STEADY;
}

bool peer_in_session(const struct peer *peer)
{
    return peer->state == PEER_SYNC || peer->state == PEER_STEADY;
}

bool peer_is_open(const struct peer *peer, struct instant now)
{
    return peer->standing == PEER_VERIFIED && peer->frozen[0] == '\0' && peer->pair_key != NULL &&
           card_in_force(&peer->card, now);
}

/* --- loading ------------------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, struct view text)
{
    (void)snprintf(to, size, "%.*s", (int)text.size, text.size == 0 ? "" : (const char *)text.data);
}

static enum error load_cards(struct peer *peer, struct arena *arena)
{
    struct card_facts *cards = NULL;
    size_t count = 0;
    enum error err = OK;

    TRY(identity_bundle_verify(view_of_buffer(&peer->bundle), arena, &peer->identity, &cards,
                               &count));
    peer->keys = calloc(count, sizeof *peer->keys);
    TRY(peer->keys == NULL ? ERR_NO_MEMORY : OK);
    peer->key_count = count;
    for (size_t i = 0; i < count; i++) {
        peer->keys[i] = (struct peer_key){.sign_id = cards[i].sign_id,
                                          .card_seq = cards[i].card_seq,
                                          .not_before = cards[i].not_before,
                                          .not_after = cards[i].not_after};
        memcpy(peer->keys[i].sign_key, cards[i].sign_key, SIGN_PUBLIC_BYTES);
    }
    peer->card = cards[count - 1];
out:
    return err;
}

enum error peer_load(struct engine *engine, uint32_t number, const struct store_peer *row,
                     struct peer **peer)
{
    struct peer *made = calloc(1, sizeof *made);
    struct arena *arena = arena_new(ENGINE_ARENA_BYTES);
    struct pair_end us = {{{0}}, {0}};
    struct pair_end them = {{{0}}, {0}};
    enum error err = OK;

    TRY(made == NULL || arena == NULL ? ERR_NO_MEMORY : OK);
    made->number = number;
    made->round_trip_ms = -1;
    made->bundle = buffer_init(IDENTITY_BUNDLE_MAX_BYTES);
    buffer_append(&made->bundle, row->bundle);
    TRY(made->bundle.error);
    TRY(load_cards(made, arena));
    made->standing = (enum peer_standing)row->standing;
    copy_text(made->address, sizeof made->address, row->address);
    copy_text(made->verified_who, sizeof made->verified_who, row->verified_who);
    copy_text(made->verified_how, sizeof made->verified_how, row->verified_how);
    made->verified_at = row->verified_at;
    copy_text(made->frozen, sizeof made->frozen, row->frozen);
    engine_pair_ends(engine, made, &us, &them);
    made->pair_key = pair_key_new(engine->keys->seal_key, &us, &them, NULL, 0);
    TRY(made->pair_key == NULL || !secret_pool_take(engine->pair_keys, made->pair_key)
            ? ERR_NO_MEMORY
            : OK);
    *peer = made;
    made = NULL;
out:
    peer_free(&made);
    arena_free(&arena);
    return err;
}

void peer_free(struct peer **peer)
{
    if (peer == NULL || *peer == NULL) {
        return;
    }
    secret_free(&(*peer)->pair_key);
    buffer_free(&(*peer)->bundle);
    free((*peer)->keys);
    free(*peer);
    *peer = NULL;
}

void peer_row(const struct peer *peer, struct store_peer *row)
{
    *row = (struct store_peer){.bundle = view_of_buffer(&peer->bundle),
                               .standing = peer->standing,
                               .address = view_of_text(peer->address),
                               .verified_who = view_of_text(peer->verified_who),
                               .verified_how = view_of_text(peer->verified_how),
                               .verified_at = peer->verified_at,
                               .frozen = view_of_text(peer->frozen)};
}

const struct peer_key *peer_key_named(const struct peer *peer, const struct id *sign_id)
{
    for (size_t i = 0; i < peer->key_count; i++) {
        if (id_equal(&peer->keys[i].sign_id, sign_id)) {
            return &peer->keys[i];
        }
    }
    return NULL;
}

const struct peer_key *peer_key_of_card(const struct peer *peer, int64_t card_seq)
{
    for (size_t i = 0; i < peer->key_count; i++) {
        if (peer->keys[i].card_seq == card_seq) {
            return &peer->keys[i];
        }
    }
    return NULL;
}

/* --- planning ------------------------------------------------------------------------------ */

bool peer_is_greater(const struct engine *engine, const struct peer *peer)
{
    return memcmp(engine->keys->identity.node.bytes, peer->identity.node.bytes, ID_BYTES) < 0;
}

/* Doubles from 1 s to 15 min, plus up to a quarter so that peers do not return together. W-66 */
static int64_t retry_delay_ms(unsigned attempts)
{
    uint8_t random[2];
    int64_t delay = BACKOFF_FIRST_MS;

    for (unsigned i = 1; i < attempts && delay < BACKOFF_MAX_MS; i++) {
        delay *= 2;
    }
    delay = delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
    random_fill(random, sizeof random);
    return delay + delay * get_u16(random) / (4 * 65536);
}

/* Whether we can dial: a State that only dials itself gives no address. */
static bool has_endpoint(const struct peer *peer)
{
    return peer->address[0] != '\0' || peer->card.endpoint_count > 0;
}

static void plan_dial(struct engine *engine, struct peer *peer, struct moment now)
{
    int64_t delay = peer->attempts == 0 ? 0 : retry_delay_ms(peer->attempts);

    delay = delay > peer->retry_after_ms ? delay : peer->retry_after_ms;
    peer->retry_after_ms = 0;
    if (!peer_is_open(peer, now.wall)) {
        peer->state = PEER_IDLE;
        return;
    }
    peer->state = PEER_BACKOFF;
    if (!peer_is_greater(engine, peer)) {
        delay += PEER_YIELD_MS;
    }
    peer->dial_at_ms = has_endpoint(peer) ? now.steady_ms + delay : INT64_MAX;
}

static void dial(struct engine *engine, struct peer *peer, struct moment now)
{
    const char *endpoint = peer->address;

    if (!has_endpoint(peer)) {
        peer->dial_at_ms = INT64_MAX; /* it was asked for, but only they can dial */
        return;
    }
    if (endpoint[0] == '\0') {
        endpoint = peer->card.endpoints[peer->endpoint % peer->card.endpoint_count];
        peer->endpoint++;
    }
    engine->next_link = engine->next_link % (LINK_ACCEPTED - 1) + 1;
    peer->session =
        (struct session){.link = engine->next_link, .dialled = true, .heard_at_ms = now.steady_ms};
    peer->state = PEER_DIALLING;
    peer->dialled_ms = now.steady_ms;
    engine_log(engine, LOG_DEBUG, "peer.dial", "state=%s link=%u", peer->identity.state,
               peer->session.link);
    engine->ports->dial(engine->ports->context, peer->session.link, endpoint, peer->card.curve_key);
}

void peer_close(struct engine *engine, struct peer *peer, enum error why, struct moment now)
{
    bool had_session = peer_in_session(peer);

    if (peer->state == PEER_IDLE || peer->state == PEER_BACKOFF) {
        return;
    }
    engine->ports->hang_up(engine->ports->context, peer->session.link);
    if (had_session && now.steady_ms - peer->session.opened_ms > SESSION_GOOD_MS) {
        peer->attempts = 0;
    }
    peer->attempts = had_session && why == ERR_LINK ? 1 : peer->attempts + 1;
    peer->last_error = why;
    peer->wanted_count = 0;
    peer->recovering = false;
    peer->lane_confirmed = false;
    memset(&peer->session, 0, sizeof peer->session);
    engine_log(engine, had_session ? LOG_NOTICE : LOG_INFO, "peer.down", "state=%s why=%s",
               peer->identity.state, error_info(why)->code);
    plan_dial(engine, peer, now);
}

void peer_changed(struct engine *engine, struct peer *peer, struct moment now)
{
    if (!peer_is_open(peer, now.wall)) {
        if (peer->state > PEER_BACKOFF) {
            engine->ports->hang_up(engine->ports->context, peer->session.link);
            memset(&peer->session, 0, sizeof peer->session);
        }
        peer->state = PEER_IDLE;
    } else if (peer->state == PEER_IDLE) {
        peer->attempts = 0;
        plan_dial(engine, peer, now);
    }
    peers_allow(engine, now.wall);
}

void peers_allow(struct engine *engine, struct instant now)
{
    uint8_t keys[STORE_PEERS_MAX][BOX_PUBLIC_BYTES];
    size_t count = 0;

    for (size_t i = 0; i < engine->peer_count; i++) {
        if (peer_is_open(engine->peers[i], now)) {
            memcpy(keys[count++], engine->peers[i]->card.curve_key, BOX_PUBLIC_BYTES);
        }
    }
    engine->ports->allow(engine->ports->context, &keys[0][0], count);
}

void peer_suspend(struct engine *engine, struct peer *peer, struct moment now)
{
    struct store_txn *txn = NULL;
    struct store_event event = {.time = now.wall,
                                .event = "peer.suspended",
                                .actor = "node",
                                .subject = peer->identity.state,
                                .detail = "it flooded the transport"};
    enum error err = OK;

    engine_log(engine, LOG_ERROR, "peer.suspended", "state=%s", peer->identity.state);
    peer_close(engine, peer, ERR_PEER_QUOTA, now);
    if (peer->dial_at_ms < now.steady_ms + MINUTE_MS) {
        peer->dial_at_ms = now.steady_ms + MINUTE_MS;
    }
    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
out:
    store_abort(&txn);
    if (err != OK) {
        engine_store_failed(engine, err);
    }
}

enum error peer_freeze(struct store_txn *txn, const struct peer *peer, const char *why,
                       struct moment now)
{
    struct store_peer row = {0};
    const struct store_event event = {.time = now.wall,
                                      .event = "peer.frozen",
                                      .actor = "node",
                                      .subject = peer->identity.state,
                                      .detail = why};
    enum error err = OK;

    peer_row(peer, &row);
    row.frozen = view_of_text(why);
    TRY(store_peer_put(txn, peer->number, &row));
    TRY(store_audit_add(txn, &event));
out:
    return err;
}

void peer_frozen(struct engine *engine, struct peer *peer, const char *why, struct moment now)
{
    /* Also when it could not be written down. */
    (void)snprintf(peer->frozen, sizeof peer->frozen, "%s", why);
    engine_log(engine, LOG_ERROR, "peer.frozen", "state=%s why=\"%s\"", peer->identity.state,
               peer->frozen);
    peer_close(engine, peer, ERR_PEER_FROZEN, now);
    peer_changed(engine, peer, now);
}

void peer_tick(struct engine *engine, struct peer *peer, struct moment now)
{
    struct session *session = &peer->session;
    int64_t silence = now.steady_ms - session->heard_at_ms;

    if (peer->state == PEER_BACKOFF) {
        if (!peer_is_open(peer, now.wall)) {
            peer_changed(engine, peer, now);
        } else if (now.steady_ms >= peer->dial_at_ms) {
            dial(engine, peer, now);
        }
        return;
    }
    if (peer->state == PEER_IDLE) {
        if (peer_is_open(peer, now.wall)) {
            peer_changed(engine, peer, now); /* its card came into force */
        }
        return;
    }
    if (!peer_is_open(peer, now.wall)) {
        peer_changed(engine, peer, now); /* its card ran out */
        return;
    }
    if (silence > states[peer->state].patience_ms) {
        peer_close(engine, peer, ERR_PEER_SILENT, now);
        return;
    }
    if (session->ack_due_ms != 0 && now.steady_ms > session->ack_due_ms) {
        peer_close(engine, peer, ERR_PEER_SILENT, now);
        return;
    }
    if (peer->state == PEER_STEADY && silence > PING_AFTER_MS &&
        now.steady_ms - session->ping_at_ms > PING_AFTER_MS) {
        struct message message = {.type = MESSAGE_PING};
        message.time.time = now.wall;
        session->ping_at_ms = now.steady_ms;
        (void)session_send(engine, peer, &message);
    }
}
