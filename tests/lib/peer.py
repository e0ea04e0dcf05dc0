# SPDX-License-Identifier: Apache-2.0
"""The peer side of a node, scripted: for captures, and for hostile tests.

    me = Identity.make('XRI', 'Rivania')
    node.trust(me.card_text(), me.safety_number())         # at the real node (nodes.Node)
    them = wire.read_card(node.card())
    link = Link.connect_patiently(me, them, node.endpoint)
    session = Session(link, me, them)
    session.open()                                         # HELLO both ways
    session.heads()                                        # W-71
    lane = Lane(me, them)
    sealed = Envelope.seal(me, {'manifest': {...}}, schema='valise/denial/1')
    lane.add(parcel(grant(me, them, sealed), sealed))
    session.push(lane, blobs=sealed.ciphers.values())
    name, fields = session.expect('LANE_ACK')

Everything is well-formed unless told otherwise: every maker takes fields by
name that replace what it would write, and `more={key: value}` for raw keys.
Random bytes come from `secrets`, or from a seed where one is given.
"""

import hashlib
import itertools
import secrets
import time

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from . import wire
from .records import Envelope, caveats, denial, grant, now_ms, parcel

__all__ = ['Identity', 'Link', 'Listener', 'Session', 'Lane', 'Held', 'Silent', 'Closed',
           'Envelope', 'caveats', 'denial', 'grant', 'now_ms', 'parcel']

DAY_MS = 86400000
WAIT = 10.0


class Silent(Exception):
    """Nothing came in time."""


class Closed(Exception):
    """The other side closed the link."""


# --- identity ------------------------------------------------------------------------------

class Identity:
    """A State with all its keys; 1-of-1 authority unless the fields say otherwise."""

    def __init__(self, seed=None):
        self._seed = seed
        self._drawn = 0
        self.authority = self.random(32)       # Ed25519 seeds
        self.next_authority = self.random(32)
        self.sign = self.random(32)
        self.seal = self.random(32)            # X25519 secrets
        self.curve = self.random(32)
        self.events = []
        self.cards = []

    def random(self, size):
        """Random bytes: reproducible if the identity has a seed."""
        if self._seed is None:
            return secrets.token_bytes(size)
        self._drawn += 1
        material = '%s/%d' % (self._seed, self._drawn)
        return hashlib.shake_256(material.encode()).digest(size)

    @classmethod
    def make(cls, state, name=None, endpoints=(), seed=None, inception=None, card=None, now=None):
        """A new identity with one card. `inception` and `card` replace fields by name."""
        made = cls(seed)
        made.now = now_ms() if now is None else now
        made._endpoints = list(endpoints)
        fields = {'v': 1, 'type': 0, 'threshold': 1, 'keys': [wire.sign_public(made.authority)],
                  'next_threshold': 1,
                  'next': [wire.digest('event', wire.sign_public(made.next_authority))],
                  'time': made.now, 'state': state, 'name': name or 'State ' + state}
        fields.update(inception or {})
        made.state = fields['state']
        body = wire.encode('inception', fields)
        made.node = wire.digest('node', body)
        made.last_event = wire.digest('event', body)
        made.event_seq = 0
        made.events.append(made.sign_object('inception', body))
        made.add_card(**(card or {}))
        return made

    @staticmethod
    def signed(body, *signatures):
        """A signed object; `signatures` are (place, bytes)."""
        return wire.encode('signed object', {
            'body': body, 'signatures': [bytes([place]) + raw for place, raw in signatures]})

    def sign_object(self, label, body):
        return self.signed(body, (0, wire.sign(self.authority, label, body)))

    def card_fields(self):
        return {'v': 1, 'node': self.node, 'card_seq': len(self.cards) + 1,
                'event_seq': self.event_seq, 'not_before': self.now - 3600000,
                'not_after': self.now + 365 * DAY_MS, 'sign_key': wire.sign_public(self.sign),
                'seal_key': wire.box_public(self.seal), 'curve_key': wire.box_public(self.curve),
                'features': 0, 'endpoints': [text.encode() for text in self._endpoints]}

    def add_card(self, more=None, **fields):
        """Sign another card; its keys are those that the identity has at this moment."""
        body = wire.encode('card', dict(self.card_fields(), **fields), more)
        self.cards.append(self.sign_object('card', body))
        self.card_seq = fields.get('card_seq', len(self.cards))
        return self.cards[-1]

    def new_keys(self, *names):
        """Draw new working keys ('sign', 'seal', 'curve'); then add_card()."""
        for name in names:
            setattr(self, name, self.random(32))

    def rotate(self, more=None, **fields):
        """Bring the committed authority key in force."""
        old, self.authority = self.authority, self.next_authority
        self.next_authority = self.random(32)
        self.event_seq += 1
        made = {'v': 1, 'type': 1, 'node': self.node, 'seq': self.event_seq,
                'prev': self.last_event, 'threshold': 1,
                'keys': [wire.sign_public(self.authority)], 'next_threshold': 1,
                'next': [wire.digest('event', wire.sign_public(self.next_authority))],
                'time': now_ms()}
        made.update(fields)
        body = wire.encode('rotation', made, more)
        self.events.append(self.signed(
            body, (0, wire.sign(self.authority, 'rotation', body)),
            (wire.KEYS_MAX, wire.sign(old, 'rotation', body))))
        self.last_event = wire.digest('event', body)
        return self.events[-1]

    def bundle(self, **fields):
        return wire.encode('identity bundle', dict(
            {'v': 1, 'events': self.events, 'cards': self.cards}, **fields))

    def card_text(self):
        return wire.armor(wire.CARD_KIND, self.bundle())

    def safety_number(self):
        return wire.safety_number(self.node)

    def known(self):
        """What others see."""
        return wire.Known(self.bundle())

    def pair_key(self, them):
        return wire.pair_key(self.seal, self.node, wire.box_public(self.seal), them.node,
                             them.seal_key)


