/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "identity.h"

#include <string.h>

enum { KEYS = 6 };

/* Some keys, and an arena for what is decoded. */
struct fixture {
    struct arena *arena;
    struct secret *keys[KEYS];
    uint8_t public_keys[KEYS][SIGN_PUBLIC_BYTES];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->arena = big_arena();
    for (size_t i = 0; i < KEYS; i++) {
        f->keys[i] = sign_new(f->public_keys[i]);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < KEYS; i++) {
        secret_free(&f->keys[i]);
    }
    arena_free(&f->arena);
    free(f);
    return 0;
}

/* A 1-of-1 identity of key 0 that commits to key 3. */
static struct identity simple(struct fixture *f)
{
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct identity identity = {0};

    MUST(inception_make(f->keys[0], f->keys[3], view_of_text("XMA"), view_of_text("Marentia"),
                        sample_now, &event) == OK);
    MUST(identity_begin(view_of_buffer(&event), f->arena, &identity) == OK);
    buffer_free(&event);
    return identity;
}

/* --- cards --------------------------------------------------------------------------------- */

static struct card card_of(struct fixture *f, const struct identity *identity)
{
    struct card card = {.version = 1,
                        .node = identity->node,
                        .card_seq = 1,
                        .event_seq = identity->event_seq,
                        .not_before = sample_now,
                        .not_after = {sample_now.ms + 365 * DAY_MS}};
    struct secret *seal = box_new(card.seal_key);
    struct secret *curve = box_new(card.curve_key);

    memcpy(card.sign_key, f->public_keys[5], SIGN_PUBLIC_BYTES);
    secret_free(&seal);
    secret_free(&curve);
    return card;
}

static enum error verify_card(struct fixture *f, const struct identity *identity,
                              const struct card *card, int key)
{
    struct buffer bytes = buffer_init(CARD_MAX_BYTES);
    struct card_facts facts = {0};

    MUST(card_make(card, f->keys[key], 0, &bytes) == OK);
    enum error err = card_verify(identity, view_of_buffer(&bytes), f->arena, &facts);
    assert_true(err != OK || memcmp(facts.seal_key, card->seal_key, BOX_PUBLIC_BYTES) == 0);
    buffer_free(&bytes);
    return err;
}

/* W-23 */
static void a_card_gives_its_facts(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct card card = card_of(f, &identity);
    struct view endpoint = view_of_text("tcp://node.example:7700");
    struct buffer bytes = buffer_init(CARD_MAX_BYTES);
    struct card_facts facts = {0};

    card.endpoints = (struct views){1, &endpoint};
    card.emergency = true;
    OBJECT_SET(&card, 12);
    assert_ok(card_make(&card, f->keys[0], 0, &bytes));
    assert_ok(card_verify(&identity, view_of_buffer(&bytes), f->arena, &facts));
    struct id sign_id = key_id(card.sign_key);
    struct id seal_id = key_id(card.seal_key);
    assert_true(facts.card_seq == 1 && facts.emergency && facts.endpoint_count == 1);
    assert_string_equal(facts.endpoints[0], "tcp://node.example:7700");
    assert_memory_equal(facts.curve_key, card.curve_key, BOX_PUBLIC_BYTES);
    assert_memory_equal(facts.sign_key, card.sign_key, SIGN_PUBLIC_BYTES);
    assert_true(id_equal(&facts.sign_id, &sign_id) && id_equal(&facts.seal_id, &seal_id));
    buffer_free(&bytes);
}

static void a_card_of_others_is_refused(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct card card = card_of(f, &identity);

    assert_ok(verify_card(f, &identity, &card, 0));
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 1));
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 5)); /* R04: its own signing key */
    card.node.bytes[0] ^= 1;
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
    card = card_of(f, &identity);
    card.event_seq = 1;
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
}

/* W-23: one below, at, one above. */
static void a_card_lasts_at_most_400_days(void **state)
{
    static const int64_t longest = CARD_DAYS_MAX * (24LL * 60 * 60 * 1000);
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct card card = card_of(f, &identity);

    card.not_after.ms = card.not_before.ms + longest - 1;
    assert_ok(verify_card(f, &identity, &card, 0));
    card.not_after.ms = card.not_before.ms + longest;
    assert_ok(verify_card(f, &identity, &card, 0));
    card.not_after.ms = card.not_before.ms + longest + 1;
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
    card.not_after.ms = card.not_before.ms;
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
    card.not_after.ms = card.not_before.ms + 1;
    assert_ok(verify_card(f, &identity, &card, 0));
    card.not_before.ms = 0;
    card.not_after.ms = INT64_MAX;
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
}

