# SPDX-License-Identifier: Apache-2.0
"""R01 to R24 and Y08 to Y10: what a State may put into its lane. T-6, T-7, T-8, T-9, T-11, T-12

One State with a verified card brings most of it over one lane: each bad object
is kept aside with its reason, answered with a reason and noted, and the lane
goes on with the next entry. The exhaustive versions are unit tests.
"""

import os
import shutil
import time

from nacl import bindings

import hostile
from hostile import case, need, say
from lib import cmp, nodes, peer, wire

GAP, FORK, KEY_RETIRED, BAD_SIGNATURE, POLICY, QUOTA, BLOB_MISSING = range(1, 8)
DENIAL = 'valise/denial/1'
# The order of the group that Ed25519 signatures live in.
ED25519_L = 2 ** 252 + 27742317777372353535851937790883648493


class Sender:
    """A State with a lane to the target, and a session that is opened when it is needed."""

    def __init__(self, world, node=None):
        self.world = world
        self.node = node or world.node
        self.me = world.attacker(at=[self.node])
        self.them = wire.read_card(self.node.card())
        self.lane = peer.Lane(self.me, self.them)
        self.session = None
        self.number = 0

    def open(self):
        if self.session is None:
            self.session = self.world.session(self.me, self.node, lane=self.lane)
        return self.session

    def close(self):
        if self.session is not None:
            self.session.close()
            self.session = None

    # --- making ---------------------------------------------------------------------------

    def sections(self, **fields):
        """Sections of a new small denial."""
        self.number += 1
        return peer.denial(self.me.state, self.number, **fields)

    def seal(self, sections=None, **fields):
        return peer.Envelope.seal(self.me, sections or self.sections(), schema=DENIAL, **fields)

    def grant(self, sealed, **fields):
        return peer.grant(self.me, self.them, sealed, **fields)

    def parcel(self, sealed, grant=None, **fields):
        return peer.parcel(grant or self.grant(sealed), sealed, **fields)

    def reference(self):
        return 'DN-%s-2026-%04d' % (self.me.state, self.number)

    # --- sending --------------------------------------------------------------------------

    def send(self, payload, blobs=(), expect_ack=True, **fields):
        """Put a payload into the lane and send it. Returns the refusals that came: (reason, seq)."""
        session = self.open()
        before = len(self.lane.entries)
        self.lane.add(payload, **fields)
        session.push(self.lane, after=before, blobs=blobs)
        refusals = []
        acked = not expect_ack
        while not acked or not session_is_quiet(session):
            name, message = session.expect('LANE_ACK', 'LANE_NACK', 'BLOB_PULL')
            if name == 'LANE_ACK':
                need(self.lane.take_ack(message['ack'])['seq'] == before + 1, 'another entry acked')
                acked = True
            elif name == 'BLOB_PULL':
                raise hostile.Broken('the node asks for ciphertexts: %d' % len(message['ids']))
            else:
                refusals.append((message['reason'], message['seq']))
        return refusals

    def good(self):
        """Send a record that is as it should be; it must arrive."""
        sealed = self.seal()
        refusals = self.send(self.parcel(sealed), sealed.ciphers.values())
        need(not refusals, 'a good record was refused: %s' % refusals)
        need(self.node.has(self.reference()), 'a good record is not there')
        return sealed


def session_is_quiet(session):
    """Whether nothing is on its way to us: a PING comes back."""
    session.send('PING', time=peer.now_ms())
    kept = []
    while True:
        name, fields = session.expect('PONG', 'LANE_NACK', 'BLOB_PULL', 'LANE_ACK')
        if name == 'PONG':
            break
        kept.append((name, fields))
    session.received += kept
    return not kept


def sender_of(world):
    """The one State that brings most bad objects: HELLOs are counted."""
    if not hasattr(world, 'sender'):
        world.sender = Sender(world)
    return world.sender


def is_refused(world, payload, blobs, code, reason=POLICY, sender=None, **fields):
    """The object is kept aside with this code and answered with this reason; the lane goes on."""
    sender = sender or sender_of(world)
    counts = sender.node.call('status')['counts']
    noted = sender.node.call('status')['counts']['audit']
    refusals = sender.send(payload, blobs, **fields)
    seq = len(sender.lane.entries)
    need(refusals == [(reason, seq)], 'refusals: %s' % refusals)
    aside = world.aside(sender.me.state)
    need(aside.get(seq) == code, 'kept aside as %s' % aside.get(seq))
    newer = [row for row in world.audit(sender.me.state, 'record.quarantined')
             if row['cursor'] > noted]
    need(len(newer) == 1, '%d audit entries' % len(newer))
    after = sender.node.call('status')['counts']
    need(after['records'] == counts['records'], 'a bad object became a record')
    need(after['kept_aside'] == counts['kept_aside'] + 1, 'it was not kept aside')
    sender.good()


