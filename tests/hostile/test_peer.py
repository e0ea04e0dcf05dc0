# SPDX-License-Identifier: Apache-2.0
"""P01 to P16: a verified State that cheats, at the transport and in the session. T-3, T-4, T-5

Each attacker is a State of its own with a verified card at the target. Floods
to exhaustion are in slow_peer.py.
"""

import os
import socket
import time

import hostile
from hostile import case, need, say
from lib import nodes, peer, rawcurve, wire

CUT_SECONDS = 3 * hostile.SLOWER
FLOOD_BYTES = 64 * hostile.MIB           # never taken whole: cut off long before


class RawLink:
    """A raw CURVE connection as a link of peer.Session."""

    def __init__(self, raw):
        self.raw = raw

    def send(self, raw):
        self.raw.send(raw)

    def receive(self, wait):
        self.raw.socket.settimeout(wait)
        try:
            return self.raw.read_message()[1]
        except rawcurve.Closed as why:
            raise peer.Closed(str(why)) from None
        except socket.timeout:
            raise peer.Silent('no message') from None

    def is_closed(self, wait):
        return self.raw.is_closed(wait)

    def close(self):
        self.raw.close()


def raw_session(world, me, **fields):
    """A session over a raw connection, HEADS exchanged."""
    raw = world.raw().handshake(me.curve, **fields)
    session = peer.Session(RawLink(raw), me, world.them)
    session.open()
    session.heads()
    return session


def refused(session, wait=CUT_SECONDS):
    """The code of the ERROR before the node closes, None if it says nothing. Raises if it stays."""
    code = None
    end = time.monotonic() + wait
    while time.monotonic() < end:
        try:
            name, fields = session.receive(max(0.05, end - time.monotonic()))
        except peer.Closed:
            return code
        except peer.Silent:
            break
        if name == 'ERROR':
            code = fields['code']
            session.retry_after = fields['retry_after']
    need(session.is_closed(0.5), 'the session goes on')
    return code


def may_connect(world, me):
    try:
        with world.raw() as raw:
            raw.handshake(me.curve)
            return True
    except (rawcurve.Closed, socket.timeout):
        return False


# --- floods ----------------------------------------------------------------------------------

