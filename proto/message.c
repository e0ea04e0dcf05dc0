/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <string.h>

#define FIELD(object, member) offsetof(struct object, member)
#define SESSION_FIELDS                                                                             \
    {0,                                                                                            \
     OBJECT_FIXED,                                                                                 \
     false,                                                                                        \
     FIELD(message_session, tag),                                                                  \
     0,                                                                                            \
     SESSION_TAG_BYTES,                                                                            \
     0,                                                                                            \
     "session",                                                                                    \
     "tag of session and direction"},                                                              \
    {                                                                                              \
        1, OBJECT_INTEGER, false, FIELD(message_session, counter), 1, INT64_MAX, 0, "counter",     \
            "1, 2, 3, … in each direction"                                                       \
    }

static const struct object_field hello_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(hello, version), 1, INT32_MAX, 0, "v",
     "newest version spoken"},
    {1, OBJECT_INTEGER, false, FIELD(hello, version_min), 1, INT32_MAX, 0, "v min",
     "oldest version accepted"},
    {2, OBJECT_FIXED, false, FIELD(hello, node), 0, ID_BYTES, 0, "node", "who speaks"},
    {3, OBJECT_FIXED, false, FIELD(hello, to), 0, ID_BYTES, 0, "to", "to whom"},
    {4, OBJECT_INTEGER, false, FIELD(hello, card_seq), 1, INT32_MAX, 0, "card seq",
     "card whose key signs"},
    {5, OBJECT_INTEGER, false, FIELD(hello, event_seq), 0, IDENTITY_EVENTS_MAX, 0, "event seq",
     "newest key event"},
    {6, OBJECT_INSTANT, false, FIELD(hello, time), 0, INT64_MAX, 0, "time",
     "of the speaker's clock"},
    {7, OBJECT_FIXED, false, FIELD(hello, nonce), 0, HELLO_NONCE_BYTES, 0, "nonce",
     "random, fresh for each session"},
    {HELLO_ECHO, OBJECT_FIXED, true, FIELD(hello, echo), 0, HELLO_NONCE_BYTES, 0, "echo",
     "nonce of the HELLO that this one answers"},
    {9, OBJECT_TEXT, false, FIELD(hello, software), 0, 64, 0, "software", "name and version"},
};

const struct object_info hello_info = {"hello body", hello_fields,
                                       sizeof hello_fields / sizeof hello_fields[0],
                                       sizeof(struct hello), HELLO_MAX_BYTES};

static const struct object_field message_hello_fields[] = {
    {0, OBJECT_BYTES, false, FIELD(message_hello, body), 1, HELLO_MAX_BYTES, 0, "body",
     "packed hello body"},
    {1, OBJECT_FIXED, false, FIELD(message_hello, signature), 0, SIGNATURE_BYTES, 0, "signature",
     "by the card's signing key"},
};

static const struct object_field message_error_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_INTEGER, false, FIELD(message_error, code), 1, 64, 0, "code",
     "1 version, 2 protocol, 3 quota, 4 frozen, 5 busy"},
    {3, OBJECT_INTEGER, false, FIELD(message_error, retry_after_ms), 0, 86400000, 0, "retry after",
     "ms to wait before trying again"},
    {4, OBJECT_TEXT, false, FIELD(message_error, text), 0, MESSAGE_TEXT_MAX_BYTES, 0, "text",
     "for the other side's log"},
};

static const struct object_field message_time_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_INSTANT, false, FIELD(message_time, time), 0, INT64_MAX, 0, "time",
     "of the speaker's clock"},
};

static const struct object_field message_bye_fields[] = {SESSION_FIELDS};

static const struct object_field message_ident_pull_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_INTEGER, false, FIELD(message_ident_pull, card_seq), 0, INT32_MAX, 0, "card seq",
     "newest card of the other side that is held"},
};

static const struct object_field message_ident_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_BYTES, false, FIELD(message_ident, bundle), 1, IDENTITY_BUNDLE_MAX_BYTES, 0,
     "bundle", "packed identity bundle"},
};

static const struct object_field message_heads_fields[] = {
    SESSION_FIELDS,
    {HEADS_MINE, OBJECT_BYTES, true, FIELD(message_heads, mine), 1, LANE_HEAD_MAX_BYTES, 0, "mine",
     "signed head of the sender's lane"},
    {HEADS_YOURS, OBJECT_BYTES, true, FIELD(message_heads, yours), 1, LANE_HEAD_MAX_BYTES, 0,
     "yours", "newest signed head of the receiver's lane that is held"},
    {HEADS_ACKED, OBJECT_BYTES, true, FIELD(message_heads, acked), 1, LANE_HEAD_MAX_BYTES, 0,
     "acked", "newest acknowledgement by the receiver that is held"},
    {5, OBJECT_INTEGER, false, FIELD(message_heads, yours_seq), 0, INT64_MAX, 0, "yours seq",
     "how far the receiver's lane is held"},
    {6, OBJECT_FIXED, false, FIELD(message_heads, yours_hash), 0, ID_BYTES, 0, "yours hash",
     "of that entry"},
    {7, OBJECT_INTEGER, false, FIELD(message_heads, incarnation), 1, INT64_MAX, 0, "incarnation",
     "of the sender's lane"},
};

