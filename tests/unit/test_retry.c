/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "engine.h"

#include <string.h>

/* When a peer that cannot be reached is dialled again, in a clock that the test turns. */

enum { TRIES = 14, FIRST_MS = 1000, MOST_MS = 15 * 60 * 1000, YIELD_MS = 3000 };

/** A node with one verified peer, and what it asked of the world. */
struct stage {
    struct shelf *shelf;
    struct party us;
    struct party them;
    struct ports ports;
    struct engine *engine;
    struct moment now;
    unsigned dialled;
    link_id link;
};

static void port_send(void *context, link_id link, struct view message)
{
    (void)context;
    (void)link;
    (void)message;
}

static size_t port_backlog(void *context)
{
    (void)context;
    return 0;
}

static void port_dial(void *context, link_id link, const char *endpoint,
                      const uint8_t server_key[static BOX_PUBLIC_BYTES])
{
    struct stage *stage = context;

    assert_string_equal(endpoint, "tcp://192.0.2.1:7443");
    assert_memory_equal(server_key, stage->them.keys.card.curve_key, BOX_PUBLIC_BYTES);
    stage->dialled++;
    stage->link = link;
}

static void port_hang_up(void *context, link_id link)
{
    (void)context;
    (void)link;
}

static void port_allow(void *context, const uint8_t *keys, size_t count)
{
    (void)context;
    (void)keys;
    (void)count;
}

static void port_log(void *context, enum log_level level, const char *event, const char *fields)
{
    (void)context;
    (void)level;
    (void)event;
    (void)fields;
}

static void port_check_store(void *context)
{
    (void)context;
}

static enum error port_point(void *context, const char *name)
{
    (void)context;
    (void)name;
    return OK;
}

/* A party whose node id is smaller than, or greater than, another's. */
static void party_beside(struct party *party, const struct party *other, bool smaller)
{
    const struct id *reference = &other->keys.identity.node;

    for (;;) {
        party_make(party, "XNH", "Norrhaven");
        int order = memcmp(party->keys.identity.node.bytes, reference->bytes, ID_BYTES);
        if ((order < 0) == smaller) {
            return;
        }
        party_free(party);
    }
}

static void add_peer(struct stage *stage)
{
    struct store_txn *txn = shelf_begin(stage->shelf, STORE_WRITE);
    const struct store_peer row = {.bundle = view_of_buffer(&stage->them.keys.bundle),
                                   .standing = PEER_VERIFIED,
                                   .address = view_of_text("tcp://192.0.2.1:7443")};

    assert_ok(store_peer_put(txn, 1, &row));
    shelf_commit(&txn);
}

static void stage_begin(struct stage *stage, struct shelf *shelf, bool peer_is_smaller)
{
    *stage = (struct stage){.shelf = shelf, .now = {sample_now, 1000}};
    party_make(&stage->us, "XMA", "Marentia");
    party_beside(&stage->them, &stage->us, peer_is_smaller);
    add_peer(stage);
    stage->ports = (struct ports){stage,      port_send, port_backlog,     port_dial, port_hang_up,
                                  port_allow, port_log,  port_check_store, port_point};
    const struct engine_options options = {.store = shelf->store,
                                           .keys = &stage->us.keys,
                                           .ports = &stage->ports,
                                           .limits = {1000, 1 << 30, 1000},
                                           .software = "test"};
    assert_ok(engine_new(&options, stage->now, &stage->engine));
    engine_start(stage->engine, stage->now);
}

static void stage_end(struct stage *stage)
{
    engine_free(&stage->engine);
    party_free(&stage->us);
    party_free(&stage->them);
}

/* Turn the clock until the node dials. @return how long that took. */
static int64_t until_dialled(struct stage *stage)
{
    const int64_t start = stage->now.steady_ms;
    const unsigned before = stage->dialled;

    while (stage->dialled == before) {
        (void)engine_tick(stage->engine, stage->now);
        if (stage->dialled == before) {
            stage->now.steady_ms += 10;
            stage->now.wall.ms += 10;
        }
        assert_true(stage->now.steady_ms - start < 2 * MOST_MS);
    }
    return stage->now.steady_ms - start;
}

/* W-66: doubles from 1 s to 15 min, and up to a quarter more. */
static void a_peer_that_cannot_be_reached_is_dialled_ever_more_rarely(void **state)
{
    struct stage stage;
    int64_t wanted = FIRST_MS;
    bool jittered = false;

    stage_begin(&stage, *state, false);
    assert_true(until_dialled(&stage) <= 10);
    for (int n = 1; n <= TRIES; n++) {
        engine_link_down(stage.engine, stage.link, stage.now);
        int64_t waited = until_dialled(&stage);

        assert_in_range(waited, wanted, wanted + wanted / 4 + 10);
        jittered = jittered || waited > wanted + wanted / 50;
        wanted = 2 * wanted < MOST_MS ? 2 * wanted : MOST_MS;
    }
    assert_int_equal(wanted, MOST_MS);
    assert_true(jittered);
    stage_end(&stage);
}

/* W-65: the greater node id leaves dialling to the smaller for three seconds. */
static void the_greater_node_id_waits_before_it_dials(void **state)
{
    struct stage stage;

    stage_begin(&stage, *state, true);
    assert_in_range(until_dialled(&stage), YIELD_MS, YIELD_MS + 20);
    engine_link_down(stage.engine, stage.link, stage.now);
    assert_in_range(until_dialled(&stage), YIELD_MS + FIRST_MS,
                    YIELD_MS + FIRST_MS + FIRST_MS / 4 + 20);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_peer_that_cannot_be_reached_is_dialled_ever_more_rarely,
                                        shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(the_greater_node_id_waits_before_it_dials, shelf_new,
                                        shelf_free),
    };

    return RUN(tests);
}
