/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "pack.h"

#include "failing.h"

#include <string.h>

static const size_t limit = PACK_SECTION_MAX_BYTES;

/* --- what passes --------------------------------------------------------------------------- */

/* W-1 W-2 W-3: the shortest form of each value at the edges of each form. */
static void canonical_forms_pass(void **state)
{
    static const char *const good[] = {
        "c0",
        "c2",
        "c3",
        "00",
        "7f",
        "cc 80",
        "cc ff",
        "cd 0100",
        "cd ffff",
        "ce 00010000",
        "ce ffffffff",
        "cf 0000000100000000",
        "cf 7fffffffffffffff",
        "ff",
        "e0",
        "d0 df",
        "d0 80",
        "d1 ff7f",
        "d1 8000",
        "d2 ffff7fff",
        "d2 80000000",
        "d3 ffffffff7fffffff",
        "d3 8000000000000000",
        "a0",
        "a1 61",
        "c4 00",
        "c4 01 ff",
        "90",
        "80",
        "91 c0",
        "81 00 c0",
        "82 00 c0 01 c0",
        "82 7f c0 cc80 c0",
        "82 a0 c0 a1 61 c0",
        "82 a161 c0 a162 c0",
        "82 a161 c0 a26161 c0",
        "92 90 80",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        uint8_t bytes[32];
        size_t size = hex_read(good[i], bytes, sizeof bytes);
        if (pack_check(view_of(bytes, size), limit) != OK) {
            fail_msg("refused %s", good[i]);
        }
    }
}

/* --- R19 R16: what does not ---------------------------------------------------------------- */

/** Bytes that are refused, and why. */
struct refused {
    const char *bytes;
    const char *why;
};

static const struct refused refused[] = {
    {"", "nothing"},
    {"c1", "no type"},
    {"ca 00000000", "float"},
    {"ca 80000000", "minus zero"},
    {"ca 7fc00000", "not a number"},
    {"cb 0000000000000000", "double"},
    {"cb 7ff8000000000000", "not a number, double"},
    {"d4 00 00", "ext 1"},
    {"d6 00 00000000", "time stamp"},
    {"c7 01 00 00", "ext 8"},
    {"c8 0001 00 00", "ext 16"},
    {"cc 7f", "long integer"},
    {"cc 00", "long zero"},
    {"cd 00ff", "long integer"},
    {"ce 0000ffff", "long integer"},
    {"cf 00000000ffffffff", "long integer"},
    {"cf 8000000000000000", "beyond 2^63-1"},
    {"cf ffffffffffffffff", "beyond 2^63-1"},
    {"d0 00", "signed positive"},
    {"d0 7f", "signed positive"},
    {"d0 e0", "long negative"},
    {"d0 ff", "long negative"},
    {"d1 ff80", "long negative"},
    {"d1 0001", "signed positive"},
    {"d2 ffff8000", "long negative"},
    {"d3 ffffffff80000000", "long negative"},
    {"d3 0000000000000001", "signed positive"},
    {"d9 01 61", "long text head"},
    {"da 0001 61", "long text head"},
    {"db 00000001 61", "long text head"},
    {"c5 0001 00", "long bytes head"},
    {"c6 00000001 00", "long bytes head"},
    {"dc 0001 c0", "long list head"},
    {"dd 00000001 c0", "long list head"},
    {"de 0001 00 c0", "long map head"},
    {"df 00000001 00 c0", "long map head"},
    {"a1", "text cut short"},
    {"a2 61", "text cut short"},
    {"cd 01", "integer cut short"},
    {"c4", "head cut short"},
    {"c4 02 00", "bytes cut short"},
    {"91", "list cut short"},
    {"92 c0", "list cut short"},
    {"81", "map cut short"},
    {"81 00", "map cut short"},
    {"c0 c0", "trailing byte"},
    {"90 00", "trailing byte"},
    {"a1 00", "U+0000"},
    {"a1 ff", "bad UTF-8"},
    {"a3 eda080", "surrogate"},
    {"a2 c080", "overlong"},
    {"82 00 c0 00 c0", "repeated key"},
    {"82 01 c0 00 c0", "keys descend"},
    {"82 a161 c0 a161 c0", "repeated text key"},
    {"82 a162 c0 a161 c0", "text keys descend"},
    {"82 a26161 c0 a161 c0", "longer key first"},
    {"82 00 c0 a161 c0", "mixed keys"},
    {"81 ff c0", "negative key"},
    {"81 c0 c0", "nil key"},
    {"81 c3 c0", "flag as key"},
    {"81 c401aa c0", "bytes as key"},
    {"81 90 c0", "list as key"},
    {"81 80 c0", "map as key"},
    {"dd 00ffffff", "R16 five-byte bomb"},
    {"dd ffffffff", "R16 five-byte bomb"},
    {"df ffffffff", "R16 map bomb"},
    {"dc ffff", "R16 list bomb"},
    {"db ffffffff", "R16 text bomb"},
    {"c6 ffffffff", "R16 bytes bomb"},
    {"df 80000001 00", "R16 count that overflows when doubled"},
};

