/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_steps.h"

#include "sim_check.h"
#include "sim_ledger.h"
#include "sim_network.h"
#include "sim_node.h"
#include "sim_publish.h"
#include "sim_traitor.h"

#include <stdlib.h>
#include <string.h>

enum {
    ACTION_PARTS = 500, /* of 10,000 steps */
    SKEW_MAX_MS = 3 * 60 * 1000,
    FLOOD_RECORDS = 10,
    DELAY_CALM_MS = 40,
    DELAY_ROUGH_MS = 1500
};

/** One thing that may happen. */
struct action {
    const char *name;
    unsigned weight;
    unsigned fault; /* class that must be enabled, or 0 */
    void (*run)(struct sim_node *node);
};

static struct sim_node *random_node(struct sim *sim)
{
    return &sim->nodes[prng_below(&sim->prng, (uint32_t)sim->count)];
}

static size_t random_other(struct sim_node *node)
{
    struct sim *sim = node->sim;

    return (node->index + 1 + prng_below(&sim->prng, (uint32_t)sim->count - 1)) % sim->count;
}

/*
 * A node on an old disk makes no new versions before it has heard everybody: it
 * does not know which ones it made. So does an operator who restores a copy.
 */
static bool may_publish(struct sim_node *node)
{
    for (size_t i = 0; i < node->sim->count && node->unlearned != 0; i++) {
        const struct peer *peer = i == node->index ? NULL : node_peer(node, i);
        if (peer == NULL || (peer->lane_confirmed && !peer->recovering)) {
            node->unlearned &= ~(1U << i);
        }
    }
    return !node->rolled_back && node->unlearned == 0;
}

/* If its store noticed how old it is, it leaves out references that it may have given. */
static bool may_number(struct sim_node *node)
{
    return node->noticed || may_publish(node);
}

/* --- actions ------------------------------------------------------------------------------- */

static void act_publish(struct sim_node *node)
{
    if (may_number(node)) {
        if (node->traitor && node->sim->faults && prng_chance(&node->sim->prng, 5000)) {
            traitor_rewind(node);
        }
        publish_new(node, PUBLISH_PLAIN);
    }
}

static void act_version(struct sim_node *node)
{
    if (may_publish(node)) {
        publish_version(node);
    }
}

/* About ten megabytes at once, which is more than the credit of a session. */
static void act_flood(struct sim_node *node)
{
    for (int i = 0; i < FLOOD_RECORDS && node->sim->counts.fat < 3 * FLOOD_RECORDS; i++) {
        if (node_is_up(node) && may_number(node)) {
            publish_new(node, PUBLISH_FLOOD);
        }
    }
}

static void act_fat(struct sim_node *node)
{
    if (may_number(node) && node->sim->counts.fat < 2 * FLOOD_RECORDS) {
        publish_new(node, PUBLISH_FAT);
    }
}

static void set_pause(struct sim_node *node, size_t other, bool pause)
{
    struct sim *sim = node->sim;
    struct value *arguments = NULL;
    struct control_reply reply;

    arena_clear(sim->arena);
    arguments = value_map(sim->arena);
    if (value_put_string(sim->arena, arguments, "state", sim->nodes[other].state) == OK &&
        value_put_string(sim->arena, arguments, "reason", "simulated") == OK) {
        (void)node_command(node, pause ? "peer.pause" : "peer.resume", arguments, &reply);
    }
    node_called(node);
}

static void act_pause(struct sim_node *node)
{
    set_pause(node, random_other(node), true);
}

static void act_resume(struct sim_node *node)
{
    for (size_t i = 0; i < node->sim->count; i++) {
        const struct peer *peer = i == node->index ? NULL : node_peer(node, i);
        if (peer != NULL && peer->standing == PEER_PAUSED) {
            set_pause(node, i, false);
        }
    }
}

static void act_ping(struct sim_node *node)
{
    struct sim *sim = node->sim;
    struct value *arguments = NULL;
    struct control_reply reply;

    arena_clear(sim->arena);
    arguments = value_map(sim->arena);
    if (value_put_string(sim->arena, arguments, "state", sim->nodes[random_other(node)].state) ==
        OK) {
        (void)node_command(node, "peer.ping", arguments, &reply);
    }
    node_called(node);
}

static void act_break(struct sim_node *node)
{
    network_break(node->sim);
}

static void act_cut(struct sim_node *node)
{
    network_cut(node->sim, node->index, random_other(node), true);
}

static void act_isolate(struct sim_node *node)
{
    for (size_t i = 0; i < node->sim->count; i++) {
        if (i != node->index) {
            network_cut(node->sim, node->index, i, true);
        }
    }
}

