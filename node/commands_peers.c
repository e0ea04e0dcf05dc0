/* SPDX-License-Identifier: Apache-2.0 */
#include "armor.h"
#include "commands.h"
#include "granting.h"
#include "peer.h"
#include "safety.h"
#include "session.h"
#include "sync.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Commands about peers and groups. */

static const char card_kind[] = "valise-card-1";

enum { PING_DIAL_MS = 5000 };

/* --- cards --------------------------------------------------------------------------------- */

static enum error put_safety(struct command *command, const struct identity *identity,
                             struct value *row)
{
    char number[SAFETY_TEXT_BYTES];

    return value_put_string(command->arena, row, "safety_number",
                            safety_number(&identity->node, number));
}

static enum error handle_card(struct command *command)
{
    const struct node_keys *keys = command->engine->keys;
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    char until[INSTANT_TEXT_BYTES];
    enum error err = OK;

    armor_write(card_kind, view_of_buffer(&keys->bundle), &text);
    TRY(text.error);
    TRY(value_put_text(command->arena, command->result, "card", view_of_buffer(&text)));
    TRY(value_put_string(command->arena, command->result, "state", keys->identity.state));
    TRY(value_put_string(command->arena, command->result, "name", keys->identity.name));
    TRY(value_put_string(command->arena, command->result, "until",
                         instant_format(keys->card.not_after, until)));
    TRY(put_safety(command, &keys->identity, command->result));
out:
    buffer_free(&text);
    return err;
}

static enum error save_peer(struct command *command, struct peer *peer, const char *event,
                            const char *detail)
{
    struct store_txn *txn = NULL;
    struct store_peer row = {0};
    enum error err = OK;

    peer_row(peer, &row);
    TRY(store_begin(command->engine->store, STORE_WRITE, &txn));
    TRY(store_peer_put(txn, peer->number, &row));
    TRY(commands_note(command, txn, event, peer->identity.state, detail));
    if (peer->standing == PEER_REMOVED) {
        TRY(granting_withdraw(command->engine, txn, peer));
    }
    TRY(engine_commit(command->engine, &txn));
    world_refresh(command->engine);
out:
    store_abort(&txn);
    return err;
}

/* A card of a State that is a peer already: only a newer one of the same node is taken. */
static enum error check_known(struct command *command, const struct peer *added)
{
    struct engine *engine = command->engine;
    struct view state = view_of_text(added->identity.state);
    struct peer *same = engine_peer_by_node(engine, &added->identity.node);
    struct peer *other = engine_peer_by_state(engine, state);
    enum error err = OK;

    if (id_equal(&added->identity.node, &engine->keys->identity.node)) {
        err = problem_add(command->problems, ERR_EXISTS, "card", "it is our own card");
        problem_mend(command->problems, "take the other State's card, as a file: valise peer add "
                                        "FILE");
        return err;
    }
    if (strcmp(added->identity.state, engine->keys->identity.state) == 0 ||
        (other != NULL && other != same)) {
        err = problem_add(command->problems, ERR_EXISTS, "card",
                          "another node already stands for %s", added->identity.state);
        problem_mend(command->problems, "call them on a known number; then: valise peer remove %s",
                     added->identity.state);
        return err;
    }
    for (size_t i = 0; i < engine->peer_count; i++) {
        const struct peer *peer = engine->peers[i];
        if (peer != same && peer->standing != PEER_REMOVED &&
            memcmp(peer->card.curve_key, added->card.curve_key, BOX_PUBLIC_BYTES) == 0) {
            err = problem_add(command->problems, ERR_EXISTS, "card",
                              "its transport key is already the one of %s", peer->identity.state);
            problem_mend(command->problems, "call both States: each node has a key of its own");
            return err;
        }
    }
    /* The same card again may bring another address. */
    bool moved = same != NULL && added->card.card_seq == same->card.card_seq &&
                 added->address[0] != '\0' && strcmp(added->address, same->address) != 0;
    if (same != NULL && same->standing != PEER_REMOVED && !moved &&
        added->card.card_seq <= same->card.card_seq) {
        err = problem_add(command->problems, ERR_EXISTS, "card",
                          "this card, or a newer one, is held already");
        problem_mend(command->problems, "nothing to do; another address is given with --address");
        return err;
    }
    return OK;
}

static uint32_t free_number(const struct engine *engine)
{
    uint32_t number = 1;

    for (size_t i = 0; i < engine->peer_count; i++) {
        number = engine->peers[i]->number >= number ? engine->peers[i]->number + 1 : number;
    }
    return number;
}

