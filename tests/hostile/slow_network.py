#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The large versions of N01, N02, N03, N06 and N15: minutes, and most of the machine. T-1, T-3

VALISE_CONNECTIONS (10000), VALISE_GREETINGS (1000000) and VALISE_SEED change what is done.
"""

import os
import random
import resource
import signal
import socket
import struct
import time

import hostile
import test_network
from hostile import case, need, say
from lib import nodes, rawcurve

CONNECTIONS = int(os.environ.get('VALISE_CONNECTIONS', '10000'))
GREETINGS = int(os.environ.get('VALISE_GREETINGS', '1000000'))
RESET = struct.pack('ii', 1, 0)          # closing sends RST: no port waits for its time


def may_open(count):
    """Raise the limit of files, or make do with what the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count + 200 if most == resource.RLIM_INFINITY else min(most, count + 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return min(count, most - 200)


def hold_many(world, make):
    """Open as many connections as were asked for; honest exchanges go on while they come."""
    count = may_open(CONNECTIONS)
    watched = hostile.Watched(world.node)
    downs = test_network.peer_downs(world)
    held, times = [], []
    started = time.monotonic()
    try:
        while len(held) < count:
            for _ in range(min(200, count - len(held))):
                try:
                    held.append(make())
                except (OSError, rawcurve.Closed):
                    pass
            times.append(world.exchange(world.node, world.friend))
        say('%d connections in %.1f s; honest exchanges at most %.0f ms' % (
            len(held), time.monotonic() - started, 1000 * max(times)))
        end = time.monotonic() + test_network.SHED_SECONDS
        left = sum(1 for one in held if not one.is_closed(max(0.001, end - time.monotonic())))
    finally:
        for one in held:
            one.close()
    need(not left, '%d are still held' % left)
    need(test_network.peer_downs(world) == downs, 'an honest session ended')
    watched.check()


@case('N01', 'ten thousand silent connections are shed', changes=True)
def silent(world):
    hold_many(world, test_network.plain_tcp(world))


@case('N02', 'ten thousand connections held after WELCOME are shed', changes=True)
def after_welcome(world):
    hold_many(world, lambda: world.raw(wait=2).to_welcome())


@case('N03', 'ten thousand connections on few files are cut off without a busy loop', changes=True)
def few_files(world):
    count = may_open(CONNECTIONS)
    node = world.federation[hostile.OTHER]
    transport = node.transport_pid()
    resource.prlimit(test_network.parent_of(transport), resource.RLIMIT_NOFILE, (300, 300))
    os.kill(transport, signal.SIGKILL)
    nodes.until(lambda: test_network.new_transport(node, transport), 5, node.log_tail)
    world.settle()
    transport = node.transport_pid()
    held = []
    try:
        while len(held) < count:
            held.append(socket.create_connection(('127.0.0.1', node.port), 5))
        used = hostile.processor_seconds(transport)
        time.sleep(8)                             # the span that is measured, not a wait
        share = (hostile.processor_seconds(transport) - used) / 8
        say('%d connections; the link process used %.0f %% of a core' % (len(held), 100 * share))
        need(share <= 0.2, 'it spins: %.0f %% of a core' % (100 * share))
        world.exchange(world.node, node)
    finally:
        for one in held:
            one.close()


@case('N06', 'a million random greetings', changes=True)
def greetings(world):
    seed = int(os.environ.get('VALISE_SEED', '0')) or random.SystemRandom().getrandbits(32)
    say('seed %d' % seed)
    dice = random.Random(seed)
    watched = hostile.Watched(world.node)
    started = said = time.monotonic()
    sent = 0
    while sent < GREETINGS:
        raw = bytearray(rawcurve.greeting() + dice.randbytes(dice.choice((0, 2, 40, 300))))
        for _ in range(dice.randint(0, 8)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        one = socket.create_connection(('127.0.0.1', world.node.port), 5)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.sendall(raw[:dice.randint(1, len(raw))] if dice.random() < 0.3 else raw)
        one.close()
        sent += 1
        if time.monotonic() - said > 20:
            said = time.monotonic()
            say('%d greetings, %.0f/s; honest exchange %.0f ms' % (
                sent, sent / (said - started), 1000 * world.exchange(world.node, world.friend)))
    watched.check()


@case('N15', 'a minute of bad handshakes from three processes', changes=True)
def handshakes(world):
    watched = hostile.Watched(world.node)
    processes = [test_network.flood(world, 60) for _ in range(3)]
    times = []
    while any(process.poll() is None for process in processes):
        times.append(world.exchange(world.node, world.friend))
    total = sum(float(process.stdout.read().split()[0]) for process in processes)
    say('%.0f bad handshakes/s; %d exchanges, p50 %.0f ms, p95 %.0f ms, most %.0f ms' % (
        total / 60, len(times), 1000 * test_network.percentile(times, 0.5),
        1000 * test_network.percentile(times, 0.95), 1000 * max(times)))
    # The attackers share this machine's processors with all nodes.
    need(test_network.percentile(times, 0.95) <= 0.5 * hostile.SLOWER, 'p95 is too long')
    watched.check()


if __name__ == '__main__':
    hostile.main(hooks=True)
