/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Our own frozen vectors: the code's bytes for fixed inputs and seeded random
 * numbers. make_frozen writes them once; a unit test and check.py hold the code
 * and WIRE.md to them.
 */

#include "bytes.h"

#include <jansson.h>

/** One file of vectors, tests/vectors/frozen/NAME.json. */
struct frozen_topic {
    const char *name;
    json_t *(*make)(void); /* owned by the caller */
};

/** All topics, ended by a row without name; static. */
extern const struct frozen_topic frozen_topics[];

/** Replace libsodium's random numbers. Call before secret_start. */
void frozen_install(void);

/** Begin the random numbers afresh; each topic has numbers of its own. */
void frozen_seed(const char *topic);

/** Make a topic from its own random numbers, as text; buffer_free it. */
struct buffer frozen_text(const struct frozen_topic *topic);

/* For the makers in frozen_*.c. */

/** End the program if something that a vector rests on does not hold. */
#define FROZEN_MUST(condition) frozen_must((condition), #condition, __FILE__, __LINE__)
void frozen_must(int holds, const char *what, const char *file, int line);

void frozen_put_hex(json_t *object, const char *name, struct view bytes);
void frozen_put_text(json_t *object, const char *name, struct view text);
void frozen_put_integer(json_t *object, const char *name, int64_t number);
void frozen_append_hex(json_t *list, struct view bytes);

/** 2026-03-11T09:42:00Z in ms. */
enum { FROZEN_NOW_S = 1773222120 };

json_t *frozen_digest(void);
json_t *frozen_keyfile(void);
json_t *frozen_section(void);
json_t *frozen_names(void);
json_t *frozen_audit(void);
json_t *frozen_identity(void);
json_t *frozen_exchange(void);
json_t *frozen_messages(void);
json_t *frozen_split(void);
