/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fuzz targets. Each takes any bytes and must come back: no crash, no leak, no
 * undefined step, and whatever it accepts has one form only. libFuzzer runs them
 * one by one (driver.c); the unit tests replay the corpus through all of them
 * (tests/unit/test_corpus.c).
 */

#include "sample.h"

#include <stddef.h>
#include <stdint.h>

/** What holds for every input. */
#define CHECK(condition) MUST(condition)

/** One target; `data` may be anything. Gives 0. */
typedef int (*fuzz_target)(const uint8_t *data, size_t size);

/** One row of the table of targets. */
struct fuzz_row {
    const char *name; /* of its corpus folder too */
    fuzz_target run;
};

/** All targets, ended by a row without name. */
extern const struct fuzz_row fuzz_rows[];

int target_pack(const uint8_t *data, size_t size);
int target_record_json(const uint8_t *data, size_t size);
int target_record_parts(const uint8_t *data, size_t size);
int target_envelope(const uint8_t *data, size_t size);
int target_grant(const uint8_t *data, size_t size);
int target_lane(const uint8_t *data, size_t size);
int target_message(const uint8_t *data, size_t size);
int target_control(const uint8_t *data, size_t size);
int target_frame(const uint8_t *data, size_t size);
int target_keyfile(const uint8_t *data, size_t size);
int target_card(const uint8_t *data, size_t size);
int target_transport(const uint8_t *data, size_t size);

/** Must crash: shows that a finding would be seen. */
int target_must_crash(const uint8_t *data, size_t size);

/**
 * Start libsodium with random numbers that are the same in every process, so
 * that signatures of the corpus verify. Call first.
 */
void fuzz_start(void);

/** Two States and a record of the first, the same in every process; made once. */
struct fuzz_world {
    struct party us;
    struct party them;
    struct sample sample;
    struct secret *pair_key;
};

struct fuzz_world *fuzz_world(void);

/** An arena for one run; arena_free it. */
struct arena *fuzz_arena(void);

/**
 * Check that a decoded object encodes to the very bytes it came from. Keys of
 * later versions are kept in the bytes and not in the object: such are passed over.
 */
void fuzz_check_form(const struct object_info *info, const void *object, struct view bytes);
