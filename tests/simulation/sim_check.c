/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_check.h"

#include "sim_ledger.h"
#include "sim_node.h"

#include "lane_state.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_OFF_MAX_MS = 30 * 60 * 1000, ENGINE_MEMORY_BYTES = 24 * 1024 * 1024 };

/* --- delivering ---------------------------------------------------------------------------- */

/* Every ciphertext in a message belongs to what its receiver may read, or published. I2 */
static void check_blob(struct sim *sim, size_t to, struct view bytes)
{
    struct id cipher = digest(HASH_CIPHER, bytes);
    struct ledger_entry *entry = NULL;
    int section = 0;

    if (!ledger_find_cipher(sim, &cipher, &entry, &section)) {
        sim_fail(sim, "I2", "%s is sent a ciphertext of nothing that was published",
                 sim->nodes[to].state);
    } else if (section == SECTION_INTERNAL) {
        sim_fail(sim, "I2", "%s is sent the internal section of %s", sim->nodes[to].state,
                 entry->reference);
    } else if (entry->originator != to && ((entry->audience[to] >> section) & 1U) == 0) {
        sim_fail(sim, "I2", "%s is sent the section %s of %s", sim->nodes[to].state,
                 section_name((enum section_id)section), entry->reference);
    }
}

static void check_content(struct sim *sim, size_t to, const struct message *message)
{
    if (message->type == MESSAGE_BLOB) {
        check_blob(sim, to, message->blob.bytes);
    } else if (message->type == MESSAGE_LANE_DATA || message->type == MESSAGE_LANE_PUSH) {
        for (size_t i = 0; i < message->lane_data.blobs.count; i++) {
            check_blob(sim, to, message->lane_data.blobs.items[i]);
        }
    }
}

/* The session that a message would be taken in, were it well formed. */
static struct peer *session_peer(struct sim *sim, const struct link *link, size_t place)
{
    const struct end *end = &link->ends[place];
    struct peer *peer = node_peer(&sim->nodes[end->node], link->ends[1 - place].node);

    return peer != NULL && peer_in_session(peer) && peer->session.link == end->id ? peer : NULL;
}

/* Whether the receiver's session gets as far as reading what the message says. */
static bool is_next(const struct peer *peer, const struct message *message)
{
    return memcmp(message->session.tag, peer->session.tag_in, SESSION_TAG_BYTES) == 0 &&
           message->session.counter == peer->session.counter_in + 1 &&
           peer->session.heads_seen == (message->type != MESSAGE_HEADS);
}

/* A head of the traitor that says otherwise than what is held is kept. I5 */
static void check_evidence(struct sim_node *node, size_t traitor)
{
    struct sim *sim = node->sim;
    const struct peer *peer = node_peer(node, traitor);
    struct store_txn *txn = NULL;
    struct store_lane lane = {0};
    struct lane_head head = {0};
    struct id held = {{0}};
    enum error err = OK;

    TRY(store_begin(node->store, STORE_READ, &txn));
    TRY(store_lane_get(txn, STORE_IN, peer->number, sim->check_arena, &lane));
    TRY(lane.frozen == 1 && lane.evidence.size > 0 ? OK : ERR_NOT_FOUND);
    TRY(lane_head_read(lane.evidence, sim->check_arena, &head));
    TRY(lane_head_verify(lane.evidence, sim->check_arena, sim->nodes[traitor].keys.card.sign_key));
    TRY(id_equal(&head.originator, &sim->nodes[traitor].keys.identity.node) ? OK
                                                                            : ERR_WRONG_SENDER);
    TRY(id_equal(&head.recipient, &node->keys.identity.node) ? OK : ERR_NOT_FOR_US);
    if (head.seq <= lane.seq) {
        store_abort(&txn);
        TRY(lane_held_hash(node->engine, peer, STORE_IN, head.seq, &held));
        TRY(id_equal(&held, &head.hash) ? ERR_NOT_FOUND : OK);
    }
out:
    store_abort(&txn);
    if (err != OK) {
        sim_fail(sim, "I5", "%s keeps no proof against %s: %s", node->state,
                 sim->nodes[traitor].state, error_info(err)->code);
    }
}

/** How a receiver stood before it was handed a message. */
struct before {
    struct peer *peer; /* in session over the link, or NULL */
    bool next;         /* the message is the next of the session */
    bool steady;
    int64_t events;
};

