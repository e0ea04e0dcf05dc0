/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "object.h"

#include "failing.h"

#include <string.h>

/* An object with one field of each type. */
struct thing {
    uint64_t present;
    int64_t number;
    struct instant time;
    bool flag;
    uint8_t fixed[4];
    struct view bytes;
    struct view text;
    struct views list;
    int64_t option;
};

#define FIELD(member) offsetof(struct thing, member)

static const struct object_field fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(number), -3, 3, 0, "number", "n"},
    {1, OBJECT_INSTANT, false, FIELD(time), 0, 100, 0, "time", "t"},
    {3, OBJECT_FLAG, false, FIELD(flag), 0, 0, 0, "flag", "f"},
    {4, OBJECT_FIXED, false, FIELD(fixed), 0, 4, 0, "fixed", "x"},
    {5, OBJECT_BYTES, false, FIELD(bytes), 1, 3, 0, "bytes", "b"},
    {6, OBJECT_TEXT, false, FIELD(text), 1, 3, 0, "text", "u"},
    {7, OBJECT_LIST, false, FIELD(list), 1, 2, 3, "list", "l"},
    {9, OBJECT_INTEGER, true, FIELD(option), 0, 9, 0, "option", "o"},
};

static const struct object_info info = {"thing", fields, COUNT(fields), sizeof(struct thing), 64};

static struct view list_items[] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"c", 1}};

static struct thing good_thing(void)
{
    return (struct thing){.number = -3,
                          .time = {100},
                          .flag = true,
                          .fixed = {1, 2, 3, 4},
                          .bytes = view_of_text("xyz"),
                          .text = view_of_text("é"),
                          .list = {2, list_items}};
}

/* The same, piece by piece, so that tests can put other pieces in. */
static const char *const pieces[] = {"\x00\xfd",
                                     "\x01\x64",
                                     "\x03\xc3",
                                     "\x04\xc4\x04\x01\x02\x03\x04",
                                     "\x05\xc4\x03xyz",
                                     "\x06\xa2\xc3\xa9",
                                     "\x07\x92\xc4\x02"
                                     "ab\xc4\x01"
                                     "c",
                                     "\x09\xc0"};
static const size_t piece_bytes[] = {2, 2, 2, 7, 6, 4, 9, 2};

static void assemble(struct buffer *to, size_t replaced, struct view piece)
{
    buffer_clear(to);
    pack_write_map(to, COUNT(pieces));
    for (size_t i = 0; i < COUNT(pieces); i++) {
        buffer_append(to, i == replaced ? piece : view_of(pieces[i], piece_bytes[i]));
    }
}

static enum error decode(struct view bytes)
{
    struct arena *arena = big_arena();
    struct thing thing;

    memset(&thing, 0x55, sizeof thing);
    enum error err = object_decode(&info, bytes, arena, &thing);
    arena_free(&arena);
    return err;
}

/* W-7 */
static void an_object_is_a_map_with_its_fields_in_order(void **state)
{
    struct buffer made = buffer_init(100);
    struct buffer wanted = buffer_init(100);
    struct thing thing = good_thing();

    (void)state;
    assert_ok(object_encode(&info, &thing, &made));
    assemble(&wanted, 99, view_of(NULL, 0));
    assert_views_equal(view_of_buffer(&made), view_of_buffer(&wanted));
    buffer_free(&made);
    buffer_free(&wanted);
}

static void decoding_gives_back_every_field(void **state)
{
    struct arena *arena = big_arena();
    struct buffer made = buffer_init(100);
    struct thing thing = good_thing();
    struct thing again;

    (void)state;
    thing.option = 7;
    OBJECT_SET(&thing, 9);
    assert_ok(object_encode(&info, &thing, &made));
    memset(&again, 0x55, sizeof again);
    assert_ok(object_decode(&info, view_of_buffer(&made), arena, &again));
    assert_true(again.number == -3 && again.time.ms == 100 && again.flag && again.option == 7);
    assert_memory_equal(again.fixed, thing.fixed, 4);
    assert_view(again.bytes, "xyz");
    assert_view(again.text, "é");
    assert_int_equal(again.list.count, 2);
    assert_view(again.list.items[0], "ab");
    assert_view(again.list.items[1], "c");
    assert_true(OBJECT_HAS(&again, 9));
    buffer_free(&made);
    arena_free(&arena);
}

