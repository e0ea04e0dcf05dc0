/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What happens in a step, drawn at random from a table. */

#include "sim.h"

/** One step: something that is due, or an action. */
void steps_one(struct sim *sim);

/** Do what is due next, whenever that is, but nothing new. */
void steps_due(struct sim *sim);

/** End all faults: heal, start, resume, set the clocks. */
void steps_heal(struct sim *sim);