def flip(raw, bit=0):
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# --- signatures ------------------------------------------------------------------------------

@case('R01', 'one changed bit of a signature', changes=True)
def one_bit_of_signature(world):
    sender = sender_of(world)
    sender.good()                                 # the attack differs from this in one thing
    for bit in (0, 255, 256, 511):
        sealed = sender.seal()
        payload = sender.parcel(sealed, signature=flip(sealed.signature, bit))
        is_refused(world, payload, sealed.ciphers.values(), 'E701', BAD_SIGNATURE)


@case('R02', 'one changed bit of the header, a section, the wrapped keys or the terms', changes=True)
def one_bit_of_anything(world):
    sender = sender_of(world)
    sealed = sender.seal()
    header = flip(sealed.header, 8 * (len(sealed.header) - 40))
    is_refused(world, sender.parcel(sealed, header=header), sealed.ciphers.values(), 'E702')
    sealed = sender.seal()
    header = flip(sealed.header, 8 * (len(sealed.header) - 40))
    grant = sender.grant(sealed, rid=wire.digest('record', header))
    is_refused(world, sender.parcel(sealed, grant, header=header), sealed.ciphers.values(), 'E701',
               BAD_SIGNATURE)
    sealed = sender.seal()
    sealed.ciphers[1] = flip(sealed.ciphers[1], 800)
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E703')
    sealed = sender.seal()
    grant = wire.decode('grant', sender.grant(sealed))
    for name in ('wrapped', 'terms'):
        spoilt = dict(grant, **{name: flip(grant[name], 8 * len(grant[name]) - 8)})
        is_refused(world, sender.parcel(sealed, wire.encode('grant', spoilt)),
                   sealed.ciphers.values(), 'E704')


@case('R03', "a record signed with another State's key", changes=True)
def another_states_key(world):
    sender = sender_of(world)
    other = world.attacker()
    sealed = sender.seal()
    forged = wire.sign(other.sign, 'record', sealed.header)
    is_refused(world, sender.parcel(sealed, signature=forged), sealed.ciphers.values(), 'E701',
               BAD_SIGNATURE)
    sealed = sender.seal(header={'signing_key': wire.key_id(wire.sign_public(other.sign))})
    forged = wire.sign(other.sign, 'record', sealed.header)
    is_refused(world, sender.parcel(sealed, signature=forged), sealed.ciphers.values(), 'E414',
               KEY_RETIRED)


@case('R04', "a record signed with the State's own key for another purpose", changes=True)
def another_purpose(world):
    sender = sender_of(world)
    sealed = sender.seal(header={'signing_key': wire.key_id(wire.sign_public(sender.me.authority))})
    forged = wire.sign(sender.me.authority, 'record', sealed.header)
    is_refused(world, sender.parcel(sealed, signature=forged), sealed.ciphers.values(), 'E414',
               KEY_RETIRED)
    sealed = sender.seal()
    forged = wire.sign(sender.me.authority, 'record', sealed.header)
    is_refused(world, sender.parcel(sealed, signature=forged), sealed.ciphers.values(), 'E701',
               BAD_SIGNATURE)


@case('R05', 'a signature that was made for another kind of object', changes=True)
def another_kind(world):
    sender = sender_of(world)
    for label in ('head', 'ack', 'grant', 'card', 'hello', 'inception'):
        sealed = sender.seal()
        forged = wire.sign(sender.me.sign, label, sealed.header)
        is_refused(world, sender.parcel(sealed, signature=forged), sealed.ciphers.values(), 'E701',
                   BAD_SIGNATURE)


@case('R06', 'a malleated signature', changes=True)
def malleated(world):
    sender = sender_of(world)
    sealed = sender.seal()
    s = int.from_bytes(sealed.signature[32:], 'little') + ED25519_L
    forged = sealed.signature[:32] + s.to_bytes(32, 'little')
    is_refused(world, sender.parcel(sealed, signature=forged), sealed.ciphers.values(), 'E701',
               BAD_SIGNATURE)


