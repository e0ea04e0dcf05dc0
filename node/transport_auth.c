/* SPDX-License-Identifier: Apache-2.0 */
#include "transport_state.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/*
 * Who may connect: the ZAP handler (ZeroMQ RFC 27). It answers from a table in
 * memory, never from a disk or the node. 200 lets in, 300 closes silently; 400
 * would stop an honest peer from ever coming back.
 */

enum {
    ZAP_FRAMES = 7,
    ZAP_FRAME_MAX_BYTES = 256,
    PROBE_MS = 3000,
    PROBE_AGAIN_MS = 1000,
    PROBE_SILENT_MAX = 3,
#ifdef VALISE_TEST_HOOKS
    PROBE_EVERY_MS = 1000
#else
    PROBE_EVERY_MS = 60000
#endif
};

static const int64_t SUSPENDED_MS = 60000;

bool transport_auth_bind(struct transport *transport)
{
    int linger = 0;

    transport->zap = zmq_socket(transport->context_in, ZMQ_REP);
    return transport->zap != NULL &&
           zmq_setsockopt(transport->zap, ZMQ_LINGER, &linger, sizeof linger) == 0 &&
           zmq_bind(transport->zap, "inproc://zeromq.zap.01") == 0;
}

void transport_auth_allow(struct transport *transport, struct view keys)
{
    struct allowed_key fresh[TRANSPORT_PEERS_MAX];
    size_t count = keys.size / TRANSPORT_KEY_BYTES;

    count = count < TRANSPORT_PEERS_MAX ? count : TRANSPORT_PEERS_MAX;
    memset(fresh, 0, sizeof fresh);
    for (size_t i = 0; i < count; i++) {
        memcpy(fresh[i].key, keys.data + i * TRANSPORT_KEY_BYTES, TRANSPORT_KEY_BYTES);
        for (size_t j = 0; j < transport->allowed_count; j++) {
            if (memcmp(transport->allowed[j].key, fresh[i].key, TRANSPORT_KEY_BYTES) == 0) {
                fresh[i] = transport->allowed[j]; /* budgets and suspensions stay */
            }
        }
    }
    memcpy(transport->allowed, fresh, sizeof fresh);
    transport->allowed_count = count;
    /* Whoever is connected and may not be any more is cut off. */
    for (size_t i = transport->route_count; i > 0; i--) {
        const struct route *route = &transport->routes[i - 1];
        bool still = false;
        for (size_t j = 0; j < count; j++) {
            still = still || memcmp(route->key, fresh[j].key, TRANSPORT_KEY_BYTES) == 0;
        }
        if (!still) {
            transport_tell(transport, TRANSPORT_DOWN, route->link, view_of(NULL, 0));
            transport_zmq_hang_up(transport, route->link);
        }
    }
}

static struct allowed_key *find(struct transport *transport, const uint8_t *key)
{
    for (size_t i = 0; i < transport->allowed_count; i++) {
        if (memcmp(transport->allowed[i].key, key, TRANSPORT_KEY_BYTES) == 0) {
            return &transport->allowed[i];
        }
    }
    return NULL;
}

void transport_auth_suspend(struct transport *transport, const uint8_t *key)
{
    struct allowed_key *allowed = find(transport, key);

    if (allowed != NULL) {
        allowed->suspended_until_ms = transport_now_ms() + SUSPENDED_MS;
    }
}

static bool may_enter(struct transport *transport, const uint8_t *key)
{
    struct allowed_key *allowed = find(transport, key);
    int64_t now = transport_now_ms();

    if (allowed == NULL || now < allowed->suspended_until_ms) {
        return false;
    }
    if (now - allowed->minute_ms >= 60000) {
        allowed->minute_ms = now;
        allowed->handshakes = 0;
    }
    return ++allowed->handshakes <= HANDSHAKES_PER_MINUTE;
}

/** A ZAP request: seven frames of bounded size. */
struct request {
    size_t count;
    size_t sizes[ZAP_FRAMES];
    uint8_t frames[ZAP_FRAMES][ZAP_FRAME_MAX_BYTES];
};

static bool receive(void *socket, struct request *request)
{
    zmq_msg_t message;
    int more = 1;
    bool good = true;

    request->count = 0;
    while (more != 0) {
        (void)zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&message);
            return false;
        }
        size_t size = zmq_msg_size(&message);
        if (request->count < ZAP_FRAMES && size <= ZAP_FRAME_MAX_BYTES) {
            memcpy(request->frames[request->count], zmq_msg_data(&message), size);
            request->sizes[request->count++] = size;
        } else {
            good = false;
        }
        more = zmq_msg_more(&message);
        (void)zmq_msg_close(&message);
    }
    return good && request->count == ZAP_FRAMES;
}

static bool frame_is(const struct request *request, size_t i, const char *text)
{
    return view_is(view_of(request->frames[i], request->sizes[i]), text);
}

static void answer(struct transport *transport, const struct request *request, bool enter,
                   const char *user)
{
    const struct view parts[] = {
        view_of_text("1.0"),
        view_of(request->frames[1], request->count > 1 ? request->sizes[1] : 0),
        view_of_text(enter ? "200" : "300"),
        view_of_text(""),
        view_of_text(enter ? user : ""),
        view_of_text("")};
    const size_t count = sizeof parts / sizeof parts[0];

    for (size_t i = 0; i < count; i++) {
        (void)zmq_send(transport->zap, parts[i].data, parts[i].size,
                       i + 1 < count ? ZMQ_SNDMORE : 0);
    }
}

