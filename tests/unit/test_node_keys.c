/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "armor.h"

#include <string.h>

static struct node_keys_wish good_wish(const struct view *endpoints, size_t count)
{
    return (struct node_keys_wish){.state = view_of_text("XMA"),
                                   .name = view_of_text("Marentia"),
                                   .endpoints = endpoints,
                                   .endpoint_count = count,
                                   .card_days = 365,
                                   .now = sample_now};
}

static enum error make(const struct node_keys_wish *wish)
{
    struct node_keys keys = {0};
    struct secret *authority = NULL;
    struct secret *next = NULL;
    enum error err = node_keys_make(wish, &keys, &authority, &next);

    assert_true((err == OK) == (authority != NULL) && (err == OK) == (next != NULL));
    assert_true((err == OK) == (keys.master != NULL));
    node_keys_free(&keys);
    secret_free(&authority);
    secret_free(&next);
    return err;
}

/* W-36 */
static void a_new_node_has_an_identity_a_card_and_the_keys_of_it(void **state)
{
    struct party party;
    uint8_t key[32];

    (void)state;
    party_make(&party, "XMA", "Marentia");
    assert_string_equal(party.keys.identity.state, "XMA");
    assert_true(party.keys.card.card_seq == 1 && card_in_force(&party.keys.card, sample_now));
    sign_public(party.keys.sign_key, key);
    assert_memory_equal(key, party.keys.card.sign_key, 32);
    box_public(party.keys.seal_key, key);
    assert_memory_equal(key, party.keys.card.seal_key, 32);
    box_public(party.keys.curve_key, key);
    assert_memory_equal(key, party.keys.card.curve_key, 32);
    sign_public(party.authority, key);
    assert_memory_equal(key, party.keys.identity.keys[0], 32);
    sign_public(party.next, key);
    struct id committed = digest(HASH_EVENT, view_of(key, 32));
    assert_true(id_equal(&committed, &party.keys.identity.next[0]));
    party_free(&party);
}

static void wishes_outside_their_limits_are_refused(void **state)
{
    struct view endpoints[CARD_ENDPOINTS_MAX + 1];
    struct view bad = view_of_text("ipc://x");

    (void)state;
    for (size_t i = 0; i < COUNT(endpoints); i++) {
        endpoints[i] = view_of_text("tcp://a:1");
    }
    struct node_keys_wish wish = good_wish(endpoints, CARD_ENDPOINTS_MAX);
    assert_ok(make(&wish));
    wish.endpoint_count = 0;
    assert_ok(make(&wish));
    wish.endpoint_count = CARD_ENDPOINTS_MAX + 1;
    assert_error(ERR_FIELD_VALUE, make(&wish));
    wish = good_wish(&bad, 1);
    assert_error(ERR_FIELD_VALUE, make(&wish));
    for (int days = 0; days <= 2; days++) {
        wish = good_wish(endpoints, 1);
        wish.card_days = days;
        assert_error(days >= 1 ? OK : ERR_FIELD_VALUE, make(&wish));
        wish.card_days = CARD_DAYS_MAX - 1 + days;
        assert_error(wish.card_days <= CARD_DAYS_MAX ? OK : ERR_FIELD_VALUE, make(&wish));
    }
    wish = good_wish(endpoints, 1);
    wish.state = view_of_text("xma");
    assert_error(ERR_FIELD_VALUE, make(&wish));
    wish = good_wish(endpoints, 1);
    wish.name = view_of_text("");
    assert_error(ERR_FIELD_VALUE, make(&wish));
}

/* A sealed file of a party's keys under a fresh key. */
static struct secret *seal(const struct node_keys *keys, struct buffer *text)
{
    struct secret *key = secret_random(KEY_BYTES);
    struct keyfile_opener opener = {KEYFILE_KEY, key};

    MUST(node_keys_seal(keys, &opener, KEYFILE_COST_FLOOR, text) == OK);
    return key;
}

static void sealed_keys_open_again(void **state)
{
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct node_keys again = {0};
    struct party party;

    (void)state;
    party_make(&party, "XMA", "Marentia");
    struct secret *key = seal(&party.keys, &text);
    struct keyfile_opener opener = {KEYFILE_KEY, key};
    assert_memory_equal(text.data, "valise-node-key-1\n", 18);
    assert_ok(node_keys_open(view_of_buffer(&text), &opener, &again));
    assert_true(secret_equal(again.sign_key, party.keys.sign_key));
    assert_true(secret_equal(again.seal_key, party.keys.seal_key));
    assert_true(secret_equal(again.curve_key, party.keys.curve_key));
    assert_true(secret_equal(again.master, party.keys.master));
    assert_views_equal(view_of_buffer(&again.bundle), view_of_buffer(&party.keys.bundle));
    assert_true(id_equal(&again.identity.node, &party.keys.identity.node));
    node_keys_free(&again);
    secret_free(&key);
    buffer_free(&text);
    party_free(&party);
}

