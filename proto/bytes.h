/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes that are borrowed (struct view) and bytes that are owned (struct
 * buffer); arithmetic on sizes that came from outside.
 */

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Borrowed bytes. Lives as long as what it points into. data may be NULL only if size is 0. */
struct view {
    const uint8_t *data;
    size_t size; /* bytes */
};

/**
 * Owned bytes that grow up to a limit and are wiped when they move or end.
 * Errors stick: after the first one every append is ignored, so a sequence of
 * appends is checked once at the end. Start with `buffer_init` or
 * `(struct buffer){.limit = n}`.
 */
struct buffer {
    uint8_t *data;
    size_t size;      /* bytes in use */
    size_t capacity;  /* bytes allocated */
    size_t limit;     /* most bytes it may hold */
    enum error error; /* first error, or OK */
};

/** The bytes of a C string, without its end. Borrowed. */
struct view view_of_text(const char *text);

/** A view of `size` bytes at `data`. */
struct view view_of(const void *data, size_t size);

/** The whole of a buffer, borrowed until the next append or free. */
struct view view_of_buffer(const struct buffer *buffer);

/** Whether two views hold the same bytes. Not for secrets. */
bool view_equal(struct view a, struct view b);

/** Bytewise order, a shorter prefix first: negative, 0 or positive. */
int view_compare(struct view a, struct view b);

/** Whether the view holds exactly the bytes of a C string. */
bool view_is(struct view view, const char *text);

/** An empty buffer that may grow to `limit` bytes. Nothing is allocated. */
struct buffer buffer_init(size_t limit);

/** Wipe and release; NULL is allowed; the buffer is empty and usable afterwards. */
void buffer_free(struct buffer *buffer);

/** Forget the contents (wiped) and any error, keep the memory. */
void buffer_clear(struct buffer *buffer);

/**
 * Append bytes. On failure the buffer keeps its first error:
 * ERR_TOO_LARGE beyond the limit, ERR_NO_MEMORY.
 */
void buffer_append(struct buffer *buffer, struct view bytes);

/** Append one byte; errors as buffer_append. */
void buffer_append_byte(struct buffer *buffer, uint8_t byte);

/** Append a C string without its end; errors as buffer_append. */
void buffer_append_text(struct buffer *buffer, const char *text);

/** Append printf output (at most 4095 bytes a call, else ERR_TOO_LARGE). */
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Append `size` bytes with undefined contents for the caller to fill.
 * @return where to write, valid until the next append; NULL after any error.
 */
uint8_t *buffer_extend(struct buffer *buffer, size_t size);

/** Add a final 0 byte that does not count in size, for use as a C string; NULL after any error. */
const char *buffer_text(struct buffer *buffer);

/** Drop the first `count` bytes (at most all) and move the rest to the front. */
void buffer_drop(struct buffer *buffer, size_t count);

/** sum = a + b. @return false, sum untouched, if it does not fit. */
bool size_add(size_t a, size_t b, size_t *sum);

/** product = a * b. @return false, product untouched, if it does not fit. */
bool size_mul(size_t a, size_t b, size_t *product);

/** Big-endian numbers, by shifting. `to`/`from` hold 2, 4 or 8 bytes. */
void put_u16(uint8_t *to, uint16_t number);
void put_u32(uint8_t *to, uint32_t number);
void put_u64(uint8_t *to, uint64_t number);
uint16_t get_u16(const uint8_t *from);
uint32_t get_u32(const uint8_t *from);
uint64_t get_u64(const uint8_t *from);
