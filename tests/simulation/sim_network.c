/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_network.h"

#include "sim_check.h"
#include "sim_node.h"
#include "sim_traitor.h"

#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MIN_MS = 8000,
    PATIENCE_MAX_MS = 40000, /* heartbeats of the transport */
    CONNECT_MS = 5000,
    NOBODY = SIM_NODES_MAX
};

/* --- links --------------------------------------------------------------------------------- */

static struct link *find(struct sim *sim, size_t node, link_id id, size_t *place)
{
    for (struct link *link = sim->network.links; link != NULL; link = link->next) {
        for (size_t i = 0; i < 2; i++) {
            if (link->ends[i].open && link->ends[i].node == node && link->ends[i].id == id) {
                *place = i;
                return link;
            }
        }
    }
    return NULL;
}

static bool is_cut(const struct sim *sim, const struct link *link)
{
    size_t a = link->ends[0].node;
    size_t b = link->ends[1].node;

    return b != NOBODY && sim->network.cut[a][b];
}

static void clear(struct sim *sim, struct end *end)
{
    while (end->first != NULL) {
        struct event *event = end->first;
        end->first = event->next;
        sim->network.bytes -= event->size;
        free(event);
    }
    end->last = NULL;
}

static struct event *event_new(struct sim *sim, enum event_kind kind, struct view bytes,
                               unsigned flags)
{
    struct event *event = calloc(1, sizeof *event + bytes.size);

    if (event == NULL) {
        abort();
    }
    event->kind = kind;
    event->flags = flags;
    event->size = bytes.size;
    if (bytes.size > 0) {
        memcpy(event->bytes, bytes.data, bytes.size);
    }
    sim->network.bytes += bytes.size;
    return event;
}

static void append(struct end *end, struct event *event)
{
    if (end->last == NULL) {
        end->first = event;
    } else {
        if (event->due_ms < end->last->due_ms) {
            event->due_ms = end->last->due_ms;
        }
        end->last->next = event;
    }
    end->last = event;
}

/* One place further to the front; only messages change places. */
static void swap_last(struct end *end)
{
    struct event *before = end->first;

    while (before != NULL && before->next != NULL && before->next->next != end->last) {
        before = before->next;
    }
    if (before == NULL || before->next == NULL || before->next == end->last ||
        before->next->kind != EVENT_MESSAGE || end->last->kind != EVENT_MESSAGE) {
        return;
    }
    struct event *second = before->next;
    struct event *last = end->last;
    before->next = last;
    last->next = second;
    second->next = NULL;
    end->last = second;
}

static void tell(struct sim *sim, struct end *end, enum event_kind kind, int64_t after_ms,
                 unsigned flags)
{
    struct event *event = event_new(sim, kind, view_of(NULL, 0), flags);

    event->due_ms = sim->now_ms + after_ms;
    append(end, event);
}

static int64_t delay(struct sim *sim)
{
    return prng_range(&sim->prng, 1, sim->network.delay_ms);
}

/* Both ends learn at once that nothing comes through any more. */
static void break_link(struct sim *sim, struct link *link)
{
    for (size_t i = 0; i < 2; i++) {
        struct end *end = &link->ends[i];
        if (end->open) {
            clear(sim, end);
            tell(sim, end, EVENT_DOWN, prng_range(&sim->prng, 0, 300), EVENT_LOCAL);
        }
    }
}

/* One end closes: what it sent before still arrives, then the other end learns of it. */
static void close_end(struct sim *sim, struct link *link, size_t place, int64_t after_ms)
{
    struct end *other = &link->ends[1 - place];

    link->ends[place].open = false;
    clear(sim, &link->ends[place]);
    if (other->open) {
        tell(sim, other, EVENT_DOWN, after_ms, 0);
    }
}

/* --- what engines ask for ------------------------------------------------------------------ */

