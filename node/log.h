/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log lines on standard error: time, level, event name, fields. No record
 * contents, no names, no secrets; repeated lines of one event are counted.
 */

#include "ports.h"

/** Set what is written: this level and the more urgent ones. The sink is the only global state. */
void log_set_level(enum log_level level);

/** What time it is: told by the loop at each turn, for nothing else may ask a clock. */
void log_set_time(struct instant now);

/** Write one line, at most LOG_LINES_PER_MINUTE of one event; more are counted. */
void log_line(enum log_level level, const char *event, const char *fields);

enum { LOG_LINES_PER_MINUTE = 60 };