static const struct object_field message_lane_pull_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_INTEGER, false, FIELD(message_lane_pull, side), 0, 1, 0, "side",
     "0 the sender's lane, 1 the receiver's"},
    {3, OBJECT_INTEGER, false, FIELD(message_lane_pull, incarnation), 1, INT64_MAX, 0,
     "incarnation", "of that lane"},
    {4, OBJECT_INTEGER, false, FIELD(message_lane_pull, after), 0, INT64_MAX, 0, "after",
     "entries with greater numbers are wanted"},
};

static const struct object_field message_lane_data_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_INTEGER, false, FIELD(message_lane_data, side), 0, 1, 0, "side",
     "0 the sender's lane, 1 the receiver's"},
    {3, OBJECT_LIST, false, FIELD(message_lane_data, entries), 1, LANE_ENTRY_MAX_BYTES,
     LANE_BATCH_ENTRIES_MAX, "entries", "packed lane entries"},
    {4, OBJECT_LIST, false, FIELD(message_lane_data, payloads), 1, LANE_PAYLOAD_MAX_BYTES,
     LANE_BATCH_ENTRIES_MAX, "payloads", "one for each entry"},
    {5, OBJECT_BYTES, false, FIELD(message_lane_data, head), 1, LANE_HEAD_MAX_BYTES, 0, "head",
     "signed head that covers the last entry"},
    {6, OBJECT_LIST, false, FIELD(message_lane_data, blobs), 1, SECTION_CIPHERTEXT_MAX_BYTES,
     BLOBS_IN_BATCH_MAX, "blobs", "ciphertexts that the payloads name"},
};

static const struct object_field message_lane_ack_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_BYTES, false, FIELD(message_lane_ack, ack), 1, LANE_HEAD_MAX_BYTES, 0, "ack",
     "signed acknowledgement"},
};

static const struct object_field message_lane_nack_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_INTEGER, false, FIELD(message_lane_nack, reason), 1, 64, 0, "reason",
     "1 GAP, 2 FORK, 3 KEY_RETIRED, 4 BAD_SIGNATURE, 5 POLICY, 6 QUOTA, 7 BLOB_MISSING"},
    {3, OBJECT_INTEGER, false, FIELD(message_lane_nack, seq), 0, INT64_MAX, 0, "seq",
     "entry it is about"},
    {4, OBJECT_FIXED, false, FIELD(message_lane_nack, entry), 0, ID_BYTES, 0, "entry",
     "its hash, or zero"},
};

static const struct object_field message_blob_pull_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_LIST, false, FIELD(message_blob_pull, ids), ID_BYTES, ID_BYTES, SLOTS_MAX, "ids",
     "hashes of ciphertexts named in a grant to the asker"},
};

static const struct object_field message_blob_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_BYTES, false, FIELD(message_blob, bytes), 1, SECTION_CIPHERTEXT_MAX_BYTES, 0,
     "bytes", "one ciphertext"},
};

static const struct object_field message_credit_fields[] = {
    SESSION_FIELDS,
    {2, OBJECT_INTEGER, false, FIELD(message_credit, bytes), 1, CREDIT_BYTES, 0, "bytes",
     "that may be sent in addition"},
};

enum { SMALL_MESSAGE_BYTES = 4096 };

#define INFO(name, type, fields, bytes)                                                            \
    static const struct object_info name = {#name, fields, sizeof fields / sizeof fields[0],       \
                                            sizeof(struct type), bytes}

INFO(HELLO, message_hello, message_hello_fields, SMALL_MESSAGE_BYTES);
INFO(ERROR, message_error, message_error_fields, SMALL_MESSAGE_BYTES);
INFO(PING, message_time, message_time_fields, SMALL_MESSAGE_BYTES);
INFO(PONG, message_time, message_time_fields, SMALL_MESSAGE_BYTES);
INFO(BYE, message_session, message_bye_fields, SMALL_MESSAGE_BYTES);
INFO(IDENT_PULL, message_ident_pull, message_ident_pull_fields, SMALL_MESSAGE_BYTES);
INFO(IDENT, message_ident, message_ident_fields, IDENTITY_BUNDLE_MAX_BYTES + SMALL_MESSAGE_BYTES);
INFO(HEADS, message_heads, message_heads_fields, SMALL_MESSAGE_BYTES);
INFO(LANE_PULL, message_lane_pull, message_lane_pull_fields, SMALL_MESSAGE_BYTES);
INFO(LANE_DATA, message_lane_data, message_lane_data_fields, MESSAGE_MAX_BYTES);
INFO(LANE_PUSH, message_lane_data, message_lane_data_fields, MESSAGE_MAX_BYTES);
INFO(LANE_ACK, message_lane_ack, message_lane_ack_fields, SMALL_MESSAGE_BYTES);
INFO(LANE_NACK, message_lane_nack, message_lane_nack_fields, SMALL_MESSAGE_BYTES);
INFO(BLOB_PULL, message_blob_pull, message_blob_pull_fields, SMALL_MESSAGE_BYTES);
INFO(BLOB, message_blob, message_blob_fields, MESSAGE_MAX_BYTES);
INFO(CREDIT, message_credit, message_credit_fields, SMALL_MESSAGE_BYTES);

