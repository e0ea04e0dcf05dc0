/* SPDX-License-Identifier: Apache-2.0 */
#include "armor.h"

#include <sodium.h>
#include <string.h>

enum { LINE_BYTES = 48, LINE_TEXT_BYTES = 65 };

void armor_write(const char *kind, struct view bytes, struct buffer *to)
{
    buffer_append_text(to, kind);
    buffer_append_byte(to, '\n');
    for (size_t at = 0; at < bytes.size; at += LINE_BYTES) {
        size_t count = bytes.size - at < LINE_BYTES ? bytes.size - at : LINE_BYTES;
        char line[LINE_TEXT_BYTES];

        sodium_bin2base64(line, sizeof line, bytes.data + at, count,
                          sodium_base64_VARIANT_ORIGINAL);
        buffer_append_text(to, line);
        buffer_append_byte(to, '\n');
    }
}

/* Take one line off the text, without its end and without a carriage return. */
static struct view next_line(struct view *text)
{
    const uint8_t *end = text->size == 0 ? NULL : memchr(text->data, '\n', text->size);
    size_t length = end == NULL ? text->size : (size_t)(end - text->data);
    struct view line = view_of(text->data, length);

    text->data += end == NULL ? length : length + 1;
    text->size -= end == NULL ? length : length + 1;
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    return line;
}

enum error armor_read(const char *kind, struct view text, struct buffer *bytes)
{
    struct buffer digits = buffer_init(ARMOR_TEXT_MAX_BYTES);
    enum error err = OK;
    size_t size = 0;

    buffer_clear(bytes);
    if (text.size > ARMOR_TEXT_MAX_BYTES) {
        return ERR_TOO_LARGE;
    }
    struct view first = {0};
    do {
        first = next_line(&text);
    } while (text.size > 0 && (first.size == 0 || first.data[0] == '#'));
    if (!view_is(first, kind)) {
        return ERR_CARD_UNREADABLE;
    }
    while (text.size > 0) {
        struct view line = next_line(&text);
        if (line.size > 0 && line.data[0] != '#') {
            buffer_append(&digits, line);
        }
    }
    TRY(digits.error);
    uint8_t *place = buffer_extend(bytes, digits.size / 4 * 3 + 3);
    if (place == NULL) {
        TRY(bytes->error);
    }
    if (digits.size == 0 ||
        sodium_base642bin(place, bytes->size, (const char *)digits.data, digits.size, " \t", &size,
                          NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        TRY(ERR_CARD_UNREADABLE);
    }
    bytes->size = size;
out:
    if (err != OK) {
        buffer_clear(bytes);
    }
    buffer_free(&digits);
    return err;
}