/* R07 */
static void R07_a_card_with_a_bad_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct card card = card_of(f, &identity);

    memset(card.sign_key, 0, sizeof card.sign_key);
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
    card = card_of(f, &identity);
    memset(card.seal_key, 0, sizeof card.seal_key);
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
    card = card_of(f, &identity);
    memset(card.curve_key, 0, sizeof card.curve_key);
    card.curve_key[0] = 1;
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
}

static void a_card_with_a_bad_endpoint_is_refused(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct card card = card_of(f, &identity);
    struct view endpoint = view_of_text("ipc:///tmp/socket");

    card.endpoints = (struct views){1, &endpoint};
    assert_error(ERR_IDENTITY, verify_card(f, &identity, &card, 0));
}

/* R02 */
static void R02_every_changed_byte_of_a_card_is_refused(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct card card = card_of(f, &identity);
    struct buffer bytes = buffer_init(CARD_MAX_BYTES);

    assert_ok(card_make(&card, f->keys[0], 0, &bytes));
    for (size_t i = 0; i < bytes.size; i++) {
        struct card_facts facts = {0};
        bytes.data[i] ^= 1;
        arena_clear(f->arena);
        enum error err = card_verify(&identity, view_of_buffer(&bytes), f->arena, &facts);
        assert_true(err == ERR_IDENTITY || err == ERR_NOT_CANONICAL);
        bytes.data[i] ^= 1;
    }
    buffer_free(&bytes);
}

/* W-24 */
static void a_card_is_in_force_from_its_first_to_before_its_last_moment(void **state)
{
    struct card_facts card = {.not_before = {100}, .not_after = {200}};

    (void)state;
    assert_false(card_in_force(&card, (struct instant){99}));
    assert_true(card_in_force(&card, (struct instant){100}));
    assert_true(card_in_force(&card, (struct instant){199}));
    assert_false(card_in_force(&card, (struct instant){200}));
}

/* --- bundles ------------------------------------------------------------------------------- */

/* Events and cards of one identity; which are used says a test. */
struct history {
    struct buffer events[2];
    struct buffer cards[3]; /* 1 and 2 by key 0, 3 by key 3 after the rotation */
};

static void make_history(struct fixture *f, struct history *h)
{
    struct identity identity = {0};

    memset(h, 0, sizeof *h);
    for (size_t i = 0; i < 3; i++) {
        h->cards[i] = buffer_init(CARD_MAX_BYTES);
        h->events[i % 2] = buffer_init(SIGNED_EVENT_MAX_BYTES);
    }
    MUST(inception_make(f->keys[0], f->keys[3], view_of_text("XMA"), view_of_text("Marentia"),
                        sample_now, &h->events[0]) == OK);
    MUST(identity_begin(view_of_buffer(&h->events[0]), f->arena, &identity) == OK);
    for (size_t i = 0; i < 3; i++) {
        if (i == 2) {
            MUST(rotation_make(&identity, f->keys[0], f->keys[3], f->keys[4], sample_now,
                               &h->events[1]) == OK);
            MUST(identity_rotate(&identity, view_of_buffer(&h->events[1]), f->arena) == OK);
        }
        struct card card = card_of(f, &identity);
        card.card_seq = (int64_t)i + 1;
        MUST(card_make(&card, f->keys[i == 2 ? 3 : 0], 0, &h->cards[i]) == OK);
    }
}

static void free_history(struct history *h)
{
    for (size_t i = 0; i < 3; i++) {
        buffer_free(&h->cards[i]);
        buffer_free(&h->events[i % 2]);
    }
}

/* Verify a bundle of the events and cards named by digits, such as "01" and "012". */
static enum error verify_bundle(struct fixture *f, struct history *h, const char *events,
                                const char *cards, int64_t *newest)
{
    struct buffer bundle = buffer_init(IDENTITY_BUNDLE_MAX_BYTES);
    struct view event_views[8];
    struct view card_views[8];
    struct identity_bundle body = {.version = 1,
                                   .events = {strlen(events), event_views},
                                   .cards = {strlen(cards), card_views}};
    struct identity identity = {0};
    struct card_facts *facts = NULL;
    size_t count = 0;

    for (size_t i = 0; events[i] != '\0'; i++) {
        event_views[i] = view_of_buffer(&h->events[events[i] - '0']);
    }
    for (size_t i = 0; cards[i] != '\0'; i++) {
        card_views[i] = view_of_buffer(&h->cards[cards[i] - '0']);
    }
    MUST(object_encode(&identity_bundle_info, &body, &bundle) == OK);
    enum error err =
        identity_bundle_verify(view_of_buffer(&bundle), f->arena, &identity, &facts, &count);
    *newest = err == OK ? facts[count - 1].card_seq : 0;
    buffer_free(&bundle);
    return err;
}