@case('R07', 'cards with keys of small order or not canonical are refused when they are added')
def weak_keys(world):
    weak = [bytes(32), b'\1' + bytes(31),
            bytes.fromhex('ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
            bytes.fromhex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
            bytes.fromhex('eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')]
    for key in weak:
        for name in ('sign_key', 'seal_key', 'curve_key'):
            me = peer.Identity.make('XZZ', card={name: key})
            need(world.node.refusal('peer.add', card=me.card_text()) == 'E710',
                 '%s of %s was taken' % (name, key.hex()))
        me = peer.Identity.make('XZZ', inception={'keys': [key]})
        need(world.node.refusal('peer.add', card=me.card_text()) == 'E710', 'a weak authority key')


# --- replays and forks -----------------------------------------------------------------------

@case('R08', 'a record that comes again is held once, and acknowledged the same', changes=True)
def replayed_record(world):
    sender = sender_of(world)
    sealed = sender.good()
    counts = world.node.call('status')['counts']
    session = sender.open()
    seq = len(sender.lane.entries)
    session.push(sender.lane, after=seq - 1, blobs=sealed.ciphers.values())   # the same entry
    need(session_is_quiet(session) and session.is_alive(), 'the session ended')
    need(world.node.peer(sender.me.state)['theirs'] == seq, 'the lane moved')
    sender.send(sender.parcel(sealed), sealed.ciphers.values())       # the same record, granted anew
    after = world.node.call('status')['counts']
    need((after['records'], after['kept_aside']) == (counts['records'], counts['kept_aside']),
         'there are two of it')
    versions = [row for row in world.node.call('record.list', all_versions=True)['items']
                if row['reference'] == sender.reference()]
    need(len(versions) == 1, '%d copies' % len(versions))
    sender.good()


def standing(world, reference):
    return [row['standing'] for row in world.node.call('record.list', all_versions=True)['items']
            if row['reference'] == reference]


@case('R09', 'another record under the same reference: both are kept, as evidence', changes=True)
def same_reference(world):
    sender = sender_of(world)
    first = sender.sections()
    reference = sender.reference()
    sealed = sender.seal(first)
    need(not sender.send(sender.parcel(sealed), sealed.ciphers.values()), 'the first was refused')
    second = dict(first, summary={'body': dict(first['summary']['body'], destination='XTO')})
    sealed = sender.seal(second)
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E708')
    need(standing(world, reference) == ['contested'], 'it stands as %s' % standing(world, reference))


@case('R10', 'two histories of one lane freeze the exchange, with both heads as evidence',
      changes=True)
def forked_lane(world):
    sender = Sender(world)
    sender.good()
    other = sender.lane.fork(1)
    sender.good()
    sealed = sender.seal()
    other.add(sender.parcel(sealed))
    other.add(sender.parcel(sealed))
    for name, attack in (('at once', lambda session: session.push(
            other, after=1, blobs=sealed.ciphers.values())),):
        attack(sender.open())
        need(sender.session.is_closed(3 * hostile.SLOWER), name + ': the session goes on')
        row = world.node.peer(sender.me.state)
        need(row['standing'] == 'frozen' and row['theirs'] == 2, name + ': %s' % row)
        need(world.audit(sender.me.state, 'lane.fork'), 'no audit entry')
        need(world.node.call('status')['attention'] == 2, 'no alarm')
    sender.close()
    need(not may_open(world, sender.me), 'it may still connect')


def may_open(world, me):
    try:
        world.session(me).close()
        return True
    except (peer.Closed, peer.Silent):
        return False


@case('R10+', 'two histories shown by their heads alone freeze the exchange too', changes=True)
def forked_heads(world):
    sender = Sender(world)
    sender.good()
    sender.close()
    other = peer.Lane(sender.me, sender.them)
    other.add(sender.parcel(sender.seal()))
    session = world.session(sender.me, heads=False)
    try:
        session.heads(other)
    except peer.Closed:
        pass
    nodes.until(lambda: world.node.peer(sender.me.state)['standing'] == 'frozen', 3,
                world.node.log_tail)
    need(session.is_closed(3 * hostile.SLOWER), 'the session goes on')
    session.close()


# --- sections and keys -----------------------------------------------------------------------

@case('R11', 'one ciphertext that opens under two keys: the commitment tells', changes=True)
def two_keys(world):
    """Each State would be given its own key of the two; the header commits to one."""
    sender = sender_of(world)
    sealed = sender.seal()
    keys = dict(sealed.keys)
    keys[1] = os.urandom(32)
    is_refused(world, sender.parcel(sealed, sender.grant(sealed, keys=keys)),
               sealed.ciphers.values(), 'E703')


@case('R12', 'a ciphertext with another hash or length than the header signs', changes=True)
def another_plaintext(world):
    sender = sender_of(world)
    sealed = sender.seal()
    context = wire.section_context(sender.me.node, sealed.rn, 1)
    body = dict(sender.sections()['summary']['body'], destination='XTO')
    plain = wire.encode('section', {'name': 'summary', 'schema': DENIAL, 'version': 1,
                                    'body': cmp.encode({'body': body})})
    sealed.ciphers[1], _ = wire.seal_section(sealed.keys[1], context, plain)
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E703')


@case('R13', 'a grant for another State, or for another record', changes=True)
def not_for_us(world):
    sender = sender_of(world)
    other = world.attacker()
    sealed = sender.seal()
    is_refused(world, sender.parcel(sealed, sender.grant(sealed, subject=other.node)),
               sealed.ciphers.values(), 'E706')
    sealed, more = sender.seal(), sender.seal()
    is_refused(world, sender.parcel(more, sender.grant(sealed)), more.ciphers.values(), 'E702')
    sealed = sender.seal()
    is_refused(world, sender.parcel(sealed, sender.grant(sealed, issuer=other.node)),
               sealed.ciphers.values(), 'E707')
    sealed = sender.seal()
    is_refused(world, sender.parcel(sealed, sender.grant(sealed, key=os.urandom(32))),
               sealed.ciphers.values(), 'E704')
    sealed = sender.seal()                        # a key of a slot that the parcel does not name
    keys = dict(sealed.keys)
    keys[5] = os.urandom(32)
    grant = sender.grant(sealed, keys=keys)
    is_refused(world, sender.parcel(sealed, grant), sealed.ciphers.values(), 'E702')


@case('R14', 'a section swapped between records or slots', changes=True)
def swapped_section(world):
    sender = sender_of(world)
    one, two = sender.seal(), sender.seal()
    one.ciphers[1], one.keys[1] = two.ciphers[1], two.keys[1]
    is_refused(world, sender.parcel(one), one.ciphers.values(), 'E703')
    one = sender.seal()
    one.ciphers[1], one.ciphers[2] = one.ciphers[2], one.ciphers[1]
    one.keys[1], one.keys[2] = one.keys[2], one.keys[1]
    is_refused(world, sender.parcel(one), one.ciphers.values(), 'E703')


@case('R15', 'sections in another order are refused; one that is withheld leaves no gap unseen',
      changes=True)
def order_of_sections(world):
    sender = sender_of(world)
    sealed = sender.seal()
    names = [wire.digest('cipher', sealed.ciphers[slot]) for slot in (1, 0, 2)]
    is_refused(world, sender.parcel(sealed, ciphertexts=names), sealed.ciphers.values(), 'E703')
    sealed = sender.seal()
    is_refused(world, sender.parcel(sealed, more={4: b'\1\0\2'}), sealed.ciphers.values(), 'E705')
    sealed = sender.seal()
    is_refused(world, sender.parcel(sealed, slots=[0, 1]), sealed.ciphers.values(), 'E702')
    sealed = sender.seal()                        # without its summary a denial is none
    grant = sender.grant(sealed, slots=[0, 2])
    refusals = sender.send(sender.parcel(sealed, grant, slots=[0, 2]), sealed.ciphers.values())
    need(not refusals, 'a record with a section withheld was refused')
    shown = world.node.show(sender.reference())
    need(shown['node']['sections']['summary'] == 'sealed' and
         shown['body']['denial_type'] == {'sealed': True}, 'it does not say what is withheld')


# --- bytes -----------------------------------------------------------------------------------

def bombs():
    nest = b'\xdd\x00\x00\x00\x01'
    return {
        'a 5-byte array that claims 16 M items': b'\xdd\x00\xff\xff\xff',
        '32 nested arrays': nest * 32,
        '93 bytes of array16': b'\xdc\xff\xff' * 31,
        'a map that claims 4 G pairs': b'\xdf\xff\xff\xff\xff',
        'a text that claims 4 GiB': b'\xdb\xff\xff\xff\xff',
        'bytes that claim 4 GiB': b'\xc6\xff\xff\xff\xff',
        '60 kB of nil': b'\xc0' * 60000,
    }


def spoilt_bodies(world, bodies, code='E705'):
    """Each body as a section's, in a record that is right otherwise, and each as a payload."""
    sender = sender_of(world)
    for name, raw in bodies.items():
        try:
            sealed = sender.seal(section={'summary': {'body': raw}})
            is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), code)
            if len(raw) <= 65536:                 # as large as a parcel, or larger
                is_refused(world, raw, (), 'E705' if len(raw) <= 49152 else 'E212')
        except Exception as why:
            raise hostile.Broken('%s: %s' % (name, why)) from why


