/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What was published, to whom, and what it said: the truth that stores are
 * compared with. Worked out here from what was asked for, not from what the
 * engines say they did.
 */

#include "sim.h"

#include "record_sections.h"

/** Bytes that the ledger owns. */
struct packed {
    uint8_t *data;
    size_t size;
};

/** One version of one record. */
struct ledger_entry {
    size_t originator;
    char reference[REFERENCE_TEXT_BYTES];
    int64_t version;
    struct id record; /* none until it is known to be in the originator's store */
    int64_t step;
    uint16_t present;                 /* sections that hold something; shared ones only */
    uint16_t audience[SIM_NODES_MAX]; /* sections that each node may read */
    bool expected[SIM_NODES_MAX];     /* it must get there once faults end */
    bool never;                       /* publishing it failed: it must not exist */
    bool forgotten; /* its originator lost it with a restored disk before anybody else had it */
    bool fat;
    struct packed parts[SECTION_COUNT]; /* bodies of the sections */
    bool has_cipher[SECTION_COUNT];
    struct id ciphers[SECTION_COUNT];
    struct packed tree;              /* the whole record, to make the next version of */
    uint8_t received[SIM_NODES_MAX]; /* how often the audit trail says so */
};

/** Add an entry; it lives until the next one is added. */
struct ledger_entry *ledger_add(struct sim *sim);

/** NULL if there is none. */
struct ledger_entry *ledger_find(struct sim *sim, const struct id *record);
struct ledger_entry *ledger_find_version(struct sim *sim, struct view reference, int64_t version);

/** The entry and section that a ciphertext belongs to. False if it is unknown. */
bool ledger_find_cipher(struct sim *sim, const struct id *cipher, struct ledger_entry **entry,
                        int *section);

/** Keep a packed tree. */
void ledger_keep(struct sim *sim, struct packed *to, const struct value *tree);

/**
 * Look an entry up in its originator's store and take over its id and ciphertexts.
 * @return false if it is not there.
 */
bool ledger_learn(struct sim *sim, struct ledger_entry *entry);

/** After a start: find out what became of publications that the end cut short. */
void ledger_settle(struct sim_node *node);

/** Whether an entry was published and is not lost. */
bool ledger_is_sure(const struct ledger_entry *entry);

void ledger_free(struct sim *sim);
