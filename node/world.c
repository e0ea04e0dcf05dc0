/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy_world *world_new(void)
{
    struct policy_world *world = calloc(1, sizeof *world);

    if (world != NULL) {
        world->groups = calloc(POLICY_GROUPS_MAX, sizeof *world->groups);
    }
    if (world != NULL && world->groups == NULL) {
        free(world);
        world = NULL;
    }
    return world;
}

void world_free(struct policy_world **world)
{
    if (world == NULL || *world == NULL) {
        return;
    }
    free((*world)->groups);
    free(*world);
    *world = NULL;
}

static void add_member(struct policy_world *world, const struct identity *identity, bool verified,
                       bool self)
{
    struct policy_member *member = &world->members[world->member_count++];

    *member = (struct policy_member){.node = identity->node, .verified = verified, .self = self};
    memcpy(member->state, identity->state, sizeof member->state);
}

static enum error add_groups(struct engine *engine)
{
    struct policy_world *world = engine->world;
    struct store_txn *txn = NULL;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_READ, &txn));
    for (size_t i = 0; i < POLICY_GROUPS_MAX; i++) {
        struct store_group row = {0};
        struct policy_group *group = &world->groups[world->group_count];

        arena_clear(engine->record_arena);
        err = store_group_at(txn, i, engine->record_arena, &row);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            break;
        }
        TRY(err);
        *group = (struct policy_group){.group = row.group};
        (void)snprintf(group->name, sizeof group->name, "%.*s", (int)row.name.size,
                       (const char *)row.name.data);
        for (size_t s = 0; s < row.states.count && s < POLICY_MEMBERS_MAX; s++) {
            (void)snprintf(group->states[group->count++], sizeof group->states[0], "%.3s",
                           (const char *)row.states.items[s].data);
        }
        world->group_count++;
    }
out:
    store_abort(&txn);
    return err;
}

enum error world_update(struct engine *engine)
{
    struct policy_world *world = engine->world;

    world->member_count = 0;
    world->group_count = 0;
    add_member(world, &engine->keys->identity, true, true);
    for (size_t i = 0; i < engine->peer_count && world->member_count < POLICY_MEMBERS_MAX; i++) {
        const struct peer *peer = engine->peers[i];
        /* What is granted to a paused or frozen State waits; nothing is sent meanwhile. */
        bool verified = peer->standing == PEER_VERIFIED || peer->standing == PEER_PAUSED;
        if (peer->standing != PEER_REMOVED) {
            add_member(world, &peer->identity, verified, false);
        }
    }
    return add_groups(engine);
}

void world_refresh(struct engine *engine)
{
    enum error err = world_update(engine);

    if (err != OK) {
        /* What is stored and what is decided by would differ: begin anew from the store. */
        engine_log(engine, LOG_ERROR, "world.failed", "code=%s", error_info(err)->code);
        engine->failed = true;
    }
}

/* Resolve the members; each must be a verified peer or ourselves, and named once. */
static enum error resolve(struct engine *engine, const struct value *states, struct id *nodes,
                          struct view *codes, size_t *count, struct problems *problems)
{
    *count = 0;
    for (size_t i = 0; i < states->count; i++) {
        char code[4];
        const struct policy_member *member = NULL;

        if (states->items[i]->kind != PACK_TEXT ||
            !state_canonical(states->items[i]->bytes, code)) {
            return problem_add(problems, ERR_STATE_UNKNOWN, "states", "entry %zu is no State",
                               i + 1);
        }
        member = policy_member_find(engine->world, view_of_text(code));
        if (member == NULL) {
            return problem_add(problems, ERR_STATE_UNKNOWN, "states", "%s is not a peer", code);
        }
        if (!member->verified && !member->self) {
            enum error err = problem_add(problems, ERR_PEER_UNVERIFIED, "states",
                                         "the safety number of %s was not compared", code);
            problem_mend(problems, "valise peer verify %s", code);
            return err;
        }
        for (size_t j = 0; j < *count; j++) {
            if (id_equal(&nodes[j], &member->node)) {
                return problem_add(problems, ERR_FIELD_REPEATED, "states", "%s is named twice",
                                   code);
            }
        }
        nodes[*count] = member->node;
        codes[(*count)++] = view_of_text(member->state);
    }
    return *count == 0 ? problem_add(problems, ERR_AUDIENCE_EMPTY, "states",
                                     "a group needs at least one member")
                       : OK;
}

static bool name_is_good(struct view name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == 0 || strchr(allowed, name.data[i]) == NULL) {
            return false;
        }
    }
    return name.size >= 1 && name.size < GROUP_NAME_BYTES;
}

enum error world_define_group(struct engine *engine, const char *actor, struct view name,
                              const struct value *states, struct problems *problems,
                              struct moment now)
{
    enum { GROUP_MEMBERS_MAX = 64 };
    struct id nodes[GROUP_MEMBERS_MAX];
    struct view codes[GROUP_MEMBERS_MAX];
    char subject[GROUP_NAME_BYTES];
    struct store_group group = {.name = name};
    struct store_event event = {.time = now.wall,
                                .event = "group.defined",
                                .actor = actor,
                                .subject = subject,
                                .detail = ""};
    struct store_txn *txn = NULL;
    size_t count = 0;
    enum error err = OK;

    if (!name_is_good(name)) {
        return problem_add(problems, ERR_FIELD_VALUE, "name",
                           "a group's name has 1 to 40 letters, digits, hyphens");
    }
    if (engine->world->group_count == POLICY_GROUPS_MAX &&
        policy_group_find(engine->world, name) == NULL) {
        return ERR_TOO_LARGE;
    }
    TRY(states->count <= GROUP_MEMBERS_MAX ? OK : ERR_TOO_LARGE);
    TRY(resolve(engine, states, nodes, codes, &count, problems));
    (void)snprintf(subject, sizeof subject, "%.*s", (int)name.size, (const char *)name.data);
    group.group = policy_group_id(name, nodes, count);
    group.states = (struct views){count, codes};
    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_group_put(txn, &group));
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
    world_refresh(engine);
out:
    store_abort(&txn);
    return err;
}