@case('R16', 'five bytes that claim 16 million items, and the like', changes=True)
def array_bombs(world):
    watched = hostile.Watched(world.node)
    spoilt_bodies(world, bombs())
    watched.check(link_growth=8, core_growth=16)


@case('R16+', 'six sections of 65,000 values each', changes=True)
def many_values(world):
    """Each is within its limit; all together are more than one record may unpack to."""
    sender = Sender(world)
    watched = hostile.Watched(world.node)
    sections = sender.sections()
    for name in ('manifest', 'summary', 'parties', 'details', 'restricted', 'attachments'):
        sections[name] = dict(sections.get(name, {}), body={'items': [[0] * 1000 for _ in range(65)]})
    sealed = sender.seal(sections)
    session = sender.open()
    sender.lane.add(sender.parcel(sealed))
    session.push(sender.lane, blobs=sealed.ciphers.values())
    _, nack = session.expect('LANE_NACK')
    need(nack['seq'] == 1, 'another entry')
    session.expect('LANE_ACK')
    say('kept aside as %s' % world.aside(sender.me.state)[1])
    watched.check(link_growth=8, core_growth=64)
    sender.good()
    sender.close()


@case('R17', 'a nesting of a million', changes=True)
def deep_nesting(world):
    spoilt_bodies(world, {'a million deep': b'\x91' * 1000000 + b'\xc0',
                          '13 deep': b'\x91' * 13 + b'\xc0',
                          'maps, 60,000 deep': b'\x81\x00' * 30000 + b'\xc0'})


