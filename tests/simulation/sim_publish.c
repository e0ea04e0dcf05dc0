/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_publish.h"

#include "sim_node.h"

#include "policy.h"
#include "reader.h"
#include "record_json.h"
#include "record_sections.h"

#include <stdlib.h>
#include <string.h>

enum {
    TEMPLATE_BYTES = 256 * 1024,
    FAT_LINE_BYTES = 1000,
    FAT_LINES_MIN = 880,
    FAT_LINES_MAX = 1000 /* of 1000 characters: the last sizes do not fit a batch */
};

/** A record to be, and who may read what of it. */
struct draft {
    struct value *record;
    bool has_list[SECTION_COUNT];
    unsigned list[SECTION_COUNT]; /* sets of node indexes; SECTION_MANIFEST stands for "*" */
    unsigned deny;
    bool fat;
    bool everybody;
};

static const char *const listed_sections[] = {"summary", "parties", "details", "restricted"};

bool publish_load_templates(struct sim *sim)
{
    char path[256];
    struct buffer text = buffer_init(TEMPLATE_BYTES);
    uint8_t *place = buffer_extend(&text, TEMPLATE_BYTES);
    FILE *file = NULL;

    (void)snprintf(path, sizeof path, "%.200s/vectors/records.json", sim->options.data);
    file = fopen(path, "r");
    if (file != NULL && place != NULL) {
        text.size = fread(place, 1, TEMPLATE_BYTES, file);
        (void)fclose(file);
    }
    bool good = file != NULL &&
                json_parse(view_of_buffer(&text), TEMPLATE_BYTES, sim->template_arena, NULL,
                           &sim->templates) == OK &&
                sim->templates->count > 0;
    buffer_free(&text);
    return good;
}

/* --- audiences ----------------------------------------------------------------------------- */

/* A list of terms, and the set of nodes that it names. */
static struct value *random_terms(struct sim *sim, size_t self, bool groups, unsigned *members)
{
    struct value *terms = value_list(sim->arena);
    enum error err = OK;

    *members = 0;
    for (size_t i = 0; i < sim->count; i++) {
        if (i != self && prng_chance(&sim->prng, 4000)) {
            *members |= 1U << i;
            TRY(value_append(sim->arena, terms,
                             value_string(sim->arena, arena_printf(sim->arena, "state:%s",
                                                                   sim->nodes[i].state))));
        }
    }
    if (terms->count == 0 || (groups && prng_chance(&sim->prng, 3000))) {
        const struct sim_group *group = &sim->groups[prng_below(&sim->prng, SIM_GROUPS)];
        size_t other = (self + 1 + prng_below(&sim->prng, (uint32_t)sim->count - 1)) % sim->count;
        *members |= groups ? group->members : 1U << other;
        TRY(value_append(
            sim->arena, terms,
            value_string(sim->arena,
                         groups ? arena_printf(sim->arena, "group:%s", group->name)
                                : arena_printf(sim->arena, "state:%s", sim->nodes[other].state))));
    }
out:
    return err == OK ? terms : NULL;
}

static struct value *everybody(struct sim *sim)
{
    struct value *terms = value_list(sim->arena);
    const char *term = arena_printf(sim->arena, "group:%s", sim->groups[0].name);

    return value_append(sim->arena, terms, value_string(sim->arena, term)) == OK ? terms : NULL;
}

static enum error add_deny(struct sim *sim, size_t self, struct value *handling,
                           struct draft *draft)
{
    struct value *list = value_list(sim->arena);
    size_t denied = (self + 1 + prng_below(&sim->prng, (uint32_t)sim->count - 1)) % sim->count;
    enum error err = OK;

    draft->deny = 1U << denied;
    TRY(value_append(
        sim->arena, list,
        value_string(sim->arena, arena_printf(sim->arena, "state:%s", sim->nodes[denied].state))));
    TRY(value_put(sim->arena, handling, "deny", list));
out:
    return err;
}

