/* SPDX-License-Identifier: Apache-2.0 */
#include "transport_state.h"

#include "message.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
    HANDSHAKE_MS = 5000,
    CONNECT_MS = 5000,
    HEARTBEAT_MS = 10000,
    HEARTBEAT_PATIENCE_MS = 30000,
    HEARTBEAT_TTL_MS = 60000, /* the field wraps above 65.5 s */
    LISTEN_BACKLOG = 1024
};

/** One integer option. */
struct option {
    int name;
    int value;
};

static bool set_all(void *socket, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof options[i].value) !=
            0) {
            return false;
        }
    }
    return true;
}

bool transport_zmq_common(void *socket)
{
    static const struct option options[] = {
        {ZMQ_LINGER, 0},
        {ZMQ_IPV6, 1},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
        {ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_PATIENCE_MS},
        {ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS},
        {ZMQ_SNDHWM, MESSAGES_LEAVING},
        {ZMQ_RCVHWM, MESSAGES_WAITING},
        {ZMQ_TCP_KEEPALIVE, 1},
    };
    /* Without it a stranger's nine bytes make us allocate what they claim. */
    const int64_t max_bytes = MESSAGE_MAX_BYTES;

    return set_all(socket, options, sizeof options / sizeof options[0]) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes) == 0;
}

void transport_zmq_close(void **socket)
{
    if (*socket != NULL) {
        (void)zmq_close(*socket);
        *socket = NULL;
    }
}

/* A PAIR socket that hears of a socket's connections. */
static void *monitor_open(void *context, void *socket, const char *address, int events)
{
    void *monitor = NULL;
    int linger = 0;

    if (zmq_socket_monitor(socket, address, events) != 0) {
        return NULL;
    }
    monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor != NULL) {
        (void)zmq_setsockopt(monitor, ZMQ_LINGER, &linger, sizeof linger);
        if (zmq_connect(monitor, address) != 0) {
            transport_zmq_close(&monitor);
        }
    }
    return monitor;
}

/*
 * ZeroMQ sends events to a monitor with a call that waits: a monitor that is
 * closed first makes its I/O thread, or the one that reaps closed sockets, wait
 * for ever. So the socket stops telling, then nobody listens, then it closes.
 */
void transport_zmq_close_monitored(void **socket, void **monitor)
{
    if (*socket != NULL) {
        (void)zmq_socket_monitor(*socket, NULL, 0);
    }
    transport_zmq_close(monitor);
    transport_zmq_close(socket);
}

unsigned transport_zmq_event(void *monitor, int *value)
{
    zmq_msg_t message;
    unsigned event = 0;

    (void)zmq_msg_init(&message);
    if (zmq_msg_recv(&message, monitor, ZMQ_DONTWAIT) == 6) {
        uint16_t number = 0;
        uint32_t detail = 0;
        memcpy(&number, zmq_msg_data(&message), sizeof number);
        memcpy(&detail, (const uint8_t *)zmq_msg_data(&message) + 2, sizeof detail);
        event = number;
        *value = (int)detail;
        while (zmq_msg_more(&message) != 0) {
            if (zmq_msg_recv(&message, monitor, ZMQ_DONTWAIT) < 0) {
                break;
            }
        }
    }
    (void)zmq_msg_close(&message);
    return event;
}

static bool set_curve_server(struct transport *transport, void *socket)
{
    const int yes = 1;
    bool good = zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
                zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_open(transport->curve_secret),
                               TRANSPORT_KEY_BYTES) == 0;

    secret_close(transport->curve_secret);
    return good;
}