@case('R18', 'a section of the limit is taken, one byte more refused, ten times as much cut off',
      changes=True)
def sizes(world):
    sender = Sender(world)
    limit = 1032191                               # plaintext whose padding still fits, W-43

    big = sender.sections()
    big['summary']['body']['items'] = {
        str(i): dict(big['summary']['body']['items']['0'], line=i + 1,
                     description=('%d ' % i) + 400 * 'x') for i in range(900)}
    sealed = sender.seal(big)
    need(len(sealed.ciphers[1]) > 300000, 'the large one is small: %d' % len(sealed.ciphers[1]))
    need(not sender.send(sender.parcel(sealed), sealed.ciphers.values()), 'a large one was refused')
    need(world.node.has(sender.reference()), 'the large one is not there')
    say('ciphertext of %d bytes taken' % len(sealed.ciphers[1]))
    sealed = sender.seal(plain={'summary': bytes(limit)})
    over = wire.padded_size(limit + 1) + 16
    need(len(sealed.ciphers[1]) <= 1 << 20 < over, 'the limit is another one')
    blobs = [sealed.ciphers[0], sealed.ciphers[2]]
    session = sender.open()
    before = len(sender.lane.entries)
    sender.lane.add(sender.parcel(sealed))
    session.push(sender.lane, after=before, blobs=blobs)
    _, pull = session.expect('BLOB_PULL')
    need(pull['ids'] == [wire.digest('cipher', sealed.ciphers[1])], 'it asks for others')
    session.send('BLOB', bytes=sealed.ciphers[1])
    session.expect('LANE_PULL')
    session.push(sender.lane, after=before, blobs=blobs, name='LANE_DATA')
    _, nack = session.expect('LANE_NACK')         # its plaintext is no section, but it was opened
    session.expect('LANE_ACK')
    need(world.aside(sender.me.state)[before + 1] == 'E705', 'kept aside as %s' %
         world.aside(sender.me.state)[before + 1])
    sender.good()
    session.send('BLOB', bytes=bytes((1 << 20) + 1))
    need(closed_with(session) == 2, 'a ciphertext of 1 MiB + 1')
    sender.close()
    link = world.link(sender.me)
    link.send(b'\x01' + bytes((1 << 20) + 65536))  # one byte more than a frame may have
    need(link.is_closed(3 * hostile.SLOWER), 'a frame of the limit + 1')
    link.close()
    link = world.link(sender.me)
    link.send(bytes(10 << 20))
    need(link.is_closed(3 * hostile.SLOWER), 'a frame of 10 MiB')
    link.close()
    again = Sender(world)
    session = again.open()
    again.lane.add(bytes(65537))
    session.push(again.lane)
    need(closed_with(session) == 2, 'a payload of 64 KiB + 1')
    again.close()


def closed_with(session, wait=3 * hostile.SLOWER):
    """The code of the ERROR that ends a session."""
    code = None
    try:
        while True:
            name, fields = session.receive(wait)
            if name == 'ERROR':
                code = fields['code']
    except peer.Closed:
        pass
    return code


@case('R19', 'every other form of the same bytes', changes=True)
def other_forms(world):
    body = cmp.encode({'body': {'x': 1}})
    spoilt_bodies(world, {
        'a long integer': b'\x81\xa1x\xcc\x01', 'a key twice': b'\x82\xa1x\x01\xa1x\x02',
        'keys out of order': b'\x82\xa1y\x01\xa1x\x02', 'bad UTF-8': b'\x81\xa1x\xa2\xc3\x28',
        'a surrogate': b'\x81\xa1x\xa3\xed\xa0\x80', 'overlong UTF-8': b'\x81\xa1x\xa2\xc0\xaf',
        'a trailing byte': body + b'\xc0', 'a float': b'\x81\xa1x\xca\x3f\x80\x00\x00',
        'minus zero': b'\x81\xa1x\xcb\x80' + bytes(7), 'NaN': b'\x81\xa1x\xcb\x7f\xf8' + bytes(6),
        'U+0000': b'\x81\xa1x\xa1\x00', 'an extension': b'\x81\xa1x\xd4\x01\x00',
        'a long text header': b'\x81\xa1x\xd9\x01x', 'an integer key': b'\x81\x01\x01',
        'cut short': body[:-1]}, code='E705')


