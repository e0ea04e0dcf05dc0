/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_traitor.h"

#include "sim_ledger.h"
#include "sim_node.h"

#include "lane_state.h"

#include <string.h>

enum { FAR = 1000000, TRIES = 20 };

/** A message that a traitor is about to send, and what it may become. */
struct act {
    struct sim *sim;
    struct link *link;
    size_t place;
    struct sim_node *node; /* the traitor */
    size_t to;
    struct peer *peer;       /* the receiver, as the traitor's engine knows it */
    const struct peer *seen; /* the traitor, as the receiver's engine knows it */
    struct message *message;
    unsigned flags;
    struct view raw;      /* as the engine made it */
    struct buffer *bytes; /* room for what is made up */
};

/** Does the act. False if it makes no sense for this message. */
typedef bool (*act_function)(struct act *act);

/* --- sending ------------------------------------------------------------------------------- */

/* Send a message with the next number of the session. */
static void put(const struct act *act, struct message *message, unsigned flags)
{
    struct end *end = &act->link->ends[act->place];
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES + 1);

    message->session.counter = end->counter + 1;
    if (message_encode(message, &bytes) == OK) {
        end->counter++;
        network_queue(act->sim, act->link, act->place, view_of_buffer(&bytes), flags);
    }
    buffer_free(&bytes);
}

/* A message of another type in the same session. */
static struct message made_up(const struct act *act, enum message_type type)
{
    struct message message = {.type = type};

    memcpy(message.session.tag, act->message->session.tag, SESSION_TAG_BYTES);
    return message;
}

static void random_id(const struct act *act, struct id *id)
{
    prng_fill(&act->sim->prng, id->bytes, ID_BYTES);
}

/* A copy with one bit turned over. */
static struct view spoil(const struct act *act, struct view bytes)
{
    size_t start = act->bytes->size;

    buffer_append(act->bytes, bytes);
    if (bytes.size > 0 && act->bytes->error == OK) {
        act->bytes->data[start + prng_below(&act->sim->prng, (uint32_t)bytes.size)] ^=
            (uint8_t)(1U << prng_below(&act->sim->prng, 8));
    }
    return view_of(act->bytes->data + start, bytes.size);
}

static struct view sign_head(const struct act *act, size_t to, const struct lane_cursor *cursor)
{
    const struct lane_ends ends = {act->node->keys.identity.node,
                                   act->sim->nodes[to].keys.identity.node};
    const struct lane_signer signer = {act->node->keys.card.card_seq, act->node->keys.sign_key};
    size_t start = act->bytes->size;

    return lane_head_make(&ends, cursor, sim_wall(act->sim), &signer, act->bytes) == OK
               ? view_of(act->bytes->data + start, act->bytes->size - start)
               : view_of(NULL, 0);
}

static bool sign_ack(const struct act *act, size_t recipient, const struct lane_cursor *cursor)
{
    const struct lane_ends ends = {act->sim->nodes[act->to].keys.identity.node,
                                   act->sim->nodes[recipient].keys.identity.node};
    const struct lane_signer signer = {act->node->keys.card.card_seq, act->node->keys.sign_key};

    return lane_ack_make(&ends, cursor, LANE_APPLIED, sim_wall(act->sim), &signer, act->bytes) ==
           OK;
}

static bool is_honest_receiver(const struct act *act)
{
    return node_is_honest(&act->sim->nodes[act->to]) && act->seen != NULL;
}

static bool is_heads(const struct act *act)
{
    return act->message->type == MESSAGE_HEADS;
}

/* Nothing about lanes is taken before heads were compared. */
static bool is_early(const struct act *act)
{
    return act->message->type == MESSAGE_HEADS || act->message->type == MESSAGE_IDENT_PULL ||
           act->seen == NULL || !act->seen->session.heads_seen;
}

/* --- lies in HEADS ------------------------------------------------------------------------- */

static bool heads_lower(struct act *act)
{
    struct message_heads *heads = &act->message->heads;

    if (!is_heads(act) || heads->yours_seq == 0) {
        return false;
    }
    heads->yours_seq = prng_range(&act->sim->prng, 0, heads->yours_seq - 1);
    return lane_held_hash(act->node->engine, act->peer, STORE_IN, heads->yours_seq,
                          &heads->yours_hash) == OK;
}

static bool heads_higher(struct act *act)
{
    if (!is_heads(act)) {
        return false;
    }
    act->message->heads.yours_seq += FAR;
    random_id(act, &act->message->heads.yours_hash);
    act->flags = EVENT_REFUSE;
    return true;
}

static bool heads_hash(struct act *act)
{
    if (!is_heads(act)) {
        return false;
    }
    random_id(act, &act->message->heads.yours_hash);
    act->flags = EVENT_REFUSE;
    return true;
}

