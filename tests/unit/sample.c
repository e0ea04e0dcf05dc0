/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "record_json.h"

#include <string.h>

const struct instant sample_now = {1773222120000};

enum { RECORDS_MAX_BYTES = 1024 * 1024 };

struct dice dice_new(const char *test)
{
    const char *given = getenv("VALISE_SEED");
    uint64_t seed = given == NULL ? 20260311 : strtoull(given, NULL, 10);

    (void)printf("# %s: seed %llu\n", test, (unsigned long long)seed);
    return (struct dice){seed};
}

static uint64_t next(struct dice *dice)
{
    uint64_t z = (dice->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

uint64_t dice_roll(struct dice *dice, uint64_t below)
{
    return next(dice) % below;
}

void dice_fill(struct dice *dice, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)next(dice);
    }
}

/* --- States -------------------------------------------------------------------------------- */

void party_make(struct party *party, const char *state, const char *name)
{
    struct view endpoint = view_of_text("tcp://127.0.0.1:7700");
    struct node_keys_wish wish = {.state = view_of_text(state),
                                  .name = view_of_text(name),
                                  .endpoints = &endpoint,
                                  .endpoint_count = 1,
                                  .card_days = 365,
                                  .now = sample_now};

    memset(party, 0, sizeof *party);
    MUST(node_keys_make(&wish, &party->keys, &party->authority, &party->next) == OK);
}

void party_free(struct party *party)
{
    node_keys_free(&party->keys);
    secret_free(&party->authority);
    secret_free(&party->next);
}

struct pair_end party_end(const struct party *party)
{
    struct pair_end end = {.node = party->keys.identity.node};

    memcpy(end.seal_key, party->keys.card.seal_key, sizeof end.seal_key);
    return end;
}

struct secret *party_pair_key(struct party *from, struct party *to)
{
    struct pair_end us = party_end(from);
    struct pair_end them = party_end(to);
    struct secret *key = pair_key_new(from->keys.seal_key, &us, &them, NULL, 0);

    MUST(key != NULL);
    return key;
}

/* --- records ------------------------------------------------------------------------------- */

/* Canonical maps of one text key, as bodies are. */
static const char *const bodies[SAMPLE_SECTIONS] = {"\x81\xa1"
                                                    "a\xa3"
                                                    "one",
                                                    "\x81\xa1"
                                                    "b\xa3"
                                                    "two",
                                                    "\x81\xa1"
                                                    "c\xa5"
                                                    "three"};
static const char *const names[SAMPLE_SECTIONS] = {"manifest", "summary", "restricted"};

void sample_make(struct sample *sample, struct party *from)
{
    struct envelope_draft draft = {.originator = from->keys.identity.node,
                                   .sections = sample->sections,
                                   .count = SAMPLE_SECTIONS,
                                   .retention_years = RETENTION_YEARS_MIN};

    memset(sample, 0, sizeof *sample);
    for (size_t i = 0; i < SAMPLE_SECTIONS; i++) {
        sample->sections[i].section = (struct section){.name = view_of_text(names[i]),
                                                       .schema = view_of_text("valise/denial/1"),
                                                       .version = 1,
                                                       .body = view_of_text(bodies[i])};
    }
    sample->keys = section_keys_new();
    MUST(sample->keys != NULL);
    MUST(envelope_make(&draft, from->keys.sign_key, sample->keys, &sample->envelope) == OK);
}

void sample_free(struct sample *sample)
{
    for (size_t i = 0; i < SAMPLE_SECTIONS; i++) {
        envelope_section_free(&sample->sections[i]);
    }
    envelope_free(&sample->envelope);
    section_keys_free(&sample->keys);
}

/* --- grants -------------------------------------------------------------------------------- */

struct caveats sample_caveats(void)
{
    return (struct caveats){.tlp = TLP_AMBER,
                            .onward = ONWARD_NONE,
                            .purposes = PURPOSE_LICENSING,
                            .export_mode = EXPORT_PRINT};
}

