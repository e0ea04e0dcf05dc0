/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include "sim_check.h"
#include "sim_ledger.h"
#include "sim_network.h"
#include "sim_node.h"
#include "sim_publish.h"
#include "sim_steps.h"
#include "sim_traitor.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHECK_STEPS = 1000,
    ROLLBACK_STEPS = 25,
    ARENA_BYTES = 96 * 1024 * 1024,
    CONVERGE_MAX_MS = 30 * 60 * 1000, /* the longest back-off is a quarter of an hour and a bit */
    QUIET_MS = 60 * 1000
};

void sim_fail(struct sim *sim, const char *invariant, const char *format, ...)
{
    va_list arguments;

    if (sim->failure.found) {
        return;
    }
    sim->failure.found = true;
    (void)snprintf(sim->failure.invariant, sizeof sim->failure.invariant, "%s", invariant);
    va_start(arguments, format);
    (void)vsnprintf(sim->failure.text, sizeof sim->failure.text, format, arguments);
    va_end(arguments);
}

void sim_trace_number(struct sim *sim, uint64_t number)
{
    sim->trace = (sim->trace ^ number) * 0x100000001b3ULL;
    sim->trace ^= sim->trace >> 29;
}

void sim_trace(struct sim *sim, struct view bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        sim->trace = (sim->trace ^ bytes.data[i]) * 0x100000001b3ULL;
    }
    sim_trace_number(sim, bytes.size);
}

/* --- beginning and end --------------------------------------------------------------------- */

static void choose_groups(struct sim *sim)
{
    unsigned all = (1U << sim->count) - 1;

    (void)snprintf(sim->groups[0].name, sizeof sim->groups[0].name, "ALL");
    sim->groups[0].members = all;
    (void)snprintf(sim->groups[1].name, sizeof sim->groups[1].name, "SOME");
    sim->groups[1].members = (unsigned)prng_next(&sim->prng) & all;
    sim->groups[1].members |= 1U << prng_below(&sim->prng, (uint32_t)sim->count);
}

static bool make_root(struct sim *sim)
{
    (void)snprintf(sim->root, sizeof sim->root, "/dev/shm/valise-simulation-XXXXXX");
    return mkdtemp(sim->root) != NULL;
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = calloc(1, sizeof *sim);

    if (sim == NULL) {
        abort();
    }
    random_seed(options->seed);
    prng_seed(&sim->prng, options->seed);
    sim->options = *options;
    sim->count = options->nodes;
    sim->faults = true;
    sim->network.delay_ms = 40;
    sim->arena = arena_new(ARENA_BYTES);
    sim->check_arena = arena_new(ARENA_BYTES);
    sim->template_arena = arena_new(ARENA_BYTES);
    sim->traitor.arena = arena_new(ARENA_BYTES);
    sim->check_keys = section_keys_new();
    if (sim->arena == NULL || sim->check_arena == NULL || sim->template_arena == NULL ||
        sim->traitor.arena == NULL || sim->check_keys == NULL || !make_root(sim) ||
        !publish_load_templates(sim)) {
        sim_fail(sim, "set-up", "memory, a directory in /dev/shm, or %s/vectors/records.json",
                 options->data);
        return sim;
    }
    for (size_t i = 0; i < sim->count; i++) {
        sim->nodes[i].sim = sim;
        sim->nodes[i].index = i;
        node_make(&sim->nodes[i]);
        node_start(&sim->nodes[i]);
    }
    choose_groups(sim);
    traitor_choose(sim);
    if (!sim->failure.found) {
        nodes_introduce(sim);
    }
    return sim;
}

static void remove_tree(const char *path)
{
    char inner[600];
    DIR *directory = opendir(path);
    const struct dirent *item = NULL;

    while (directory != NULL && (item = readdir(directory)) != NULL) {
        (void)snprintf(inner, sizeof inner, "%.200s/%.255s", path, item->d_name);
        if (item->d_name[0] != '.' && unlink(inner) != 0) {
            remove_tree(inner);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)rmdir(path);
}

void sim_free(struct sim **sim)
{
    struct sim *done = *sim;

    network_free(done);
    for (size_t i = 0; i < done->count; i++) {
        node_free(&done->nodes[i]);
    }
    ledger_free(done);
    traitor_free(done);
    arena_free(&done->arena);
    arena_free(&done->check_arena);
    arena_free(&done->template_arena);
    arena_free(&done->traitor.arena);
    section_keys_free(&done->check_keys);
    if (done->root[0] != '\0') {
        remove_tree(done->root);
    }
    free(done);
    *sim = NULL;
}

/* --- running ------------------------------------------------------------------------------- */

static void step(struct sim *sim, void (*one)(struct sim *sim))
{
    sim->step++;
    one(sim);
    if (!sim->failure.found) {
        check_step(sim);
    }
    if (sim->step % ROLLBACK_STEPS == 0) {
        for (size_t i = 0; i < sim->count && !sim->failure.found; i++) {
            check_rollback(&sim->nodes[i]);
        }
    }
    if (sim->step % CHECK_STEPS == 0 && !sim->failure.found) {
        check_all(sim);
    }
}

static void check_every_store(struct sim *sim)
{
    for (size_t i = 0; i < sim->count && !sim->failure.found; i++) {
        if (node_is_up(&sim->nodes[i])) {
            node_check(&sim->nodes[i]);
        }
    }
    if (!sim->failure.found) {
        check_all(sim);
    }
}

/* Faults end: everything must arrive, stay, and still be there after a start. I7 */
static void converge(struct sim *sim)
{
    int64_t began_ms = 0;

    steps_heal(sim);
    began_ms = sim->now_ms;
    while (!sim->failure.found && !check_converged(sim)) {
        step(sim, steps_due);
        if (sim->now_ms - began_ms > CONVERGE_MAX_MS) {
            check_missing(sim);
            sim_fail(sim, "I7", "still not at rest after %d s", CONVERGE_MAX_MS / 1000);
        }
    }
    sim->counts.converged_ms = sim->now_ms - began_ms;
    sim->at_rest = true;
    while (!sim->failure.found && sim->now_ms - began_ms < sim->counts.converged_ms + QUIET_MS) {
        step(sim, steps_due);
    }
    if (!sim->failure.found && !check_converged(sim)) {
        check_missing(sim);
    }
    check_every_store(sim);
    for (size_t i = 0; i < sim->count && !sim->failure.found; i++) {
        node_stop(&sim->nodes[i]);
        node_start(&sim->nodes[i]);
    }
    check_every_store(sim);
}

void sim_run(struct sim *sim)
{
    while (!sim->failure.found && sim->step < sim->options.steps) {
        step(sim, steps_one);
    }
    if (!sim->failure.found) {
        converge(sim);
    }
}
