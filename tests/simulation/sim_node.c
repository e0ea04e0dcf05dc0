/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_node.h"

#include "sim_network.h"

#include "armor.h"
#include "control.h"
#include "safety.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STORE_BYTES = 256 * 1024 * 1024,
    CARD_DAYS = 400,
    DOWN_MIN_MS = 100,
    DOWN_MAX_MS = 40000,
    LATE_MAX = 30,
    CALL_ARENA_BYTES = 16 * 1024 * 1024
};

static const char *const states[SIM_NODES_MAX] = {"XMA", "XNH", "XOR", "XPE", "XUR", "XRI", "XQU"};
static const char *const store_files[] = {"data.mdb", "keys.mdb", "anchor"};

enum { STORE_FILES = 3 };

/* --- clocks -------------------------------------------------------------------------------- */

struct instant sim_wall(const struct sim *sim)
{
    return (struct instant){SIM_EPOCH_MS + sim->now_ms};
}

struct moment node_moment(const struct sim_node *node)
{
    struct instant wall = sim_wall(node->sim);

    wall.ms += node->skew_ms + node->jump_ms;
    /* Each machine's steady clock began at a time of its own. */
    return (struct moment){wall, node->sim->now_ms + 1000000 * (int64_t)(node->index + 1)};
}

/* --- ports --------------------------------------------------------------------------------- */

/* A named point was reached: the process may end here, or its disk be full. */
static enum error reach(struct sim_node *node, const char *name)
{
    sim_trace(node->sim, view_of_text(name));
    if (node->dying) {
        return ERR_STORE_IO;
    }
    if (node->failing_commits > 0 && strcmp(name, "commit.before-keys") == 0) {
        node->failing_commits--;
        node->commit_failed = true;
        node->sim->counts.failed_commits++;
        return ERR_DISK_FULL;
    }
    if (node->armed != NULL && strcmp(name, node->armed) == 0 && --node->armed_after <= 0) {
        node->dying = true;
        node->armed = NULL;
        return ERR_STORE_IO;
    }
    return OK;
}

static enum error port_point(void *context, const char *name)
{
    return reach(context, name);
}

static void port_send(void *context, link_id link, struct view message)
{
    struct sim_node *node = context;

    if (!node->dying) {
        network_send(node, link, message);
    }
}

static size_t port_backlog(void *context)
{
    (void)context;
    return 0;
}

static void port_dial(void *context, link_id link, const char *endpoint,
                      const uint8_t server_key[static BOX_PUBLIC_BYTES])
{
    struct sim_node *node = context;

    if (!node->dying) {
        network_dial(node, link, endpoint, server_key);
    }
}

static void port_hang_up(void *context, link_id link)
{
    struct sim_node *node = context;

    if (!node->dying) {
        network_hang_up(node, link);
    }
}

static void port_allow(void *context, const uint8_t *keys, size_t count)
{
    struct sim_node *node = context;

    node->allowed_count = count < SIM_NODES_MAX ? count : SIM_NODES_MAX;
    memcpy(node->allowed, keys, node->allowed_count * BOX_PUBLIC_BYTES);
}

static void port_log(void *context, enum log_level level, const char *event, const char *fields)
{
    struct sim_node *node = context;

    sim_trace(node->sim, view_of_text(event));
    sim_trace(node->sim, view_of_text(fields));
    if (node->sim->options.log) {
        (void)fprintf(stderr, "%8lld %9.3f %s %d %s %s\n", (long long)node->sim->step,
                      (double)node->sim->now_ms / 1000, node->state, (int)level, event, fields);
    }
}

static void port_check_store(void *context)
{
    struct sim_node *node = context;

    node->check_due = true;
}

/* --- the process --------------------------------------------------------------------------- */

static void store_path(const struct sim_node *node, const char *file, char path[SIM_PATH_BYTES])
{
    (void)snprintf(path, SIM_PATH_BYTES, "%.80s/%.24s", node->path, file);
}

void node_make(struct sim_node *node)
{
    struct sim *sim = node->sim;
    char endpoint[64];
    struct secret *authority = NULL;
    struct secret *next = NULL;

    (void)snprintf(node->state, sizeof node->state, "%s", states[node->index]);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d",
                   SIM_PORT_FIRST + (int)node->index);
    const struct view endpoints[1] = {view_of_text(endpoint)};
    const struct node_keys_wish wish = {.state = view_of_text(node->state),
                                        .name = view_of_text("Simulated State"),
                                        .endpoints = endpoints,
                                        .endpoint_count = 1,
                                        .card_days = CARD_DAYS,
                                        .now = {SIM_EPOCH_MS - HOUR_MS}};
    if (node_keys_make(&wish, &node->keys, &authority, &next) != OK) {
        sim_fail(sim, "set-up", "no keys for %s", node->state);
    }
    secret_free(&authority);
    secret_free(&next);
    node->ports = (struct ports){.context = node,
                                 .send = port_send,
                                 .backlog = port_backlog,
                                 .dial = port_dial,
                                 .hang_up = port_hang_up,
                                 .allow = port_allow,
                                 .log = port_log,
                                 .check_store = port_check_store,
                                 .point = port_point};
    (void)snprintf(node->path, sizeof node->path, "%.100s/%s", sim->root, node->state);
    if (mkdir(node->path, 0700) != 0) {
        sim_fail(sim, "set-up", "%s: %s", node->path, strerror(errno));
    }
}