static void an_absent_optional_field_is_nil(void **state)
{
    struct arena *arena = big_arena();
    struct buffer made = buffer_init(100);
    struct thing again;

    (void)state;
    assemble(&made, 99, view_of(NULL, 0));
    assert_ok(object_decode(&info, view_of_buffer(&made), arena, &again));
    assert_false(OBJECT_HAS(&again, 9));
    assert_true(again.option == 0);
    buffer_free(&made);
    arena_free(&arena);
}

/* W-7: for each field the other types, and one beyond each of its limits. */
static void a_field_outside_its_form_is_refused(void **state)
{
    static const struct {
        size_t field;
        const char *bytes; /* key and value in hexadecimal */
    } rows[] = {
        {0, "00 fc"},
        {0, "00 04"},
        {0, "00 c0"},
        {0, "00 a161"},
        {0, "00 c3"},
        {1, "01 ff"},
        {1, "01 65"},
        {1, "01 c0"},
        {2, "03 01"},
        {2, "03 c0"},
        {2, "03 a0"},
        {3, "04 c403010203"},
        {3, "04 c4050102030405"},
        {3, "04 c400"},
        {3, "04 a461626364"},
        {4, "05 c400"},
        {4, "05 c40401020304"},
        {4, "05 a161"},
        {4, "05 c0"},
        {5, "06 a0"},
        {5, "06 a461626364"},
        {5, "06 c40161"},
        {5, "06 c0"},
        {6, "07 94c40161c40161c40161c40161"},
        {6, "07 91c400"},
        {6, "07 91c403616263"},
        {6, "07 91a161"},
        {6, "07 80"},
        {6, "07 c0"},
        {6, "07 c40161"},
        {7, "09 0a"},
        {7, "09 ff"},
        {7, "09 c2"},
        {7, "09 a161"},
    };
    struct buffer bytes = buffer_init(200);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t piece[32];
        size_t size = hex_read(rows[i].bytes, piece, sizeof piece);
        assemble(&bytes, rows[i].field, view_of(piece, size));
        if (decode(view_of_buffer(&bytes)) != ERR_NOT_CANONICAL) {
            fail_msg("accepted %s", rows[i].bytes);
        }
    }
    buffer_free(&bytes);
}

static void limits_are_reached(void **state)
{
    static const struct {
        size_t field;
        const char *bytes;
    } rows[] = {{0, "00 03"},   {1, "01 00"},       {2, "03 c2"}, {4, "05 c40100"},
                {5, "06 a161"}, {5, "06 a3616263"}, {6, "07 90"}, {6, "07 93c40161c40161c40161"},
                {7, "09 00"},   {7, "09 09"}};
    struct buffer bytes = buffer_init(200);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t piece[32];
        size_t size = hex_read(rows[i].bytes, piece, sizeof piece);
        assemble(&bytes, rows[i].field, view_of(piece, size));
        if (decode(view_of_buffer(&bytes)) != OK) {
            fail_msg("refused %s", rows[i].bytes);
        }
    }
    buffer_free(&bytes);
}

static void a_missing_field_is_refused(void **state)
{
    struct buffer bytes = buffer_init(200);

    (void)state;
    for (size_t left_out = 0; left_out < COUNT(pieces); left_out++) {
        buffer_clear(&bytes);
        pack_write_map(&bytes, COUNT(pieces) - 1);
        for (size_t i = 0; i < COUNT(pieces); i++) {
            if (i != left_out) {
                buffer_append(&bytes, view_of(pieces[i], piece_bytes[i]));
            }
        }
        assert_error(ERR_NOT_CANONICAL, decode(view_of_buffer(&bytes)));
    }
    buffer_free(&bytes);
}

