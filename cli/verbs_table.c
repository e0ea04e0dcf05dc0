/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include <string.h>

#define BIT(name) FLAG_BIT(FLAG_##name)
#define PLAIN     (BIT(HELP) | BIT(QUIET) | BIT(COLOR))
#define COMMON    (PLAIN | BIT(JSON))
#define NODE      (COMMON | BIT(SOCKET) | BIT(HOME) | BIT(TIME_LIMIT) | BIT(VERBOSE))
#define LISTS     (NODE | BIT(OUTPUT) | BIT(FIELDS))
#define ASKS      (BIT(YES) | BIT(NO_INPUT))
#define WHY       (BIT(REASON) | BIT(REASON_FILE) | BIT(NO_INPUT))
#define FILTERS                                                                                    \
    (BIT(BY) | BIT(MINE) | BIT(DEST) | BIT(ML) | BIT(SINCE) | BIT(ALL_VERSIONS) | BIT(LIMIT))
#define WORDS_MANY 1000

/* The four commands that denials, broker records and cases share. */
#define RECORD_VERBS(noun, prefix, what)                                                           \
    {noun,                                                                                         \
     "list",                                                                                       \
     "",                                                                                           \
     0,                                                                                            \
     0,                                                                                            \
     LISTS | FILTERS,                                                                              \
     verb_record_list,                                                                             \
     "record.list",                                                                                \
     "the " what "s that are held here, newest first",                                             \
     {"valise " noun " list --mine", "valise " noun " list --dest NAM --since 2026 -o ids"},       \
     NULL},                                                                                        \
        {noun,                                                                                     \
         "new",                                                                                    \
         "[--from FILE|-]",                                                                        \
         0,                                                                                        \
         0,                                                                                        \
         NODE | BIT(FROM) | BIT(TEMPLATE) | BIT(DRY_RUN),                                          \
         verb_record_new,                                                                          \
         "draft.new",                                                                              \
         "keeps a draft, from a file or from standard input",                                      \
         {"valise " noun " new --template >draft.json", "valise " noun " new --from draft.json"},  \
         "Without a reference the draft gets the next free one. --dry-run checks and keeps "       \
         "nothing."},                                                                              \
        {noun,                                                                                     \
         "validate",                                                                               \
         "FILE|-",                                                                                 \
         1,                                                                                        \
         1,                                                                                        \
         COMMON,                                                                                   \
         verb_record_validate,                                                                     \
         NULL,                                                                                     \
         "checks a " what " in a file, without a node",                                            \
         {"valise " noun " validate draft.json", "valise " noun " validate - <draft.json"},        \
         "Every problem is listed with its place. What the node fills in may be missing."},        \
    {                                                                                              \
        noun, "publish", "REF | --from FILE|-", 0, 1,                                              \
            NODE | ASKS | BIT(FROM) | BIT(DRY_RUN) | BIT(WAIT), verb_record_publish,               \
            "record.publish", "shows who will read what, asks, then signs and sends a draft",      \
            {"valise " noun " publish " prefix "-XMA-2026-0014",                                   \
             "valise " noun " publish --from draft.json --yes --wait"},                            \
            "What was shown is bound to what is sent: if readers change in between, nothing is "   \
            "sent. Run again with the same file, it sends nothing twice."                          \
    }

