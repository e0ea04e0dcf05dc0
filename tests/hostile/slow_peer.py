#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""P01, P02 and P13 to exhaustion: several States together, and over more than a minute. T-3"""

import multiprocessing
import time

import hostile
import test_peer
from hostile import case, need, say
from lib import nodes, peer, rawcurve

ATTACKERS = 6
SUSPENDED_SECONDS = 60


def flood(world, me, part, most):
    """In a process of its own: parts without an end, just under what suspends a single State."""
    session = test_peer.raw_session(world, me)
    raw = session.link.raw
    raw.socket.settimeout(5)
    count = max(1, 65536 // (len(part) + 40))
    sent = 0
    try:
        while sent < most:
            piece = b''.join(raw.message(part, more=True) for _ in range(count))
            raw.write(piece)
            sent += len(piece)
        raw.is_closed(15)                         # and hold it
    except rawcurve.Closed:
        pass


def flood_together(world, part, most):
    attackers = [world.attacker() for _ in range(ATTACKERS)]
    watched = hostile.Watched(world.node)
    context = multiprocessing.get_context('fork')
    processes = [context.Process(target=flood, args=(world, me, part, most)) for me in attackers]
    for process in processes:
        process.start()
    times = []
    while any(process.is_alive() for process in processes):
        times.append(world.exchange(world.node, world.friend))
    say('honest exchanges meanwhile: %d, p95 %.0f ms' % (
        len(times), 1000 * sorted(times)[int(0.95 * (len(times) - 1))]))
    suspended = sum(1 for me in attackers if world.log_lines('peer.suspended', me.state))
    say('%d of %d suspended' % (suspended, ATTACKERS))
    watched.check()
    return attackers, suspended


@case('P01', 'several States send endless messages of 1 MB parts', changes=True)
def large_parts(world):
    _, suspended = flood_together(world, bytes(1000000), 64 * hostile.MIB)
    need(suspended == ATTACKERS, 'some were not suspended')


@case('P02', 'several States hold back 15 MiB in 1-byte parts each', changes=True)
def small_parts(world):
    """Each for itself is under its limit; together they are more than the process may hold."""
    attackers, suspended = flood_together(world, b'x', 15 * hostile.MIB)
    need(0 < suspended < ATTACKERS, '%d were suspended' % suspended)
    locked_out = [me for me in attackers if world.log_lines('peer.suspended', me.state)]
    started = time.monotonic()
    nodes.until(lambda: test_peer.may_connect(world, locked_out[0]), SUSPENDED_SECONDS + 30, pause=4)
    say('may connect again %.0f s later' % (time.monotonic() - started))


@case('P13', 'a State that connects a hundred times a second, for a minute and a half',
      changes=True)
def reconnecting(world):
    me = world.attacker()
    let_in = attempts = 0
    times = []
    started = time.monotonic()
    while time.monotonic() - started < 90:
        tick = time.monotonic()
        for _ in range(50):
            attempts += 1
            try:
                with world.raw() as raw:
                    raw.socket.settimeout(0.02)
                    raw.handshake(me.curve)
                    let_in += 1
            except (rawcurve.Closed, OSError):
                pass
        times.append(world.exchange(world.node, world.friend))
        time.sleep(max(0, 0.5 - (time.monotonic() - tick)))
    say('%d attempts, %d let in; honest exchanges at most %.0f ms' % (
        attempts, let_in, 1000 * max(times)))
    need(30 <= let_in <= 60, '%d handshakes in a minute and a half' % let_in)


if __name__ == '__main__':
    hostile.main(hooks=True)
