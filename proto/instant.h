/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Points in time: UTC as milliseconds since 1970, and how they are written
 * (RFC 3339, and the partial dates of EDTF levels 0 and 1 that records use).
 * The time of day itself is always passed in; nothing here asks a clock.
 */

#include "bytes.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

/** UTC, milliseconds since 1970-01-01T00:00:00Z; years 1900..9999. */
struct instant {
    int64_t ms;
};

enum {
    INSTANT_TEXT_BYTES = 25, /* "2026-03-11T09:42:00.123Z" and its end */
    DATE_TEXT_BYTES = 11     /* "2026-03-11" and its end */
};

static const int64_t SECOND_MS = 1000;
static const int64_t MINUTE_MS = 60 * 1000;
static const int64_t HOUR_MS = 60 * 60 * 1000;
static const int64_t DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Read a time as RFC 3339 section 5.6 writes it, in UTC: "2026-03-11T09:42:00Z",
 * optionally with 1 to 3 digits of a second.
 * @param text  what to read, all of it.
 * @param found receives the time on success.
 * @return OK, or ERR_FIELD_VALUE: another form, an offset other than Z, no such day.
 */
MUST_CHECK enum error instant_parse(struct view text, struct instant *found);

/**
 * Write a time in the form above, milliseconds only when they are not 0.
 * @param instant years 0..9999, else the text is "?".
 * @param text    receives it with its end.
 * @return text.
 */
const char *instant_format(struct instant instant, char text[static INSTANT_TEXT_BYTES]);

/** Write the day (UTC) of a time, "2026-03-11", or "?". @return text. */
const char *instant_format_date(struct instant instant, char text[static DATE_TEXT_BYTES]);

/**
 * Read a full date, "2026-03-11", as its first millisecond.
 * @return OK, or ERR_FIELD_VALUE: another form, or no such day.
 */
MUST_CHECK enum error date_parse(struct view text, struct instant *found);

/**
 * Whether the text is a partial date: a year, a month or a day ("1971",
 * "1971-06", "1971-06-30"), approximate with "~" at its end, or a range of two
 * such, first not after second ("2024/2026").
 * Source: EDTF (ISO 8601-2:2019) levels 0 and 1; records.md section 4.
 */
bool date_is_partial(struct view text);

/** The year and month a (partial) date begins with, as year * 100 + month; month 0 if not given. */
int date_month_number(struct view text);

/** The same moment moved by `ms`, held within the years 1900..9999. */
struct instant instant_add(struct instant instant, int64_t ms);

/** The same day of the month `months` later (0..1200), or the last day of that month. */
struct instant instant_add_months(struct instant instant, int months);