/* clang-format off */
static const struct verb verbs[] = {
    {"", "init", "", 0, 0,
     PLAIN | BIT(JSON) | BIT(HOME) | BIT(STATE) | BIT(NAME) | BIT(LISTEN) | BIT(ADDRESS) | BIT(PASSPHRASE_FD) |
         BIT(KEY_FILE) | BIT(CARD_DAYS) | BIT(NO_INPUT) | BIT(TRIAL),
     verb_init, NULL, "makes the keys, the card and the configuration of a new node",
     {"valise init --home /srv/valise --state XMA --name \"Export Licensing Directorate\" --address tcp://node.example:7443",
      "valise init --home ./try --state XMA --name Test --listen tcp://127.0.0.1:7443 --trial"},
     "Nothing that exists is overwritten. On a terminal a pass phrase is asked for; otherwise a key file opens the keys. "
     "The authority keys are made beside the node, one of one: move them to a safe place."},
    {"", "status", "", 0, 0, NODE, verb_status, "status", "node, peers and waiting work on one screen",
     {"valise status", "valise status --json"}, "Exits 13 when something needs attention, 14 when it is broken."},
    {"", "doctor", "", 0, 0, NODE, verb_doctor, "doctor", "tests what can be tested, each with a mend",
     {"valise doctor", "valise doctor --json"}, "Exits 13 when something is to be looked at, 14 when something is bad."},
    {"", "show", "REF[#VERSION]", 1, 1, NODE | BIT(READERS) | BIT(SECTIONS) | BIT(RAW), verb_show, "record.show",
     "a record, as far as it is open to this State",
     {"valise show DN-XMA-2026-0014", "valise show DN-XMA-2026-0014 --readers"},
     "Sections that were not given are shown as sealed. --sections a,b shows only these, for people."},
    {"", "search", "[-]", 0, 1, LISTS | FILTERS | BIT(KIND) | BIT(NO_INPUT), verb_search, "record.search",
     "any name, reference, number or code: asks for the words, or reads them with -",
     {"valise search", "valise search - --kind broker <words.txt"},
     "Words are never taken from the command line, where others on this machine could read them. "
     "Flags alone list what they select."},
    {"", "watch", "", 0, 0, NODE | BIT(KIND) | BIT(CURSOR), verb_watch, "watch", "events as they happen",
     {"valise watch", "valise watch --kind record --json"},
     "Ends with Ctrl-C, or after --time-limit. With --json each event is one line."},
    {"", "import", "FILE…", 1, WORDS_MANY, LISTS | BIT(DRY_RUN), verb_import, "draft.new",
     "makes drafts from files of records, one object or a list in each",
     {"valise import --dry-run records.json", "valise import records.json -o csv"},
     "One line for each record says what came of it. Exits 2 if any is refused."},
    {"", "export", "REF", 1, 1, NODE | BIT(FILE), verb_export, "record.export",
     "one record for a file, where its handling allows it",
     {"valise export DN-XMA-2026-0014 -o denial.json", "valise export DN-XMA-2026-0014"}, NULL},
    {"", "explain", "CODE|TERM|LIST", 1, 1, COMMON | BIT(OUTPUT) | BIT(FIELDS), verb_explain, NULL,
     "an error code, a code of a list, a whole list, a section or a role",
     {"valise explain E412", "valise explain att-scope"}, NULL},
    {"", "demo", "", 0, 0, PLAIN | BIT(DIR) | BIT(KEEP) | BIT(NO_INPUT), verb_demo, NULL,
     "three fictional States on this machine exchange records",
     {"valise demo", "valise demo --dir /tmp/three --keep </dev/null"},
     "Nothing leaves the machine. On a terminal it stays up until Ctrl-C; otherwise it ends by itself."},
    {"", "version", "", 0, 0, NODE, verb_version, "node.version", "version of this program and of the node",
     {"valise version", "valise version --json"}, NULL},
    {"", "completion", "bash", 1, 1, BIT(HELP), verb_completion, NULL, "prints the completion script of a shell",
     {"valise completion bash >/etc/bash_completion.d/valise", "source <(valise completion bash)"},
     "References and States are completed from the node; names of persons never are."},
    {"", "help", "[COMMAND|TOPIC]", 0, 2, BIT(HELP) | BIT(MAN), verb_help, NULL, "help about a command or a topic",
     {"valise help peer add", "valise help exit-codes"}, NULL},

    RECORD_VERBS("denial", "DN", "denial"),
    RECORD_VERBS("broker", "BA", "broker alert"),
    RECORD_VERBS("case", "DC", "diversion case"),

    {"draft", "list", "", 0, 0, LISTS, verb_draft_list, "draft.list", "drafts, and who last touched them",
     {"valise draft list", "valise draft list -o ids"}, NULL},
    {"draft", "show", "REF", 1, 1, NODE | BIT(SECTIONS) | BIT(RAW), verb_draft_show, "draft.show", "one draft",
     {"valise draft show DN-XMA-2026-0015", "valise draft show DN-XMA-2026-0015 --json"}, NULL},
    {"draft", "discard", "REF", 1, 1, NODE | ASKS, verb_draft_discard, "draft.discard", "forgets a draft",
     {"valise draft discard DN-XMA-2026-0015", "valise draft discard DN-XMA-2026-0015 --yes"},
     "Its reference is not used again."},

    {"policy", "preview", "FILE|REF", 1, 1, NODE, verb_policy_preview, "policy.preview",
     "who would read which section of a draft or a file",
     {"valise policy preview draft.json", "valise policy preview DN-XMA-2026-0015 --json"},
     "Worked out by the code that then encrypts."},
    {"policy", "can", "STATE read SECTION of REF", 5, 5, NODE, verb_policy_can, "policy.can",
     "whether a State may read a section, and the rule that says so",
     {"valise policy can XNH read restricted of DN-XMA-2026-0014", "valise policy can XOR read summary of DN-XMA-2026-0014"},
     "Exits 0 for yes and 4 for no."},
    {"policy", "why", "REF STATE", 2, 2, NODE, verb_policy_why, "policy.why", "the rule that decides, section by section",
     {"valise policy why DN-XMA-2026-0014 XOR", "valise policy why DN-XMA-2026-0014 XOR --json"}, NULL},

    {"peer", "list", "", 0, 0, LISTS, verb_peer_list, "peer.list", "peers and how the exchange with them goes",
     {"valise peer list", "valise peer list -o wide"}, NULL},
    {"peer", "card", "", 0, 0, NODE | BIT(FILE) | BIT(QR), verb_peer_card, "peer.card", "our own card, to hand over",
     {"valise peer card -o xma.card", "valise peer card --qr"}, "--qr shows the safety number as a QR code."},
    {"peer", "add", "FILE|-", 1, 1, NODE | BIT(ADDRESS), verb_peer_add, "peer.add", "takes a State's card",
     {"valise peer add xnh.card", "valise peer add xnh.card --address tcp://198.51.100.7:7443"},
     "Nothing is sent to it before its safety number was compared."},
    {"peer", "verify", "STATE", 1, 1, NODE | BIT(NUMBER_FD) | BIT(NUMBER_FILE) | BIT(WHO) | BIT(HOW) | BIT(NO_INPUT),
     verb_peer_verify, "peer.verify", "compares the safety number, digit group by digit group",
     {"valise peer verify XNH", "valise peer verify XNH --number-file heard.txt --who \"Okafor, Nasser\" --how video"},
     "Call a person you know there, on a number you did not get from this system."},
    {"peer", "ping", "STATE", 1, 1, NODE, verb_peer_ping, "peer.ping", "reachability, step by step",
     {"valise peer ping XNH", "valise peer ping XNH --time-limit 60s"}, "Tries for 10 s, or --time-limit. Exits 8 where it stops."},
    {"peer", "pause", "STATE", 1, 1, NODE | WHY, verb_peer_pause, "peer.pause", "nothing is sent to or taken from a State",
     {"valise peer pause XNH --reason \"move of their data centre\"", "valise peer resume XNH --reason \"they are back\""}, NULL},
    {"peer", "resume", "STATE", 1, 1, NODE | WHY, verb_peer_resume, "peer.resume", "ends a pause",
     {"valise peer resume XNH --reason \"they are back\"", "valise peer ping XNH"}, NULL},
    {"peer", "remove", "STATE", 1, 1, NODE | WHY | BIT(CONFIRM), verb_peer_remove, "peer.remove", "takes a State out of the peers",
     {"valise peer remove XNH", "valise peer remove XNH --confirm XNH --reason \"new node, new card\""},
     "The State's code is typed to confirm. What it holds already it keeps."},

    {"group", "list", "", 0, 0, LISTS, verb_group_list, "group.list", "groups and their members",
     {"valise group list", "valise group list --json"}, NULL},
    {"group", "define", "NAME STATE…", 2, 65, NODE | ASKS, verb_group_define, "group.define", "names a list of verified peers",
     {"valise group define NORTH XMA XNH XOR", "valise group list"},
     "Every member defines it alike. A group that exists gets these members instead, if you say yes."},

    {"quarantine", "list", "", 0, 0, LISTS, verb_quarantine_list, "quarantine.list", "what was kept aside, and why",
     {"valise quarantine list", "valise quarantine list --json"}, NULL},

    {"audit", "list", "", 0, 0, LISTS | BIT(SINCE) | BIT(ABOUT) | BIT(LIMIT), verb_audit_list, "audit.list", "who did what, newest first",
     {"valise audit list --since 2026-03-01", "valise audit list --about DN-XMA-2026-0014"}, NULL},
    {"audit", "verify", "", 0, 0, NODE, verb_audit_verify, "audit.verify", "checks that the chain is unbroken",
     {"valise audit verify", "valise audit verify --json"}, NULL},

    {"user", "list", "", 0, 0, LISTS, verb_user_list, "user.list", "who may do what",
     {"valise user list", "valise help roles"}, NULL},
    {"user", "grant", "NAME ROLE…", 2, 6, NODE, verb_user_grant, "user.grant", "gives a UNIX user or @group roles, instead of those before",
     {"valise user grant m.okafor officer poc", "valise user grant @auditors auditor"}, NULL},
    {"user", "revoke", "NAME", 1, 1, NODE, verb_user_revoke, "user.revoke", "takes all roles away from a user or @group",
     {"valise user revoke m.okafor", "valise user list"}, NULL},

    {"schema", "list", "", 0, 0, COMMON | BIT(OUTPUT) | BIT(FIELDS), verb_schema_list, NULL, "kinds of record and their schemas",
     {"valise schema list", "valise schema show denial"}, NULL},
    {"schema", "show", "KIND", 1, 1, COMMON, verb_schema_show, NULL, "JSON Schema of a kind of record",
     {"valise schema show denial >denial.schema.json", "valise schema show case"}, NULL},
};

