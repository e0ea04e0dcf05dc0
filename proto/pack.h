/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Canonical MessagePack (WIRE.md W-1..W-6). msgpack-c writes. Reading goes
 * through pack_check first, which is ours: msgpack-c 4.0.0 reserves 400 MB for
 * five hostile bytes and accepts forms that are not canonical.
 */

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PACK_DEPTH_MAX = 12,    /* nested lists and maps */
    PACK_ITEMS_MAX = 65536, /* values in one object, keys included */
    PACK_OBJECT_MAX_BYTES = 65536,
    PACK_SECTION_MAX_BYTES = 1024 * 1024
};

enum pack_kind {
    PACK_NIL,
    PACK_BOOL,
    PACK_INTEGER,
    PACK_TEXT,
    PACK_BYTES,
    PACK_LIST,
    PACK_MAP,
    PACK_NOTHING /* end of input, or bytes that are no value */
};

/**
 * Whether the bytes are exactly one canonical object. Allocates nothing.
 *
 * @param bytes     from anybody.
 * @param max_bytes most bytes allowed.
 * @return OK; ERR_TOO_LARGE beyond max_bytes or PACK_ITEMS_MAX; ERR_NOT_CANONICAL for
 *         anything that breaks W-1..W-5: other types, long forms, bad UTF-8, U+0000,
 *         repeated or unordered keys, counts beyond the bytes that remain, too deep,
 *         cut short, or trailing bytes.
 */
MUST_CHECK enum error pack_check(struct view bytes, size_t max_bytes);

/** Reads values one after another from checked bytes. The first error sticks. */
struct pack_reader {
    struct view rest;
    enum error error;
};

struct pack_reader pack_reader_init(struct view bytes);

/** Kind of the next value; PACK_NOTHING at the end or after an error. */
enum pack_kind pack_peek(const struct pack_reader *reader);

/*
 * Each takes one value; on another kind or at the end it gives zero and the
 * reader keeps ERR_NOT_CANONICAL. Views borrow from the bytes read.
 */
void pack_read_nil(struct pack_reader *reader);
bool pack_read_bool(struct pack_reader *reader);
int64_t pack_read_integer(struct pack_reader *reader);
struct view pack_read_text(struct pack_reader *reader);
struct view pack_read_bytes(struct pack_reader *reader);
/** Takes the head of a list: `count` values follow. */
size_t pack_read_list(struct pack_reader *reader);
/** Takes the head of a map: `count` pairs of key and value follow. */
size_t pack_read_map(struct pack_reader *reader);
/** Takes one whole value, whatever it is, as its bytes. */
struct view pack_read_raw(struct pack_reader *reader);

/*
 * Writers append to a buffer; errors stick there (ERR_TOO_LARGE, ERR_NO_MEMORY).
 * Whoever writes a map gives its keys in ascending order.
 */
void pack_write_nil(struct buffer *to);
void pack_write_bool(struct buffer *to, bool flag);
void pack_write_integer(struct buffer *to, int64_t number);
void pack_write_text(struct buffer *to, struct view text);
void pack_write_bytes(struct buffer *to, struct view bytes);
void pack_write_list(struct buffer *to, size_t count);
void pack_write_map(struct buffer *to, size_t count);
/** Append a value that is packed already. */
void pack_write_raw(struct buffer *to, struct view packed);