static bool heads_unsigned(struct act *act)
{
    struct message_heads *heads = &act->message->heads;

    if (!is_heads(act) || !OBJECT_HAS(&heads->session, HEADS_MINE)) {
        return false;
    }
    heads->mine = spoil(act, heads->mine);
    act->flags = EVENT_REFUSE;
    return true;
}

/* The head of another lane of the traitor's. */
static bool heads_foreign(struct act *act)
{
    size_t other = (act->to + 1) % act->sim->count;
    const struct lane_cursor cursor = {LANE_INCARNATION_FIRST, 1, act->peer->out.hash};

    if (!is_heads(act) || other == act->node->index) {
        return false;
    }
    act->message->heads.mine = sign_head(act, other, &cursor);
    OBJECT_SET(&act->message->session, HEADS_MINE);
    act->flags = EVENT_REFUSE;
    return true;
}

/* --- two histories ------------------------------------------------------------------------- */

/* Replace the message by a push of one entry after a cursor. */
static bool push_entry(struct act *act, struct lane_cursor cursor, unsigned flags)
{
    const struct lane_ends ends = {act->node->keys.identity.node,
                                   act->sim->nodes[act->to].keys.identity.node};
    struct message message = made_up(act, MESSAGE_LANE_PUSH);
    struct buffer bytes = buffer_init(LANE_ENTRY_MAX_BYTES);
    uint8_t cover[32] = {0};
    struct view payload = view_of(cover, sizeof cover);
    struct view entry = {0};

    if (is_early(act) || !is_honest_receiver(act)) {
        return false;
    }
    prng_fill(&act->sim->prng, cover, sizeof cover);
    bool good =
        lane_entry_make(&ends, LANE_COVER, payload, sim_wall(act->sim), &cursor, &bytes) == OK;
    entry = view_of_buffer(&bytes);
    message.lane_data.side = LANE_OF_SENDER;
    message.lane_data.entries = (struct views){1, &entry};
    message.lane_data.payloads = (struct views){1, &payload};
    message.lane_data.head = sign_head(act, act->to, &cursor);
    act->sim->traitor.forked[act->node->index][act->to] = true;
    put(act, &message, flags);
    buffer_free(&bytes);
    return good;
}

static bool fork_heads(struct act *act)
{
    struct lane_cursor cursor = lane_start();

    if (!is_heads(act) || !is_honest_receiver(act) || act->seen->in.seq == 0) {
        return false;
    }
    cursor.seq = prng_range(&act->sim->prng, 1, act->seen->in.seq);
    random_id(act, &cursor.hash);
    act->message->heads.mine = sign_head(act, act->to, &cursor);
    OBJECT_SET(&act->message->session, HEADS_MINE);
    act->sim->traitor.forked[act->node->index][act->to] = true;
    act->flags = EVENT_FORK;
    return true;
}

/* Another entry with a number that the receiver has an entry of already. */
static bool fork_same(struct act *act)
{
    struct lane_cursor cursor = lane_start();

    if (!is_honest_receiver(act) || act->seen->in.seq == 0 || act->seen->mend_in) {
        return false;
    }
    cursor.seq = prng_range(&act->sim->prng, 0, act->seen->in.seq - 1);
    /* It follows what the receiver holds, so that only the entry itself differs. */
    if (lane_held_hash(act->sim->nodes[act->to].engine, act->seen, STORE_IN, cursor.seq,
                       &cursor.hash) != OK) {
        return false;
    }
    return push_entry(act, cursor, EVENT_FORK);
}

/* The next entry, but after another one than the receiver holds. */
static bool fork_next(struct act *act)
{
    struct lane_cursor cursor = lane_start();

    if (!is_honest_receiver(act) || act->seen->in.seq == 0 || act->seen->mend_in) {
        return false;
    }
    cursor.seq = act->seen->in.seq;
    random_id(act, &cursor.hash);
    return push_entry(act, cursor, EVENT_FORK);
}

/* The next entry, well formed, and the engine will send another one with its number. */
static bool fork_first(struct act *act)
{
    return is_honest_receiver(act) && push_entry(act, act->seen->in, 0);
}

/* --- frames that do not belong to the session ---------------------------------------------- */

static bool replay(struct act *act)
{
    struct sim_traitor *traitor = &act->sim->traitor;

    if (traitor->frame_count == 0) {
        return false;
    }
    size_t chosen = prng_below(&act->sim->prng, (uint32_t)traitor->frame_count);
    network_queue(act->sim, act->link, act->place, view_of_buffer(&traitor->frames[chosen]),
                  EVENT_REFUSE);
    return true;
}

/* In the right place, but marked as one of the other direction. */
static bool reflect(struct act *act)
{
    memcpy(act->message->session.tag, act->peer->session.tag_in, SESSION_TAG_BYTES);
    act->flags = EVENT_REFUSE;
    return true;
}

