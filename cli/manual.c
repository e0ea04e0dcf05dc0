/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include "version.h"

#include <string.h>

/* The manual page and the completion script, from the same tables as help. */

/* One character beyond ASCII, as groff names it. @return how many further bytes it takes. */
static size_t roff_wide(const char *text, struct buffer *to)
{
    unsigned char first = (unsigned char)text[0];
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    unsigned code = first & (0x3fU >> more);

    for (size_t i = 1; i <= more; i++) {
        code = code << 6 | ((unsigned char)text[i] & 0x3fU);
    }
    buffer_printf(to, "\\[u%04X]", code);
    return more;
}

/* Text for man: backslashes and leading dots would be commands, hyphens would be broken at. */
static void roff_text(const char *text, struct buffer *to)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            c += roff_wide(c, to);
        } else if (*c == '\\') {
            buffer_append_text(to, "\\e");
        } else if (*c == '-') {
            buffer_append_text(to, "\\-");
        } else if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n')) {
            buffer_append_text(to, "\\&");
            buffer_append_byte(to, (uint8_t)*c);
        } else {
            buffer_append_byte(to, (uint8_t)*c);
        }
    }
}

static void roff_line(const char *before, const char *text, const char *after, struct buffer *to)
{
    buffer_append_text(to, before);
    roff_text(text, to);
    buffer_append_text(to, after);
    buffer_append_byte(to, '\n');
}

static void roff_flag(enum flag flag, struct buffer *to)
{
    const struct flag_info *info = flag_info(flag);

    buffer_append_text(to, ".TP\n\\fB");
    if (info->letter != 0) {
        buffer_printf(to, "\\-%c\\fR, \\fB", info->letter);
    }
    buffer_append_text(to, "\\-\\-");
    roff_text(info->name, to);
    buffer_append_text(to, "\\fR");
    if (info->takes == VALUE_NEEDED) {
        buffer_append_text(to, " \\fI");
        roff_text(info->value, to);
        buffer_append_text(to, "\\fR");
    } else if (info->takes == VALUE_OPTIONAL) {
        buffer_append_text(to, "[=\\fI");
        roff_text(info->value, to);
        buffer_append_text(to, "\\fR]");
    }
    buffer_append_byte(to, '\n');
    roff_line("", info->help, ".", to);
}

static void roff_verb(const struct verb *verb, struct buffer *to)
{
    char title[64];
    const char *between = "Flags: ";

    buffer_append_text(to, ".TP\n\\fBvalise ");
    roff_text(verb_title(verb, title), to);
    buffer_append_text(to, "\\fR");
    roff_line(" ", verb->arguments, "", to);
    roff_line("", verb->help, ".", to);
    if (verb->more != NULL) {
        roff_line("", verb->more, "", to);
    }
    uint64_t flags = verb->flags & ~help_shared_flags(verb);
    for (int i = 0; i < FLAG_COUNT; i++) {
        if ((flags & FLAG_BIT(i)) == 0 || flag_info((enum flag)i)->hidden) {
            continue;
        }
        buffer_append_text(to, between);
        buffer_append_text(to, "\\-\\-");
        roff_text(flag_info((enum flag)i)->name, to);
        between = ", ";
    }
    buffer_append_text(to, between[0] == ',' ? ".\n" : "");
}

static void roff_verbs(const char *noun, struct buffer *to)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(verbs[i].noun, noun) == 0) {
            roff_verb(&verbs[i], to);
        }
    }
}

static void roff_exit_codes(struct buffer *to)
{
    size_t count = 0;
    const struct exit_code *codes = help_exit_codes(&count);

    buffer_append_text(to, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(to, ".TP\n%d\n", codes[i].code);
        roff_line("", codes[i].meaning, ".", to);
    }
    buffer_append_text(to, ".PP\nNew codes may come; an unknown code is a failure.\n");
}

/* A topic keeps its lines as they are. */
static void roff_topic(const struct topic *topic, struct buffer *to)
{
    struct buffer text = buffer_init(64 * 1024);

    topic->write(&text);
    const char *lines = buffer_text(&text);
    roff_line(".SS ", topic->name, "", to);
    buffer_append_text(to, ".nf\n");
    roff_text(lines == NULL ? "" : lines, to);
    buffer_append_text(to, ".fi\n");
    buffer_free(&text);
}