# --- links ---------------------------------------------------------------------------------

_context = None


def context():
    global _context  # pylint: disable=global-statement
    if _context is None:
        _context = zmq.Context()
    return _context


_monitors = itertools.count()


def monitor_of(socket):
    """A socket that hears of another's connections, at an address nobody had before."""
    return socket.get_monitor_socket(events=zmq.EVENT_ALL & ~zmq.EVENT_MONITOR_STOPPED,
                                     addr='inproc://monitor-%d' % next(_monitors))


def close_monitored(socket, monitor):
    """In this order: ZeroMQ waits for ever when it tells a monitor that is closed already."""
    if socket.closed:
        return
    socket.disable_monitor()
    monitor.close(0)
    socket.close(0)


class Link:
    """One CURVE connection: dialled by us, or taken by our listener."""

    def __init__(self, socket, routing_id=None, owner=None):
        self.socket = socket
        self.routing_id = routing_id
        self._owner = owner                    # listener whose socket it shares
        self._monitor = None if owner else monitor_of(socket)

    @staticmethod
    def _socket(kind, identity):
        socket = context().socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IPV6, 1)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.curve_secretkey = z85.encode(identity.curve)
        socket.curve_publickey = z85.encode(wire.box_public(identity.curve))
        return socket

    @classmethod
    def connect_patiently(cls, identity, them, endpoint, wait=WAIT):
        """Dial, and dial again if need be: a node hears at once that a peer is verified, its
        transport a moment later."""
        end = time.monotonic() + wait
        while True:
            try:
                return cls.connect(identity, them, endpoint, 1, ((zmq.HANDSHAKE_IVL, 1000),))
            except (Closed, Silent):
                if time.monotonic() > end:
                    raise

    @classmethod
    def connect(cls, identity, them, endpoint, wait=WAIT, options=()):
        """Dial. `them`: wire.Known, or a CURVE public key. Waits for the handshake.

        `options`: (zmq option, value) pairs. Raises Closed when the node refuses.
        """
        socket = cls._socket(zmq.DEALER, identity)
        socket.curve_serverkey = z85.encode(getattr(them, 'curve_key', them))
        socket.setsockopt(zmq.RECONNECT_IVL, -1)
        for option, value in options:
            socket.setsockopt(option, value)
        link = cls(socket)
        socket.connect(endpoint)
        try:
            if wait:
                link.wait_event((zmq.EVENT_HANDSHAKE_SUCCEEDED,), wait)
        except (Closed, Silent):
            link.close()
            raise
        return link

    def _event(self, wait):
        """The next event of the connection, or None."""
        if self._monitor.poll(max(0, int(wait * 1000))):
            return recv_monitor_message(self._monitor)['event']
        return None

    def wait_event(self, wanted, wait=WAIT):
        """Wait until one of these events comes. Raises Closed, Silent."""
        end = time.monotonic() + wait
        ended = (zmq.EVENT_CLOSED, zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_FAILED_AUTH,
                 zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                 zmq.EVENT_MONITOR_STOPPED)
        while True:
            event = self._event(end - time.monotonic())
            if event is None:
                raise Silent('no event of the link')
            if event in wanted:
                return event
            if event in ended:
                raise Closed('event %d' % event)

    def is_closed(self, wait=WAIT):
        """Whether the other side closes the link within a time."""
        if self._owner:
            return self._owner.is_closed(wait)
        try:
            self.wait_event((zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED), wait)
        except Silent:
            return False
        except Closed:
            pass
        return True

    def send(self, raw):
        self.send_frames([raw])

    def send_frames(self, frames):
        """A ZeroMQ message of any number of frames; an honest one has one."""
        prefix = [self.routing_id] if self.routing_id is not None else []
        self.socket.send_multipart(prefix + list(frames))

    def receive(self, wait=WAIT):
        """One message's bytes. Raises Closed, Silent."""
        if self._owner is not None:
            return self._owner.receive(self.routing_id, wait)
        end = time.monotonic() + wait
        while not self.socket.poll(20):
            if self._monitor is not None:
                event = self._event(0)
                if event in (zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED):
                    if self.socket.poll(20):
                        break
                    raise Closed('the node closed the link')
            if time.monotonic() > end:
                raise Silent('no message')
        frames = self.socket.recv_multipart()
        assert len(frames) == 1, 'a node sends one frame'
        return frames[0]

    def close(self):
        if self._owner is None:
            close_monitored(self.socket, self._monitor)

    def __del__(self):
        self.close()


