/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "keyfile.h"

#include <string.h>

/* Pass phrases cost 256 MiB each time, so all but one test use key files as openers. */

static struct secret *secret_of(const char *text)
{
    uint8_t bytes[64];
    size_t size = strlen(text);

    memcpy(bytes, text, size);
    return secret_take(bytes, size);
}

static const char contents_text[] = "sixteen is enough";

/* A file with these contents under one key. */
static void seal_sample(struct secret *key, struct buffer *file)
{
    struct secret *contents = secret_of(contents_text);
    struct keyfile_opener opener = {KEYFILE_KEY, key};

    MUST(keyfile_seal(contents, &opener, KEYFILE_COST_FLOOR, file) == OK);
    secret_free(&contents);
}

static enum error open_with(struct view file, enum keyfile_slot_kind kind, struct secret *with)
{
    struct keyfile_opener opener = {kind, with};
    struct secret *opened = NULL;
    enum error err = keyfile_open(file, &opener, &opened);

    if (err == OK) {
        assert_views_equal(view_of(secret_open(opened), secret_size(opened)),
                           view_of_text(contents_text));
        secret_close(opened);
    } else {
        assert_null(opened);
    }
    secret_free(&opened);
    return err;
}

/* W-35 */
static void the_key_that_sealed_a_file_opens_it(void **state)
{
    struct secret *key = secret_random(KEY_BYTES);
    struct secret *other = secret_random(KEY_BYTES);
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);

    (void)state;
    seal_sample(key, &file);
    assert_ok(open_with(view_of_buffer(&file), KEYFILE_KEY, key));
    assert_error(ERR_PASSPHRASE, open_with(view_of_buffer(&file), KEYFILE_KEY, other));
    assert_error(ERR_PASSPHRASE, open_with(view_of_buffer(&file), KEYFILE_PASSPHRASE, key));
    buffer_free(&file);
    secret_free(&key);
    secret_free(&other);
}

/* R02 */
static void R02_every_changed_byte_of_a_file_is_refused(void **state)
{
    struct secret *key = secret_random(KEY_BYTES);
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);

    (void)state;
    seal_sample(key, &file);
    for (size_t i = 0; i < file.size; i++) {
        file.data[i] ^= 1;
        enum error err = open_with(view_of_buffer(&file), KEYFILE_KEY, key);
        /* Passes and memory of a key slot mean nothing and are not bound. */
        bool unused =
            err == OK && file.data[i] == 1 && (file.data[i - 1] == 2 || file.data[i - 1] == 3);
        assert_true(unused || err == ERR_PASSPHRASE || err == ERR_NOT_CANONICAL);
        file.data[i] ^= 1;
    }
    for (size_t size = 0; size < file.size; size++) {
        assert_error(ERR_NOT_CANONICAL, open_with(view_of(file.data, size), KEYFILE_KEY, key));
    }
    buffer_free(&file);
    secret_free(&key);
}

static void two_files_of_the_same_contents_differ(void **state)
{
    struct secret *key = secret_random(KEY_BYTES);
    struct buffer one = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer two = buffer_init(KEYFILE_MAX_BYTES);

    (void)state;
    seal_sample(key, &one);
    seal_sample(key, &two);
    assert_int_equal(one.size, two.size);
    size_t same = 0;
    for (size_t i = 0; i < one.size; i++) {
        same += one.data[i] == two.data[i];
    }
    assert_true(same < one.size / 2);
    buffer_free(&one);
    buffer_free(&two);
    secret_free(&key);
}

static void contents_have_a_limit(void **state)
{
    struct secret *key = secret_random(KEY_BYTES);
    struct keyfile_opener opener = {KEYFILE_KEY, key};

    (void)state;
    for (size_t size = KEYFILE_CONTENT_MAX_BYTES - 1; size <= KEYFILE_CONTENT_MAX_BYTES + 1;
         size++) {
        struct buffer file = buffer_init(KEYFILE_MAX_BYTES);
        struct secret *contents = secret_random(size);
        struct secret *opened = NULL;
        bool fits = size <= KEYFILE_CONTENT_MAX_BYTES;
        assert_error(fits ? OK : ERR_TOO_LARGE,
                     keyfile_seal(contents, &opener, KEYFILE_COST_FLOOR, &file));
        if (fits) {
            assert_ok(keyfile_open(view_of_buffer(&file), &opener, &opened));
            assert_true(secret_equal(opened, contents));
        }
        secret_free(&opened);
        secret_free(&contents);
        buffer_free(&file);
    }
    secret_free(&key);
}

static void openers_of_the_wrong_size_are_refused(void **state)
{
    static const struct {
        enum keyfile_slot_kind kind;
        size_t size;
    } bad[] = {{KEYFILE_KEY, 31},
               {KEYFILE_KEY, 33},
               {KEYFILE_PASSPHRASE, PASSPHRASE_MIN_BYTES - 1},
               {KEYFILE_PASSPHRASE, PASSPHRASE_MAX_BYTES + 1}};
    struct secret *key = secret_random(KEY_BYTES);
    struct secret *contents = secret_of(contents_text);
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer more = buffer_init(KEYFILE_MAX_BYTES);
    struct keyfile_opener good = {KEYFILE_KEY, key};

    (void)state;
    seal_sample(key, &file);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct secret *secret = secret_random(bad[i].size);
        struct keyfile_opener opener = {bad[i].kind, secret};
        assert_error(ERR_FIELD_VALUE, keyfile_seal(contents, &opener, KEYFILE_COST_FLOOR, &more));
        assert_error(ERR_FIELD_VALUE, keyfile_add_slot(view_of_buffer(&file), &good, &opener,
                                                       KEYFILE_COST_FLOOR, &more));
        assert_error(ERR_PASSPHRASE, open_with(view_of_buffer(&file), bad[i].kind, secret));
        secret_free(&secret);
    }
    assert_int_equal(more.size, 0);
    buffer_free(&file);
    buffer_free(&more);
    secret_free(&contents);
    secret_free(&key);
}