/* R21: a key below 64 that is not known is critical; from 64 on it is kept and ignored. */
static void R21_an_unknown_key_is_critical_below_64(void **state)
{
    struct buffer bytes = buffer_init(200);

    (void)state;
    for (int64_t key = 0; key < 70; key++) {
        bool done = false;
        buffer_clear(&bytes);
        pack_write_map(&bytes, COUNT(pieces) + 1);
        for (size_t i = 0; i < COUNT(pieces); i++) {
            if (!done && key < pieces[i][0]) {
                pack_write_integer(&bytes, key);
                pack_write_nil(&bytes);
                done = true;
            }
            buffer_append(&bytes, view_of(pieces[i], piece_bytes[i]));
        }
        if (!done) {
            pack_write_integer(&bytes, key);
            pack_write_raw(&bytes, BYTES("\x91\x81\x01\x02"));
        }
        assert_error(key < OBJECT_KEY_FREE ? ERR_NOT_CANONICAL : OK,
                     decode(view_of_buffer(&bytes)));
    }
    buffer_free(&bytes);
}

static void an_object_that_is_no_map_with_integer_keys_is_refused(void **state)
{
    (void)state;
    assert_error(ERR_NOT_CANONICAL, decode(view_of("", 0)));
    assert_error(ERR_NOT_CANONICAL, decode(BYTES("\xc0")));
    assert_error(ERR_NOT_CANONICAL, decode(BYTES("\x90")));
    assert_error(ERR_NOT_CANONICAL, decode(BYTES("\x80")));
    assert_error(ERR_NOT_CANONICAL, decode(BYTES("\x88\xa1"
                                                 "a\xc0\xa1"
                                                 "b\xc0\xa1"
                                                 "c\xc0\xa1"
                                                 "d\xc0\xa1"
                                                 "e\xc0\xa1"
                                                 "f\xc0\xa1"
                                                 "g\xc0\xa1"
                                                 "h\xc0")));
}

static void the_size_of_an_object_has_a_limit(void **state)
{
    struct buffer bytes = buffer_init(200);

    (void)state;
    /* A later key makes the object 63, 64 and 65 bytes long. */
    for (size_t wanted = 63; wanted <= 65; wanted++) {
        buffer_clear(&bytes);
        pack_write_map(&bytes, COUNT(pieces) + 1);
        for (size_t i = 0; i < COUNT(pieces); i++) {
            buffer_append(&bytes, view_of(pieces[i], piece_bytes[i]));
        }
        size_t rest = wanted - bytes.size - 2;
        pack_write_integer(&bytes, 64);
        pack_write_text(&bytes, view_of("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", rest));
        assert_int_equal(bytes.size, wanted);
        assert_error(wanted <= 64 ? OK : ERR_TOO_LARGE, decode(view_of_buffer(&bytes)));
    }
    buffer_free(&bytes);
}

static void encoding_refuses_what_decoding_would(void **state)
{
    struct buffer to = buffer_init(200);
    struct view wrong[] = {{(const uint8_t *)"abc", 3}};
    struct view many[4] = {list_items[0], list_items[0], list_items[0], list_items[0]};
    struct thing things[9];

    (void)state;
    for (size_t i = 0; i < COUNT(things); i++) {
        things[i] = good_thing();
    }
    things[0].number = 4;
    things[1].number = -4;
    things[2].time.ms = 101;
    things[3].bytes = view_of(NULL, 0);
    things[4].bytes = view_of_text("wxyz");
    things[5].text = view_of_text("wxyz");
    things[6].list = (struct views){1, wrong};
    things[7].list = (struct views){4, many};
    things[8].option = 10;
    OBJECT_SET(&things[8], 9);
    for (size_t i = 0; i < COUNT(things); i++) {
        assert_error(ERR_BUG, object_encode(&info, &things[i], &to));
    }
    buffer_free(&to);
}