static enum error put_added(struct command *command, const struct peer *peer)
{
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(value_put_string(command->arena, command->result, "state", peer->identity.state));
    TRY(value_put_string(command->arena, command->result, "name", peer->identity.name));
    TRY(value_put_string(command->arena, command->result, "until",
                         instant_format(peer->card.not_after, text)));
    TRY(value_put_bool(command->arena, command->result, "verified",
                       peer->standing == PEER_VERIFIED));
    TRY(put_safety(command, &peer->identity, command->result));
out:
    return err;
}

/* Put a verified bundle among the peers: as a new one, or in place of its older card. */
static enum error adopt(struct command *command, struct peer **added)
{
    struct engine *engine = command->engine;
    struct peer *peer = *added;
    enum error err = OK;

    for (size_t i = 0; i < engine->peer_count; i++) {
        struct peer *old = engine->peers[i];
        if (!id_equal(&old->identity.node, &peer->identity.node)) {
            continue;
        }
        /* The node id is the same, so what was compared still holds; a removed one starts anew. */
        peer->number = old->number;
        if (old->standing != PEER_REMOVED) {
            peer->standing = old->standing;
            peer->verified_at = old->verified_at;
            memcpy(peer->verified_who, old->verified_who, sizeof peer->verified_who);
            memcpy(peer->verified_how, old->verified_how, sizeof peer->verified_how);
        }
        memcpy(peer->frozen, old->frozen, sizeof peer->frozen);
        peer->quarantined = old->quarantined;
        bool newer = peer->card.card_seq > old->card.card_seq;
        if (peer->address[0] == '\0') {
            memcpy(peer->address, old->address, sizeof peer->address);
        }
        TRY(sync_load(engine, peer));
        TRY(save_peer(command, peer, "peer.card",
                      newer ? "newer card by hand" : "address by hand"));
        peer_close(engine, old, ERR_LINK, command->now);
        engine->peers[i] = peer;
        *added = NULL;
        peer_free(&old);
        world_refresh(engine);
        return OK;
    }
    TRY(engine->peer_count < STORE_PEERS_MAX ? OK : ERR_TOO_LARGE);
    TRY(sync_load(engine, peer));
    TRY(save_peer(command, peer, "peer.added", "not verified yet"));
    engine->peers[engine->peer_count++] = peer;
    *added = NULL;
    world_refresh(engine);
out:
    return err;
}

static enum error handle_add(struct command *command)
{
    struct engine *engine = command->engine;
    struct buffer bundle = buffer_init(IDENTITY_BUNDLE_MAX_BYTES + 64);
    struct view address = value_get_text(command->arguments, "address");
    struct store_peer row = {.address = address};
    struct peer *peer = NULL;
    enum error err = OK;

    if (address.size > 0 && !endpoint_is_valid(address)) {
        return problem_add(command->problems, ERR_FIELD_VALUE, "address",
                           "it must be tcp://HOST:PORT");
    }
    TRY(armor_read(card_kind, value_get_text(command->arguments, "card"), &bundle));
    row.bundle = view_of_buffer(&bundle);
    err = peer_load(engine, free_number(engine), &row, &peer);
    if (err == ERR_NOT_CANONICAL || err == ERR_TOO_LARGE) {
        err = ERR_CARD_UNREADABLE;
    }
    TRY(err);
    TRY(card_in_force(&peer->card, command->now.wall) ? OK : ERR_CARD_DATES);
    TRY(check_known(command, peer));
    struct peer *shown = peer;
    TRY(adopt(command, &peer));
    peer_changed(engine, shown, command->now);
    TRY(put_added(command, shown));
out:
    peer_free(&peer);
    buffer_free(&bundle);
    return err;
}

/* --- verifying ----------------------------------------------------------------------------- */

static enum error handle_verify(struct command *command)
{
    struct peer *peer = commands_peer(command);
    char detail[AUDIT_DETAIL_MAX_BYTES];
    unsigned bad_group = 0;
    enum error err = OK;

