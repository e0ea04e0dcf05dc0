/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit trail as a hash chain: every entry names the hash of the one
 * before, so that none can be removed, changed or moved unseen. S-8.
 */

#include "arena.h"
#include "digest.h"
#include "instant.h"
#include "object.h"

enum {
    AUDIT_ENTRY_MAX_BYTES = 2048,
    AUDIT_ACTOR_MAX_BYTES = 64,
    AUDIT_SUBJECT_MAX_BYTES = 128,
    AUDIT_DETAIL_MAX_BYTES = 1024
};

struct audit_entry {
    uint64_t present;
    int64_t version;
    int64_t seq; /* 1 is the first */
    struct id previous;
    struct instant time;
    struct view event;   /* such as "record.published" */
    struct view actor;   /* UNIX user, or "node" */
    struct view subject; /* reference, State or group it is about; may be empty */
    struct view detail;  /* no names and no contents of records */
};

extern const struct object_info audit_entry_info;

/** How far the chain goes. */
struct audit_cursor {
    int64_t seq;
    struct id hash;
};

/**
 * Make the entry after a cursor and move the cursor onto it.
 * @param entry its event, actor, subject, detail and time are set by the caller.
 * @param to    receives the packed entry, appended.
 */
MUST_CHECK enum error audit_entry_make(struct audit_entry *entry, struct audit_cursor *cursor,
                                       struct buffer *to);

/**
 * Check that an entry follows a cursor and move the cursor onto it.
 * @return OK, ERR_AUDIT_BROKEN, ERR_NOT_CANONICAL, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error audit_entry_follow(struct view bytes, struct arena *arena,
                                         struct audit_cursor *cursor, struct audit_entry *entry);
