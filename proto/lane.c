/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include <string.h>

#define FIELD(object, member) offsetof(struct object, member)

static const struct object_field entry_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(lane_entry, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_FIXED, false, FIELD(lane_entry, originator), 0, ID_BYTES, 0, "o", "node id"},
    {2, OBJECT_FIXED, false, FIELD(lane_entry, recipient), 0, ID_BYTES, 0, "r", "node id"},
    {3, OBJECT_INTEGER, false, FIELD(lane_entry, incarnation), 1, INT64_MAX, 0, "incarnation",
     "of the lane"},
    {4, OBJECT_INTEGER, false, FIELD(lane_entry, seq), 1, INT64_MAX, 0, "seq", "1 is the first"},
    {5, OBJECT_FIXED, false, FIELD(lane_entry, previous), 0, ID_BYTES, 0, "prev",
     "H(\"valise1-lane\", entry before), zero before the first"},
    {6, OBJECT_INTEGER, false, FIELD(lane_entry, type), LANE_GRANT, LANE_FLOOR, 0, "type",
     "1 GRANT, 2 AMEND, 3 RETRACT, 4 PURGE, 5 NOTICE, 6 RECEIPT, 7 KEY_REQUEST, 8 RESYNC, "
     "9 COVER, 10 FLOOR"},
    {7, OBJECT_FIXED, false, FIELD(lane_entry, payload), 0, ID_BYTES, 0, "payload",
     "H(\"valise1-blob\", payload)"},
    {8, OBJECT_INTEGER, false, FIELD(lane_entry, payload_bytes), 1, LANE_PAYLOAD_MAX_BYTES, 0,
     "length", "of the payload"},
    {9, OBJECT_INSTANT, false, FIELD(lane_entry, time), 0, INT64_MAX, 0, "time", "when made"},
};

static const struct object_field head_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(lane_head, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_FIXED, false, FIELD(lane_head, originator), 0, ID_BYTES, 0, "o", "node id"},
    {2, OBJECT_FIXED, false, FIELD(lane_head, recipient), 0, ID_BYTES, 0, "r", "node id"},
    {3, OBJECT_INTEGER, false, FIELD(lane_head, incarnation), 1, INT64_MAX, 0, "incarnation",
     "of the lane"},
    {4, OBJECT_INTEGER, false, FIELD(lane_head, seq), 1, INT64_MAX, 0, "seq", "newest entry"},
    {5, OBJECT_FIXED, false, FIELD(lane_head, hash), 0, ID_BYTES, 0, "hash", "of that entry"},
    {6, OBJECT_INSTANT, false, FIELD(lane_head, time), 0, INT64_MAX, 0, "time", "when signed"},
    {7, OBJECT_INTEGER, false, FIELD(lane_head, card_seq), 1, INT32_MAX, 0, "card seq",
     "card whose key signs"},
};

static const struct object_field ack_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(lane_ack, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_FIXED, false, FIELD(lane_ack, originator), 0, ID_BYTES, 0, "o", "node id"},
    {2, OBJECT_FIXED, false, FIELD(lane_ack, recipient), 0, ID_BYTES, 0, "r", "node id"},
    {3, OBJECT_INTEGER, false, FIELD(lane_ack, incarnation), 1, INT64_MAX, 0, "incarnation",
     "of the lane"},
    {4, OBJECT_INTEGER, false, FIELD(lane_ack, seq), 1, INT64_MAX, 0, "seq", "newest entry held"},
    {5, OBJECT_FIXED, false, FIELD(lane_ack, hash), 0, ID_BYTES, 0, "hash", "of that entry"},
    {6, OBJECT_INTEGER, false, FIELD(lane_ack, state), LANE_STORED, LANE_APPLIED, 0, "state",
     "1 stored, 2 applied"},
    {7, OBJECT_INSTANT, false, FIELD(lane_ack, time), 0, INT64_MAX, 0, "time", "when signed"},
    {8, OBJECT_INTEGER, false, FIELD(lane_ack, card_seq), 1, INT32_MAX, 0, "card seq",
     "card whose key signs"},
};

static const struct object_field signed_fields[] = {
    {0, OBJECT_BYTES, false, FIELD(lane_signed, body), 1, LANE_HEAD_MAX_BYTES, 0, "body",
     "packed head or acknowledgement"},
    {1, OBJECT_FIXED, false, FIELD(lane_signed, signature), 0, SIGNATURE_BYTES, 0, "signature",
     "by the card's signing key"},
};

#define INFO(name, text, bytes, table)                                                             \
    const struct object_info name##_info = {text, table, sizeof table / sizeof table[0],           \
                                            sizeof(struct name), bytes}

INFO(lane_entry, "lane entry", LANE_ENTRY_MAX_BYTES, entry_fields);
INFO(lane_head, "lane head", LANE_HEAD_MAX_BYTES, head_fields);
INFO(lane_ack, "lane acknowledgement", LANE_HEAD_MAX_BYTES, ack_fields);
INFO(lane_signed, "signed head or acknowledgement", LANE_HEAD_MAX_BYTES, signed_fields);

struct lane_cursor lane_start(void)
{
    return (struct lane_cursor){.incarnation = LANE_INCARNATION_FIRST};
}

bool lane_cursor_equal(const struct lane_cursor *a, const struct lane_cursor *b)
{
    return a->incarnation == b->incarnation && a->seq == b->seq && id_equal(&a->hash, &b->hash);
}

struct id lane_entry_hash(struct view bytes)
{
    return digest(HASH_LANE, bytes);
}

