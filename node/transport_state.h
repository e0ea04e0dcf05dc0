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
    HEAP_MAX_BYTES = 160 * 1024 * 1024,  /* of all together, before the largest must go */
    FIRST_MESSAGE_MAX_BYTES = 64 * 1024, /* handshake and HELLO, before the key is known */
    STRANGERS_TOLD_MS = 60000,           /* refused handshakes: one line a minute */
    ALIVE_TOLD_MS = 1000,
    LAST_WORDS_MS = 200, /* for what was said before hanging up */
    HEAP_FREED_MS = 300,
    GONE_TOLD_MS = 100,    /* time for what was received before the end of a connection */
    MESSAGES_WAITING = 64, /* high-water mark of what came */
    /* Of what goes out: a batch can be answered by a hundred refusals. Large ones cost credit. */
    MESSAGES_LEAVING = 512
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
    ino_t inode;        /* so that a number that was given away again is noticed */
    bool closed;        /* hung up or cut: whatever still comes is dropped */
    int64_t cut_at_ms;  /* hung up: when the connection is to end; 0 if it is not */
    int64_t gone_at_ms; /* the other side ended it; 0 while it has not */
};

/** A TCP connection to us, as ZeroMQ's monitor tells of it. */
struct connection {
    int fd;
    ino_t inode;
    bool has_key; /* a whole message came: only messages say over which connection, with what key */
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
    int64_t probe_next_ms; /* when to begin the next one */
    unsigned next_probe;
    unsigned probe_silent; /* how many in a row had no answer */
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
    size_t connections_max; /* fewer than TRANSPORT_CONNECTIONS_MAX where files are scarce */
    size_t connection_count;
    struct connection connections[TRANSPORT_CONNECTIONS_MAX + 1];
    size_t dialled_count;
    struct dialled dialled[TRANSPORT_PEERS_MAX];
    uint32_t next_link;
    uint32_t strangers;
    uint32_t refused_count; /* connections that were refused, and whose end is still to come */
    int64_t strangers_told_ms;
    int64_t alive_told_ms;
    int64_t watched_ms;
    int64_t memory_next_ms;
    const char *failed; /* why the process must end; NULL while it is well */
#ifdef VALISE_TEST_HOOKS
    bool zap_hangs;
#endif
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

/**
 * Look how the self-test goes; READY is told when the stranger was first refused.
 * From then on it is repeated: a handler that is gone later is noticed too.
 */
void transport_auth_probe_watch(struct transport *transport);

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
void transport_zmq_dialled(struct transport *transport, size_t place);
void transport_zmq_dialled_monitor(struct transport *transport, size_t place);

/** Read one event of a monitor. @return its number, 0 when there is none. */
unsigned transport_zmq_event(void *monitor, int *value);
void transport_zmq_close(void **socket);

/** Close a socket that is monitored, and its monitor. */
void transport_zmq_close_monitored(void **socket, void **monitor);
void transport_zmq_drop(struct transport *transport, struct dialled *dialled);

/** End a route's connection; its descriptor may be another State's by now, then nothing is cut. */
void transport_zmq_cut_route(struct transport *transport, struct route *route);

/* transport_connections.c */

/** Take the monitor's news of connections to us. */
void transport_connections_monitor(struct transport *transport);

/** Compare what the kernel received with what arrived as whole messages; end floods. */
void transport_connections_watch(struct transport *transport);

/** The connection with a descriptor; NULL. */
struct connection *transport_connection_of(struct transport *transport, int fd);

/** Whether a message came over it under this key. */
bool transport_connection_has_key(const struct connection *connection, const uint8_t *key);

/**
 * End a TCP connection that ZeroMQ has no call for. ZeroMQ sees an end of file
 * and cleans up. The inode tells whether the number still means that connection.
 */
void transport_connection_cut(const struct connection *connection);

/** Bytes that the kernel received for a descriptor. */
uint64_t transport_received_bytes(int fd);

/** What tells one file from the next that has its number; 0 if there is none. */
ino_t transport_inode_of(int fd);
