/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include "grant.h"

#include <string.h>

#define FIELD(object, member) offsetof(struct object, member)

static const char *const table_names[TABLE_COUNT] = {
    [TABLE_META] = "meta",
    [TABLE_RECORD] = "record",
    [TABLE_BLOB] = "blob",
    [TABLE_INDEX] = "index",
    [TABLE_LANE] = "lane",
    [TABLE_ENTRY] = "entry",
    [TABLE_PENDING] = "pending",
    [TABLE_PEER] = "peer",
    [TABLE_GROUP] = "group",
    [TABLE_USER] = "user",
    [TABLE_DRAFT] = "draft",
    [TABLE_HOLDER] = "holder",
    [TABLE_QUARANTINE] = "quarantine",
    [TABLE_AUDIT] = "audit",
    [TABLE_SECTION_KEY] = "section",
};

const char *table_name(enum table table)
{
    return table_names[table];
}

size_t table_key_bytes(enum table table)
{
    static const uint8_t sizes[TABLE_COUNT] = {
        [TABLE_RECORD] = KEY_NUMBER_BYTES, [TABLE_BLOB] = KEY_BLOB_BYTES,
        [TABLE_INDEX] = KEY_INDEX_BYTES,   [TABLE_LANE] = KEY_LANE_BYTES,
        [TABLE_ENTRY] = KEY_ENTRY_BYTES,   [TABLE_PENDING] = KEY_PENDING_BYTES,
        [TABLE_PEER] = KEY_PEER_BYTES,     [TABLE_GROUP] = KEY_NAMED_BYTES,
        [TABLE_USER] = KEY_NAMED_BYTES,    [TABLE_DRAFT] = KEY_NAMED_BYTES,
        [TABLE_HOLDER] = KEY_HOLDER_BYTES, [TABLE_QUARANTINE] = KEY_NUMBER_BYTES,
        [TABLE_AUDIT] = KEY_NUMBER_BYTES,  [TABLE_SECTION_KEY] = KEY_SECTION_BYTES,
    };

    return sizes[table];
}

/* --- keys ---------------------------------------------------------------------------------- */

static void append(struct key *key, const void *bytes, size_t size)
{
    memcpy(key->bytes + key->size, bytes, size);
    key->size += size;
}

static void append_u8(struct key *key, uint8_t number)
{
    append(key, &number, 1);
}

static void append_u32(struct key *key, uint32_t number)
{
    uint8_t bytes[4];

    put_u32(bytes, number);
    append(key, bytes, sizeof bytes);
}

static void append_u64(struct key *key, uint64_t number)
{
    uint8_t bytes[8];

    put_u64(bytes, number);
    append(key, bytes, sizeof bytes);
}

struct key key_number(uint64_t number)
{
    struct key key = {{0}, 0};

    append_u64(&key, number);
    return key;
}

struct key key_token(const uint8_t token[static STORE_TOKEN_BYTES])
{
    struct key key = {{0}, 0};

    append(&key, token, STORE_TOKEN_BYTES);
    return key;
}

struct key key_index(enum index_field field, const uint8_t token[static STORE_TOKEN_BYTES],
                     uint64_t number)
{
    struct key key = {{0}, 0};

    append_u8(&key, (uint8_t)field);
    append(&key, token, STORE_TOKEN_BYTES);
    append_u64(&key, number);
    return key;
}

struct key key_lane(enum store_side side, uint32_t peer)
{
    struct key key = {{0}, 0};

    append_u8(&key, (uint8_t)side);
    append_u32(&key, peer);
    return key;
}

struct key key_entry(enum store_side side, uint32_t peer, int64_t incarnation, int64_t seq)
{
    struct key key = key_lane(side, peer);

    append_u64(&key, (uint64_t)incarnation);
    append_u64(&key, (uint64_t)seq);
    return key;
}

struct key key_pending(uint32_t peer, uint64_t order)
{
    struct key key = key_peer(peer);

    append_u64(&key, order);
    return key;
}

struct key key_peer(uint32_t peer)
{
    struct key key = {{0}, 0};

    append_u32(&key, peer);
    return key;
}

struct key key_holder(uint64_t number, uint32_t peer)
{
    struct key key = key_number(number);

    append_u32(&key, peer);
    return key;
}

struct key key_section(const uint8_t token[static STORE_TOKEN_BYTES], uint8_t slot)
{
    struct key key = key_token(token);

    append_u8(&key, slot);
    return key;
}

/* --- rows ---------------------------------------------------------------------------------- */

