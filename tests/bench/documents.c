/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"

#include "bench.h"
#include "record_json.h"

enum {
    NUMBERS_PER_YEAR = 9999,
    FIRST_YEAR = 2000,
    USUAL_BYTES = 2000,
    LARGE_BYTES = 4096,
    DESCRIPTION_BYTES = 490
};

static const char *const syllables[] = {"ka", "ler", "mor", "dan", "vis", "to",  "ren", "sal",
                                        "im", "pet", "or",  "gal", "hen", "dra", "lu",  "bek"};
static const char *const words[] = {"quantity", "exceeds",  "the",    "needs",     "of",
                                    "stated",   "user",     "and",    "consignee", "was",
                                    "found",    "recently", "formed", "without",   "premises"};
static const char *const countries[] = {"XPE", "XTO", "XQU", "XRI", "XUR", "XBO", "XOR", "XNH"};
static const char *const entries[] = {"ML1.a", "ML3.a", "ML2.a", "ML4.a", "ML6.a", "ML10.c"};

#define PICK(list, dice) (list)[dice_roll((dice), sizeof(list) / sizeof((list)[0]))]

void document_reference(const char *state, size_t number,
                        char text[static DOCUMENT_REFERENCE_BYTES])
{
    unsigned year = FIRST_YEAR + (unsigned)(number / NUMBERS_PER_YEAR);

    (void)snprintf(text, DOCUMENT_REFERENCE_BYTES, "DN-%.3s-%04u-%04u", state, year % 10000,
                   (unsigned)(number % NUMBERS_PER_YEAR) + 1);
}

void document_identifier(size_t number, char text[static DOCUMENT_ID_BYTES])
{
    (void)snprintf(text, DOCUMENT_ID_BYTES, "RG%012zu", number * 7 + 100000000000);
}

static void put_name(struct dice *dice, struct buffer *to)
{
    for (int word = 0; word < 2; word++) {
        const char *first = PICK(syllables, dice);
        buffer_printf(to, "%s%c%s", word == 0 ? "" : " ", first[0] - 'a' + 'A', first + 1);
        for (uint64_t n = 1 + dice_roll(dice, 2); n > 0; n--) {
            buffer_append_text(to, PICK(syllables, dice));
        }
    }
}

/* Words until `bytes` are reached. */
static void put_prose(struct dice *dice, size_t bytes, struct buffer *to)
{
    size_t end = to->size + bytes;

    buffer_append_text(to, "The");
    while (to->size + 12 < end) {
        buffer_printf(to, " %s", PICK(words, dice));
    }
    while (to->size < end) {
        buffer_append_byte(to, '.');
    }
}

