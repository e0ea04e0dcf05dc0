# SPDX-License-Identifier: Apache-2.0
"""N01 to N18: strangers on the network, without an accepted key. T-1, T-2, T-3

Every attack is made on the listening port of a real node, by bytes of our own.
The large versions of N01, N02, N03, N06 and N15 are in slow_network.py.
"""

import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time

from nacl import bindings

import hostile
from hostile import case, need, say
from lib import nodes, peer, rawcurve

SHED_SECONDS = 8 * hostile.SLOWER       # handshakes end after 5 s
CUT_SECONDS = 3 * hostile.SLOWER
CONNECTIONS_KEPT_MAX = 512

# Points of small order on Curve25519 (and two that are not reduced).
LOW_ORDER = [bytes.fromhex(text) for text in (
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')]
# HSalsa20 of a shared secret of zeros: what an attacker with such a key would encrypt with.
ZERO_SHARED = bytes.fromhex('351f86faa3b988468a850122b65b0acece9c4826806aeee63de9c0da2bd7f91e')


def plain_tcp(world):
    return lambda: rawcurve.RawCurve(world.node.port, first=b'')


def parent_of(pid):
    with open('/proc/%d/stat' % pid, encoding='ascii') as file:
        return int(file.read().rpartition(')')[2].split()[1])


def new_transport(node, old):
    """The process id of the transport that took the place of `old`, or None."""
    try:
        pid = node.transport_pid()
    except nodes.Late:
        return None
    return pid if pid != old else None


def signal_was_taken(pid, number):
    with open('/proc/%d/status' % pid, encoding='ascii') as file:
        pending = [int(line.split()[1], 16) for line in file if line.startswith(('SigPnd', 'ShdPnd'))]
    return not any(mask >> (number - 1) & 1 for mask in pending)


def peer_downs(world):
    """Sessions of the honest States that ended."""
    return len(world.log_lines('peer.down', hostile.FRIEND)) + \
        len(world.log_lines('peer.down', hostile.OTHER))


def hold(world, make, count):
    """Hold `count` connections while honest States go on."""
    watched = hostile.Watched(world.node)
    downs = peer_downs(world)
    held = [make() for _ in range(count)]
    say('honest exchange meanwhile %.0f ms' % (1000 * world.honest()))
    need(peer_downs(world) == downs, 'an honest session ended')
    watched.check()
    world.held += held


@case('N01', '600 silent connections do not disturb honest States', changes=True)
def silent_connections(world):
    hold(world, plain_tcp(world), 600)


@case('N02', '600 more held after WELCOME do not either, and all 1200 are shed', changes=True)
def held_after_welcome(world):
    started = time.monotonic()
    hold(world, lambda: world.raw().to_welcome(), 600)
    end = time.monotonic() + SHED_SECONDS
    left = [one for one in world.held if not one.is_closed(max(0.01, end - time.monotonic()))]
    for one in world.held:
        one.close()
    need(not left, '%d of %d connections are still held' % (len(left), len(world.held)))
    say('all shed %.1f s after the last began' % (time.monotonic() - started))
    world.held = []


@case('N03', 'more connections than files are cut off without a busy loop', changes=True)
def more_than_files(world):
    """At another State, since the limit of its processes cannot be raised again."""
    node = world.federation[hostile.OTHER]
    transport = node.transport_pid()
    launcher = parent_of(transport)
    resource.prlimit(launcher, resource.RLIMIT_NOFILE, (300, 300))
    os.kill(transport, signal.SIGKILL)
    nodes.until(lambda: new_transport(node, transport), 5, node.log_tail)
    world.settle()
    transport = node.transport_pid()
    need(resource.prlimit(transport, resource.RLIMIT_NOFILE) == (300, 300), 'the limit')
    with hostile.many(lambda: rawcurve.RawCurve(node.port, first=b''), 600):
        used = hostile.processor_seconds(transport)
        started = time.monotonic()
        time.sleep(1.5)                           # the span that is measured, not a wait
        share = (hostile.processor_seconds(transport) - used) / (time.monotonic() - started)
        say('the link process used %.0f %% of a core' % (100 * share))
        need(share <= 0.2, 'it spins: %.0f %% of a core' % (100 * share))
        world.exchange(world.node, node)
        world.exchange(node, world.node)
    need(node.transport_pid() == transport, 'the link process did not live through it')


def small_buffer(raw):
    """So that what was sent says how much the node took."""
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    return raw


@case('N04', '1.5 GB after a length header: cut off before 3 MiB')
def endless_frame(world):
    for stage in ('greeting', 'welcome'):
        watched = hostile.Watched(world.node)
        with world.raw() as raw:
            small_buffer(raw)
            if stage == 'welcome':
                raw.to_welcome()
            raw.write(rawcurve.frame_head(1500000000, rawcurve.FLAG_COMMAND))
            poured = raw.pour(bytes(65536), 1500000000)
            say('after %s: cut off after %.2f MiB' % (stage, poured / hostile.MIB))
            need(poured <= 3 * hostile.MIB, 'it took %d bytes' % poured)
        watched.check(link_growth=8)


@case('N05', 'a 2^62-byte frame is cut off')
def huge_frame(world):
    for flags in (0, rawcurve.FLAG_COMMAND, rawcurve.FLAG_MORE):
        for size in (1 << 62, (1 << 63) - 1, (1 << 64) - 1):
            with world.raw() as raw:
                raw.write(rawcurve.frame_head(size, flags))
                need(raw.is_closed(CUT_SECONDS), 'size %d, flags %d: not cut off' % (size, flags))


@case('N06', '4 KiB of random bytes and random greetings end in a closed connection')
def random_bytes(world):
    seed = int(os.environ.get('VALISE_SEED', '0')) or random.SystemRandom().getrandbits(32)
    say('seed %d' % seed)
    dice = random.Random(seed)
    first = []
    for number in range(200):
        if number % 2:
            first.append(dice.randbytes(4096))
        else:
            spoilt = bytearray(rawcurve.greeting() + dice.randbytes(200))
            for _ in range(dice.randint(1, 6)):
                spoilt[dice.randrange(64)] = dice.randrange(256)
            first.append(bytes(spoilt))
    held = [rawcurve.RawCurve(world.node.port, first=raw) for raw in first]
    waiting = [one for one in held if not one.is_closed(0.02)]
    say('%d of %d closed at once' % (len(held) - len(waiting), len(held)))
    for one in waiting:                           # it waits for more of what it took for a frame
        one.socket.shutdown(socket.SHUT_WR)
    left = [one for one in waiting if not one.is_closed(CUT_SECONDS)]
    for one in held:
        one.close()
    need(len(waiting) < len(held) and not left, '%d connections are still open' % len(left))


@case('N07', 'mechanism NULL is refused')
def mechanism_null(world):
    ready = rawcurve.frame(b'\x05READY' + rawcurve.metadata(b'Socket-Type', b'DEALER'),
                           rawcurve.FLAG_COMMAND)
    with world.raw(first=rawcurve.greeting(b'NULL') + ready) as raw:
        need(raw.is_closed(CUT_SECONDS), 'not cut off')
        need(raw.received <= rawcurve.GREETING_BYTES, 'it said more than its greeting')


@case('N08', 'mechanism PLAIN is refused')
def mechanism_plain(world):
    hello = rawcurve.frame(b'\x05HELLO\x05admin\x05admin', rawcurve.FLAG_COMMAND)
    with world.raw(first=rawcurve.greeting(b'PLAIN') + hello) as raw:
        need(raw.is_closed(CUT_SECONDS), 'not cut off')
        need(raw.received <= rawcurve.GREETING_BYTES, 'it said more than its greeting')


@case('N09', 'ZMTP 1.0 and 2.0 are refused')
def older_zmtp(world):
    message = b'\x05\x00hell'
    firsts = {
        'ZMTP 1.0': b'\x01\x00' + message,
        'ZMTP 2.0': b'\xff' + bytes(8) + b'\x7f' + b'\x01\x05' + b'\x00\x00' + b'\x00\x04hell',
        'ZMTP 3.0 without a mechanism': rawcurve.greeting(b''),
        'revision 0': b'\xff' + bytes(8) + b'\x7f' + b'\x00' + message,
    }
    for name, first in firsts.items():
        with rawcurve.RawCurve(world.node.port, first=first) as raw:
            need(raw.is_closed(SHED_SECONDS), name + ': not cut off')


@case('N10', 'a client key of small order is refused')
def low_order_key(world):
    for key in LOW_ORDER:
        for box in (bytes(80), bindings.crypto_secretbox(
                bytes(64), b'CurveZMQHELLO---' + (1).to_bytes(8, 'big'), ZERO_SHARED)):
            with world.raw() as raw:
                raw.read(rawcurve.GREETING_BYTES)
                raw.hello(raw.hello_body(public=key, box=box))
                need(raw.is_closed(CUT_SECONDS), 'not cut off: %s' % key.hex())
                need(raw.received == rawcurve.GREETING_BYTES, 'it answered')


def has_ready(raw):
    try:
        return raw.read_frame()[1].startswith(b'\x05READY')
    except (rawcurve.Closed, socket.timeout):
        return False


def is_let_in(raw, secret, wait=0.5 * hostile.SLOWER, **fields):
    """Whether the handshake succeeds; a stranger is not told, so there is a time for it."""
    try:
        raw.to_welcome()
        raw.initiate(secret, **fields)
    except (rawcurve.Closed, socket.timeout):
        return False
    raw.socket.settimeout(wait)
    return has_ready(raw)


@case('N11', 'an unknown key is refused, with one line a minute in the log')
def unknown_key(world):
    lines = len(world.log_lines('transport.strangers'))
    for _ in range(3):
        with hostile.many(world.raw, 10) as strangers:
            for raw in strangers:
                raw.to_welcome()
                raw.initiate(os.urandom(32))
            time.sleep(0.5)                       # over more than a second, as a log might count
            for raw in strangers:
                raw.socket.settimeout(0.01)
                need(not has_ready(raw), 'a stranger was let in')
    more = len(world.log_lines('transport.strangers')) - lines
    need(more <= 1, '%d lines in the log' % more)


@case('N12', 'the right public key with the wrong secret is refused')
def forged_vouch(world):
    friend = hostile.wire.read_card(world.friend.card()).curve_key
    with world.raw() as raw:
        need(not is_let_in(raw, os.urandom(32), public=friend), 'a forged vouch was let in')
    me = world.attacker()
    with world.raw() as raw:
        need(not is_let_in(raw, me.curve, vouch_for=os.urandom(32)),
             'a vouch for another short key was let in')
    with world.raw() as raw:
        need(is_let_in(raw, me.curve), 'the true key was refused: the attack proves nothing')
    world.node.call('peer.remove', state=me.state, reason='end of the test')


@case('N13', 'an INITIATE replayed on a new connection is refused', changes=True)
def replayed_initiate(world):
    me = world.attacker()
    with world.raw() as raw:
        need(is_let_in(raw, me.curve), 'the true handshake was refused')
        replayed = raw.last_initiate
        with world.raw() as other:                # at once, instead of HELLO
            other.read(rawcurve.GREETING_BYTES)
            other.write(replayed)
            need(other.is_closed(CUT_SECONDS), 'INITIATE instead of HELLO')
        with world.raw() as other:                # after a HELLO and WELCOME of its own
            other.to_welcome()
            other.write(replayed)
            need(other.is_closed(CUT_SECONDS), 'INITIATE of another connection')
        with world.raw() as other:                # with the same short key
            other.short_public, other.short_secret = raw.short_public, raw.short_secret
            other.to_welcome()
            other.write(replayed)
            need(other.is_closed(CUT_SECONDS), 'INITIATE under the same short key')
    world.node.call('peer.remove', state=me.state, reason='end of the test')


@case('N14', '50 MB of metadata in INITIATE are cut off')
def endless_metadata(world):
    filler = b''.join(rawcurve.metadata(b'X-%d' % i, bytes(1000)) for i in range(50000))
    for size in (50000000, 1000000):
        watched = hostile.Watched(world.node)
        with world.raw() as raw:
            small_buffer(raw)
            raw.to_welcome()
            body = raw.initiate_body(os.urandom(32), properties=filler[:size])
            poured = raw.pour(rawcurve.frame(body, rawcurve.FLAG_COMMAND), 1)
            if size == 50000000:
                need(raw.is_closed(CUT_SECONDS), '%d bytes: not cut off' % size)
                need(poured == 0, 'it took %d bytes' % poured)
            else:
                raw.socket.settimeout(0.5 * hostile.SLOWER)
                need(not has_ready(raw), 'let in with %d bytes' % size)
        watched.check(link_growth=8)


def flood(world, seconds):
    """A process of its own that fails handshakes as fast as it can."""
    return subprocess.Popen(
        [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'flood.py'),
         str(world.node.port), world.them.curve_key.hex(), str(seconds)],
        stdout=subprocess.PIPE)


def percentile(times, share):
    return sorted(times)[int(share * (len(times) - 1))]


@case('N15', 'a flood of bad handshakes leaves 95 of 100 honest exchanges under 100 ms',
      changes=True)
def bad_handshakes(world):
    quiet = percentile([world.exchange(world.node, world.friend) for _ in range(30)], 0.95)
    process = flood(world, 2.5)
    times = []
    while process.poll() is None:
        times.append(world.exchange(world.node, world.friend))
    handshakes, seconds = process.stdout.read().decode().split()
    rate = int(handshakes) / float(seconds)
    late = percentile(times, 0.95)
    say('%.0f bad handshakes/s; %d exchanges, p50 %.0f ms, p95 %.0f ms (quiet %.0f ms)' % (
        rate, len(times), 1000 * percentile(times, 0.5), 1000 * late, 1000 * quiet))
    need(rate > 50, 'the flood was only %.0f/s' % rate)
    # A machine that is busy otherwise is slow without a flood too.
    need(late <= max(0.1 * hostile.SLOWER, 6 * quiet), 'p95 is %.0f ms' % (1000 * late))


# The hooks of the test build: SIGUSR1 closes the ZAP handler, SIGUSR2 hangs it (node/
# transport_main.c).

@case('N16', 'without its ZAP handler the link lets nobody in, ends and is started again',
      changes=True, survives=False)
def handler_gone(world):
    me = world.attacker()
    alarms = len(world.log_lines('transport.failed'))
    pid = world.node.transport_pid()
    with world.raw() as stranger, world.raw() as known:
        stranger.to_welcome()
        known.to_welcome()
        os.kill(pid, signal.SIGUSR1)
        nodes.until(lambda: signal_was_taken(pid, signal.SIGUSR1), 2)
        stranger.initiate(os.urandom(32))
        known.initiate(me.curve)
        need(not has_ready(known) and not has_ready(stranger), 'let in without a handler')
    world.until_log('transport.failed', more_than=alarms, deadline=0.5 * hostile.SLOWER)
    nodes.until(lambda: new_transport(world.node, pid), 5, world.node.log_tail)
    world.node.call('peer.remove', state=me.state, reason='end of the test')


@case('N16+', 'a ZAP handler that is gone is noticed also when nobody connects', changes=True,
      survives=False)
def handler_gone_in_silence(world):
    """The test build tries itself each second, the released one each minute."""
    alarms = len(world.log_lines('transport.failed'))
    pid = world.node.transport_pid()
    os.kill(pid, signal.SIGUSR1)
    world.until_log('transport.failed', more_than=alarms)
    nodes.until(lambda: new_transport(world.node, pid), 5, world.node.log_tail)


@case('N17', 'a hung ZAP handler is noticed, and the link started again', changes=True,
      survives=False)
def handler_hangs(world):
    alarms = len(world.log_lines('transport.hangs'))
    pid = world.node.transport_pid()
    os.kill(pid, signal.SIGUSR2)
    with world.raw(wait=1) as raw:
        need(not is_let_in(raw, os.urandom(32)), 'somebody was let in by a handler that hangs')
    started = time.monotonic()
    world.until_log('transport.hangs', more_than=alarms, deadline=10 * hostile.SLOWER)
    say('noticed after %.1f s' % (time.monotonic() - started))
    world.settle()
    need(world.node.transport_pid() != pid, 'the hung process still runs')


@case('N17+', 'the ZAP handler decides within a millisecond')
def handler_is_fast(world):
    """A refused handshake costs a round trip more than WELCOME does, and the decision."""
    me = world.attacker()
    times = []
    for _ in range(20):
        with world.raw() as raw:
            raw.to_welcome()
            started = time.monotonic()
            raw.initiate(me.curve)
            raw.read_frame()
            times.append(time.monotonic() - started)
    times.sort()
    say('INITIATE to READY: median %.2f ms' % (1000 * times[len(times) // 2]))
    world.node.call('peer.remove', state=me.state, reason='end of the test')
    need(times[len(times) // 2] <= 0.003 * hostile.SLOWER, 'decisions take too long')


@case('N18', 'a stranger learns nothing but the ZMTP greeting, the same from every node')
def probing(world):
    said = []
    for node in (world.node, world.friend):
        with rawcurve.RawCurve(node.port) as raw:   # the key is not known: 32 zeros
            said.append(raw.read(rawcurve.GREETING_BYTES))
            raw.server_key = bindings.crypto_box_keypair()[0]
            raw.hello()
            need(raw.read_rest(CUT_SECONDS) == b'', 'it answered a HELLO for another key')
            need(raw.received == rawcurve.GREETING_BYTES, 'more than a greeting')
    need(said[0] == said[1], 'two nodes can be told apart: %r' % said)
    expected = b'\xff' + bytes(7) + b'\x01\x7f\x03\x01' + b'CURVE'.ljust(20, b'\0')
    need(said[0][:32] == expected and said[0][33:] == bytes(31),
         'the greeting holds something of its own: %r' % said[0])


if __name__ == '__main__':
    hostile.main(hooks=True)
