/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "judge.h"
#include "preview.h"
#include "render.h"

#include <string.h>

enum { PAGE_BYTES = 4 * 1024 * 1024 };

static const char received[] =
    "{\"schema\":\"valise/denial/1\",\"reference\":\"DN-XMA-2026-0014\",\"version\":2,"
    "\"originator\":{\"state\":\"XMA\",\"authority\":\"Export Licensing Directorate\"},"
    "\"issued_at\":\"2026-03-11T09:42:00Z\",\"lang\":\"en\","
    "\"body\":{\"denial_type\":\"licence_refused\",\"destination\":\"NAM\",\"denied_on\":"
    "\"2026-03-02\",\"items\":[{\"description\":\"rifles\",\"att\":\"ATT-2.1.h\",\"quantity\":40,"
    "\"unit\":\"piece\"},{\"description\":\"cartridges\",\"att\":\"ATT-3\"}],"
    "\"grounds\":[{\"scheme\":\"ATT\",\"code\":\"ATT-11.2\",\"threshold\":\"risk\"}],"
    "\"parties\":{\"sealed\":true},\"stated_end_use\":\"first line\\nsecond line\"},"
    "\"node\":{\"standing\":\"current\",\"own\":false,\"verified\":true,"
    "\"received_at\":\"2026-03-11T10:00:00Z\",\"sections\":{\"manifest\":\"reads\","
    "\"summary\":\"reads\",\"parties\":\"sealed\",\"details\":\"reads\","
    "\"restricted\":\"sealed\",\"attachments\":\"sealed\"}}}";

/** A record rendered. */
struct page {
    struct arena *arena;
    struct buffer text;
};

static struct page render(const char *text, unsigned sections)
{
    struct page page = {big_arena(), buffer_init(PAGE_BYTES)};
    struct cli cli = {.arena = page.arena, .width = 80};

    render_record(&cli, json(page.arena, text), sections, &page.text);
    assert_ok(page.text.error);
    return page;
}

static void page_free(struct page *page)
{
    buffer_free(&page->text);
    arena_free(&page->arena);
}

static void holds(struct page *page, const char *wanted)
{
    const char *text = buffer_text(&page->text);

    if (strstr(text, wanted) == NULL) {
        print_error("no \"%s\" in:\n%s\n", wanted, text);
    }
    assert_non_null(strstr(text, wanted));
}

static void lacks(struct page *page, const char *unwanted)
{
    assert_null(strstr(buffer_text(&page->text), unwanted));
}

static void a_record_is_shown_section_by_section(void **state)
{
    struct page page = render(received, RENDER_ALL);

    (void)state;
    holds(&page, "DN-XMA-2026-0014  Denial by XMA, Export Licensing Directorate");
    holds(&page, "version 2, current");
    holds(&page, "✓ signature verified here");
    holds(&page, "\nSummary\n");
    holds(&page, "\n  items 1\n    description         rifles\n");
    holds(&page, "\n  items 2\n");
    holds(&page, "\nDetails\n");
    page_free(&page);
}

static void codes_are_followed_by_their_meaning(void **state)
{
    struct page page = render(received, RENDER_ALL);

    (void)state;
    holds(&page, "ATT-2.1.h (Small arms and light weapons)");
    holds(&page, "NAM (Namibia)");
    holds(&page, "ATT-11.2 (Risk of diversion)");
    /* A code that says it all is not said twice. */
    holds(&page, "denial type           licence_refused\n");
    page_free(&page);
}

static void a_sealed_section_is_a_heading_alone(void **state)
{
    struct page page = render(received, RENDER_ALL);

    (void)state;
    holds(&page, "\nParties  sealed to you, if it holds anything\n");
    holds(&page, "\nRestricted  sealed to you, if it holds anything\n");
    page_free(&page);
}

static void a_sealed_field_of_an_open_section_is_told(void **state)
{
    struct arena *arena = big_arena();
    struct value *record = json(arena, received);
    struct buffer text = buffer_init(PAGE_BYTES);
    const struct cli cli = {.arena = arena, .width = 80};

    (void)state;
    set_at(arena, record, "/node/sections/parties", json_value(arena, "\"reads\""));
    render_record(&cli, record, RENDER_ALL, &text);
    assert_non_null(strstr(buffer_text(&text), "  parties               sealed to you\n"));
    buffer_free(&text);
    arena_free(&arena);
}

static void lines_stay_lines_under_each_other(void **state)
{
    struct page page = render(received, RENDER_ALL);

    (void)state;
    holds(&page, "  stated end use        first line\n                        second line\n");
    page_free(&page);
}

static void chosen_sections_come_alone(void **state)
{
    struct page page = render(received, 1U << SECTION_DETAILS);

    (void)state;
    holds(&page, "\nDetails\n");
    lacks(&page, "\nSummary\n");
    lacks(&page, "Parties");
    page_free(&page);
}

