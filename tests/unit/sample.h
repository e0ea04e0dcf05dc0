/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sample States, records and grants for tests and fuzz seeds: real objects made
 * by the real code. Whatever goes wrong in making one ends the program.
 */

#include "envelope.h"
#include "grant.h"
#include "lane.h"
#include "node_keys.h"
#include "record.h"

#include <stdio.h>
#include <stdlib.h>

/** End the program if something that a test rests on does not hold. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/** Random numbers that come again with the same seed (splitmix64). */
struct dice {
    uint64_t state;
};

/** Dice with the seed of VALISE_SEED, or a fixed one; the seed is printed. */
struct dice dice_new(const char *test);

/** A number of 0..below-1; below is at least 1. */
uint64_t dice_roll(struct dice *dice, uint64_t below);

void dice_fill(struct dice *dice, uint8_t *bytes, size_t size);

/** 2026-03-11T09:42:00Z. */
extern const struct instant sample_now;

/** One State with all its keys. */
struct party {
    struct node_keys keys;
    struct secret *authority;
    struct secret *next;
};

void party_make(struct party *party, const char *state, const char *name);
void party_free(struct party *party);
struct pair_end party_end(const struct party *party);

/** The key between two States, as the first of them makes it. */
struct secret *party_pair_key(struct party *from, struct party *to);

enum { SAMPLE_SECTIONS = 3 };

/** A record of three sections, sealed and signed. */
struct sample {
    struct envelope_section sections[SAMPLE_SECTIONS]; /* manifest, summary, restricted */
    struct envelope envelope;
    struct section_keys *keys;
};

void sample_make(struct sample *sample, struct party *from);
void sample_free(struct sample *sample);

/** Plain caveats: AMBER, nothing onward, licensing, print. */
struct caveats sample_caveats(void);

/** Bit set of the slots of the first `count` sections. */
uint16_t sample_slots(const struct sample *sample, size_t count);

/** Terms of a grant of a sample; caveats are borrowed. */
struct grant_terms sample_terms(const struct party *from, const struct party *to,
                                const struct sample *sample, struct view caveats);

/** A grant of the first `count` sections with plain caveats, appended. */
void sample_grant(struct party *from, struct party *to, const struct sample *sample, size_t count,
                  struct buffer *grant);

/** A parcel: that grant, and the header it opens, appended. */
void sample_parcel(struct party *from, struct party *to, const struct sample *sample, size_t count,
                   struct buffer *parcel);

/** The example records of tests/vectors/records.json, a list in the arena. */
struct value *sample_records(struct arena *arena);

/** One example record by its reference, checked as our own. */
struct value *sample_record(struct arena *arena, const char *reference);