bool transport_zmq_listen(struct transport *transport)
{
    enum { ZAP_ENFORCE_DOMAIN = 93 }; /* the header hides it, the library honours it */
    static const struct option options[] = {
        {ZAP_ENFORCE_DOMAIN, 1},
        {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_ROUTER_HANDOVER, 0},
        {ZMQ_BACKLOG, LISTEN_BACKLOG},
    };
    static const char domain[] = "valise";
    static const char monitor[] = "inproc://listener.monitor";
    size_t size = sizeof transport->endpoint;
    char wanted[sizeof transport->endpoint];

    (void)snprintf(wanted, sizeof wanted, "%s", transport->endpoint);
    transport->router = zmq_socket(transport->context_in, ZMQ_ROUTER);
    if (transport->router == NULL || !transport_zmq_common(transport->router) ||
        zmq_setsockopt(transport->router, ZMQ_ZAP_DOMAIN, domain, sizeof domain - 1) != 0 ||
        !set_all(transport->router, options, sizeof options / sizeof options[0]) ||
        !set_curve_server(transport, transport->router)) {
        return false;
    }
    /*
     * Not of ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: telling it spoils errno, and then
     * ZeroMQ stops reading the connection instead of closing it.
     */
    transport->router_monitor =
        monitor_open(transport->context_in, transport->router, monitor,
                     ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |
                         ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    return transport->router_monitor != NULL && zmq_bind(transport->router, wanted) == 0 &&
           zmq_getsockopt(transport->router, ZMQ_LAST_ENDPOINT, transport->endpoint, &size) == 0;
}

/* --- messages to us ------------------------------------------------------------------------ */

static struct route *route_of_link(struct transport *transport, uint32_t link)
{
    for (size_t i = 0; i < transport->route_count; i++) {
        if (transport->routes[i].link == link) {
            return &transport->routes[i];
        }
    }
    return NULL;
}

static struct route *route_of_id(struct transport *transport, struct view id)
{
    for (size_t i = 0; i < transport->route_count; i++) {
        struct route *route = &transport->routes[i];
        if (view_equal(view_of(route->id, route->id_size), id)) {
            return route;
        }
    }
    return NULL;
}

void transport_zmq_cut_route(struct transport *transport, struct route *route)
{
    const struct connection *connection = transport_connection_of(transport, route->fd);

    route->closed = true;
    if (connection != NULL && connection->inode == route->inode &&
        transport_connection_has_key(connection, route->key)) {
        transport_connection_cut(connection);
    }
}

/* The key that the handshake proved, as our ZAP handler named it. */
static bool user_key(zmq_msg_t *message, uint8_t key[static TRANSPORT_KEY_BYTES])
{
    const char *user = zmq_msg_gets(message, "User-Id");
    size_t size = 0;

    return user != NULL &&
           sodium_hex2bin(key, TRANSPORT_KEY_BYTES, user, strlen(user), NULL, &size, NULL) == 0 &&
           size == TRANSPORT_KEY_BYTES;
}

static struct route *add_route(struct transport *transport, struct view id, const uint8_t *key,
                               int fd)
{
    struct route *route = NULL;

    if (transport->route_count == TRANSPORT_ROUTES_MAX) {
        /* The oldest goes; if it is alive its node notices and comes back. */
        route = &transport->routes[0];
        transport_tell(transport, TRANSPORT_DOWN, route->link, view_of(NULL, 0));
        transport_zmq_cut_route(transport, route);
        *route = transport->routes[--transport->route_count];
    }
    route = &transport->routes[transport->route_count++];
    *route = (struct route){
        .link = 0x80000000U | transport->next_link++, .fd = fd, .inode = transport_inode_of(fd)};
    memcpy(route->id, id.data, id.size);
    route->id_size = id.size;
    memcpy(route->key, key, TRANSPORT_KEY_BYTES);
#ifdef VALISE_TEST_HOOKS
    /* What a peer cannot see, and could only guess: P03. */
    char text[2 * ROUTING_ID_MAX_BYTES + 1];
    (void)sodium_bin2hex(text, sizeof text, id.data, id.size);
    (void)fprintf(stderr, "now NOTICE hook.route id=%s\n", text);
#endif
    transport_tell(transport, TRANSPORT_UP, route->link, view_of(key, TRANSPORT_KEY_BYTES));
    return route;
}

/* The route of a routing id, unless what had the id before was another connection. */
static struct route *route_over(struct transport *transport, struct view id, int fd)
{
    struct route *route = route_of_id(transport, id);

    if (route != NULL && (route->fd != fd || route->inode != transport_inode_of(fd))) {
        transport_tell(transport, TRANSPORT_DOWN, route->link, view_of(NULL, 0));
        *route = transport->routes[--transport->route_count];
        route = NULL;
    }
    return route;
}

/* One message of exactly two frames: routing id and payload. */
static void take(struct transport *transport, struct view id, zmq_msg_t *payload)
{
    uint8_t key[TRANSPORT_KEY_BYTES];
    struct view bytes = view_of(zmq_msg_data(payload), zmq_msg_size(payload));
    /* Deprecated, and the only way to learn which connection a message came over. */
    int fd = zmq_msg_get(payload, ZMQ_SRCFD);
    struct connection *connection = transport_connection_of(transport, fd);
    struct route *route = NULL;

    if (!user_key(payload, key)) {
        return; /* cannot happen with an enforced ZAP handler; if it does, it is nobody */
    }
    if (connection != NULL) {
        connection->delivered = transport_received_bytes(fd);
        connection->has_key = true;
        memcpy(connection->key, key, sizeof key);
    }
    route = route_over(transport, id, fd);
    if (route == NULL && connection == NULL) {
        return; /* its connection is gone, and we have said so */
    }
    if (route == NULL) {
        route = add_route(transport, id, key, fd);
    }
    if (!route->closed) {
        transport_tell(transport, TRANSPORT_MESSAGE, route->link, bytes);
    }
}

/* Read away the rest of a message that has too many frames. */
static void drain(void *socket)
{
    zmq_msg_t message;
    int more = 1;

    while (more != 0) {
        (void)zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0) {
            more = 0;
        } else {
            more = zmq_msg_more(&message);
        }
        (void)zmq_msg_close(&message);
    }
}

