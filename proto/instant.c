/* SPDX-License-Identifier: Apache-2.0 */
#include "instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t EARLIEST_MS = -2208988800000; /* 1900-01-01 */
static const int64_t LATEST_MS = 253402300799999;  /* 9999-12-31T23:59:59.999 */

enum { TEXT_MAX = 40 };

static bool all_digits(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

/* strptime is lenient (spaces, one digit); writing the result again and comparing is not. */
static bool read_exactly(const char *text, const char *format, int64_t *seconds)
{
    struct tm parts = {0};
    char again[TEXT_MAX];
    const char *end = strptime(text, format, &parts);

    if (end == NULL || *end != '\0') {
        return false;
    }
    *seconds = (int64_t)timegm(&parts);
    if (strftime(again, sizeof again, format, &parts) == 0) {
        return false;
    }
    return strcmp(again, text) == 0;
}

static bool copy_text(struct view text, char copy[static TEXT_MAX])
{
    if (text.size == 0 || text.size >= TEXT_MAX || memchr(text.data, 0, text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return true;
}

/* Cut ".123Z" or "Z" off the end and give the milliseconds it stands for. */
static bool cut_fraction(char *text, int64_t *ms)
{
    size_t length = strlen(text);
    char *point = strchr(text, '.');
    int64_t scale = 100;

    *ms = 0;
    if (length == 0 || text[length - 1] != 'Z') {
        return false;
    }
    text[length - 1] = '\0';
    if (point == NULL) {
        return true;
    }
    size_t digits = strlen(point + 1);
    if (digits < 1 || digits > 3 || !all_digits(point + 1, digits)) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        *ms += (point[1 + i] - '0') * scale;
        scale /= 10;
    }
    *point = '\0';
    return true;
}

enum error instant_parse(struct view text, struct instant *found)
{
    char copy[TEXT_MAX];
    int64_t seconds = 0;
    int64_t ms = 0;

    if (!copy_text(text, copy) || !cut_fraction(copy, &ms) ||
        !read_exactly(copy, "%Y-%m-%dT%H:%M:%S", &seconds)) {
        return ERR_FIELD_VALUE;
    }
    if (seconds < EARLIEST_MS / 1000 || seconds > LATEST_MS / 1000) {
        return ERR_FIELD_VALUE;
    }
    found->ms = seconds * 1000 + ms;
    return OK;
}

static bool split(struct instant instant, struct tm *parts, int *ms)
{
    time_t seconds = (time_t)(instant.ms / 1000);
    int rest = (int)(instant.ms % 1000);

    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    *ms = rest;
    return instant.ms >= EARLIEST_MS && instant.ms <= LATEST_MS &&
           gmtime_r(&seconds, parts) != NULL;
}

const char *instant_format(struct instant instant, char text[static INSTANT_TEXT_BYTES])
{
    struct tm parts = {0};
    int ms = 0;

    if (!split(instant, &parts, &ms) ||
        strftime(text, INSTANT_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        (void)snprintf(text, INSTANT_TEXT_BYTES, "?");
        return text;
    }
    if (ms != 0) {
        (void)snprintf(text + strlen(text) - 1, 6, ".%03dZ", ms);
    }
    return text;
}

const char *instant_format_date(struct instant instant, char text[static DATE_TEXT_BYTES])
{
    struct tm parts = {0};
    int ms = 0;

    if (!split(instant, &parts, &ms) || strftime(text, DATE_TEXT_BYTES, "%Y-%m-%d", &parts) == 0) {
        (void)snprintf(text, DATE_TEXT_BYTES, "?");
    }
    return text;
}

enum error date_parse(struct view text, struct instant *found)
{
    char copy[TEXT_MAX];
    int64_t seconds = 0;

    if (!copy_text(text, copy) || !read_exactly(copy, "%Y-%m-%d", &seconds) ||
        seconds < EARLIEST_MS / 1000) {
        return ERR_FIELD_VALUE;
    }
    found->ms = seconds * 1000;
    return OK;
}

/* One end of a range: fill up to a full date and see whether that day exists. */
static bool partial_is_valid(const char *text)
{
    char full[TEXT_MAX];
    size_t length = strlen(text);
    struct instant ignored = {0};

    if (length > 0 && text[length - 1] == '~') {
        length--;
    }
    if (length != 4 && length != 7 && length != 10) {
        return false;
    }
    (void)snprintf(full, sizeof full, "%.*s%s", (int)length, text, &"-01-01"[length - 4]);
    return date_parse(view_of_text(full), &ignored) == OK;
}

bool date_is_partial(struct view text)
{
    char copy[TEXT_MAX];
    char *slash = NULL;

    if (!copy_text(text, copy)) {
        return false;
    }
    slash = strchr(copy, '/');
    if (slash == NULL) {
        return partial_is_valid(copy);
    }
    *slash = '\0';
    if (!partial_is_valid(copy) || !partial_is_valid(slash + 1)) {
        return false;
    }
    /* "About" does not count in the order: 1971~ begins no later than 1971-06. */
    copy[strcspn(copy, "~")] = '\0';
    slash[1 + strcspn(slash + 1, "~")] = '\0';
    return strcmp(copy, slash + 1) <= 0;
}

int date_month_number(struct view text)
{
    /* "1971-06…" has a month; "1971", "1971~" and "1971/1980" have none. */
    const bool has_month = text.size >= 7 && text.data[4] == '-';
    int number = 0;

    for (size_t i = 0; i < text.size && i < (has_month ? 7 : 4); i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9') {
            number = number * 10 + (text.data[i] - '0');
        }
    }
    return has_month ? number : number * 100;
}

struct instant instant_add(struct instant instant, int64_t ms)
{
    int64_t sum = 0;

    if (__builtin_add_overflow(instant.ms, ms, &sum)) {
        sum = ms > 0 ? LATEST_MS : EARLIEST_MS;
    }
    if (sum > LATEST_MS) {
        sum = LATEST_MS;
    }
    if (sum < EARLIEST_MS) {
        sum = EARLIEST_MS;
    }
    return (struct instant){sum};
}

struct instant instant_add_months(struct instant instant, int months)
{
    struct tm parts = {0};
    int ms = 0;
    int day = 0;

    if (!split(instant, &parts, &ms)) {
        return instant;
    }
    day = parts.tm_mday;
    parts.tm_mon += months;
    /* timegm turns 31 February into 3 March: step back to the last day that exists. */
    struct tm moved = parts;
    int64_t seconds = (int64_t)timegm(&moved);
    if (moved.tm_mday != day) {
        seconds -= (int64_t)moved.tm_mday * 24 * 60 * 60;
    }
    return instant_add((struct instant){seconds * 1000}, ms);
}
