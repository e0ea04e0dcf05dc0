/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "sync.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACCEPTED_SILENCE_MS = 10000,
    SKEW_WARN_MS = 120 * 1000,
    RETRY_AFTER_MAX_MS = 15 * 60 * 1000,
    IDENTS_MAX = 16 /* W-68 */
};

/* --- sending ------------------------------------------------------------------------------- */

bool session_send(struct engine *engine, struct peer *peer, struct message *message)
{
    struct session *session = &peer->session;
    const struct message_info *info = message_info_find((uint8_t)message->type);
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES + 1);
    bool sent = false;

    if (!peer_in_session(peer)) {
        return false;
    }
    memcpy(message->session.tag, session->tag_out, SESSION_TAG_BYTES);
    message->session.counter = session->counter_out + 1;
    enum error err = message_encode(message, &bytes);
    if (err != OK) {
        engine_log(engine, LOG_ERROR, "peer.encode", "state=%s message=%s why=%s",
                   peer->identity.state, info->name, error_info(err)->code);
    } else if (!info->costs_credit || (int64_t)bytes.size <= session->credit_out) {
        session->counter_out++;
        session->credit_out -= info->costs_credit ? (int64_t)bytes.size : 0;
        engine->ports->send(engine->ports->context, session->link, view_of_buffer(&bytes));
        sent = true;
    }
    buffer_free(&bytes);
    return sent;
}

/** What a HELLO of ours says beyond who speaks. */
struct hello_parts {
    link_id link;
    const uint8_t *nonce; /* ours */
    const uint8_t *echo;  /* theirs, or NULL when we speak first */
};

static void send_hello(struct engine *engine, const struct peer *peer,
                       const struct hello_parts *parts, struct moment now)
{
    struct buffer bytes = buffer_init(HELLO_MAX_BYTES + 256);
    struct hello hello = {.version = PROTOCOL_VERSION,
                          .version_min = PROTOCOL_VERSION_MIN,
                          .node = engine->keys->identity.node,
                          .to = peer->identity.node,
                          .card_seq = engine->keys->card.card_seq,
                          .event_seq = engine->keys->identity.event_seq,
                          .time = now.wall,
                          .software = view_of_text(engine->software)};

    memcpy(hello.nonce, parts->nonce, HELLO_NONCE_BYTES);
    if (parts->echo != NULL) {
        memcpy(hello.echo, parts->echo, HELLO_NONCE_BYTES);
        OBJECT_SET(&hello, HELLO_ECHO);
    }
    if (hello_make(&hello, engine->keys->sign_key, &bytes) == OK) {
        engine->ports->send(engine->ports->context, parts->link, view_of_buffer(&bytes));
    }
    buffer_free(&bytes);
}

/* --- opening a session --------------------------------------------------------------------- */

static struct peer *peer_of_link(struct engine *engine, link_id link)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct peer *peer = engine->peers[i];
        if (peer->state > PEER_BACKOFF && peer->session.link == link) {
            return peer;
        }
    }
    return NULL;
}

static struct accepted_link *accepted_of_link(struct engine *engine, link_id link)
{
    for (size_t i = 0; i < engine->accepted_count; i++) {
        if (engine->accepted[i].link == link) {
            return &engine->accepted[i];
        }
    }
    return NULL;
}

static void forget_accepted(struct engine *engine, struct accepted_link *accepted)
{
    *accepted = engine->accepted[--engine->accepted_count];
}

void session_link_up(struct engine *engine, link_id link, const uint8_t *curve_key,
                     struct moment now)
{
    struct peer *peer = peer_of_link(engine, link);

    if (peer != NULL && peer->state == PEER_DIALLING) {
        peer->state = PEER_HELLO;
        peer->session.heard_at_ms = now.steady_ms;
        random_fill(peer->session.nonce, HELLO_NONCE_BYTES);
        send_hello(engine, peer, &(struct hello_parts){link, peer->session.nonce, NULL}, now);
        return;
    }
    if (link < LINK_ACCEPTED || engine->accepted_count == ACCEPTED_MAX) {
        engine->ports->hang_up(engine->ports->context, link);
        return;
    }
    struct accepted_link *accepted = &engine->accepted[engine->accepted_count++];
    *accepted = (struct accepted_link){.link = link, .since_ms = now.steady_ms};
    memcpy(accepted->curve_key, curve_key, BOX_PUBLIC_BYTES);
}

