/* SPDX-License-Identifier: Apache-2.0 */
#include "caveats.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(member) offsetof(struct caveats, member)

static const struct object_field caveats_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(tlp), TLP_CLEAR, TLP_RED, 0, "tlp",
     "0 CLEAR, 1 GREEN, 2 AMBER, 3 AMBER+STRICT, 4 RED"},
    {1, OBJECT_INTEGER, false, FIELD(onward), ONWARD_NONE, ONWARD_GROUP, 0, "onward",
     "0 none, 1 consent, 2 listed, 3 group"},
    {2, OBJECT_LIST, false, FIELD(onward_to), ID_BYTES, ID_BYTES, CAVEAT_AUDIENCE_MAX, "onward to",
     "node ids (listed) or group ids (group), ascending"},
    {3, OBJECT_INTEGER, false, FIELD(depth), 0, CAVEAT_DEPTH_MAX, 0, "depth",
     "hops that may follow"},
    {4, OBJECT_INTEGER, false, FIELD(slots), 0, 0xffff, 0, "slots",
     "bit set of slots that may go onward"},
    {CAVEAT_NOT_BEFORE, OBJECT_INSTANT, true, FIELD(not_before), 0, INT64_MAX, 0, "not before",
     "not to be used before"},
    {CAVEAT_USE_UNTIL, OBJECT_INSTANT, true, FIELD(use_until), 0, INT64_MAX, 0, "use until",
     "not to be used from then on"},
    {CAVEAT_PURGE_BY, OBJECT_INSTANT, true, FIELD(purge_by), 0, INT64_MAX, 0, "purge by",
     "to be destroyed by then"},
    {CAVEAT_REVIEW_BY, OBJECT_INSTANT, true, FIELD(review_by), 0, INT64_MAX, 0, "review by",
     "to be looked at again by then"},
    {9, OBJECT_INTEGER, false, FIELD(purposes), 1, PURPOSE_ALL, 0, "purposes",
     "bit set: 1 licensing, 2 enforcement, 4 tracing, 8 judicial"},
    {10, OBJECT_INTEGER, false, FIELD(export_mode), EXPORT_NONE, EXPORT_FILE, 0, "export",
     "0 none, 1 print, 2 file"},
    {11, OBJECT_INTEGER, false, FIELD(ack), ACK_STORED, ACK_APPLIED, 0, "ack",
     "0 when stored, 1 when applied"},
    {12, OBJECT_INTEGER, false, FIELD(leave), LEAVE_KEEP, LEAVE_PURGE, 0, "leave",
     "0 keep, 1 retract, 2 purge"},
    {13, OBJECT_LIST, false, FIELD(notes), 1, CAVEAT_NOTE_MAX_BYTES, CAVEAT_NOTES_MAX, "notes",
     "UTF-8 texts for people, ascending"},
};

const struct object_info caveats_info = {"caveats", caveats_fields,
                                         sizeof caveats_fields / sizeof caveats_fields[0],
                                         sizeof(struct caveats), CAVEATS_MAX_BYTES};

static int compare_views(const void *a, const void *b)
{
    return view_compare(*(const struct view *)a, *(const struct view *)b);
}

void views_sort(struct views *views)
{
    size_t kept = 0;

    if (views->count == 0) {
        return;
    }
    qsort(views->items, views->count, sizeof *views->items, compare_views);
    for (size_t i = 0; i < views->count; i++) {
        if (kept == 0 || !view_equal(views->items[kept - 1], views->items[i])) {
            views->items[kept++] = views->items[i];
        }
    }
    views->count = kept;
}

bool views_hold(const struct views *views, struct view item)
{
    return views->count > 0 &&
           bsearch(&item, views->items, views->count, sizeof *views->items, compare_views) != NULL;
}