class Listener:
    """A listening socket with the identity's CURVE key. Anybody who knows it may connect."""

    def __init__(self, identity, port):
        # pylint: disable=protected-access
        self.socket = Link._socket(zmq.ROUTER, identity)
        self.socket.curve_server = True
        self._monitor = monitor_of(self.socket)
        self._inboxes = {}                     # by routing id, of links handed out
        self._fresh = []                       # first messages of links nobody took yet
        self.socket.bind('tcp://127.0.0.1:%d' % port)

    def _pump(self, wait):
        """Take one message off the socket. False if none comes."""
        if not self.socket.poll(max(0, int(wait * 1000))):
            return False
        routing_id, raw = self.socket.recv_multipart()
        if routing_id in self._inboxes:
            self._inboxes[routing_id].append(raw)
        else:
            self._inboxes[routing_id] = []
            self._fresh.append((routing_id, raw))
        return True

    def accept(self, wait=WAIT):
        """Wait for the first message of a link. Returns (Link, its bytes)."""
        end = time.monotonic() + wait
        while not self._fresh:
            if not self._pump(end - time.monotonic()) and time.monotonic() >= end:
                raise Silent('nobody dialled')
        routing_id, raw = self._fresh.pop(0)
        return Link(self.socket, routing_id, self), raw

    def receive(self, routing_id, wait):
        end = time.monotonic() + wait
        while not self._inboxes[routing_id]:
            if not self._pump(end - time.monotonic()) and time.monotonic() >= end:
                raise Silent('no message')
        return self._inboxes[routing_id].pop(0)

    def is_closed(self, wait=WAIT):
        """Whether a link of this listener ends within a time."""
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self._monitor.poll(int(max(0, end - time.monotonic()) * 1000)):
                if recv_monitor_message(self._monitor)['event'] == zmq.EVENT_DISCONNECTED:
                    return True
        return False

    def close(self):
        close_monitored(self.socket, self._monitor)

    def __del__(self):
        self.close()


