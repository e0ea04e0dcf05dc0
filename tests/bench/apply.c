/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"
#include "documents.h"
#include "node.h"

#include <sodium.h>
#include <string.h>

static const uint64_t STORE_BYTES = (uint64_t)32 * 1024 * 1024 * 1024;

/** Two States: the sender publishes, the receiver's engine is what is measured. */
struct pair {
    struct wire *wire;
    struct bench_node sender;
    struct bench_node receiver;
    char sender_path[BENCH_PATH_BYTES];
    char receiver_path[BENCH_PATH_BYTES];
    char bare_path[BENCH_PATH_BYTES];
};

/* Publish all records while the receiver is away, so that they come in full batches. */
static void publish_all(struct pair *pair, size_t records)
{
    for (size_t i = 0; i < records; i++) {
        const struct document_wish wish = {DOCUMENT_USUAL, "XMA", i, "[\"state:XNH\"]"};
        struct arena *arena = wire_arena(pair->wire);

        arena_clear(arena);
        node_publish(&pair->sender, node_draft(&pair->sender, document_tree(&wish, arena)));
    }
}

static void pair_make(struct pair *pair, const struct bench_options *options)
{
    int64_t before = bench_now_ns();

    bench_path(pair->sender_path, options->fast, "XMA");
    bench_path(pair->receiver_path, options->directory, "XNH");
    bench_path(pair->bare_path, options->directory, "bare");
    pair->wire = wire_new();
    node_make(&pair->sender, pair->wire, "XMA");
    node_make(&pair->receiver, pair->wire, "XNH");
    node_start(&pair->sender, pair->sender_path, STORE_BYTES);
    node_start(&pair->receiver, pair->receiver_path, STORE_BYTES);
    node_trust(&pair->sender, &pair->receiver);
    node_trust(&pair->receiver, &pair->sender);
    wire_meet(pair->wire); /* from now on the sender's lane has numbers */
    node_stop(&pair->receiver);
    bench_remove_directory(pair->receiver_path);
    publish_all(pair, options->records);
    bench_say("%zu records published in %.1f s", options->records,
              (double)(bench_now_ns() - before) / 1e9);
}

static void pair_free(struct pair *pair)
{
    node_free(&pair->receiver);
    node_free(&pair->sender);
    bench_remove_directory(pair->sender_path);
    bench_remove_directory(pair->receiver_path);
    wire_free(&pair->wire);
}

/* The receiver begins with an empty store and takes everything. @return time in its engine. */
static struct bench_span receive_all(struct pair *pair, size_t records)
{
    struct bench_node *receiver = &pair->receiver;

    node_start(receiver, pair->receiver_path, STORE_BYTES);
    node_trust(receiver, &pair->sender);
    receiver->busy = (struct bench_span){0, 0};
    wire_meet(pair->wire);
    MUST(receiver->engine->peers[0]->in.seq == (int64_t)records);
    MUST(receiver->engine->peers[0]->quarantined == 0);
    return receiver->busy;
}

static void forget_all(struct pair *pair)
{
    node_stop(&pair->receiver);
    bench_remove_directory(pair->receiver_path);
}

/* The first time is not measured: it is recorded, for the limit. */
static struct bare_lane *record_lane(struct pair *pair, size_t records)
{
    struct bench_node *receiver = &pair->receiver;
    struct bare_lane *lane = NULL;

    node_start(receiver, pair->receiver_path, STORE_BYTES);
    node_trust(receiver, &pair->sender);
    lane = bare_lane_new(receiver, &pair->sender);
    receiver->tap = bare_lane_tap;
    receiver->tap_context = lane;
    recorder_clear();
    receiver->recorded = true;
    wire_meet(pair->wire);
    receiver->recorded = false;
    receiver->tap = NULL;
    MUST(bare_lane_records(lane) == records);
    forget_all(pair);
    return lane;
}

static struct bench_span apply_bare(const struct pair *pair, const struct bare_lane *lane)
{
    struct bare_store *store = bare_store_open(pair->bare_path, recorder_recording());
    struct bench_span before = bench_now();

    bare_lane_apply(lane, store, recorder_recording());
    struct bench_span spent = bench_since(before);
    bare_store_close(&store);
    return spent;
}

/* Records a second by the clock, and by what the processor worked: other work disturbs less. */
static void print_rates(const char *what, const char *what_cpu, size_t records,
                        struct bench_span spent)
{
    bench_print(what, (double)records * 1e9 / (double)spent.wall_ns, "records/s");
    bench_print(what_cpu, (double)records * 1e9 / (double)spent.cpu_ns, "records/s");
}

void job_apply(const struct bench_options *options)
{
    struct pair pair;
    struct bare_lane *lane = NULL;

    pair_make(&pair, options);
    lane = record_lane(&pair, options->records);
    for (size_t run = 0; run < options->runs; run++) {
        print_rates("ours", "ours.cpu", options->records, receive_all(&pair, options->records));
        forget_all(&pair);
        print_rates("limit", "limit.cpu", options->records, apply_bare(&pair, lane));
    }
    bare_lane_free(&lane);
    pair_free(&pair);
}

/* --- counted by valgrind -------------------------------------------------------------------- */

/* The same bytes in every run, so that the same instructions are counted. */
static uint64_t drawn;

static void draw(void *const to, const size_t size)
{
    struct dice dice = {++drawn * 1000003};

    dice_fill(&dice, to, size);
}

static uint32_t draw_number(void)
{
    uint32_t number = 0;

    draw(&number, sizeof number);
    return number;
}

static const char *draw_name(void)
{
    return "the same for every run";
}

void job_instructions(const struct bench_options *options)
{
    static randombytes_implementation same = {draw_name, draw_number, NULL, NULL, draw, NULL};
    struct pair pair;

    MUST(randombytes_set_implementation(&same) == 0);
    pair_make(&pair, options);
    pair.receiver.counted = true;
    (void)receive_all(&pair, options->records);
    forget_all(&pair);
    pair_free(&pair);
}
