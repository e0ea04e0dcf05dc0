/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"
#include "transport_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/*
 * valised-transport: started by valised with one end of a socketpair as its
 * descriptor 3 and nothing else. It ends when the other end closes.
 */

enum {
    NODE_FD = 3,
    POLL_MS = 100,
    MESSAGES_A_TURN = 32,
    READ_BYTES = 256 * 1024,
    OUT_PAUSE_BYTES = 16 * 1024 * 1024 /* peers are not read while so much waits for the node */
};

int64_t transport_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void transport_tell(struct transport *transport, enum transport_operation operation, uint32_t link,
                    struct view bytes)
{
    if (transport_frame_append(&transport->out, operation, link, bytes) != OK) {
        transport->failed = "queue-full";
    }
}

/* ZeroMQ takes routing ids from rand(), which is the same in every process unless seeded. Z11 */
static void seed_rand(void)
{
    unsigned seed = 0;

    randombytes_buf(&seed, sizeof seed);
    srand(seed);
}

static bool start(struct transport *transport, struct view bytes)
{
    uint8_t key[TRANSPORT_KEY_BYTES];
    const char *text = (const char *)bytes.data + TRANSPORT_KEY_BYTES;
    size_t size = bytes.size < TRANSPORT_KEY_BYTES ? 0 : bytes.size - TRANSPORT_KEY_BYTES;
    size_t first = strnlen(text, size);

    if (transport->started || size < 2 || first >= sizeof transport->endpoint || size - first < 2 ||
        text[size - 1] != '\0') {
        return false;
    }
    memcpy(key, bytes.data, sizeof key);
    transport->curve_secret = secret_take(key, sizeof key);
    if (transport->curve_secret == NULL) {
        return false;
    }
    (void)crypto_scalarmult_base(transport->curve_public, secret_open(transport->curve_secret));
    secret_close(transport->curve_secret);
    (void)snprintf(transport->endpoint, sizeof transport->endpoint, "%s", text);
    (void)snprintf(transport->proxy, sizeof transport->proxy, "%s", text + first + 1);
    transport->started = true;
    if (transport->endpoint[0] == '\0') {
        transport->ready = true; /* a node that only dials */
        transport_tell(transport, TRANSPORT_READY, 0, view_of_text(""));
        return true;
    }
    /* The handler first: a listener without one lets everybody in. */
    if (!transport_auth_bind(transport)) {
        transport->failed = "zap";
    } else if (!transport_zmq_listen(transport)) {
        transport->failed = errno == EADDRINUSE ? "address-in-use" : "listen";
    } else if (!transport_auth_probe(transport)) {
        transport->failed = "self-test";
    }
    return true;
}

static void obey(struct transport *transport, const struct transport_frame *frame)
{
    bool good = true;

    switch (frame->operation) {
    case TRANSPORT_START:
        good = start(transport, frame->bytes);
        break;
    case TRANSPORT_ALLOW:
        transport_auth_allow(transport, frame->bytes);
        break;
    case TRANSPORT_DIAL:
        transport_zmq_dial(transport, frame->link, frame->bytes);
        break;
    case TRANSPORT_HANG_UP:
        transport_zmq_hang_up(transport, frame->link);
        break;
    case TRANSPORT_SEND:
        transport_zmq_send(transport, frame->link, frame->bytes);
        break;
    default:
        good = false;
        break;
    }
    if (!good) {
        transport->failed = "frame";
    }
}

/* Read what the node says and do it. False when the node is gone. */
static bool read_node(struct transport *transport)
{
    struct transport_frame frame;
    size_t used = 0;
    size_t done = 0;
    uint8_t *place = buffer_extend(&transport->in, READ_BYTES);
    ssize_t got = place == NULL ? -1 : read(transport->fd, place, READ_BYTES);

    if (place != NULL) {
        transport->in.size -= READ_BYTES - (size_t)(got > 0 ? got : 0);
    }
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        return false;
    }
    while (transport->failed == NULL) {
        struct view rest = view_of(transport->in.data + done, transport->in.size - done);
        if (transport_frame_next(rest, &frame, &used) != OK) {
            return false;
        }
        if (used == 0) {
            break;
        }
        obey(transport, &frame);
        done += used;
    }
    buffer_drop(&transport->in, done);
    return true;
}

