/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "value.h"

#include "failing.h"

#include <string.h>

static void maps_keep_their_keys_in_bytewise_order(void **state)
{
    struct arena *arena = big_arena();
    struct value *map = value_map(arena);

    (void)state;
    assert_ok(value_put_integer(arena, map, "b", 2));
    assert_ok(value_put_integer(arena, map, "aa", 3));
    assert_ok(value_put_integer(arena, map, "a", 1));
    assert_ok(value_put_integer(arena, map, "\xc3\xa9", 4));
    assert_int_equal(map->count, 4);
    for (size_t i = 1; i < map->count; i++) {
        assert_true(view_compare(map->members[i - 1].key, map->members[i].key) < 0);
    }
    arena_free(&arena);
}

static void putting_a_key_again_replaces_its_value(void **state)
{
    struct arena *arena = big_arena();
    struct value *map = value_map(arena);

    (void)state;
    assert_ok(value_put_integer(arena, map, "a", 1));
    assert_ok(value_put_integer(arena, map, "a", 2));
    assert_int_equal(map->count, 1);
    assert_true(value_get_integer(map, "a", 0) == 2);
    arena_free(&arena);
}

static void an_empty_text_is_not_put(void **state)
{
    struct arena *arena = big_arena();
    struct value *map = value_map(arena);

    (void)state;
    assert_ok(value_put_text(arena, map, "a", view_of(NULL, 0)));
    assert_ok(value_put_string(arena, map, "b", ""));
    assert_int_equal(map->count, 0);
    arena_free(&arena);
}

static void keys_can_be_removed(void **state)
{
    struct arena *arena = big_arena();
    struct value *map = json(arena, "{\"a\":1,\"b\":2,\"c\":3}");

    (void)state;
    value_remove(map, view_of_text("b"));
    value_remove(map, view_of_text("x"));
    assert_int_equal(map->count, 2);
    assert_null(value_get(map, "b"));
    assert_true(value_get_integer(map, "c", 0) == 3);
    arena_free(&arena);
}

static void getters_give_nothing_for_another_kind(void **state)
{
    struct arena *arena = big_arena();
    struct value *map = json(arena, "{\"t\":\"x\",\"n\":7,\"f\":true}");

    (void)state;
    assert_view(value_get_text(map, "t"), "x");
    assert_int_equal(value_get_text(map, "n").size, 0);
    assert_int_equal(value_get_text(NULL, "n").size, 0);
    assert_true(value_get_integer(map, "t", 5) == 5);
    assert_true(value_get_integer(map, "none", 5) == 5);
    assert_true(value_get_bool(map, "f"));
    assert_false(value_get_bool(map, "n"));
    assert_null(value_get(value_get(map, "t"), "x"));
    assert_null(value_get_view(NULL, view_of_text("x")));
    arena_free(&arena);
}

static void equal_trees_are_equal(void **state)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "[1]",
                                        "[2]",
                                        "[1,2]",
                                        "[\"1\"]",
                                        "[true]",
                                        "[false]",
                                        "[null]",
                                        "[[1]]",
                                        "{\"a\":1}",
                                        "{\"b\":1}",
                                        "{\"a\":2}",
                                        "{\"a\":{\"b\":[1]}}",
                                        "{\"a\":{\"b\":[2]}}"};
    struct arena *arena = big_arena();

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t j = 0; j < COUNT(texts); j++) {
            bool equal = value_equal(json(arena, texts[i]), json(arena, texts[j]));
            assert_int_equal(equal, i == j);
        }
    }
    assert_false(value_equal(json(arena, "{}"), NULL));
    arena_free(&arena);
}

static void pointers_lead_to_values(void **state)
{
    struct arena *arena = big_arena();
    struct value *root =
        json(arena, "{\"a\":[{\"b\":1},{\"c/d\":2}],\"~\":3,\"\":4,\"m\":{\"0\":5}}");

    (void)state;
#define AT(pointer) value_at(root, view_of_text(pointer))
    assert_ptr_equal(AT(""), root);
    assert_true(AT("/a/0/b")->number == 1);
    assert_true(AT("/a/1/c~1d")->number == 2);
    assert_true(AT("/~0")->number == 3);
    assert_true(AT("/")->number == 4);
    assert_true(AT("/m/0")->number == 5);
    assert_null(AT("a"));
    assert_null(AT("/a/2"));
    assert_null(AT("/a/00"));
    assert_null(AT("/a/-1"));
    assert_null(AT("/a/"));
    assert_null(AT("/a/x"));
    assert_null(AT("/a/18446744073709551616"));
    assert_null(AT("/a/0/b/c"));
    assert_null(AT("/none"));
    assert_null(value_at(NULL, view_of_text("/a")));
#undef AT
    arena_free(&arena);
}

static void a_step_of_a_pointer_has_a_limit(void **state)
{
    struct arena *arena = big_arena();
    struct value *root = value_map(arena);
    char key[258];

    (void)state;
    memset(key, 'k', sizeof key);
    key[0] = '/';
    assert_ok(value_set(arena, root, view_of(key + 1, 255), value_nil(arena)));
    assert_ok(value_set(arena, root, view_of(key + 1, 256), value_nil(arena)));
    assert_non_null(value_at(root, view_of(key, 256)));
    assert_null(value_at(root, view_of(key, 257)));
    assert_null(value_at(root, BYTES("/a\0b")));
    arena_free(&arena);
}

