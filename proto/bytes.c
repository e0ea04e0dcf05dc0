/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST_BYTES = 256, BUFFER_PRINTF_BYTES = 4096 };

struct view view_of_text(const char *text)
{
    return (struct view){(const uint8_t *)text, strlen(text)};
}

struct view view_of(const void *data, size_t size)
{
    return (struct view){data, size};
}

struct view view_of_buffer(const struct buffer *buffer)
{
    return (struct view){buffer->data, buffer->size};
}

bool view_equal(struct view a, struct view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int view_compare(struct view a, struct view b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0 || a.size == b.size) {
        return order;
    }
    return a.size < b.size ? -1 : 1;
}

bool view_is(struct view view, const char *text)
{
    return view_equal(view, view_of_text(text));
}

struct buffer buffer_init(size_t limit)
{
    return (struct buffer){.limit = limit};
}

void buffer_free(struct buffer *buffer)
{
    if (buffer == NULL) {
        return;
    }
    if (buffer->data != NULL) {
        sodium_memzero(buffer->data, buffer->capacity);
        free(buffer->data);
    }
    *buffer = buffer_init(buffer->limit);
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->data != NULL) {
        sodium_memzero(buffer->data, buffer->size);
    }
    buffer->size = 0;
    buffer->error = OK;
}

/* realloc would leave a copy of the old bytes behind, so the move is done by hand. */
static enum error grow(struct buffer *buffer, size_t need)
{
    size_t capacity = buffer->capacity == 0 ? BUFFER_FIRST_BYTES : buffer->capacity;
    uint8_t *data = NULL;

    while (capacity < need) {
        if (!size_mul(capacity, 2, &capacity)) {
            return ERR_TOO_LARGE;
        }
    }
    data = malloc(capacity);
    if (data == NULL) {
        return ERR_NO_MEMORY;
    }
    if (buffer->data != NULL) {
        memcpy(data, buffer->data, buffer->size);
        sodium_memzero(buffer->data, buffer->capacity);
        free(buffer->data);
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return OK;
}

uint8_t *buffer_extend(struct buffer *buffer, size_t size)
{
    size_t need = 0;
    uint8_t *place = NULL;

    if (buffer->error != OK) {
        return NULL;
    }
    if (buffer->size > buffer->limit || size > buffer->limit - buffer->size) {
        buffer->error = ERR_TOO_LARGE;
        return NULL;
    }
    /* One spare byte, so that buffer_text never has to grow. */
    if (!size_add(buffer->size, size, &need) || !size_add(need, 1, &need)) {
        buffer->error = ERR_TOO_LARGE;
        return NULL;
    }
    if (need > buffer->capacity) {
        buffer->error = grow(buffer, need);
        if (buffer->error != OK) {
            return NULL;
        }
    }
    place = buffer->data + buffer->size;
    buffer->size += size;
    return place;
}

void buffer_append(struct buffer *buffer, struct view bytes)
{
    uint8_t *place = buffer_extend(buffer, bytes.size);

    if (place != NULL && bytes.size > 0) {
        memcpy(place, bytes.data, bytes.size);
    }
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
    buffer_append(buffer, view_of(&byte, 1));
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, view_of_text(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    char text[BUFFER_PRINTF_BYTES];
    va_list arguments;
    int length = 0;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text) {
        buffer->error = buffer->error != OK ? buffer->error : ERR_TOO_LARGE;
    } else {
        buffer_append(buffer, view_of(text, (size_t)length));
    }
    sodium_memzero(text, sizeof text);
}

const char *buffer_text(struct buffer *buffer)
{
    if (buffer_extend(buffer, 0) == NULL) {
        return NULL;
    }
    buffer->data[buffer->size] = '\0';
    return (const char *)buffer->data;
}

void buffer_drop(struct buffer *buffer, size_t count)
{
    size_t drop = count < buffer->size ? count : buffer->size;
    size_t rest = buffer->size - drop;

    if (drop == 0) {
        return;
    }
    memmove(buffer->data, buffer->data + drop, rest);
    sodium_memzero(buffer->data + rest, drop);
    buffer->size = rest;
}

bool size_add(size_t a, size_t b, size_t *sum)
{
    size_t result = 0;

    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *sum = result;
    return true;
}

bool size_mul(size_t a, size_t b, size_t *product)
{
    size_t result = 0;

    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *product = result;
    return true;
}

void put_u16(uint8_t *to, uint16_t number)
{
    to[0] = (uint8_t)(number >> 8);
    to[1] = (uint8_t)number;
}

void put_u32(uint8_t *to, uint32_t number)
{
    put_u16(to, (uint16_t)(number >> 16));
    put_u16(to + 2, (uint16_t)number);
}

void put_u64(uint8_t *to, uint64_t number)
{
    put_u32(to, (uint32_t)(number >> 32));
    put_u32(to + 4, (uint32_t)number);
}

uint16_t get_u16(const uint8_t *from)
{
    return (uint16_t)((from[0] << 8) | from[1]);
}

uint32_t get_u32(const uint8_t *from)
{
    return ((uint32_t)get_u16(from) << 16) | get_u16(from + 2);
}

uint64_t get_u64(const uint8_t *from)
{
    return ((uint64_t)get_u32(from) << 32) | get_u32(from + 4);
}
