/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include "armor.h"
#include "peer.h"
#include "recorder.h"
#include "safety.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NODES_MAX = STORE_PEERS_MAX,
    LINKS_MAX = 2 * NODES_MAX,
    COMMAND_ARENA_BYTES = 64 * 1024 * 1024,
    CARD_DAYS = 365,
    QUIET_MS = 1000,
    MEETING_MS = 60000,
    KEY_FILE_MAX_BYTES = KEYFILE_MAX_BYTES * 2
};

/** 2026-06-01T00:00:00Z: in the validity of all cards made here. */
static const int64_t BEGINNING_MS = 1780272000000;

/** One end of a link. */
struct end {
    struct bench_node *node;
    link_id link;
};

struct link {
    struct end ends[2]; /* [0] dialled */
    bool up;
};

enum event_kind { EVENT_UP, EVENT_MESSAGE, EVENT_DOWN };

/** Something under way to a node. */
struct event {
    struct event *next;
    enum event_kind kind;
    struct end to;
    uint8_t key[BOX_PUBLIC_BYTES]; /* EVENT_UP: of the other side */
    size_t size;
    uint8_t bytes[];
};

struct wire {
    int64_t now_ms;
    size_t node_count;
    struct bench_node *nodes[NODES_MAX];
    size_t link_count;
    struct link links[LINKS_MAX];
    uint32_t accepted;
    struct event *first;
    struct event **last;
    struct arena *arena;
    struct control_reply reply;
};

struct wire *wire_new(void)
{
    struct wire *wire = calloc(1, sizeof *wire);

    MUST(wire != NULL);
    wire->last = &wire->first;
    wire->now_ms = BEGINNING_MS;
    wire->arena = arena_new(COMMAND_ARENA_BYTES);
    MUST(wire->arena != NULL);
    return wire;
}

void wire_free(struct wire **wire)
{
    while ((*wire)->first != NULL) {
        struct event *event = (*wire)->first;
        (*wire)->first = event->next;
        free(event);
    }
    arena_free(&(*wire)->arena);
    free(*wire);
    *wire = NULL;
}

struct moment wire_now(const struct wire *wire)
{
    return (struct moment){{wire->now_ms}, wire->now_ms};
}

struct arena *wire_arena(struct wire *wire)
{
    return wire->arena;
}

/* --- ports --------------------------------------------------------------------------------- */

static void put_event(struct wire *wire, enum event_kind kind, struct end to, struct view bytes)
{
    struct event *event = malloc(sizeof *event + bytes.size);

    MUST(event != NULL);
    *event = (struct event){.kind = kind, .to = to, .size = bytes.size};
    if (kind == EVENT_UP) {
        memcpy(event->key, bytes.data, BOX_PUBLIC_BYTES);
    } else if (bytes.size > 0) {
        memcpy(event->bytes, bytes.data, bytes.size);
    }
    *wire->last = event;
    wire->last = &event->next;
}

static struct link *link_of(struct wire *wire, const struct bench_node *node, link_id link,
                            size_t *end)
{
    for (size_t i = 0; i < wire->link_count; i++) {
        for (*end = 0; *end < 2; (*end)++) {
            const struct end *found = &wire->links[i].ends[*end];
            if (found->node == node && found->link == link) {
                return &wire->links[i];
            }
        }
    }
    return NULL;
}