/* Now and then a place of the body moves to a stricter section. */
static enum error add_fields(struct sim *sim, struct value *handling, const struct value *record)
{
    static const char *const places[] = {"/stated_end_use", "/conduct_summary", "/recovery",
                                         "/parties/0", "/subjects/0"};
    struct value *fields = value_map(sim->arena);
    enum error err = OK;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (value_at(value_get(record, "body"), view_of_text(places[i])) != NULL &&
            prng_chance(&sim->prng, 3000)) {
            TRY(value_put_string(sim->arena, fields, places[i], "restricted"));
        }
    }
    if (fields->count > 0) {
        TRY(value_put(sim->arena, handling, "fields", fields));
    }
out:
    return err;
}

static enum error add_handling(struct sim *sim, size_t self, struct draft *draft)
{
    static const char *const labels[] = {"TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN", "TLP:RED"};
    const char *label = labels[draft->everybody ? 0 : prng_below(&sim->prng, 4)];
    bool red = strcmp(label, "TLP:RED") == 0;
    struct value *handling = value_map(sim->arena);
    struct value *read = value_map(sim->arena);
    struct value *purpose = value_list(sim->arena);
    enum error err = OK;

    if (draft->everybody) {
        draft->has_list[SECTION_MANIFEST] = true;
        draft->list[SECTION_MANIFEST] = sim->groups[0].members;
        TRY(value_put(sim->arena, read, "*", everybody(sim)));
    } else if (!prng_chance(&sim->prng, 500)) {
        draft->has_list[SECTION_MANIFEST] = true;
        TRY(value_put(sim->arena, read, "*",
                      random_terms(sim, self, !red, &draft->list[SECTION_MANIFEST])));
    }
    for (int s = SECTION_SUMMARY; s <= SECTION_RESTRICTED; s++) {
        if (!draft->everybody && prng_chance(&sim->prng, s == SECTION_RESTRICTED ? 6000 : 1000)) {
            draft->has_list[s] = true;
            TRY(value_put(sim->arena, read, listed_sections[s - SECTION_SUMMARY],
                          random_terms(sim, self, !red, &draft->list[s])));
        }
    }
    TRY(value_append(sim->arena, purpose, value_string(sim->arena, "licensing")));
    TRY(value_put_string(sim->arena, handling, "tlp", label));
    TRY(value_put(sim->arena, handling, "read", read));
    TRY(value_put(sim->arena, handling, "purpose", purpose));
    TRY(value_put_string(sim->arena, handling, "onward",
                         red || prng_chance(&sim->prng, 5000) ? "none" : "consent"));
    if (!draft->everybody && prng_chance(&sim->prng, 2500)) {
        TRY(add_deny(sim, self, handling, draft));
    }
    TRY(add_fields(sim, handling, draft->record));
    TRY(value_put(sim->arena, draft->record, "handling", handling));
out:
    return err;
}

/* What a node may read of the record, by the rules of the policy as people know them. */
static uint16_t audience_of(const struct draft *draft, uint16_t present, size_t node)
{
    uint16_t sections = 0;

    if (((draft->deny >> node) & 1U) != 0) {
        return 0;
    }
    for (int s = SECTION_SUMMARY; s < SECTION_SHARED_COUNT; s++) {
        int list = draft->has_list[s] ? s : SECTION_MANIFEST;
        bool named = draft->has_list[list] && ((draft->list[list] >> node) & 1U) != 0;
        if (named && ((present >> s) & 1U) != 0) {
            sections = (uint16_t)(sections | (1U << s) | (1U << SECTION_MANIFEST));
        }
    }
    return sections;
}

/* --- drafts -------------------------------------------------------------------------------- */

static enum error fatten(struct sim *sim, struct value *record)
{
    struct value *body = value_get(record, "body");
    struct value *lines = value_list(sim->arena);
    uint32_t count = FAT_LINES_MIN + prng_below(&sim->prng, FAT_LINES_MAX - FAT_LINES_MIN);
    char line[FAT_LINE_BYTES + 1];
    enum error err = OK;