    if (peer == NULL) {
        return ERR_STATE_UNKNOWN;
    }
    err = safety_compare(value_get_text(command->arguments, "number"), &peer->identity.node,
                         &bad_group);
    if (err == ERR_SAFETY_DIGIT) {
        return problem_add(command->problems, err, "number",
                           "group %u does not add up: have it said again", bad_group);
    }
    if (err == ERR_SAFETY_MISMATCH) {
        err = problem_add(command->problems, err, "number",
                          "this is not the safety number of the card held for %s",
                          peer->identity.state);
        problem_mend(command->problems,
                     "do not go on; get the card again by another way: valise peer add FILE");
    }
    TRY(err);
    const enum peer_standing before = peer->standing;
    /* Comparing again does not end a pause. */
    peer->standing = before == PEER_PAUSED ? PEER_PAUSED : PEER_VERIFIED;
    peer->verified_at = command->now.wall;
    (void)snprintf(peer->verified_who, sizeof peer->verified_who, "%s",
                   commands_text(command, "who"));
    (void)snprintf(peer->verified_how, sizeof peer->verified_how, "%s",
                   commands_text(command, "how"));
    (void)snprintf(detail, sizeof detail, "%s; %s", peer->verified_how, peer->verified_who);
    err = save_peer(command, peer, "peer.verified", detail);
    if (err != OK) {
        peer->standing = before;
        return err;
    }
    peer_changed(command->engine, peer, command->now);
    TRY(put_added(command, peer));
out:
    return err;
}

/* --- list and ping ------------------------------------------------------------------------- */

static const char *standing_word(const struct peer *peer)
{
    static const char *const words[] = {[PEER_UNVERIFIED] = "not verified",
                                        [PEER_VERIFIED] = "verified",
                                        [PEER_PAUSED] = "paused",
                                        [PEER_REMOVED] = "removed"};

    return peer->frozen[0] != '\0' ? "frozen" : words[peer->standing];
}

static enum error put_row(struct command *command, const struct peer *peer, struct value *list)
{
    struct arena *arena = command->arena;
    struct value *row = value_map(arena);
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(value_put_string(arena, row, "state", peer->identity.state));
    TRY(value_put_string(arena, row, "name", peer->identity.name));
    TRY(value_put_string(arena, row, "standing", standing_word(peer)));
    TRY(value_put_string(arena, row, "session", peer_state_name(peer->state)));
    TRY(value_put_string(arena, row, "address",
                         peer->address[0] != '\0'        ? peer->address
                         : peer->card.endpoint_count > 0 ? peer->card.endpoints[0]
                                                         : ""));
    TRY(value_put_integer(arena, row, "ours", peer->out.seq));
    TRY(value_put_integer(arena, row, "acknowledged", peer->out_acked));
    TRY(value_put_integer(arena, row, "theirs", peer->in.seq));
    TRY(value_put_integer(arena, row, "missing", peer->in_head - peer->in.seq));
    TRY(value_put_integer(arena, row, "pending", peer->pending));
    TRY(value_put_string(arena, row, "software", peer->software));
    TRY(value_put_string(arena, row, "frozen", peer->frozen));
    TRY(value_put_string(arena, row, "card_until", instant_format(peer->card.not_after, text)));
    if (peer->verified_at.ms != 0) {
        char day[DATE_TEXT_BYTES];
        TRY(value_put_string(arena, row, "verified",
                             arena_printf(arena, "%s %s, %s",
                                          instant_format_date(peer->verified_at, day),
                                          peer->verified_how, peer->verified_who)));
    }
    if (peer->last_error != OK) {
        TRY(value_put_string(arena, row, "last_error", error_info(peer->last_error)->code));
    }
    TRY(put_safety(command, &peer->identity, row));
    TRY(value_append(arena, list, row));
out:
    return err;
}

static enum error handle_list(struct command *command)
{
    struct value *list = value_list(command->arena);
    enum error err = OK;

    for (size_t i = 0; i < command->engine->peer_count; i++) {
        if (command->engine->peers[i]->standing != PEER_REMOVED) {
            TRY(put_row(command, command->engine->peers[i], list));
        }
    }
    TRY(value_put(command->arena, command->result, "peers", list));
out:
    return err;
}

/* Start or renew the attempt, and tell how far it is; the caller asks again until it is there. */
static enum error handle_ping(struct command *command)
{
    struct arena *arena = command->arena;
    struct peer *peer = commands_peer(command);
    struct message ping = {.type = MESSAGE_PING};
    enum error err = OK;

    if (peer == NULL) {
        return ERR_STATE_UNKNOWN;
    }
    if (peer->state == PEER_BACKOFF) {
        /* At once, but not at every question: the other side counts greetings. */
        int64_t earliest_ms = peer->dialled_ms + PING_DIAL_MS;
        int64_t soon_ms =
            command->now.steady_ms > earliest_ms ? command->now.steady_ms : earliest_ms;
        peer->dial_at_ms = peer->dial_at_ms < soon_ms ? peer->dial_at_ms : soon_ms;
    } else if (peer_is_steady(peer)) {
        ping.time.time = command->now.wall;
        peer->session.ping_at_ms = command->now.steady_ms;
        peer->round_trip_ms = -1;
        (void)session_send(command->engine, peer, &ping);
    }
    TRY(value_put_string(arena, command->result, "state", peer->identity.state));
    TRY(value_put_string(arena, command->result, "standing", standing_word(peer)));
    TRY(value_put_string(arena, command->result, "session", peer_state_name(peer->state)));
    TRY(value_put_integer(arena, command->result, "step", peer->state));
    TRY(value_put_bool(arena, command->result, "in_touch", peer_is_steady(peer)));
    TRY(value_put_integer(arena, command->result, "clock_ahead_ms", peer->clock_ahead_ms));
    TRY(value_put_string(arena, command->result, "software", peer->software));
    if (peer->last_error != OK && !peer_is_steady(peer)) {
        TRY(value_put_string(arena, command->result, "last_error",
                             error_info(peer->last_error)->code));
    }
out:
    return err;
}