/* W-1 to W-5 */
static void R19_every_other_form_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        uint8_t bytes[32];
        size_t size = hex_read(refused[i].bytes, bytes, sizeof bytes);
        if (pack_check(view_of(bytes, size), limit) != ERR_NOT_CANONICAL) {
            fail_msg("accepted %s: %s", refused[i].bytes, refused[i].why);
        }
    }
}

/* W-6: one below, at, one above. */
static void R17_depth_has_a_limit(void **state)
{
    uint8_t bytes[1000];

    (void)state;
    for (size_t depth = PACK_DEPTH_MAX - 1; depth <= PACK_DEPTH_MAX + 1; depth++) {
        memset(bytes, 0x91, depth);
        bytes[depth] = 0xc0;
        assert_error(depth <= PACK_DEPTH_MAX ? OK : ERR_NOT_CANONICAL,
                     pack_check(view_of(bytes, depth + 1), limit));
    }
    /* An empty list counts as a level too. */
    memset(bytes, 0x91, PACK_DEPTH_MAX);
    bytes[PACK_DEPTH_MAX] = 0x90;
    assert_error(ERR_NOT_CANONICAL, pack_check(view_of(bytes, PACK_DEPTH_MAX + 1), limit));
}

static void R17_a_million_levels_are_refused(void **state)
{
    uint8_t *bytes = malloc(1000000);

    (void)state;
    memset(bytes, 0x91, 1000000);
    assert_error(ERR_NOT_CANONICAL, pack_check(view_of(bytes, 1000000), limit));
    for (size_t i = 0; i < 1000000; i += 2) {
        bytes[i] = 0x81;
        bytes[i + 1] = 0;
    }
    assert_error(ERR_NOT_CANONICAL, pack_check(view_of(bytes, 1000000), limit));
    free(bytes);
}

/* R16: nothing is allocated, whatever is claimed. */
static void R16_checking_allocates_nothing(void **state)
{
    uint8_t nest[160];

    (void)state;
    for (size_t i = 0; i < sizeof nest; i += 5) {
        memcpy(nest + i, "\xdd\x00\xff\xff\xff", 5);
    }
    failing_set(1);
    assert_error(ERR_NOT_CANONICAL, pack_check(view_of(nest, sizeof nest), limit));
    assert_error(OK, pack_check(BYTES("\x92\xa1"
                                      "a\xc0"),
                                limit));
    assert_false(failing_happened());
    failing_set(0);
}

static void the_size_limit_is_exact(void **state)
{
    static const uint8_t bytes[] = {0xa3, 'a', 'b', 'c'};

    (void)state;
    assert_error(ERR_TOO_LARGE, pack_check(view_of(bytes, 4), 3));
    assert_error(OK, pack_check(view_of(bytes, 4), 4));
    assert_error(OK, pack_check(view_of(bytes, 4), 5));
}