static void put_envelope(const struct document_wish *wish, struct buffer *to)
{
    char reference[DOCUMENT_REFERENCE_BYTES];

    document_reference(wish->state, wish->number, reference);
    buffer_printf(to,
                  "{\"schema\":\"valise/denial/1\",\"reference\":\"%s\",\"originator\":{\"state\":"
                  "\"%s\",\"authority\":\"Export Licensing Directorate\"},\"issued_at\":"
                  "\"2026-02-01T09:42:00Z\",\"lang\":\"en\",",
                  reference, wish->state);
    buffer_append_text(to, "\"handling\":{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":");
    buffer_append_text(to, wish->readers);
    buffer_append_text(to, "},\"onward\":\"none\",\"purpose\":[\"licensing\",\"enforcement\"],"
                           "\"use_until\":\"2029-03-02\"},");
}

static void put_item(const struct document_wish *wish, struct dice *dice, int line,
                     struct buffer *to)
{
    bool usual = wish->shape == DOCUMENT_USUAL;

    buffer_printf(to,
                  "%s{\"line\":%d,\"cml\":\"%s\",\"att\":\"ATT-2.1.h\",\"quantity\":%u,\"unit\":"
                  "\"piece\",\"form\":\"complete\",",
                  line == 1 ? "" : ",", line, PICK(entries, dice),
                  (unsigned)dice_roll(dice, 9000) + 1);
    if (usual) {
        buffer_printf(to, "\"hs\":\"930190\",\"unroca\":\"SA4\",\"model\":\"fictional KR-%u\",",
                      (unsigned)dice_roll(dice, 90) + 10);
    }
    buffer_append_text(to, "\"description\":\"");
    put_prose(dice, usual ? 60 : DESCRIPTION_BYTES, to);
    buffer_append_text(to, "\"}");
}

static void put_party(const struct document_wish *wish, struct dice *dice, const char *role,
                      struct buffer *to)
{
    char identifier[DOCUMENT_ID_BYTES];

    document_identifier(wish->number, identifier);
    buffer_printf(to, "{\"role\":\"%s\",\"type\":\"organisation\",\"names\":[{\"name\":\"", role);
    put_name(dice, to);
    buffer_append_text(to, "\",\"script\":\"Latn\",\"kind\":\"primary\"},{\"name\":\"");
    put_name(dice, to);
    buffer_append_text(to, " FZE\",\"script\":\"Latn\",\"kind\":\"alias\"}]");
    if (wish->shape == DOCUMENT_USUAL) {
        buffer_printf(to, ",\"country\":\"%s\"", PICK(countries, dice));
    }
    if (role[0] == 'c') {
        buffer_printf(to, ",\"ids\":[{\"scheme\":\"REG\",\"value\":\"%s\"}]", identifier);
    }
    buffer_append_text(to, "}");
}

static void put_body(const struct document_wish *wish, struct dice *dice, struct buffer *to)
{
    bool usual = wish->shape == DOCUMENT_USUAL;
    unsigned month = (unsigned)dice_roll(dice, 12) + 1;

    buffer_printf(to,
                  "\"body\":{\"denial_type\":\"licence_refused\",\"activity\":\"export\","
                  "\"denied_on\":\"2025-%02u-02\",\"active_until\":\"2028-%02u-02\","
                  "\"destination\":\"%s\",\"items\":[",
                  month, month, PICK(countries, dice));
    for (int line = 1; line <= (usual ? 1 : 5); line++) {
        put_item(wish, dice, line, to);
    }
    buffer_append_text(to, "],\"parties\":[");
    put_party(wish, dice, "consignee", to);
    buffer_append_text(to, ",");
    put_party(wish, dice, "stated_end_user", to);
    buffer_append_text(to, "],\"grounds\":[{\"scheme\":\"ATT\",\"code\":\"ATT-11.2\",\"threshold\":"
                           "\"");
    if (usual) {
        buffer_append_text(to, "risk of diversion\"},{\"scheme\":\"EU\",\"code\":\"EU-7\","
                               "\"threshold\":\"clear risk\"}],\"explanation\":\"");
    }
    size_t wanted = usual ? USUAL_BYTES : LARGE_BYTES;
    size_t used = to->size + (usual ? 3 : 5);
    put_prose(dice, wanted > used ? wanted - used : 3, to);
    buffer_append_text(to, usual ? "\"}}" : "\"}]}}");
}

void document_write(const struct document_wish *wish, struct buffer *to)
{
    struct dice dice = {wish->number * 2 + (wish->shape == DOCUMENT_USUAL ? 0 : 1)};

    buffer_clear(to);
    put_envelope(wish, to);
    put_body(wish, &dice, to);
    MUST(to->error == OK);
}

struct value *document_tree(const struct document_wish *wish, struct arena *arena)
{
    struct buffer text = buffer_init(DOCUMENT_MAX_BYTES);
    struct problems problems = {0};
    struct value *tree = NULL;

    document_write(wish, &text);
    enum error err = json_parse(view_of_buffer(&text), DOCUMENT_MAX_BYTES, arena, &problems, &tree);
    if (err != OK) {
        bench_say("%s %s", problems.items[0].where, problems.items[0].what);
    }
    MUST(err == OK);
    buffer_free(&text);
    return tree;
}

void job_documents(const struct bench_options *options)
{
    struct buffer text = buffer_init(DOCUMENT_MAX_BYTES);
    char reference[DOCUMENT_REFERENCE_BYTES];

    for (size_t i = 0; i < options->records; i++) {
        const struct document_wish wish = {DOCUMENT_USUAL, "XMA", i, "[\"state:XNH\"]"};
        document_write(&wish, &text);
        document_reference(wish.state, i, reference);
        (void)printf("%s\t%.*s\n", reference, (int)text.size, (const char *)text.data);
    }
    buffer_free(&text);
}