static bool write_node(struct transport *transport)
{
    while (transport->out.size > 0) {
        ssize_t put = write(transport->fd, transport->out.data, transport->out.size);
        if (put < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        buffer_drop(&transport->out, (size_t)put);
    }
    return true;
}

/** What each polled item is. */
enum item { ITEM_NODE, ITEM_ZAP, ITEM_MONITOR, ITEM_PROBE, ITEM_ROUTER, ITEM_FIRST_DIALLED };

static size_t fill_items(struct transport *transport, zmq_pollitem_t *items)
{
    bool pause = transport->out.size > OUT_PAUSE_BYTES;
    short read_peers = pause ? 0 : ZMQ_POLLIN;
    size_t count = ITEM_FIRST_DIALLED;

    items[ITEM_NODE] = (zmq_pollitem_t){
        .fd = transport->fd,
        .events = (short)(ZMQ_POLLIN | (transport->out.size > 0 ? ZMQ_POLLOUT : 0))};
    items[ITEM_ZAP] = (zmq_pollitem_t){.socket = transport->zap, .fd = -1, .events = ZMQ_POLLIN};
    items[ITEM_MONITOR] =
        (zmq_pollitem_t){.socket = transport->router_monitor, .fd = -1, .events = ZMQ_POLLIN};
    items[ITEM_PROBE] =
        (zmq_pollitem_t){.socket = transport->probe_monitor, .fd = -1, .events = ZMQ_POLLIN};
    items[ITEM_ROUTER] = (zmq_pollitem_t){
        .socket = transport->router, .fd = -1, .events = transport->ready ? read_peers : 0};
    for (size_t i = 0; i < transport->dialled_count; i++) {
        items[count++] = (zmq_pollitem_t){
            .socket = transport->dialled[i].socket, .fd = -1, .events = read_peers};
        items[count++] = (zmq_pollitem_t){
            .socket = transport->dialled[i].monitor, .fd = -1, .events = ZMQ_POLLIN};
    }
    return count;
}

/* Poll items without a socket would be taken for descriptor -1; give them the node's instead. */
static void mask_missing(const struct transport *transport, zmq_pollitem_t *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (items[i].socket == NULL) {
            items[i].fd = transport->fd;
            items[i].events = 0;
        }
    }
}

static void serve_dialled(struct transport *transport, const zmq_pollitem_t *items, size_t count)
{
    /* From the last to the first: dropping one moves only those that were served. */
    for (size_t i = count; i > ITEM_FIRST_DIALLED; i -= 2) {
        size_t place = (i - ITEM_FIRST_DIALLED) / 2 - 1;
        uint32_t link = transport->dialled[place].link;
        for (int n = 0; n < MESSAGES_A_TURN && (items[i - 2].revents & ZMQ_POLLIN) != 0 &&
                        place < transport->dialled_count && transport->dialled[place].link == link;
             n++) {
            transport_zmq_dialled(transport, place);
        }
        if ((items[i - 1].revents & ZMQ_POLLIN) != 0 && place < transport->dialled_count &&
            transport->dialled[place].link == link) {
            transport_zmq_dialled_monitor(transport, place);
        }
    }
}

static void housekeeping(struct transport *transport)
{
    int64_t now = transport_now_ms();
    uint8_t count[4];

    if (now - transport->watched_ms >= POLL_MS) {
        transport->watched_ms = now;
        transport_connections_watch(transport);
    }
    transport_auth_probe_watch(transport); /* first: one of the strangers may be our own */
    if (transport->strangers > 0 && transport->probe == NULL &&
        now - transport->strangers_told_ms >= STRANGERS_TOLD_MS) {
        put_u32(count, transport->strangers);
        transport_tell(transport, TRANSPORT_STRANGERS, 0, view_of(count, sizeof count));
        transport->strangers = 0;
        transport->strangers_told_ms = now;
    }
    if (now - transport->alive_told_ms >= ALIVE_TOLD_MS) {
        transport_tell(transport, TRANSPORT_ALIVE, 0, view_of(NULL, 0));
        transport->alive_told_ms = now;
    }
}