void transport_auth_answer(struct transport *transport)
{
    struct request request = {0};
    char user[2 * TRANSPORT_KEY_BYTES + 1] = "";
    bool enter = false;

    if (!receive(transport->zap, &request) && request.count == 0) {
        return;
    }
#ifdef VALISE_TEST_HOOKS
    while (transport->zap_hangs) {
        (void)sleep(1);
    }
#endif
    if (request.count == ZAP_FRAMES && frame_is(&request, 0, "1.0") &&
        frame_is(&request, 2, "valise") && frame_is(&request, 5, "CURVE") &&
        request.sizes[6] == TRANSPORT_KEY_BYTES) {
        enter = may_enter(transport, request.frames[6]);
        transport->probe_answered =
            transport->probe_answered ||
            (!enter && memcmp(request.frames[6], transport->probe_key, TRANSPORT_KEY_BYTES) == 0);
        sodium_bin2hex(user, sizeof user, request.frames[6], TRANSPORT_KEY_BYTES);
    }
    answer(transport, &request, enter, user);
}

/* --- self-test ----------------------------------------------------------------------------- */

/* The address under which the listener can be reached from this very machine. */
static void own_address(const struct transport *transport, char *to, size_t size)
{
    const char *port = strrchr(transport->endpoint, ':');
    bool any = strstr(transport->endpoint, "//0.0.0.0:") != NULL ||
               strstr(transport->endpoint, "//[::]:") != NULL;

    (void)snprintf(to, size, "%s%s", any ? "tcp://127.0.0.1" : "",
                   any ? port : transport->endpoint);
}

bool transport_auth_probe(struct transport *transport)
{
    uint8_t secret_key[TRANSPORT_KEY_BYTES];
    const int off = -1;
    char address[300];
    char monitor[40];
    bool good = false;

    transport->probe_answered = false;
    transport->probe_refused = false;
    /* A name of its own: that of the one before is given free by another thread, some time. */
    (void)snprintf(monitor, sizeof monitor, "inproc://probe.%u", transport->next_probe++);
    (void)crypto_box_keypair(transport->probe_key, secret_key);
    own_address(transport, address, sizeof address);
    transport->probe = zmq_socket(transport->context_out, ZMQ_DEALER);
    transport->probe_monitor = zmq_socket(transport->context_out, ZMQ_PAIR);
    good = transport->probe != NULL && transport->probe_monitor != NULL &&
           transport_zmq_common(transport->probe) &&
           zmq_setsockopt(transport->probe, ZMQ_RECONNECT_IVL, &off, sizeof off) == 0 &&
           zmq_setsockopt(transport->probe, ZMQ_CURVE_SERVERKEY, transport->curve_public,
                          TRANSPORT_KEY_BYTES) == 0 &&
           zmq_setsockopt(transport->probe, ZMQ_CURVE_PUBLICKEY, transport->probe_key,
                          TRANSPORT_KEY_BYTES) == 0 &&
           zmq_setsockopt(transport->probe, ZMQ_CURVE_SECRETKEY, secret_key, TRANSPORT_KEY_BYTES) ==
               0 &&
           zmq_socket_monitor(transport->probe, monitor, ZMQ_EVENT_ALL) == 0 &&
           zmq_connect(transport->probe_monitor, monitor) == 0 &&
           zmq_connect(transport->probe, address) == 0;
    sodium_memzero(secret_key, sizeof secret_key);
    transport->probe_until_ms = transport_now_ms() + PROBE_MS;
    return good;
}

static void end_probe(struct transport *transport)
{
    transport_zmq_close_monitored(&transport->probe, &transport->probe_monitor);
    transport->probe_next_ms = transport_now_ms() + PROBE_EVERY_MS;
}

/* Nobody answered. A flood can push one probe out, hardly all of them. */
static void probe_was_silent(struct transport *transport)
{
    transport->probe_silent++;
    if (!transport->ready || transport->probe_silent == PROBE_SILENT_MAX) {
        transport->failed = "self-test-silent";
    }
    end_probe(transport);
    transport->probe_next_ms = transport_now_ms() + PROBE_AGAIN_MS;
}

static void watch_probe(struct transport *transport)
{
    int value = 0;
    unsigned event = 0;
    bool ended = false;

    while ((event = transport_zmq_event(transport->probe_monitor, &value)) != 0) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            transport->failed = "stranger-let-in";
            return;
        }
        ended = ended || event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_CLOSED;
    }
    if (!transport->probe_refused) {
        /* The stranger itself may hear of it only when the handshake times out. */
        if ((ended && !transport->probe_answered) ||
            transport_now_ms() > transport->probe_until_ms) {
            probe_was_silent(transport);
        }
        return;
    }
    end_probe(transport);
    transport->probe_silent = 0;
    transport->strangers -= transport->strangers > 0 ? 1 : 0; /* that one was ours */
    if (!transport->ready) {
        transport->ready = true;
        transport_tell(transport, TRANSPORT_READY, 0, view_of_text(transport->endpoint));
    }
}

void transport_auth_probe_watch(struct transport *transport)
{
    if (transport->probe_monitor != NULL) {
        watch_probe(transport);
    } else if (transport->ready && transport->router != NULL &&
               transport_now_ms() >= transport->probe_next_ms && !transport_auth_probe(transport)) {
        transport->failed = "self-test";
    }
}