/* Not two frames, or an unusable routing id: whoever sent that loses the connection. */
static void refuse(struct transport *transport, struct view id, zmq_msg_t *payload)
{
    struct connection *connection =
        transport_connection_of(transport, zmq_msg_get(payload, ZMQ_SRCFD));
    struct route *route = route_of_id(transport, id);

    if (zmq_msg_more(payload) != 0) {
        drain(transport->router);
    }
    if (route != NULL && !route->closed) {
        transport_tell(transport, TRANSPORT_DOWN, route->link, view_of(NULL, 0));
        route->closed = true;
    }
    if (connection != NULL) {
        transport_connection_cut(connection);
    }
}

void transport_zmq_router(struct transport *transport)
{
    zmq_msg_t id;
    zmq_msg_t payload;

    (void)zmq_msg_init(&id);
    (void)zmq_msg_init(&payload);
    if (zmq_msg_recv(&id, transport->router, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&id) != 0 &&
        zmq_msg_recv(&payload, transport->router, ZMQ_DONTWAIT) >= 0) {
        struct view name = view_of(zmq_msg_data(&id), zmq_msg_size(&id));

        if (zmq_msg_more(&payload) == 0 && name.size <= ROUTING_ID_MAX_BYTES) {
            take(transport, name, &payload);
        } else {
            refuse(transport, name, &payload);
        }
    }
    (void)zmq_msg_close(&payload);
    (void)zmq_msg_close(&id);
}

/* --- our own connections ------------------------------------------------------------------- */

static struct dialled *dialled_of_link(struct transport *transport, uint32_t link)
{
    for (size_t i = 0; i < transport->dialled_count; i++) {
        if (transport->dialled[i].link == link) {
            return &transport->dialled[i];
        }
    }
    return NULL;
}

void transport_zmq_drop(struct transport *transport, struct dialled *dialled)
{
    transport_zmq_close_monitored(&dialled->socket, &dialled->monitor);
    *dialled = transport->dialled[--transport->dialled_count];
}

static bool set_curve_client(struct transport *transport, void *socket, const uint8_t *server_key)
{
    bool good = zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, TRANSPORT_KEY_BYTES) == 0 &&
                zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, transport->curve_public,
                               TRANSPORT_KEY_BYTES) == 0 &&
                zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_open(transport->curve_secret),
                               TRANSPORT_KEY_BYTES) == 0;

    secret_close(transport->curve_secret);
    return good;
}

static bool open_dialled(struct transport *transport, struct dialled *dialled, const char *endpoint)
{
    static const struct option options[] = {
        /* One socket is one connection: dialling again is the node's decision. */
        {ZMQ_RECONNECT_IVL, -1},
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_CONNECT_TIMEOUT, CONNECT_MS},
    };
    char address[64];

    (void)snprintf(address, sizeof address, "inproc://dialled.%u", dialled->link);
    dialled->socket = zmq_socket(transport->context_out, ZMQ_DEALER);
    if (dialled->socket == NULL || !transport_zmq_common(dialled->socket) ||
        !set_all(dialled->socket, options, sizeof options / sizeof options[0]) ||
        !set_curve_client(transport, dialled->socket, dialled->server_key)) {
        return false;
    }
    if (transport->proxy[0] != '\0' &&
        zmq_setsockopt(dialled->socket, ZMQ_SOCKS_PROXY, transport->proxy,
                       strlen(transport->proxy)) != 0) {
        return false;
    }
    dialled->monitor = monitor_open(
        transport->context_out, dialled->socket, address,
        ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
            ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    return dialled->monitor != NULL && zmq_connect(dialled->socket, endpoint) == 0;
}

