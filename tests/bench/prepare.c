/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"
#include "node.h"

#include <string.h>

/*
 * Stores for real nodes: the first home's State has published --records records
 * for the second's. The second has taken them over (prepare-full), or knows the
 * first and nothing else. The stores are made in --directory, by State, and
 * moved from there.
 */

static const uint64_t PREPARED_BYTES = (uint64_t)32 * 1024 * 1024 * 1024;

static void publish_all(struct bench_node *sender, const struct bench_node *receiver,
                        size_t records)
{
    char readers[64];

    (void)snprintf(readers, sizeof readers, "[\"state:%s\"]", receiver->state);
    for (size_t i = 0; i < records; i++) {
        const struct document_wish wish = {DOCUMENT_USUAL, sender->state, i, readers};
        struct arena *arena = wire_arena(sender->wire);

        arena_clear(arena);
        node_publish(sender, node_draft(sender, document_tree(&wish, arena)));
    }
}

static void introduce(struct bench_node *sender, struct bench_node *receiver)
{
    node_trust(sender, receiver);
    node_trust(receiver, sender);
    wire_meet(sender->wire);
}

static void prepare(const struct bench_options *options, bool full)
{
    struct bench_node sender;
    struct bench_node receiver;
    char sender_path[BENCH_PATH_BYTES];
    char receiver_path[BENCH_PATH_BYTES];
    struct wire *wire = wire_new();

    MUST(options->homes[1] != NULL);
    node_take_home(&sender, wire, options->homes[0]);
    node_take_home(&receiver, wire, options->homes[1]);
    bench_path(sender_path, options->directory, sender.state);
    bench_path(receiver_path, options->directory, receiver.state);
    node_start(&sender, sender_path, PREPARED_BYTES);
    node_start(&receiver, receiver_path, PREPARED_BYTES);
    introduce(&sender, &receiver);
    node_stop(&receiver);
    publish_all(&sender, &receiver, options->records);
    if (full) {
        node_start(&receiver, receiver_path, PREPARED_BYTES);
        wire_meet(wire);
        MUST(receiver.engine->peers[0]->in.seq == (int64_t)options->records);
    }
    node_free(&receiver);
    node_free(&sender);
    wire_free(&wire);
}

void job_prepare(const struct bench_options *options)
{
    prepare(options, false);
}

void job_prepare_full(const struct bench_options *options)
{
    prepare(options, true);
}
