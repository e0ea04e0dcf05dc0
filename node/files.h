/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files that must be private to the node's account. */

#include "bytes.h"
#include "secret.h"

/**
 * Read a whole file that is ours, regular, no link, and closed to others.
 * @param to cleared first; its limit is the most that is read.
 * @return OK; ERR_FILE; ERR_FILE_UNSAFE; ERR_TOO_LARGE; ERR_NO_MEMORY.
 */
MUST_CHECK enum error files_read_private(const char *path, struct buffer *to);

/**
 * Read a secret of at most `max` bytes from a descriptor until its end or a
 * line end; for a pass phrase. A terminal does not show it meanwhile.
 * @return owned by the caller; NULL for nothing, too much, or without memory.
 */
struct secret *files_read_secret(int fd, size_t max);

/** Whether a directory is ours, no link, and closed to others. ERR_FILE, ERR_FILE_UNSAFE. */
MUST_CHECK enum error files_check_directory(const char *path);