static void check_outcome(struct sim *sim, const struct link *link, size_t place, unsigned flags,
                          const struct before *before)
{
    struct sim_node *node = &sim->nodes[link->ends[place].node];
    size_t from = link->ends[1 - place].node;
    bool changed = engine_last_event(node->engine) != before->events;

    if (node->dying || node->commit_failed) {
        return;
    }
    if ((flags & EVENT_TWICE) != 0 && changed) {
        sim_fail(sim, "I6", "%s changed something for a repeated message", node->state);
    }
    if ((flags & EVENT_COPIED) != 0 && before->peer != NULL &&
        session_peer(sim, link, place) != NULL) {
        sim_fail(sim, "I6", "%s goes on after a repeated message", node->state);
    }
    if ((flags & EVENT_REFUSE) != 0 && before->peer != NULL) {
        sim->counts.refusals++;
        if (changed || session_peer(sim, link, place) != NULL) {
            sim_fail(sim, "I6", "%s took a frame that does not belong to the session from %s",
                     node->state, sim->nodes[from].state);
        }
    }
    if ((flags & EVENT_FORK) != 0 && before->next && node_is_honest(node)) {
        sim->counts.forks++;
        if (node_peer(node, from)->frozen[0] == '\0') {
            sim_fail(sim, "I5", "%s does not notice that %s signed two histories", node->state,
                     sim->nodes[from].state);
        } else {
            sim->counts.frozen++;
            check_evidence(node, from);
        }
    }
}

/* What passes between nodes, for people. */
static void log_message(const struct sim *sim, const struct link *link, size_t place,
                        const struct message *message, unsigned flags)
{
    const struct message_info *info = message_info_find((uint8_t)message->type);
    int64_t a = 0;
    int64_t b = 0;

    if (message->type == MESSAGE_HEADS) {
        a = message->heads.yours_seq;
    } else if (message->type == MESSAGE_LANE_PULL) {
        a = message->lane_pull.side;
        b = message->lane_pull.after;
    } else if (message->type == MESSAGE_LANE_DATA || message->type == MESSAGE_LANE_PUSH) {
        struct lane_head head = {0};
        a = (int64_t)message->lane_data.entries.count;
        b = lane_head_read(message->lane_data.head, sim->traitor.arena, &head) == OK ? head.seq : 0;
    } else if (message->type == MESSAGE_LANE_ACK) {
        struct lane_ack ack = {0};
        b = lane_ack_read(message->lane_ack.ack, sim->traitor.arena, &ack) == OK ? ack.seq : 0;
    }
    (void)fprintf(stderr, "%8lld %9.3f %s > %s %s #%" PRId64 " %" PRId64 " %" PRId64 " flags %x\n",
                  (long long)sim->step, (double)sim->now_ms / 1000,
                  sim->nodes[link->ends[1 - place].node].state,
                  sim->nodes[link->ends[place].node].state, info->name,
                  message->type == MESSAGE_HELLO ? 0 : message->session.counter, a, b, flags);
}

void check_delivery(struct sim *sim, struct link *link, size_t place, const struct event *event)
{
    struct sim_node *node = &sim->nodes[link->ends[place].node];
    size_t from = link->ends[1 - place].node;
    struct view bytes = view_of(event->bytes, event->size);
    struct before before = {.peer = session_peer(sim, link, place),
                            .events = engine_last_event(node->engine)};
    struct message message;

    arena_clear(sim->check_arena);
    bool decoded =
        message_decode(bytes, sim->check_arena, &message) == OK && message.type != MESSAGE_HELLO;
    if (sim->options.log && decoded) {
        log_message(sim, link, place, &message, event->flags);
    }
    before.next = before.peer != NULL && decoded && is_next(before.peer, &message);
    if (decoded && node_is_honest(&sim->nodes[from])) {
        check_content(sim, node->index, &message);
    }
    engine_link_message(node->engine, link->ends[place].id, bytes, node_moment(node));
    check_outcome(sim, link, place, event->flags, &before);
}

/* --- every step ---------------------------------------------------------------------------- */

/* One lane between two nodes that follow the protocol and run on their own disks. */
static void check_lane(struct sim_node *from, struct sim_node *to)
{
    const struct peer *out = node_peer(from, to->index);
    const struct peer *in = node_peer(to, from->index);
    struct sim *sim = from->sim;

    if (out->frozen[0] != '\0') {
        sim_fail(sim, "I5", "%s froze %s, which did nothing: %s", from->state, to->state,
                 out->frozen);
    }
    if (in == NULL || from->rolled_back || to->rolled_back) {
        return;
    }
    if (out->out_acked > in->in.seq) {
        sim_fail(sim, "I1", "%s acknowledged %" PRId64 " entries of %s and holds %" PRId64,
                 to->state, out->out_acked, from->state, in->in.seq);
    }
    if (in->in.seq > out->out.seq) {
        sim_fail(sim, "I1", "%s holds %" PRId64 " entries of %s, which made %" PRId64, to->state,
                 in->in.seq, from->state, out->out.seq);
    }
}