void transport_zmq_dial(struct transport *transport, uint32_t link, struct view bytes)
{
    char endpoint[256];
    size_t size = bytes.size > TRANSPORT_KEY_BYTES ? bytes.size - TRANSPORT_KEY_BYTES : 0;
    struct dialled *dialled = NULL;

    if (size == 0 || size >= sizeof endpoint || dialled_of_link(transport, link) != NULL ||
        transport->dialled_count == TRANSPORT_PEERS_MAX) {
        transport_tell(transport, TRANSPORT_DOWN, link, view_of(NULL, 0));
        return;
    }
    (void)snprintf(endpoint, sizeof endpoint, "%.*s", (int)size,
                   (const char *)bytes.data + TRANSPORT_KEY_BYTES);
    dialled = &transport->dialled[transport->dialled_count++];
    *dialled = (struct dialled){.link = link};
    memcpy(dialled->server_key, bytes.data, TRANSPORT_KEY_BYTES);
    if (!open_dialled(transport, dialled, endpoint)) {
        transport_zmq_drop(transport, dialled);
        transport_tell(transport, TRANSPORT_DOWN, link, view_of(NULL, 0));
    }
}

void transport_zmq_hang_up(struct transport *transport, uint32_t link)
{
    const int last_words_ms = LAST_WORDS_MS; /* why it ends is on its way */
    struct dialled *dialled = dialled_of_link(transport, link);
    struct route *route = route_of_link(transport, link);

    if (dialled != NULL) {
        (void)zmq_setsockopt(dialled->socket, ZMQ_LINGER, &last_words_ms, sizeof last_words_ms);
        transport_zmq_drop(transport, dialled);
    } else if (route != NULL && !route->closed) {
        route->closed = true;
        route->cut_at_ms = transport_now_ms() + last_words_ms;
    }
}

void transport_zmq_send(struct transport *transport, uint32_t link, struct view message)
{
    struct dialled *dialled = dialled_of_link(transport, link);
    struct route *route = route_of_link(transport, link);
    bool sent = false;

    if (dialled != NULL) {
        sent = zmq_send(dialled->socket, message.data, message.size, ZMQ_DONTWAIT) >= 0;
    } else if (route != NULL && !route->closed) {
        sent = zmq_send(transport->router, route->id, route->id_size, ZMQ_DONTWAIT | ZMQ_SNDMORE) >=
                   0 &&
               zmq_send(transport->router, message.data, message.size, ZMQ_DONTWAIT) >= 0;
    }
    if (!sent) {
        /* Full or gone: either way the session is over, and what it carried is sent again. */
        transport_tell(transport, TRANSPORT_DOWN, link, view_of(NULL, 0));
        transport_zmq_hang_up(transport, link);
    }
}

void transport_zmq_dialled(struct transport *transport, size_t place)
{
    struct dialled *dialled = &transport->dialled[place];
    uint32_t link = dialled->link;
    zmq_msg_t message;

    (void)zmq_msg_init(&message);
    if (zmq_msg_recv(&message, dialled->socket, ZMQ_DONTWAIT) >= 0) {
        if (zmq_msg_more(&message) != 0) {
            transport_tell(transport, TRANSPORT_DOWN, link, view_of(NULL, 0));
            transport_zmq_drop(transport, dialled);
        } else {
            dialled->delivered = transport_received_bytes(dialled->fd);
            transport_tell(transport, TRANSPORT_MESSAGE, link,
                           view_of(zmq_msg_data(&message), zmq_msg_size(&message)));
        }
    }
    (void)zmq_msg_close(&message);
}

void transport_zmq_dialled_monitor(struct transport *transport, size_t place)
{
    struct dialled *dialled = &transport->dialled[place];
    int value = 0;
    unsigned event = transport_zmq_event(dialled->monitor, &value);

    if (event == 0) {
        return;
    }
    if (event == ZMQ_EVENT_CONNECTED) {
        dialled->fd = value;
        return;
    }
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        dialled->up = true;
        transport_tell(transport, TRANSPORT_UP, dialled->link,
                       view_of(dialled->server_key, TRANSPORT_KEY_BYTES));
        return;
    }
    transport_tell(transport, TRANSPORT_DOWN, dialled->link, view_of(NULL, 0));
    transport_zmq_drop(transport, dialled);
}
