/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_traitor.h"

#include "sim_node.h"
#include "sim_publish.h"

#include "lane_send.h"

#include <stdlib.h>
#include <string.h>

/*
 * Objects that a traitor puts on its lane, each wrong in one way only, so that
 * one check alone stands between it and the reader. None may ever be shown.
 */

enum forgery {
    FORGE_SUBJECT,      /* granted to another State, wrapped for this one */
    FORGE_ISSUER,       /* granted by another State */
    FORGE_SWAPPED,      /* ciphertexts of two sections exchanged */
    FORGE_KEYS,         /* keys of nothing: the commitment does not fit */
    FORGE_SIGNATURE,    /* header signed by nobody */
    FORGE_FOREIGN,      /* a record of an honest State, passed on without consent */
    FORGE_IMPERSONATED, /* header that names an honest State, signed by the traitor */
    FORGE_REFERENCE,    /* reference of an honest State in a record of the traitor's */
    FORGE_UNNAMED,      /* keys of more sections than the parcel names */
    FORGE_RECORD,       /* the grant is about another record */
    FORGE_GARBAGE,      /* a parcel of random bytes */
    FORGE_TYPE,         /* an entry of a type that does not exist yet */
    FORGE_FUTURE,       /* issued next year */
    FORGE_CYCLE,        /* supersedes itself */
    FORGE_COUNT
};

/** One forgery on its way. */
struct forged {
    struct sim *sim;
    struct sim_node *node; /* the traitor */
    size_t to;
    enum forgery kind;
    struct record_parts parts;
    struct envelope envelope;
    struct envelope_section sections[SECTION_COUNT];
    struct buffer bodies[SECTION_COUNT];
    size_t count;
    struct buffer header; /* what the parcel says is the header */
    uint8_t signature[SIGNATURE_BYTES];
    struct section_keys *keys;
};

static size_t other_than(const struct sim *sim, size_t a, size_t b)
{
    size_t other = 0;

    while (other == a || other == b) {
        other++;
    }
    (void)sim;
    return other;
}

static const struct sim_node *third(const struct forged *forged)
{
    return &forged->sim->nodes[other_than(forged->sim, forged->node->index, forged->to)];
}

/* A record of the traitor's that it could have published, but for what is wrong with it. */
static enum error make_parts(struct forged *forged)
{
    struct sim *sim = forged->sim;
    struct value *record = publish_sample(forged->node);
    char reference[REFERENCE_TEXT_BYTES];
    char supersedes[REFERENCE_TEXT_BYTES + 4];
    char issued[INSTANT_TEXT_BYTES];
    struct instant at = sim_wall(sim);
    enum error err = OK;

    TRY(record == NULL ? ERR_NO_MEMORY : OK);
    const struct record_kind *kind = record_kind_of(record);
    const char *state =
        forged->kind == FORGE_REFERENCE ? third(forged)->state : forged->node->state;
    at.ms -= at.ms % SECOND_MS;
    at.ms += forged->kind == FORGE_FUTURE ? 300 * DAY_MS : 0;
    (void)snprintf(reference, sizeof reference, "%s-%s-2026-%04u", kind->prefix, state,
                   1000 + prng_below(&sim->prng, 9000));
    TRY(value_put_string(sim->arena, record, "reference", reference));
    TRY(value_put_string(sim->arena, record, "issued_at", instant_format(at, issued)));
    if (forged->kind == FORGE_CYCLE) {
        (void)snprintf(supersedes, sizeof supersedes, "%s#1", reference);
        TRY(value_put_string(sim->arena, record, "supersedes", supersedes));
    }
    if (forged->kind == FORGE_REFERENCE) {
        TRY(value_put_string(sim->arena, value_get(record, "originator"), "state", state));
    }
    TRY(record_check(record, RECORD_OWN, sim->arena, NULL, NULL));
    TRY(record_fill_defaults(record, sim->arena));
    TRY(record_split(record, sim->arena, &forged->parts));
    struct view schema = value_get_text(record, "schema");
    for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
        if (forged->parts.section[s] == NULL) {
            continue;
        }
        size_t i = forged->count++;
        value_pack(&forged->bodies[i], forged->parts.section[s]);
        forged->sections[i].section =
            (struct section){.name = view_of_text(section_name((enum section_id)s)),
                             .schema = schema,
                             .version = 1,
                             .body = view_of_buffer(&forged->bodies[i])};
    }
out:
    return err;
}

static enum error seal(struct forged *forged)
{
    const struct sim_node *signer =
        forged->kind == FORGE_IMPERSONATED ? third(forged) : forged->node;
    const struct envelope_draft draft = {.originator = signer->keys.identity.node,
                                         .sections = forged->sections,
                                         .count = forged->count,
                                         .retention_years = RETENTION_YEARS_MIN};
    enum error err = OK;

