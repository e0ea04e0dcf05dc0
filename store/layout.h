/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Keys of every table, packed big-endian, and the rows as tables. Private to store/. */

#include "object.h"
#include "store.h"

/** The tables. The number enters the sealing of values: never reuse one. */
enum table {
    TABLE_META = 0,
    TABLE_RECORD = 1,
    TABLE_BLOB = 2,
    TABLE_INDEX = 3,
    TABLE_LANE = 4,
    TABLE_ENTRY = 5,
    TABLE_PENDING = 6,
    TABLE_PEER = 7,
    TABLE_GROUP = 8,
    TABLE_USER = 9,
    TABLE_DRAFT = 10,
    TABLE_HOLDER = 11,
    TABLE_QUARANTINE = 12,
    TABLE_AUDIT = 13,
    TABLE_DATA_COUNT = 14,
    TABLE_SECTION_KEY = 14, /* keys environment */
    TABLE_COUNT = 15
};

/** Name of a table in LMDB; static. */
const char *table_name(enum table table);

enum {
    KEY_MAX_BYTES = 32,
    KEY_RECORD_BYTES = 8,
    KEY_BLOB_BYTES = STORE_TOKEN_BYTES,
    KEY_INDEX_BYTES = 1 + STORE_TOKEN_BYTES + 8,
    KEY_LANE_BYTES = 1 + 4,
    KEY_ENTRY_BYTES = 1 + 4 + 8 + 8,
    KEY_PENDING_BYTES = 4 + 8,
    KEY_PEER_BYTES = 4,
    KEY_NAMED_BYTES = STORE_TOKEN_BYTES,
    KEY_HOLDER_BYTES = 8 + 4,
    KEY_NUMBER_BYTES = 8,
    KEY_SECTION_BYTES = STORE_TOKEN_BYTES + 1,
    MARK_BYTES = 8 /* value of an index row */
};

_Static_assert(KEY_INDEX_BYTES <= KEY_MAX_BYTES && KEY_ENTRY_BYTES <= KEY_MAX_BYTES,
               "a key fits its buffer");

/** Size of the keys of a table; 0 for TABLE_META, which has numbers and tokens. */
size_t table_key_bytes(enum table table);

/** A packed key. */
struct key {
    uint8_t bytes[KEY_MAX_BYTES];
    size_t size;
};

struct key key_number(uint64_t number);
struct key key_token(const uint8_t token[static STORE_TOKEN_BYTES]);
struct key key_index(enum index_field field, const uint8_t token[static STORE_TOKEN_BYTES],
                     uint64_t number);
struct key key_lane(enum store_side side, uint32_t peer);
struct key key_entry(enum store_side side, uint32_t peer, int64_t incarnation, int64_t seq);
struct key key_pending(uint32_t peer, uint64_t order);
struct key key_peer(uint32_t peer);
struct key key_holder(uint64_t number, uint32_t peer);
struct key key_section(const uint8_t token[static STORE_TOKEN_BYTES], uint8_t slot);

/** A lane entry with its payload. */
struct entry_row {
    uint64_t present;
    struct view entry;
    struct view payload;
    struct view head; /* signed head that closed a batch here, or empty */
};

/** A counter, or a marker of the meta table. */
struct counter_row {
    uint64_t present;
    int64_t value;
    struct view name;
};

extern const struct object_info record_row_info;
extern const struct object_info holder_row_info;
extern const struct object_info lane_row_info;
extern const struct object_info entry_row_info;
extern const struct object_info pending_row_info;
extern const struct object_info peer_row_info;
extern const struct object_info group_row_info;
extern const struct object_info user_row_info;
extern const struct object_info draft_row_info;
extern const struct object_info quarantine_row_info;
extern const struct object_info counter_row_info;