    for (uint32_t i = 0; i < count; i++) {
        memset(line, 'a' + (int)(i % 26), FAT_LINE_BYTES);
        line[FAT_LINE_BYTES] = '\0';
        TRY(value_append(sim->arena, lines, value_string(sim->arena, line)));
    }
    TRY(value_put(sim->arena, body, "mitigation_considered", lines));
out:
    return err;
}

static const struct value *random_template(struct sim *sim, bool denial)
{
    for (;;) {
        const struct value *one =
            sim->templates->items[prng_below(&sim->prng, (uint32_t)sim->templates->count)];
        if (!denial || view_is(value_get_text(one, "schema"), "valise/denial/1")) {
            return one;
        }
    }
}

static enum error make_new(struct sim_node *node, struct draft *draft)
{
    struct sim *sim = node->sim;
    enum error err = OK;

    TRY(value_copy(sim->arena, random_template(sim, draft->fat), &draft->record));
    value_remove(draft->record, view_of_text("reference"));
    value_remove(draft->record, view_of_text("issued_at"));
    struct value *originator = value_get(draft->record, "originator");
    TRY(value_put_string(sim->arena, originator, "state", node->state));
    TRY(value_put_string(sim->arena, originator, "authority",
                         arena_printf(sim->arena, "Office %lld", (long long)sim->step)));
    if (draft->fat) {
        TRY(fatten(sim, draft->record));
    }
    TRY(add_handling(sim, node->index, draft));
out:
    return err;
}

static enum error make_version(struct sim_node *node, const struct ledger_entry *before,
                               struct draft *draft)
{
    struct sim *sim = node->sim;
    struct value *tree = NULL;
    enum error err = OK;

    TRY(value_unpack(sim->arena, view_of(before->tree.data, before->tree.size), &tree));
    TRY(value_copy(sim->arena, tree, &draft->record));
    value_remove(draft->record, view_of_text("issued_at"));
    TRY(value_put_integer(sim->arena, draft->record, "version", before->version + 1));
    TRY(value_put_string(
        sim->arena, draft->record, "supersedes",
        arena_printf(sim->arena, "%s#%lld", before->reference, (long long)before->version)));
    TRY(add_handling(sim, node->index, draft));
out:
    return err;
}

struct value *publish_sample(struct sim_node *node)
{
    struct draft draft = {0};

    return make_new(node, &draft) == OK ? draft.record : NULL;
}

/* --- publishing ---------------------------------------------------------------------------- */

/* Ask the node to keep the draft; take what it made of it. */
static enum error keep_draft(struct sim_node *node, struct draft *draft,
                             char reference[static REFERENCE_TEXT_BYTES])
{
    struct sim *sim = node->sim;
    struct value *arguments = value_map(sim->arena);
    struct value *named = value_map(sim->arena);
    struct control_reply reply;
    enum error err = OK;

    TRY(value_put(sim->arena, arguments, "record", draft->record));
    TRY(node_command(node, "draft.new", arguments, &reply));
    struct view text = value_get_text(reply.result, "reference");
    (void)snprintf(reference, REFERENCE_TEXT_BYTES, "%.*s", (int)text.size,
                   (const char *)text.data);
    TRY(value_put_string(sim->arena, named, "reference", reference));
    TRY(node_command(node, "draft.show", named, &reply));
    TRY(value_copy(sim->arena, value_get(reply.result, "record"), &draft->record));
out:
    return err;
}

/* Write down what is about to be published. */
static enum error note(struct sim_node *node, struct draft *draft, struct ledger_entry *entry)
{
    struct sim *sim = node->sim;
    struct record_parts parts = {{NULL}};
    enum error err = OK;

