/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS_MAX = 64, LINE_BYTES = 1024 };

/** How often an event was written lately. */
struct rate {
    char event[40];
    int64_t minute;
    unsigned count;
};

/* The sink: the one piece of mutable state at file scope in the node. */
static struct {
    enum log_level level;
    struct instant now;
    size_t count;
    struct rate rates[EVENTS_MAX];
} sink = {.level = LOG_INFO};

void log_set_level(enum log_level level)
{
    sink.level = level;
}

void log_set_time(struct instant now)
{
    sink.now = now;
}

static bool within_rate(const char *event)
{
    const int64_t minute = sink.now.ms / MINUTE_MS;
    struct rate *rate = NULL;

    for (size_t i = 0; i < sink.count && rate == NULL; i++) {
        if (strcmp(sink.rates[i].event, event) == 0) {
            rate = &sink.rates[i];
        }
    }
    if (rate == NULL) {
        if (sink.count == EVENTS_MAX) {
            return true;
        }
        rate = &sink.rates[sink.count++];
        (void)snprintf(rate->event, sizeof rate->event, "%s", event);
    }
    if (rate->minute != minute) {
        rate->minute = minute;
        rate->count = 0;
    }
    return ++rate->count <= LOG_LINES_PER_MINUTE;
}

void log_line(enum log_level level, const char *event, const char *fields)
{
    static const char *const names[] = {"ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"};
    char line[LINE_BYTES];
    char when[INSTANT_TEXT_BYTES];
    struct instant second = {sink.now.ms - sink.now.ms % SECOND_MS};

    if (level > sink.level || !within_rate(event)) {
        return;
    }
    (void)instant_format(second, when);
    int size = snprintf(line, sizeof line, "%s %s %s%s%s\n", when, names[level], event,
                        fields[0] == '\0' ? "" : " ", fields);
    size = size < (int)sizeof line ? size : (int)sizeof line - 1;
    line[size - 1] = '\n';
    /* A log that cannot be written must not stop the node. */
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)size);
    (void)ignored;
}
