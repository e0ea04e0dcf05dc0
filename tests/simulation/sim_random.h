/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Randomness that a seed brings back bit by bit: one stream decides what the
 * simulation does, another one answers libsodium when the engines ask.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** xoshiro256**, by Blackman and Vigna. */
struct prng {
    uint64_t state[4];
};

void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);

/** A number of 0..bound-1; bound is at least 1. */
uint32_t prng_below(struct prng *prng, uint32_t bound);

/** A number of low..high. */
int64_t prng_range(struct prng *prng, int64_t low, int64_t high);

/** True in `parts` of 10,000 cases. */
bool prng_chance(struct prng *prng, unsigned parts);

void prng_fill(struct prng *prng, uint8_t *bytes, size_t size);

/** Make libsodium draw from here; before secret_start. */
void random_install(void);

/** Start what libsodium draws from anew. */
void random_seed(uint64_t seed);