/* W-6: the list itself is one of the values. */
static void the_number_of_values_has_a_limit(void **state)
{
    uint8_t *bytes = calloc(1, 5 + PACK_ITEMS_MAX + 1);

    (void)state;
    for (uint32_t count = PACK_ITEMS_MAX - 1; count <= PACK_ITEMS_MAX; count++) {
        struct buffer head = buffer_init(5);
        pack_write_list(&head, count);
        memcpy(bytes, head.data, head.size);
        assert_error(count + 1 <= PACK_ITEMS_MAX ? OK : ERR_TOO_LARGE,
                     pack_check(view_of(bytes, head.size + count), limit));
        buffer_free(&head);
        memset(bytes, 0, 5);
    }
    free(bytes);
}

/* --- reading ------------------------------------------------------------------------------- */

static void values_are_read_one_after_another(void **state)
{
    struct buffer to = buffer_init(200);

    (void)state;
    pack_write_list(&to, 7);
    pack_write_nil(&to);
    pack_write_bool(&to, true);
    pack_write_integer(&to, -5);
    pack_write_text(&to, view_of_text("text"));
    pack_write_bytes(&to, BYTES("\0\1"));
    pack_write_map(&to, 1);
    pack_write_integer(&to, 3);
    pack_write_raw(&to, BYTES("\x91\xc0"));
    pack_write_bool(&to, false);
    struct pack_reader reader = pack_reader_init(view_of_buffer(&to));
    assert_int_equal(pack_peek(&reader), PACK_LIST);
    assert_int_equal(pack_read_list(&reader), 7);
    pack_read_nil(&reader);
    assert_true(pack_read_bool(&reader));
    assert_int_equal(pack_peek(&reader), PACK_INTEGER);
    assert_true(pack_read_integer(&reader) == -5);
    assert_view(pack_read_text(&reader), "text");
    assert_views_equal(pack_read_bytes(&reader), BYTES("\0\1"));
    assert_int_equal(pack_read_map(&reader), 1);
    assert_true(pack_read_integer(&reader) == 3);
    assert_views_equal(pack_read_raw(&reader), BYTES("\x91\xc0"));
    assert_false(pack_read_bool(&reader));
    assert_error(OK, reader.error);
    assert_int_equal(pack_peek(&reader), PACK_NOTHING);
    buffer_free(&to);
}

static void a_value_of_another_kind_is_an_error_that_sticks(void **state)
{
    struct pack_reader reader = pack_reader_init(BYTES("\x01\x02"));

    (void)state;
    assert_int_equal(pack_read_text(&reader).size, 0);
    assert_error(ERR_NOT_CANONICAL, reader.error);
    assert_true(pack_read_integer(&reader) == 0);
    assert_int_equal(pack_peek(&reader), PACK_NOTHING);
    assert_int_equal(pack_read_raw(&reader).size, 0);
    assert_int_equal(reader.rest.size, 2);
}

static void each_reader_refuses_each_other_kind(void **state)
{
    static const char *const values[] = {"\xc0",
                                         "\xc3",
                                         "\x05",
                                         "\xa1"
                                         "a",
                                         "\xc4\x01"
                                         "a",
                                         "\x91\xc0",
                                         "\x81\x01\xc0"};

    (void)state;
    for (size_t kind = 0; kind < COUNT(values); kind++) {
        for (size_t read = 0; read < COUNT(values); read++) {
            struct pack_reader r = pack_reader_init(view_of_text(values[kind]));
            assert_int_equal(pack_peek(&r), kind);
            switch ((enum pack_kind)read) {
            case PACK_NIL:
                pack_read_nil(&r);
                break;
            case PACK_BOOL:
                (void)pack_read_bool(&r);
                break;
            case PACK_INTEGER:
                (void)pack_read_integer(&r);
                break;
            case PACK_TEXT:
                (void)pack_read_text(&r);
                break;
            case PACK_BYTES:
                (void)pack_read_bytes(&r);
                break;
            case PACK_LIST:
                (void)pack_read_list(&r);
                break;
            default:
                (void)pack_read_map(&r);
                break;
            }
            assert_int_equal(r.error, kind == read ? OK : ERR_NOT_CANONICAL);
        }
    }
}