static void check_peer(struct sim_node *node, size_t other)
{
    const struct peer *peer = node_peer(node, other);
    struct sim *sim = node->sim;
    bool shut = peer->standing != PEER_VERIFIED || peer->frozen[0] != '\0';

    if (shut && peer->state != PEER_IDLE) {
        sim_fail(sim, "I8", "%s talks to %s, which is paused or frozen", node->state,
                 sim->nodes[other].state);
    }
    if (peer->frozen[0] != '\0' && node_is_honest(node) && sim->nodes[other].traitor &&
        !sim->traitor.forked[other][node->index]) {
        sim_fail(sim, "I5", "%s froze %s without a proof: %s", node->state, sim->nodes[other].state,
                 peer->frozen);
    }
}

static void check_clock(struct sim_node *node)
{
    int64_t floor_ms = node->engine->floor.ms;
    int64_t off_ms = floor_ms - sim_wall(node->sim).ms;

    if (floor_ms < node->floor_ms) {
        sim_fail(node->sim, "I9", "the time of %s went back by %" PRId64 " ms", node->state,
                 node->floor_ms - floor_ms);
    }
    if (off_ms > CLOCK_OFF_MAX_MS) {
        sim_fail(node->sim, "I9", "%s believes a time that is %" PRId64 " ms ahead", node->state,
                 off_ms);
    }
    node->floor_ms = floor_ms;
}

void check_step(struct sim *sim)
{
    for (size_t i = 0; i < sim->count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (!node_is_up(node)) {
            continue;
        }
        check_clock(node);
        for (size_t j = 0; j < sim->count; j++) {
            if (j == i) {
                continue;
            }
            check_peer(node, j);
            if (node_is_honest(node) && node_is_honest(&sim->nodes[j])) {
                check_lane(node, &sim->nodes[j]);
            }
        }
    }
}

/* --- after a start ------------------------------------------------------------------------- */

void check_started(struct sim_node *node)
{
    struct sim *sim = node->sim;
    struct store_txn *txn = NULL;
    enum error err = store_begin(node->store, STORE_READ, &txn);

    /* What a traitor lost with its disk is its own affair. */
    bool known = !node->rolled_back && (node_is_honest(node) || !node->ever_rolled_back);

    for (size_t i = 0; i < sim->ledger.count && err == OK && known; i++) {
        const struct ledger_entry *entry = &sim->ledger.entries[i];
        uint64_t number = 0;
        if (entry->originator == node->index && ledger_is_sure(entry) &&
            store_record_find(txn, &entry->record, &number) != OK) {
            sim_fail(sim, "I1", "%s published %s#%" PRId64 " at step %" PRId64 " and lost it",
                     node->state, entry->reference, entry->version, entry->step);
        }
    }
    store_abort(&txn);
    if (err != OK) {
        sim_fail(sim, "I1", "the store of %s does not open", node->state);
    }
}

/* --- an old disk --------------------------------------------------------------------------- */

static bool holds(struct sim_node *node, const struct id *record)
{
    struct store_txn *txn = NULL;
    uint64_t number = 0;
    bool found = store_begin(node->store, STORE_READ, &txn) == OK &&
                 store_record_find(txn, record, &number) == OK;

    store_abort(&txn);
    return found;
}

static bool grants(struct sim_node *node, const struct id *record, size_t to)
{
    struct store_txn *txn = NULL;
    struct store_holder holder = {0};
    uint64_t number = 0;
    bool found = store_begin(node->store, STORE_READ, &txn) == OK &&
                 store_record_find(txn, record, &number) == OK &&
                 store_holder_get(txn, number, node_peer(node, to)->number, &holder) == OK;

    store_abort(&txn);
    return found;
}

static bool has_learned(struct sim_node *node, size_t other)
{
    const struct peer *ours = node_peer(node, other);
    const struct peer *theirs = node_peer(&node->sim->nodes[other], node->index);

    return theirs != NULL && ours->lane_confirmed && !ours->recovering &&
           ours->out.seq >= theirs->in.seq && ours->in.seq >= theirs->out_acked;
}