static bool lets_in(const struct sim_node *node, const uint8_t *key)
{
    for (size_t i = 0; i < node->allowed_count; i++) {
        if (memcmp(node->allowed[i], key, BOX_PUBLIC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static size_t node_at(const struct sim *sim, const char *endpoint)
{
    for (size_t i = 0; i < sim->count; i++) {
        const struct card_facts *card = &sim->nodes[i].keys.card;
        if (card->endpoint_count > 0 && strcmp(card->endpoints[0], endpoint) == 0) {
            return i;
        }
    }
    return NOBODY;
}

void network_dial(struct sim_node *node, link_id id, const char *endpoint, const uint8_t *key)
{
    struct sim *sim = node->sim;
    size_t to = node_at(sim, endpoint);
    struct sim_node *other = to == NOBODY ? NULL : &sim->nodes[to];
    struct link *link = calloc(1, sizeof *link);

    if (link == NULL) {
        abort();
    }
    bool connects = other != NULL && node_is_up(other) && !sim->network.cut[node->index][to] &&
                    memcmp(other->keys.card.curve_key, key, BOX_PUBLIC_BYTES) == 0 &&
                    lets_in(other, node->keys.card.curve_key);
    *link = (struct link){.next = sim->network.links,
                          .ends = {{.node = node->index, .id = id, .open = true}, {.node = NOBODY}},
                          .patience_ms = prng_range(&sim->prng, PATIENCE_MIN_MS, PATIENCE_MAX_MS)};
    sim->network.links = link;
    if (!connects) {
        tell(sim, &link->ends[0], EVENT_DOWN, prng_range(&sim->prng, 1, CONNECT_MS), EVENT_LOCAL);
        return;
    }
    link->ends[1] = (struct end){.node = to, .id = LINK_ACCEPTED + ++other->accepted, .open = true};
    tell(sim, &link->ends[0], EVENT_UP, delay(sim) + delay(sim), 0);
    tell(sim, &link->ends[1], EVENT_UP, delay(sim), 0);
}

void network_queue(struct sim *sim, struct link *link, size_t from, struct view message,
                   unsigned flags)
{
    struct end *to = &link->ends[1 - from];
    struct sim_network *network = &sim->network;
    /* What proves or must not pass is delivered, so that its fate can be watched. */
    const bool rough = (flags & (EVENT_REFUSE | EVENT_FORK)) == 0;

    if (!to->open) {
        return;
    }
    if (rough && prng_chance(&sim->prng, network->loss)) {
        sim->counts.lost++;
        return;
    }
    struct event *event = event_new(sim, EVENT_MESSAGE, message, flags);
    event->due_ms = sim->now_ms + delay(sim);
    append(to, event);
    if (rough && prng_chance(&sim->prng, network->reorder)) {
        swap_last(to);
    }
    if (rough && prng_chance(&sim->prng, network->duplicate)) {
        event = event_new(sim, EVENT_MESSAGE, message, flags | EVENT_TWICE | EVENT_COPIED);
        event->due_ms = sim->now_ms + delay(sim);
        append(to, event);
    }
}

void network_send(struct sim_node *node, link_id id, struct view message)
{
    struct sim *sim = node->sim;
    size_t place = 0;
    struct link *link = find(sim, node->index, id, &place);

    sim_trace(sim, message);
    if (link == NULL || link->ends[1 - place].node == NOBODY) {
        return;
    }
    if (node->traitor) {
        traitor_send(sim, link, place, message);
    } else {
        network_queue(sim, link, place, message, 0);
    }
}

void network_hang_up(struct sim_node *node, link_id id)
{
    size_t place = 0;
    struct link *link = find(node->sim, node->index, id, &place);

    if (link != NULL) {
        close_end(node->sim, link, place, delay(node->sim));
    }
}

void network_node_gone(struct sim_node *node, bool abrupt)
{
    struct sim *sim = node->sim;

    for (struct link *link = sim->network.links; link != NULL; link = link->next) {
        for (size_t i = 0; i < 2; i++) {
            struct end *other = &link->ends[1 - i];
            if (!link->ends[i].open || link->ends[i].node != node->index) {
                continue;
            }
            /* Of what was under way, anything may have been lost, and nobody says goodbye. */
            if (abrupt && prng_chance(&sim->prng, 5000)) {
                clear(sim, other);
            }
            close_end(sim, link, i,
                      abrupt && prng_chance(&sim->prng, 2000) ? link->patience_ms : delay(sim));
        }
    }
}

void network_reset(struct sim_node *node)
{
    network_node_gone(node, true);
}

/* --- faults -------------------------------------------------------------------------------- */

void network_break(struct sim *sim)
{
    uint32_t count = 0;

    for (struct link *link = sim->network.links; link != NULL; link = link->next) {
        count++;
    }
    uint32_t chosen = count == 0 ? 0 : prng_below(&sim->prng, count);
    for (struct link *link = sim->network.links; link != NULL; link = link->next) {
        if (chosen-- == 0) {
            break_link(sim, link);
        }
    }
}

void network_cut(struct sim *sim, size_t a, size_t b, bool cut)
{
    sim->network.cut[a][b] = cut;
    sim->network.cut[b][a] = cut;
}

/* --- delivering ---------------------------------------------------------------------------- */

static struct event *ready(const struct sim *sim, const struct link *link, size_t place)
{
    struct event *event = link->ends[place].open ? link->ends[place].first : NULL;
    bool held = event != NULL && is_cut(sim, link) && (event->flags & EVENT_LOCAL) == 0;

    return held ? NULL : event;
}

static void notice_partition(struct sim *sim, struct link *link)
{
    if (!is_cut(sim, link)) {
        link->cut_ms = 0;
    } else if (link->cut_ms == 0) {
        link->cut_ms = sim->now_ms;
    } else if (sim->now_ms - link->cut_ms > link->patience_ms) {
        link->cut_ms = sim->now_ms;
        break_link(sim, link);
    }
}

int64_t network_due(struct sim *sim)
{
    int64_t due_ms = INT64_MAX;

    for (struct link *link = sim->network.links; link != NULL; link = link->next) {
        notice_partition(sim, link);
        for (size_t i = 0; i < 2; i++) {
            const struct event *event = ready(sim, link, i);
            if (event != NULL && event->due_ms < due_ms) {
                due_ms = event->due_ms;
            }
        }
    }
    return due_ms;
}

static void deliver(struct sim *sim, struct link *link, size_t place)
{
    struct end *end = &link->ends[place];
    struct sim_node *node = &sim->nodes[end->node];
    struct event *event = end->first;

    end->first = event->next;
    end->last = end->first == NULL ? NULL : end->last;
    sim->network.bytes -= event->size;
    sim_trace_number(sim, event->kind + ((uint64_t)end->node << 8));
    node->commit_failed = false;
    switch (event->kind) {
    case EVENT_UP:
        engine_link_up(node->engine, end->id,
                       sim->nodes[link->ends[1 - place].node].keys.card.curve_key,
                       node_moment(node));
        break;
    case EVENT_DOWN:
        end->open = false;
        clear(sim, end);
        engine_link_down(node->engine, end->id, node_moment(node));
        break;
    case EVENT_MESSAGE:
        sim->counts.messages++;
        sim->counts.message_bytes += event->size;
        check_delivery(sim, link, place, event);
        break;
    }
    free(event);
    node_called(node);
}

bool network_deliver(struct sim *sim)
{
    enum { READY_MAX = 256 };
    struct link *links[READY_MAX];
    size_t places[READY_MAX];
    uint32_t count = 0;

    for (struct link *link = sim->network.links; link != NULL; link = link->next) {
        for (size_t i = 0; i < 2 && count < READY_MAX; i++) {
            const struct event *event = ready(sim, link, i);
            if (event != NULL && event->due_ms <= sim->now_ms) {
                links[count] = link;
                places[count++] = i;
            }
        }
    }
    if (count == 0) {
        return false;
    }
    uint32_t chosen = prng_below(&sim->prng, count);
    deliver(sim, links[chosen], places[chosen]);
    return true;
}

void network_sweep(struct sim *sim)
{
    struct link **at = &sim->network.links;

    while (*at != NULL) {
        struct link *link = *at;
        if (link->ends[0].open || link->ends[1].open) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        clear(sim, &link->ends[0]);
        clear(sim, &link->ends[1]);
        free(link);
    }
}

void network_free(struct sim *sim)
{
    for (struct link *link = sim->network.links; link != NULL; link = link->next) {
        link->ends[0].open = false;
        link->ends[1].open = false;
    }
    network_sweep(sim);
}