static void act_mend_network(struct sim_node *node)
{
    for (size_t i = 0; i < node->sim->count; i++) {
        for (size_t j = 0; j < node->sim->count; j++) {
            node->sim->network.cut[i][j] = false;
        }
    }
}

static void act_weather(struct sim_node *node)
{
    struct sim *sim = node->sim;
    struct sim_network *network = &sim->network;
    bool rough = prng_chance(&sim->prng, 4000);

    network->loss = rough ? prng_below(&sim->prng, 400) : 0;
    network->duplicate = rough ? prng_below(&sim->prng, 400) : 0;
    network->reorder = rough ? prng_below(&sim->prng, 400) : 0;
    network->delay_ms = prng_range(&sim->prng, 1, rough ? DELAY_ROUGH_MS : DELAY_CALM_MS);
}

static void act_transport(struct sim_node *node)
{
    network_reset(node);
    engine_transport_reset(node->engine, node_moment(node));
    engine_start(node->engine, node_moment(node));
    node_called(node);
}

static void act_stop(struct sim_node *node)
{
    node_stop(node);
}

static void act_kill(struct sim_node *node)
{
    node_kill(node);
}

/* The process will end at a named point of publishing, applying or committing. */
static void act_arm(struct sim_node *node)
{
    static const char *const points[] = {
        "commit.before-keys", "commit.between",        "commit.before-anchor",
        "commit.after",       "apply.verified",        "apply.before-commit",
        "apply.after-commit", "publish.before-commit", "publish.after-commit"};

    node->armed = points[prng_below(&node->sim->prng, sizeof points / sizeof points[0])];
    node->armed_after = 1 + (int)prng_below(&node->sim->prng, 3);
    if (prng_chance(&node->sim->prng, 3000)) {
        act_publish(node);
    }
}

static void act_full(struct sim_node *node)
{
    node->failing_commits = 1 + (int)prng_below(&node->sim->prng, 3);
}

static void act_copy(struct sim_node *node)
{
    if (!node->rolled_back) {
        node_copy(node, prng_below(&node->sim->prng, SIM_COPIES));
    }
}

/* One at a time: what two nodes lost together, nobody can give back. */
static void act_restore(struct sim_node *node)
{
    struct sim *sim = node->sim;
    size_t slot = prng_below(&sim->prng, SIM_COPIES);

    for (size_t i = 0; i < sim->count; i++) {
        if (sim->nodes[i].rolled_back || sim->nodes[i].unlearned != 0 ||
            !node_is_up(&sim->nodes[i])) {
            return;
        }
    }
    if (!node->copies[slot]) {
        return;
    }
    bool keep_anchor = prng_chance(&sim->prng, 5000);
    node_kill(node);
    node_restore(node, slot, keep_anchor);
}

static void act_skew(struct sim_node *node)
{
    node->skew_ms = prng_range(&node->sim->prng, -SKEW_MAX_MS, SKEW_MAX_MS);
}

static void act_jump(struct sim_node *node)
{
    int64_t far_ms = prng_range(&node->sim->prng, 2 * HOUR_MS, 3650 * DAY_MS);

    node->jump_ms = prng_chance(&node->sim->prng, 5000) ? far_ms : -far_ms;
}

static void act_jump_back(struct sim_node *node)
{
    node->jump_ms = 0;
}

static void act_sleep(struct sim_node *node)
{
    node->sim->now_ms += prng_range(&node->sim->prng, 5000, 120000);
}

/* A check that says that everything is damaged: all lanes are fetched again. */
static void act_mend(struct sim_node *node)
{
    struct store_report *report = calloc(1, sizeof *report);

    if (report != NULL) {
        report->damaged_peers[prng_below(&node->sim->prng, 4)] = true;
        node->sim->counts.mends++;
        engine_store_checked(node->engine, OK, report, node_moment(node));
        node_called(node);
    }
    free(report);
}

static void act_forge(struct sim_node *node)
{
    struct sim *sim = node->sim;

    /* Whoever was drawn, a traitor does it. */
    for (size_t i = 0; i < sim->count; i++) {
        struct sim_node *one = &sim->nodes[(node->index + i) % sim->count];
        if (one->traitor && node_is_up(one)) {
            forge(one);
            return;
        }
    }
}