static void the_wrong_key_opens_nothing(void **state)
{
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct node_keys again = {0};
    struct party party;

    (void)state;
    party_make(&party, "XMA", "Marentia");
    struct secret *key = seal(&party.keys, &text);
    struct secret *other = secret_random(KEY_BYTES);
    struct keyfile_opener opener = {KEYFILE_KEY, other};
    assert_error(ERR_PASSPHRASE, node_keys_open(view_of_buffer(&text), &opener, &again));
    assert_null(again.sign_key);
    secret_free(&key);
    secret_free(&other);
    buffer_free(&text);
    party_free(&party);
}

static void keys_that_do_not_fit_the_card_are_refused(void **state)
{
    struct party party;
    struct party other;

    (void)state;
    party_make(&party, "XMA", "Marentia");
    party_make(&other, "XNH", "Norrhaven");
    for (int which = 0; which < 3; which++) {
        struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
        struct node_keys mixed = party.keys;
        struct node_keys again = {0};
        mixed.sign_key = which == 0 ? other.keys.sign_key : party.keys.sign_key;
        mixed.seal_key = which == 1 ? other.keys.seal_key : party.keys.seal_key;
        mixed.curve_key = which == 2 ? other.keys.curve_key : party.keys.curve_key;
        struct secret *key = seal(&mixed, &text);
        struct keyfile_opener opener = {KEYFILE_KEY, key};
        assert_error(ERR_IDENTITY, node_keys_open(view_of_buffer(&text), &opener, &again));
        assert_null(again.sign_key);
        secret_free(&key);
        buffer_free(&text);
    }
    party_free(&party);
    party_free(&other);
}

static void an_authority_key_has_a_file_of_its_own_kind(void **state)
{
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct buffer sealed = buffer_init(KEYFILE_MAX_BYTES + 64);
    struct secret *key = secret_random(KEY_BYTES);
    struct keyfile_opener opener = {KEYFILE_KEY, key};
    struct secret *opened = NULL;
    struct node_keys keys = {0};
    struct party party;

    (void)state;
    party_make(&party, "XMA", "Marentia");
    assert_ok(authority_key_seal(party.authority, &opener, KEYFILE_COST_FLOOR, &text));
    assert_error(ERR_CARD_UNREADABLE, node_keys_open(view_of_buffer(&text), &opener, &keys));
    assert_ok(armor_read("valise-authority-key-1", view_of_buffer(&text), &sealed));
    assert_ok(keyfile_open(view_of_buffer(&sealed), &opener, &opened));
    assert_true(secret_equal(opened, party.authority));
    secret_free(&opened);
    secret_free(&key);
    buffer_free(&sealed);
    buffer_free(&text);
    party_free(&party);
}

static void contents_that_are_no_keys_are_refused(void **state)
{
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    struct buffer sealed = buffer_init(KEYFILE_MAX_BYTES);
    struct secret *key = secret_random(KEY_BYTES);
    struct secret *contents = secret_random(300);
    struct keyfile_opener opener = {KEYFILE_KEY, key};
    struct node_keys keys = {0};

    (void)state;
    secret_open_for_writing(contents)[0] = 0xc1; /* no value begins so */
    secret_close(contents);
    assert_ok(keyfile_seal(contents, &opener, KEYFILE_COST_FLOOR, &sealed));
    armor_write("valise-node-key-1", view_of_buffer(&sealed), &text);
    assert_error(ERR_NOT_CANONICAL, node_keys_open(view_of_buffer(&text), &opener, &keys));
    assert_error(ERR_CARD_UNREADABLE, node_keys_open(view_of(NULL, 0), &opener, &keys));
    secret_free(&contents);
    secret_free(&key);
    buffer_free(&sealed);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_node_has_an_identity_a_card_and_the_keys_of_it),
        cmocka_unit_test(wishes_outside_their_limits_are_refused),
        cmocka_unit_test(sealed_keys_open_again),
        cmocka_unit_test(the_wrong_key_opens_nothing),
        cmocka_unit_test(keys_that_do_not_fit_the_card_are_refused),
        cmocka_unit_test(an_authority_key_has_a_file_of_its_own_kind),
        cmocka_unit_test(contents_that_are_no_keys_are_refused),
    };

    return RUN(tests);
}
