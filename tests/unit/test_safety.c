/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "safety.h"

#include <string.h>

static struct id some_node(void)
{
    return digest(HASH_NODE, view_of_text("some node"));
}

/* W-32: eight groups of five digits; it never changes for a node. */
static void a_safety_number_is_eight_groups_of_five_digits(void **state)
{
    struct id node = some_node();
    char text[SAFETY_TEXT_BYTES];
    char again[SAFETY_TEXT_BYTES];

    (void)state;
    assert_int_equal(strlen(safety_number(&node, text)), 47);
    for (size_t i = 0; i < 47; i++) {
        assert_true(i % 6 == 5 ? text[i] == ' ' : text[i] >= '0' && text[i] <= '9');
    }
    for (size_t group = 0; group < 8; group++) {
        assert_int_equal(safety_check_digit(text + 6 * group, 4), text[6 * group + 4]);
    }
    assert_string_equal(safety_number(&node, again), text);
}

/* W-32: computed by an independent program. */
static void a_safety_number_is_the_frozen_one(void **state)
{
    struct id node = some_node();
    char text[SAFETY_TEXT_BYTES];

    (void)state;
    assert_string_equal(safety_number(&node, text),
                        "14596 13207 73889 68207 87844 40567 10176 64218");
}

/* Damm: every single wrong digit is caught, in each of the 10,000 groups. */
static void every_single_wrong_digit_is_caught(void **state)
{
    (void)state;
    for (int number = 0; number < 10000; number++) {
        char group[16];
        (void)snprintf(group, sizeof group, "%04d", number);
        char digit = safety_check_digit(group, 4);
        for (size_t i = 0; i < 4; i++) {
            char right = group[i];
            for (char wrong = '0'; wrong <= '9'; wrong++) {
                group[i] = wrong;
                assert_int_equal(safety_check_digit(group, 4) == digit, wrong == right);
            }
            group[i] = right;
        }
    }
}

/* Damm: so is every swap of neighbours, the check digit included. */
static void every_swap_of_neighbours_is_caught(void **state)
{
    (void)state;
    for (int number = 0; number < 10000; number++) {
        char group[16];
        (void)snprintf(group, sizeof group, "%04d", number);
        group[4] = safety_check_digit(group, 4);
        for (size_t i = 0; i < 4; i++) {
            char kept = group[i];
            if (group[i] == group[i + 1]) {
                continue;
            }
            group[i] = group[i + 1];
            group[i + 1] = kept;
            assert_int_not_equal(safety_check_digit(group, 4), group[4]);
            group[i + 1] = group[i];
            group[i] = kept;
        }
    }
}

static void the_right_number_is_accepted_however_it_is_spaced(void **state)
{
    struct id node = some_node();
    char text[SAFETY_TEXT_BYTES];
    char other[100] = {0};
    unsigned bad = 0;
    size_t n = 0;

    (void)state;
    assert_ok(safety_compare(view_of_text(safety_number(&node, text)), &node, &bad));
    for (size_t i = 0; text[i] != '\0'; i++) {
        other[n++] = text[i] == ' ' ? '-' : text[i];
        if (i % 6 == 2) {
            memcpy(other + n, "\r\n\t", 3);
            n += 3;
        }
    }
    assert_ok(safety_compare(view_of(other, n), &node, &bad));
}

static void a_slip_names_the_group(void **state)
{
    struct id node = some_node();
    char text[SAFETY_TEXT_BYTES];

    (void)state;
    (void)safety_number(&node, text);
    for (unsigned group = 0; group < SAFETY_GROUPS; group++) {
        unsigned bad = 0;
        char *digit = text + 6 * group + 1;
        char kept = *digit;
        *digit = kept == '9' ? '0' : (char)(kept + 1);
        assert_error(ERR_SAFETY_DIGIT, safety_compare(view_of_text(text), &node, &bad));
        assert_int_equal(bad, group + 1);
        *digit = kept;
    }
}

static void another_number_is_a_mismatch(void **state)
{
    struct id node = some_node();
    struct id other = digest(HASH_NODE, view_of_text("other node"));
    char text[SAFETY_TEXT_BYTES];
    unsigned bad = 0;

    (void)state;
    (void)safety_number(&other, text);
    assert_error(ERR_SAFETY_MISMATCH, safety_compare(view_of_text(text), &node, &bad));
}

static void too_short_too_long_and_letters_are_a_mismatch(void **state)
{
    struct id node = some_node();
    char text[SAFETY_TEXT_BYTES + 1];
    unsigned bad = 0;

    (void)state;
    (void)safety_number(&node, text);
    assert_error(ERR_SAFETY_MISMATCH, safety_compare(view_of(NULL, 0), &node, &bad));
    for (size_t size = 1; size < 47; size++) {
        assert_error(ERR_SAFETY_MISMATCH, safety_compare(view_of(text, size), &node, &bad));
    }
    text[47] = '0';
    assert_error(ERR_SAFETY_MISMATCH, safety_compare(view_of(text, 48), &node, &bad));
    text[3] = 'x';
    assert_error(ERR_SAFETY_MISMATCH, safety_compare(view_of(text, 47), &node, &bad));
}

static void the_qr_payload_is_the_forty_digits(void **state)
{
    struct id node = some_node();
    struct buffer to = buffer_init(100);
    char text[SAFETY_TEXT_BYTES];
    unsigned bad = 0;

    (void)state;
    (void)safety_number(&node, text);
    safety_qr_payload(&node, &to);
    assert_int_equal(to.size, 47);
    assert_memory_equal(to.data, "VALISE:", 7);
    assert_memory_equal(to.data + 7, text, 5);
    assert_ok(safety_compare(view_of(to.data + 7, 40), &node, &bad));
    buffer_free(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_safety_number_is_eight_groups_of_five_digits),
        cmocka_unit_test(a_safety_number_is_the_frozen_one),
        cmocka_unit_test(every_single_wrong_digit_is_caught),
        cmocka_unit_test(every_swap_of_neighbours_is_caught),
        cmocka_unit_test(the_right_number_is_accepted_however_it_is_spaced),
        cmocka_unit_test(a_slip_names_the_group),
        cmocka_unit_test(another_number_is_a_mismatch),
        cmocka_unit_test(too_short_too_long_and_letters_are_a_mismatch),
        cmocka_unit_test(the_qr_payload_is_the_forty_digits),
    };

    return RUN(tests);
}