    TRY(envelope_make(&draft, forged->node->keys.sign_key, forged->keys, &forged->envelope));
    buffer_append(&forged->header, view_of_buffer(&forged->envelope.header));
    memcpy(forged->signature, forged->envelope.signature, SIGNATURE_BYTES);
    if (forged->kind == FORGE_SIGNATURE) {
        forged->signature[prng_below(&forged->sim->prng, SIGNATURE_BYTES)] ^= 1;
    }
    if (forged->kind == FORGE_KEYS) {
        for (uint8_t slot = 0; slot < ENVELOPE_SLOTS; slot++) {
            if (((section_keys_slots(forged->keys) >> slot) & 1U) != 0) {
                section_keys_make(forged->keys, slot);
            }
        }
    }
out:
    return err;
}

/* The grant: to the receiver's keys, whatever its terms say. */
static enum error make_grant(struct forged *forged, struct buffer *grant)
{
    struct sim_node *node = forged->node;
    const struct peer *peer = node_peer(node, forged->to);
    struct buffer packed = buffer_init(CAVEATS_MAX_BYTES);
    const struct caveats caveats = {.tlp = TLP_AMBER, .purposes = PURPOSE_LICENSING};
    struct grant_terms terms = {.version = 1,
                                .issuer = node->keys.identity.node,
                                .subject = peer->identity.node,
                                .record = envelope_record_id(view_of_buffer(&forged->header)),
                                .issuer_seal_id = node->keys.card.seal_id,
                                .subject_seal_id = peer->card.seal_id,
                                .suite = GRANT_SUITE,
                                .issued_at = sim_wall(forged->sim)};
    uint16_t slots = section_keys_slots(forged->keys);
    enum error err = OK;

    if (forged->kind == FORGE_SUBJECT) {
        terms.subject = third(forged)->keys.identity.node;
    } else if (forged->kind == FORGE_ISSUER) {
        terms.issuer = third(forged)->keys.identity.node;
    } else if (forged->kind == FORGE_RECORD) {
        terms.record.bytes[0] ^= 1;
    } else if (forged->kind == FORGE_UNNAMED) {
        uint8_t slot = 0;
        while (((slots >> slot) & 1U) != 0) {
            slot++;
        }
        section_keys_make(forged->keys, slot);
        slots = section_keys_slots(forged->keys);
    }
    TRY(object_encode(&caveats_info, &caveats, &packed));
    terms.caveats = view_of_buffer(&packed);
    TRY(grant_make(&terms, forged->keys, slots, peer->pair_key, NULL, grant));
out:
    buffer_free(&packed);
    return err;
}

static enum error make_parcel(struct forged *forged, struct buffer *bytes)
{
    struct buffer grant = buffer_init(GRANT_MAX_BYTES);
    struct parcel parcel = {.version = 1, .header = view_of_buffer(&forged->header)};
    uint8_t slots[SLOTS_MAX];
    struct view ciphers[SLOTS_MAX];
    size_t count = 0;
    enum error err = OK;

    for (uint8_t slot = 0; slot < ENVELOPE_SLOTS; slot++) {
        for (size_t i = 0; i < forged->count; i++) {
            if (forged->sections[i].slot == slot) {
                slots[count] = slot;
                ciphers[count++] = id_view(&forged->sections[i].cipher_id);
            }
        }
    }
    if (forged->kind == FORGE_SWAPPED && count >= 2) {
        struct view first = ciphers[0];
        ciphers[0] = ciphers[1];
        ciphers[1] = first;
    }
    TRY(make_grant(forged, &grant));
    parcel.grant = view_of_buffer(&grant);
    memcpy(parcel.signature, forged->signature, SIGNATURE_BYTES);
    parcel.slots = view_of(slots, count);
    parcel.ciphers = (struct views){count, ciphers};
    TRY(object_encode(&parcel_info, &parcel, bytes));
out:
    buffer_free(&grant);
    return err;
}

/* A record that an honest State gave to the traitor, with the traitor's grant of it. */
static enum error pass_on(struct forged *forged, struct store_txn *txn, struct buffer *bytes)
{
    struct sim *sim = forged->sim;
    struct store_record row = {0};
    struct parcel parcel = {.version = 1};
    struct buffer grant = buffer_init(GRANT_MAX_BYTES);
    uint8_t slots[SLOTS_MAX];
    struct view ciphers[SLOTS_MAX];
    uint64_t number = 0;
    enum error err = OK;

