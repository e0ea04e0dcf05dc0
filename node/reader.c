/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include "peer.h"
#include "policy_caveats.h"
#include "record_sections.h"

#include <stdio.h>
#include <string.h>

/* --- opening ------------------------------------------------------------------------------- */

/** One record being opened. */
struct opening {
    struct engine *engine;
    struct store_txn *txn;
    struct arena *arena;
    struct envelope_header header;
    const struct store_record *row;
    struct record_parts *parts;
};

/* The internal section has no leaf in the header: its own is kept in the row. */
static enum error open_internal(const struct opening *opening, struct view cipher,
                                struct buffer *plain, struct section *section)
{
    struct seal_place place = {.originator = opening->header.originator,
                               .slot = STORE_INTERNAL_SLOT};
    enum error err = OK;

    memcpy(place.record_number, opening->header.record_number, RECORD_NUMBER_BYTES);
    TRY(seal_open(opening->engine->reader_keys, &place, cipher, &opening->row->internal_leaf,
                  plain));
    TRY(object_decode(&section_info, view_of_buffer(plain), opening->arena, section));
out:
    return err;
}

static enum error open_part(struct opening *opening, struct view part)
{
    struct buffer plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct envelope_part sealed = {.slot = part.data[0]};
    struct section section = {0};
    struct id cipher = {{0}};
    struct view body = {0};
    unsigned where = part.data[1];
    enum error err = OK;

    TRY(where < SECTION_COUNT ? OK : ERR_STORE_CORRUPT);
    TRY(opening->parts->section[where] == NULL ? OK : ERR_RECORD_CONFLICT);
    (void)id_from_view(view_of(part.data + 2, ID_BYTES), &cipher);
    TRY(store_blob_get(opening->txn, &cipher, opening->arena, &sealed.ciphertext));
    TRY(where == SECTION_INTERNAL
            ? open_internal(opening, sealed.ciphertext, &plain, &section)
            : envelope_open(&opening->header, &sealed, opening->engine->reader_keys, &plain,
                            opening->arena, &section));
    TRY(arena_copy(opening->arena, section.body, &body));
    TRY(value_unpack(opening->arena, body, &opening->parts->section[where]));
out:
    buffer_free(&plain);
    return err;
}

enum error reader_parts(struct engine *engine, struct store_txn *txn,
                        const struct store_record *row, uint16_t skip, struct arena *arena,
                        struct record_parts *parts)
{
    struct opening opening = {
        .engine = engine, .txn = txn, .arena = arena, .row = row, .parts = parts};
    enum error err = OK;

    section_keys_hold(engine->reader_keys);
    TRY(envelope_read_header(row->header, arena, &opening.header));
    TRY(store_keys_get(txn, &row->record, engine->reader_keys));
    for (size_t i = 0; i < row->parts.count; i++) {
        struct view part = row->parts.items[i];
        TRY(part.data[0] < SLOTS_MAX && ((skip >> part.data[0]) & 1U) != 0
                ? OK
                : open_part(&opening, part));
    }
out:
    section_keys_clear(engine->reader_keys);
    section_keys_release(engine->reader_keys);
    return err;
}

enum error reader_open(struct engine *engine, struct store_txn *txn, uint64_t number,
                       struct arena *arena, struct reading *reading)
{
    struct reading made = {.number = number};
    struct record_parts parts = {{NULL}};
    enum error err = OK;

    TRY(store_record_get(txn, number, arena, &made.row));
    TRY(reader_parts(engine, txn, &made.row, 0, arena, &parts));
    for (size_t i = 0; i < made.row.parts.count; i++) {
        made.sections = (uint16_t)(made.sections | (1U << made.row.parts.items[i].data[1]));
    }
    made.own = id_equal(&made.row.originator, &engine->keys->identity.node);
    TRY(record_merge(&parts, arena, &made.record));
    *reading = made;
out:
    return err;
}