/* L09 */
static void L09_texts_of_peers_cannot_command_the_terminal(void **state)
{
    struct arena *arena = big_arena();
    struct value *record = json(arena, received);
    struct buffer text = buffer_init(PAGE_BYTES);
    const struct cli cli = {.arena = arena, .width = 80};

    (void)state;
    set_at(arena, record, "/body/items/0/description", json_value(arena, "\"\\u001b[2Jclear\""));
    set_at(arena, record, "/originator/authority", json_value(arena, "\"\\u202eevil\""));
    set_at(arena, record, "/body/stated_end_use", json_value(arena, "\"a\\u0007b\""));
    render_record(&cli, record, RENDER_ALL, &text);
    render_raw(record, &text);
    for (size_t i = 0; i < text.size; i++) {
        assert_true(text.data[i] >= 0x20 || text.data[i] == '\n' || text.data[i] == '\t');
    }
    assert_null(strstr(buffer_text(&text), "\xe2\x80\xae"));
    buffer_free(&text);
    arena_free(&arena);
}

static void a_record_of_the_wrong_shape_is_shown_as_far_as_it_goes(void **state)
{
    static const char *const odd[] = {
        "{\"schema\":\"valise/denial/1\"}",
        "{\"schema\":\"valise/denial/1\",\"body\":7,\"handling\":[],\"node\":\"x\"}",
        "{\"schema\":\"valise/denial/"
        "1\",\"body\":{\"items\":{},\"grounds\":[7,[]],\"parties\":\"x\","
        "\"destination\":{},\"transport\":[]}}",
        "{\"schema\":\"valise/unknown/9\",\"body\":{}}",
        "{}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct page page = render(odd[i], RENDER_ALL);
        page_free(&page);
    }
}

static void raw_lines_are_pointers_and_values(void **state)
{
    struct arena *arena = big_arena();
    struct buffer text = buffer_init(PAGE_BYTES);

    (void)state;
    render_raw(json(arena, "{\"b\":[1,true],\"a\":{\"c\":\"x\\ty\"}}"), &text);
    assert_view(view_of_buffer(&text), "/a/c\tx\\u{9}y\n/b/0\t1\n/b/1\tyes\n");
    buffer_free(&text);
    arena_free(&arena);
}

/* --- preview ------------------------------------------------------------------------------- */

static void the_preview_tells_reads_sealed_and_nothing(void **state)
{
    struct arena *arena = big_arena();
    struct buffer text = buffer_init(PAGE_BYTES);

    (void)state;
    preview_table(
        json(arena,
             "{\"sections\":[\"summary\",\"restricted\"],\"order\":[\"XMA\",\"XNH\",\"XOR\"],"
             "\"readers\":{\"XMA\":{\"summary\":true,\"restricted\":true},"
             "\"XNH\":{\"summary\":true,\"restricted\":false},"
             "\"XOR\":{\"summary\":false,\"restricted\":false}}}"),
        &text);
    assert_view(view_of_buffer(&text), "        summary  restricted\n"
                                       "  XMA   reads    reads\n"
                                       "  XNH   reads    sealed\n"
                                       "  XOR   -        -\n");
    buffer_free(&text);
    arena_free(&arena);
}

static void persons_are_counted_wherever_they_stand(void **state)
{
    struct arena *arena = big_arena();

    (void)state;
    assert_int_equal(judge_persons(json(arena, "{\"body\":{\"parties\":[{\"type\":\"person\"},"
                                               "{\"type\":\"vessel\"}],\"subjects\":[{\"type\":"
                                               "\"person\"}]}}")),
                     2);
    assert_int_equal(judge_persons(json(arena, "{\"body\":{\"parties\":{\"sealed\":true}}}")), 0);
    assert_int_equal(judge_persons(json(arena, "{}")), 0);
    arena_free(&arena);
}

static void a_record_is_recognised_by_its_goods_or_name(void **state)
{
    struct arena *arena = big_arena();
    struct cli cli = {.arena = arena};

    (void)state;
    assert_string_equal(judge_headline(&cli, json(arena, received)),
                        "Denial: rifles, 40 piece, to NAM");
    assert_string_equal(
        judge_headline(&cli, json(arena, "{\"schema\":\"valise/broker-alert/1\",\"body\":{"
                                         "\"subjects\":[{\"names\":[{\"name\":\"Haddar\"}]}]}}")),
        "Broker alert: Haddar");
    assert_string_equal(judge_headline(&cli, json(arena, "{}")), "Record");
    arena_free(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_shown_section_by_section),
        cmocka_unit_test(codes_are_followed_by_their_meaning),
        cmocka_unit_test(a_sealed_section_is_a_heading_alone),
        cmocka_unit_test(a_sealed_field_of_an_open_section_is_told),
        cmocka_unit_test(lines_stay_lines_under_each_other),
        cmocka_unit_test(chosen_sections_come_alone),
        cmocka_unit_test(L09_texts_of_peers_cannot_command_the_terminal),
        cmocka_unit_test(a_record_of_the_wrong_shape_is_shown_as_far_as_it_goes),
        cmocka_unit_test(raw_lines_are_pointers_and_values),
        cmocka_unit_test(the_preview_tells_reads_sealed_and_nothing),
        cmocka_unit_test(persons_are_counted_wherever_they_stand),
        cmocka_unit_test(a_record_is_recognised_by_its_goods_or_name),
    };

    return RUN(tests);
}