void session_link_down(struct engine *engine, link_id link, struct moment now)
{
    struct peer *peer = peer_of_link(engine, link);
    struct accepted_link *accepted = accepted_of_link(engine, link);

    if (accepted != NULL) {
        /* The transport keeps a place for it until it is told that we know. */
        engine->ports->hang_up(engine->ports->context, link);
        forget_accepted(engine, accepted);
    }
    if (peer != NULL) {
        peer_close(engine, peer, ERR_LINK, now);
    }
}

void session_tick_accepted(struct engine *engine, struct moment now)
{
    for (size_t i = engine->accepted_count; i > 0; i--) {
        struct accepted_link *accepted = &engine->accepted[i - 1];
        if (now.steady_ms - accepted->since_ms > ACCEPTED_SILENCE_MS) {
            engine->ports->hang_up(engine->ports->context, accepted->link);
            forget_accepted(engine, accepted);
        }
    }
}

/* One budget of HELLOs a minute, whatever came of them. P13 */
static bool hello_within_budget(struct peer *peer, struct moment now)
{
    if (now.steady_ms - peer->hello_minute_ms >= MINUTE_MS) {
        peer->hello_minute_ms = now.steady_ms;
        peer->hellos = 0;
    }
    return ++peer->hellos <= HELLOS_PER_MINUTE;
}

/* Everything that a HELLO must be, in the order of W-62. */
static enum error check_hello(struct engine *engine, struct peer *peer,
                              const struct message_hello *message, const uint8_t *expected_echo,
                              struct hello *hello, struct moment now)
{
    const struct peer_key *key = NULL;
    enum error err = OK;

    TRY(hello_read(message, engine->arena, hello));
    TRY(id_equal(&hello->node, &peer->identity.node) ? OK : ERR_WRONG_SENDER);
    TRY(id_equal(&hello->to, &engine->keys->identity.node) ? OK : ERR_NOT_FOR_US);
    key = peer_key_of_card(peer, hello->card_seq);
    TRY(key == NULL ? ERR_KEY_MISSING : OK);
    TRY(hello_verify(message, key->sign_key));
    if (hello->version < PROTOCOL_VERSION_MIN || hello->version_min > PROTOCOL_VERSION) {
        return ERR_PEER_VERSION;
    }
    if (now.wall.ms < key->not_before.ms || now.wall.ms >= key->not_after.ms) {
        return ERR_CARD_DATES;
    }
    if (OBJECT_HAS(hello, HELLO_ECHO) != (expected_echo != NULL) ||
        (expected_echo != NULL && memcmp(hello->echo, expected_echo, HELLO_NONCE_BYTES) != 0)) {
        return ERR_REPLAY;
    }
out:
    return err;
}

/* Fill in the session now that both nonces are known. */
static void session_open(struct engine *engine, struct peer *peer, const struct hello *hello,
                         struct moment now)
{
    struct session *session = &peer->session;
    const struct id *us = &engine->keys->identity.node;
    const struct id *them = &peer->identity.node;
    struct buffer software = buffer_init(256);

    session_tag(us, them, session->nonce, hello->nonce, session->tag_out);
    session_tag(them, us, hello->nonce, session->nonce, session->tag_in);
    session->credit_out = CREDIT_BYTES;
    session->credit_in = CREDIT_BYTES;
    session->heard_at_ms = now.steady_ms;
    session->ping_at_ms = now.steady_ms;
    peer->heard_at = now.wall;
    session->opened_ms = now.steady_ms;
    peer->last_error = OK;
    peer->clock_ahead_ms = hello->time.ms - now.wall.ms;
    text_escape(&software, hello->software, false);
    const char *text = buffer_text(&software);
    (void)snprintf(peer->software, sizeof peer->software, "%s", text == NULL ? "" : text);
    buffer_free(&software);
    peer->state = PEER_SYNC;
    engine_log(engine, LOG_NOTICE, "peer.up", "state=%s link=%u dialled=%d", peer->identity.state,
               session->link, session->dialled);
    if (peer->clock_ahead_ms > SKEW_WARN_MS || peer->clock_ahead_ms < -SKEW_WARN_MS) {
        engine_log(engine, LOG_WARNING, "peer.clock", "state=%s ahead_ms=%" PRId64,
                   peer->identity.state, peer->clock_ahead_ms);
    }
    sync_begin(engine, peer, now);
}

/*
 * Whether a link that the peer opened may become its session. If both dial, the
 * link dialled by the smaller node id carries the data; a stale one gives way.
 */
