/* SPDX-License-Identifier: Apache-2.0 */
#include "finder.h"

static bool holds_all(struct store_txn *txn, const struct finder_condition *conditions, size_t from,
                      size_t count, uint64_t number)
{
    for (size_t i = from; i < count; i++) {
        if (!store_index_has(txn, conditions[i].field, conditions[i].value, number)) {
            return false;
        }
    }
    return true;
}

/* The next number below one along the index of a source; 0 at its end. */
static enum error step(struct store_txn *txn, struct finder_source *source, uint64_t below,
                       uint64_t *number)
{
    struct store_numbers found = {number, 1, 0};
    enum error err = OK;

    source->looked++;
    TRY(store_index_find(txn, source->all[0].field, source->all[0].value, below, &found));
    *number = found.count == 0 ? 0 : *number;
out:
    return err;
}

/*
 * Move a source to its newest record below the cursor that meets all of its
 * conditions. Each source may look at so many rows, so each gets on in each call.
 * @param floor raised to where the source had to stop: below it is not known yet.
 */
static enum error advance(struct finder *finder, struct finder_source *source, uint64_t *floor)
{
    uint64_t at = finder->below;
    enum error err = OK;

    if (!source->read && source->from != 0 && (at == 0 || source->from < at)) {
        at = source->from; /* it stopped there, and another source went on meanwhile */
    }
    if (source->read && (source->at == 0 || finder->below == 0 || source->at < finder->below)) {
        return OK;
    }
    source->read = false;
    source->at = 0;
    do {
        if (source->looked >= FINDER_LOOKED_MAX) {
            source->from = at;
            *floor = at > *floor ? at : *floor;
            return OK;
        }
        TRY(step(finder->txn, source, at, &at));
    } while (at != 0 && !holds_all(finder->txn, source->all, 1, source->count, at));
    source->at = at;
    source->read = true;
out:
    return err;
}

/* The newest number of all sources; 0 at the end. */
static enum error newest(struct finder *finder, uint64_t *number)
{
    uint64_t floor = 0;
    enum error err = OK;

    *number = 0;
    for (size_t i = 0; i < finder->source_count; i++) {
        TRY(advance(finder, &finder->sources[i], &floor));
        *number = finder->sources[i].at > *number ? finder->sources[i].at : *number;
    }
    if (*number < floor) {
        finder->below = floor;
        err = ERR_LANE_WAITS;
    }
out:
    return err;
}

/* The next of all records; 0 at the end. */
static enum error next_record(struct finder *finder, uint64_t *number)
{
    enum error err = OK;

    if (finder->looked++ >= FINDER_LOOKED_MAX) {
        return ERR_LANE_WAITS;
    }
    err = store_record_before(finder->txn, finder->below, number);
    if (err == ERR_NOT_FOUND) {
        *number = 0;
        err = OK;
    }
    return err;
}

enum error finder_next(struct finder *finder, uint64_t *number)
{
    enum error err = OK;

    do {
        TRY(finder->source_count == 0 ? next_record(finder, number) : newest(finder, number));
        if (*number == 0) {
            return ERR_NOT_FOUND;
        }
        finder->below = *number;
    } while (!holds_all(finder->txn, finder->conditions, 0, finder->condition_count, *number));
out:
    return err;
}
