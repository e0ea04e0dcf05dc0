/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"

#define FIELD(member) offsetof(struct audit_entry, member)

static const struct object_field entry_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(version), 1, 1, 0, "v", "version"},
    {1, OBJECT_INTEGER, false, FIELD(seq), 1, INT64_MAX, 0, "seq", "1 is the first"},
    {2, OBJECT_FIXED, false, FIELD(previous), 0, ID_BYTES, 0, "prev",
     "H(\"valise1-audit\", entry before), zero before the first"},
    {3, OBJECT_INSTANT, false, FIELD(time), INT64_MIN, INT64_MAX, 0, "time", "when"},
    {4, OBJECT_TEXT, false, FIELD(event), 1, 64, 0, "event", "what"},
    {5, OBJECT_TEXT, false, FIELD(actor), 1, AUDIT_ACTOR_MAX_BYTES, 0, "actor", "who"},
    {6, OBJECT_TEXT, false, FIELD(subject), 0, AUDIT_SUBJECT_MAX_BYTES, 0, "subject", "about what"},
    {7, OBJECT_TEXT, false, FIELD(detail), 0, AUDIT_DETAIL_MAX_BYTES, 0, "detail",
     "more, without contents"},
};

const struct object_info audit_entry_info = {"audit entry", entry_fields,
                                             sizeof entry_fields / sizeof entry_fields[0],
                                             sizeof(struct audit_entry), AUDIT_ENTRY_MAX_BYTES};

enum error audit_entry_make(struct audit_entry *entry, struct audit_cursor *cursor,
                            struct buffer *to)
{
    size_t start = to->size;
    enum error err = OK;

    entry->version = 1;
    entry->seq = (int64_t)((uint64_t)cursor->seq + 1); /* past the last: refused below */
    entry->previous = cursor->hash;
    TRY(object_encode(&audit_entry_info, entry, to));
    cursor->seq = entry->seq;
    cursor->hash = digest(HASH_AUDIT, view_of(to->data + start, to->size - start));
out:
    return err;
}

enum error audit_entry_follow(struct view bytes, struct arena *arena, struct audit_cursor *cursor,
                              struct audit_entry *entry)
{
    enum error err = OK;

    TRY(object_decode(&audit_entry_info, bytes, arena, entry));
    if (entry->seq - 1 != cursor->seq || !id_equal(&entry->previous, &cursor->hash)) {
        return ERR_AUDIT_BROKEN;
    }
    cursor->seq = entry->seq;
    cursor->hash = digest(HASH_AUDIT, bytes);
out:
    return err;
}