static enum error open_store(struct sim_node *node)
{
    struct store_options options = {.path = node->path,
                                    .master = node->keys.master,
                                    .node = node->keys.identity.node,
                                    .max_bytes = STORE_BYTES,
                                    .allow_tmpfs = true,
                                    .accept_older = node->accept_older,
                                    .point = port_point,
                                    .point_context = node};

    return store_open(&options, &node->store);
}

static void end(struct sim_node *node)
{
    struct sim *sim = node->sim;

    engine_free(&node->engine);
    store_close(&node->store);
    node->dying = false;
    node->armed = NULL;
    node->check_due = false;
    node->allowed_count = 0;
    node->jump_ms = 0;
    node->floor_ms = 0;
    node->restart_ms = sim->now_ms + prng_range(&sim->prng, DOWN_MIN_MS, DOWN_MAX_MS);
}

void node_start(struct sim_node *node)
{
    enum error err = open_store(node);

    node->dying = false;
    node->armed = NULL;
    node->commit_failed = false;
    node->check_due = false;
    node->accepted = 0;
    node->wake_ms = node->sim->now_ms;
    if (err == OK) {
        const struct engine_options options = {.store = node->store,
                                               .keys = &node->keys,
                                               .ports = &node->ports,
                                               .limits = {.records_per_day = INT64_MAX / 2,
                                                          .bytes_per_day = INT64_MAX / 2,
                                                          .stale_after_ms = HOUR_MS},
                                               .software = "simulation"};
        err = engine_new(&options, node_moment(node), &node->engine);
    }
    if (err == ERR_DISK_FULL && node->commit_failed) {
        /* It says so and ends; its operator makes room and starts it again. */
        end(node);
        return;
    }
    if (err != OK) {
        sim_fail(node->sim, "I1", "%s does not start again: %s", node->state,
                 error_info(err)->code);
        store_close(&node->store);
        return;
    }
    engine_start(node->engine, node_moment(node));
    node_called(node);
}

void node_stop(struct sim_node *node)
{
    if (node->engine == NULL) {
        return;
    }
    engine_stop(node->engine, node_moment(node));
    network_node_gone(node, false);
    end(node);
}