static void reading_past_the_end_is_an_error(void **state)
{
    struct pack_reader reader = pack_reader_init(view_of("", 0));

    (void)state;
    pack_read_nil(&reader);
    assert_error(ERR_NOT_CANONICAL, reader.error);
    /* Bytes that were never checked are safe to read too. */
    reader = pack_reader_init(BYTES("\xa5"
                                    "ab"));
    assert_int_equal(pack_read_text(&reader).size, 0);
    assert_error(ERR_NOT_CANONICAL, reader.error);
    reader = pack_reader_init(BYTES("\xdd\xff\xff\xff\xff"));
    assert_int_equal(pack_read_list(&reader), 0);
    assert_error(ERR_NOT_CANONICAL, reader.error);
    reader = pack_reader_init(BYTES("\x92\xc0"));
    assert_int_equal(pack_read_raw(&reader).size, 0);
    assert_error(ERR_NOT_CANONICAL, reader.error);
}

static void writers_stick_to_the_first_error(void **state)
{
    struct buffer to = buffer_init(2);

    (void)state;
    pack_write_text(&to, view_of_text("long text"));
    assert_error(ERR_TOO_LARGE, to.error);
    pack_write_nil(&to);
    assert_error(ERR_TOO_LARGE, to.error);
    buffer_free(&to);
    to = buffer_init(100);
    failing_set(1);
    pack_write_nil(&to);
    failing_set(0);
    assert_error(ERR_NO_MEMORY, to.error);
    buffer_free(&to);
}

/* --- properties ---------------------------------------------------------------------------- */

static void write_random(struct dice *dice, struct buffer *to, unsigned depth);

/* Keys "a", "b", … ascend; integer keys count up from a random start. */
static void write_random_map(struct dice *dice, struct buffer *to, unsigned depth)
{
    size_t count = dice_roll(dice, 20);
    bool texts = dice_roll(dice, 2) == 0;
    int64_t key = (int64_t)dice_roll(dice, 300);

    pack_write_map(to, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t letter = (uint8_t)('a' + i);
        if (texts) {
            pack_write_text(to, view_of(&letter, 1));
        } else {
            pack_write_integer(to, key);
            key += 1 + (int64_t)dice_roll(dice, 1ULL << dice_roll(dice, 50));
        }
        write_random(dice, to, depth + 1);
    }
}

static void write_random_leaf(struct dice *dice, struct buffer *to)
{
    static const char letters[] = "aé中😀";
    uint8_t bytes[300];
    size_t size = dice_roll(dice, 40) == 0 ? dice_roll(dice, sizeof bytes) : dice_roll(dice, 40);

    switch (dice_roll(dice, 5)) {
    case 0:
        pack_write_nil(to);
        break;
    case 1:
        pack_write_bool(to, dice_roll(dice, 2) == 0);
        break;
    case 2:
        pack_write_integer(to, (int64_t)(dice_roll(dice, UINT64_MAX) >> dice_roll(dice, 64)) *
                                   (dice_roll(dice, 2) == 0 ? 1 : -1));
        break;
    case 3:
        memset(bytes, 'x', sizeof bytes);
        memcpy(bytes, letters, sizeof letters - 1);
        pack_write_text(to, size < sizeof letters ? view_of_text("a") : view_of(bytes, size));
        break;
    default:
        dice_fill(dice, bytes, sizeof bytes);
        pack_write_bytes(to, view_of(bytes, size));
        break;
    }
}

static void write_random(struct dice *dice, struct buffer *to, unsigned depth)
{
    uint64_t what = depth < 5 ? dice_roll(dice, 4) : 3;

    if (what == 0) {
        size_t count = dice_roll(dice, 18);
        pack_write_list(to, count);
        for (size_t i = 0; i < count; i++) {
            write_random(dice, to, depth + 1);
        }
    } else if (what == 1) {
        write_random_map(dice, to, depth);
    } else {
        write_random_leaf(dice, to);
    }
}

