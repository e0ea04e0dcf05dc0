/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_random.h"

#include <sodium.h>
#include <string.h>

/* libsodium's table of functions has no context, so this one is global. */
static struct prng engines;

static uint64_t rotate(uint64_t number, int by)
{
    return (number << by) | (number >> (64 - by));
}

void prng_seed(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = seed += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        prng->state[i] = z ^ (z >> 31);
    }
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint32_t prng_below(struct prng *prng, uint32_t bound)
{
    return (uint32_t)(((prng_next(prng) >> 32) * bound) >> 32);
}

int64_t prng_range(struct prng *prng, int64_t low, int64_t high)
{
    return low + (int64_t)(prng_next(prng) % (uint64_t)(high - low + 1));
}

bool prng_chance(struct prng *prng, unsigned parts)
{
    return prng_below(prng, 10000) < parts;
}

void prng_fill(struct prng *prng, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t number = prng_next(prng);
        memcpy(bytes + i, &number, size - i < 8 ? size - i : 8);
    }
}

static const char *name(void)
{
    return "simulation";
}

static uint32_t one(void)
{
    return (uint32_t)(prng_next(&engines) >> 32);
}

static void fill(void *const bytes, const size_t size)
{
    prng_fill(&engines, bytes, size);
}

void random_install(void)
{
    static struct randombytes_implementation implementation = {
        .implementation_name = name, .random = one, .buf = fill};

    prng_seed(&engines, 0);
    (void)randombytes_set_implementation(&implementation);
}

/*
 * Keys are opened and shut around each use, which takes a quarter of the time of
 * a simulation. That they are shut is tested elsewhere (linked with --wrap).
 */
int __wrap_sodium_mprotect_noaccess(void *pages);
int __wrap_sodium_mprotect_readonly(void *pages);
int __wrap_sodium_mprotect_readwrite(void *pages);

int __wrap_sodium_mprotect_noaccess(void *pages)
{
    (void)pages;
    return 0;
}

int __wrap_sodium_mprotect_readonly(void *pages)
{
    (void)pages;
    return 0;
}

int __wrap_sodium_mprotect_readwrite(void *pages)
{
    (void)pages;
    return 0;
}

void random_seed(uint64_t seed)
{
    prng_seed(&engines, seed);
}