void node_kill(struct sim_node *node)
{
    char path[SIM_PATH_BYTES];
    int fd = -1;

    if (node->engine == NULL) {
        return;
    }
    network_node_gone(node, true);
    end(node);
    node->sim->counts.crashes++;
    /* store_close noted an orderly end, which a killed process does not. */
    store_path(node, "lock", path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || pwrite(fd, "O", 1, 0) != 1) {
        sim_fail(node->sim, "set-up", "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

void node_free(struct sim_node *node)
{
    engine_free(&node->engine);
    store_close(&node->store);
    node_keys_free(&node->keys);
}

void node_called(struct sim_node *node)
{
    if (node->dying) {
        node_kill(node);
    } else if (node->engine != NULL && engine_has_failed(node->engine)) {
        sim_fail(node->sim, "I1", "%s gave up without a crash", node->state);
    }
}

void node_tick(struct sim_node *node)
{
    struct moment now = node_moment(node);

    node->commit_failed = false;
    /* A busy machine calls late; so do we, else most steps would only watch back-offs. */
    node->wake_ms = node->sim->now_ms + (engine_tick(node->engine, now) - now.steady_ms) *
                                            prng_range(&node->sim->prng, 1, LATE_MAX);
    node_called(node);
}

bool node_is_up(const struct sim_node *node)
{
    return node->engine != NULL;
}

bool node_is_honest(const struct sim_node *node)
{
    return !node->traitor;
}

struct peer *node_peer(const struct sim_node *node, size_t other)
{
    return node->engine == NULL
               ? NULL
               : engine_peer_by_node(node->engine, &node->sim->nodes[other].keys.identity.node);
}

void node_check(struct sim_node *node)
{
    struct store_report *report = calloc(1, sizeof *report);
    enum error err = report == NULL ? ERR_NO_MEMORY : store_check(node->store, report);

    node->check_due = false;
    if (err != OK) {
        sim_fail(node->sim, "I10", "the store of %s cannot be checked: %s", node->state,
                 error_info(err)->code);
    } else if (report->finding_count > 0) {
        sim_fail(node->sim, "I10", "the store of %s is damaged: %s", node->state,
                 report->findings[0]);
    } else {
        engine_store_checked(node->engine, OK, report, node_moment(node));
        node_called(node);
    }
    free(report);
}

/* --- commands ------------------------------------------------------------------------------ */

enum error node_command(struct sim_node *node, const char *name, struct value *arguments,
                        struct control_reply *reply)
{
    static const struct caller officer = {"simulation", ROLE_ALL};
    const struct engine_request request = {
        .caller = &officer, .command = control_find(view_of_text(name)), .arguments = arguments};

    *reply = (struct control_reply){.error = ERR_BUG};
    if (node->engine == NULL || request.command == NULL) {
        return ERR_NODE_UNREACHABLE;
    }
    node->commit_failed = false;
    sim_trace(node->sim, view_of_text(name));
    engine_command(node->engine, &request, node->sim->arena, reply, node_moment(node));
    sim_trace_number(node->sim, reply->error);
    if (node->sim->options.log && reply->error != OK) {
        (void)fprintf(stderr, "%8lld %9.3f %s ! %s %s %s %s\n", (long long)node->sim->step,
                      (double)node->sim->now_ms / 1000, node->state, name,
                      error_info(reply->error)->code, reply->problems.items[0].where,
                      reply->problems.items[0].what);
    }
    return reply->error;
}

static void introduce(struct sim_node *node, const struct sim_node *other)
{
    struct sim *sim = node->sim;
    struct value *add = value_map(sim->arena);
    struct value *verify = value_map(sim->arena);
    struct buffer card = buffer_init(ARMOR_TEXT_MAX_BYTES);
    char number[SAFETY_TEXT_BYTES];
    struct control_reply reply;
    enum error err = OK;

    armor_write("valise-card-1", view_of_buffer(&other->keys.bundle), &card);
    TRY(value_put_text(sim->arena, add, "card", view_of_buffer(&card)));
    TRY(node_command(node, "peer.add", add, &reply));
    TRY(value_put_string(sim->arena, verify, "state", other->state));
    TRY(value_put_string(sim->arena, verify, "number",
                         safety_number(&other->keys.identity.node, number)));
    TRY(value_put_string(sim->arena, verify, "who", "both"));
    TRY(value_put_string(sim->arena, verify, "how", "in person"));
    TRY(node_command(node, "peer.verify", verify, &reply));
out:
    buffer_free(&card);
    if (err != OK) {
        sim_fail(sim, "set-up", "%s does not take the card of %s: %s", node->state, other->state,
                 error_info(err)->code);
    }
}

static void define_group(struct sim_node *node, const struct sim_group *group)
{
    struct sim *sim = node->sim;
    struct value *arguments = value_map(sim->arena);
    struct value *members = value_list(sim->arena);
    struct control_reply reply;
    enum error err = OK;

    for (size_t i = 0; i < sim->count; i++) {
        if (((group->members >> i) & 1U) != 0) {
            TRY(value_append(sim->arena, members, value_string(sim->arena, states[i])));
        }
    }
    TRY(value_put_string(sim->arena, arguments, "name", group->name));
    TRY(value_put(sim->arena, arguments, "states", members));
    TRY(node_command(node, "group.define", arguments, &reply));
out:
    if (err != OK) {
        sim_fail(sim, "set-up", "%s does not define a group: %s", node->state,
                 error_info(err)->code);
    }
}

void nodes_introduce(struct sim *sim)
{
    for (size_t i = 0; i < sim->count; i++) {
        for (size_t j = 0; j < sim->count; j++) {
            arena_clear(sim->arena);
            if (i != j) {
                introduce(&sim->nodes[i], &sim->nodes[j]);
            }
        }
        for (size_t g = 0; g < SIM_GROUPS; g++) {
            define_group(&sim->nodes[i], &sim->groups[g]);
        }
    }
}

/* --- copies of the disk -------------------------------------------------------------------- */

/* Copy a file; a file that is not there makes an empty one. */
static bool copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t got = in < 0 ? 0 : 1;

    while (got > 0 && out >= 0) {
        got = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);
    }
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0) {
        (void)close(out);
    }
    return got == 0 && out >= 0;
}

static void copy_path(const struct sim_node *node, size_t slot, const char *file,
                      char path[SIM_PATH_BYTES])
{
    (void)snprintf(path, SIM_PATH_BYTES, "%.80s.%zu.%.24s", node->path, slot, file);
}

void node_copy(struct sim_node *node, size_t slot)
{
    char from[SIM_PATH_BYTES];
    char to[SIM_PATH_BYTES];

    for (size_t i = 0; i < STORE_FILES; i++) {
        store_path(node, store_files[i], from);
        copy_path(node, slot, store_files[i], to);
        if (!copy_file(from, to)) {
            sim_fail(node->sim, "set-up", "%s: %s", to, strerror(errno));
        }
    }
    node->copies[slot] = true;
}

void node_restore(struct sim_node *node, size_t slot, bool keep_anchor)
{
    char from[SIM_PATH_BYTES];
    char to[SIM_PATH_BYTES];

    for (size_t i = 0; i < STORE_FILES; i++) {
        if (keep_anchor && strcmp(store_files[i], "anchor") == 0) {
            continue;
        }
        copy_path(node, slot, store_files[i], from);
        store_path(node, store_files[i], to);
        if (!copy_file(from, to)) {
            sim_fail(node->sim, "set-up", "%s: %s", to, strerror(errno));
        }
    }
    node->sim->counts.restores++;
    node->rolled_back = true;
    node->noticed = keep_anchor;
    node->ever_rolled_back = true;
    node->unlearned = ((1U << node->sim->count) - 1) & ~(1U << node->index);
    node->audit_read = 0;
}
