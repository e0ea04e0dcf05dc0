/* SPDX-License-Identifier: Apache-2.0 */
#include "describe.h"

#include "armor.h"
#include "caveats.h"
#include "control_server.h"
#include "envelope.h"
#include "frame.h"
#include "grant.h"
#include "identity.h"
#include "keyfile.h"
#include "lane.h"
#include "message.h"
#include "pack.h"
#include "peer.h"
#include "record.h"
#include "state.h"
#include "transport_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Every size, count and time that a peer or a caller can run into. A constant
 * that a .c file keeps to itself is given here with its text, which must stand
 * there: so a change there is noticed.
 */

/** One limit. */
struct limit {
    const char *name;
    int64_t number;
    const char *unit;
    const char *where; /* file that enforces it */
    const char *text;  /* that must stand in that file; NULL if the number is the header's own */
    const char *help;
};

#define SHARED(name, unit, where, help)                                                            \
    {                                                                                              \
#name, name, unit, where, NULL, help                                                       \
    }
#define LOCAL(name, number, unit, where, help)                                                     \
    {                                                                                              \
#name, number, unit, where, #name " = " #number, help                                      \
    }

static const struct limit limits[] = {
    SHARED(PACK_DEPTH_MAX, "levels", "proto/pack.c", "nested lists and maps"),
    SHARED(PACK_ITEMS_MAX, "values", "proto/pack.c", "in one object, keys included"),
    SHARED(PACK_OBJECT_MAX_BYTES, "bytes", "proto/object.c", "a protocol object"),
    SHARED(PACK_SECTION_MAX_BYTES, "bytes", "proto/object.c", "a section's body"),
    SHARED(SECTION_PLAINTEXT_MAX_BYTES, "bytes", "proto/seal.c", "a section before padding"),
    SHARED(SECTION_CIPHERTEXT_MAX_BYTES, "bytes", "proto/seal.c", "a sealed section"),
    SHARED(SECTION_PAD_MIN_BYTES, "bytes", "proto/seal.c", "least size of a padded section"),
    SHARED(SLOTS_MAX, "slots", "proto/envelope.c", "of a header"),
    SHARED(RETENTION_YEARS_MIN, "years", "proto/envelope.c", "retention of a header, least"),
    SHARED(RETENTION_YEARS_MAX, "years", "proto/envelope.c", "retention of a header, most"),
    SHARED(GRANT_CHAIN_MAX, "grants", "proto/grant.c", "parents of a parcel"),
    SHARED(PARCEL_MAX_BYTES, "bytes", "proto/grant.c", "a parcel"),
    SHARED(CAVEAT_AUDIENCE_MAX, "ids", "proto/caveats.c", "onward audience of a grant"),
    SHARED(CAVEAT_NOTES_MAX, "notes", "proto/caveats.c", "of a grant"),
    SHARED(CAVEAT_NOTE_MAX_BYTES, "bytes", "proto/caveats.c", "one note"),
    SHARED(IDENTITY_KEYS_MAX, "keys", "proto/identity.c", "authority keys of one event"),
    SHARED(IDENTITY_EVENTS_MAX, "events", "proto/identity.c", "of one identity"),
    SHARED(IDENTITY_CARDS_MAX, "cards", "proto/identity.c", "of one bundle"),
    SHARED(IDENTITY_NAME_MAX_BYTES, "bytes", "proto/identity.c", "name of a State"),
    SHARED(CARD_DAYS_MAX, "days", "proto/identity.c", "validity of a card"),
    SHARED(CARD_ENDPOINTS_MAX, "endpoints", "proto/identity.c", "of a card"),
    SHARED(ENDPOINT_MAX_BYTES, "bytes", "proto/identity.c", "one endpoint"),
    SHARED(ARMOR_TEXT_MAX_BYTES, "bytes", "proto/armor.c", "a card as text"),
    SHARED(RECORD_LIST_MAX, "entries", "proto/record_check.c", "a list in a record"),
    LOCAL(ISSUED_AHEAD_MAX_MS, 10 * 60 * 1000, "ms", "node/receive.c",
          "a record's time ahead of the receiver's clock"),
    SHARED(MESSAGE_MAX_BYTES, "bytes", "node/transport_zmq.c", "a message, and a ZeroMQ frame"),
    SHARED(HELLO_MAX_BYTES, "bytes", "proto/message.c", "body of HELLO"),
    SHARED(MESSAGE_TEXT_MAX_BYTES, "bytes", "proto/message.c", "text of ERROR"),
    SHARED(LANE_BATCH_ENTRIES_MAX, "entries", "proto/message.c", "of one LANE_PUSH or LANE_DATA"),
    SHARED(BLOBS_IN_BATCH_MAX, "ciphertexts", "proto/message.c", "of one LANE_PUSH or LANE_DATA"),
    SHARED(LANE_ENTRY_MAX_BYTES, "bytes", "proto/lane.c", "a lane entry"),
    SHARED(LANE_HEAD_MAX_BYTES, "bytes", "proto/lane.c", "a signed head or acknowledgement"),
    SHARED(LANE_PAYLOAD_MAX_BYTES, "bytes", "proto/lane.c", "payload of an entry"),
    SHARED(CREDIT_BYTES, "bytes", "node/session.c", "under way in one direction of a session"),
    SHARED(HELLOS_PER_MINUTE, "HELLOs a minute", "node/session.c", "of one peer"),
    SHARED(REQUESTS_PER_SECOND, "requests a second", "node/session.c",
           "PING, IDENT_PULL, LANE_PULL, LANE_NACK and BLOB_PULL of one peer"),
    SHARED(ROUNDS_MAX, "questions", "node/lane_take.c", "about a lane that does not move on"),
    SHARED(FETCHED_MAX_BYTES, "bytes", "node/lane_take.c", "of ciphertexts for such a lane"),
    SHARED(ACCEPTED_MAX, "links", "node/session.c", "accepted and without HELLO yet"),
    LOCAL(ACCEPTED_SILENCE_MS, 10000, "ms", "node/session.c", "an accepted link without HELLO"),
    LOCAL(ACK_PATIENCE_MS, 60000, "ms", "node/lane_send.c",
          "between a push and its acknowledgement"),
    {"HELLO awaited", 15000, "ms", "node/peer.c", "[PEER_HELLO] = {\"greeting\", 15000}",
     "on a link that is up"},
    {"HEADS awaited", 30000, "ms", "node/peer.c", "[PEER_SYNC] = {\"comparing\", 30000}",
     "after HELLO"},
    {"silence", 60000, "ms", "node/peer.c", "[PEER_STEADY] = {\"in touch\", 60000}",
     "of a session that exchanged HEADS"},
    LOCAL(PING_AFTER_MS, 20000, "ms", "node/peer.c", "silence before a PING"),
    LOCAL(BACKOFF_FIRST_MS, 1000, "ms", "node/peer.c", "before dialling again, at first"),
    LOCAL(BACKOFF_MAX_MS, 15 * 60 * 1000, "ms", "node/peer.c", "before dialling again, at most"),
    SHARED(PEER_YIELD_MS, "ms", "node/peer.c",
           "how long the greater node id leaves dialling to the smaller"),
    LOCAL(SKEW_WARN_MS, 120 * 1000, "ms", "node/session.c", "clocks apart before a warning"),
    SHARED(STORE_PEERS_MAX, "peers", "node/commands_peers.c", "of one node"),
    SHARED(STORE_QUARANTINE_PEER_MAX, "objects", "node/lane_take.c",
           "of one peer kept aside since the start"),
    SHARED(QUARANTINE_BYTES_MAX, "bytes", "store/tasks.c", "kept of an object set aside"),
    LOCAL(HANDSHAKE_MS, 5000, "ms", "node/transport_zmq.c", "for the CURVE handshake"),
    LOCAL(HEARTBEAT_MS, 10000, "ms", "node/transport_zmq.c", "between ZMTP heartbeats"),
    LOCAL(HEARTBEAT_PATIENCE_MS, 30000, "ms", "node/transport_zmq.c",
          "for the answer to a heartbeat"),
    SHARED(HANDSHAKES_PER_MINUTE, "handshakes a minute", "node/transport_auth.c",
           "of one allowed key"),
    SHARED(TRANSPORT_CONNECTIONS_MAX, "connections", "node/transport_connections.c",
           "to the listener, of anybody, and at most a quarter of the files"),
    SHARED(TRANSPORT_ROUTES_MAX, "connections", "node/transport_zmq.c",
           "to the listener, authenticated"),
    SHARED(UNDELIVERED_MAX_BYTES, "bytes", "node/transport_connections.c",
           "received over a connection before a whole message"),
    SHARED(HEAP_MAX_BYTES, "bytes", "node/transport_connections.c",
           "of the transport's heap, before the connection that holds back most is cut"),
    SHARED(FIRST_MESSAGE_MAX_BYTES, "bytes", "node/transport_connections.c",
           "received over a connection before its first whole message"),
    SHARED(MESSAGES_WAITING, "messages", "node/transport_zmq.c",
           "that came, in each queue of ZeroMQ"),
    SHARED(MESSAGES_LEAVING, "messages", "node/transport_zmq.c", "that go out, in each queue"),
    SHARED(STRANGERS_TOLD_MS, "ms", "node/transport_main.c", "between two lines about strangers"),
    LOCAL(SILENT_MAX_MS, 5000, "ms", "node/loop.c", "without a sign of life of the transport"),
    LOCAL(SUSPENDED_MS, 60000, "ms", "node/transport_auth.c", "a key that floods is locked out"),
    SHARED(TRANSPORT_MEMORY_BYTES, "bytes", "node/transport_main.c",
           "address space of the transport process"),
    SHARED(FRAME_MAX_BYTES, "bytes", "node/transport_link.c", "a frame between the processes"),
    SHARED(TRANSPORT_QUEUE_MAX_BYTES, "bytes", "node/transport_link.c",
           "that wait for the other process"),
    SHARED(CONTROL_FRAME_MAX_BYTES, "bytes", "node/control_server.c", "a request or reply"),
    SHARED(CONTROL_CLIENTS_MAX, "callers", "node/control_server.c", "at one time"),
    SHARED(CONTROL_PAGE_MAX, "rows", "node/commands_records.c", "of one reply"),
    LOCAL(COMMAND_PATIENCE_MS, 30000, "ms", "node/control_server.c",
          "for half a request, or half a reply"),
    LOCAL(IDLE_PATIENCE_MS, 120000, "ms", "node/control_server.c", "between requests"),
};

/* Whether a source file still says what the row says. Run from the root of the tree. */
static bool stands_in(const char *path, const char *text)
{
    FILE *file = fopen(path, "rb");
    char line[512];
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = strstr(line, text) != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

void describe_limits(const char *name, struct buffer *to)
{
    (void)name;
    buffer_append_text(to,
                       "| limit | number | unit | what | enforced in |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct limit *limit = &limits[i];

        if (limit->text != NULL && !stands_in(limit->where, limit->text)) {
            (void)fprintf(stderr, "%s: \"%s\" is not there\n", limit->where, limit->text);
            exit(1);
        }
        buffer_printf(to, "| `%s` | %" PRId64 " | %s | %s | %s |\n", limit->name, limit->number,
                      limit->unit, limit->help, limit->where);
    }
}