static bool unsigned_push(struct act *act)
{
    if (act->message->type != MESSAGE_LANE_PUSH && act->message->type != MESSAGE_LANE_DATA) {
        return false;
    }
    act->message->lane_data.head = spoil(act, act->message->lane_data.head);
    act->flags = EVENT_REFUSE;
    return true;
}

static bool repeat_push(struct act *act)
{
    if (act->message->type != MESSAGE_LANE_PUSH) {
        return false;
    }
    put(act, act->message, 0);
    act->flags = EVENT_TWICE;
    return true;
}

/* Make the engine send again what it sent before, with what is new. */
static bool push_earlier(struct act *act)
{
    if (act->peer->session.pushed_seq > 0) {
        act->peer->session.pushed_seq =
            prng_range(&act->sim->prng, 0, act->peer->session.pushed_seq - 1);
    }
    return true;
}

/* --- acknowledgements ---------------------------------------------------------------------- */

static bool ack_wrong(struct act *act)
{
    struct lane_cursor cursor = act->peer->in;
    size_t recipient = act->node->index;

    if (act->message->type != MESSAGE_LANE_ACK) {
        return false;
    }
    switch (prng_below(&act->sim->prng, 3)) {
    case 0:
        random_id(act, &cursor.hash);
        break;
    case 1:
        cursor.seq += FAR;
        break;
    default:
        recipient = (recipient + 1) % act->sim->count;
        break;
    }
    if (!sign_ack(act, recipient, &cursor)) {
        return false;
    }
    act->message->lane_ack.ack = view_of_buffer(act->bytes);
    act->flags = EVENT_REFUSE;
    return true;
}

/* For everything that there is, held or not. */
static bool ack_ahead(struct act *act)
{
    if (act->message->type != MESSAGE_LANE_ACK || act->seen == NULL || act->seen->out.seq == 0 ||
        !sign_ack(act, act->node->index, &act->seen->out)) {
        return false;
    }
    act->message->lane_ack.ack = view_of_buffer(act->bytes);
    return true;
}

/* --- the rest ------------------------------------------------------------------------------ */

static bool blob_unasked(struct act *act)
{
    struct message message = made_up(act, MESSAGE_BLOB);
    uint8_t bytes[1040] = {0};

    if (is_early(act)) {
        return false;
    }
    prng_fill(&act->sim->prng, bytes, sizeof bytes);
    message.blob.bytes = view_of(bytes, sizeof bytes);
    put(act, &message, EVENT_REFUSE);
    return true;
}

/* Whether the receiver published it, and gave the traitor some of it. */
static bool is_partly_ours(const struct act *act, const struct ledger_entry *entry)
{
    return entry != NULL && entry->originator == act->to &&
           entry->audience[act->node->index] != 0 &&
           entry->audience[act->node->index] != entry->present;
}

/* Ask for ciphertexts that were not granted; check_delivery sees whether they come. */
static bool blob_hunt(struct act *act)
{
    struct sim *sim = act->sim;
    struct message message = made_up(act, MESSAGE_BLOB_PULL);
    struct view wanted[SLOTS_MAX];
    size_t count = 0;

    if (sim->ledger.count == 0 || is_early(act)) {
        return false;
    }
    const struct ledger_entry *entry = NULL;
    for (int tries = 0; tries < TRIES && !is_partly_ours(act, entry); tries++) {
        entry = &sim->ledger.entries[prng_below(&sim->prng, (uint32_t)sim->ledger.count)];
    }
    for (int s = 0; s < SECTION_COUNT; s++) {
        if (entry->has_cipher[s] && ((entry->audience[act->node->index] >> s) & 1U) == 0) {
            wanted[count++] = id_view(&entry->ciphers[s]);
        }
    }
    if (count > 0) {
        message.blob_pull.ids = (struct views){count, wanted};
        put(act, &message, 0);
    }
    return true;
}

static bool credit_lie(struct act *act)
{
    struct message message = made_up(act, MESSAGE_CREDIT);

    if (is_early(act)) {
        return false;
    }
    message.credit.bytes = CREDIT_BYTES;
    put(act, &message, 0);
    return true;
}

static bool pull_strange(struct act *act)
{
    struct message message = made_up(act, MESSAGE_LANE_PULL);

    if (is_early(act)) {
        return false;
    }
    message.lane_pull.side = prng_below(&act->sim->prng, 2);
    message.lane_pull.incarnation = 7;
    put(act, &message, EVENT_REFUSE);
    return true;
}

static bool flip(struct act *act)
{
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES + 1);

    act->message->session.counter = act->link->ends[act->place].counter + 1;
    if (message_encode(act->message, &bytes) == OK) {
        bytes.data[prng_below(&act->sim->prng, (uint32_t)bytes.size)] ^=
            (uint8_t)(1U << prng_below(&act->sim->prng, 8));
        network_queue(act->sim, act->link, act->place, view_of_buffer(&bytes), 0);
        act->link->ends[act->place].counter++;
        act->message = NULL;
    }
    buffer_free(&bytes);
    return true;
}

