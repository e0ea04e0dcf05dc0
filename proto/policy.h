/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who may read what. One pure function decides (policy_decide); preview,
 * publishing, `policy can` and `policy why` all call it. An empty audience
 * means nobody; anything unknown is an error, never everybody. WIRE.md W-80..W-86.
 */

#include "caveats.h"
#include "record.h"

enum {
    POLICY_MEMBERS_MAX = 257, /* as many peers as a store keeps, and ourselves */
    POLICY_GROUPS_MAX = 64,
    POLICY_TERMS_MAX = 256,
    GROUP_NAME_BYTES = 41,
    POLICY_REASON_BYTES = 160
};

/** One State as the policy sees it. */
struct policy_member {
    struct id node;
    char state[4];
    bool verified; /* its safety number was compared, and it is not removed */
    bool self;     /* our own node */
};

/** One group as the policy sees it. */
struct policy_group {
    char name[GROUP_NAME_BYTES];
    struct id group; /* what crosses the wire instead of the name */
    size_t count;
    char states[POLICY_MEMBERS_MAX][4];
};

/** All that terms can name. Plain data, made by the node from its store. */
struct policy_world {
    size_t member_count;
    struct policy_member members[POLICY_MEMBERS_MAX];
    size_t group_count;
    struct policy_group *groups; /* at most POLICY_GROUPS_MAX */
};

/** The rule that decided. */
enum policy_rule {
    RULE_OWN,        /* our own record */
    RULE_INTERNAL,   /* internal sections leave for nobody */
    RULE_DENIED,     /* handling.deny names the State: deny wins */
    RULE_STATE,      /* named in the section's list */
    RULE_GROUP,      /* member of a group in the section's list */
    RULE_MANIFEST,   /* reads some other section, so it gets the manifest too */
    RULE_NOT_NAMED,  /* not in the section's list */
    RULE_NO_LIST,    /* the section has no list, and there is no "*" */
    RULE_UNVERIFIED, /* named, but its safety number was not compared */
    RULE_COUNT
};

/** A decision and why. */
struct policy_decision {
    bool permit;
    enum policy_rule rule;
    char reason[POLICY_REASON_BYTES]; /* a sentence without full stop, for people */
};

/** Name of a rule in JSON, such as "deny-listed"; static. */
const char *policy_rule_name(enum policy_rule rule);

/** What is asked of the policy. */
struct policy_request {
    const struct policy_member *member; /* who wants to read */
    enum section_id section;            /* what */
    uint16_t present;                   /* bit set of the sections that hold something */
};

/**
 * Whether a State may read a section of a record.
 *
 * @param handling the record's handling; checked (record_check).
 * @param world    peers and groups.
 * @param decision receives the answer. Total: there is always one.
 */
void policy_decide(const struct value *handling, const struct policy_world *world,
                   const struct policy_request *request, struct policy_decision *decision);

/**
 * Refuse a handling that names somebody unknown or contradicts itself: unknown
 * State or group, a State that is not a verified peer, TLP:RED with a group or
 * onward sharing, TLP:CLEAR with a restricted audience, use_until not after
 * not_before, purge_by before use_until, retain shorter than use.
 *
 * @param issued_at when the record was issued.
 * @return OK; ERR_POLICY_UNKNOWN_TERM; ERR_STATE_UNKNOWN; ERR_GROUP_UNKNOWN;
 *         ERR_PEER_UNVERIFIED; ERR_POLICY_INVALID; each with a problem.
 */
MUST_CHECK enum error policy_check(const struct value *handling, const struct policy_world *world,
                                   struct instant issued_at, struct problems *problems);

/** The sections, of those in `present`, that a State may read. */
uint16_t policy_sections(const struct value *handling, const struct policy_world *world,
                         const struct policy_member *member, uint16_t present);

/** One row of a preview: what one State would read. */
struct policy_row {
    const struct policy_member *member; /* borrowed from the world */
    uint16_t sections;                  /* bit set by enum section_id */
    struct policy_decision why[SECTION_SHARED_COUNT];
};

/** Who would read what. */
struct policy_preview {
    size_t count;
    struct policy_row *rows; /* one for each member, our own State first, then by code */
    uint16_t present;        /* sections in which the record holds anything */
    struct id hash;          /* binds what was seen to what is sent, W-86 */
};

/**
 * Work out the whole table.
 * @param present bit set of the sections that hold something; only these are granted.
 * @param preview rows in the arena.
 * @return OK, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error policy_preview(const struct value *handling, const struct policy_world *world,
                                     uint16_t present, struct arena *arena,
                                     struct policy_preview *preview);

/** How many States other than our own would read something. */
size_t policy_readers(const struct policy_preview *preview);

/** Whether a term is group:NAME rather than state:XXX. */
bool policy_term_is_group(struct view term);

/** What a term names, after state: or group:; empty for anything else, which names nobody. */
struct view policy_term_name(struct view term);

/**
 * The onward audience term by term: onward_to as written, or the groups that
 * read the record where onward is "group" and says no more.
 * @return false when there is no term with this index.
 */
bool policy_onward_term(const struct value *handling, size_t index, struct view *term);

/** Until when handling.retain asks to keep a record, counted from a time. */
struct instant policy_retain_until(const struct value *handling, struct instant from);

/** Find a member by State code; NULL. */
const struct policy_member *policy_member_find(const struct policy_world *world, struct view state);

/** Find a group by name; NULL. */
const struct policy_group *policy_group_find(const struct policy_world *world, struct view name);

/** The id of a group: H("valise1-group", name length ‖ name ‖ member node ids ascending). W-85. */
struct id policy_group_id(struct view name, struct id *nodes, size_t count);
