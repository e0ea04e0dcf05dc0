/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unicode/utf8.h>

static const struct error_info errors[ERROR_COUNT] = {
    [OK] = {"E000", MOVER_NOBODY, 0, "done", "nothing to do", "Nothing went wrong."},

    [ERR_NO_MEMORY] = {"E101", MOVER_HOST, 1, "the machine has no memory left for this",
                       "free memory, then run the command again",
                       "Nothing was changed. A node needs about 256 MiB."},
    [ERR_BUG] = {"E102", MOVER_BUG, 1, "valise met a fault of its own",
                 "run: valise doctor; then report what it prints",
                 "An internal check failed. Nothing that was acknowledged is lost."},
    [ERR_CRYPTO_START] = {"E103", MOVER_HOST, 1, "the cryptographic library could not start",
                          "reinstall libsodium23, then try again",
                          "libsodium found no source of randomness or failed its self-test."},
    [ERR_MEMORY_NOT_LOCKED] = {"E104", MOVER_HOST, 1, "keys cannot be kept out of swap",
                               "raise LimitMEMLOCK (ulimit -l) to at least 8 MiB",
                               "The node holds its keys in locked memory only. The system allows "
                               "too little of it."},
    [ERR_FILE] = {"E105", MOVER_HOST, 1, "a file could not be read or written",
                  "check that the path exists and that you may use it",
                  "The operating system refused a file operation."},
    [ERR_FILE_UNSAFE] = {"E106", MOVER_HOST, 1, "a file or directory is open to others",
                         "chmod 0600 the file, 0700 its directory; it must belong to you and be "
                         "no symbolic link",
                         "Keys, store and sockets must be private to the node's account."},
    [ERR_SANDBOX] = {"E107", MOVER_HOST, 1, "the process could not be confined",
                     "run on a kernel with seccomp and Landlock (5.13 or later)",
                     "valise confines its processes before it reads anything from outside."},
    [ERR_OUTPUT] = {"E108", MOVER_HOST, 1, "the answer could not be written",
                    "check the disk or the pipe that receives the output",
                    "Standard output or the named file did not take the answer."},

    [ERR_USAGE] = {"E201", MOVER_USER, 2, "the command line is not understood", "valise help",
                   "See `valise help` for the list of commands."},
    [ERR_JSON] = {"E202", MOVER_USER, 2, "the text is not valid JSON",
                  "mend the line and column named above",
                  "Records are JSON (RFC 8259) in UTF-8, without repeated names."},
    [ERR_FIELD_UNKNOWN] = {"E203", MOVER_USER, 2, "there is no such field",
                           "valise schema show KIND lists the fields",
                           "Unknown fields are refused so that a misspelt one is never lost."},
    [ERR_FIELD_MISSING] = {"E204", MOVER_USER, 2, "a required field is missing",
                           "add the field named above",
                           "valise schema show KIND tells which fields are required."},
    [ERR_FIELD_TYPE] = {"E205", MOVER_USER, 2, "a field has the wrong type",
                        "give the type named above",
                        "valise schema show KIND tells the type of each field."},
    [ERR_FIELD_VALUE] = {"E206", MOVER_USER, 2, "a field has a value that is not allowed",
                         "valise explain tells the codes of a list, valise schema show the limits",
                         "valise schema show KIND tells limits and code lists."},
    [ERR_FIELD_REPEATED] = {"E207", MOVER_USER, 2, "a field is given twice", "keep one of the two",
                            "Each field may stand once."},
    [ERR_RECORD_CONFLICT] = {"E208", MOVER_USER, 2, "two parts of the record contradict",
                             "mend one of the fields named above",
                             "For example an end date before its start date."},
    [ERR_POLICY_INVALID] = {"E209", MOVER_USER, 2, "the handling contradicts itself",
                            "mend the handling; valise help sections",
                            "A contradictory marking cannot be saved, received or forwarded."},
    [ERR_POLICY_UNKNOWN_TERM] = {"E210", MOVER_USER, 2, "the audience names somebody unknown",
                                 "valise peer list and valise group list show who can be named",
                                 "An unknown State, group, section or label is an error, never "
                                 "everybody."},
    [ERR_AUDIENCE_EMPTY] = {"E211", MOVER_USER, 2, "nobody could read this",
                            "name at least one State or group in handling.read",
                            "An empty audience means nobody. Publishing to nobody is refused."},
    [ERR_TOO_LARGE] = {"E212", MOVER_USER, 2, "it is larger than the limit",
                       "shorten it, or split it into several records",
                       "Every size has a limit; see proto/WIRE.md."},
    [ERR_CONFIG] = {"E213", MOVER_USER, 2, "the configuration is not valid",
                    "mend the line named above, then: valised --check-config",
                    "valised --print-config shows every setting with its default."},
    [ERR_CARD_UNREADABLE] = {"E214", MOVER_USER, 2, "this is not a peer card",
                             "ask the State for the file that `valise peer card` writes",
                             "A card is a small text file that begins with 'valise-card-1'."},
    [ERR_SAFETY_DIGIT] = {"E215", MOVER_USER, 2, "a group of the safety number does not add up",
                          "say or type that group again",
                          "Each group of five ends in a check digit."},
    [ERR_CANCELLED] = {"E216", MOVER_USER, 2, "nothing was done: the question was not answered",
                       "run it again and answer",
                       "Questions are answered on a terminal, or beforehand with flags: --help "
                       "tells which."},

    [ERR_NOT_FOUND] = {"E301", MOVER_USER, 3, "there is no such record",
                       "valise search, or valise denial list", "Nothing held here has this name."},
    [ERR_STATE_UNKNOWN] = {"E302", MOVER_USER, 3, "there is no such State among the peers",
                           "valise peer list", "States are named by ISO 3166-1 codes."},
    [ERR_GROUP_UNKNOWN] = {"E303", MOVER_USER, 3, "there is no such group", "valise group list",
                           "Groups are defined with: valise group define NAME STATE…"},
    [ERR_CODE_UNKNOWN] = {"E304", MOVER_USER, 3, "there is no such code or topic", "valise help",
                          "valise explain takes an error code or a term."},

    [ERR_ROLE] = {"E401", MOVER_USER, 4, "your role does not allow this",
                  "ask an administrator: valise user grant NAME ROLE",
                  "Roles: viewer, officer, poc, admin, auditor."},
    [ERR_POLICY_DENIED] = {"E402", MOVER_USER, 4, "the sharing policy does not allow this",
                           "valise policy why REF STATE", "The originator decides who may read."},
    [ERR_KEY_LOCKED] = {"E412", MOVER_USER, 6, "the node's keys are locked",
                        "start the node with its pass phrase: valised --passphrase-fd 0",
                        "Keys are sealed under a pass phrase or a key file."},
    [ERR_PASSPHRASE] = {"E413", MOVER_USER, 6, "the pass phrase or key file does not open the keys",
                        "try again; letter case and layout matter",
                        "The keys are sealed with Argon2id; a wrong phrase cannot be told from a "
                        "damaged file."},
    [ERR_KEY_MISSING] = {"E414", MOVER_USER, 6, "a key that is needed is not here", "valise doctor",
                         "For example the peer's card has run out."},
    [ERR_PEER_UNVERIFIED] = {"E405", MOVER_USER, 4, "this State's safety number was not compared",
                             "valise peer verify STATE",
                             "Nothing confidential goes to an unverified peer."},
    [ERR_PEER_FROZEN] = {"E406", MOVER_USER, 4, "the exchange with this State is frozen",
                         "valise peer list shows why; then call them on a known number",
                         "The node saw two contradicting signed statements and keeps both."},
    [ERR_SELF_APPROVAL] = {"E407", MOVER_USER, 4, "a second officer must do this",
                           "ask a colleague with the same role", "Two persons, not two sessions."},

    [ERR_NODE_UNREACHABLE] = {"E501", MOVER_USER, 5, "the node does not answer",
                              "start it (valised), or name its socket with --socket",
                              "The control socket is missing or refuses."},
    [ERR_NODE_BUSY] = {"E502", MOVER_USER, 5, "the node has too many callers",
                       "try again in a moment", "There is a limit of control connections."},
    [ERR_NODE_GONE] = {"E503", MOVER_USER, 5, "the node closed the connection",
                       "valise status; the command may or may not have been done",
                       "Commands can be run again safely."},
    [ERR_NODE_RUNNING] = {"E504", MOVER_USER, 9, "another node already uses this directory",
                          "stop the other valised first", "One store has one writer."},

    [ERR_PEER_SILENT] = {"E601", MOVER_PEER, 8, "the peer did not answer in time",
                         "valise peer ping STATE; what waits is sent later by itself",
                         "Nothing is lost: it is queued."},
    [ERR_LINK] = {"E602", MOVER_PEER, 8, "the connection to the peer broke",
                  "valise peer ping STATE", "The node connects again by itself."},
    [ERR_PEER_VERSION] = {"E603", MOVER_PEER, 8, "the peer speaks another protocol version",
                          "both States: valise version, then update the older one",
                          "Versions below the pinned minimum are refused."},
    [ERR_PEER_PROTOCOL] = {"E604", MOVER_PEER, 8, "the peer broke the rules of the protocol",
                           "valise doctor on both sides; update the older one",
                           "The session was closed; nothing was taken over."},
    [ERR_PEER_QUOTA] = {"E605", MOVER_PEER, 8, "the peer sends more than its quota",
                        "valise peer list; ask the State what happened",
                        "Quotas protect the node; see [limits] in valised.conf."},
    [ERR_LANE_GAP] = {"E606", MOVER_PEER, 8, "entries are missing in between",
                      "valise status; the node asks for them by itself",
                      "Entries are chained, so a gap is seen and asked for."},
    [ERR_LANE_WAITS] = {"E607", MOVER_PEER, 8, "the peer has not been heard since the start",
                        "valise peer ping STATE",
                        "After a start nothing is numbered before both sides compared heads."},
    [ERR_BLOB_MISSING] = {"E608", MOVER_PEER, 8, "the State cannot give a part that it granted",
                          "call the State: its store is damaged; it can publish the record again",
                          "Each part of a record is fetched from the State that granted it."},

    [ERR_BAD_SIGNATURE] = {"E701", MOVER_PEER, 7, "a signature did not verify",
                           "do not act on it; call the State on a known number",
                           "The object was changed, or was not signed by who it claims."},
    [ERR_BAD_HASH] = {"E702", MOVER_PEER, 7, "bytes do not match their signed hash",
                      "do not act on it; call the State on a known number",
                      "Something was changed or swapped on the way."},
    [ERR_BAD_COMMITMENT] = {"E703", MOVER_PEER, 7, "a key does not match its signed commitment",
                            "do not act on it; call the State on a known number",
                            "One ciphertext was prepared to read differently for two States."},
    [ERR_BAD_SEAL] = {"E704", MOVER_PEER, 7, "sealed bytes do not open",
                      "do not act on it; call the State on a known number",
                      "Wrong key, or the bytes were changed."},
    [ERR_NOT_CANONICAL] = {"E705", MOVER_PEER, 7, "an object is not in canonical form",
                           "ask the State to update its node",
                           "Signed bytes have exactly one form; see proto/WIRE.md."},
    [ERR_NOT_FOR_US] = {"E706", MOVER_PEER, 7, "it is addressed to another State",
                        "tell the State; its node is misconfigured or hostile",
                        "Grants, heads and sessions name their receiver."},
    [ERR_WRONG_SENDER] = {"E707", MOVER_PEER, 7, "it claims to come from another State",
                          "tell the State; its node is misconfigured or hostile",
                          "The connection's key and the signed name must agree."},
    [ERR_LANE_FORK] = {"E708", MOVER_PEER, 7, "the State signed two different histories",
                       "call the State on a known number; both statements are kept as evidence",
                       "The exchange with it is frozen until people have spoken."},
    [ERR_IDENTITY_FORK] = {"E709", MOVER_PEER, 7, "the State signed two different identities",
                           "call the State on a known number; both statements are kept as evidence",
                           "Two different key events carry one number."},
    [ERR_IDENTITY] = {"E710", MOVER_PEER, 7, "an identity or card does not verify",
                      "ask the State for a new card",
                      "Too few valid signatures, or keys that were not committed to."},
    [ERR_CARD_DATES] = {"E711", MOVER_PEER, 7, "the card is not in force today",
                        "ask the State for a new card; check this machine's clock",
                        "Cards last at most 400 days."},
    [ERR_GRANT_WIDENS] = {"E712", MOVER_PEER, 7, "a grant is wider than what it rests on",
                          "tell the State; its node is misconfigured or hostile",
                          "Each hop may only narrow."},
    [ERR_SAFETY_MISMATCH] = {"E713", MOVER_USER, 7, "the safety numbers differ",
                             "do not go on; get the card again by another way",
                             "Somebody may stand between you, or the card is of another node."},
    [ERR_AUDIT_BROKEN] = {"E714", MOVER_HOST, 7, "the audit chain is broken",
                          "stop the node; restore a verified backup; investigate",
                          "Somebody changed the store behind the node's back."},
    [ERR_REPLAY] = {"E715", MOVER_PEER, 7, "an old message was sent again",
                    "nothing to do if it stays rare; else call the State",
                    "Messages are bound to one session and one direction."},
    [ERR_TIME] = {"E716", MOVER_PEER, 7, "a time is too far from now",
                  "compare the clocks of both nodes", "See the limits of time in proto/WIRE.md."},
    [ERR_CODE_NOT_KNOWN_HERE] = {"E717", MOVER_PEER, 7,
                                 "a record uses a field or code that is not known here",
                                 "update this node, then: valise doctor",
                                 "It is kept aside, not shown, until the node knows the code."},

    [ERR_STORE_FULL] = {"E801", MOVER_HOST, 1, "the store has reached its maximum size",
                        "raise [store] max_size in valised.conf, then restart the node",
                        "Nothing that was acknowledged is lost."},
    [ERR_DISK_FULL] = {"E802", MOVER_HOST, 1, "the disk is full",
                       "free space on the disk of the store, then run the command again",
                       "Nothing that was acknowledged is lost; the node goes on."},
    [ERR_STORE_IO] = {"E803", MOVER_HOST, 1, "the disk failed while storing",
                      "check the disk, restart the node, then: valise doctor",
                      "After an input/output error the node stops rather than guess."},
    [ERR_STORE_CORRUPT] = {"E804", MOVER_HOST, 7, "the store holds bytes that are not its own",
                           "stop the node; restore a verified backup; investigate",
                           "Every value is authenticated; one did not verify."},
    [ERR_STORE_ROLLED_BACK] = {"E805", MOVER_HOST, 7, "the store is older than it was",
                               "put the newest files back; or, when they are lost: "
                               "valised --accept-older-store",
                               "The anchor file says that more had been committed."},
    [ERR_STORE_VERSION] = {"E806", MOVER_HOST, 1, "the store was written by another version",
                           "start the version that wrote it, or a newer one",
                           "Nothing was changed."},
    [ERR_STORE_PLACE] = {"E807", MOVER_HOST, 1, "the store may not lie on this file system",
                         "move it to a local disk",
                         "Network file systems lose the guarantees that the store needs."},
    [ERR_STORE_LOCKED] = {"E808", MOVER_HOST, 9, "another process uses the store",
                          "stop the other valised first", "One store has one writer."},
    [ERR_STORE_FOREIGN] = {"E809", MOVER_HOST, 7, "the store belongs to another node",
                           "name the right directory in [store] path",
                           "Keys and store must be of one node."},
    [ERR_STORE_READERS] = {"E810", MOVER_HOST, 1, "too many readers hold the store",
                           "stop other programs that open the store's files",
                           "Dead readers are swept by the node."},

    [ERR_EXISTS] = {"E901", MOVER_USER, 9, "it exists already", "choose another name",
                    "Nothing was changed."},
    [ERR_SUPERSEDED] = {"E902", MOVER_USER, 9, "a newer version exists",
                        "valise show REF, then change that one", "Nothing was changed."},
    [ERR_PREVIEW_CHANGED] = {"E903", MOVER_USER, 9,
                             "who would read it has changed since the preview",
                             "look at the new preview, then publish again",
                             "What the officer saw is bound to what is sent."},
    [ERR_REFERENCE_TAKEN] = {"E904", MOVER_USER, 9, "the reference is already used",
                             "leave the reference out to get the next free number",
                             "References are never used twice."},
};