@case('R20', 'direction marks, line breaks and look-alikes in names', changes=True)
def treacherous_text(world):
    sender = sender_of(world)
    for name in ('Stellamar\u202e.sgieA', 'Stellamar\u2066x', 'Stellamar\nAegis', 'Stellamar\tAegis',
                 'Stellamar\u2028Aegis', 'Stellamar\x1b[31m', 'Stellamar\u200bAegis'):
        sections = sender.sections()
        sections['parties']['body']['parties']['0']['names']['0']['name'] = name
        sealed = sender.seal(sections)
        is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E206')
    sections = sender.sections()                  # Cyrillic: taken, and shown as it is written
    sections['parties']['body']['parties']['0']['names']['0'].update(
        name='Ѕtеllаmаr', script='Cyrl')
    sealed = sender.seal(sections)
    need(not sender.send(sender.parcel(sealed), sealed.ciphers.values()), 'a Cyrillic name refused')
    me = peer.Identity.make('XZZ', name='Marentia\u202e')
    need(world.node.refusal('peer.add', card=me.card_text()) in ('E710', 'E214'),
         'a State name with a direction mark was taken')


@case('R21', 'an unknown field below 64 is refused, one above is stepped over', changes=True)
def unknown_fields(world):
    sender = sender_of(world)
    sealed = sender.seal(more={7: 1})
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E705')
    sealed = sender.seal()
    is_refused(world, sender.parcel(sealed, sender.grant(sealed, more={13: 1})),
               sealed.ciphers.values(), 'E705')
    is_refused(world, sender.parcel(sealed, more={7: 1}), sealed.ciphers.values(), 'E705')
    sealed = sender.seal(more={64: b'later'})
    grant = sender.grant(sealed, more={100: 1})
    need(not sender.send(sender.parcel(sealed, grant, more={77: 'x'}), sealed.ciphers.values()),
         'fields of later versions were refused')
    need(world.node.has(sender.reference()), 'it is not there')
    sections = sender.sections()
    sections['summary']['body']['override'] = True
    sealed = sender.seal(sections)
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E717')
    sealed = sender.seal()
    is_refused(world, sender.parcel(sealed, sender.grant(sealed, suite=2)),
               sealed.ciphers.values(), 'E705')


# --- versions --------------------------------------------------------------------------------

def version_of(sender, number, version, supersedes, **fields):
    sections = peer.denial(sender.me.state, number)
    sections['manifest'].update(version=version, **fields)
    if supersedes:
        sections['manifest']['supersedes'] = supersedes
    return sender.seal(sections, version=version)


@case('R22', 'a new version, an amendment or a withdrawal by somebody who is not the author',
      changes=True)
def not_the_author(world):
    sender = sender_of(world)
    theirs = world.friend.publish(hostile.record(hostile.FRIEND))
    nodes.until(lambda: world.node.has(theirs), 2 * hostile.SLOWER)
    held = world.node.show(theirs)
    sections = sender.sections()
    sections['manifest'].update(reference=theirs, version=2, supersedes=theirs + '#1',
                                originator={'state': hostile.FRIEND, 'authority': 'Somebody'})
    sealed = sender.seal(sections, version=2)
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E707')
    sealed = sender.seal(sections, version=2, header={'originator': world.attacker().node})
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E712')
    for kind in (2, 3, 4):                        # AMEND, RETRACT, PURGE: not understood yet
        is_refused(world, cmp.encode({0: 1, 1: theirs}), (), 'E717', type=kind)
    need(world.node.show(theirs) == held, 'the record changed')


@case('R23', 'versions with a gap are taken in their order, a fork is evidence, a cycle refused',
      changes=True)
def version_chains(world):
    sender = sender_of(world)
    sender.number += 1
    number, reference = sender.number, sender.reference()

    def take(sealed):
        need(not sender.send(sender.parcel(sealed), sealed.ciphers.values()), 'refused')

    take(version_of(sender, number, 3, reference + '#2'))
    need(standing(world, reference) == ['current'], 'version 3 first')
    take(version_of(sender, number, 1, None))     # late: it is superseded at once
    need(sorted(standing(world, reference)) == ['current', 'superseded'], 'version 1 after 3')
    need(world.node.show(reference)['version'] == 3, 'the older version is shown')
    for version, supersedes in ((4, reference + '#4'), (4, reference + '#5'), (2, None), (1, '#1'),
                                (1, reference + '#2'), (4, 'DN-XNH-2026-0001#1')):
        sealed = version_of(sender, number, version, supersedes)
        is_refused(world, sender.parcel(sealed), sealed.ciphers.values(),
                   'E206' if supersedes == '#1' else 'E208')
    sealed = version_of(sender, number, 3, reference + '#2', lang='fr')
    is_refused(world, sender.parcel(sealed), sealed.ciphers.values(), 'E708')