static bool ascending(const struct views *views)
{
    for (size_t i = 1; i < views->count; i++) {
        if (view_compare(views->items[i - 1], views->items[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static bool is_sound(const struct caveats *caveats)
{
    bool uses_audience = caveats->onward >= ONWARD_LISTED;

    if (uses_audience != (caveats->onward_to.count > 0)) {
        return false;
    }
    if (OBJECT_HAS(caveats, CAVEAT_NOT_BEFORE) && OBJECT_HAS(caveats, CAVEAT_USE_UNTIL) &&
        caveats->use_until.ms <= caveats->not_before.ms) {
        return false;
    }
    if (OBJECT_HAS(caveats, CAVEAT_PURGE_BY) && OBJECT_HAS(caveats, CAVEAT_USE_UNTIL) &&
        caveats->purge_by.ms < caveats->use_until.ms) {
        return false;
    }
    return caveats->tlp == TLP_CLEAR ? caveats->onward >= ONWARD_CONSENT
           : caveats->tlp == TLP_RED ? caveats->onward == ONWARD_NONE
                                     : true;
}

enum error caveats_read(struct view bytes, struct arena *arena, struct caveats *caveats)
{
    enum error err = object_decode(&caveats_info, bytes, arena, caveats);

    if (err != OK) {
        return err;
    }
    if (!ascending(&caveats->onward_to) || !ascending(&caveats->notes)) {
        return ERR_NOT_CANONICAL;
    }
    for (size_t i = 0; i < caveats->notes.count; i++) {
        if (!text_is_valid(caveats->notes.items[i])) {
            return ERR_NOT_CANONICAL;
        }
    }
    return is_sound(caveats) ? OK : ERR_POLICY_INVALID;
}

static bool all_within(const struct views *inner, const struct views *outer)
{
    for (size_t i = 0; i < inner->count; i++) {
        if (!views_hold(outer, inner->items[i])) {
            return false;
        }
    }
    return true;
}

static bool onward_within(const struct caveats *child, const struct caveats *parent)
{
    if (child->onward == parent->onward) {
        return all_within(&child->onward_to, &parent->onward_to);
    }
    /* LISTED and GROUP are not comparable: nobody here knows who is in a group. */
    return child->onward < parent->onward && child->onward <= ONWARD_CONSENT;
}

/* An upper bound that only gets earlier: absent means "no bound". */
static bool bound_within(bool child_has, struct instant child, bool parent_has,
                         struct instant parent)
{
    return !parent_has || (child_has && child.ms <= parent.ms);
}

bool caveats_within(const struct caveats *child, const struct caveats *parent)
{
    bool starts_later =
        !OBJECT_HAS(parent, CAVEAT_NOT_BEFORE) ||
        (OBJECT_HAS(child, CAVEAT_NOT_BEFORE) && child->not_before.ms >= parent->not_before.ms);

    return child->tlp >= parent->tlp && onward_within(child, parent) &&
           child->depth <= parent->depth && (child->slots & ~parent->slots) == 0 && starts_later &&
           bound_within(OBJECT_HAS(child, CAVEAT_USE_UNTIL), child->use_until,
                        OBJECT_HAS(parent, CAVEAT_USE_UNTIL), parent->use_until) &&
           bound_within(OBJECT_HAS(child, CAVEAT_PURGE_BY), child->purge_by,
                        OBJECT_HAS(parent, CAVEAT_PURGE_BY), parent->purge_by) &&
           bound_within(OBJECT_HAS(child, CAVEAT_REVIEW_BY), child->review_by,
                        OBJECT_HAS(parent, CAVEAT_REVIEW_BY), parent->review_by) &&
           (child->purposes & ~parent->purposes) == 0 &&
           child->export_mode <= parent->export_mode && child->ack >= parent->ack &&
           child->leave >= parent->leave && all_within(&parent->notes, &child->notes);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The items of both lists (want_both) or of either, sorted. */
static enum error combine(const struct views *a, const struct views *b, bool want_both,
                          struct arena *arena, struct views *result)
{
    struct view *items = arena_alloc_many(arena, a->count + b->count, sizeof *items);

    if (items == NULL) {
        return arena_error(arena);
    }
    *result = (struct views){0, items};
    for (size_t i = 0; i < a->count; i++) {
        if (!want_both || views_hold(b, a->items[i])) {
            items[result->count++] = a->items[i];
        }
    }
    for (size_t i = 0; !want_both && i < b->count; i++) {
        items[result->count++] = b->items[i];
    }
    views_sort(result);
    return OK;
}

static enum error meet_onward(const struct caveats *a, const struct caveats *b, struct arena *arena,
                              struct caveats *meet)
{
    meet->onward_to = (struct views){0, NULL};
    if (a->onward != b->onward) {
        meet->onward = least(least(a->onward, b->onward), ONWARD_CONSENT);
        return OK;
    }
    meet->onward = a->onward;
    enum error err = combine(&a->onward_to, &b->onward_to, true, arena, &meet->onward_to);
    if (err == OK && meet->onward >= ONWARD_LISTED && meet->onward_to.count == 0) {
        meet->onward = ONWARD_CONSENT;
    }
    return err;
}

/** An optional time, and which of two is the narrower. */
struct time_row {
    unsigned key;
    size_t offset;
    bool later;
};

static const struct time_row times[] = {
    {CAVEAT_NOT_BEFORE, FIELD(not_before), true},
    {CAVEAT_USE_UNTIL, FIELD(use_until), false},
    {CAVEAT_PURGE_BY, FIELD(purge_by), false},
    {CAVEAT_REVIEW_BY, FIELD(review_by), false},
};

static int64_t time_at(const struct caveats *caveats, size_t offset)
{
    int64_t ms = 0;

    memcpy(&ms, (const uint8_t *)caveats + offset, sizeof ms);
    return ms;
}

/* The narrower of two optional times, or the one that is there. */
static void meet_time(const struct time_row *row, const struct caveats *a, const struct caveats *b,
                      struct caveats *meet)
{
    bool has_a = OBJECT_HAS(a, row->key);
    bool has_b = OBJECT_HAS(b, row->key);
    int64_t in_a = time_at(a, row->offset);
    int64_t in_b = time_at(b, row->offset);
    int64_t ms = has_a ? in_a : in_b;

    if (!has_a && !has_b) {
        return;
    }
    if (has_a && has_b) {
        ms = row->later ? most(in_a, in_b) : least(in_a, in_b);
    }
    OBJECT_SET(meet, row->key);
    memcpy((uint8_t *)meet + row->offset, &ms, sizeof ms);
}

enum error caveats_meet(const struct caveats *a, const struct caveats *b, struct arena *arena,
                        struct caveats *meet)
{
    struct caveats made = {0};
    enum error err = OK;

    made.tlp = most(a->tlp, b->tlp);
    TRY(meet_onward(a, b, arena, &made));
    made.depth = least(a->depth, b->depth);
    made.slots = a->slots & b->slots;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        meet_time(&times[i], a, b, &made);
    }
    made.purposes = a->purposes & b->purposes;
    made.export_mode = least(a->export_mode, b->export_mode);
    made.ack = most(a->ack, b->ack);
    made.leave = most(a->leave, b->leave);
    TRY(combine(&a->notes, &b->notes, false, arena, &made.notes));
    if (made.notes.count > CAVEAT_NOTES_MAX) {
        return ERR_TOO_LARGE;
    }
    *meet = made;
out:
    return err;
}
