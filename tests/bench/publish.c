/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"
#include "documents.h"
#include "node.h"
#include "statistics.h"

#include <string.h>

enum {
    READERS_MAX = STORE_PEERS_MAX - 1,
    GROUP_STATES = 50,
    TERMS_BYTES_MAX = 512,
    TIMES_MAX = 1000
};

static const uint64_t PUBLISHER_BYTES = (uint64_t)16 * 1024 * 1024 * 1024;
static const uint64_t READER_BYTES = (uint64_t)256 * 1024 * 1024;

/** The publisher, on disk, and its readers, in memory. */
struct publishing {
    struct wire *wire;
    struct bench_node publisher;
    size_t count;
    struct bench_node *readers;
    char path[BENCH_PATH_BYTES];
    char bare_path[BENCH_PATH_BYTES];
    char terms[TERMS_BYTES_MAX]; /* JSON list of groups */
    size_t published;
};

/* User-assigned codes, one for each reader; the publisher's own is left out. */
static void state_code(size_t index, char state[static 4])
{
    size_t place = index + (index >= 12 * 26 ? 1 : 0); /* XMA */

    (void)snprintf(state, 4, "X%c%c", (char)('A' + place / 26 % 26), (char)('A' + place % 26));
}

static void define_groups(struct publishing *publishing)
{
    const char *states[GROUP_STATES];
    size_t used = 0;

    for (size_t first = 0; first < publishing->count; first += GROUP_STATES) {
        char name[32];
        size_t count = 0;
        while (count < GROUP_STATES && first + count < publishing->count) {
            states[count] = publishing->readers[first + count].state;
            count++;
        }
        (void)snprintf(name, sizeof name, "GROUP-%zu", first / GROUP_STATES);
        node_group(&publishing->publisher, name, states, count);
        used += (size_t)snprintf(publishing->terms + used, TERMS_BYTES_MAX - used, "%c\"group:%s\"",
                                 first == 0 ? '[' : ',', name);
    }
    (void)snprintf(publishing->terms + used, TERMS_BYTES_MAX - used, "]");
}

static void publishing_make(struct publishing *publishing, const struct bench_options *options)
{
    char path[BENCH_PATH_BYTES];

    memset(publishing, 0, sizeof *publishing);
    MUST(options->readers >= 1 && options->readers <= READERS_MAX);
    publishing->wire = wire_new();
    publishing->count = options->readers;
    publishing->readers = calloc(publishing->count, sizeof *publishing->readers);
    MUST(publishing->readers != NULL);
    bench_path(publishing->path, options->directory, "XMA");
    bench_path(publishing->bare_path, options->directory, "bare");
    node_make(&publishing->publisher, publishing->wire, "XMA");
    node_start(&publishing->publisher, publishing->path, PUBLISHER_BYTES);
    for (size_t i = 0; i < publishing->count; i++) {
        struct bench_node *reader = &publishing->readers[i];
        char state[4];

        state_code(i, state);
        node_make(reader, publishing->wire, state);
        bench_path(path, options->fast, state);
        node_start(reader, path, READER_BYTES);
        node_trust(&publishing->publisher, reader);
        node_trust(reader, &publishing->publisher);
    }
    define_groups(publishing);
    wire_meet(publishing->wire);
}

static void publishing_free(struct publishing *publishing)
{
    for (size_t i = 0; i < publishing->count; i++) {
        struct bench_node *reader = &publishing->readers[i];
        node_free(reader);
        bench_remove_directory(reader->path);
    }
    free(publishing->readers);
    node_free(&publishing->publisher);
    bench_remove_directory(publishing->path);
    wire_free(&publishing->wire);
}

/** Times of one publishing in milliseconds. */
struct times {
    double durable; /* until its commit is on disk */
    double reply;   /* until the officer has the answer: everything was handed to the links */
};

static struct times publish_one(struct publishing *publishing)
{
    const struct document_wish wish = {DOCUMENT_THREE_4KB, "XMA", publishing->published++,
                                       publishing->terms};
    struct bench_node *node = &publishing->publisher;
    struct arena *arena = wire_arena(publishing->wire);

    arena_clear(arena);
    const char *reference = node_draft(node, document_tree(&wish, arena));
    recorder_clear();
    node->recorded = true;
    node->watched = "publish.after-commit";
    int64_t before = bench_now_ns();
    node_publish(node, reference);
    int64_t after = bench_now_ns();
    node->watched = NULL;
    node->recorded = false; /* what the readers answer is not part of it */
    return (struct times){(double)(node->watched_ns - before) / 1e6,
                          (double)(after - before) / 1e6};
}

/* Publish --records times, each time followed by the same bare. */
static void publish_many(struct publishing *publishing, const struct bench_options *options)
{
    double durable[TIMES_MAX];
    double reply[TIMES_MAX];
    double limit[TIMES_MAX];
    struct bare_desk desk;
    struct bare_store *store = NULL;
    size_t count = options->records < TIMES_MAX ? options->records : TIMES_MAX;
    size_t next = 0;

    bare_desk_open(&desk, &publishing->publisher);
    store = bare_store_open(publishing->bare_path, recorder_recording());
    for (size_t i = 0; i < count; i++) {
        struct times times = publish_one(publishing);
        durable[i] = times.durable;
        reply[i] = times.reply;
        wire_run(publishing->wire);
        next = 0;
        int64_t before = bench_now_ns();
        bare_publish(&desk, store, recorder_recording(), &next);
        limit[i] = (double)(bench_now_ns() - before) / 1e6;
    }
    bare_store_close(&store);
    bare_desk_close(&desk);
    bench_print("ours", quantile(durable, count, 0.5), "ms");
    bench_print("limit", quantile(limit, count, 0.5), "ms");
    bench_print("reply", quantile(reply, count, 0.5), "ms");
}

void job_publish(const struct bench_options *options)
{
    struct publishing publishing;

    publishing_make(&publishing, options);
    (void)publish_one(&publishing); /* for the names of the tables */
    wire_run(publishing.wire);
    for (size_t run = 0; run < options->runs; run++) {
        publish_many(&publishing, options);
    }
    publishing_free(&publishing);
}
