/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <string.h>

enum { STEP_MS = 10, PATIENCE_MS = 30 * 60 * 1000 };

/* --- ports --------------------------------------------------------------------------------- */

static void port_send(void *context, link_id link, struct view message)
{
    struct stage *stage = context;

    (void)link;
    MUST(stage->sent_count < STAGE_SENT_MAX);
    stage->sent[stage->sent_count] = buffer_init(MESSAGE_MAX_BYTES);
    buffer_append(&stage->sent[stage->sent_count], message);
    MUST(stage->sent[stage->sent_count].error == OK);
    stage->sent_count++;
}

static size_t port_backlog(void *context)
{
    (void)context;
    return 0;
}

static void port_dial(void *context, link_id link, const char *endpoint,
                      const uint8_t server_key[static BOX_PUBLIC_BYTES])
{
    struct stage *stage = context;

    assert_string_equal(endpoint, STAGE_ENDPOINT);
    assert_memory_equal(server_key, stage->them.keys.card.curve_key, BOX_PUBLIC_BYTES);
    stage->dialled++;
    stage->link = link;
}

static void port_hang_up(void *context, link_id link)
{
    struct stage *stage = context;

    (void)link;
    stage->hung_up++;
}

static void port_allow(void *context, const uint8_t *keys, size_t count)
{
    (void)context;
    (void)keys;
    (void)count;
}

static void port_log(void *context, enum log_level level, const char *event, const char *fields)
{
    (void)context;
    (void)level;
    (void)event;
    (void)fields;
}

static void port_check_store(void *context)
{
    (void)context;
}

static enum error port_point(void *context, const char *name)
{
    (void)context;
    (void)name;
    return OK;
}

/* --- life ---------------------------------------------------------------------------------- */

/* A party whose node id is smaller than, or greater than, another's. */
static void party_beside(struct party *party, const struct party *other, bool smaller)
{
    const struct id *reference = &other->keys.identity.node;

    for (;;) {
        party_make(party, "XNH", "Norrhaven");
        int order = memcmp(party->keys.identity.node.bytes, reference->bytes, ID_BYTES);
        if ((order < 0) == smaller) {
            return;
        }
        party_free(party);
    }
}

static void add_peer(struct stage *stage)
{
    struct store_txn *txn = shelf_begin(stage->shelf, STORE_WRITE);
    const struct store_peer row = {.bundle = view_of_buffer(&stage->them.keys.bundle),
                                   .standing = 1, /* verified */
                                   .address = view_of_text(STAGE_ENDPOINT)};

    assert_ok(store_peer_put(txn, 1, &row));
    shelf_commit(&txn);
}

static void start(struct stage *stage)
{
    assert_ok(engine_new(&stage->options, stage->now, &stage->engine));
    engine_start(stage->engine, stage->now);
}

void stage_begin(struct stage *stage, struct shelf *shelf, enum stage_order order)
{
    *stage = (struct stage){.shelf = shelf, .now = {sample_now, 1000}, .lane = lane_start()};
    party_make(&stage->us, "XMA", "Marentia");
    party_beside(&stage->them, &stage->us, order == PEER_IS_SMALLER);
    add_peer(stage);
    stage->ports = (struct ports){stage,      port_send, port_backlog,     port_dial, port_hang_up,
                                  port_allow, port_log,  port_check_store, port_point};
    stage->options = (struct engine_options){.store = shelf->store,
                                             .keys = &stage->us.keys,
                                             .ports = &stage->ports,
                                             .limits = {1000, 1 << 20, DAY_MS},
                                             .software = "test"};
    start(stage);
}

void stage_end(struct stage *stage)
{
    stage_forget(stage);
    engine_free(&stage->engine);
    party_free(&stage->us);
    party_free(&stage->them);
}

void stage_restart(struct stage *stage)
{
    engine_free(&stage->engine);
    stage_forget(stage);
    start(stage);
}

/* --- time ---------------------------------------------------------------------------------- */

void stage_wait(struct stage *stage, int64_t ms)
{
    stage->now.steady_ms += ms;
    stage->now.wall.ms += ms;
    (void)engine_tick(stage->engine, stage->now);
}

int64_t stage_until_dialled(struct stage *stage)
{
    const int64_t before_ms = stage->now.steady_ms;
    const unsigned before = stage->dialled;

    stage_wait(stage, 0);
    while (stage->dialled == before) {
        stage_wait(stage, STEP_MS);
        assert_true(stage->now.steady_ms - before_ms < PATIENCE_MS);
    }
    return stage->now.steady_ms - before_ms;
}

/* --- what the node sent -------------------------------------------------------------------- */

void stage_forget(struct stage *stage)
{
    for (size_t i = 0; i < stage->sent_count; i++) {
        buffer_free(&stage->sent[i]);
    }
    stage->sent_count = 0;
}

bool stage_heard(struct stage *stage, enum message_type type, struct message *message)
{
    for (size_t i = stage->sent_count; i > 0; i--) {
        struct view bytes = view_of_buffer(&stage->sent[i - 1]);
        if (bytes.data[0] == type) {
            assert_ok(message_decode(bytes, stage->shelf->arena, message));
            return true;
        }
    }
    return false;
}

/* --- the peer ------------------------------------------------------------------------------ */

void stage_say_bytes(struct stage *stage, struct view bytes)
{
    engine_link_message(stage->engine, stage->link, bytes, stage->now);
}