static void trees_survive_packing(void **state)
{
    struct arena *arena = big_arena();
    struct buffer to = buffer_init(1000);
    struct value *tree = json(arena, "{\"z\":[1,-1,\"x\",true,false,null,{}],\"a\":{\"b\":[]}}");
    struct value *again = NULL;

    (void)state;
    assert_ok(value_put(arena, tree, "y", value_bytes(arena, BYTES("\0\1"))));
    value_pack(&to, tree);
    assert_ok(to.error);
    assert_ok(pack_check(view_of_buffer(&to), 1000));
    assert_ok(value_unpack(arena, view_of_buffer(&to), &again));
    assert_true(value_equal(tree, again));
    buffer_free(&to);
    arena_free(&arena);
}

static void maps_with_integer_keys_are_no_trees(void **state)
{
    struct arena *arena = big_arena();
    struct value *tree = NULL;

    (void)state;
    assert_error(ERR_NOT_CANONICAL, value_unpack(arena, BYTES("\x81\x00\xc0"), &tree));
    assert_null(tree);
    arena_free(&arena);
}

static void bytes_that_are_no_single_value_are_refused(void **state)
{
    struct arena *arena = big_arena();
    struct value *tree = NULL;

    (void)state;
    assert_error(ERR_NOT_CANONICAL, value_unpack(arena, view_of("", 0), &tree));
    assert_error(ERR_NOT_CANONICAL, value_unpack(arena, BYTES("\xc0\xc0"), &tree));
    assert_error(ERR_NOT_CANONICAL, value_unpack(arena, BYTES("\x91\xc1"), &tree));
    arena_free(&arena);
}

static void unpacking_stays_within_the_arena(void **state)
{
    struct arena *arena = arena_new(1000);
    struct value *tree = NULL;

    (void)state;
    assert_error(ERR_TOO_LARGE,
                 value_unpack(arena,
                              BYTES("\x9f\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
                                    "\x01\x01\x01"),
                              &tree));
    failing_set(1);
    struct arena *fresh = arena_new(1000);
    assert_null(fresh);
    fresh = arena_new(1000);
    failing_set(1);
    assert_error(ERR_NO_MEMORY, value_unpack(fresh, BYTES("\xc0"), &tree));
    failing_set(0);
    arena_free(&fresh);
    arena_free(&arena);
}

static void a_copy_shares_nothing(void **state)
{
    struct arena *arena = big_arena();
    struct arena *other = big_arena();
    struct value *tree = json(arena, "{\"a\":[1,\"text\",{\"b\":true}],\"n\":null}");
    struct value *copy = NULL;

    (void)state;
    assert_ok(value_copy(other, tree, &copy));
    assert_true(value_equal(tree, copy));
    arena_free(&arena);
    assert_view(value_at(copy, view_of_text("/a/1"))->bytes, "text");
    arena_free(&other);
}

static void a_value_that_could_not_be_made_is_the_arenas_error(void **state)
{
    struct arena *arena = arena_new(4096);
    struct value *map = value_map(arena);
    struct value *list = value_list(arena);

    (void)state;
    assert_error(ERR_BUG, value_put(arena, map, "a", NULL));
    assert_error(ERR_BUG, value_append(arena, list, NULL));
    assert_error(ERR_TOO_LARGE, value_put(arena, map, "a", value_bytes(arena, view_of("", 5000))));
    assert_error(ERR_TOO_LARGE, value_append(arena, list, NULL));
    assert_int_equal(map->count + list->count, 0);
    arena_free(&arena);
}

static void lists_and_maps_grow(void **state)
{
    struct arena *arena = big_arena();
    struct value *list = value_list(arena);
    struct value *map = value_map(arena);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char key[12];
        (void)snprintf(key, sizeof key, "%d", (i * 7919) % 1000);
        assert_ok(value_append(arena, list, value_integer(arena, i)));
        assert_ok(value_put_integer(arena, map, key, i));
    }
    assert_int_equal(list->count, 1000);
    assert_int_equal(map->count, 1000);
    assert_true(list->items[999]->number == 999);
    for (size_t i = 1; i < 1000; i++) {
        assert_true(view_compare(map->members[i - 1].key, map->members[i].key) < 0);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_keep_their_keys_in_bytewise_order),
        cmocka_unit_test(putting_a_key_again_replaces_its_value),
        cmocka_unit_test(an_empty_text_is_not_put),
        cmocka_unit_test(keys_can_be_removed),
        cmocka_unit_test(getters_give_nothing_for_another_kind),
        cmocka_unit_test(equal_trees_are_equal),
        cmocka_unit_test(pointers_lead_to_values),
        cmocka_unit_test(a_step_of_a_pointer_has_a_limit),
        cmocka_unit_test(trees_survive_packing),
        cmocka_unit_test(maps_with_integer_keys_are_no_trees),
        cmocka_unit_test(bytes_that_are_no_single_value_are_refused),
        cmocka_unit_test(unpacking_stays_within_the_arena),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(a_value_that_could_not_be_made_is_the_arenas_error),
        cmocka_unit_test(lists_and_maps_grow),
    };

    return RUN(tests);
}
