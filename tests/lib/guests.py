# SPDX-License-Identifier: Apache-2.0
"""A State that a test plays (peer.py) at a real node (nodes.py), with its lanes.

    guest = Guest(node)                        # its card is there and was compared
    guest.open()                               # session, HEADS exchanged
    assert guest.send(guest.record()) == []    # acknowledged, nothing refused
    guest.take(1)                              # one entry of the node's lane
    guest.received()                           # [{section name: body}]
"""

from . import cmp, peer, wire

DENIAL = 'valise/denial/1'
_spare = iter('X%c%c' % (a, b) for a in 'DEFGHIJK' for b in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')


class Guest:
    def __init__(self, node, state=None, verified=True, me=None, **options):
        """`me`: its identity, if it is not a new one; others are options of Identity.make."""
        self.node = node
        self.me = me or peer.Identity.make(state or next(_spare), **options)
        self.state = self.me.state
        self.them = wire.read_card(node.card())
        self.lane = peer.Lane(self.me, self.them)
        self.held = peer.Held(self.me, self.them)
        self.session = None
        self.number = 0
        if verified:
            node.trust(self.me.card_text(), self.me.safety_number())

    # --- sessions -------------------------------------------------------------------------

    def open(self, heads=True, record=None, ahead_ms=0, **fields):
        """A new session. `record` is that of Session, `ahead_ms` how far its clock says it is
        ahead; `fields` replace those of HEADS."""
        link = peer.Link.connect_patiently(self.me, self.them, self.node.endpoint)
        session = peer.Session(link, self.me, self.them, record=record)
        session.ahead_ms = ahead_ms
        self.session = session.open()
        if heads:
            self.session.heads(self.lane, self.held, **fields)
        return self.session

    def close(self):
        if self.session is not None:
            self.session.close()
            self.session = None

    def row(self):
        """What the node says of it in peer.list."""
        return self.node.peer(self.state)

    def is_cut_off(self):
        """Whether the node ends the session, with or without a word."""
        try:
            self.session.expect('ERROR')
        except peer.Closed:
            return True
        return self.session.is_closed()

    # --- its own lane ---------------------------------------------------------------------

    def sections(self, **fields):
        """Sections of a new small denial."""
        self.number += 1
        return peer.denial(self.state, self.number, **fields)

    def reference(self):
        return 'DN-%s-2026-%04d' % (self.state, self.number)

    def seal(self, sections=None, **fields):
        return peer.Envelope.seal(self.me, sections or self.sections(), schema=DENIAL, **fields)

    def parcel(self, envelope, slots=None, grant=None, **fields):
        grant = grant or peer.grant(self.me, self.them, envelope, slots=slots)
        return peer.parcel(grant, envelope, slots=slots, **fields)

    def send(self, envelope, slots=None, **fields):
        """Put a grant of an envelope into the lane and send it. Returns refusals: (reason, seq)."""
        chosen = envelope.ciphers if slots is None else slots
        return self.push(self.parcel(envelope, slots, **fields),
                         [envelope.ciphers[slot] for slot in chosen])

    def push(self, payload, blobs=()):
        """Put a payload into the lane and send it. Returns refusals: (reason, seq)."""
        before = len(self.lane.entries)
        self.lane.add(payload)
        self.session.push(self.lane, after=before, blobs=blobs)
        _, message = self.session.expect('LANE_ACK')
        assert self.lane.take_ack(message['ack'])['seq'] == before + 1
        assert self.session.is_alive()
        refusals = [fields for name, fields in self.session.received if name == 'LANE_NACK']
        self.session.received = [one for one in self.session.received if one[0] != 'LANE_NACK']
        return [(fields['reason'], fields['seq']) for fields in refusals]

    # --- the node's lane ------------------------------------------------------------------

    def take(self, count):
        """Receive batches until so many entries are held."""
        while self.held.cursor[1] < count:
            self.session.take_push(self.held)
        return self.held

    def received(self):
        """What the entries held open to: {section name: body} of each."""
        return [self._open(payload) for payload in self.held.payloads]

    def _open(self, payload):
        parcel = wire.decode('parcel', payload)
        grant = wire.decode('grant', parcel['grant'])
        keys = wire.unwrap(grant, wire.decode('grant terms', grant['terms']),
                           self.me.pair_key(self.them))
        header = wire.decode('record header', parcel['header'])
        opened = {}
        assert sorted(keys) == list(parcel['slots'])
        for slot, cipher in zip(parcel['slots'], parcel['ciphertexts']):
            context = wire.section_context(header['originator'], header['rn'], slot)
            section = wire.decode('section', wire.open_section(
                keys[slot], context, self.held.blobs[cipher], header['leaves'][slot]))
            opened[section['name']] = cmp.decode(section['body'], 1 << 20)
        return opened
