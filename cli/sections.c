/* SPDX-License-Identifier: Apache-2.0 */
#include "sections.h"

static const struct {
    const char *heading;
    const char *help;
} rows[SECTION_COUNT] = {
    [SECTION_MANIFEST] = {"Manifest", "reference, version, originator, status: everybody who reads "
                                      "anything of the record reads this"},
    [SECTION_SUMMARY] = {"Summary", "what was refused or found, where to and why: goods, "
                                    "destination, grounds"},
    [SECTION_PARTIES] = {"Parties", "who: names in every script, identifiers"},
    [SECTION_DETAILS] = {"Details", "routes, documents, addresses, references of national files"},
    [SECTION_RESTRICTED] = {"Restricted", "explanation, assessment, births, values, exact places, "
                                          "sources: for the States named"},
    [SECTION_ATTACHMENTS] = {"Attachments", "files"},
    [SECTION_INTERNAL] = {"Internal", "notes and names that never leave this node"},
};

const char *section_help(enum section_id section)
{
    return rows[section].help;
}

const char *section_heading(enum section_id section)
{
    return rows[section].heading;
}