uint16_t sample_slots(const struct sample *sample, size_t count)
{
    unsigned slots = 0;

    for (size_t i = 0; i < count; i++) {
        slots |= 1U << sample->sections[i].slot;
    }
    return (uint16_t)slots;
}

struct grant_terms sample_terms(const struct party *from, const struct party *to,
                                const struct sample *sample, struct view caveats)
{
    return (struct grant_terms){.version = 1,
                                .issuer = from->keys.identity.node,
                                .subject = to->keys.identity.node,
                                .record = sample->envelope.record_id,
                                .issuer_seal_id = from->keys.card.seal_id,
                                .subject_seal_id = to->keys.card.seal_id,
                                .suite = GRANT_SUITE,
                                .caveats = caveats,
                                .issued_at = sample_now};
}

void sample_grant(struct party *from, struct party *to, const struct sample *sample, size_t count,
                  struct buffer *grant)
{
    struct buffer packed = buffer_init(CAVEATS_MAX_BYTES);
    struct caveats caveats = sample_caveats();
    struct secret *pair = party_pair_key(from, to);

    MUST(object_encode(&caveats_info, &caveats, &packed) == OK);
    struct grant_terms terms = sample_terms(from, to, sample, view_of_buffer(&packed));
    MUST(grant_make(&terms, sample->keys, sample_slots(sample, count), pair, NULL, grant) == OK);
    secret_free(&pair);
    buffer_free(&packed);
}

void sample_parcel(struct party *from, struct party *to, const struct sample *sample, size_t count,
                   struct buffer *parcel)
{
    struct buffer grant = buffer_init(GRANT_MAX_BYTES);
    struct parcel made = {.version = 1, .header = view_of_buffer(&sample->envelope.header)};
    struct view ciphers[SAMPLE_SECTIONS];
    uint8_t slots[SAMPLE_SECTIONS];
    size_t n = 0;

    sample_grant(from, to, sample, count, &grant);
    for (uint8_t slot = 0; slot < ENVELOPE_SLOTS; slot++) {
        for (size_t i = 0; i < count; i++) {
            if (sample->sections[i].slot == slot) {
                slots[n] = slot;
                ciphers[n++] = id_view(&sample->sections[i].cipher_id);
            }
        }
    }
    made.grant = view_of_buffer(&grant);
    memcpy(made.signature, sample->envelope.signature, SIGNATURE_BYTES);
    made.slots = view_of(slots, n);
    made.ciphers = (struct views){n, ciphers};
    MUST(object_encode(&parcel_info, &made, parcel) == OK);
    buffer_free(&grant);
}

/* --- example records ----------------------------------------------------------------------- */

/* Read once for the whole program: tests ask hundreds of times. */
static const struct value *read_records(void)
{
    static struct arena *kept;
    static struct value *records;

    if (records == NULL) {
        FILE *file = fopen("tests/vectors/records.json", "rb");
        uint8_t *text = malloc(RECORDS_MAX_BYTES);
        kept = arena_new(RECORD_ARENA_BYTES);
        MUST(file != NULL && text != NULL && kept != NULL);
        size_t size = fread(text, 1, RECORDS_MAX_BYTES, file);
        MUST(json_parse(view_of(text, size), RECORDS_MAX_BYTES, kept, NULL, &records) == OK);
        free(text);
        (void)fclose(file);
    }
    return records;
}

struct value *sample_records(struct arena *arena)
{
    struct value *records = NULL;

    MUST(value_copy(arena, read_records(), &records) == OK);
    return records;
}

struct value *sample_record(struct arena *arena, const char *reference)
{
    const struct value *records = read_records();
    struct value *record = NULL;

    for (size_t i = 0; i < records->count; i++) {
        if (view_is(value_get_text(records->items[i], "reference"), reference)) {
            MUST(value_copy(arena, records->items[i], &record) == OK);
        }
    }
    MUST(record != NULL);
    MUST(record_check(record, RECORD_OWN, arena, NULL, NULL) == OK);
    return record;
}