static bool accepted_wins(const struct engine *engine, const struct peer *peer, struct moment now)
{
    const struct session *session = &peer->session;

    if (peer->state <= PEER_BACKOFF || !session->dialled) {
        return true; /* nothing there, or the peer comes back by itself */
    }
    return !peer_is_greater(engine, peer) || now.steady_ms - session->heard_at_ms > PEER_YIELD_MS;
}

/*
 * Who says HELLO over an accepted link: the State that it names, if it is the
 * one whose card has the key that the link proved. Cards of two States may name
 * one key; only the signature tells who speaks.
 */
static struct peer *peer_of_hello(struct engine *engine, const struct accepted_link *accepted,
                                  const struct hello *hello, struct moment now)
{
    struct peer *peer = engine_peer_by_node(engine, &hello->node);
    bool same = peer != NULL && peer_is_open(peer, now.wall) &&
                memcmp(peer->card.curve_key, accepted->curve_key, BOX_PUBLIC_BYTES) == 0;

    return same && (accepted->peer == 0 || accepted->peer == peer->number) ? peer : NULL;
}

/* Whose card has a key: for the log, when a HELLO names somebody else. */
static struct peer *owner_of_key(struct engine *engine, const uint8_t *curve_key)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        if (memcmp(engine->peers[i]->card.curve_key, curve_key, BOX_PUBLIC_BYTES) == 0) {
            return engine->peers[i];
        }
    }
    return NULL;
}

/*
 * The first HELLO is only answered: it may be an old one. The second echoes what
 * we answered, so its signer is there now, and the session may begin. W-62
 */
static enum error greet(struct engine *engine, struct accepted_link *accepted, struct view bytes,
                        struct peer **who, struct moment now)
{
    const bool first = accepted->peer == 0;
    struct message message;
    struct hello hello = {0};
    struct peer *peer = NULL;
    enum error err = OK;

    *who = owner_of_key(engine, accepted->curve_key);
    TRY(message_decode(bytes, engine->arena, &message));
    TRY(message.type == MESSAGE_HELLO ? OK : ERR_PEER_PROTOCOL);
    TRY(hello_read(&message.hello, engine->arena, &hello));
    peer = peer_of_hello(engine, accepted, &hello, now);
    *who = peer != NULL ? peer : *who;
    TRY(peer == NULL ? ERR_WRONG_SENDER : OK);
    TRY(first && !hello_within_budget(peer, now) ? ERR_PEER_QUOTA : OK);
    TRY(check_hello(engine, peer, &message.hello, first ? NULL : accepted->nonce, &hello, now));
    TRY(accepted_wins(engine, peer, now) ? OK : ERR_EXISTS);
    if (first) {
        accepted->peer = peer->number;
        memcpy(accepted->theirs, hello.nonce, HELLO_NONCE_BYTES);
        random_fill(accepted->nonce, HELLO_NONCE_BYTES);
        const struct hello_parts parts = {accepted->link, accepted->nonce, hello.nonce};
        send_hello(engine, peer, &parts, now);
        return OK;
    }
    TRY(memcmp(hello.nonce, accepted->theirs, HELLO_NONCE_BYTES) == 0 ? OK : ERR_REPLAY);
    if (peer->state > PEER_BACKOFF) {
        engine->ports->hang_up(engine->ports->context, peer->session.link);
    }
    peer->wanted_count = 0;
    peer->recovering = false;
    peer->lane_confirmed = false;
    peer->session = (struct session){.link = accepted->link};
    memcpy(peer->session.nonce, accepted->nonce, HELLO_NONCE_BYTES);
    forget_accepted(engine, accepted);
    session_open(engine, peer, &hello, now);
out:
    if (err != OK && err != ERR_EXISTS && peer != NULL) {
        peer->last_error = err;
    }
    return err;
}

static void take_accepted_hello(struct engine *engine, struct accepted_link *accepted,
                                struct view bytes, struct moment now)
{
    const link_id link = accepted->link;
    struct peer *peer = NULL;
    enum error err = greet(engine, accepted, bytes, &peer, now);

    if (err != OK) {
        engine_log(engine, err == ERR_EXISTS ? LOG_DEBUG : LOG_WARNING, "peer.refused",
                   "state=%s why=%s", peer == NULL ? "?" : peer->identity.state,
                   error_info(err)->code);
        forget_accepted(engine, accepted);
        engine->ports->hang_up(engine->ports->context, link);
    }
}

/* --- messages ------------------------------------------------------------------------------ */