static const struct noun nouns[] = {
    {"denial", "denials of export, import, transit and brokering"},
    {"broker", "alerts about brokers"},
    {"case", "cases of diversion"},
    {"draft", "records that are not published yet"},
    {"policy", "who may read what, and why"},
    {"peer", "other States' nodes"},
    {"group", "named lists of States"},
    {"quarantine", "what arrived and did not pass"},
    {"audit", "who did what"},
    {"user", "who may do what here"},
    {"schema", "JSON Schemas of the records"},
};
/* clang-format on */

const struct verb *verbs_table(size_t *count)
{
    *count = sizeof verbs / sizeof verbs[0];
    return verbs;
}

const struct noun *nouns_table(size_t *count)
{
    *count = sizeof nouns / sizeof nouns[0];
    return nouns;
}

const struct verb *verb_find(const char *noun, const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].noun, noun) == 0 && strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

const struct noun *noun_find(const char *name)
{
    for (size_t i = 0; i < sizeof nouns / sizeof nouns[0]; i++) {
        if (strcmp(nouns[i].name, name) == 0) {
            return &nouns[i];
        }
    }
    return NULL;
}

const char *verb_title(const struct verb *verb, char text[static 64])
{
    (void)snprintf(text, 64, "%s%s%s", verb->noun, verb->noun[0] == '\0' ? "" : " ", verb->name);
    return text;
}