/* What a node lost with its disk is again there, as far as anybody honest holds it. I1 */
static void settle(struct sim_node *node, struct ledger_entry *entry)
{
    struct sim *sim = node->sim;
    bool here = holds(node, &entry->record);
    bool elsewhere = false;

    for (size_t i = 0; i < sim->count; i++) {
        struct sim_node *other = &sim->nodes[i];
        bool held = entry->expected[i] && node_is_up(other) && holds(other, &entry->record);
        elsewhere = elsewhere || (held && node_is_honest(other));
        /* A grant that was lost before it arrived is not issued again by itself. */
        entry->expected[i] =
            entry->expected[i] && (held || (here && grants(node, &entry->record, i)));
    }
    if (!here && elsewhere) {
        sim_fail(sim, "I1", "%s did not get %s#%" PRId64 " back from those who hold it",
                 node->state, entry->reference, entry->version);
    }
    entry->forgotten = !here;
}

void check_rollback(struct sim_node *node)
{
    struct sim *sim = node->sim;

    if (!node->rolled_back || !node_is_up(node)) {
        return;
    }
    for (size_t i = 0; i < sim->count; i++) {
        if (i != node->index && node_is_honest(&sim->nodes[i]) && !has_learned(node, i)) {
            return;
        }
    }
    node->rolled_back = false;
    for (size_t i = 0; i < sim->ledger.count; i++) {
        struct ledger_entry *entry = &sim->ledger.entries[i];
        if (entry->originator == node->index && ledger_is_sure(entry) && node_is_honest(node)) {
            settle(node, entry);
        }
    }
}

/* --- the end ------------------------------------------------------------------------------- */

static bool lane_is_done(struct sim_node *from, struct sim_node *to)
{
    const struct peer *out = node_peer(from, to->index);
    const struct peer *in = node_peer(to, from->index);

    if (out == NULL || in == NULL) {
        return false;
    }
    bool frozen = out->frozen[0] != '\0' || in->frozen[0] != '\0';
    bool same = out->pending == 0 && !out->recovering && !in->mend_in && !out->mend_out &&
                in->in.seq == out->out.seq && id_equal(&in->in.hash, &out->out.hash);
    bool acknowledged = out->out_acked == out->out.seq;

    /* A traitor's word that it holds something proves nothing, but the lane goes on. */
    return frozen || (same && (acknowledged || from->traitor || to->traitor));
}

bool check_converged(struct sim *sim)
{
    for (size_t i = 0; i < sim->count; i++) {
        if (sim->nodes[i].rolled_back && node_is_honest(&sim->nodes[i])) {
            return false;
        }
        for (size_t j = 0; j < sim->count; j++) {
            if (i != j && !lane_is_done(&sim->nodes[i], &sim->nodes[j])) {
                return false;
            }
        }
    }
    return true;
}

static void describe_lane(struct sim_node *from, struct sim_node *to)
{
    const struct peer *out = node_peer(from, to->index);
    const struct peer *in = node_peer(to, from->index);

    if (out == NULL || in == NULL) {
        sim_fail(from->sim, "I7", "%s or %s does not run", from->state, to->state);
        return;
    }
    sim_fail(from->sim, "I7",
             "%s to %s: made %" PRId64 ", waiting %" PRId64 ", arrived %" PRId64
             ", acknowledged %" PRId64 "; %s/%s, confirmed %d, recovering %d, mending %d/%d, "
             "credit %" PRId64 ", last error %s/%s",
             from->state, to->state, out->out.seq, out->pending, in->in.seq, out->out_acked,
             peer_state_name(out->state), peer_state_name(in->state), out->lane_confirmed,
             out->recovering, out->mend_out, in->mend_in, out->session.credit_out,
             error_info(out->last_error)->code, error_info(in->last_error)->code);
}

void check_missing(struct sim *sim)
{
    for (size_t i = 0; i < sim->count; i++) {
        for (size_t j = 0; j < sim->count; j++) {
            if (i != j && !lane_is_done(&sim->nodes[i], &sim->nodes[j])) {
                describe_lane(&sim->nodes[i], &sim->nodes[j]);
            }
        }
        if (sim->nodes[i].rolled_back) {
            sim_fail(sim, "I7", "%s has not learned again what it lost", sim->nodes[i].state);
        }
    }
}

void check_all(struct sim *sim)
{
    struct mallinfo2 info = mallinfo2();
    size_t ours = sim->ledger.bytes + sim->network.bytes;
    size_t used = info.uordblks + info.hblkhd;

    for (size_t i = 0; i < sim->count; i++) {
        if (node_is_up(&sim->nodes[i])) {
            check_store(&sim->nodes[i]);
        }
    }
    if (used > ours && (used - ours) / sim->count > ENGINE_MEMORY_BYTES) {
        sim_fail(sim, "I11", "%zu bytes of memory for %zu engines", used - ours, sim->count);
    }
}