/* --- standing ------------------------------------------------------------------------------ */

static enum error set_standing(struct command *command, enum peer_standing from,
                               enum peer_standing to, const char *event)
{
    struct peer *peer = commands_peer(command);
    enum error err = OK;

    if (peer == NULL) {
        return ERR_STATE_UNKNOWN;
    }
    if (to != PEER_REMOVED && peer->standing != from) {
        return problem_add(command->problems, ERR_RECORD_CONFLICT, "state", "%s is %s",
                           peer->identity.state, standing_word(peer));
    }
    const enum peer_standing before = peer->standing;
    peer->standing = to;
    err = save_peer(command, peer, event, commands_text(command, "reason"));
    if (err != OK) {
        peer->standing = before;
        return err;
    }
    peer_changed(command->engine, peer, command->now);
    return value_put_string(command->arena, command->result, "standing", standing_word(peer));
}

static enum error handle_pause(struct command *command)
{
    return set_standing(command, PEER_VERIFIED, PEER_PAUSED, "peer.paused");
}

static enum error handle_resume(struct command *command)
{
    return set_standing(command, PEER_PAUSED, PEER_VERIFIED, "peer.resumed");
}

static enum error handle_remove(struct command *command)
{
    const struct policy_world *world = command->engine->world;
    const struct peer *peer = commands_peer(command);

    if (peer == NULL) {
        return ERR_STATE_UNKNOWN;
    }
    /* A group that names a State without node could not be published to any more. */
    for (size_t i = 0; i < world->group_count; i++) {
        const struct policy_group *group = &world->groups[i];
        for (size_t s = 0; s < group->count; s++) {
            if (strcmp(group->states[s], peer->identity.state) == 0) {
                enum error err =
                    problem_add(command->problems, ERR_RECORD_CONFLICT, "state",
                                "%s is a member of group %s", peer->identity.state, group->name);
                problem_mend(command->problems,
                             "first define the group without it: valise group define %s …",
                             group->name);
                return err;
            }
        }
    }
    return set_standing(command, PEER_VERIFIED, PEER_REMOVED, "peer.removed");
}

/* --- groups -------------------------------------------------------------------------------- */

static enum error handle_define(struct command *command)
{
    struct engine *engine = command->engine;
    enum error err = world_define_group(
        engine, command->caller->user, value_get_text(command->arguments, "name"),
        value_get(command->arguments, "states"), command->problems, command->now);

    return err == OK ? value_put_text(command->arena, command->result, "name",
                                      value_get_text(command->arguments, "name"))
                     : err;
}

static enum error handle_group_list(struct command *command)
{
    struct arena *arena = command->arena;
    struct value *list = value_list(arena);
    enum error err = OK;

    for (size_t i = 0; i < command->engine->world->group_count; i++) {
        const struct policy_group *group = &command->engine->world->groups[i];
        struct value *row = value_map(arena);
        struct value *states = value_list(arena);
        char id[ID_TEXT_BYTES];

        for (size_t s = 0; s < group->count; s++) {
            TRY(value_append(arena, states, value_string(arena, group->states[s])));
        }
        TRY(value_put_string(arena, row, "name", group->name));
        TRY(value_put(arena, row, "states", states));
        TRY(value_put_string(arena, row, "id", id_format(&group->group, id)));
        TRY(value_append(arena, list, row));
    }
    TRY(value_put(arena, command->result, "groups", list));
out:
    return err;
}

const struct command_row commands_peers[] = {
    {"peer.card", handle_card},
    {"peer.add", handle_add},
    {"peer.verify", handle_verify},
    {"peer.list", handle_list},
    {"peer.ping", handle_ping},
    {"peer.pause", handle_pause},
    {"peer.resume", handle_resume},
    {"peer.remove", handle_remove},
    {"group.define", handle_define},
    {"group.list", handle_group_list},
    {NULL, NULL},
};
