/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include "message.h"

#include <string.h>

static struct view item = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};

/* A message of a type with something in every field. */
static struct message sample_message(enum message_type type)
{
    struct message m = {.type = type};

    if (type == MESSAGE_HELLO) {
        m.hello.body = view_of_text("body");
        return m;
    }
    m.session.counter = 7;
    memset(m.session.tag, 9, sizeof m.session.tag);
    switch (type) {
    case MESSAGE_ERROR:
        m.error.code = PEER_ERROR_QUOTA;
        m.error.retry_after_ms = 1000;
        m.error.text = view_of_text("later");
        break;
    case MESSAGE_PING:
    case MESSAGE_PONG:
        m.time.time = sample_now;
        break;
    case MESSAGE_IDENT_PULL:
        m.ident_pull.card_seq = 3;
        break;
    case MESSAGE_IDENT:
        m.ident.bundle = view_of_text("bundle");
        break;
    case MESSAGE_HEADS:
        m.heads.mine = view_of_text("head");
        m.heads.incarnation = 1;
        m.heads.session.present = (uint64_t)1 << HEADS_MINE;
        break;
    case MESSAGE_LANE_PULL:
        m.lane_pull.incarnation = 1;
        break;
    case MESSAGE_LANE_DATA:
    case MESSAGE_LANE_PUSH:
        m.lane_data.entries = (struct views){1, &item};
        m.lane_data.payloads = (struct views){1, &item};
        m.lane_data.head = view_of_text("head");
        m.lane_data.blobs = (struct views){1, &item};
        break;
    case MESSAGE_LANE_ACK:
        m.lane_ack.ack = view_of_text("ack");
        break;
    case MESSAGE_LANE_NACK:
        m.lane_nack.reason = NACK_POLICY;
        m.lane_nack.seq = 4;
        break;
    case MESSAGE_BLOB_PULL:
        m.blob_pull.ids = (struct views){1, &item};
        break;
    case MESSAGE_BLOB:
        m.blob.bytes = view_of_text("ciphertext");
        break;
    case MESSAGE_CREDIT:
        m.credit.bytes = 1;
        break;
    default:
        break;
    }
    return m;
}

static void encode(const struct message *message, struct buffer *to)
{
    buffer_clear(to);
    MUST(message_encode(message, to) == OK);
}

/* --- the table ----------------------------------------------------------------------------- */

static void the_table_names_each_type_once(void **state)
{
    size_t count = 0;
    const struct message_info *table = message_table(&count);

    (void)state;
    assert_int_equal(count, 16);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(message_info_find((uint8_t)table[i].type), &table[i]);
        assert_true(table[i].type < 0x30 || table[i].type > 0x6f); /* kept for later versions */
        assert_int_equal(table[i].in_session, table[i].type != MESSAGE_HELLO);
        assert_true(table[i].object->max_bytes < MESSAGE_MAX_BYTES + 1);
    }
}

/* P14 W-61 */
static void P14_every_type_outside_the_table_is_refused(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t bytes[2] = {(uint8_t)type, 0x80};
        struct message message;
        enum error err = message_decode(view_of(bytes, sizeof bytes), arena, &message);
        assert_error(
            message_info_find((uint8_t)type) == NULL ? ERR_PEER_PROTOCOL : ERR_NOT_CANONICAL, err);
    }
}

static void an_empty_message_is_refused(void **state)
{
    struct message message;

    (void)state;
    assert_error(ERR_PEER_PROTOCOL, message_decode(view_of(NULL, 0), arena, &message));
    assert_error(ERR_NOT_CANONICAL, message_decode(BYTES("\x03"), arena, &message));
}

/* --- every message ------------------------------------------------------------------------- */

/* W-61 */
static void every_message_survives_encoding(void **state)
{
    size_t count = 0;
    const struct message_info *table = message_table(&count);
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES);
    struct buffer again = buffer_init(MESSAGE_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct message message = sample_message(table[i].type);
        struct message decoded;
        encode(&message, &bytes);
        assert_int_equal(bytes.data[0], table[i].type);
        assert_ok(message_decode(view_of_buffer(&bytes), arena, &decoded));
        assert_int_equal(decoded.type, table[i].type);
        encode(&decoded, &again);
        assert_views_equal(view_of_buffer(&again), view_of_buffer(&bytes));
    }
    buffer_free(&bytes);
    buffer_free(&again);
}

