/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the transport process knows. Private to valised-transport. */

#include "bytes.h"
#include "secret.h"
#include "transport.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    TRANSPORT_PEERS_MAX = 256,
    TRANSPORT_ROUTES_MAX = 512,      /* authenticated connections to us */
    TRANSPORT_CONNECTIONS_MAX = 512, /* TCP connections to us, whoever they are */
    ROUTING_ID_MAX_BYTES = 32,
    HANDSHAKES_PER_MINUTE = 30, /* of one allowed key */
    /* Of one connection: more is an endless message. An honest peer has its credit under way. */
    UNDELIVERED_MAX_BYTES = 16 * 1024 * 1024,
    MESSAGES_WAITING = 64 /* high-water marks */
};

/** A CURVE key that may connect, and how often it did lately. */
struct allowed_key {
    uint8_t key[TRANSPORT_KEY_BYTES];
    int64_t minute_ms;
    unsigned handshakes;
    int64_t suspended_until_ms;
};

/** An authenticated connection to us, from its first message on. */
struct route {
    uint32_t link;
    uint8_t id[ROUTING_ID_MAX_BYTES];
    size_t id_size;
    uint8_t key[TRANSPORT_KEY_BYTES];
    int fd;
    bool closed; /* the node hung up: whatever still comes is dropped */
};

/** A TCP connection to us, as ZeroMQ's monitor tells of it. */
struct connection {
    int fd;
    ino_t inode; /* so that a number that was given away again is noticed */
    bool authenticated;
    bool has_key;
    uint8_t key[TRANSPORT_KEY_BYTES];
    int64_t since_ms;
    uint64_t delivered; /* bytes of whole messages that came over it */
};

/** A connection of ours. */
struct dialled {
    uint32_t link;
    void *socket;
    void *monitor;
    uint8_t server_key[TRANSPORT_KEY_BYTES];
    bool up;
    int fd;             /* once connected */
    uint64_t delivered; /* bytes of whole messages that came over it */
};

struct transport {
    int fd; /* socketpair to the node */
    struct buffer in;
    struct buffer out;
    void *context_in; /* listener: an I/O thread of its own */
    void *context_out;
    void *zap;
    void *router;
    void *router_monitor;
    void *probe; /* self-test: a stranger that must be refused */
    void *probe_monitor;
    int64_t probe_until_ms;
    uint8_t probe_key[TRANSPORT_KEY_BYTES];
    bool probe_answered; /* our ZAP handler was asked about it, and said no */
    bool probe_refused;  /* and the listener closed the door */
    bool ready;
    bool started;
    char endpoint[256];
    char proxy[256];
    struct secret *curve_secret;
    uint8_t curve_public[TRANSPORT_KEY_BYTES];
    size_t allowed_count;
    struct allowed_key allowed[TRANSPORT_PEERS_MAX];
    size_t route_count;
    struct route routes[TRANSPORT_ROUTES_MAX];
    size_t connection_count;
    struct connection connections[TRANSPORT_CONNECTIONS_MAX + 1];
    /* Keys that the ZAP handler let in and whose handshake has not ended yet, oldest first. */
    size_t admitted_count;
    uint8_t admitted[TRANSPORT_PEERS_MAX][TRANSPORT_KEY_BYTES];
    size_t dialled_count;
    struct dialled dialled[TRANSPORT_PEERS_MAX];
    uint32_t next_link;
    uint32_t strangers;
    int64_t strangers_told_ms;
    int64_t watched_ms;
    const char *failed; /* why the process must end; NULL while it is well */
};

int64_t transport_now_ms(void);

/** Queue a frame for the node; when the queue is full the process ends and is started afresh. */
void transport_tell(struct transport *transport, enum transport_operation operation, uint32_t link,
                    struct view bytes);

/* transport_auth.c */

/** Bind the ZAP handler. Must be done before anything listens. @return false on failure. */
bool transport_auth_bind(struct transport *transport);

/** Answer one request of the ZAP socket from the table in memory. */
void transport_auth_answer(struct transport *transport);

/** Replace the table. */
void transport_auth_allow(struct transport *transport, struct view keys);

/** Begin the self-test: a key nobody allowed knocks at our own door. */
bool transport_auth_probe(struct transport *transport);

/** Look how the self-test goes; READY is told when the stranger was refused. */
void transport_auth_probe_event(struct transport *transport);

/** Suspend a key that floods, for a minute. */
void transport_auth_suspend(struct transport *transport, const uint8_t *key);

/* transport_zmq.c */

/** Set the options that every socket of ours has. @return false on failure. */
bool transport_zmq_common(void *socket);

bool transport_zmq_listen(struct transport *transport);
void transport_zmq_dial(struct transport *transport, uint32_t link, struct view bytes);
void transport_zmq_hang_up(struct transport *transport, uint32_t link);
void transport_zmq_send(struct transport *transport, uint32_t link, struct view message);
void transport_zmq_router(struct transport *transport);
void transport_zmq_router_monitor(struct transport *transport);
void transport_zmq_dialled(struct transport *transport, size_t place);
void transport_zmq_dialled_monitor(struct transport *transport, size_t place);

/** Compare what the kernel received with what arrived as whole messages; end floods. */
void transport_zmq_watch(struct transport *transport);

/** Read one event of a monitor. @return its number, 0 when there is none. */
unsigned transport_zmq_event(void *monitor, int *value);
void transport_zmq_close(void **socket);

/** Close a socket that is monitored, and its monitor. */
void transport_zmq_close_monitored(void **socket, void **monitor);