enum error reader_find(struct engine *engine, struct store_txn *txn, struct view reference,
                       int64_t version, uint64_t *number)
{
    enum { VERSIONS_MAX = 64 };
    uint64_t room[VERSIONS_MAX];
    struct store_numbers found = {room, VERSIONS_MAX, 0};
    int64_t best = 0;
    enum error err = OK;

    TRY(store_index_find(txn, INDEX_REFERENCE, reference, 0, &found));
    for (size_t i = 0; i < found.count; i++) {
        struct store_record row = {0};
        arena_clear(engine->record_arena);
        TRY(store_record_get(txn, room[i], engine->record_arena, &row));
        if (row.version > best && (version == 0 || row.version == version)) {
            best = row.version;
            *number = room[i];
        }
    }
    err = best == 0 ? ERR_NOT_FOUND : OK;
out:
    return err;
}

/* --- showing ------------------------------------------------------------------------------- */

static enum error put_sealed(struct value *map, const char *name, struct arena *arena)
{
    struct value *sealed = value_map(arena);
    enum error err = OK;

    TRY(value_put_bool(arena, sealed, "sealed", true));
    TRY(value_put(arena, map, name, sealed));
out:
    return err;
}

/*
 * A required field that is not there must stand in a section that this State
 * was not given: its originator could not have published without it.
 */
static enum error mark_sealed(const struct record_object *object, struct value *map,
                              struct arena *arena)
{
    enum error err = OK;

    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];
        struct value *value = value_get(map, field->name);

        if (value == NULL) {
            TRY((field->flags & FIELD_REQUIRED) != 0 ? put_sealed(map, field->name, arena) : OK);
            continue;
        }
        if (field->type != FIELD_OBJECT || field->object == NULL) {
            continue;
        }
        if (value->kind == PACK_LIST) {
            for (size_t j = 0; j < value->count; j++) {
                TRY(mark_sealed(field->object, value->items[j], arena));
            }
        } else {
            TRY(mark_sealed(field->object, value, arena));
        }
    }
out:
    return err;
}

static enum error put_sections(const struct reading *reading, struct value *node,
                               struct arena *arena)
{
    struct value *sections = value_map(arena);
    enum error err = OK;

    for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
        bool open = ((reading->sections >> s) & 1U) != 0;
        const char *word = open ? "reads" : reading->own ? "empty" : "sealed";
        TRY(value_put_string(arena, sections, section_name((enum section_id)s), word));
    }
    TRY(value_put(arena, node, "sections", sections));
out:
    return err;
}

/* Who holds which sections of an own record: the holder ledger. */
static enum error put_holders(struct engine *engine, struct store_txn *txn,
                              const struct reading *reading, struct value *node,
                              struct arena *arena)
{
    struct value *holders = value_map(arena);
    enum error err = OK;

    for (size_t i = 0; i < engine->peer_count; i++) {
        const struct peer *peer = engine->peers[i];
        struct store_holder holder = {0};
        struct value *row = value_map(arena);
        struct value *list = value_list(arena);

        err = store_holder_get(txn, reading->number, peer->number, &holder);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            continue;
        }
        TRY(err);
        for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
            if (((holder.sections >> s) & 1) != 0) {
                TRY(value_append(arena, list,
                                 value_string(arena, section_name((enum section_id)s))));
            }
        }
        TRY(value_put(arena, row, "sections", list));
        bool acked = holder.seq > 0 && holder.seq <= peer->out_acked;
        TRY(value_put_string(arena, row, "delivery",
                             acked             ? "acknowledged"
                             : holder.seq == 0 ? "waiting"
                                               : "sent"));
        TRY(value_put(arena, holders, peer->identity.state, row));
    }
    TRY(value_put(arena, node, "holders", holders));
out:
    return err;
}

static enum error put_handling(struct engine *engine, const struct reading *reading,
                               struct value *record, struct arena *arena)
{
    struct caveats caveats = {0};
    struct value *handling = NULL;
    enum error err = OK;

    if (value_get(record, "handling") != NULL || reading->row.caveats.size == 0) {
        return OK;
    }
    TRY(caveats_read(reading->row.caveats, arena, &caveats));
    TRY(policy_describe(&caveats, engine->world, arena, &handling));
    TRY(value_put(arena, record, "handling", handling));
out:
    return err;
}

static const char *standing_word(int64_t standing)
{
    return standing == RECORD_CONTESTED    ? "contested"
           : standing == RECORD_SUPERSEDED ? "superseded"
                                           : "current";
}

