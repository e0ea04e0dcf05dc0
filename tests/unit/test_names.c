/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "names.h"

#include <string.h>

static void names_are_reduced_to_what_is_compared(void **state)
{
    static const char *const rows[][2] = {
        {"Stellamar Aegis Consult FZE", "stellamar aegis consult fze"},
        {"DESSALOUI, Karim", "dessaloui karim"},
        {"  spaces   and\ttabs ", "spaces and tabs"},
        {"Ünïcödé", "unicode"},
        {"Straße", "strasse"},
        {"İstanbul", "istanbul"},
        {"ＡＢＣ１２", "abc12"},
        {"ﬁnance", "finance"},
        {"O'Brien-Smith", "o brien smith"},
        {"Řeřicha s.r.o.", "rericha s r o"},
        {"كَرِيم دسلوي", "كريم دسلوي"},
        {"МОСКВА", "москва"},
        {"中文 公司", "中文 公司"},
        {"Σίσυφος", "σισυφοσ"},
        {"no\xe2\x80\x8dw", "now"}, /* a joiner within a word is no break */
        {"a\xcc\x81", "a"},
        {"---", ""},
        {"", ""},
    };
    struct buffer folded = buffer_init(NAME_FOLDED_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_ok(names_fold(view_of_text(rows[i][0]), &folded));
        assert_view(view_of_buffer(&folded), rows[i][1]);
    }
    buffer_free(&folded);
}

/* R20: look-alikes of another script stay apart, so that they can be shown as such. */
static void R20_scripts_are_not_mixed_up(void **state)
{
    struct buffer latin = buffer_init(NAME_FOLDED_MAX_BYTES);
    struct buffer cyrillic = buffer_init(NAME_FOLDED_MAX_BYTES);

    (void)state;
    assert_ok(names_fold(view_of_text("company"), &latin));
    assert_ok(names_fold(view_of_text("сompany"), &cyrillic));
    assert_false(view_equal(view_of_buffer(&latin), view_of_buffer(&cyrillic)));
    buffer_free(&latin);
    buffer_free(&cyrillic);
}

static void folding_twice_changes_nothing(void **state)
{
    static const char *const names[] = {"Kaldur Precision AS", "ستيلامار أيجيس للاستشارات", "Ǆ Ŀ ŉ",
                                        "Ångström & Co.", "ﷺ"};
    struct buffer once = buffer_init(NAME_FOLDED_MAX_BYTES);
    struct buffer twice = buffer_init(NAME_FOLDED_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_ok(names_fold(view_of_text(names[i]), &once));
        assert_ok(names_fold(view_of_buffer(&once), &twice));
        assert_views_equal(view_of_buffer(&once), view_of_buffer(&twice));
    }
    buffer_free(&once);
    buffer_free(&twice);
}

static void a_name_has_at_most_300_characters(void **state)
{
    struct buffer folded = buffer_init(NAME_FOLDED_MAX_BYTES);
    char name[3 * 301];

    (void)state;
    for (size_t i = 0; i < 301; i++) {
        memcpy(name + 3 * i, "中", 3);
    }
    for (size_t count = 299; count <= 301; count++) {
        assert_error(count <= 300 ? OK : ERR_TOO_LARGE,
                     names_fold(view_of(name, 3 * count), &folded));
    }
    buffer_free(&folded);
}