static const struct object_field record_fields[] = {
    {0, OBJECT_FIXED, false, FIELD(store_record, record), 0, ID_BYTES, 0, "rid", "record id"},
    {1, OBJECT_FIXED, false, FIELD(store_record, originator), 0, ID_BYTES, 0, "originator",
     "node id"},
    {2, OBJECT_INTEGER, false, FIELD(store_record, peer), 0, STORE_PEERS_MAX, 0, "peer",
     "lane it came by, 0 for our own"},
    {3, OBJECT_INTEGER, false, FIELD(store_record, seq), 0, INT64_MAX, 0, "seq",
     "entry of that lane"},
    {4, OBJECT_BYTES, false, FIELD(store_record, header), 1, ENVELOPE_HEADER_MAX_BYTES, 0, "header",
     "as signed"},
    {5, OBJECT_FIXED, false, FIELD(store_record, signature), 0, SIGNATURE_BYTES, 0, "signature",
     "the originator's"},
    {6, OBJECT_LIST, false, FIELD(store_record, parts), STORE_PART_BYTES, STORE_PART_BYTES,
     SLOTS_MAX, "parts", "slot ‖ section ‖ hash of the ciphertext"},
    {7, OBJECT_TEXT, false, FIELD(store_record, reference), 1, REFERENCE_TEXT_BYTES, 0, "reference",
     "DN-XMA-2026-0014"},
    {8, OBJECT_INTEGER, false, FIELD(store_record, version), 1, INT32_MAX, 0, "version",
     "of the record"},
    {9, OBJECT_TEXT, false, FIELD(store_record, schema), 1, SECTION_SCHEMA_MAX_BYTES, 0, "schema",
     "valise/denial/1"},
    {10, OBJECT_BYTES, false, FIELD(store_record, caveats), 0, CAVEATS_MAX_BYTES, 0, "caveats",
     "of the grant to us; empty for our own"},
    {11, OBJECT_INSTANT, false, FIELD(store_record, stored_at), INT64_MIN, INT64_MAX, 0,
     "stored at", "when"},
    {12, OBJECT_FIXED, false, FIELD(store_record, internal_leaf), 0, ID_BYTES, 0, "internal leaf",
     "of the internal section of our own"},
    {13, OBJECT_INTEGER, false, FIELD(store_record, standing), RECORD_CURRENT, RECORD_CONTESTED, 0,
     "standing", "0 current, 1 superseded, 2 contested"},
    {14, OBJECT_TEXT, false, FIELD(store_record, supersedes), 0, REFERENCE_TEXT_BYTES + 8, 0,
     "supersedes", "reference#version"},
};

static const struct object_field holder_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(store_holder, sections), 0, 0xffff, 0, "sections",
     "bit set of sections granted"},
    {1, OBJECT_INTEGER, false, FIELD(store_holder, slots), 0, 0xffff, 0, "slots",
     "bit set of slots granted"},
    {2, OBJECT_INSTANT, false, FIELD(store_holder, granted_at), INT64_MIN, INT64_MAX, 0,
     "granted at", "when"},
    {3, OBJECT_INTEGER, false, FIELD(store_holder, seq), 0, INT64_MAX, 0, "seq",
     "entry of our lane; 0 until numbered"},
};

static const struct object_field lane_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(store_lane, incarnation), 1, INT64_MAX, 0, "incarnation",
     "of the lane"},
    {1, OBJECT_INTEGER, false, FIELD(store_lane, seq), 0, INT64_MAX, 0, "seq", "newest entry"},
    {2, OBJECT_FIXED, false, FIELD(store_lane, hash), 0, ID_BYTES, 0, "hash", "of that entry"},
    {3, OBJECT_BYTES, false, FIELD(store_lane, head), 0, LANE_HEAD_MAX_BYTES, 0, "head",
     "newest signed head"},
    {4, OBJECT_BYTES, false, FIELD(store_lane, ack), 0, LANE_HEAD_MAX_BYTES, 0, "ack",
     "newest signed acknowledgement"},
    {5, OBJECT_INTEGER, false, FIELD(store_lane, acked_seq), 0, INT64_MAX, 0, "acked seq",
     "of that acknowledgement"},
    {6, OBJECT_INTEGER, false, FIELD(store_lane, frozen), 0, 1, 0, "frozen", "1 after a fork"},
    {7, OBJECT_BYTES, false, FIELD(store_lane, evidence), 0, LANE_HEAD_MAX_BYTES, 0, "evidence",
     "the other signed head, after a fork"},
};

static const struct object_field entry_fields[] = {
    {0, OBJECT_BYTES, false, FIELD(entry_row, entry), 1, LANE_ENTRY_MAX_BYTES, 0, "entry",
     "as chained"},
    {1, OBJECT_BYTES, false, FIELD(entry_row, payload), 1, LANE_PAYLOAD_MAX_BYTES, 0, "payload",
     "as hashed"},
    {2, OBJECT_BYTES, false, FIELD(entry_row, head), 0, LANE_HEAD_MAX_BYTES, 0, "head",
     "signed head that closed a batch here"},
};

static const struct object_field pending_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(store_pending, record), 1, INT64_MAX, 0, "record",
     "number of the record that is granted"},
};

