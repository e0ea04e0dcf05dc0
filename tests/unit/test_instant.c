/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <string.h>

static struct instant at(const char *text)
{
    struct instant found = {0};

    MUST(instant_parse(view_of_text(text), &found) == OK);
    return found;
}

static void reads_times_as_rfc_3339_writes_them(void **state)
{
    (void)state;
    assert_true(at("1970-01-01T00:00:00Z").ms == 0);
    assert_true(at("2026-03-11T09:42:00Z").ms == 1773222120000);
    assert_true(at("2026-03-11T09:42:00.1Z").ms == 1773222120100);
    assert_true(at("2026-03-11T09:42:00.12Z").ms == 1773222120120);
    assert_true(at("2026-03-11T09:42:00.123Z").ms == 1773222120123);
    assert_true(at("1900-01-01T00:00:00Z").ms == -2208988800000);
    assert_true(at("9999-12-31T23:59:59.999Z").ms == 253402300799999);
    assert_true(at("2024-02-29T12:00:00Z").ms == 1709208000000);
    assert_true(at("2038-01-19T03:14:08Z").ms == 2147483648000);
}

static void refuses_every_other_form_of_a_time(void **state)
{
    static const char *const bad[] = {
        "",
        "Z",
        "2026-03-11",
        "2026-03-11T09:42:00",
        "2026-03-11T09:42:00z",
        "2026-03-11T09:42:00+00:00",
        "2026-03-11T09:42:00+01:00",
        "2026-03-11 09:42:00Z",
        "2026-03-11t09:42:00Z",
        "2026-3-11T09:42:00Z",
        "2026-03-11T9:42:00Z",
        " 2026-03-11T09:42:00Z",
        "2026-03-11T09:42:00Z ",
        "2026-03-11T09:42:00.Z",
        "2026-03-11T09:42:00.1234Z",
        "2026-03-11T09:42:00.1.2Z",
        "2026-03-11T09:42:00.aZ",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-03-11T24:00:00Z",
        "2026-03-11T09:60:00Z",
        "2026-03-11T09:42:61Z",
        "2016-12-31T23:59:60Z",
        "1899-12-31T23:59:59Z",
        "+2026-03-11T09:42:00Z",
        "12026-03-11T09:42:00Z",
        "0001-01-01T00:00:00Z",
        "2026-03-11T09:42:00ZZ",
        "2026-03-11T09:42Z",
        "2026-03-11T09:42:00,5Z",
    };
    struct instant found = {42};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_error(ERR_FIELD_VALUE, instant_parse(view_of_text(bad[i]), &found));
    }
    assert_error(ERR_FIELD_VALUE, instant_parse(BYTES("2026-03-11T09:42:00Z\0"), &found));
    assert_error(ERR_FIELD_VALUE, instant_parse(view_of(NULL, 0), &found));
    assert_true(found.ms == 42);
}

static void writes_what_it_reads(void **state)
{
    struct dice dice = dice_new("instant");
    char text[INSTANT_TEXT_BYTES];
    char date[DATE_TEXT_BYTES];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct instant one = {(int64_t)dice_roll(&dice, 255611289600000) - 2208988800000};
        struct instant again = {0};
        struct instant day = {0};
        assert_ok(instant_parse(view_of_text(instant_format(one, text)), &again));
        assert_true(again.ms == one.ms);
        assert_ok(date_parse(view_of_text(instant_format_date(one, date)), &day));
        assert_true(day.ms <= one.ms && one.ms < day.ms + DAY_MS);
        assert_memory_equal(date, text, 10);
    }
}

static void milliseconds_are_written_only_when_there_are_some(void **state)
{
    char text[INSTANT_TEXT_BYTES];

    (void)state;
    assert_string_equal(instant_format((struct instant){0}, text), "1970-01-01T00:00:00Z");
    assert_string_equal(instant_format((struct instant){5}, text), "1970-01-01T00:00:00.005Z");
    assert_string_equal(instant_format((struct instant){-1}, text), "1969-12-31T23:59:59.999Z");
}

static void a_time_outside_the_years_is_a_question_mark(void **state)
{
    char text[INSTANT_TEXT_BYTES];
    char date[DATE_TEXT_BYTES];

    (void)state;
    assert_string_equal(instant_format((struct instant){INT64_MAX}, text), "?");
    assert_string_equal(instant_format((struct instant){INT64_MIN}, text), "?");
    assert_string_equal(instant_format_date((struct instant){253402300800000}, date), "?");
    assert_string_equal(instant_format_date((struct instant){253402300799999}, date), "9999-12-31");
}

static void reads_full_dates_only(void **state)
{
    static const char *const bad[] = {
        "",           "2026",       "2026-03",    "2026-3-11", "2026-03-11Z", "2026-02-30",
        "11.03.2026", "2026/03/11", "1899-12-31", "20260311",  "2026-03-011", "x026-03-11"};
    struct instant found = {0};

    (void)state;
    assert_ok(date_parse(view_of_text("2026-03-11"), &found));
    assert_true(found.ms == at("2026-03-11T00:00:00Z").ms);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_error(ERR_FIELD_VALUE, date_parse(view_of_text(bad[i]), &found));
    }
}

