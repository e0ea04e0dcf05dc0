/* SPDX-License-Identifier: Apache-2.0 */
#include "transport_state.h"

#include <errno.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <zmq.h>

/*
 * The TCP connections to us: how many, whose, and how much each holds back.
 * ZeroMQ tells of them by its monitor, but never which key belongs to which;
 * only a whole message says that.
 */

ino_t transport_inode_of(int fd)
{
    struct stat info;

    return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

struct connection *transport_connection_of(struct transport *transport, int fd)
{
    for (size_t i = 0; i < transport->connection_count; i++) {
        if (transport->connections[i].fd == fd) {
            return &transport->connections[i];
        }
    }
    return NULL;
}

static void forget_connection(struct transport *transport, int fd)
{
    struct connection *connection = transport_connection_of(transport, fd);

    if (connection != NULL) {
        *connection = transport->connections[--transport->connection_count];
    }
}

/* The other side is gone; what it said before may still be on its way to us. */
static void on_disconnected(struct transport *transport, int fd)
{
    const struct connection *connection = transport_connection_of(transport, fd);

    for (size_t i = 0; connection != NULL && i < transport->route_count; i++) {
        struct route *route = &transport->routes[i];
        if (route->fd == fd && route->inode == connection->inode) {
            route->gone_at_ms = transport_now_ms();
        }
    }
    if (connection != NULL && !connection->has_key) {
        if (transport->refused_count > 0) {
            transport->refused_count--; /* counted when it was refused */
        } else {
            transport->strangers++;
        }
    }
    forget_connection(transport, fd);
}

void transport_connection_cut(const struct connection *connection)
{
    if (connection->inode != 0 && transport_inode_of(connection->fd) == connection->inode) {
        (void)shutdown(connection->fd, SHUT_RDWR);
    }
}

bool transport_connection_has_key(const struct connection *connection, const uint8_t *key)
{
    return connection->has_key && memcmp(connection->key, key, TRANSPORT_KEY_BYTES) == 0;
}

/* Too many: the oldest that has not shown a key gives way. Honest ones take milliseconds. */
static void make_room(struct transport *transport)
{
    struct connection *oldest = NULL;

    for (size_t i = 0; i < transport->connection_count; i++) {
        struct connection *connection = &transport->connections[i];
        if (!connection->has_key && (oldest == NULL || connection->since_ms < oldest->since_ms)) {
            oldest = connection;
        }
    }
    if (oldest == NULL) {
        oldest = &transport->connections[0];
    }
    transport_connection_cut(oldest);
    *oldest = transport->connections[--transport->connection_count];
}

static void on_accepted(struct transport *transport, int fd)
{
    forget_connection(transport, fd);
    if (transport->connection_count >= transport->connections_max) {
        make_room(transport);
    }
    transport->connections[transport->connection_count++] = (struct connection){
        .fd = fd, .inode = transport_inode_of(fd), .since_ms = transport_now_ms()};
}

void transport_connections_monitor(struct transport *transport)
{
    int value = 0;
    unsigned event = 0;

    while ((event = transport_zmq_event(transport->router_monitor, &value)) != 0) {
        switch (event) {
        case ZMQ_EVENT_ACCEPTED:
            on_accepted(transport, value);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            transport->strangers++;
            transport->refused_count++;
            transport->probe_refused = transport->probe_answered;
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            if (value == EFAULT) {
                transport->failed = "zap"; /* so ZeroMQ says that it found no handler */
            }
            break;
        default:
            on_disconnected(transport, value);
            break;
        }
    }
}

uint64_t transport_received_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

/* Bytes that the kernel received for a connection to us and that came as no message yet. */
static uint64_t undelivered(const struct connection *connection)
{
    uint64_t received = transport_received_bytes(connection->fd);

    return transport_inode_of(connection->fd) == connection->inode &&
                   received > connection->delivered
               ? received - connection->delivered
               : 0;
}

/* Suspend a key, tell the node, and end its connections to us. */
static void suspend(struct transport *transport, const uint8_t *flooding)
{
    uint8_t key[TRANSPORT_KEY_BYTES];

    memcpy(key, flooding, sizeof key);
    transport_auth_suspend(transport, key);
    transport_tell(transport, TRANSPORT_SUSPENDED, 0, view_of(key, sizeof key));
    for (size_t i = transport->connection_count; i > 0; i--) {
        if (transport_connection_has_key(&transport->connections[i - 1], key)) {
            transport_connection_cut(&transport->connections[i - 1]);
            transport->connections[i - 1] = transport->connections[--transport->connection_count];
        }
    }
}

/*
 * Many States together may hold back more than the process can bear: each part
 * of a message costs ZeroMQ several times its bytes. Then whoever holds back most goes.
 */
static void watch_memory(struct transport *transport)
{
    const struct connection *most = NULL;
    int64_t now = transport_now_ms();

    /* What was cut is given free by another thread, a moment later. */
    if (now < transport->memory_next_ms || mallinfo2().uordblks <= HEAP_MAX_BYTES) {
        return;
    }
    transport->memory_next_ms = now + HEAP_FREED_MS;
    for (size_t i = 0; i < transport->connection_count; i++) {
        const struct connection *connection = &transport->connections[i];
        if (connection->has_key && (most == NULL || undelivered(connection) > undelivered(most))) {
            most = connection;
        }
    }
    if (most != NULL) {
        suspend(transport, most->key);
    }
}

/* End what we hung up, after our last words; say of what ended, after what came over it before. */
static void end_routes(struct transport *transport)
{
    int64_t now = transport_now_ms();

    for (size_t i = transport->route_count; i > 0; i--) {
        struct route *route = &transport->routes[i - 1];
        if (route->cut_at_ms != 0 && now >= route->cut_at_ms) {
            transport_zmq_cut_route(transport, route);
            *route = transport->routes[--transport->route_count];
        } else if (route->gone_at_ms != 0 && now - route->gone_at_ms >= GONE_TOLD_MS) {
            transport_tell(transport, TRANSPORT_DOWN, route->link, view_of(NULL, 0));
            *route = transport->routes[--transport->route_count];
        }
    }
}

/*
 * A multipart message is held back until its last part, past every limit of
 * ZeroMQ. What the kernel received and we have not seen as whole messages is
 * such a message under way: past a limit the connection is cut, and its key
 * suspended. Before the first message nobody knows the key; little is enough then.
 */
void transport_connections_watch(struct transport *transport)
{
    for (size_t i = transport->connection_count; i > 0; i--) {
        struct connection *connection =
            i <= transport->connection_count ? &transport->connections[i - 1] : NULL;
        uint64_t held = connection == NULL ? 0 : undelivered(connection);

        if (held > UNDELIVERED_MAX_BYTES && connection->has_key) {
            suspend(transport, connection->key); /* others of its key go with it */
        } else if (held > FIRST_MESSAGE_MAX_BYTES && !connection->has_key) {
            transport_connection_cut(connection);
            *connection = transport->connections[--transport->connection_count];
        }
    }
    watch_memory(transport);
    end_routes(transport);
    for (size_t i = transport->dialled_count; i > 0; i--) {
        struct dialled *dialled = &transport->dialled[i - 1];
        if (dialled->fd > 0 &&
            transport_received_bytes(dialled->fd) > dialled->delivered + UNDELIVERED_MAX_BYTES) {
            suspend(transport, dialled->server_key);
            transport_tell(transport, TRANSPORT_DOWN, dialled->link, view_of(NULL, 0));
            transport_zmq_drop(transport, dialled);
        }
    }
}
