/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 8192, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t size; /* bytes that follow this head */
    size_t used;
    _Alignas(ALIGNMENT) uint8_t bytes[];
};

struct arena {
    struct block *blocks; /* the one in use first */
    size_t given;         /* invariant: given <= limit */
    size_t limit;
    enum error error;
};

struct arena *arena_new(size_t limit)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (arena != NULL) {
        arena->limit = limit;
    }
    return arena;
}

static void block_free(struct block *block)
{
    sodium_memzero(block->bytes, block->used);
    free(block);
}

void arena_clear(struct arena *arena)
{
    while (arena->blocks != NULL && arena->blocks->next != NULL) {
        struct block *next = arena->blocks->next;
        block_free(arena->blocks);
        arena->blocks = next;
    }
    if (arena->blocks != NULL) {
        sodium_memzero(arena->blocks->bytes, arena->blocks->used);
        arena->blocks->used = 0;
    }
    arena->given = 0;
    arena->error = OK;
}

void arena_free(struct arena **arena)
{
    if (arena == NULL || *arena == NULL) {
        return;
    }
    arena_clear(*arena);
    if ((*arena)->blocks != NULL) {
        block_free((*arena)->blocks);
    }
    free(*arena);
    *arena = NULL;
}

static void *fail(struct arena *arena, enum error error)
{
    arena->error = error;
    return NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct block *block = arena->blocks;
    size_t need = 0;

    if (!size_add(size, ALIGNMENT - 1, &need)) {
        return fail(arena, ERR_TOO_LARGE);
    }
    need -= need % ALIGNMENT;
    need = need == 0 ? ALIGNMENT : need;
    if (need > arena->limit - arena->given) {
        return fail(arena, ERR_TOO_LARGE);
    }
    if (block == NULL || need > block->size - block->used) {
        size_t bytes = need > BLOCK_BYTES ? need : BLOCK_BYTES;
        size_t total = 0;

        if (!size_add(bytes, sizeof *block, &total)) {
            return fail(arena, ERR_TOO_LARGE);
        }
        block = malloc(total);
        if (block == NULL) {
            return fail(arena, ERR_NO_MEMORY);
        }
        block->next = arena->blocks;
        block->size = bytes;
        block->used = 0;
        arena->blocks = block;
    }
    void *place = block->bytes + block->used;
    block->used += need;
    arena->given += need;
    memset(place, 0, need);
    return place;
}

void *arena_alloc_many(struct arena *arena, size_t count, size_t size)
{
    size_t total = 0;

    if (!size_mul(count, size, &total)) {
        return fail(arena, ERR_TOO_LARGE);
    }
    return arena_alloc(arena, total);
}

enum error arena_error(const struct arena *arena)
{
    return arena->error;
}

enum error arena_copy(struct arena *arena, struct view bytes, struct view *copy)
{
    uint8_t *place = arena_alloc(arena, bytes.size);

    if (place == NULL) {
        return arena_error(arena);
    }
    if (bytes.size > 0) {
        memcpy(place, bytes.data, bytes.size);
    }
    *copy = view_of(place, bytes.size);
    return OK;
}

const char *arena_text(struct arena *arena, struct view bytes)
{
    char *place = NULL;
    size_t need = 0;

    if (!size_add(bytes.size, 1, &need)) {
        return fail(arena, ERR_TOO_LARGE);
    }
    place = arena_alloc(arena, need);
    if (place != NULL && bytes.size > 0) {
        memcpy(place, bytes.data, bytes.size);
    }
    return place;
}

const char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_list again;
    char *place = NULL;
    int length = 0;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        place = arena_alloc(arena, (size_t)length + 1);
    }
    if (place != NULL) {
        (void)vsnprintf(place, (size_t)length + 1, format, again);
    }
    va_end(again);
    return place;
}
