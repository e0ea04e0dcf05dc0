/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bare ZeroMQ with CURVE over loopback: a listener in a process of its own, and
 * connections to it with the options that the transport sets.
 */

#include <stddef.h>

struct wires;

/** Start the listener, and connect `count` times. */
struct wires *wires_new(size_t count);

/** End both. */
void wires_free(struct wires **wires);

/** Send so many bytes over the first connection and wait for the answer. */
void wires_round_trip(struct wires *wires, size_t bytes);

/** Processor time of both processes since their start, in seconds. */
double wires_cpu_seconds(const struct wires *wires);