static void any_of_eight_slots_opens_and_there_is_no_ninth(void **state)
{
    struct secret *keys[KEYFILE_SLOTS_MAX + 1];
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        keys[i] = secret_random(KEY_BYTES);
    }
    seal_sample(keys[0], &file);
    for (size_t i = 1; i < COUNT(keys); i++) {
        struct buffer next = buffer_init(KEYFILE_MAX_BYTES);
        struct keyfile_opener opener = {KEYFILE_KEY, keys[i - 1]};
        struct keyfile_opener added = {KEYFILE_KEY, keys[i]};
        bool fits = i < KEYFILE_SLOTS_MAX;
        assert_error(
            fits ? OK : ERR_TOO_LARGE,
            keyfile_add_slot(view_of_buffer(&file), &opener, &added, KEYFILE_COST_FLOOR, &next));
        if (fits) {
            buffer_clear(&file);
            buffer_append(&file, view_of_buffer(&next));
        }
        buffer_free(&next);
    }
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_error(i < KEYFILE_SLOTS_MAX ? OK : ERR_PASSPHRASE,
                     open_with(view_of_buffer(&file), KEYFILE_KEY, keys[i]));
        secret_free(&keys[i]);
    }
    buffer_free(&file);
}

static void a_slot_is_added_only_by_who_can_open(void **state)
{
    struct secret *key = secret_random(KEY_BYTES);
    struct secret *other = secret_random(KEY_BYTES);
    struct keyfile_opener wrong = {KEYFILE_KEY, other};
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);
    struct buffer more = buffer_init(KEYFILE_MAX_BYTES);

    (void)state;
    seal_sample(key, &file);
    assert_error(ERR_PASSPHRASE, keyfile_add_slot(view_of_buffer(&file), &wrong, &wrong,
                                                  KEYFILE_COST_FLOOR, &more));
    buffer_free(&file);
    buffer_free(&more);
    secret_free(&key);
    secret_free(&other);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    uint8_t *bytes = calloc(1, KEYFILE_MAX_BYTES + 1);
    struct secret *key = secret_random(KEY_BYTES);

    (void)state;
    assert_error(ERR_TOO_LARGE, open_with(view_of(bytes, KEYFILE_MAX_BYTES + 1), KEYFILE_KEY, key));
    assert_error(ERR_NOT_CANONICAL, open_with(view_of(bytes, KEYFILE_MAX_BYTES), KEYFILE_KEY, key));
    free(bytes);
    secret_free(&key);
}

/* Replace the cost that follows the salt in the only slot, and try the right pass phrase. */
static enum error open_with_cost(const struct buffer *file, const char *cost, struct secret *phrase)
{
    static const char floor_cost[] = "\x02\x03\x03\xce\x00\x04\x00\x00";
    struct buffer changed = buffer_init(KEYFILE_MAX_BYTES);
    const uint8_t *at = memmem(file->data, file->size, floor_cost, sizeof floor_cost - 1);

    MUST(at != NULL);
    buffer_append(&changed, view_of_buffer(file));
    memcpy(changed.data + (at - file->data), cost, sizeof floor_cost - 1);
    enum error err = open_with(view_of_buffer(&changed), KEYFILE_PASSPHRASE, phrase);
    buffer_free(&changed);
    return err;
}

/* W-35: a weakened file is refused, and so is one that would take the machine's memory. */
static void a_pass_phrase_opens_and_its_cost_stays_within_bounds(void **state)
{
    struct secret *phrase = secret_of("correct horse");
    struct secret *contents = secret_of(contents_text);
    struct keyfile_opener opener = {KEYFILE_PASSPHRASE, phrase};
    struct buffer file = buffer_init(KEYFILE_MAX_BYTES);

    (void)state;
    assert_ok(keyfile_seal(contents, &opener, KEYFILE_COST_FLOOR, &file));
    assert_ok(open_with(view_of_buffer(&file), KEYFILE_PASSPHRASE, phrase));
    assert_error(ERR_NOT_CANONICAL,
                 open_with_cost(&file, "\x02\x02\x03\xce\x00\x04\x00\x00", phrase));
    assert_error(ERR_NOT_CANONICAL,
                 open_with_cost(&file, "\x02\x03\x03\xce\x00\x03\xff\xff", phrase));
    assert_error(ERR_NOT_CANONICAL,
                 open_with_cost(&file, "\x02\x11\x03\xce\x00\x04\x00\x00", phrase));
    assert_error(ERR_NOT_CANONICAL,
                 open_with_cost(&file, "\x02\x03\x03\xce\x00\x40\x00\x01", phrase));
    buffer_free(&file);
    secret_free(&contents);
    secret_free(&phrase);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_that_sealed_a_file_opens_it),
        cmocka_unit_test(R02_every_changed_byte_of_a_file_is_refused),
        cmocka_unit_test(two_files_of_the_same_contents_differ),
        cmocka_unit_test(contents_have_a_limit),
        cmocka_unit_test(openers_of_the_wrong_size_are_refused),
        cmocka_unit_test(any_of_eight_slots_opens_and_there_is_no_ninth),
        cmocka_unit_test(a_slot_is_added_only_by_who_can_open),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(a_pass_phrase_opens_and_its_cost_stays_within_bounds),
    };

    return RUN(tests);
}