static const struct object_field peer_fields[] = {
    {0, OBJECT_BYTES, false, FIELD(store_peer, bundle), 1, PACK_OBJECT_MAX_BYTES, 0, "bundle",
     "identity and cards"},
    {1, OBJECT_INTEGER, false, FIELD(store_peer, standing), PEER_UNVERIFIED, PEER_REMOVED, 0,
     "standing", "0 unverified, 1 verified, 2 paused, 3 removed"},
    {2, OBJECT_TEXT, false, FIELD(store_peer, address), 0, 255, 0, "address",
     "instead of the card's"},
    {3, OBJECT_TEXT, false, FIELD(store_peer, verified_who), 0, 200, 0, "who",
     "compared with whom"},
    {4, OBJECT_TEXT, false, FIELD(store_peer, verified_how), 0, 40, 0, "how", "they compared"},
    {5, OBJECT_INSTANT, false, FIELD(store_peer, verified_at), INT64_MIN, INT64_MAX, 0, "at",
     "when they compared"},
    {6, OBJECT_TEXT, false, FIELD(store_peer, frozen), 0, 100, 0, "frozen",
     "why the identity is frozen"},
};

static const struct object_field group_fields[] = {
    {0, OBJECT_TEXT, false, FIELD(store_group, name), 1, 40, 0, "name", "of the group"},
    {1, OBJECT_LIST, false, FIELD(store_group, states), 3, 3, 64, "states", "members, alpha-3"},
    {2, OBJECT_FIXED, false, FIELD(store_group, group), 0, ID_BYTES, 0, "group", "its id"},
};

static const struct object_field user_fields[] = {
    {0, OBJECT_TEXT, false, FIELD(store_user, name), 1, 64, 0, "name", "UNIX user, or @group"},
    {1, OBJECT_INTEGER, false, FIELD(store_user, roles), 0, 31, 0, "roles", "bit set"},
};

static const struct object_field draft_fields[] = {
    {0, OBJECT_TEXT, false, FIELD(store_draft, reference), 1, REFERENCE_TEXT_BYTES, 0, "reference",
     "of the draft"},
    {1, OBJECT_TEXT, false, FIELD(store_draft, author), 1, 64, 0, "author", "who changed it last"},
    {2, OBJECT_INSTANT, false, FIELD(store_draft, changed_at), INT64_MIN, INT64_MAX, 0, "at",
     "when"},
    {3, OBJECT_BYTES, false, FIELD(store_draft, record), 1, RECORD_JSON_MAX_BYTES, 0, "record",
     "packed tree"},
};

static const struct object_field quarantine_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(store_quarantine, peer), 0, STORE_PEERS_MAX, 0, "peer",
     "who sent it"},
    {1, OBJECT_INTEGER, false, FIELD(store_quarantine, seq), 0, INT64_MAX, 0, "seq",
     "entry of its lane"},
    {2, OBJECT_INTEGER, false, FIELD(store_quarantine, error), 0, 1000, 0, "error", "why"},
    {3, OBJECT_INSTANT, false, FIELD(store_quarantine, time), INT64_MIN, INT64_MAX, 0, "at",
     "when"},
    {4, OBJECT_BYTES, false, FIELD(store_quarantine, bytes), 0, QUARANTINE_BYTES_MAX, 0, "bytes",
     "as received, cut"},
};

static const struct object_field counter_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(counter_row, value), INT64_MIN, INT64_MAX, 0, "value",
     "counter or marker"},
    {1, OBJECT_BYTES, false, FIELD(counter_row, name), 0, 64, 0, "name", "of the counter"},
};

#define INFO(variable, text, type, fields, bytes)                                                  \
    const struct object_info variable = {text, fields, sizeof fields / sizeof fields[0],           \
                                         sizeof(struct type), bytes}

enum {
    ROW_BYTES = 32768,
    ENTRY_ROW_BYTES = LANE_PAYLOAD_MAX_BYTES + 2 * LANE_ENTRY_MAX_BYTES + 64
};

INFO(record_row_info, "record row", store_record, record_fields, ROW_BYTES);
INFO(holder_row_info, "holder row", store_holder, holder_fields, ROW_BYTES);
INFO(lane_row_info, "lane row", store_lane, lane_fields, ROW_BYTES);
INFO(entry_row_info, "entry row", entry_row, entry_fields, ENTRY_ROW_BYTES);
INFO(pending_row_info, "pending row", store_pending, pending_fields, ROW_BYTES);
INFO(peer_row_info, "peer row", store_peer, peer_fields, PACK_OBJECT_MAX_BYTES + 4096);
INFO(group_row_info, "group row", store_group, group_fields, ROW_BYTES);
INFO(user_row_info, "user row", store_user, user_fields, ROW_BYTES);
INFO(draft_row_info, "draft row", store_draft, draft_fields, RECORD_JSON_MAX_BYTES + 4096);
INFO(quarantine_row_info, "quarantine row", store_quarantine, quarantine_fields, ROW_BYTES);
INFO(counter_row_info, "counter row", counter_row, counter_fields, ROW_BYTES);
