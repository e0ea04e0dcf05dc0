/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory for one message's decoded tree: taken piece by piece, wiped and freed
 * at once, never more than a cap set at its birth.
 */

#include "bytes.h"

#include <stddef.h>

struct arena;

/**
 * Make an arena.
 * @param limit most bytes it will ever give out, 1..SIZE_MAX/2.
 * @return owned by the caller, or NULL without memory.
 */
struct arena *arena_new(size_t limit);

/** Wipe and free all of it; NULL is allowed; *arena becomes NULL. */
void arena_free(struct arena **arena);

/** Wipe what was given out and start afresh, keeping one block of memory. */
void arena_clear(struct arena *arena);

/**
 * Take zeroed memory, aligned for any type, borrowed from the arena.
 * @param size bytes, 0 gives a unique place too.
 * @return NULL beyond the limit or without memory; arena_error tells which.
 */
void *arena_alloc(struct arena *arena, size_t size);

/** Take zeroed memory for `count` things of `size` bytes; NULL also on overflow. */
void *arena_alloc_many(struct arena *arena, size_t count, size_t size);

/** Why the last arena_alloc gave NULL: ERR_TOO_LARGE or ERR_NO_MEMORY; OK if none did. */
enum error arena_error(const struct arena *arena);

/** Copy bytes into the arena. *copy borrows from it. ERR_TOO_LARGE, ERR_NO_MEMORY. */
MUST_CHECK enum error arena_copy(struct arena *arena, struct view bytes, struct view *copy);

/** Copy bytes and add a final 0; NULL as arena_alloc. Bytes after an inner 0 are not visible. */
const char *arena_text(struct arena *arena, struct view bytes);

/** printf into the arena; NULL as arena_alloc. */
const char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