# --- sessions ------------------------------------------------------------------------------

class Session:
    """One session over a link: HELLO, tags, counters, and what has passed over it.

    `record`, if it is a list, receives ('peer' or 'node', bytes) of every message.
    """

    def __init__(self, link, me, them, record=None):
        self.link = link
        self.me = me
        self.them = them
        self.record = record
        self.ahead_ms = 0                      # what its HELLOs say of its clock
        self.nonce = me.random(32)
        self.their_nonce = None
        self.tag_out = bytes(16)
        self.tag_in = bytes(16)
        self.counter_out = 0
        self.counter_in = 0
        self.their_hello = None
        self.their_heads = None
        self.received = []                     # (name, fields) that nobody asked for yet

    # --- HELLO ----------------------------------------------------------------------------

    def hello_fields(self, echo=None):
        return {'v': 1, 'v_min': 1, 'node': self.me.node, 'to': self.them.node,
                'card_seq': self.me.card_seq, 'event_seq': self.me.event_seq,
                'time': now_ms() + self.ahead_ms, 'nonce': self.nonce, 'echo': echo,
                'software': 'scripted peer'}

    def hello(self, echo=None, more=None, signature=None, **fields):
        """A HELLO's bytes."""
        body = wire.encode('hello body', dict(self.hello_fields(echo), **fields), more)
        signature = signature or wire.sign(self.me.sign, 'hello', body)
        return wire.message('HELLO', {'body': body, 'signature': signature})

    def take_hello(self, raw, answers=None):
        """Verify their HELLO and fill in the session. `answers`: the nonce it must echo."""
        name, fields = wire.read_message(raw)
        wire.need(name == 'HELLO', 'no HELLO')
        body = wire.decode('hello body', fields['body'])
        wire.verify(self.them.sign_key_of(body['card_seq']), 'hello', fields['body'],
                    fields['signature'], 'HELLO signature')
        wire.need(body['node'] == self.them.node and body['to'] == self.me.node, 'HELLO: ends')
        wire.need(body['echo'] == answers, 'HELLO: echo')
        self.their_hello = body
        self.their_nonce = body['nonce']
        self.tag_out = wire.session_tag(self.me.node, self.them.node, self.nonce, self.their_nonce)
        self.tag_in = wire.session_tag(self.them.node, self.me.node, self.their_nonce, self.nonce)

    def open(self, wait=WAIT, **fields):
        """The dialler's side: send HELLO, take the answer, echo its nonce. W-62"""
        self.send_raw(self.hello(**fields))
        self.take_hello(self._receive_raw(wait), self.nonce)
        self.send_raw(self.hello(self.their_nonce))
        return self

    def accept(self, first, wait=WAIT, **fields):
        """The listener's side: take the HELLO that came first, answer it, be echoed. W-62"""
        self._note('node', first)
        self.take_hello(first, None)
        nonce = self.their_nonce
        self.send_raw(self.hello(nonce, **fields))
        self.take_hello(self._receive_raw(wait), self.nonce)
        wire.need(self.their_nonce == nonce, 'HELLO: another nonce')
        return self

    # --- messages -------------------------------------------------------------------------

    def _note(self, who, raw):
        if self.record is not None:
            self.record.append((who, raw))

    def send_raw(self, raw):
        self._note('peer', raw)
        self.link.send(raw)

    def _receive_raw(self, wait):
        raw = self.link.receive(wait)
        self._note('node', raw)
        return raw

    def make(self, name, more=None, **fields):
        """A message's bytes with tag and next counter; both can be replaced."""
        if 'counter' not in fields:
            self.counter_out += 1
        return wire.message(name, dict({'session': self.tag_out, 'counter': self.counter_out},
                                       **fields), more)

    def send(self, name, more=None, **fields):
        self.send_raw(self.make(name, more, **fields))

    def receive(self, wait=WAIT):
        """The next message, verified: (name, fields)."""
        name, fields = wire.read_message(self._receive_raw(wait))
        wire.need(name != 'HELLO', 'HELLO inside a session')
        self.counter_in += 1
        wire.need(fields['session'] == self.tag_in, 'session tag')
        wire.need(fields['counter'] == self.counter_in, 'counter')
        return name, fields

    def expect(self, *names, wait=WAIT):
        """Wait for a message of one of these kinds. Others are kept in `received`; PING and
        IDENT_PULL are answered meanwhile. Raises Silent, Closed."""
        for i, (name, _) in enumerate(self.received):
            if name in names:
                return self.received.pop(i)
        end = time.monotonic() + wait
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise Silent('no %s' % '/'.join(names))
            name, fields = self.receive(left)
            if name in names:
                return name, fields
            self.answer(name, fields)

    def answer(self, name, fields):
        """What an honest peer answers by itself."""
        if name == 'PING':
            self.send('PONG', time=now_ms())
        elif name == 'IDENT_PULL':
            if fields['card_seq'] < self.me.card_seq:
                self.send('IDENT', bundle=self.me.bundle())
        else:
            self.received.append((name, fields))

    def heads(self, mine=None, in_lane=None, wait=WAIT, **fields):
        """Exchange HEADS: `mine` our Lane, `in_lane` what we hold of theirs (Held)."""
        made = {'yours_seq': 0, 'yours_hash': wire.NONE_ID, 'incarnation': 1}
        if mine is not None and mine.entries:
            made['mine'] = mine.head()
            made['acked'] = mine.acknowledged
        if in_lane is not None and in_lane.cursor[1] > 0:
            made.update(yours=in_lane.head, yours_seq=in_lane.cursor[1],
                        yours_hash=in_lane.cursor[2])
        made.update(fields)
        self.send('HEADS', **made)
        _, self.their_heads = self.expect('HEADS', wait=wait)
        return self.their_heads

    def push(self, lane, after=0, until=None, blobs=(), name='LANE_PUSH', **fields):
        """Send entries of our lane, with a head that covers the last."""
        until = len(lane.entries) if until is None else until
        made = {'side': 0, 'entries': lane.entries[after:until],
                'payloads': lane.payloads[after:until], 'head': lane.head(until),
                'blobs': list(blobs)}
        made.update(fields)
        self.send(name, **made)

    def take_push(self, held, wait=WAIT, ack=True, **fields):
        """Receive a batch of their lane, verify it, acknowledge it. Returns its fields."""
        _, batch = self.expect('LANE_PUSH', 'LANE_DATA', wait=wait)
        held.take(batch)
        if ack:
            self.send('LANE_ACK', ack=held.ack(**fields))
        return batch

    def is_alive(self, wait=WAIT):
        """Whether a PING is answered."""
        self.send('PING', time=now_ms())
        try:
            self.expect('PONG', wait=wait)
        except (Silent, Closed):
            return False
        return True

    def is_closed(self, wait=WAIT):
        return self.link.is_closed(wait)

    def close(self):
        self.link.close()


