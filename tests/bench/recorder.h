/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a job wrote to its store, call by call, and the same calls made bare:
 * the part of a limit that LMDB and the sealing of values are. The linker puts
 * the recorder between the store and LMDB (--wrap).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORDED_KEY_BYTES = 33 };

enum recorded_kind {
    RECORDED_TOKEN,  /* a keyed hash that stands in a key; size of the value */
    RECORDED_PUT,    /* a key and the size of its sealed value */
    RECORDED_DELETE, /* a key */
    RECORDED_COMMIT
};

struct recorded {
    uint32_t size;
    uint8_t kind;
    uint8_t table;
    uint8_t key_size;
    uint8_t key[RECORDED_KEY_BYTES];
};

/** Everything recorded so far, in order. */
struct recording {
    struct recorded *items;
    size_t count;
    size_t capacity;
};

/** Record, or not: the node being looked at switches it on for the time it runs. */
void recorder_run(bool on);

/** Forget what was recorded. */
void recorder_clear(void);

/** What was recorded, borrowed until the next clearing or recording. */
const struct recording *recorder_recording(void);

/** A store without any of our code. */
struct bare_store;

/** Open one in a new directory, with the tables of a recording. */
struct bare_store *bare_store_open(const char *path, const struct recording *recording);

/** Close it, and remove its directory. */
void bare_store_close(struct bare_store **store);

/**
 * Do what was recorded up to and including the next commit.
 * @param next index of the first call; moved behind the commit.
 */
void bare_store_replay(struct bare_store *store, const struct recording *recording, size_t *next);
