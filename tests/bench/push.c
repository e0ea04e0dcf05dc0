/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "caller.h"
#include "documents.h"
#include "node.h"
#include "recorder.h"
#include "statistics.h"
#include "wires.h"

/*
 * From the moment an officer publishes to the moment a watcher at the other
 * State's node is told of the record; and what cannot be left out of it: one
 * commit at each side and one round trip between them.
 */

enum { TIMES = 200, FIRST_NUMBER = 0 };

static const uint64_t PUSHED_BYTES = (uint64_t)1024 * 1024 * 1024;

/* Wait for the event that the record arrived; others go by. */
static void await_arrival(struct caller_line *watcher, const char *reference)
{
    for (;;) {
        (void)caller_begin(watcher);
        const struct value *event = caller_receive(watcher);
        if (view_is(value_get_text(event, "about"), reference)) {
            return;
        }
    }
}

static double push_one(struct caller_line *officer, struct caller_line *watcher, size_t number)
{
    const struct document_wish wish = {DOCUMENT_USUAL, "XMA", number, "[\"state:XNH\"]"};
    char reference[DOCUMENT_REFERENCE_BYTES];
    struct arena *arena = caller_begin(officer);
    struct value *draft = value_map(arena);

    document_reference("XMA", number, reference);
    MUST(value_put(arena, draft, "record", document_tree(&wish, arena)) == OK);
    (void)caller_ask(officer, "draft.new", draft);
    struct value *publish = value_map(arena);
    MUST(value_put_string(arena, publish, "reference", reference) == OK);
    int64_t before = bench_now_ns();
    caller_send(officer, "record.publish", publish);
    await_arrival(watcher, reference);
    double spent = (double)(bench_now_ns() - before) / 1e6;
    (void)caller_receive(officer);
    return spent;
}

void job_push(const struct bench_options *options)
{
    double spent[TIMES];
    struct caller_line officer;
    struct caller_line watcher;
    size_t number = FIRST_NUMBER;

    caller_open(&officer, options->sockets[0]);
    caller_open(&watcher, options->sockets[1]);
    struct arena *arena = caller_begin(&watcher);
    struct value *watch = value_map(arena);
    MUST(value_put_string(arena, watch, "kind", "record.received") == OK);
    (void)caller_ask(&watcher, "watch", watch);
    for (size_t run = 0; run < options->runs; run++) {
        for (size_t i = 0; i < TIMES; i++) {
            spent[i] = push_one(&officer, &watcher, number++);
        }
        bench_print("ours", quantile(spent, TIMES, 0.5), "ms");
        bench_print("ours.p99", quantile(spent, TIMES, 0.99), "ms");
    }
    caller_close(&watcher);
    caller_close(&officer);
}

/* --- the limit ------------------------------------------------------------------------------ */

/** Two engines whose commits are recorded, one of each for every record. */
struct recorded_pair {
    struct wire *wire;
    struct bench_node sender;
    struct bench_node receiver;
    size_t message_bytes; /* of the message that brings a record */
};

static void measure_message(void *context, struct view message)
{
    struct recorded_pair *pair = context;

    if (message.size > pair->message_bytes) {
        pair->message_bytes = message.size;
    }
}

static void pair_make(struct recorded_pair *pair, const struct bench_options *options)
{
    char path[BENCH_PATH_BYTES];

    *pair = (struct recorded_pair){.wire = wire_new()};
    node_make(&pair->sender, pair->wire, "XMA");
    node_make(&pair->receiver, pair->wire, "XNH");
    bench_path(path, options->fast, "XMA");
    node_start(&pair->sender, path, PUSHED_BYTES);
    bench_path(path, options->fast, "XNH");
    node_start(&pair->receiver, path, PUSHED_BYTES);
    node_trust(&pair->sender, &pair->receiver);
    node_trust(&pair->receiver, &pair->sender);
    wire_meet(pair->wire);
    pair->receiver.tap = measure_message;
    pair->receiver.tap_context = pair;
}

/* Record what one record writes at both sides: two commits. */
static void record_one(struct recorded_pair *pair, size_t number)
{
    const struct document_wish wish = {DOCUMENT_USUAL, "XMA", number, "[\"state:XNH\"]"};
    struct arena *arena = wire_arena(pair->wire);

    arena_clear(arena);
    const char *reference = node_draft(&pair->sender, document_tree(&wish, arena));
    recorder_clear();
    pair->sender.recorded = true;
    node_publish(&pair->sender, reference);
    pair->sender.recorded = false;
    pair->receiver.recorded = true;
    wire_run(pair->wire);
    pair->receiver.recorded = false;
}

static double limit_one(struct bare_store *stores[static 2], struct wires *wires,
                        size_t message_bytes)
{
    size_t next = 0;
    int64_t before = bench_now_ns();

    bare_store_replay(stores[0], recorder_recording(), &next);
    wires_round_trip(wires, message_bytes);
    bare_store_replay(stores[1], recorder_recording(), &next);
    return (double)(bench_now_ns() - before) / 1e6;
}

void job_push_limit(const struct bench_options *options)
{
    double spent[TIMES];
    struct recorded_pair pair;
    struct bare_store *stores[2] = {NULL, NULL};
    struct wires *wires = wires_new(1);
    char path[BENCH_PATH_BYTES];
    size_t number = FIRST_NUMBER;

    pair_make(&pair, options);
    record_one(&pair, number++);
    bench_path(path, options->directory, "bare.0");
    stores[0] = bare_store_open(path, recorder_recording());
    bench_path(path, options->directory, "bare.1");
    stores[1] = bare_store_open(path, recorder_recording());
    for (size_t run = 0; run < options->runs; run++) {
        for (size_t i = 0; i < TIMES; i++) {
            record_one(&pair, number++);
            spent[i] = limit_one(stores, wires, pair.message_bytes);
        }
        bench_print("limit", quantile(spent, TIMES, 0.5), "ms");
        bench_print("limit.p99", quantile(spent, TIMES, 0.99), "ms");
    }
    bare_store_close(&stores[0]);
    bare_store_close(&stores[1]);
    wires_free(&wires);
    node_free(&pair.receiver);
    bench_remove_directory(pair.receiver.path);
    node_free(&pair.sender);
    bench_remove_directory(pair.sender.path);
    wire_free(&pair.wire);
}
