/* SPDX-License-Identifier: Apache-2.0 */
#include "hint.h"

#include "verbs.h"

#include <string.h>

static const char command[] = "valise ";
static const char plain[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%";

void hint_quote(const char *text, struct buffer *to)
{
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        buffer_append_text(to, text);
        return;
    }
    /* Within single quotes everything stands for itself, but a single quote ends them. */
    buffer_append_byte(to, '\'');
    for (; *text != '\0'; text++) {
        buffer_append_text(to, *text == '\'' ? "'\\''" : (char[]){*text, '\0'});
    }
    buffer_append_byte(to, '\'');
}

void hint_node(const struct options *options, struct buffer *to)
{
    const char *home = option_value(options, FLAG_HOME);
    const char *socket = option_value(options, FLAG_SOCKET);

    if (home != NULL || socket != NULL) {
        /* As client.c: the socket wins. */
        buffer_append_text(to, socket != NULL ? "--socket " : "--home ");
        hint_quote(socket != NULL ? socket : home, to);
    }
}

/* Whether the word begins a command that asks a node. */
static bool asks_node(const char *word)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);
    size_t size = strspn(word, "abcdefghijklmnopqrstuvwxyz");

    for (size_t i = 0; i < count && size > 0; i++) {
        const char *first = verbs[i].noun[0] == '\0' ? verbs[i].name : verbs[i].noun;
        if (verbs[i].asks != NULL && strlen(first) == size && strncmp(first, word, size) == 0) {
            return true;
        }
    }
    return false;
}

void hint_append(const char *node, const char *sentence, struct buffer *to)
{
    const char *found = NULL;

    while (node[0] != '\0' && (found = strstr(sentence, command)) != NULL) {
        const char *word = found + strlen(command);
        bool begins = found == sentence || found[-1] == ' ' || found[-1] == '(';
        buffer_append(to, view_of((const uint8_t *)sentence, (size_t)(word - sentence)));
        if (begins && asks_node(word)) {
            buffer_append_text(to, node);
            buffer_append_byte(to, ' ');
        }
        sentence = word;
    }
    buffer_append_text(to, sentence);
}