/* Read one checked value and write it again. */
static void rewrite(struct pack_reader *reader, struct buffer *to)
{
    enum pack_kind kind = pack_peek(reader);
    size_t count = 0;

    switch (kind) {
    case PACK_NIL:
        pack_read_nil(reader);
        pack_write_nil(to);
        break;
    case PACK_BOOL:
        pack_write_bool(to, pack_read_bool(reader));
        break;
    case PACK_INTEGER:
        pack_write_integer(to, pack_read_integer(reader));
        break;
    case PACK_TEXT:
        pack_write_text(to, pack_read_text(reader));
        break;
    case PACK_BYTES:
        pack_write_bytes(to, pack_read_bytes(reader));
        break;
    case PACK_LIST:
    case PACK_MAP:
        count = kind == PACK_LIST ? pack_read_list(reader) : pack_read_map(reader);
        if (kind == PACK_LIST) {
            pack_write_list(to, count);
        } else {
            pack_write_map(to, count);
        }
        for (size_t i = 0; i < (kind == PACK_LIST ? count : 2 * count); i++) {
            rewrite(reader, to);
        }
        break;
    case PACK_NOTHING:
        reader->error = ERR_NOT_CANONICAL;
        break;
    }
}

/* W-1 to W-6: what the writer emits passes; what passes re-encodes to the same bytes. */
static void what_is_written_passes_and_re_encodes_to_itself(void **state)
{
    struct dice dice = dice_new("pack written");

    (void)state;
    for (int i = 0; i < 500; i++) {
        struct buffer bytes = buffer_init(limit);
        struct buffer again = buffer_init(limit);
        write_random(&dice, &bytes, 0);
        enum error err = pack_check(view_of_buffer(&bytes), limit);
        if (bytes.error == OK && err != ERR_TOO_LARGE) {
            assert_error(OK, err);
            struct pack_reader reader = pack_reader_init(view_of_buffer(&bytes));
            rewrite(&reader, &again);
            assert_error(OK, reader.error);
            assert_views_equal(view_of_buffer(&again), view_of_buffer(&bytes));
        }
        buffer_free(&again);
        buffer_free(&bytes);
    }
}

/* Change bytes of good objects: what still passes must still re-encode to itself. */
static void what_passes_after_a_change_re_encodes_to_itself(void **state)
{
    struct dice dice = dice_new("pack changed");
    unsigned passed = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct buffer bytes = buffer_init(limit);
        struct buffer again = buffer_init(limit);
        write_random(&dice, &bytes, 3);
        bytes.data[dice_roll(&dice, bytes.size)] = (uint8_t)dice_roll(&dice, 256);
        if (pack_check(view_of_buffer(&bytes), limit) == OK) {
            struct pack_reader reader = pack_reader_init(view_of_buffer(&bytes));
            rewrite(&reader, &again);
            assert_error(OK, reader.error);
            assert_views_equal(view_of_buffer(&again), view_of_buffer(&bytes));
            passed++;
        }
        buffer_free(&again);
        buffer_free(&bytes);
    }
    assert_true(passed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_forms_pass),
        cmocka_unit_test(R19_every_other_form_is_refused),
        cmocka_unit_test(R17_depth_has_a_limit),
        cmocka_unit_test(R17_a_million_levels_are_refused),
        cmocka_unit_test(R16_checking_allocates_nothing),
        cmocka_unit_test(the_size_limit_is_exact),
        cmocka_unit_test(the_number_of_values_has_a_limit),
        cmocka_unit_test(values_are_read_one_after_another),
        cmocka_unit_test(a_value_of_another_kind_is_an_error_that_sticks),
        cmocka_unit_test(each_reader_refuses_each_other_kind),
        cmocka_unit_test(reading_past_the_end_is_an_error),
        cmocka_unit_test(writers_stick_to_the_first_error),
        cmocka_unit_test(what_is_written_passes_and_re_encodes_to_itself),
        cmocka_unit_test(what_passes_after_a_change_re_encodes_to_itself),
    };

    return RUN(tests);
}