static void a_message_that_is_cut_or_followed_by_more_is_refused(void **state)
{
    size_t count = 0;
    const struct message_info *table = message_table(&count);
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct message message = sample_message(table[i].type);
        struct message decoded;
        encode(&message, &bytes);
        for (size_t size = 1; size < bytes.size; size++) {
            assert_error(ERR_NOT_CANONICAL,
                         message_decode(view_of(bytes.data, size), arena, &decoded));
        }
        buffer_append_byte(&bytes, 0xc0);
        assert_error(ERR_NOT_CANONICAL, message_decode(view_of_buffer(&bytes), arena, &decoded));
    }
    buffer_free(&bytes);
}

/* Whatever decodes after a change encodes to itself: no two forms of one message. */
static void a_changed_message_is_refused_or_means_what_it_says(void **state)
{
    size_t count = 0;
    const struct message_info *table = message_table(&count);
    struct buffer bytes = buffer_init(MESSAGE_MAX_BYTES);
    struct buffer again = buffer_init(MESSAGE_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct message message = sample_message(table[i].type);
        encode(&message, &bytes);
        for (size_t at = 1; at < bytes.size * 8; at++) {
            struct message decoded;
            bytes.data[at / 8] ^= (uint8_t)(1U << (at % 8));
            arena_clear(arena);
            if (message_decode(view_of_buffer(&bytes), arena, &decoded) == OK) {
                encode(&decoded, &again);
                assert_views_equal(view_of_buffer(&again), view_of_buffer(&bytes));
            }
            bytes.data[at / 8] ^= (uint8_t)(1U << (at % 8));
        }
    }
    buffer_free(&bytes);
    buffer_free(&again);
}

static void a_type_outside_the_table_is_not_encoded(void **state)
{
    struct message message = {.type = (enum message_type)0x7f};
    struct buffer bytes = buffer_init(100);

    (void)state;
    assert_error(ERR_BUG, message_encode(&message, &bytes));
    assert_int_equal(bytes.size, 0);
    buffer_free(&bytes);
}

/* --- limits -------------------------------------------------------------------------------- */

static enum error round_trip(const struct message *message)
{
    struct buffer bytes = buffer_init(2 * MESSAGE_MAX_BYTES);
    struct message decoded;
    enum error err = message_encode(message, &bytes);

    if (err == OK) {
        err = message_decode(view_of_buffer(&bytes), arena, &decoded);
    }
    buffer_free(&bytes);
    return err;
}

/* W-74: entries and payloads go together. */
static void lane_data_has_one_payload_for_each_entry(void **state)
{
    struct view two[2] = {item, item};

    (void)state;
    for (size_t entries = 0; entries <= 2; entries++) {
        for (size_t payloads = 0; payloads <= 2; payloads++) {
            struct message message = sample_message(MESSAGE_LANE_PUSH);
            message.lane_data.entries = (struct views){entries, two};
            message.lane_data.payloads = (struct views){payloads, two};
            assert_error(entries == payloads && entries > 0 ? OK : ERR_PEER_PROTOCOL,
                         round_trip(&message));
            message.type = MESSAGE_LANE_DATA;
            assert_error(entries == payloads && entries > 0 ? OK : ERR_PEER_PROTOCOL,
                         round_trip(&message));
        }
    }
}

static void a_batch_has_at_most_64_entries(void **state)
{
    struct view many[LANE_BATCH_ENTRIES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = item;
    }
    for (size_t count = LANE_BATCH_ENTRIES_MAX - 1; count <= COUNT(many); count++) {
        struct message message = sample_message(MESSAGE_LANE_PUSH);
        message.lane_data.entries = (struct views){count, many};
        message.lane_data.payloads = (struct views){count, many};
        assert_error(count <= LANE_BATCH_ENTRIES_MAX ? OK : ERR_BUG, round_trip(&message));
    }
    for (size_t count = SLOTS_MAX - 1; count <= SLOTS_MAX + 1; count++) {
        struct message message = sample_message(MESSAGE_BLOB_PULL);
        message.blob_pull.ids = (struct views){count, many};
        assert_error(count <= SLOTS_MAX ? OK : ERR_BUG, round_trip(&message));
    }
}