def flood_parts(world, me, part, most=FLOOD_BYTES):
    """Send parts of one message without an end, in a session. Returns bytes until it was cut."""
    session = raw_session(world, me)
    raw = session.link.raw
    raw.socket.settimeout(2 * hostile.SLOWER)
    count = max(1, 65536 // (len(part) + 40))
    sent = 0
    try:
        while sent < most:
            piece = b''.join(raw.message(part, more=True) for _ in range(count))
            raw.write(piece)
            sent += len(piece)
    except rawcurve.Closed:
        pass
    raw.close()
    return sent


def check_flood(world, part):
    me = world.attacker()
    watched = hostile.Watched(world.node)
    sent = flood_parts(world, me, part)
    say('cut off after %.1f MiB' % (sent / hostile.MIB))
    need(sent < FLOOD_BYTES, 'it was never cut off')
    world.until_log('peer.suspended', me.state)
    need(world.audit(me.state, 'peer.suspended'), 'no audit entry')
    need(not may_connect(world, me), 'its key is not suspended')
    watched.check()


@case('P01', 'an endless message of 1 MB parts is cut off, and its State suspended', changes=True)
def endless_large_parts(world):
    check_flood(world, bytes(1000000))


@case('P02', 'an endless message of 1-byte parts is cut off, and its State suspended', changes=True)
def endless_small_parts(world):
    check_flood(world, b'x')


@case('P01+', 'an endless message before the first whole one is cut off after little', changes=True)
def endless_first_message(world):
    me = world.attacker()
    watched = hostile.Watched(world.node)
    for part in (b'x', bytes(100000)):
        with world.raw() as raw:
            raw.handshake(me.curve)
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            piece = b''.join(raw.message(part, more=True) for _ in range(4000 if part == b'x' else 2))
            raw.write(piece)
            need(raw.is_closed(CUT_SECONDS), 'not cut off')
    watched.check(link_growth=8)


@case('P01++', 'a listener that the node dialled and that sends without end is cut off',
      changes=True)
def endless_from_listener(world):
    port = nodes.free_port()
    me = world.attacker(endpoints=['tcp://127.0.0.1:%d' % port])
    listener = peer.Listener(me, port)
    world.node.call('peer.ping', state=me.state)
    link, first = listener.accept(wait=10)
    watched = hostile.Watched(world.node)
    peer.Session(link, me, world.them).accept(first)
    # ZeroMQ begins to send a message when it is whole.
    listener.socket.send_multipart([link.routing_id] + 256 * [bytes(1000000)], copy=False)
    world.until_log('peer.suspended', me.state)
    listener.close()
    watched.check()


# --- routing ids -----------------------------------------------------------------------------

def routing_ids(node):
    """Routing ids that ZeroMQ gave out, from the hook of the test build (5 bytes, first 0)."""
    return [line.split('id=')[1] for line in node.log_text().splitlines()
            if ' hook.route id=00' in line and len(line.split('id=')[1]) == 10]


@case('P03', 'routing ids cannot be guessed: each process draws its own')
def routing_ids_differ(world):
    first = set()
    for node in world.federation.values():
        me = world.attacker(at=[node])
        session = world.session(me, node)
        nodes.until(lambda n=node: routing_ids(n), 5, node.log_tail)
        first.add(routing_ids(node)[0][:8])
        session.close()
        node.call('peer.remove', state=me.state, reason='end of the test')
    say('first routing ids begin with %s' % ' '.join(sorted(first)))
    need(len(first) == len(world.federation), 'two processes began at the same routing id')


@case('P03+', 'who guesses the next routing id stops the transport for less than 2 s',
      changes=True, survives=False)
def next_routing_id(world):
    me = world.attacker()
    pid = world.node.transport_pid()
    session = raw_session(world, me)
    last = int(routing_ids(world.node)[-1][2:], 16)
    squatters = []
    for ahead in (1, 2, 3):
        number = (last + ahead) & 0xffffffff
        raw = world.raw()
        raw.handshake(me.curve, identity=b'\0' + number.to_bytes(4, 'big'))
        squatters.append(raw)
    try:
        with world.raw() as raw:
            raw.handshake(me.curve)               # draws a routing id that is taken
            raw.is_closed(0.5)
    except (rawcurve.Closed, socket.timeout):
        pass
    started = time.monotonic()
    world.settle()
    say('the transport %s; everybody in touch after %.1f s' % (
        'lived' if world.node.transport_pid() == pid else 'ended', time.monotonic() - started))
    for raw in squatters:
        raw.close()
    session.close()


@case('P04', "squatting another State's routing id gets no answer of it, and the victim works",
      changes=True)
def squatted_routing_id(world):
    squatter, victim = world.attacker(), world.attacker()
    held = raw_session(world, squatter, identity=b'the victim')
    other = raw_session(world, victim)            # ZeroMQ gives it another id
    need(other.is_alive() and held.is_alive(), 'one of the two does not work')
    held.close()
    again = raw_session(world, victim, identity=b'the victim')
    need(again.is_alive(), 'the id is lost for good once somebody else had it')
    again.close()


@case('P05', 'taking over the routing id of a session catches nothing that is sent to it',
      changes=True)
def taken_over_routing_id(world):
    victim, thief = world.attacker(), world.attacker()
    session = raw_session(world, victim, identity=b'a session')
    with world.raw() as raw:
        raw.handshake(thief.curve, identity=b'a session')
        link = RawLink(raw)
        stolen = peer.Session(link, thief, world.them)
        try:
            stolen.send_raw(stolen.hello())
        except rawcurve.Closed:
            pass
        need(session.is_alive(), 'the session of the victim ended')
        for _ in range(5):
            session.send('PING', time=peer.now_ms())
        raw.socket.settimeout(0.5)
        try:
            flags, payload = raw.read_message()
            need(False, 'the thief received %r' % payload[:20])
        except (rawcurve.Closed, socket.timeout):
            pass
        for _ in range(5):
            session.expect('PONG')
    session.close()


# --- who speaks ------------------------------------------------------------------------------

def hello_is_refused(world, link, raw, state):
    """Whether a HELLO is answered by nothing but the end of the link, and logged."""
    before = len(world.log_lines('peer.refused', state))
    link.send(raw)
    need(link.is_closed(CUT_SECONDS), 'the link stays open')
    lines = world.until_log('peer.refused', state, more_than=before)
    return lines[-1].split('why=')[1]


@case('P06', 'a State that speaks in the name of another is refused', changes=True)
def wrong_name(world):
    me, other = world.attacker(), world.attacker()
    session = peer.Session(world.link(me), me, world.them)
    why = hello_is_refused(world, session.link, session.hello(node=other.node), me.state)
    say('signed by itself: %s' % why)
    session = peer.Session(world.link(me), other, world.them)
    why = hello_is_refused(world, session.link, session.hello(), me.state)
    say('signed by the other: %s' % why)
    need(world.node.peer(other.state)['session'] != nodes.IN_TOUCH, 'a session of the other State')


@case('P15', 'a HELLO that was made for another node is refused', changes=True)
def relayed_hello(world):
    me = world.attacker()
    friend = wire.read_card(world.friend.card())
    session = peer.Session(world.link(me), me, friend)
    say(hello_is_refused(world, session.link, session.hello(), me.state))


@case('P10', 'another version, or a version changed after signing, is refused', changes=True)
def downgrade(world):
    me = world.attacker()

    def attempt(**fields):
        session = peer.Session(world.link(me), me, world.them)
        return hello_is_refused(world, session.link, session.hello(**fields), me.state)

    need(attempt(v=2, v_min=2) == 'E603', 'only newer versions')
    need(attempt(v=0, v_min=0) == 'E705', 'version 0')
    need(attempt(v=1, v_min=0) == 'E705', 'version 0 among them')
    session = peer.Session(world.link(me), me, world.them)
    honest = wire.read_message(session.hello(v=2))[1]
    body = wire.encode('hello body', dict(wire.decode('hello body', honest['body']), v=1))
    forged = wire.message('HELLO', {'body': body, 'signature': honest['signature']})
    need(hello_is_refused(world, session.link, forged, me.state) == 'E701', 'an offer changed')
    session = peer.Session(world.link(me), me, world.them)
    session.open(v=2)                             # newer and older: the older one is spoken
    need((session.their_hello['v'], session.their_hello['v_min']) == (1, 1),
         'the node offers another version than 1')
    session.close()


# --- replays ---------------------------------------------------------------------------------

@case('P07', 'a MESSAGE replayed inside the CURVE connection ends it', changes=True)
def replayed_message(world):
    me = world.attacker()
    session = raw_session(world, me)
    raw = session.link.raw
    sent = raw.send(session.make('PING', time=peer.now_ms()))
    need(session.expect('PONG'), 'no answer to the true one')
    raw.write(sent)
    need(raw.is_closed(CUT_SECONDS), 'the replay was taken')


@case('P08', 'a message of an older session, or a second time in the same, is refused',
      changes=True)
def replayed_in_session(world):
    me = world.attacker()
    lane = peer.Lane(me, world.them)
    sealed = peer.Envelope.seal(me, peer.denial(me.state, 1), schema='valise/denial/1')
    lane.add(peer.parcel(peer.grant(me, world.them, sealed), sealed))
    first = world.session(me)
    push = first.make('LANE_PUSH', side=0, entries=lane.entries, payloads=lane.payloads,
                      head=lane.head(), blobs=list(sealed.ciphers.values()))
    first.close()                                 # it was never sent
    second = world.session(me)
    second.send_raw(push)
    need(refused(second) == 2, 'a message of an older session was taken')
    third = world.session(me)
    ping = third.make('PING', time=peer.now_ms())
    third.send_raw(ping)
    third.expect('PONG')
    third.send_raw(ping)
    need(refused(third) == 2, 'a message was taken twice')
    fourth = world.session(me)
    fourth.counter_out += 1                       # one is left out
    fourth.send('PING', time=peer.now_ms())
    need(refused(fourth) == 2, 'a gap in the counters was taken')
    need(world.node.peer(me.state)['theirs'] == 0, 'the replayed record is there')


@case('P09', "the node's own messages, sent back to it, are refused", changes=True)
def reflected(world):
    me = world.attacker()
    record = []
    session = world.session(me)
    session.record = record
    session.send('PING', time=peer.now_ms())
    session.expect('PONG')
    pong = [raw for who, raw in record if who == 'node'][-1]
    session.send_raw(pong)
    need(refused(session) == 2, 'a reflected PONG was taken')
    link = world.link(me)
    first = peer.Session(link, me, world.them)
    first.open()
    own = wire.message('HELLO', {'body': wire.encode('hello body', first.their_hello),
                                 'signature': bytes(64)})
    link.close()
    session = peer.Session(world.link(me), me, world.them)
    say(hello_is_refused(world, session.link, own, me.state))


# --- the shape of messages -------------------------------------------------------------------

@case('P14', 'wrong numbers of frames, empty frames and unknown types end the link', changes=True)
def wrong_shapes(world):
    me = world.attacker()
    ping = wire.message('PING', {'session': bytes(16), 'counter': 1, 'time': 1})
    shapes = {'two frames': [ping, ping], 'three frames': [b'', b'', ping], 'an empty frame': [b''],
              'a message before HELLO': [ping]}
    for name, frames in shapes.items():
        link = world.link(me)
        link.send_frames(frames)
        need(link.is_closed(CUT_SECONDS), name + ' instead of HELLO: the link stays open')
        link.close()
    me = world.attacker()                         # HELLOs are counted
    known = set(wire.MESSAGES)
    for number, frames in enumerate(([ping, ping], [b''], [b'\xff'], [b'\x30' + ping[1:]],
                                     [bytes([max(known) + 1])], [b'\x03'], [b'\x03\xc1'])):
        session = world.session(me)
        session.link.send_frames(frames)
        code = refused(session)
        need(code == 2 or len(frames) > 1, 'shape %d: ERROR %s' % (number, code))
    me = world.attacker()
    session = world.session(me)                   # nothing is wrong with the first frame
    session.link.send_frames([session.make('PING', time=peer.now_ms()), b'more'])
    refused(session)
    session = world.session(me)
    session.send_raw(session.hello())
    need(refused(session) == 2, 'a second HELLO was taken')
    session = world.session(me, heads=False)
    session.send('LANE_PULL', side=1, incarnation=1, after=0)
    need(refused(session) == 2, 'lanes before HEADS')
    session = world.session(me)
    session.send('HEADS', yours_seq=0, yours_hash=wire.NONE_ID, incarnation=1)
    need(refused(session) == 2, 'HEADS twice')


# --- too much --------------------------------------------------------------------------------

@case('P11', 'a State that never reads is dropped, and the node does not wait for it',
      changes=True)
def slow_reader(world):
    me = world.attacker()
    watched = hostile.Watched(world.node)
    raw = world.raw()
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.handshake(me.curve)
    session = peer.Session(RawLink(raw), me, world.them)
    session.open()
    session.send('HEADS', yours_seq=0, yours_hash=wire.NONE_ID, incarnation=1)
    sent = 0
    raw.socket.settimeout(2 * hostile.SLOWER)
    end = time.monotonic() + 3 * hostile.SLOWER
    times = []
    try:
        while time.monotonic() < end:
            raw.write(b''.join(raw.message(session.make('PING', time=1)) for _ in range(400)))
            sent += 400
            times.append(world.exchange(world.node, world.friend))
    except rawcurve.Closed:
        pass
    say('%d unread answers; honest exchanges meanwhile at most %.0f ms' % (
        sent, 1000 * max(times)))
    need(world.node.peer(me.state)['session'] != nodes.IN_TOUCH, 'the session goes on')
    raw.close()
    watched.check(link_growth=8)


@case('P12', 'a flood of requests is refused with a time to come back', changes=True)
def request_flood(world):
    me = world.attacker()
    floods = {
        'PING': {'time': 1},
        'IDENT_PULL': {'card_seq': 0},
        'LANE_PULL': {'side': 1, 'incarnation': 1, 'after': 0},
        'BLOB_PULL': {'ids': [os.urandom(32) for _ in range(16)]},
        'LANE_NACK': {'reason': 1, 'seq': 0, 'entry': wire.NONE_ID},
    }
    for name, fields in floods.items():
        session = world.session(me)
        started = time.monotonic()
        for _ in range(4000):
            session.send(name, **fields)
        need(refused(session) == 3, '%s: not refused for the quota' % name)
        need(session.retry_after > 0, '%s: no time to come back' % name)
        say('%s: refused after %.2f s' % (name, time.monotonic() - started))
    need(len(world.log_lines('lane.refused', me.state)) < 1000, 'as many log lines as requests')


@case('P13', 'connecting again and again is limited for its State alone', changes=True)
def reconnecting(world):
    me = world.attacker()
    answered = let_in = 0
    started = time.monotonic()
    for number in range(34):
        # Who is refused is not told, so there is a time for it; who is not gets all it needs.
        patience = (5 if number < 30 else 0.5) * hostile.SLOWER
        try:
            with world.raw() as raw:
                raw.socket.settimeout(patience)
                raw.handshake(me.curve)
                let_in += 1
                if number < 14:
                    session = peer.Session(RawLink(raw), me, world.them)
                    session.open(wait=patience)
                    answered += 1
                    # HEADS: the second HELLO was taken. Cut off before, it may be counted again,
                    # as the first of a new connection.
                    session.receive(patience)
        except (rawcurve.Closed, peer.Closed, peer.Silent, socket.timeout):
            pass
    say('34 attempts in %.1f s: %d let in, %d HELLOs answered' % (
        time.monotonic() - started, let_in, answered))
    need(let_in == 30, '%d handshakes in a minute' % let_in)
    need(answered == 12, '%d HELLOs in a minute' % answered)


@case('P13+', 'a State that ends its connection is missed at once, and takes nobody with it',
      changes=True)
def connection_ends(world):
    me, other = world.attacker(), world.attacker()
    first = raw_session(world, me)
    first.close()
    second = raw_session(world, other)            # it has the descriptor of the first now
    nodes.until(lambda: world.node.peer(me.state)['session'] != nodes.IN_TOUCH, 2 * hostile.SLOWER,
                world.node.log_tail)
    third = raw_session(world, me)
    need(second.is_alive(), "another State's session ended with it")
    need(third.is_alive(), 'it cannot come back')
    second.close()
    third.close()


@case('P16', 'who denies having received is shown its own signed acknowledgement', changes=True)
def denied_receipt(world):
    me = world.attacker()
    document = hostile.record(hostile.TARGET)
    document['handling']['read'] = {'*': ['state:' + me.state]}
    world.node.publish(document)
    held = peer.Held(me, world.them)
    session = world.session(me)
    session.take_push(held)
    nodes.until(lambda: world.node.peer(me.state)['acknowledged'] == 1, 5, world.node.log_tail)
    session.close()
    again = peer.Session(world.link(me), me, world.them)
    again.open()
    heads = again.heads()                         # "I hold nothing"
    body = wire.read_signed('ack', heads['acked'], wire.sign_public(me.sign))
    need((body['seq'], body['hash']) == held.cursor[1:], 'the acknowledgement says something else')
    need(again.take_push(peer.Held(me, world.them)), 'it is not sent again')
    again.close()


if __name__ == '__main__':
    hostile.main(hooks=True)