void help_manual(struct buffer *to)
{
    size_t count = 0;
    const struct noun *nouns = nouns_table(&count);

    buffer_append_text(to, ".\\\" SPDX\\-License\\-Identifier: Apache\\-2.0\n"
                           ".\\\" Written by: valise help \\-\\-man\n");
    buffer_printf(to, ".TH VALISE 1 \"\" \"valise %s\" \"User Commands\"\n", VALISE_VERSION);
    buffer_append_text(to, ".SH NAME\nvalise \\- sealed and signed exchange between States that "
                           "are party to the Arms Trade Treaty\n"
                           ".SH SYNOPSIS\n\\fBvalise\\fR [\\fInoun\\fR] \\fIverb\\fR "
                           "[\\fIargument\\fR ...] [\\fIflags\\fR]\n"
                           ".SH DESCRIPTION\nvalise tells the node of a State, \\fBvalised\\fR, "
                           "what to do. Flags may stand anywhere; \\fB\\-\\-\\fR ends them; "
                           "\\fB\\-\\fR is standard input. Without arguments it shows the status. "
                           "A noun alone lists.\n"
                           ".SH EVERYDAY COMMANDS\n");
    roff_verbs("", to);
    for (size_t i = 0; i < count; i++) {
        roff_line(".SH COMMANDS ABOUT ", nouns[i].name, "", to);
        roff_line("", nouns[i].help, ".", to);
        roff_verbs(nouns[i].name, to);
    }
    buffer_append_text(to, ".SH FLAGS\n");
    for (int i = 0; i < FLAG_COUNT; i++) {
        if (!flag_info((enum flag)i)->hidden) {
            roff_flag((enum flag)i, to);
        }
    }
    roff_exit_codes(to);
    buffer_append_text(to, ".SH TOPICS\n");
    const struct topic *topics = help_topics(&count);
    for (size_t i = 1; i < count; i++) {
        roff_topic(&topics[i], to);
    }
    buffer_append_text(to, ".SH SEE ALSO\n\\fBvalised.conf\\fR(5)\n");
}

/* --- completion for bash ------------------------------------------------------------------- */

static void verb_words(const char *noun, struct buffer *to)
{
    size_t count = 0;
    const struct verb *verbs = verbs_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(verbs[i].noun, noun) == 0) {
            buffer_printf(to, " %s", verbs[i].name);
        }
    }
}

/* What a command's words are completed with. */
static const char *word_source(const struct verb *verb)
{
    bool drafts = strcmp(verb->noun, "draft") == 0 || strcmp(verb->name, "publish") == 0;

    if (verb->most == 0) {
        return "nothing";
    }
    if (drafts) {
        return "drafts";
    }
    if (strstr(verb->arguments, "STATE") != NULL) {
        return "states";
    }
    if (strstr(verb->arguments, "FILE") != NULL) {
        return "files";
    }
    return strstr(verb->arguments, "REF") != NULL ? "references" : "nothing";
}

static void completion_case(const struct verb *verb, struct buffer *to)
{
    if (verb->noun[0] == '\0') {
        buffer_printf(to, "    \"%s \"*)", verb->name);
    } else {
        buffer_printf(to, "    \"%s %s\")", verb->noun, verb->name);
    }
    buffer_printf(to, " source=%s flags=\"", word_source(verb));
    for (int i = 0; i < FLAG_COUNT; i++) {
        if ((verb->flags & FLAG_BIT(i)) != 0 && !flag_info((enum flag)i)->hidden) {
            buffer_printf(to, "--%s ", flag_info((enum flag)i)->name);
        }
    }
    buffer_append_text(to, "\" ;;\n");
}

static const char completion_begin[] =
    "# Completion of valise for bash. Printed by: valise completion bash\n"
    "_valise() {\n"
    "  local cur=${COMP_WORDS[COMP_CWORD]} words=() node=() source=nothing flags=--help list= i\n"
    "  COMPREPLY=()\n"
    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "    case ${COMP_WORDS[i]} in\n"
    "    --home|--socket) node=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[i + 1]}\"); ((i++)) ;;\n"
    "    -*) ;;\n"
    "    *) words+=(\"${COMP_WORDS[i]}\") ;;\n"
    "    esac\n"
    "  done\n";

static const char completion_end[] =
    "  if [[ $cur == -* ]]; then\n"
    "    COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
    "    return\n"
    "  fi\n"
    "  case $source in\n"
    "  files) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
    "  states) list=$(valise peer list -o ids \"${node[@]}\" 2>/dev/null) ;;\n"
    "  drafts) list=$(valise draft list -o ids \"${node[@]}\" 2>/dev/null) ;;\n"
    "  references) list=$(for k in denial broker case; do\n"
    "      valise $k list --limit 200 -o ids \"${node[@]}\" 2>/dev/null; done) ;;\n"
    "  words) list=$flags ;;\n"
    "  esac\n"
    "  COMPREPLY=($(compgen -W \"$list\" -- \"$cur\"))\n"
    "  [[ $COMPREPLY ]] || COMPREPLY=($(compgen -W \"$list\" -- \"${cur^^}\"))\n"
    "}\n"
    "complete -F _valise valise\n";

void help_completion(struct buffer *to)
{
    size_t verb_count = 0;
    size_t noun_count = 0;
    const struct verb *verbs = verbs_table(&verb_count);
    const struct noun *nouns = nouns_table(&noun_count);

    buffer_append_text(to, completion_begin);
    buffer_append_text(to, "  case \"${words[0]} ${words[1]}\" in\n");
    for (size_t i = 0; i < verb_count; i++) {
        completion_case(&verbs[i], to);
    }
    for (size_t i = 0; i < noun_count; i++) {
        buffer_printf(to, "    \"%s \") source=words flags=\"", nouns[i].name);
        verb_words(nouns[i].name, to);
        buffer_append_text(to, "\" ;;\n");
    }
    buffer_append_text(to, "    \" \") source=words flags=\"");
    verb_words("", to);
    for (size_t i = 0; i < noun_count; i++) {
        buffer_printf(to, " %s", nouns[i].name);
    }
    buffer_append_text(to, "\" ;;\n  esac\n");
    buffer_append_text(to, completion_end);
}