/* One turn of the loop. False when it is time to end. */
static bool turn(struct transport *transport)
{
    zmq_pollitem_t items[ITEM_FIRST_DIALLED + 2 * TRANSPORT_PEERS_MAX];
    size_t count = fill_items(transport, items);

    mask_missing(transport, items, count);
    if (zmq_poll(items, (int)count, POLL_MS) < 0 && errno != EINTR) {
        return false;
    }
    if ((items[ITEM_MONITOR].revents & ZMQ_POLLIN) != 0) {
        transport_connections_monitor(transport);
    }
    for (int n = 0; n < MESSAGES_A_TURN && (items[ITEM_ROUTER].revents & ZMQ_POLLIN) != 0; n++) {
        transport_zmq_router(transport);
    }
    serve_dialled(transport, items, count);
    /* Read before answering: who was allowed before a handshake began is let in by it. */
    if (!read_node(transport)) {
        return false;
    }
    if ((items[ITEM_ZAP].revents & ZMQ_POLLIN) != 0) {
        transport_auth_answer(transport);
    }
    housekeeping(transport);
    return write_node(transport);
}

/* Say why, as far as the node still listens. */
static void say_failed(struct transport *transport)
{
    transport_tell(transport, TRANSPORT_FAILED, 0, view_of_text(transport->failed));
    (void)fcntl(transport->fd, F_SETFL, 0);
    (void)write_node(transport);
}

/* Connections of strangers must leave descriptors for our own and for ZeroMQ. */
static size_t connections_max(void)
{
    struct rlimit files = {0};
    size_t most = TRANSPORT_CONNECTIONS_MAX;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 4 < most) {
        most = (size_t)files.rlim_cur / 4;
    }
    return most > 0 ? most : 1;
}

static void limit(int what, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(what, &now) == 0) {
        now.rlim_cur = most < now.rlim_max ? most : now.rlim_max;
        (void)setrlimit(what, &now);
    }
}

#ifdef VALISE_TEST_HOOKS
/* Tests break the ZAP handler: SIGUSR1 closes it, SIGUSR2 makes its next decision hang. N16, N17 */
static volatile sig_atomic_t hook;

static void on_hook(int number)
{
    hook = number;
}

static void serve_hook(struct transport *transport)
{
    if (hook == SIGUSR1) {
        transport_zmq_close(&transport->zap);
    }
    transport->zap_hangs = transport->zap_hangs || hook == SIGUSR2;
    hook = 0;
}
#endif

int main(void)
{
    struct transport *transport = calloc(1, sizeof *transport);

    limit(RLIMIT_NOFILE, RLIM_INFINITY);
#if !defined(__SANITIZE_ADDRESS__) && !defined(VALISE_SANITIZED)
    limit(RLIMIT_AS, TRANSPORT_MEMORY_BYTES);
#endif
    if (transport == NULL || secret_start() != OK || fcntl(NODE_FD, F_SETFL, O_NONBLOCK) != 0) {
        return 1;
    }
    seed_rand();
    transport->fd = NODE_FD;
    transport->connections_max = connections_max();
    transport->strangers_told_ms = transport_now_ms() - STRANGERS_TOLD_MS;
    transport->in = buffer_init(TRANSPORT_QUEUE_MAX_BYTES);
    transport->out = buffer_init(TRANSPORT_QUEUE_MAX_BYTES);
    transport->context_in = zmq_ctx_new();
    transport->context_out = zmq_ctx_new();
    if (transport->context_in == NULL || transport->context_out == NULL) {
        return 1;
    }
    if (sandbox_transport() != OK) {
        transport->failed = "sandbox";
    }
#ifdef VALISE_TEST_HOOKS
    (void)signal(SIGUSR1, on_hook);
    (void)signal(SIGUSR2, on_hook);
    while (transport->failed == NULL && turn(transport)) {
        serve_hook(transport);
    }
#else
    while (transport->failed == NULL && turn(transport)) {
    }
#endif
    if (transport->failed != NULL) {
        say_failed(transport);
    }
    secret_free(&transport->curve_secret);
    /* Contexts are not terminated: that would wait for sockets; the kernel closes them all. */
    return transport->failed == NULL ? 0 : 1;
}
