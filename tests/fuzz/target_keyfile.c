/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "armor.h"

/*
 * The first byte says what the rest is: a key file, the text of a node's key
 * file, or the contents of one. The opener is a key: pass phrases cost seconds.
 */

static void try_file(struct view bytes, const struct keyfile_opener *opener)
{
    struct buffer more = buffer_init(KEYFILE_MAX_BYTES);
    struct secret *opened = NULL;

    enum error err = keyfile_open(bytes, opener, &opened);
    CHECK((err == OK) == (opened != NULL));
    if (err == OK) {
        err = keyfile_add_slot(bytes, opener, opener, KEYFILE_COST_FLOOR, &more);
        CHECK(err == OK || err == ERR_TOO_LARGE);
    }
    secret_free(&opened);
    buffer_free(&more);
}

static void try_text(struct view text, const struct keyfile_opener *opener)
{
    struct node_keys keys = {0};

    if (node_keys_open(text, opener, &keys) == OK) {
        CHECK(keys.sign_key != NULL && keys.bundle.size > 0);
    }
    node_keys_free(&keys);
}

static void try_contents(struct view bytes, const struct keyfile_opener *opener)
{
    struct buffer copy = buffer_init(KEYFILE_CONTENT_MAX_BYTES);
    struct buffer sealed = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);

    buffer_append(&copy, bytes);
    if (copy.error == OK && copy.size > 0) {
        struct secret *contents = secret_take(copy.data, copy.size);
        CHECK(contents != NULL);
        CHECK(keyfile_seal(contents, opener, KEYFILE_COST_FLOOR, &sealed) == OK);
        armor_write("valise-node-key-1", view_of_buffer(&sealed), &text);
        try_text(view_of_buffer(&text), opener);
        secret_free(&contents);
    }
    buffer_free(&text);
    buffer_free(&sealed);
    buffer_free(&copy);
}

int target_keyfile(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct view, const struct keyfile_opener *) = {try_file, try_text,
                                                                                try_contents};
    struct keyfile_opener opener = {KEYFILE_KEY, fuzz_world()->us.keys.master};

    if (size > 0) {
        tries[data[0] % 3](view_of(data + 1, size - 1), &opener);
    }
    return 0;
}
