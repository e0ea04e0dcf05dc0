/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

/*
 * simulation --seed N --steps M --nodes 3..7 [--fault NAME] [--quiet] [--log] [--data DIR]
 * simulation                    replay seeds.txt and a few runs of its own
 * Speaks TAP. Ends with 1 if an invariant was violated.
 */

enum { SMALL_STEPS = 2500, SMALL_RUNS = 6, LINE_BYTES = 200 };

/** A name for a set of faults. */
struct fault_name {
    const char *name;
    unsigned faults;
};

static const struct fault_name fault_names[] = {
    {"all", FAULT_ALL},         {"none", 0},
    {"network", FAULT_NETWORK}, {"crash", FAULT_CRASH},
    {"restore", FAULT_RESTORE}, {"clock", FAULT_CLOCK},
    {"traitor", FAULT_TRAITOR}, {"disk", FAULT_DISK},
    {"pause", FAULT_PAUSE},     {"honest", FAULT_ALL & ~FAULT_TRAITOR},
};

static bool find_faults(const char *name, unsigned *faults)
{
    for (size_t i = 0; i < sizeof fault_names / sizeof fault_names[0]; i++) {
        if (strcmp(fault_names[i].name, name) == 0) {
            *faults = fault_names[i].faults;
            return true;
        }
    }
    return false;
}

static const char *faults_name(unsigned faults)
{
    for (size_t i = 0; i < sizeof fault_names / sizeof fault_names[0]; i++) {
        if (fault_names[i].faults == faults) {
            return fault_names[i].name;
        }
    }
    return "some";
}

static void print_counts(const struct sim *sim)
{
    const struct sim_counts *c = &sim->counts;

    (void)printf("# seed=%" PRIu64 " nodes=%zu steps=%" PRId64 " virtual_s=%" PRId64
                 " records=%" PRIu64 " versions=%" PRIu64 " large=%" PRIu64 " refused=%" PRIu64
                 " messages=%" PRIu64 " megabytes=%" PRIu64 " lost=%" PRIu64 "\n",
                 sim->options.seed, sim->count, sim->step, sim->now_ms / 1000, c->published,
                 c->versions, c->fat, c->refused, c->messages, c->message_bytes >> 20, c->lost);
    (void)printf("# seed=%" PRIu64 " crashes=%" PRIu64 " restores=%" PRIu64 " mends=%" PRIu64
                 " full=%" PRIu64 " forks=%" PRIu64 " frozen=%" PRIu64 " forged=%" PRIu64
                 " refused_frames=%" PRIu64 " converged_ms=%" PRId64 " trace=%016" PRIx64 "\n",
                 sim->options.seed, c->crashes, c->restores, c->mends, c->failed_commits, c->forks,
                 c->frozen, c->forged, c->refusals, c->converged_ms, sim->trace);
}

/* One run. True if everything held. */
static bool run(const struct sim_options *options, int number, uint64_t *trace)
{
    struct sim *sim = sim_new(options);
    bool good = false;

    sim_run(sim);
    good = !sim->failure.found;
    *trace = sim->trace;
    if (!options->quiet) {
        print_counts(sim);
    }
    if (!good) {
        (void)printf("# violation seed=%" PRIu64 " nodes=%zu fault=%s step=%" PRId64
                     " invariant=%s: %s\n",
                     options->seed, options->nodes, faults_name(options->faults), sim->step,
                     sim->failure.invariant, sim->failure.text);
    }
    (void)printf("%s %d - seed %" PRIu64 " with %zu nodes and faults %s holds for %" PRId64
                 " steps\n",
                 good ? "ok" : "not ok", number, options->seed, options->nodes,
                 faults_name(options->faults), options->steps);
    (void)fflush(stdout);
    sim_free(&sim);
    return good;
}

/* --- the small run ------------------------------------------------------------------------- */