    entry->originator = node->index;
    entry->fat = draft->fat;
    entry->version = value_get_integer(draft->record, "version", 1);
    TRY(record_check(draft->record, RECORD_OWN, sim->arena, NULL, NULL));
    TRY(record_split(draft->record, sim->arena, &parts));
    ledger_keep(sim, &entry->tree, draft->record);
    for (int s = 0; s < SECTION_COUNT; s++) {
        if (parts.section[s] == NULL) {
            continue;
        }
        ledger_keep(sim, &entry->parts[s], parts.section[s]);
        if (s < SECTION_SHARED_COUNT) {
            entry->present = (uint16_t)(entry->present | (1U << s));
        }
    }
    for (size_t i = 0; i < sim->count; i++) {
        entry->audience[i] = i == node->index ? 0 : audience_of(draft, entry->present, i);
        entry->expected[i] = entry->audience[i] != 0;
    }
out:
    return err;
}

/* The table that the officer sees says what the rules say. */
static void compare_preview(struct sim_node *node, const struct ledger_entry *entry,
                            const struct value *readers)
{
    struct sim *sim = node->sim;

    for (size_t i = 0; i < sim->count; i++) {
        const struct value *row = value_get(readers, sim->nodes[i].state);
        uint16_t shown = 0;

        for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
            if (value_get_bool(row, section_name((enum section_id)s))) {
                shown = (uint16_t)(shown | (1U << s));
            }
        }
        if (i != node->index && shown != entry->audience[i]) {
            sim_fail(sim, "I2", "%s %s: the preview gives %s the sections %x instead of %x",
                     node->state, entry->reference, sim->nodes[i].state, shown, entry->audience[i]);
        }
    }
}

static void publish(struct sim_node *node, struct draft *draft)
{
    struct sim *sim = node->sim;
    struct ledger_entry *entry = NULL;
    struct value *arguments = value_map(sim->arena);
    char reference[REFERENCE_TEXT_BYTES] = "";
    struct control_reply reply;
    enum error err = OK;

    TRY(keep_draft(node, draft, reference));
    entry = ledger_add(sim);
    (void)snprintf(entry->reference, sizeof entry->reference, "%s", reference);
    TRY(note(node, draft, entry));
    TRY(value_put_string(sim->arena, arguments, "reference", reference));
    TRY(node_command(node, "record.publish", arguments, &reply));
    compare_preview(node, entry, value_get(reply.result, "readers"));
    if (!ledger_learn(sim, entry)) {
        sim_fail(sim, "I1", "%s %s was published and is not there", node->state, reference);
    }
    sim->counts.published++;
    sim->counts.fat += draft->fat ? 1 : 0;
out:
    if (err != OK && !node->dying) {
        sim->counts.refused += node->commit_failed ? 0 : 1;
        /* Without a crash, what failed changed nothing. */
        if (entry != NULL) {
            entry->never = true;
        }
    }
    node_called(node);
}

void publish_new(struct sim_node *node, enum publish_kind kind)
{
    struct draft draft = {.fat = kind != PUBLISH_PLAIN, .everybody = kind == PUBLISH_FLOOD};

    arena_clear(node->sim->arena);
    arena_clear(node->sim->check_arena);
    if (make_new(node, &draft) == OK) {
        publish(node, &draft);
    }
}

void publish_version(struct sim_node *node)
{
    struct sim *sim = node->sim;
    struct draft draft = {0};
    const struct ledger_entry *before = NULL;

    arena_clear(sim->arena);
    arena_clear(sim->check_arena);
    for (int tries = 0; tries < 8 && before == NULL && sim->ledger.count > 0; tries++) {
        const struct ledger_entry *one =
            &sim->ledger.entries[prng_below(&sim->prng, (uint32_t)sim->ledger.count)];
        if (one->originator == node->index && ledger_is_sure(one) && !one->fat &&
            ledger_find_version(sim, view_of_text(one->reference), one->version + 1) == NULL) {
            before = one;
        }
    }
    if (before != NULL && make_version(node, before, &draft) == OK) {
        uint64_t published = sim->counts.published;
        publish(node, &draft);
        sim->counts.versions += sim->counts.published - published;
    }
}
