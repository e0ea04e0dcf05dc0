/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "message.h"

int target_message(const uint8_t *data, size_t size)
{
    struct fuzz_world *world = fuzz_world();
    struct view bytes = view_of(data, size);
    struct arena *arena = fuzz_arena();
    struct message message;

    if (message_decode(bytes, arena, &message) == OK) {
        const struct message_info *info = message_info_find(data[0]);
        CHECK(info != NULL && info->type == message.type);
        fuzz_check_form(info->object, &message.session, view_of(data + 1, size - 1));
        if (message.type == MESSAGE_HELLO) {
            struct hello hello;
            if (hello_read(&message.hello, arena, &hello) == OK) {
                fuzz_check_form(&hello_info, &hello, message.hello.body);
            }
            (void)(hello_verify(&message.hello, world->us.keys.card.sign_key) == OK);
        }
    }
    arena_free(&arena);
    return 0;
}