static const struct action actions[] = {
    {"publish", 100, 0, act_publish},
    {"version", 50, 0, act_version},
    {"fat", 3, 0, act_fat},
    {"flood", 1, 0, act_flood},
    {"ping", 10, 0, act_ping},
    {"sleep", 10, 0, act_sleep},
    {"pause", 8, FAULT_PAUSE, act_pause},
    {"resume", 40, FAULT_PAUSE, act_resume},
    {"break", 60, FAULT_NETWORK, act_break},
    {"cut", 12, FAULT_NETWORK, act_cut},
    {"isolate", 4, FAULT_NETWORK, act_isolate},
    {"mend network", 60, FAULT_NETWORK, act_mend_network},
    {"weather", 20, FAULT_NETWORK, act_weather},
    {"transport", 10, FAULT_NETWORK, act_transport},
    {"mend", 5, FAULT_CRASH, act_mend},
    {"stop", 10, FAULT_CRASH, act_stop},
    {"kill", 15, FAULT_CRASH, act_kill},
    {"arm", 50, FAULT_CRASH, act_arm},
    {"full", 10, FAULT_DISK, act_full},
    {"copy", 40, FAULT_RESTORE, act_copy},
    {"restore", 60, FAULT_RESTORE, act_restore},
    {"skew", 10, FAULT_CLOCK, act_skew},
    {"jump", 8, FAULT_CLOCK, act_jump},
    {"jump back", 8, FAULT_CLOCK, act_jump_back},
    {"forge", 80, FAULT_TRAITOR, act_forge},
};

enum { ACTIONS = sizeof actions / sizeof actions[0] };

static void act(struct sim *sim)
{
    struct sim_node *node = random_node(sim);
    uint32_t total = 0;

    for (size_t i = 0; i < ACTIONS; i++) {
        total += (actions[i].fault & ~sim->options.faults) == 0 ? actions[i].weight : 0;
    }
    uint32_t roll = prng_below(&sim->prng, total);
    for (size_t i = 0; i < ACTIONS; i++) {
        uint32_t weight = (actions[i].fault & ~sim->options.faults) == 0 ? actions[i].weight : 0;
        if (roll < weight) {
            sim_trace(sim, view_of_text(actions[i].name));
            if (sim->options.log) {
                (void)fprintf(stderr, "%8lld %9.3f %s * %s\n", (long long)sim->step,
                              (double)sim->now_ms / 1000, node->state, actions[i].name);
            }
            if (node_is_up(node)) {
                actions[i].run(node);
            }
            return;
        }
        roll -= weight;
    }
}

/* --- what is due --------------------------------------------------------------------------- */

/* When a node wants to be called, or comes back. */
static int64_t node_due(const struct sim_node *node)
{
    return !node_is_up(node) ? node->restart_ms
           : node->check_due ? node->sim->now_ms
                             : node->wake_ms;
}

static void serve(struct sim_node *node)
{
    if (!node_is_up(node)) {
        node->accept_older = node->rolled_back;
        node_start(node);
        if (node_is_up(node)) {
            ledger_settle(node);
            check_started(node);
        }
    } else if (node->check_due) {
        node_check(node);
    } else {
        node_tick(node);
    }
}

static struct sim_node *random_due(struct sim *sim)
{
    struct sim_node *due[SIM_NODES_MAX];
    uint32_t count = 0;

    for (size_t i = 0; i < sim->count; i++) {
        if (node_due(&sim->nodes[i]) <= sim->now_ms) {
            due[count++] = &sim->nodes[i];
        }
    }
    return count == 0 ? NULL : due[prng_below(&sim->prng, count)];
}

void steps_due(struct sim *sim)
{
    int64_t next_ms = network_due(sim);
    bool messages = next_ms <= sim->now_ms;
    struct sim_node *node = random_due(sim);

    if (messages && (node == NULL || prng_chance(&sim->prng, 7000))) {
        (void)network_deliver(sim);
    } else if (node != NULL) {
        serve(node);
    } else {
        for (size_t i = 0; i < sim->count; i++) {
            int64_t due_ms = node_due(&sim->nodes[i]);
            next_ms = due_ms < next_ms ? due_ms : next_ms;
        }
        sim->now_ms = next_ms + (prng_chance(&sim->prng, 1000) ? 20 : 0);
    }
    network_sweep(sim);
}

void steps_one(struct sim *sim)
{
    if (prng_chance(&sim->prng, ACTION_PARTS)) {
        act(sim);
        network_sweep(sim);
    } else {
        steps_due(sim);
    }
}

void steps_heal(struct sim *sim)
{
    sim->faults = false;
    sim->network.loss = 0;
    sim->network.duplicate = 0;
    sim->network.reorder = 0;
    sim->network.delay_ms = DELAY_CALM_MS;
    for (size_t i = 0; i < sim->count; i++) {
        struct sim_node *node = &sim->nodes[i];
        act_mend_network(node);
        node->armed = NULL;
        node->failing_commits = 0;
        node->jump_ms = 0;
        while (!node_is_up(node) && !sim->failure.found) {
            serve(node);
        }
        act_resume(node);
    }
    /* The last that happens: more than one credit, with nothing that would begin a new session. */
    if (prng_chance(&sim->prng, 5000)) {
        act_flood(random_node(sim));
    }
}