void stage_say(struct stage *stage, struct message *message)
{
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES);

    memcpy(message->session.tag, stage->tag, SESSION_TAG_BYTES);
    message->session.counter = ++stage->counter;
    assert_ok(message_encode(message, &bytes));
    stage_say_bytes(stage, view_of_buffer(&bytes));
    buffer_free(&bytes);
}

/* The node's HELLO is answered with its nonce; then it says its second one by itself. W-62 */
void stage_open(struct stage *stage)
{
    const struct id *us = &stage->us.keys.identity.node;
    const struct id *them = &stage->them.keys.identity.node;
    struct message message;
    struct hello first = {0};
    struct hello hello = {.version = PROTOCOL_VERSION,
                          .version_min = PROTOCOL_VERSION_MIN,
                          .node = *them,
                          .to = *us,
                          .card_seq = stage->them.keys.card.card_seq,
                          .event_seq = stage->them.keys.identity.event_seq,
                          .time = stage->now.wall,
                          .software = view_of_text("test")};
    struct buffer bytes = buffer_init(HELLO_MAX_BYTES + 256);

    engine_link_up(stage->engine, stage->link, stage->them.keys.card.curve_key, stage->now);
    assert_true(stage_heard(stage, MESSAGE_HELLO, &message));
    assert_ok(hello_read(&message.hello, stage->shelf->arena, &first));
    random_fill(hello.nonce, HELLO_NONCE_BYTES);
    memcpy(hello.echo, first.nonce, HELLO_NONCE_BYTES);
    OBJECT_SET(&hello, HELLO_ECHO);
    assert_ok(hello_make(&hello, stage->them.keys.sign_key, &bytes));
    session_tag(them, us, hello.nonce, first.nonce, stage->tag);
    stage->counter = 0;
    stage_say_bytes(stage, view_of_buffer(&bytes));
    buffer_free(&bytes);
    assert_true(stage_heard(stage, MESSAGE_HEADS, &message));
}

static struct lane_ends ends_of(const struct stage *stage)
{
    return (struct lane_ends){stage->them.keys.identity.node, stage->us.keys.identity.node};
}

static void make_head(struct stage *stage, struct buffer *head)
{
    const struct lane_ends ends = ends_of(stage);
    const struct lane_signer signer = {stage->them.keys.card.card_seq, stage->them.keys.sign_key};

    assert_ok(lane_head_make(&ends, &stage->lane, stage->now.wall, &signer, head));
}

void stage_open_lanes(struct stage *stage)
{
    struct message heads = {.type = MESSAGE_HEADS};
    struct buffer head = buffer_init(LANE_HEAD_MAX_BYTES);

    stage_open(stage);
    heads.heads.incarnation = LANE_INCARNATION_FIRST;
    if (stage->lane.seq > 0) {
        make_head(stage, &head);
        heads.heads.mine = view_of_buffer(&head);
        OBJECT_SET(&heads.session, HEADS_MINE);
    }
    stage_say(stage, &heads);
    buffer_free(&head);
}

void stage_push(struct stage *stage, enum lane_entry_type type, struct view payload,
                struct views blobs)
{
    const struct lane_ends ends = ends_of(stage);
    struct buffer entry = buffer_init(LANE_ENTRY_MAX_BYTES);
    struct buffer head = buffer_init(LANE_HEAD_MAX_BYTES);
    struct message push = {.type = MESSAGE_LANE_PUSH};

    assert_ok(lane_entry_make(&ends, type, payload, stage->now.wall, &stage->lane, &entry));
    make_head(stage, &head);
    struct view entries[1] = {view_of_buffer(&entry)};
    struct view payloads[1] = {payload};
    push.lane_data.side = LANE_OF_SENDER;
    push.lane_data.entries = (struct views){1, entries};
    push.lane_data.payloads = (struct views){1, payloads};
    push.lane_data.blobs = blobs;
    push.lane_data.head = view_of_buffer(&head);
    stage_say(stage, &push);
    buffer_free(&entry);
    buffer_free(&head);
}

/* --- callers ------------------------------------------------------------------------------- */

enum error stage_ask(struct stage *stage, unsigned roles, const char *command,
                     const char *arguments, struct value **result)
{
    const struct caller caller = {"caller", roles};
    const struct engine_request request = {
        .caller = &caller,
        .command = control_find(view_of_text(command)),
        .arguments = json(stage->shelf->arena, arguments == NULL ? "{}" : arguments)};
    struct control_reply reply = {0};

    MUST(request.command != NULL);
    engine_command(stage->engine, &request, stage->shelf->arena, &reply, stage->now);
    if (result != NULL) {
        *result = reply.result;
    }
    return reply.error;
}

/* Look at the newest audit entries. @return how many are of the event. */
static size_t look_through(struct stage *stage, const char *event, const char **detail)
{
    struct store_txn *txn = shelf_begin(stage->shelf, STORE_READ);
    size_t count = 0;

    *detail = NULL;
    for (int64_t seq = 1; seq <= engine_last_event(stage->engine); seq++) {
        struct audit_entry entry = {0};
        assert_ok(store_audit_get(txn, seq, stage->shelf->arena, &entry));
        if (view_is(entry.event, event)) {
            *detail = arena_text(stage->shelf->arena, entry.detail);
            count++;
        }
    }
    store_abort(&txn);
    return count;
}

size_t stage_events(struct stage *stage, const char *event)
{
    const char *detail = NULL;

    return look_through(stage, event, &detail);
}

const char *stage_detail(struct stage *stage, const char *event)
{
    const char *detail = NULL;

    (void)look_through(stage, event, &detail);
    return detail;
}