static void port_send(void *context, link_id link, struct view message)
{
    struct bench_node *node = context;
    size_t end = 0;
    const struct link *found = link_of(node->wire, node, link, &end);

    if (found != NULL) {
        put_event(node->wire, EVENT_MESSAGE, found->ends[1 - end], message);
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
    struct bench_node *node = context;
    struct wire *wire = node->wire;
    const struct end from = {node, link};

    (void)endpoint;
    for (size_t i = 0; i < wire->node_count; i++) {
        struct bench_node *other = wire->nodes[i];
        if (other->engine == NULL ||
            memcmp(other->keys.card.curve_key, server_key, BOX_PUBLIC_BYTES) != 0) {
            continue;
        }
        MUST(wire->link_count < LINKS_MAX);
        const struct end to = {other, LINK_ACCEPTED + wire->accepted++};
        wire->links[wire->link_count++] = (struct link){{from, to}, true};
        put_event(wire, EVENT_UP, to, view_of(node->keys.card.curve_key, BOX_PUBLIC_BYTES));
        put_event(wire, EVENT_UP, from, view_of(server_key, BOX_PUBLIC_BYTES));
        return;
    }
    put_event(wire, EVENT_DOWN, from, view_of(NULL, 0));
}

static void port_hang_up(void *context, link_id link)
{
    struct bench_node *node = context;
    size_t end = 0;
    struct link *found = link_of(node->wire, node, link, &end);

    if (found != NULL) {
        put_event(node->wire, EVENT_DOWN, found->ends[1 - end], view_of(NULL, 0));
        *found = node->wire->links[--node->wire->link_count];
    }
}

static void port_allow(void *context, const uint8_t *keys, size_t count)
{
    (void)context;
    (void)keys;
    (void)count;
}

/* Nothing that a benchmark does may be worth a warning. */
static void port_log(void *context, enum log_level level, const char *event, const char *fields)
{
    const struct bench_node *node = context;

    if (level <= LOG_WARNING) {
        bench_say("%s: %s %s", node->state, event, fields);
    }
}

static void port_check_store(void *context)
{
    (void)context;
}

static enum error port_point(void *context, const char *name)
{
    struct bench_node *node = context;

    if (node->watched != NULL && strcmp(node->watched, name) == 0) {
        node->watched_ns = bench_now_ns();
    }
    return OK;
}

/* --- nodes --------------------------------------------------------------------------------- */

static void prepare(struct bench_node *node, struct wire *wire)
{
    node->wire = wire;
    node->ports = (struct ports){.context = node,
                                 .send = port_send,
                                 .backlog = port_backlog,
                                 .dial = port_dial,
                                 .hang_up = port_hang_up,
                                 .allow = port_allow,
                                 .log = port_log,
                                 .check_store = port_check_store,
                                 .point = port_point};
    MUST(wire->node_count < NODES_MAX);
    wire->nodes[wire->node_count++] = node;
}

void node_make(struct bench_node *node, struct wire *wire, const char *state)
{
    const struct view endpoint = view_of_text("tcp://127.0.0.1:7700");
    const struct node_keys_wish wish = {.state = view_of_text(state),
                                        .name = view_of_text("State"),
                                        .endpoints = &endpoint,
                                        .endpoint_count = 1,
                                        .card_days = CARD_DAYS,
                                        .now = {BEGINNING_MS - DAY_MS}};
    struct secret *authority = NULL;
    struct secret *next = NULL;

    memset(node, 0, sizeof *node);
    MUST(node_keys_make(&wish, &node->keys, &authority, &next) == OK);
    secret_free(&authority);
    secret_free(&next);
    (void)snprintf(node->state, sizeof node->state, "%.3s", state);
    prepare(node, wire);
}

static size_t read_file(const char *home, const char *name, uint8_t *bytes, size_t max)
{
    char path[BENCH_PATH_BYTES];
    int fd = -1;

    bench_path(path, home, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, max);
    MUST(got > 0);
    (void)close(fd);
    return (size_t)got;
}

void node_take_home(struct bench_node *node, struct wire *wire, const char *home)
{
    uint8_t unlock[KEY_BYTES];
    uint8_t *text = malloc(KEY_FILE_MAX_BYTES);
    struct keyfile_opener opener = {.kind = KEYFILE_KEY};

    memset(node, 0, sizeof *node);
    MUST(text != NULL);
    MUST(read_file(home, "unlock.key", unlock, sizeof unlock) == sizeof unlock);
    size_t size = read_file(home, "node.key", text, KEY_FILE_MAX_BYTES);
    opener.secret = secret_take(unlock, sizeof unlock);
    MUST(opener.secret != NULL);
    MUST(node_keys_open(view_of(text, size), &opener, &node->keys) == OK);
    secret_free(&opener.secret);
    free(text);
    (void)snprintf(node->state, sizeof node->state, "%s", node->keys.identity.state);
    /* What is written must not lie in the future of the node that takes the store over. */
    wire->now_ms = node->keys.card.not_before.ms + MINUTE_MS;
    prepare(node, wire);
}

void node_start(struct bench_node *node, const char *path, uint64_t max_bytes)
{
    const struct store_options options = {.path = node->path,
                                          .master = node->keys.master,
                                          .node = node->keys.identity.node,
                                          .max_bytes = max_bytes,
                                          .allow_tmpfs = true};

    (void)snprintf(node->path, sizeof node->path, "%s", path);
    MUST(mkdir(path, 0700) == 0 || errno == EEXIST);
    enum error err = store_open(&options, &node->store);
    if (err != OK) {
        bench_say("%s: %s", path, error_info(err)->text);
    }
    MUST(err == OK);
    const struct engine_options engine = {.store = node->store,
                                          .keys = &node->keys,
                                          .ports = &node->ports,
                                          .limits = {.records_per_day = INT64_MAX / 2,
                                                     .bytes_per_day = INT64_MAX / 2,
                                                     .stale_after_ms = DAY_MS},
                                          .software = "bench"};
    MUST(engine_new(&engine, wire_now(node->wire), &node->engine) == OK);
    engine_start(node->engine, wire_now(node->wire));
}

/* Take the links of a node down; what is under way to it is lost. */
static void unplug(struct bench_node *node)
{
    struct wire *wire = node->wire;

    for (size_t i = wire->link_count; i > 0; i--) {
        const struct link *link = &wire->links[i - 1];
        for (size_t end = 0; end < 2; end++) {
            if (link->ends[end].node == node) {
                put_event(wire, EVENT_DOWN, link->ends[1 - end], view_of(NULL, 0));
                wire->links[i - 1] = wire->links[--wire->link_count];
                break;
            }
        }
    }
}

void node_stop(struct bench_node *node)
{
    unplug(node);
    engine_free(&node->engine);
    store_close(&node->store);
    wire_run(node->wire);
}

void node_free(struct bench_node *node)
{
    struct wire *wire = node->wire;

    if (node->engine != NULL) {
        node_stop(node);
    }
    for (size_t i = 0; i < wire->node_count; i++) {
        if (wire->nodes[i] == node) {
            wire->nodes[i] = wire->nodes[--wire->node_count];
        }
    }
    node_keys_free(&node->keys);
}

/* --- commands ------------------------------------------------------------------------------ */

const struct value *node_command(struct bench_node *node, const char *name, struct value *arguments)
{
    static const struct caller officer = {"bench", ROLE_ALL};
    const struct engine_request request = {
        .caller = &officer, .command = control_find(view_of_text(name)), .arguments = arguments};
    struct control_reply *reply = &node->wire->reply;

    MUST(request.command != NULL);
    *reply = (struct control_reply){.error = OK};
    recorder_run(node->recorded);
    engine_command(node->engine, &request, node->wire->arena, reply, wire_now(node->wire));
    recorder_run(false);
    for (size_t i = 0; i < reply->problems.count && i < PROBLEM_COUNT_MAX; i++) {
        bench_say("%s: %s %s", name, reply->problems.items[i].where, reply->problems.items[i].what);
    }
    if (reply->error != OK) {
        bench_say("%s: %s", name, error_info(reply->error)->text);
    }
    MUST(reply->error == OK);
    return reply->result;
}

void node_trust(struct bench_node *node, const struct bench_node *other)
{
    struct arena *arena = node->wire->arena;
    struct buffer card = buffer_init(ARMOR_TEXT_MAX_BYTES);
    char number[SAFETY_TEXT_BYTES];

    arena_clear(arena);
    struct value *add = value_map(arena);
    struct value *verify = value_map(arena);
    armor_write("valise-card-1", view_of_buffer(&other->keys.bundle), &card);
    MUST(value_put_text(arena, add, "card", view_of_buffer(&card)) == OK);
    (void)node_command(node, "peer.add", add);
    MUST(value_put_string(arena, verify, "state", other->state) == OK);
    MUST(value_put_string(arena, verify, "number",
                          safety_number(&other->keys.identity.node, number)) == OK);
    MUST(value_put_string(arena, verify, "who", "both") == OK);
    MUST(value_put_string(arena, verify, "how", "in person") == OK);
    (void)node_command(node, "peer.verify", verify);
    buffer_free(&card);
}

void node_group(struct bench_node *node, const char *name, const char *const *states, size_t count)
{
    struct arena *arena = node->wire->arena;

    arena_clear(arena);
    struct value *arguments = value_map(arena);
    struct value *members = value_list(arena);
    for (size_t i = 0; i < count; i++) {
        MUST(value_append(arena, members, value_string(arena, states[i])) == OK);
    }
    MUST(value_put_string(arena, arguments, "name", name) == OK);
    MUST(value_put(arena, arguments, "states", members) == OK);
    (void)node_command(node, "group.define", arguments);
}

const char *node_draft(struct bench_node *node, struct value *record)
{
    struct arena *arena = node->wire->arena;
    struct value *arguments = value_map(arena);

    MUST(value_put(arena, arguments, "record", record) == OK);
    const struct value *result = node_command(node, "draft.new", arguments);
    return arena_text(arena, value_get_text(result, "reference"));
}

void node_publish(struct bench_node *node, const char *reference)
{
    struct arena *arena = node->wire->arena;
    struct value *arguments = value_map(arena);

    MUST(value_put_string(arena, arguments, "reference", reference) == OK);
    (void)node_command(node, "record.publish", arguments);
}

/* --- running ------------------------------------------------------------------------------- */

/* By its name valgrind knows what to count; see job instructions. */
__attribute__((noinline)) static void counted_message(struct engine *engine, link_id link,
                                                      struct view message, struct moment now)
{
    engine_link_message(engine, link, message, now);
}

static void tell(struct wire *wire, const struct event *event)
{
    struct bench_node *node = event->to.node;
    struct moment now = wire_now(wire);
    struct view bytes = view_of(event->bytes, event->size);

    if (node->engine == NULL) {
        return;
    }
    if (event->kind == EVENT_MESSAGE && node->tap != NULL) {
        node->tap(node->tap_context, bytes);
    }
    recorder_run(node->recorded);
    struct bench_span before = bench_now();
    if (event->kind == EVENT_UP) {
        engine_link_up(node->engine, event->to.link, event->key, now);
    } else if (event->kind == EVENT_DOWN) {
        engine_link_down(node->engine, event->to.link, now);
    } else if (node->counted) {
        counted_message(node->engine, event->to.link, bytes, now);
    } else {
        engine_link_message(node->engine, event->to.link, bytes, now);
    }
    struct bench_span spent = bench_since(before);
    node->busy.wall_ns += spent.wall_ns;
    node->busy.cpu_ns += spent.cpu_ns;
    recorder_run(false);
}

static bool deliver_one(struct wire *wire)
{
    struct event *event = wire->first;

    if (event == NULL) {
        return false;
    }
    wire->first = event->next;
    if (wire->first == NULL) {
        wire->last = &wire->first;
    }
    wire->now_ms++;
    tell(wire, event);
    free(event);
    return true;
}

static void tick_all(struct wire *wire)
{
    for (size_t i = 0; i < wire->node_count; i++) {
        struct bench_node *node = wire->nodes[i];
        if (node->engine != NULL) {
            (void)engine_tick(node->engine, wire_now(wire));
        }
    }
}

void wire_run(struct wire *wire)
{
    while (deliver_one(wire)) {
    }
}

static bool all_met(const struct wire *wire)
{
    for (size_t i = 0; i < wire->node_count; i++) {
        const struct engine *engine = wire->nodes[i]->engine;
        for (size_t j = 0; engine != NULL && j < engine->peer_count; j++) {
            if (!engine->peers[j]->lane_confirmed || !peer_is_steady(engine->peers[j])) {
                return false;
            }
        }
    }
    return true;
}

void wire_meet(struct wire *wire)
{
    int64_t until = wire->now_ms + MEETING_MS;

    wire_run(wire);
    while (!all_met(wire)) {
        MUST(wire->now_ms < until);
        wire->now_ms += 100;
        tick_all(wire);
        wire_run(wire);
    }
}
