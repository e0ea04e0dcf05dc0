/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a receiver may do with what it was granted. Caveats travel in every
 * grant and only ever narrow: each verifier checks that a child grant is
 * within its parent. The meet is associative, commutative and idempotent.
 * WIRE.md W-50..W-52.
 */

#include "arena.h"
#include "digest.h"
#include "instant.h"
#include "object.h"

#include <stdbool.h>

enum {
    CAVEATS_MAX_BYTES = 8192,
    CAVEAT_AUDIENCE_MAX = 64,
    CAVEAT_NOTES_MAX = 16,
    CAVEAT_NOTE_MAX_BYTES = 400,
    CAVEAT_DEPTH_MAX = 4
};

/** TLP 2.0 in order of strictness. */
enum tlp { TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED, TLP_COUNT };

/**
 * Onward sharing. Order: NONE below CONSENT below LISTED and GROUP, which are
 * not comparable with each other; within them, a smaller audience is narrower.
 */
enum onward { ONWARD_NONE, ONWARD_CONSENT, ONWARD_LISTED, ONWARD_GROUP, ONWARD_COUNT };

enum purpose {
    PURPOSE_LICENSING = 1,
    PURPOSE_ENFORCEMENT = 2,
    PURPOSE_TRACING = 4,
    PURPOSE_JUDICIAL = 8,
    PURPOSE_ALL = 15
};

enum export_mode { EXPORT_NONE, EXPORT_PRINT, EXPORT_FILE };
enum ack_mode { ACK_STORED, ACK_APPLIED };
enum leave_mode { LEAVE_KEEP, LEAVE_RETRACT, LEAVE_PURGE };

/** The caveats of one grant. */
struct caveats {
    uint64_t present;
    int64_t tlp;            /* enum tlp; narrower is stricter */
    int64_t onward;         /* enum onward */
    struct views onward_to; /* node ids for LISTED, group ids for GROUP; ascending */
    int64_t depth;          /* hops that may follow */
    int64_t slots;          /* bit set: sections that may go onward */
    struct instant not_before;
    struct instant use_until;
    struct instant purge_by;
    struct instant review_by;
    int64_t purposes; /* set of enum purpose */
    int64_t export_mode;
    int64_t ack;
    int64_t leave;
    struct views notes; /* texts for people; ascending */
};

enum { CAVEAT_NOT_BEFORE = 5, CAVEAT_USE_UNTIL = 6, CAVEAT_PURGE_BY = 7, CAVEAT_REVIEW_BY = 8 };

extern const struct object_info caveats_info;

/**
 * Decode caveats and refuse contradictory ones: lists not ascending, an
 * audience without a mode that uses it or the other way round, use_until not
 * after not_before, no purpose at all, a note that is not text.
 * @return OK, ERR_NOT_CANONICAL, ERR_POLICY_INVALID, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error caveats_read(struct view bytes, struct arena *arena, struct caveats *caveats);

/** Whether nothing in `child` is wider than in `parent`: child ⊑ parent. */
bool caveats_within(const struct caveats *child, const struct caveats *parent);

/**
 * The widest caveats that are within both.
 * @param meet borrows from a, b and the arena.
 * @return OK, ERR_NO_MEMORY, ERR_TOO_LARGE for more than CAVEAT_NOTES_MAX notes together.
 */
MUST_CHECK enum error caveats_meet(const struct caveats *a, const struct caveats *b,
                                   struct arena *arena, struct caveats *meet);

/** Sort a list of byte strings bytewise and drop repeated ones, in place. */
void views_sort(struct views *views);

/** Whether a sorted list holds an item. */
bool views_hold(const struct views *views, struct view item);