@case('R24', 'two copies of a virtual machine draw different keys and nonces', changes=True)
def cloned_machine(world):
    """A State's directory is copied while it is stopped; both copies publish the same draft."""
    home = os.path.join(world.federation.directory, 'R24')
    first = nodes.Node(home, 'XPE').make().start()
    copy = None
    try:
        sender = Sender(world, node=first)
        document = hostile.record('XPE')
        document['handling']['read'] = {'*': ['state:' + sender.me.state]}
        reference = first.call('draft.new', record=document)['reference']
        first.stop()
        shutil.copytree(home, home + 'b', ignore=shutil.ignore_patterns('run'))
        copy = nodes.Node(home + 'b', 'XPE', port=first.port).make()
        seen = []
        for node in (first, copy):
            node.start()
            session = nodes.until(lambda n=node: opened(world, sender.me, n), 5, node.log_tail)
            node.call('record.publish', reference=reference)
            held = peer.Held(sender.me, sender.them)
            session.take_push(held)
            seen.append(drawn_by(sender, held))
            session.close()
            node.stop()
        for name in seen[0]:
            need(not set(seen[0][name]) & set(seen[1][name]), 'both drew the same ' + name)
    finally:
        first.stop()
        if copy is not None:
            copy.stop()


def opened(world, me, node):
    """A session with a node that has just been started, or None."""
    try:
        return world.session(me, node)
    except (peer.Closed, peer.Silent):
        return None


def drawn_by(sender, held):
    """What a publishing node drew at random."""
    parcel = wire.decode('parcel', held.payloads[0])
    grant = wire.decode('grant', parcel['grant'])
    terms = wire.decode('grant terms', grant['terms'])
    header = wire.decode('record header', parcel['header'])
    keys = wire.unwrap(grant, terms, sender.me.pair_key(sender.them))
    return {'record number': [header['rn']], 'nonce': [terms['nonce']],
            'section keys': list(keys.values()), 'leaves': header['leaves'],
            'ciphertexts': list(held.blobs)}


# --- sync ------------------------------------------------------------------------------------

@case('Y08', 'a peer that keeps the node asking is refused after 32 rounds and 16 MiB', changes=True)
def endless_rounds(world):
    """Each round names ciphertexts that are not there, gives them, and shows other entries."""
    sender = Sender(world)
    session = sender.open()
    size = store_bytes(world)
    rounds = given = 0
    try:
        while rounds < 200:
            lane = peer.Lane(sender.me, sender.them)
            sealed = sender.seal(plain={'summary': os.urandom(900000)})
            lane.add(sender.parcel(sealed))
            session.push(lane, blobs=[sealed.ciphers[0], sealed.ciphers[2]])
            session.expect('BLOB_PULL', 'ERROR')
            session.send('BLOB', bytes=sealed.ciphers[1])
            given += len(sealed.ciphers[1])
            session.expect('LANE_PULL')
            rounds += 1
    except (peer.Closed, peer.Silent):
        pass
    say('%d rounds, %.1f MiB, the store grew by %.1f MiB' % (
        rounds, given / hostile.MIB, (store_bytes(world) - size) / hostile.MIB))
    need(rounds <= 32, '%d rounds' % rounds)
    need(store_bytes(world) - size <= 32 * hostile.MIB, 'the store grew')
    need(world.node.peer(sender.me.state)['theirs'] == 0, 'something was applied')
    sender.close()
    honest = Sender(world)
    honest.good()
    honest.close()


def store_bytes(world):
    total = 0
    for folder, _, names in os.walk(world.node.store):
        total += sum(os.stat(os.path.join(folder, name)).st_blocks * 512 for name in names)
    return total


@case('Y08+', 'a peer that answers every question with a gap is refused', changes=True)
def endless_gaps(world):
    sender = Sender(world)
    session = sender.open()
    for _ in range(5):
        sender.lane.add(sender.parcel(sender.seal()))
    rounds = 0
    try:
        while rounds < 200:
            session.push(sender.lane, after=3)
            session.expect('LANE_PULL')
            rounds += 1
    except (peer.Closed, peer.Silent):
        pass
    say('%d rounds' % rounds)
    need(rounds <= 32, '%d rounds' % rounds)
    sender.close()


