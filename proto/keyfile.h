/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Secret bytes sealed in a file. A random file key seals the contents; each
 * slot holds the file key wrapped under a pass phrase (Argon2id) or a key file,
 * and any one slot opens it. WIRE.md W-35.
 */

#include "arena.h"
#include "bytes.h"
#include "secret.h"

struct object_info;

enum {
    KEYFILE_SLOTS_MAX = 8,
    KEYFILE_CONTENT_MAX_BYTES = 16384,
    KEYFILE_MAX_BYTES = 20480,
    PASSPHRASE_MIN_BYTES = 8,
    PASSPHRASE_MAX_BYTES = 1024
};

/** Form of a key file and of one slot. W-35 */
extern const struct object_info keyfile_info;
extern const struct object_info keyfile_slot_info;

/** How a slot is opened. */
enum keyfile_slot_kind {
    KEYFILE_PASSPHRASE = 1,
    KEYFILE_KEY = 2 /* 32 random bytes kept in a file or a systemd credential */
};

/** What opens a slot: a pass phrase's bytes, or the 32 bytes of a key file. Borrowed. */
struct keyfile_opener {
    enum keyfile_slot_kind kind;
    struct secret *secret;
};

/** How dear a pass phrase is to guess. */
enum keyfile_cost {
    KEYFILE_COST_FULL, /* Argon2id, 4 passes over 1 GiB */
    KEYFILE_COST_FLOOR /* MODERATE: 3 passes over 256 MiB, for small machines */
};

/**
 * Seal contents under one opener.
 * @param contents secret bytes, 1..KEYFILE_CONTENT_MAX_BYTES.
 * @param to       receives the packed key file, appended.
 * @return OK, ERR_NO_MEMORY (Argon2id needs its memory), ERR_TOO_LARGE, ERR_FIELD_VALUE for a
 *         pass phrase shorter than PASSPHRASE_MIN_BYTES or a key of another size than KEY_BYTES.
 */
MUST_CHECK enum error keyfile_seal(struct secret *contents, const struct keyfile_opener *opener,
                                   enum keyfile_cost cost, struct buffer *to);

/**
 * Open a key file.
 * @param bytes    from a file; checked. Cost claims above 4 GiB or 16 passes are refused
 *                 before anything is allocated.
 * @param contents receives the secret bytes, owned by the caller.
 * @return OK; ERR_PASSPHRASE if no slot opens; ERR_NOT_CANONICAL; ERR_NO_MEMORY; ERR_TOO_LARGE.
 */
MUST_CHECK enum error keyfile_open(struct view bytes, const struct keyfile_opener *opener,
                                   struct secret **contents);

/**
 * Add a slot: open with one opener, wrap the file key under another too.
 * @param to receives the new key file, appended.
 * @return as keyfile_open and keyfile_seal; ERR_TOO_LARGE beyond KEYFILE_SLOTS_MAX.
 */
MUST_CHECK enum error keyfile_add_slot(struct view bytes, const struct keyfile_opener *opener,
                                       const struct keyfile_opener *added, enum keyfile_cost cost,
                                       struct buffer *to);
