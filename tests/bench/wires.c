/* SPDX-License-Identifier: Apache-2.0 */
#include "wires.h"

#include "bench.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum {
    KEY_TEXT_BYTES = 41,
    ENDPOINT_BYTES = 64,
    MESSAGE_BYTES_MAX = 1024 * 1024,
    ANSWER_BYTES = 300, /* as long as an acknowledgement */
    HEARTBEAT_MS = 10000
};

/** What the listener tells its parent. */
struct greeting {
    char endpoint[ENDPOINT_BYTES];
    char key[KEY_TEXT_BYTES];
};

struct wires {
    pid_t listener;
    void *context;
    size_t count;
    void **sockets;
    char *message; /* MESSAGE_BYTES_MAX */
};

static void set(void *socket, int option, int value)
{
    MUST(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

static void set_common(void *socket)
{
    set(socket, ZMQ_LINGER, 0);
    set(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    set(socket, ZMQ_HEARTBEAT_TIMEOUT, 3 * HEARTBEAT_MS);
}

/* Answer every message until the parent ends us. */
static void listen_for_ever(int pipe)
{
    void *context = zmq_ctx_new();
    void *router = zmq_socket(context, ZMQ_ROUTER);
    struct greeting greeting;
    char secret[KEY_TEXT_BYTES];
    char *room = malloc(MESSAGE_BYTES_MAX);
    size_t size = sizeof greeting.endpoint;

    MUST(room != NULL && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    memset(&greeting, 0, sizeof greeting);
    MUST(zmq_curve_keypair(greeting.key, secret) == 0);
    set_common(router);
    set(router, ZMQ_CURVE_SERVER, 1);
    MUST(zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, secret, KEY_TEXT_BYTES) == 0);
    MUST(zmq_bind(router, "tcp://127.0.0.1:*") == 0);
    MUST(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, greeting.endpoint, &size) == 0);
    MUST(write(pipe, &greeting, sizeof greeting) == (ssize_t)sizeof greeting);
    for (;;) {
        char id[16];
        int got = zmq_recv(router, id, sizeof id, 0);
        MUST(got > 0 && zmq_recv(router, room, MESSAGE_BYTES_MAX, 0) >= 0);
        MUST(zmq_send(router, id, (size_t)got, ZMQ_SNDMORE) >= 0);
        MUST(zmq_send(router, room, ANSWER_BYTES, 0) >= 0);
    }
}

static void *connect_one(void *context, const struct greeting *greeting)
{
    char public_key[KEY_TEXT_BYTES];
    char secret[KEY_TEXT_BYTES];
    void *socket = zmq_socket(context, ZMQ_DEALER);

    MUST(socket != NULL && zmq_curve_keypair(public_key, secret) == 0);
    set_common(socket);
    MUST(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, greeting->key, KEY_TEXT_BYTES) == 0);
    MUST(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public_key, KEY_TEXT_BYTES) == 0);
    MUST(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, KEY_TEXT_BYTES) == 0);
    MUST(zmq_connect(socket, greeting->endpoint) == 0);
    return socket;
}

static void round_trip(struct wires *wires, void *socket, size_t bytes)
{
    char answer[ANSWER_BYTES];

    MUST(bytes <= MESSAGE_BYTES_MAX);
    MUST(zmq_send(socket, wires->message, bytes, 0) >= 0);
    MUST(zmq_recv(socket, answer, sizeof answer, 0) == ANSWER_BYTES);
}

struct wires *wires_new(size_t count)
{
    struct wires *wires = calloc(1, sizeof *wires);
    struct greeting greeting;
    int ends[2];

    MUST(wires != NULL && pipe(ends) == 0);
    wires->listener = fork();
    MUST(wires->listener >= 0);
    if (wires->listener == 0) {
        listen_for_ever(ends[1]);
    }
    MUST(read(ends[0], &greeting, sizeof greeting) == (ssize_t)sizeof greeting);
    (void)close(ends[0]);
    (void)close(ends[1]);
    wires->count = count;
    wires->message = calloc(1, MESSAGE_BYTES_MAX);
    wires->sockets = calloc(count, sizeof *wires->sockets);
    wires->context = zmq_ctx_new();
    MUST(wires->message != NULL && wires->sockets != NULL && wires->context != NULL);
    for (size_t i = 0; i < count; i++) {
        wires->sockets[i] = connect_one(wires->context, &greeting);
        round_trip(wires, wires->sockets[i], 1); /* the handshake is over */
    }
    return wires;
}

void wires_free(struct wires **wires)
{
    (void)kill((*wires)->listener, SIGKILL);
    (void)waitpid((*wires)->listener, NULL, 0);
    for (size_t i = 0; i < (*wires)->count; i++) {
        (void)zmq_close((*wires)->sockets[i]);
    }
    (void)zmq_ctx_term((*wires)->context);
    free((*wires)->sockets);
    free((*wires)->message);
    free(*wires);
    *wires = NULL;
}

void wires_round_trip(struct wires *wires, size_t bytes)
{
    round_trip(wires, wires->sockets[0], bytes);
}

static double cpu_seconds_of(pid_t process)
{
    struct timespec spent;
    clockid_t clock;

    MUST(clock_getcpuclockid(process, &clock) == 0 && clock_gettime(clock, &spent) == 0);
    return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

double wires_cpu_seconds(const struct wires *wires)
{
    return cpu_seconds_of(wires->listener) + cpu_seconds_of(0);
}

/* The limit of an idle node: as many connections that only keep each other alive. */
void job_idle_limit(const struct bench_options *options)
{
    struct wires *wires = wires_new(options->readers);

    for (size_t run = 0; run < options->runs; run++) {
        const struct timespec pause = {.tv_sec = (time_t)options->records};
        double before = wires_cpu_seconds(wires);
        MUST(nanosleep(&pause, NULL) == 0);
        double spent = wires_cpu_seconds(wires) - before;
        bench_print("limit", 100 * spent / (double)options->records, "%");
    }
    wires_free(&wires);
}