static void numbers_have_limits(void **state)
{
    struct message message = sample_message(MESSAGE_CREDIT);

    (void)state;
    for (int64_t bytes = CREDIT_BYTES - 1; bytes <= CREDIT_BYTES + 1; bytes++) {
        message.credit.bytes = bytes;
        assert_error(bytes <= CREDIT_BYTES ? OK : ERR_BUG, round_trip(&message));
    }
    message.credit.bytes = 0;
    assert_error(ERR_BUG, round_trip(&message));
    message = sample_message(MESSAGE_PING);
    message.session.counter = 0;
    assert_error(ERR_BUG, round_trip(&message));
    message.session.counter = INT64_MAX;
    assert_ok(round_trip(&message));
    message = sample_message(MESSAGE_LANE_PULL);
    message.lane_pull.side = 2;
    assert_error(ERR_BUG, round_trip(&message));
}

static void texts_and_blobs_have_limits(void **state)
{
    uint8_t *bytes = malloc(SECTION_CIPHERTEXT_MAX_BYTES + 1);
    struct message message = sample_message(MESSAGE_ERROR);

    (void)state;
    memset(bytes, 'x', SECTION_CIPHERTEXT_MAX_BYTES + 1);
    for (size_t size = MESSAGE_TEXT_MAX_BYTES - 1; size <= MESSAGE_TEXT_MAX_BYTES + 1; size++) {
        message.error.text = view_of(bytes, size);
        assert_error(size <= MESSAGE_TEXT_MAX_BYTES ? OK : ERR_BUG, round_trip(&message));
    }
    message = sample_message(MESSAGE_BLOB);
    for (size_t size = SECTION_CIPHERTEXT_MAX_BYTES - 1; size <= SECTION_CIPHERTEXT_MAX_BYTES + 1;
         size++) {
        message.blob.bytes = view_of(bytes, size);
        assert_error(size <= SECTION_CIPHERTEXT_MAX_BYTES ? OK : ERR_BUG, round_trip(&message));
    }
    free(bytes);
}

/* The whole message: what the transport lets through is what is decoded. */
static void a_message_has_a_limit(void **state)
{
    uint8_t *bytes = calloc(1, MESSAGE_MAX_BYTES + 2);
    struct message message;

    (void)state;
    bytes[0] = MESSAGE_LANE_PUSH;
    assert_error(ERR_NOT_CANONICAL,
                 message_decode(view_of(bytes, MESSAGE_MAX_BYTES), arena, &message));
    assert_error(ERR_TOO_LARGE,
                 message_decode(view_of(bytes, MESSAGE_MAX_BYTES + 2), arena, &message));
    free(bytes);
}

/* --- hello and session --------------------------------------------------------------------- */

static struct hello sample_hello(void)
{
    struct hello hello = {.version = PROTOCOL_VERSION,
                          .version_min = PROTOCOL_VERSION_MIN,
                          .card_seq = 1,
                          .time = sample_now,
                          .software = view_of_text("valise 0.1.0")};

    memset(hello.node.bytes, 1, ID_BYTES);
    memset(hello.to.bytes, 2, ID_BYTES);
    memset(hello.nonce, 3, HELLO_NONCE_BYTES);
    return hello;
}

/* W-62 */
static void a_hello_is_signed_by_its_speaker(void **state)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t other[SIGN_PUBLIC_BYTES];
    struct secret *key = sign_new(public_key);
    struct secret *other_key = sign_new(other);
    struct buffer bytes = buffer_init(4096);
    struct hello hello = sample_hello();
    struct hello read;
    struct message message;

    (void)state;
    assert_ok(hello_make(&hello, key, &bytes));
    assert_ok(message_decode(view_of_buffer(&bytes), arena, &message));
    assert_ok(hello_read(&message.hello, arena, &read));
    assert_ok(hello_verify(&message.hello, public_key));
    assert_error(ERR_BAD_SIGNATURE, hello_verify(&message.hello, other));
    assert_memory_equal(read.nonce, hello.nonce, HELLO_NONCE_BYTES);
    assert_true(id_equal(&read.to, &hello.to) && !OBJECT_HAS(&read, HELLO_ECHO));
    assert_view(read.software, "valise 0.1.0");
    secret_free(&key);
    secret_free(&other_key);
    buffer_free(&bytes);
}

