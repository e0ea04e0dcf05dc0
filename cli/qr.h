/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* QR codes on a terminal. */

#include "bytes.h"

enum { QR_DRAWING_MAX_BYTES = 256 * 1024, QR_QUIET_MODULES = 4 };

/**
 * Append a QR code as lines of half blocks, two modules high each, with the
 * quiet zone that scanners need. The light modules are what is drawn, which is
 * right on a dark terminal; on a light one the code is inverse, and readers
 * take that too.
 * @param text capitals, digits and ":" make the smallest code.
 * @return OK, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error qr_draw(const char *text, struct buffer *to);