static const struct message_info messages[] = {
    {MESSAGE_HELLO, "HELLO", &HELLO, false, false, "opens a session; signed"},
    {MESSAGE_ERROR, "ERROR", &ERROR, true, false, "why the session ends"},
    {MESSAGE_PING, "PING", &PING, true, false, "are you there, and what time is it"},
    {MESSAGE_PONG, "PONG", &PONG, true, false, "answer to PING"},
    {MESSAGE_BYE, "BYE", &BYE, true, false, "ends the session in good order"},
    {MESSAGE_IDENT_PULL, "IDENT_PULL", &IDENT_PULL, true, false, "asks for newer keys and cards"},
    {MESSAGE_IDENT, "IDENT", &IDENT, true, true, "key events and cards of the sender"},
    {MESSAGE_HEADS, "HEADS", &HEADS, true, false, "where both lanes of the pair stand"},
    {MESSAGE_LANE_PULL, "LANE_PULL", &LANE_PULL, true, false, "asks for entries after a number"},
    {MESSAGE_LANE_DATA, "LANE_DATA", &LANE_DATA, true, true, "entries that were asked for"},
    {MESSAGE_LANE_PUSH, "LANE_PUSH", &LANE_PUSH, true, true,
     "entries of the sender's lane, unasked"},
    {MESSAGE_LANE_ACK, "LANE_ACK", &LANE_ACK, true, false, "sent only after a durable commit"},
    {MESSAGE_LANE_NACK, "LANE_NACK", &LANE_NACK, true, false, "an entry is kept aside, or refused"},
    {MESSAGE_BLOB_PULL, "BLOB_PULL", &BLOB_PULL, true, false, "asks for ciphertexts"},
    {MESSAGE_BLOB, "BLOB", &BLOB, true, true, "one ciphertext"},
    {MESSAGE_CREDIT, "CREDIT", &CREDIT, true, false, "allows the other side to send more"},
};

const struct message_info *message_table(size_t *count)
{
    *count = sizeof messages / sizeof messages[0];
    return messages;
}

const struct message_info *message_info_find(uint8_t type)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if ((uint8_t)messages[i].type == type) {
            return &messages[i];
        }
    }
    return NULL;
}

enum error message_decode(struct view bytes, struct arena *arena, struct message *message)
{
    const struct message_info *info = bytes.size == 0 ? NULL : message_info_find(bytes.data[0]);
    enum error err = OK;

    if (info == NULL) {
        return ERR_PEER_PROTOCOL;
    }
    memset(message, 0, sizeof *message);
    message->type = info->type;
    TRY(object_decode(info->object, view_of(bytes.data + 1, bytes.size - 1), arena,
                      &message->session));
    if ((info->type == MESSAGE_LANE_DATA || info->type == MESSAGE_LANE_PUSH) &&
        (message->lane_data.entries.count != message->lane_data.payloads.count ||
         message->lane_data.entries.count == 0)) {
        err = ERR_PEER_PROTOCOL;
    }
out:
    return err;
}

enum error message_encode(const struct message *message, struct buffer *to)
{
    const struct message_info *info = message_info_find((uint8_t)message->type);

    if (info == NULL) {
        return ERR_BUG;
    }
    buffer_append_byte(to, (uint8_t)message->type);
    return object_encode(info->object, &message->session, to);
}

void session_tag(const struct id *from, const struct id *to,
                 const uint8_t from_nonce[static HELLO_NONCE_BYTES],
                 const uint8_t to_nonce[static HELLO_NONCE_BYTES],
                 uint8_t tag[static SESSION_TAG_BYTES])
{
    const struct view parts[4] = {id_view(from), id_view(to),
                                  view_of(from_nonce, HELLO_NONCE_BYTES),
                                  view_of(to_nonce, HELLO_NONCE_BYTES)};
    struct id hash = digest_parts(HASH_SESSION, parts, 4);

    memcpy(tag, hash.bytes, SESSION_TAG_BYTES);
}

enum error hello_make(const struct hello *hello, struct secret *sign_key, struct buffer *to)
{
    struct buffer body = buffer_init(HELLO_MAX_BYTES);
    struct message message = {.type = MESSAGE_HELLO};
    enum error err = OK;

    TRY(object_encode(&hello_info, hello, &body));
    message.hello.body = view_of_buffer(&body);
    TRY(sign(sign_key, SIGN_HELLO, message.hello.body, message.hello.signature));
    TRY(message_encode(&message, to));
out:
    buffer_free(&body);
    return err;
}

enum error hello_read(const struct message_hello *message, struct arena *arena, struct hello *hello)
{
    return object_decode(&hello_info, message->body, arena, hello);
}

enum error hello_verify(const struct message_hello *message,
                        const uint8_t sign_key[static SIGN_PUBLIC_BYTES])
{
    return sign_verify(sign_key, SIGN_HELLO, message->body,
                       view_of(message->signature, SIGNATURE_BYTES));
}
