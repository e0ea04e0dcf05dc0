/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A tree of values in an arena: what a record's body, a control request and a
 * reply are made of between their bytes and their meaning. Maps are kept in
 * bytewise order of their keys, as canonical MessagePack wants them.
 */

#include "arena.h"
#include "pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VALUE_DEPTH_MAX = PACK_DEPTH_MAX };

struct value;

/** One name and its value in a map. */
struct member {
    struct view key;
    struct value *value;
};

/** One value. kind is never PACK_NOTHING. */
struct value {
    enum pack_kind kind;
    bool flag;              /* PACK_BOOL */
    uint8_t tag;            /* what its owner notes of it; 0 when made, never packed */
    int64_t number;         /* PACK_INTEGER */
    struct view bytes;      /* PACK_TEXT, PACK_BYTES */
    size_t count;           /* PACK_LIST, PACK_MAP */
    size_t capacity;        /* of items or members */
    struct value **items;   /* PACK_LIST */
    struct member *members; /* PACK_MAP, ascending keys */
};

/*
 * Makers. All borrow from the arena and give NULL when it is exhausted
 * (arena_error tells why). Text and bytes are copied into it.
 */
struct value *value_nil(struct arena *arena);
struct value *value_bool(struct arena *arena, bool flag);
struct value *value_integer(struct arena *arena, int64_t number);
struct value *value_text(struct arena *arena, struct view text);
struct value *value_string(struct arena *arena, const char *text);
struct value *value_bytes(struct arena *arena, struct view bytes);
struct value *value_list(struct arena *arena);
struct value *value_map(struct arena *arena);

/**
 * Put a value into a map under a key, replacing an earlier one.
 * @param value may be NULL (a maker failed): the error is then the arena's.
 * @return OK, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error value_set(struct arena *arena, struct value *map, struct view key,
                                struct value *value);

/** value_set with a C string as key. */
MUST_CHECK enum error value_put(struct arena *arena, struct value *map, const char *key,
                                struct value *value);

/** value_put of a text, unless the text is empty. */
MUST_CHECK enum error value_put_text(struct arena *arena, struct value *map, const char *key,
                                     struct view text);
MUST_CHECK enum error value_put_string(struct arena *arena, struct value *map, const char *key,
                                       const char *text);
MUST_CHECK enum error value_put_integer(struct arena *arena, struct value *map, const char *key,
                                        int64_t number);
MUST_CHECK enum error value_put_bool(struct arena *arena, struct value *map, const char *key,
                                     bool flag);

/** Append to a list; value may be NULL as in value_set. */
MUST_CHECK enum error value_append(struct arena *arena, struct value *list, struct value *value);

/** Remove a key from a map; nothing happens if it is not there. */
void value_remove(struct value *map, struct view key);

/** The value under a key, or NULL; NULL also if map is NULL or no map. */
struct value *value_get(const struct value *map, const char *key);
struct value *value_get_view(const struct value *map, struct view key);

/** The text under a key; an empty view if there is none. */
struct view value_get_text(const struct value *map, const char *key);

/** The integer under a key, or `otherwise`. */
int64_t value_get_integer(const struct value *map, const char *key, int64_t otherwise);

/** The flag under a key, or false. */
bool value_get_bool(const struct value *map, const char *key);

/** Whether two trees are equal. */
bool value_equal(const struct value *a, const struct value *b);

/**
 * The value at a JSON pointer (RFC 6901) such as "/parties/0/names".
 * @return NULL if there is nothing at that place.
 */
struct value *value_at(const struct value *root, struct view pointer);

/** Write the tree as canonical MessagePack; errors stick in `to`. */
void value_pack(struct buffer *to, const struct value *value);

/**
 * Read a tree from checked bytes (pack_check); maps must have text keys.
 * Text and bytes borrow from `packed`.
 * @return OK, ERR_NOT_CANONICAL (integer keys, too deep), ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error value_unpack(struct arena *arena, struct view packed, struct value **found);

/** A deep copy into another arena, nothing borrowed. ERR_NO_MEMORY, ERR_TOO_LARGE. */
MUST_CHECK enum error value_copy(struct arena *arena, const struct value *value,
                                 struct value **copy);