/* Seeds that failed once: "seed steps nodes faults" in each line. */
static bool replay_kept(struct sim_options options, int *number)
{
    char path[256];
    char line[LINE_BYTES];
    char name[32];
    uint64_t trace = 0;
    bool good = true;

    (void)snprintf(path, sizeof path, "%.200s/simulation/seeds.txt", options.data);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%" SCNu64 " %" SCNd64 " %zu %31s", &options.seed, &options.steps,
                   &options.nodes, name) == 4 &&
            find_faults(name, &options.faults)) {
            good = run(&options, ++*number, &trace) && good;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return good;
}

static bool small_run(struct sim_options options)
{
    int number = 0;
    uint64_t first = 0;
    uint64_t second = 0;
    bool good = replay_kept(options, &number);

    options.steps = SMALL_STEPS;
    for (size_t i = 0; i < SMALL_RUNS; i++) {
        options.seed = i + 1;
        options.nodes = SIM_NODES_MIN + i % (SIM_NODES_MAX - SIM_NODES_MIN + 1);
        good = run(&options, ++number, &first) && good;
    }
    options.quiet = true;
    bool same = run(&options, ++number, &second) && first == second;
    (void)printf("%s %d - the same seed gives the same run bit by bit\n1..%d\n",
                 same ? "ok" : "not ok", number + 1, number + 1);
    return good && same;
}

/* --- command line -------------------------------------------------------------------------- */

static int usage(void)
{
    (void)fprintf(stderr, "simulation --seed N --steps M --nodes 3..7 [--fault NAME] [--quiet] "
                          "[--log] [--data DIR]\nfaults:");
    for (size_t i = 0; i < sizeof fault_names / sizeof fault_names[0]; i++) {
        (void)fprintf(stderr, " %s", fault_names[i].name);
    }
    (void)fprintf(stderr, "\n");
    return 2;
}

static bool read_options(int count, char **arguments, struct sim_options *options)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},  {"steps", required_argument, NULL, 'n'},
        {"nodes", required_argument, NULL, 'k'}, {"fault", required_argument, NULL, 'f'},
        {"quiet", no_argument, NULL, 'q'},       {"log", no_argument, NULL, 'l'},
        {"data", required_argument, NULL, 'd'},  {NULL, 0, NULL, 0}};
    bool good = true;
    int option = 0;

    while (good && (option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        switch (option) {
        case 's':
            options->seed = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            options->steps = strtoll(optarg, NULL, 10);
            break;
        case 'k':
            options->nodes = strtoul(optarg, NULL, 10);
            break;
        case 'f':
            good = find_faults(optarg, &options->faults);
            break;
        case 'q':
            options->quiet = true;
            break;
        case 'l':
            options->log = true;
            break;
        case 'd':
            options->data = optarg;
            break;
        default:
            good = false;
            break;
        }
    }
    return good && options->nodes >= SIM_NODES_MIN && options->nodes <= SIM_NODES_MAX;
}

/* The tests lie two levels above the build, which the runner names; else beside us. */
static const char *default_data(char *path, size_t size)
{
    const char *build = getenv("VALISE_BUILD");

    (void)snprintf(path, size, "%s%s", build == NULL ? "" : build,
                   build == NULL ? "tests" : "/../../tests");
    return path;
}

int main(int count, char **arguments)
{
    char data[512];
    struct sim_options options = {.seed = 1,
                                  .steps = 10000,
                                  .nodes = 4,
                                  .faults = FAULT_ALL,
                                  .data = default_data(data, sizeof data)};
    uint64_t trace = 0;
    bool good = false;

    random_install();
    if (secret_start() != OK) {
        return 1;
    }
    if (count == 1) {
        return small_run(options) ? 0 : 1;
    }
    if (!read_options(count, arguments, &options)) {
        return usage();
    }
    good = run(&options, 1, &trace);
    (void)printf("1..1\n");
    return good ? 0 : 1;
}