    TRY(store_record_before(txn, 0, &number));
    TRY(store_record_get(txn, number, sim->arena, &row));
    TRY(row.peer != 0 ? OK : ERR_NOT_FOUND);
    TRY(store_keys_get(txn, &row.record, forged->keys));
    buffer_append(&forged->header, row.header);
    memcpy(parcel.signature, row.signature, SIGNATURE_BYTES);
    TRY(make_grant(forged, &grant));
    for (uint8_t slot = 0; slot < SLOTS_MAX; slot++) {
        for (size_t i = 0; i < row.parts.count; i++) {
            if (row.parts.items[i].data[0] == slot) {
                slots[parcel.ciphers.count] = slot;
                ciphers[parcel.ciphers.count++] = view_of(row.parts.items[i].data + 2, ID_BYTES);
            }
        }
    }
    parcel.slots = view_of(slots, parcel.ciphers.count);
    parcel.ciphers.items = ciphers;
    parcel.header = view_of_buffer(&forged->header);
    parcel.grant = view_of_buffer(&grant);
    TRY(object_encode(&parcel_info, &parcel, bytes));
out:
    buffer_free(&grant);
    return err;
}

static enum error make_payload(struct forged *forged, struct store_txn *txn, struct buffer *bytes)
{
    enum error err = OK;

    if (forged->kind == FORGE_GARBAGE || forged->kind == FORGE_TYPE) {
        struct parcel parcel = {.version = 1};
        uint8_t garbage[200] = {0};
        struct view cipher = view_of(garbage, ID_BYTES);
        prng_fill(&forged->sim->prng, garbage, sizeof garbage);
        parcel.grant = view_of(garbage, 100);
        parcel.header = view_of(garbage + 100, 100);
        parcel.slots = view_of("", 1);
        parcel.ciphers = (struct views){1, &cipher};
        return object_encode(&parcel_info, &parcel, bytes);
    }
    if (forged->kind == FORGE_FOREIGN) {
        return pass_on(forged, txn, bytes);
    }
    TRY(make_parts(forged));
    TRY(seal(forged));
    TRY(make_parcel(forged, bytes));
    /* The ciphertexts lie in the traitor's store, so that its engine sends them along. */
    for (size_t i = 0; i < forged->count; i++) {
        TRY(store_blob_put(txn, &forged->sections[i].cipher_id,
                           view_of_buffer(&forged->sections[i].ciphertext)));
    }
out:
    return err;
}

static void put_on_lane(struct forged *forged)
{
    struct sim *sim = forged->sim;
    struct engine *engine = forged->node->engine;
    struct peer *peer = node_peer(forged->node, forged->to);
    struct store_txn *txn = NULL;
    struct buffer bytes = buffer_init(PARCEL_MAX_BYTES);
    struct lane_cursor cursor = peer->out;
    struct lane_item item = {.type = forged->kind == FORGE_TYPE ? LANE_AMEND : LANE_GRANT};
    const struct store_event event = {.time = sim_wall(sim),
                                      .event = "simulation.forged",
                                      .actor = "traitor",
                                      .subject = "",
                                      .detail = ""};
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(make_payload(forged, txn, &bytes));
    item.payload = view_of_buffer(&bytes);
    TRY(lane_append(engine, txn, peer, &item, sim_wall(sim), &cursor));
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
    peer->out = cursor;
    sim->counts.forged++;
    if (sim->options.log) {
        (void)fprintf(stderr, "%8lld %9.3f %s ! forgery %d for %s, entry %lld\n",
                      (long long)sim->step, (double)sim->now_ms / 1000, forged->node->state,
                      (int)forged->kind, sim->nodes[forged->to].state, (long long)cursor.seq);
    }
    lane_push(engine, peer, node_moment(forged->node));
out:
    store_abort(&txn);
    buffer_free(&bytes);
}

void forge(struct sim_node *node)
{
    struct sim *sim = node->sim;
    struct forged *forged = calloc(1, sizeof *forged);
    size_t to = (node->index + 1 + prng_below(&sim->prng, (uint32_t)sim->count - 1)) % sim->count;
    const struct peer *peer = node_peer(node, to);

    arena_clear(sim->arena);
    if (forged != NULL && peer != NULL && peer->lane_confirmed) {
        *forged = (struct forged){.sim = sim,
                                  .node = node,
                                  .to = to,
                                  .kind = (enum forgery)prng_below(&sim->prng, FORGE_COUNT),
                                  .header = buffer_init(ENVELOPE_HEADER_MAX_BYTES),
                                  .keys = section_keys_new()};
        for (size_t i = 0; i < SECTION_COUNT; i++) {
            forged->bodies[i] = buffer_init(PACK_SECTION_MAX_BYTES);
        }
        sim_trace_number(sim, forged->kind);
        put_on_lane(forged);
        for (size_t i = 0; i < SECTION_COUNT; i++) {
            envelope_section_free(&forged->sections[i]);
            buffer_free(&forged->bodies[i]);
        }
        buffer_free(&forged->header);
        envelope_free(&forged->envelope);
        section_keys_free(&forged->keys);
    }
    free(forged);
    node_called(node);
}