static bool drop(struct act *act)
{
    act->message = NULL;
    return true;
}

/*
 * Those that need a certain message come first, else they would hardly have
 * their turn; and the one that leaves the message as it is.
 */
static const act_function acts[] = {
    heads_lower,  heads_higher, heads_hash,  heads_unsigned, heads_foreign, fork_heads,
    ack_wrong,    ack_ahead,    repeat_push, unsigned_push,  blob_hunt,     fork_same,
    fork_next,    fork_first,   replay,      push_earlier,   blob_unasked,  credit_lie,
    pull_strange, flip,         drop,        reflect,
};

enum { ACTS = sizeof acts / sizeof acts[0], ACTS_OF_A_MESSAGE = 11 };

/* Keep a frame to send it again in another session. */
static void keep_frame(struct sim *sim, struct view bytes)
{
    struct sim_traitor *traitor = &sim->traitor;
    size_t slot = traitor->frame_count < TRAITOR_FRAMES ? traitor->frame_count++
                                                        : prng_below(&sim->prng, TRAITOR_FRAMES);

    buffer_clear(&traitor->frames[slot]);
    buffer_append(&traitor->frames[slot], bytes);
}

void traitor_listen(struct sim *sim, const struct event *event)
{
    /* To reflect it: everybody's frames go into the same pool. */
    if (sim->faults && event->size < 65536 && prng_chance(&sim->prng, 500)) {
        keep_frame(sim, view_of(event->bytes, event->size));
    }
}

void traitor_send(struct sim *sim, struct link *link, size_t place, struct view raw)
{
    struct end *end = &link->ends[place];
    struct message message;
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES + 1);
    struct act act = {.sim = sim,
                      .link = link,
                      .place = place,
                      .node = &sim->nodes[end->node],
                      .to = link->ends[1 - place].node,
                      .message = &message,
                      .raw = raw,
                      .bytes = &bytes};

    arena_clear(sim->traitor.arena);
    if (message_decode(raw, sim->traitor.arena, &message) != OK || message.type == MESSAGE_HELLO) {
        end->counting = false;
        network_queue(sim, link, place, raw, 0);
        return;
    }
    if (!end->counting) {
        end->counting = true;
        end->counter = message.session.counter - 1;
    }
    act.peer = node_peer(act.node, act.to);
    act.seen = node_peer(&sim->nodes[act.to], act.node->index);
    if (sim->faults && prng_chance(&sim->prng, sim->traitor.rate)) {
        bool done = false;
        for (int tries = 0; tries < TRIES && !done; tries++) {
            unsigned chosen = prng_below(&sim->prng, tries < TRIES / 2 ? ACTS_OF_A_MESSAGE : ACTS);
            done = ((sim->traitor.acts >> chosen) & 1U) != 0 && acts[chosen](&act);
        }
    }
    if (act.message != NULL) {
        put(&act, act.message, act.flags);
    }
    if (raw.size < 65536 && prng_chance(&sim->prng, 500)) {
        keep_frame(sim, raw);
    }
    buffer_free(&bytes);
}

void traitor_rewind(struct sim_node *node)
{
    for (size_t i = 0; i < node->sim->count; i++) {
        struct peer *peer = i == node->index ? NULL : node_peer(node, i);
        if (peer != NULL && peer_in_session(peer) && peer->session.pushed_seq > 0) {
            peer->session.pushed_seq =
                prng_range(&node->sim->prng, 0, peer->session.pushed_seq - 1);
        }
    }
}

void traitor_choose(struct sim *sim)
{
    size_t most = sim->count / 3; /* 1 of 3..5, 2 of 6 and 7 */
    /* None in one run of five: the honest must do well among themselves too. */
    size_t count = prng_chance(&sim->prng, 2000) ? 0 : 1 + prng_below(&sim->prng, (uint32_t)most);

    sim->traitor.rate = 300 + prng_below(&sim->prng, 2500);
    for (size_t i = 0; i < TRAITOR_FRAMES; i++) {
        sim->traitor.frames[i] = buffer_init(65536);
    }
    for (size_t i = 0; i < count && (sim->options.faults & FAULT_TRAITOR) != 0; i++) {
        sim->nodes[prng_below(&sim->prng, (uint32_t)sim->count)].traitor = true;
        sim->traitor.acts = (unsigned)prng_next(&sim->prng) & ((1U << ACTS) - 1);
    }
}

void traitor_free(struct sim *sim)
{
    for (size_t i = 0; i < TRAITOR_FRAMES; i++) {
        buffer_free(&sim->traitor.frames[i]);
    }
}