static void partial_dates_are_years_months_days_and_ranges(void **state)
{
    static const char *const good[] = {
        "1971",      "1971-06",         "1971-06-30", "1971~",
        "1971-06~",  "1971-06-30~",     "2024/2026",  "2024-01/2024-06",
        "2024/2024", "2024-01-01/2026", "1971~/1972", "1971~/1971-06"};
    static const char *const bad[] = {"",
                                      "~",
                                      "19",
                                      "197",
                                      "19711",
                                      "1971-",
                                      "1971-6",
                                      "1971-13",
                                      "1971-06-31",
                                      "1971?",
                                      "2026/2024",
                                      "2024/",
                                      "/2024",
                                      "/",
                                      "2024//2026",
                                      "2024/2025/2026",
                                      "1971-06-30T00:00:00Z",
                                      "~1971",
                                      "1971~~",
                                      "197x",
                                      "1899",
                                      "2024-06/2024-01"};

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!date_is_partial(view_of_text(good[i]))) {
            fail_msg("refused %s", good[i]);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (date_is_partial(view_of_text(bad[i]))) {
            fail_msg("accepted %s", bad[i]);
        }
    }
    assert_false(date_is_partial(BYTES("1971\0")));
}

static void the_month_number_is_the_year_and_the_month_if_given(void **state)
{
    (void)state;
    assert_int_equal(date_month_number(view_of_text("1971")), 197100);
    assert_int_equal(date_month_number(view_of_text("1971~")), 197100);
    assert_int_equal(date_month_number(view_of_text("1971-06")), 197106);
    assert_int_equal(date_month_number(view_of_text("1971-06-30")), 197106);
    assert_int_equal(date_month_number(view_of_text("2024/2026")), 202400);
    assert_int_equal(date_month_number(view_of_text("2024-05/2026-07")), 202405);
    assert_int_equal(date_month_number(view_of_text("1971~/1980")), 197100);
    assert_int_equal(date_month_number(view_of_text("")), 0);
}

static void adding_stays_within_the_years(void **state)
{
    (void)state;
    assert_true(instant_add((struct instant){5}, -7).ms == -2);
    assert_true(instant_add((struct instant){5}, INT64_MAX).ms == 253402300799999);
    assert_true(instant_add((struct instant){-5}, INT64_MIN).ms == -2208988800000);
    assert_true(instant_add(at("9999-12-31T23:59:59.999Z"), 1).ms == 253402300799999);
    assert_true(instant_add(at("1900-01-01T00:00:00Z"), -1).ms == -2208988800000);
}

static void adding_months_keeps_the_day_or_takes_the_last(void **state)
{
    char text[INSTANT_TEXT_BYTES];

    (void)state;
#define AFTER(start, months) instant_format(instant_add_months(at(start), months), text)
    assert_string_equal(AFTER("2026-03-02T10:00:00Z", 36), "2029-03-02T10:00:00Z");
    assert_string_equal(AFTER("2026-01-31T00:00:00.5Z", 1), "2026-02-28T00:00:00.500Z");
    assert_string_equal(AFTER("2024-01-31T00:00:00Z", 1), "2024-02-29T00:00:00Z");
    assert_string_equal(AFTER("2024-02-29T00:00:00Z", 12), "2025-02-28T00:00:00Z");
    assert_string_equal(AFTER("2024-02-29T00:00:00Z", 48), "2028-02-29T00:00:00Z");
    assert_string_equal(AFTER("2026-12-31T00:00:00Z", 2), "2027-02-28T00:00:00Z");
    assert_string_equal(AFTER("2026-12-31T00:00:00Z", 0), "2026-12-31T00:00:00Z");
    assert_string_equal(AFTER("2026-05-31T00:00:00Z", 1), "2026-06-30T00:00:00Z");
    assert_string_equal(AFTER("2026-05-31T00:00:00Z", 1200), "2126-05-31T00:00:00Z");
    assert_string_equal(AFTER("9999-12-31T00:00:00Z", 1), "9999-12-31T23:59:59.999Z");
#undef AFTER
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times_as_rfc_3339_writes_them),
        cmocka_unit_test(refuses_every_other_form_of_a_time),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(milliseconds_are_written_only_when_there_are_some),
        cmocka_unit_test(a_time_outside_the_years_is_a_question_mark),
        cmocka_unit_test(reads_full_dates_only),
        cmocka_unit_test(partial_dates_are_years_months_days_and_ranges),
        cmocka_unit_test(the_month_number_is_the_year_and_the_month_if_given),
        cmocka_unit_test(adding_stays_within_the_years),
        cmocka_unit_test(adding_months_keeps_the_day_or_takes_the_last),
    };

    return RUN(tests);
}