const struct error_info *error_info(enum error error)
{
    if ((unsigned)error >= ERROR_COUNT || errors[error].code == NULL) {
        return &errors[ERR_BUG];
    }
    return &errors[error];
}

enum error error_from_code(const char *code)
{
    for (int i = 1; i < ERROR_COUNT; i++) {
        if (errors[i].code != NULL && strcasecmp(errors[i].code, code) == 0) {
            return (enum error)i;
        }
    }
    return OK;
}

/* Texts are cut to their room, and quote what was typed: no half character may stay. */
static void keep_whole_characters(char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    int32_t size = (int32_t)strlen(text);
    int32_t kept = 0;

    for (int32_t i = 0; i < size;) {
        int32_t start = i;
        UChar32 c = 0;
        U8_NEXT(bytes, i, size, c);
        if (c >= 0) {
            memmove(text + kept, text + start, (size_t)(i - start));
            kept += i - start;
        }
    }
    text[kept] = '\0';
}

enum error problem_add(struct problems *problems, enum error error, const char *where,
                       const char *what, ...)
{
    if (problems == NULL) {
        return error;
    }
    if (problems->count < PROBLEM_COUNT_MAX) {
        struct problem *problem = &problems->items[problems->count];
        va_list arguments;

        problem->error = error;
        problem->mend[0] = '\0';
        (void)snprintf(problem->where, sizeof problem->where, "%s", where);
        va_start(arguments, what);
        (void)vsnprintf(problem->what, sizeof problem->what, what, arguments);
        va_end(arguments);
        keep_whole_characters(problem->where);
        keep_whole_characters(problem->what);
    }
    problems->count++;
    return error;
}

void problem_mend(struct problems *problems, const char *mend, ...)
{
    if (problems == NULL || problems->count == 0 || problems->count > PROBLEM_COUNT_MAX) {
        return;
    }
    struct problem *problem = &problems->items[problems->count - 1];
    va_list arguments;

    va_start(arguments, mend);
    (void)vsnprintf(problem->mend, sizeof problem->mend, mend, arguments);
    va_end(arguments);
    keep_whole_characters(problem->mend);
}