/* R02 P10: the offered versions are signed too. */
static void P10_every_changed_byte_of_a_hello_is_refused(void **state)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct secret *key = sign_new(public_key);
    struct buffer bytes = buffer_init(4096);
    struct hello hello = sample_hello();

    (void)state;
    assert_ok(hello_make(&hello, key, &bytes));
    for (size_t i = 1; i < bytes.size; i++) {
        struct message message;
        bytes.data[i] ^= 1;
        arena_clear(arena);
        if (message_decode(view_of_buffer(&bytes), arena, &message) == OK) {
            assert_error(ERR_BAD_SIGNATURE, hello_verify(&message.hello, public_key));
        }
        bytes.data[i] ^= 1;
    }
    secret_free(&key);
    buffer_free(&bytes);
}

static void a_hello_has_limits(void **state)
{
    char software[65];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct secret *key = sign_new(public_key);

    (void)state;
    memset(software, 's', sizeof software);
    for (size_t size = 63; size <= 65; size++) {
        struct buffer bytes = buffer_init(4096);
        struct hello hello = sample_hello();
        hello.software = view_of(software, size);
        assert_error(size <= 64 ? OK : ERR_BUG, hello_make(&hello, key, &bytes));
        buffer_free(&bytes);
    }
    struct hello hello = sample_hello();
    struct buffer bytes = buffer_init(4096);
    hello.version = 0;
    assert_error(ERR_BUG, hello_make(&hello, key, &bytes));
    buffer_free(&bytes);
    secret_free(&key);
}

/* P15 P09 W-63: who speaks, to whom, and both nonces. */
static void P15_a_session_tag_is_bound_to_both_sides_and_to_the_direction(void **state)
{
    struct id a = digest(HASH_NODE, view_of_text("a"));
    struct id b = digest(HASH_NODE, view_of_text("b"));
    uint8_t nonce_a[HELLO_NONCE_BYTES] = {1};
    uint8_t nonce_b[HELLO_NONCE_BYTES] = {2};
    uint8_t tag[SESSION_TAG_BYTES];
    uint8_t other[SESSION_TAG_BYTES];

    (void)state;
    session_tag(&a, &b, nonce_a, nonce_b, tag);
    session_tag(&a, &b, nonce_a, nonce_b, other);
    assert_memory_equal(tag, other, SESSION_TAG_BYTES);
    session_tag(&b, &a, nonce_b, nonce_a, other);
    assert_memory_not_equal(tag, other, SESSION_TAG_BYTES);
    session_tag(&b, &a, nonce_a, nonce_b, other);
    assert_memory_not_equal(tag, other, SESSION_TAG_BYTES);
    session_tag(&a, &b, nonce_b, nonce_a, other);
    assert_memory_not_equal(tag, other, SESSION_TAG_BYTES);
    session_tag(&a, &a, nonce_a, nonce_b, other);
    assert_memory_not_equal(tag, other, SESSION_TAG_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_table_names_each_type_once),
        TEST(P14_every_type_outside_the_table_is_refused),
        TEST(an_empty_message_is_refused),
        TEST(every_message_survives_encoding),
        TEST(a_message_that_is_cut_or_followed_by_more_is_refused),
        TEST(a_changed_message_is_refused_or_means_what_it_says),
        TEST(a_type_outside_the_table_is_not_encoded),
        TEST(lane_data_has_one_payload_for_each_entry),
        TEST(a_batch_has_at_most_64_entries),
        TEST(numbers_have_limits),
        TEST(texts_and_blobs_have_limits),
        TEST(a_message_has_a_limit),
        TEST(a_hello_is_signed_by_its_speaker),
        TEST(P10_every_changed_byte_of_a_hello_is_refused),
        TEST(a_hello_has_limits),
        TEST(P15_a_session_tag_is_bound_to_both_sides_and_to_the_direction),
    };

    return RUN(tests);
}