/* W-25 */
static void a_bundle_verifies_from_its_first_event_to_its_newest_card(void **state)
{
    struct fixture *f = *state;
    struct history h;
    int64_t newest = 0;

    make_history(f, &h);
    assert_ok(verify_bundle(f, &h, "0", "0", &newest));
    assert_true(newest == 1);
    assert_ok(verify_bundle(f, &h, "0", "01", &newest));
    assert_true(newest == 2);
    assert_ok(verify_bundle(f, &h, "01", "012", &newest));
    assert_true(newest == 3);
    assert_ok(verify_bundle(f, &h, "01", "2", &newest));
    assert_ok(verify_bundle(f, &h, "01", "02", &newest));
    free_history(&h);
}

static void a_bundle_out_of_order_or_with_gaps_is_refused(void **state)
{
    static const char *const bad[][2] = {{"", "0"},   {"0", ""},    {"0", "10"},  {"0", "00"},
                                         {"0", "2"},  {"0", "02"},  {"01", "20"}, {"1", "2"},
                                         {"00", "0"}, {"10", "02"}, {"011", "2"}};
    struct fixture *f = *state;
    struct history h;
    int64_t newest = 0;

    make_history(f, &h);
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (verify_bundle(f, &h, bad[i][0], bad[i][1], &newest) == OK) {
            fail_msg("accepted events %s with cards %s", bad[i][0], bad[i][1]);
        }
    }
    free_history(&h);
}

/* --- keys and endpoints -------------------------------------------------------------------- */

/* R07 */
static void R07_small_order_box_keys_are_not_good(void **state)
{
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t key[BOX_PUBLIC_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        (void)hex_read(bad[i], key, sizeof key);
        assert_false(box_public_is_good(key));
        key[31] |= 0x80; /* the top bit does not count */
        assert_false(box_public_is_good(key));
    }
    struct secret *secret = box_new(key);
    assert_true(box_public_is_good(key));
    uint8_t again[BOX_PUBLIC_BYTES];
    box_public(secret, again);
    assert_memory_equal(key, again, BOX_PUBLIC_BYTES);
    secret_free(&secret);
}

/* W-27 */
static void only_tcp_with_host_and_port_is_an_endpoint(void **state)
{
    static const char *const good[] = {"tcp://127.0.0.1:7700", "tcp://node.example:1",
                                       "tcp://[2001:db8::1]:65535", "tcp://a:7700",
                                       "tcp://xn--nde-fka.example:443"};
    static const char *const bad[] = {
        "",
        "tcp://",
        "tcp://:7700",
        "tcp://a",
        "tcp://a:",
        "tcp://a:0",
        "tcp://a:65536",
        "tcp://a:99999",
        "tcp://a:100000",
        "tcp://a:7700x",
        "tcp://a:-1",
        "TCP://a:1",
        "ipc:///tmp/x",
        "inproc://x",
        "udp://a:1",
        "tcp://a b:1",
        "tcp://a;b:1",
        "tcp://a/b:1",
        "tcp://eth0;a:1",
        "tcp://a:1\n",
        "tcp://*:7700",
        "tcp://ä:1",
        "a:1",
    };
    char text[ENDPOINT_MAX_BYTES + 2];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(endpoint_is_valid(view_of_text(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (endpoint_is_valid(view_of_text(bad[i]))) {
            fail_msg("accepted %s", bad[i]);
        }
    }
    for (size_t size = ENDPOINT_MAX_BYTES - 1; size <= ENDPOINT_MAX_BYTES + 1; size++) {
        memset(text, 'a', sizeof text);
        memcpy(text, "tcp://", 6);
        memcpy(text + size - 2, ":1", 2);
        assert_int_equal(endpoint_is_valid(view_of(text, size)), size <= ENDPOINT_MAX_BYTES);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_card_gives_its_facts),
        TEST(a_card_of_others_is_refused),
        TEST(a_card_lasts_at_most_400_days),
        TEST(R07_a_card_with_a_bad_key_is_refused),
        TEST(a_card_with_a_bad_endpoint_is_refused),
        TEST(R02_every_changed_byte_of_a_card_is_refused),
        TEST(a_card_is_in_force_from_its_first_to_before_its_last_moment),
        TEST(a_bundle_verifies_from_its_first_event_to_its_newest_card),
        TEST(a_bundle_out_of_order_or_with_gaps_is_refused),
        TEST(R07_small_order_box_keys_are_not_good),
        TEST(only_tcp_with_host_and_port_is_an_endpoint),
    };

    return RUN(tests);
}