/* How much a message asks for at no credit: answers, looks into the store, lines in the log. */
static size_t requests_in(const struct message *message)
{
    switch (message->type) {
    case MESSAGE_PING:
    case MESSAGE_IDENT_PULL:
    case MESSAGE_LANE_PULL:
    case MESSAGE_LANE_NACK:
        return 1;
    case MESSAGE_BLOB_PULL:
        return message->blob_pull.ids.count;
    default:
        return 0;
    }
}

static bool requests_within_budget(struct session *session, size_t count, struct moment now)
{
    if (now.steady_ms - session->requests_from_ms >= SECOND_MS) {
        session->requests_from_ms = now.steady_ms;
        session->requests = 0;
    }
    session->requests += count;
    return session->requests <= REQUESTS_PER_SECOND;
}

/* What binds a message to this session, this direction and this place. W-64 */
static enum error check_session(struct peer *peer, const struct message *message, size_t size,
                                struct moment now)
{
    struct session *session = &peer->session;
    const struct message_info *info = message_info_find((uint8_t)message->type);

    if (!info->in_session) {
        return ERR_PEER_PROTOCOL;
    }
    if (memcmp(message->session.tag, session->tag_in, SESSION_TAG_BYTES) != 0 ||
        message->session.counter != session->counter_in + 1) {
        return ERR_REPLAY;
    }
    session->counter_in++;
    if (!requests_within_budget(session, requests_in(message), now)) {
        return ERR_PEER_QUOTA;
    }
    if (info->costs_credit) {
        if ((int64_t)size > session->credit_in) {
            return ERR_PEER_QUOTA;
        }
        session->credit_in -= (int64_t)size;
    }
    return OK;
}

/* Two events with one number, both signed: whoever holds the keys, people have to speak. */
static enum error freeze_identity(struct engine *engine, struct peer *peer, struct peer **made,
                                  struct moment now)
{
    static const char why[] = "it signed two different identities";
    struct store_txn *txn = NULL;
    const struct store_quarantine evidence = {.peer = peer->number,
                                              .error =
                                                  atoi(error_info(ERR_IDENTITY_FORK)->code + 1),
                                              .time = now.wall,
                                              .bytes = view_of_buffer(&(*made)->bundle)};
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_quarantine_add(txn, &evidence));
    TRY(peer_freeze(txn, peer, why, now));
    TRY(engine_commit(engine, &txn));
out:
    store_abort(&txn);
    peer_free(made);
    if (err != OK) {
        engine_store_failed(engine, err);
    }
    peer_frozen(engine, peer, why, now);
    return OK;
}

static enum error take_ident(struct engine *engine, struct peer *peer, struct view bundle,
                             struct moment now)
{
    struct store_peer row = {0};
    struct store_txn *txn = NULL;
    struct peer *made = NULL;
    struct store_event event = {.time = now.wall,
                                .event = "peer.card",
                                .actor = "node",
                                .subject = peer->identity.state,
                                .detail = "newer card received"};
    enum error err = OK;

    peer_row(peer, &row);
    row.bundle = bundle;
    TRY(peer_load(engine, peer->number, &row, &made));
    TRY(id_equal(&made->identity.node, &peer->identity.node) ? OK : ERR_IDENTITY);
    if (made->identity.event_seq == peer->identity.event_seq &&
        !id_equal(&made->identity.last_event, &peer->identity.last_event)) {
        return freeze_identity(engine, peer, &made, now);
    }
    /* Shorter histories replace nothing. */
    if (made->card.card_seq <= peer->card.card_seq ||
        made->identity.event_seq < peer->identity.event_seq) {
        goto out;
    }
    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_peer_put(txn, peer->number, &row));
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
    buffer_free(&peer->bundle);
    free(peer->keys);
    secret_free(&peer->pair_key);
    peer->bundle = made->bundle;
    peer->keys = made->keys;
    peer->key_count = made->key_count;
    peer->pair_key = made->pair_key;
    peer->identity = made->identity;
    peer->card = made->card;
    made->bundle = buffer_init(0);
    made->keys = NULL;
    made->pair_key = NULL;
    peers_allow(engine, now.wall);
out:
    store_abort(&txn);
    peer_free(&made);
    return err;
}

static void answer_ident(struct engine *engine, struct peer *peer, int64_t known_card)
{
    struct message message = {.type = MESSAGE_IDENT};

    if (known_card < engine->keys->card.card_seq) {
        message.ident.bundle = view_of_buffer(&engine->keys->bundle);
        (void)session_send(engine, peer, &message);
    }
}