# --- lanes ---------------------------------------------------------------------------------

class Lane:
    """Our lane to them: entries, payloads, heads."""

    def __init__(self, me, them, incarnation=1):
        self.me = me
        self.them = them
        self.incarnation = incarnation
        self.entries = []
        self.payloads = []
        self.hashes = [wire.NONE_ID]
        self.acknowledged = None               # newest signed acknowledgement

    def add(self, payload, more=None, **fields):
        """Append an entry; the chain goes on from it whatever it says."""
        made = {'v': 1, 'o': self.me.node, 'r': self.them.node, 'incarnation': self.incarnation,
                'seq': len(self.entries) + 1, 'prev': self.hashes[-1], 'type': wire.GRANT,
                'payload': wire.digest('payload', payload), 'length': len(payload),
                'time': now_ms()}
        made.update(fields)
        entry = wire.encode('lane entry', made, more)
        self.entries.append(entry)
        self.payloads.append(payload)
        self.hashes.append(wire.digest('lane', entry))
        return entry

    def head(self, seq=None, more=None, signature=None, sign_with=None, **fields):
        """A signed head of entry `seq`, by default of the newest."""
        seq = len(self.entries) if seq is None else seq
        made = {'v': 1, 'o': self.me.node, 'r': self.them.node, 'incarnation': self.incarnation,
                'seq': seq, 'hash': self.hashes[seq], 'time': now_ms(),
                'card_seq': self.me.card_seq}
        made.update(fields)
        body = wire.encode('lane head', made, more)
        signature = signature or wire.sign(sign_with or self.me.sign, 'head', body)
        return wire.encode('signed head or acknowledgement', {'body': body, 'signature': signature})

    def take_ack(self, raw):
        """Verify their acknowledgement; returns its body."""
        body = wire.peek_signed('ack', raw)
        wire.read_signed('ack', raw, self.them.sign_key_of(body['card_seq']))
        wire.need((body['o'], body['r']) == (self.me.node, self.them.node), 'ack: ends')
        wire.need(body['hash'] == self.hashes[body['seq']], 'ack: hash')
        self.acknowledged = raw
        return body

    def fork(self, at):
        """A copy that shares the first `at` entries and may go on differently."""
        other = Lane(self.me, self.them, self.incarnation)
        other.entries = self.entries[:at]
        other.payloads = self.payloads[:at]
        other.hashes = self.hashes[:at + 1]
        return other