/* Characters that stand for whole phrases: the longest that there are, 300 times. */
static void the_name_that_unfolds_farthest_is_folded_whole(void **state)
{
    struct buffer folded = buffer_init(NAME_FOLDED_MAX_BYTES);
    char name[3 * NAME_CHARACTERS_MAX];
    struct view words[NAME_WORDS_MAX];

    (void)state;
    for (size_t i = 0; i < NAME_CHARACTERS_MAX; i++) {
        memcpy(name + 3 * i, "ﷺ", 3); /* 18 characters, 15 of them letters in 4 words */
    }
    assert_ok(names_fold(view_of(name, sizeof name), &folded));
    assert_int_equal(folded.size, NAME_CHARACTERS_MAX * (15 * 2 + 3));
    assert_int_equal(names_words(view_of_buffer(&folded), words), NAME_WORDS_MAX);
    for (size_t i = 0; i < NAME_CHARACTERS_MAX; i++) {
        memcpy(name + 3 * i, "㌖", 3); /* six syllables of three bytes */
    }
    assert_ok(names_fold(view_of(name, sizeof name), &folded));
    assert_true(folded.size > 5000);
    buffer_free(&folded);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    struct buffer folded = buffer_init(NAME_FOLDED_MAX_BYTES);

    (void)state;
    assert_error(ERR_FIELD_VALUE, names_fold(BYTES("a\xff"), &folded));
    assert_error(ERR_FIELD_VALUE, names_fold(BYTES("a\0b"), &folded));
    buffer_free(&folded);
}

static void a_small_buffer_is_too_small(void **state)
{
    struct buffer folded = buffer_init(3);

    (void)state;
    assert_ok(names_fold(view_of_text("abc"), &folded));
    assert_error(ERR_TOO_LARGE, names_fold(view_of_text("abcd"), &folded));
    buffer_free(&folded);
}

static void words_are_split_at_blanks(void **state)
{
    struct view words[NAME_WORDS_MAX];

    (void)state;
    assert_int_equal(names_words(view_of_text("a bc def"), words), 3);
    assert_view(words[0], "a");
    assert_view(words[2], "def");
    assert_int_equal(names_words(view_of_text(""), words), 0);
    assert_int_equal(names_words(view_of_text(" a  b "), words), 2);
}

static void words_beyond_the_room_are_left_out(void **state)
{
    struct view words[NAME_WORDS_MAX];
    char text[2 * (NAME_WORDS_MAX + 1)];

    (void)state;
    memset(text, ' ', sizeof text);
    for (size_t i = 0; i <= NAME_WORDS_MAX; i++) {
        text[2 * i] = 'a';
    }
    assert_int_equal(names_words(view_of(text, sizeof text - 2), words), NAME_WORDS_MAX);
    assert_int_equal(names_words(view_of(text, sizeof text), words), NAME_WORDS_MAX);
    assert_int_equal(names_words(view_of(text, sizeof text - 4), words), NAME_WORDS_MAX - 1);
}

/* W-87: texts are stored composed; what is composed already takes no memory. */
static void texts_are_composed(void **state)
{
    static const char *const rows[][2] = {
        {"Cafe\xcc\x81", "Caf\xc3\xa9"},
        {"Caf\xc3\xa9", "Caf\xc3\xa9"},
        {"plain", "plain"},
        {"", ""},
        {"\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80"},             /* Hangul letters */
        {"\xd9\x83\xd9\x8e\xd8\xb1", "\xd9\x83\xd9\x8e\xd8\xb1"}, /* Arabic with a vowel mark */
    };
    struct arena *arena = big_arena();
    struct view composed;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_ok(names_compose(view_of_text(rows[i][0]), arena, &composed));
        assert_view(composed, rows[i][1]);
    }
    arena_free(&arena);
    arena = arena_new(16);
    assert_ok(names_compose(view_of_text("Stra\xc3\x9f"
                                         "e und Caf\xc3\xa9"),
                            arena, &composed));
    assert_true(names_compose(view_of_text("Cafe\xcc\x81 und noch mehr"), arena, &composed) != OK);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_reduced_to_what_is_compared),
        cmocka_unit_test(R20_scripts_are_not_mixed_up),
        cmocka_unit_test(folding_twice_changes_nothing),
        cmocka_unit_test(a_name_has_at_most_300_characters),
        cmocka_unit_test(the_name_that_unfolds_farthest_is_folded_whole),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_small_buffer_is_too_small),
        cmocka_unit_test(words_are_split_at_blanks),
        cmocka_unit_test(words_beyond_the_room_are_left_out),
        cmocka_unit_test(texts_are_composed),
    };

    return RUN(tests);
}