static void take_peer_error(struct engine *engine, struct peer *peer,
                            const struct message_error *error)
{
    struct buffer text = buffer_init(1024);

    peer->retry_after_ms =
        error->retry_after_ms < RETRY_AFTER_MAX_MS ? error->retry_after_ms : RETRY_AFTER_MAX_MS;

    text_escape(&text, error->text, false);
    const char *shown = buffer_text(&text);
    engine_log(engine, LOG_WARNING, "peer.error", "state=%s code=%" PRId64 " text=\"%s\"",
               peer->identity.state, error->code, shown == NULL ? "" : shown);
    buffer_free(&text);
}

static enum error handle(struct engine *engine, struct peer *peer, const struct message *message,
                         struct moment now)
{
    struct message answer = {.type = MESSAGE_PONG};

    switch (message->type) {
    case MESSAGE_PING:
        answer.time.time = now.wall;
        (void)session_send(engine, peer, &answer);
        return OK;
    case MESSAGE_PONG:
        peer->round_trip_ms = now.steady_ms - peer->session.ping_at_ms;
        peer->clock_ahead_ms = message->time.time.ms - now.wall.ms;
        return OK;
    case MESSAGE_BYE:
        return ERR_LINK;
    case MESSAGE_ERROR:
        take_peer_error(engine, peer, &message->error);
        return ERR_LINK;
    case MESSAGE_IDENT_PULL:
        answer_ident(engine, peer, message->ident_pull.card_seq);
        return OK;
    case MESSAGE_IDENT:
        /* Each costs as many signature checks as the bundle has events and cards. */
        if (peer->session.idents_taken >= IDENTS_MAX) {
            return ERR_PEER_PROTOCOL;
        }
        peer->session.idents_taken++;
        return take_ident(engine, peer, message->ident.bundle, now);
    default:
        return sync_message(engine, peer, message, now);
    }
}

/* Tell the other side why, as far as its node can do something about it. */
static void say_why(struct engine *engine, struct peer *peer, enum error why)
{
    struct message message = {.type = MESSAGE_ERROR};

    message.error.code = why == ERR_PEER_QUOTA     ? PEER_ERROR_QUOTA
                         : why == ERR_PEER_FROZEN  ? PEER_ERROR_FROZEN
                         : why == ERR_PEER_VERSION ? PEER_ERROR_VERSION
                                                   : PEER_ERROR_PROTOCOL;
    message.error.retry_after_ms = why == ERR_PEER_QUOTA ? MINUTE_MS : 0;
    message.error.text = view_of_text(error_info(why)->text);
    (void)session_send(engine, peer, &message);
}

static void take_dialled_hello(struct engine *engine, struct peer *peer,
                               const struct message *message, struct moment now)
{
    struct hello hello = {0};
    enum error err = ERR_PEER_PROTOCOL;

    if (message->type == MESSAGE_HELLO) {
        err = check_hello(engine, peer, &message->hello, peer->session.nonce, &hello, now);
    }
    if (err != OK) {
        peer_close(engine, peer, err, now);
        return;
    }
    const struct hello_parts parts = {peer->session.link, peer->session.nonce, hello.nonce};
    send_hello(engine, peer, &parts, now);
    session_open(engine, peer, &hello, now);
}

void session_link_message(struct engine *engine, link_id link, struct view bytes, struct moment now)
{
    struct peer *peer = peer_of_link(engine, link);
    struct message message;
    enum error err = OK;

    if (peer == NULL) {
        struct accepted_link *accepted = accepted_of_link(engine, link);
        if (accepted != NULL) {
            take_accepted_hello(engine, accepted, bytes, now);
        }
        return;
    }
    err = message_decode(bytes, engine->arena, &message);
    if (err == OK && peer->state == PEER_HELLO) {
        take_dialled_hello(engine, peer, &message, now);
        return;
    }
    if (err == OK) {
        err = peer_in_session(peer) ? check_session(peer, &message, bytes.size, now)
                                    : ERR_PEER_PROTOCOL;
    }
    if (err == OK) {
        peer->session.heard_at_ms = now.steady_ms;
        peer->heard_at = now.wall;
        err = handle(engine, peer, &message, now);
    }
    if (err != OK) {
        if (err != ERR_LINK) {
            say_why(engine, peer, err);
        }
        peer_close(engine, peer, err, now);
    }
}