def withheld(world, sender, session, held):
    """The hash of a ciphertext that a record has which was granted, in a slot that was not: the
    State that was given it tells."""
    friend = Sender(world)
    its = peer.Held(friend.me, friend.them)
    both = hostile.record(hostile.TARGET)
    both['handling']['read'] = {'*': ['state:' + friend.me.state, 'state:' + sender.me.state],
                                'parties': ['state:' + friend.me.state]}
    friend.open()
    world.node.publish(both)
    friend.session.take_push(its)
    session.take_push(held)
    friend.close()
    given, mine = (set(wire.decode('parcel', one.payloads[-1])['ciphertexts'])
                   for one in (its, held))
    need(mine < given and len(given - mine) == 1, 'one section more was given to the other')
    return (given - mine).pop()


@case('Y09', 'asking for ciphertexts tells nothing of what exists', changes=True)
def asking_for_ids(world):
    sender = Sender(world)
    session = sender.open()
    held = peer.Held(sender.me, sender.them)
    mine = hostile.record(hostile.TARGET)
    mine['handling']['read'] = {'*': ['state:' + sender.me.state]}
    world.node.publish(mine)
    session.take_push(held)                       # what was granted, for comparison
    other = Sender(world)
    foreign = other.good()                        # of another State, and not for this one
    other.close()
    ids = {'granted': list(held.blobs)[:1],
           'exists': [wire.digest('cipher', foreign.ciphers[1])], 'random': [os.urandom(32)],
           'another slot': [withheld(world, sender, session, held)]}
    answers, times = {}, {name: [] for name in ids}
    for _ in range(60):
        for name, asked in ids.items():
            started = time.monotonic()
            session.send('BLOB_PULL', ids=asked)
            kind, fields = session.expect('BLOB', 'LANE_NACK')
            times[name].append(time.monotonic() - started)
            answers[name] = (kind, fields.get('reason'), fields.get('seq'))
    say(', '.join('%s: %s, %.2f ms' % (name, answers[name][0], 1000 * sorted(times[name])[30])
                  for name in ids))
    need(answers['granted'][0] == 'BLOB', 'what was granted is not given')
    need(answers['exists'] == answers['random'] == answers['another slot'] ==
         ('LANE_NACK', BLOB_MISSING, 0),
         'the answers differ: %s' % answers)
    medians = [sorted(times[name])[30] for name in ('exists', 'random')]
    need(abs(medians[0] - medians[1]) < 0.002 * hostile.SLOWER, 'the times differ: %s' % medians)
    sender.close()


@case('Y10', 'an older head than acknowledged is noticed, and a history that goes on from it frozen',
      changes=True)
def rolled_back(world):
    sender = Sender(world)
    sender.good()
    old = sender.lane.fork(1)
    sender.good()
    sender.close()
    session = world.session(sender.me, lane=old)  # it forgot its second entry
    world.until_log('lane.peer-lost', sender.me.state)
    need(world.node.call('status')['attention'] >= 1, 'nobody is told')
    row = world.node.peer(sender.me.state)
    need((row['standing'], row['theirs']) == ('verified', 2), 'forgetting is no crime: %s' % row)
    sealed = sender.seal()                        # and goes on as if it had never been
    old.add(sender.parcel(sealed))
    session.push(old, after=1, blobs=sealed.ciphers.values())
    nodes.until(lambda: world.node.peer(sender.me.state)['standing'] == 'frozen', 3,
                world.node.log_tail)
    need(world.audit(sender.me.state, 'lane.fork'), 'no audit entry')
    need(session.is_closed(3 * hostile.SLOWER), 'the session goes on')
    session.close()


@case('Y10+', 'a forged head of our own lane proves nothing and changes nothing', changes=True)
def forged_own_head(world):
    me = world.attacker()
    mine = hostile.record(hostile.TARGET)
    mine['handling']['read'] = {'*': ['state:' + me.state]}
    world.node.publish(mine)
    held = peer.Held(me, world.them)
    session = world.session(me)
    session.take_push(held)
    session.close()
    pretend = peer.Lane(world.them, me)           # "you signed five entries"
    pretend.me = type('Forger', (), {'node': world.them.node, 'card_seq': 1, 'sign': me.sign})
    head = pretend.head(seq=0, hash=os.urandom(32), more={4: 5})
    session = world.session(me, heads=False)
    session.send('HEADS', yours=head, yours_seq=5, yours_hash=os.urandom(32), incarnation=1)
    need(closed_with(session) == 2, 'it was believed')
    row = world.node.peer(me.state)
    need((row['standing'], row['ours']) == ('verified', 1), 'it had an effect: %s' % row)
    session.close()


if __name__ == '__main__':
    hostile.main()