class Held:
    """What we hold of their lane to us."""

    def __init__(self, me, them):
        self.me = me
        self.them = them
        self.cursor = wire.LANE_START
        self.entries = []
        self.payloads = []
        self.blobs = {}                        # by hash
        self.head = None

    def take(self, batch):
        """Verify a batch and keep it. Entries that are held already are passed over."""
        lane = (self.them.node, self.me.node)
        head = wire.peek_signed('head', batch['head'])
        wire.read_signed('head', batch['head'], self.them.sign_key_of(head['card_seq']))
        cursor = self.cursor
        for entry, payload in zip(batch['entries'], batch['payloads']):
            if wire.decode('lane entry', entry)['seq'] <= self.cursor[1]:
                continue
            _, cursor = wire.follow(entry, payload, lane, cursor)
            self.entries.append(entry)
            self.payloads.append(payload)
        wire.need((head['incarnation'], head['seq'], head['hash']) == cursor, 'head: another end')
        self.cursor = cursor
        self.head = batch['head']
        for blob in batch['blobs']:
            self.blobs[wire.digest('cipher', blob)] = blob

    def ack(self, more=None, signature=None, **fields):
        """A signed acknowledgement of all that is held."""
        made = {'v': 1, 'o': self.them.node, 'r': self.me.node, 'incarnation': self.cursor[0],
                'seq': self.cursor[1], 'hash': self.cursor[2], 'state': 2, 'time': now_ms(),
                'card_seq': self.me.card_seq}
        made.update(fields)
        body = wire.encode('lane acknowledgement', made, more)
        signature = signature or wire.sign(self.me.sign, 'ack', body)
        return wire.encode('signed head or acknowledgement', {'body': body, 'signature': signature})