enum error lane_entry_make(const struct lane_ends *ends, enum lane_entry_type type,
                           struct view payload, struct instant now, struct lane_cursor *cursor,
                           struct buffer *to)
{
    struct lane_entry entry = {
        .version = 1,
        .originator = ends->originator,
        .recipient = ends->recipient,
        .incarnation = cursor->incarnation,
        .seq = (int64_t)((uint64_t)cursor->seq + 1), /* past the last: refused below */
        .previous = cursor->hash,
        .type = type,
        .payload = digest(HASH_PAYLOAD, payload),
        .payload_bytes = (int64_t)payload.size,
        .time = now};
    size_t start = to->size;
    enum error err = OK;

    TRY(object_encode(&lane_entry_info, &entry, to));
    cursor->seq = entry.seq;
    cursor->hash = lane_entry_hash(view_of(to->data + start, to->size - start));
out:
    return err;
}

enum error lane_entry_follow(struct view bytes, struct view payload, const struct lane_ends *ends,
                             struct arena *arena, struct lane_cursor *cursor,
                             struct lane_entry *entry)
{
    enum error err = OK;

    TRY(object_decode(&lane_entry_info, bytes, arena, entry));
    TRY(id_equal(&entry->originator, &ends->originator) ? OK : ERR_WRONG_SENDER);
    TRY(id_equal(&entry->recipient, &ends->recipient) ? OK : ERR_NOT_FOR_US);
    if (entry->incarnation != cursor->incarnation || entry->seq - 1 != cursor->seq) {
        return ERR_LANE_GAP;
    }
    TRY(id_equal(&entry->previous, &cursor->hash) ? OK : ERR_LANE_FORK);
    struct id hash = digest(HASH_PAYLOAD, payload);
    if (entry->payload_bytes != (int64_t)payload.size || !id_equal(&hash, &entry->payload)) {
        return ERR_BAD_HASH;
    }
    cursor->seq = entry->seq;
    cursor->hash = lane_entry_hash(bytes);
out:
    return err;
}

static enum error append_signed(struct view body, enum sign_label label, struct secret *sign_key,
                                struct buffer *to)
{
    struct lane_signed object = {.body = body};
    enum error err = OK;

    TRY(sign(sign_key, label, body, object.signature));
    TRY(object_encode(&lane_signed_info, &object, to));
out:
    return err;
}

enum error lane_head_make(const struct lane_ends *ends, const struct lane_cursor *cursor,
                          struct instant now, const struct lane_signer *signer, struct buffer *to)
{
    struct lane_head head = {.version = 1,
                             .originator = ends->originator,
                             .recipient = ends->recipient,
                             .incarnation = cursor->incarnation,
                             .seq = cursor->seq,
                             .hash = cursor->hash,
                             .time = now,
                             .card_seq = signer->card_seq};
    struct buffer body = buffer_init(LANE_HEAD_MAX_BYTES);
    enum error err = OK;

    TRY(object_encode(&lane_head_info, &head, &body));
    TRY(append_signed(view_of_buffer(&body), SIGN_LANE_HEAD, signer->sign_key, to));
out:
    buffer_free(&body);
    return err;
}

enum error lane_ack_make(const struct lane_ends *ends, const struct lane_cursor *cursor,
                         enum lane_ack_state state, struct instant now,
                         const struct lane_signer *signer, struct buffer *to)
{
    struct lane_ack ack = {.version = 1,
                           .originator = ends->originator,
                           .recipient = ends->recipient,
                           .incarnation = cursor->incarnation,
                           .seq = cursor->seq,
                           .hash = cursor->hash,
                           .state = state,
                           .time = now,
                           .card_seq = signer->card_seq};
    struct buffer body = buffer_init(LANE_HEAD_MAX_BYTES);
    enum error err = OK;

    TRY(object_encode(&lane_ack_info, &ack, &body));
    TRY(append_signed(view_of_buffer(&body), SIGN_LANE_ACK, signer->sign_key, to));
out:
    buffer_free(&body);
    return err;
}

static enum error read_signed(struct view bytes, const struct object_info *info,
                              struct arena *arena, void *object)
{
    struct lane_signed outer = {0};
    enum error err = OK;

    TRY(object_decode(&lane_signed_info, bytes, arena, &outer));
    TRY(object_decode(info, outer.body, arena, object));
out:
    return err;
}

enum error lane_head_read(struct view bytes, struct arena *arena, struct lane_head *head)
{
    return read_signed(bytes, &lane_head_info, arena, head);
}

enum error lane_ack_read(struct view bytes, struct arena *arena, struct lane_ack *ack)
{
    return read_signed(bytes, &lane_ack_info, arena, ack);
}

static enum error verify_signed(struct view bytes, enum sign_label label, struct arena *arena,
                                const uint8_t sign_key[static SIGN_PUBLIC_BYTES])
{
    struct lane_signed outer = {0};
    enum error err = OK;

    TRY(object_decode(&lane_signed_info, bytes, arena, &outer));
    TRY(sign_verify(sign_key, label, outer.body, view_of(outer.signature, SIGNATURE_BYTES)));
out:
    return err;
}

enum error lane_head_verify(struct view bytes, struct arena *arena,
                            const uint8_t sign_key[static SIGN_PUBLIC_BYTES])
{
    return verify_signed(bytes, SIGN_LANE_HEAD, arena, sign_key);
}

enum error lane_ack_verify(struct view bytes, struct arena *arena,
                           const uint8_t sign_key[static SIGN_PUBLIC_BYTES])
{
    return verify_signed(bytes, SIGN_LANE_ACK, arena, sign_key);
}
