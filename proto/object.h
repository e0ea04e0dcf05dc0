/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protocol objects as tables: each object of the protocol (a card, a grant, a
 * lane entry, a message …) is a C struct and one table of its fields. The
 * table drives encoding, decoding, the limits, and the tables in WIRE.md.
 *
 * Form (WIRE.md W-7): a canonical map with unsigned keys; every field of the
 * version is present, an absent optional one as nil; an unknown key below 64
 * is refused, from 64 on kept (in the signed bytes) and ignored.
 */

#include "arena.h"
#include "bytes.h"
#include "digest.h"
#include "instant.h"
#include "pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OBJECT_KEY_FREE = 64 };

/** How a field is stored in the struct and written on the wire. */
enum object_type {
    OBJECT_INTEGER, /* int64_t, min..max */
    OBJECT_INSTANT, /* struct instant, as milliseconds */
    OBJECT_FLAG,    /* bool */
    OBJECT_FIXED,   /* uint8_t[max], exactly max bytes */
    OBJECT_BYTES,   /* struct view, min..max bytes, borrowed */
    OBJECT_TEXT,    /* struct view, UTF-8, min..max bytes, borrowed */
    OBJECT_LIST     /* struct views of byte strings, at most `count` of min..max bytes each */
};

/** A list of byte strings, borrowed. */
struct views {
    size_t count;
    struct view *items;
};

/** One field. `max` of an OBJECT_INTEGER is its largest value. */
struct object_field {
    uint8_t key;
    enum object_type type;
    bool optional; /* nil allowed; bit `key` of `present` tells */
    size_t offset; /* in the struct */
    int64_t min;
    int64_t max;
    size_t count; /* OBJECT_LIST only */
    const char *name;
    const char *help;
};

/** One kind of object. The struct begins with `uint64_t present`. */
struct object_info {
    const char *name;
    const struct object_field *fields; /* ascending keys */
    size_t field_count;
    size_t struct_bytes;
    size_t max_bytes; /* of the whole object on the wire */
};

/** Whether an optional field is there. */
#define OBJECT_HAS(object, key) ((((object)->present) >> (key)) & 1U)

/** Note that an optional field is there. */
#define OBJECT_SET(object, key) ((object)->present |= (uint64_t)1 << (key))

/**
 * Decode an object.
 *
 * @param info   its table.
 * @param bytes  from anybody; checked here (pack_check). Borrowed by the result.
 * @param arena  for lists.
 * @param object a struct of info->struct_bytes; all of it is set on success.
 * @return OK; ERR_TOO_LARGE; ERR_NOT_CANONICAL (form, missing or unknown field, wrong type,
 *         outside its limits); ERR_NO_MEMORY.
 */
MUST_CHECK enum error object_decode(const struct object_info *info, struct view bytes,
                                    struct arena *arena, void *object);

/**
 * Encode an object, appending to a buffer.
 * @return OK; ERR_TOO_LARGE; ERR_NO_MEMORY; ERR_BUG if a field is outside its limits.
 */
MUST_CHECK enum error object_encode(const struct object_info *info, const void *object,
                                    struct buffer *to);

/** Append the fields of an object as a Markdown table, for WIRE.md. */
void object_describe(const struct object_info *info, struct buffer *to);