static void encoding_tells_size_and_memory(void **state)
{
    static const struct object_info small = {"thing", fields, COUNT(fields), sizeof(struct thing),
                                             34};
    struct buffer to = buffer_init(20);
    struct thing thing = good_thing();

    (void)state;
    assert_error(ERR_TOO_LARGE, object_encode(&info, &thing, &to));
    buffer_free(&to);
    to = buffer_init(200);
    assert_error(ERR_TOO_LARGE, object_encode(&small, &thing, &to));
    buffer_free(&to);
    failing_set(1);
    assert_error(ERR_NO_MEMORY, object_encode(&info, &thing, &to));
    failing_set(0);
    buffer_free(&to);
}

static void a_list_needs_room_in_the_arena(void **state)
{
    struct arena *arena = arena_new(16);
    struct buffer bytes = buffer_init(100);
    struct thing thing;

    (void)state;
    assemble(&bytes, 99, view_of(NULL, 0));
    assert_error(ERR_TOO_LARGE, object_decode(&info, view_of_buffer(&bytes), arena, &thing));
    arena_free(&arena);
    arena = arena_new(100);
    failing_set(1);
    assert_error(ERR_NO_MEMORY, object_decode(&info, view_of_buffer(&bytes), arena, &thing));
    failing_set(0);
    buffer_free(&bytes);
    arena_free(&arena);
}

static void a_description_has_a_row_for_each_field(void **state)
{
    struct buffer to = buffer_init(10000);
    size_t rows = 0;

    (void)state;
    object_describe(&info, &to);
    for (const char *at = buffer_text(&to); (at = strchr(at, '\n')) != NULL; at++) {
        rows += at[1] == '|';
    }
    assert_int_equal(rows, COUNT(fields) + 2);
    assert_non_null(strstr(buffer_text(&to), "| 9 | option | integer, 0..9, or nil | o |"));
    assert_non_null(strstr(buffer_text(&to), "| 7 | list | list of at most 3 × 1..2 bytes | l |"));
    buffer_free(&to);
}

/* Changed bytes either fail or encode to themselves again. */
static void what_decodes_re_encodes_to_the_same_bytes(void **state)
{
    struct dice dice = dice_new("object");
    struct buffer bytes = buffer_init(200);
    struct buffer again = buffer_init(200);
    struct arena *arena = big_arena();
    unsigned accepted = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct thing thing;
        assemble(&bytes, 99, view_of(NULL, 0));
        bytes.data[dice_roll(&dice, bytes.size)] = (uint8_t)dice_roll(&dice, 256);
        arena_clear(arena);
        buffer_clear(&again);
        if (object_decode(&info, view_of_buffer(&bytes), arena, &thing) == OK) {
            accepted++;
            assert_ok(object_encode(&info, &thing, &again));
            assert_views_equal(view_of_buffer(&again), view_of_buffer(&bytes));
        }
    }
    assert_true(accepted > 100);
    arena_free(&arena);
    buffer_free(&bytes);
    buffer_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_a_map_with_its_fields_in_order),
        cmocka_unit_test(decoding_gives_back_every_field),
        cmocka_unit_test(an_absent_optional_field_is_nil),
        cmocka_unit_test(a_field_outside_its_form_is_refused),
        cmocka_unit_test(limits_are_reached),
        cmocka_unit_test(a_missing_field_is_refused),
        cmocka_unit_test(R21_an_unknown_key_is_critical_below_64),
        cmocka_unit_test(an_object_that_is_no_map_with_integer_keys_is_refused),
        cmocka_unit_test(the_size_of_an_object_has_a_limit),
        cmocka_unit_test(encoding_refuses_what_decoding_would),
        cmocka_unit_test(encoding_tells_size_and_memory),
        cmocka_unit_test(a_list_needs_room_in_the_arena),
        cmocka_unit_test(a_description_has_a_row_for_each_field),
        cmocka_unit_test(what_decodes_re_encodes_to_the_same_bytes),
    };

    return RUN(tests);
}
