/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small binary objects as text files that survive mail and printing: a first
 * line that names the kind, then base64 (RFC 4648) in lines of 64.
 */

#include "bytes.h"

enum { ARMOR_TEXT_MAX_BYTES = 512 * 1024 };

/**
 * Append the text form.
 * @param kind first line, such as "valise-card-1"; static text without line breaks.
 */
void armor_write(const char *kind, struct view bytes, struct buffer *to);

/**
 * Read the text form back.
 * @param kind  wanted first line.
 * @param text  from anybody, at most ARMOR_TEXT_MAX_BYTES. Lines that begin with '#' are
 *              remarks; blanks and line ends between the digits are ignored.
 * @param bytes receives the object; cleared first.
 * @return OK; ERR_CARD_UNREADABLE for another kind or broken base64; ERR_TOO_LARGE;
 *         ERR_NO_MEMORY.
 */
MUST_CHECK enum error armor_read(const char *kind, struct view text, struct buffer *bytes);