enum error reader_present(struct engine *engine, struct store_txn *txn,
                          const struct reading *reading, struct arena *arena, struct value **shown)
{
    struct value *record = reading->record;
    struct value *node = value_map(arena);
    struct value *places = NULL;
    const struct record_kind *kind = record_kind_of(record);
    char text[INSTANT_TEXT_BYTES];
    char rid[ID_TEXT_BYTES];
    enum error err = OK;

    TRY(kind == NULL ? ERR_CODE_NOT_KNOWN_HERE : OK);
    if (value_get(record, "body") == NULL) {
        TRY(value_put(arena, record, "body", value_map(arena)));
    }
    TRY(record_places(record, arena, &places));
    TRY(value_put(arena, node, "places", places));
    if (!reading->own) {
        TRY(mark_sealed(kind->body, value_get(record, "body"), arena));
    }
    TRY(put_handling(engine, reading, record, arena));
    TRY(value_put_string(arena, node, "record_id", id_format(&reading->row.record, rid)));
    TRY(value_put_string(arena, node, reading->own ? "published_at" : "received_at",
                         instant_format(reading->row.stored_at, text)));
    TRY(value_put_string(arena, node, "standing", standing_word(reading->row.standing)));
    TRY(value_put_bool(arena, node, "own", reading->own));
    TRY(value_put_bool(arena, node, "verified", true));
    TRY(put_sections(reading, node, arena));
    if (reading->own) {
        TRY(put_holders(engine, txn, reading, node, arena));
    }
    TRY(value_put(arena, record, "node", node));
    *shown = record;
out:
    return err;
}

/* --- lists --------------------------------------------------------------------------------- */

/* The first goods' description, or the first name: what a person recognises the record by. */
static struct view headline(const struct value *record)
{
    static const char *const places[] = {"/body/items/0/description",
                                         "/body/subjects/0/names/0/name",
                                         "/body/materiel/0/description"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct value *value = value_at(record, view_of_text(places[i]));
        if (value != NULL && value->kind == PACK_TEXT) {
            return value->bytes;
        }
    }
    return view_of(NULL, 0);
}

/* Expiry is computed here, by each receiver's own clock; no message is needed for it. */
static const char *status_word(const struct value *record, struct instant today)
{
    const struct value *body = value_get(record, "body");
    struct view status = value_get_text(body, "status");
    struct instant until = {0};

    if (view_is(status, "active") &&
        date_parse(value_get_text(body, "active_until"), &until) == OK &&
        today.ms >= until.ms + DAY_MS) {
        return "expired";
    }
    return NULL;
}

enum error reader_summary(struct engine *engine, const struct reading *reading, struct arena *arena,
                          struct instant today, struct value **line)
{
    const struct value *record = reading->record;
    const struct value *body = value_get(record, "body");
    const struct record_kind *kind = record_kind_of(record);
    const char *expired = status_word(record, today);
    struct value *made = value_map(arena);
    enum error err = OK;

    TRY(kind == NULL ? ERR_CODE_NOT_KNOWN_HERE : OK);
    const struct value *date = value_at(record, view_of_text(kind->main_date));
    TRY(value_put_text(arena, made, "reference", reading->row.reference));
    TRY(value_put_integer(arena, made, "version", reading->row.version));
    TRY(value_put_string(arena, made, "kind", kind->kind));
    TRY(value_put_text(arena, made, "by",
                       value_get_text(value_get(record, "originator"), "state")));
    TRY(value_put_text(arena, made, "date",
                       date != NULL && date->kind == PACK_TEXT && date->bytes.size >= 10
                           ? view_of(date->bytes.data, 10)
                       : date != NULL && date->kind == PACK_TEXT ? date->bytes
                                                                 : view_of(NULL, 0)));
    TRY(value_put_text(arena, made, "status",
                       expired != NULL ? view_of_text(expired) : value_get_text(body, "status")));
    TRY(value_put_text(arena, made, "destination", value_get_text(body, "destination")));
    TRY(value_put_text(arena, made, "headline", headline(record)));
    TRY(value_put_string(arena, made, "standing", standing_word(reading->row.standing)));
    *line = made;
    (void)engine;
out:
    return err;
}
