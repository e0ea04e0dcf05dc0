#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two real nodes publish; a third State, written in Python, receives; the capture is verified.

Rivania (XRI) is tests/lib/peer.py. What Marentia and Norrhaven sent it, to the last
byte, and its own keys make a capture file for each of them; check.py accepts both and
refuses every copy with one wrong byte. With VALISE_CAPTURE=DIRECTORY they are kept.
"""

import copy
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..'))
sys.path.insert(0, HERE)
from lib import fields, nodes, peer, tap, wire  # noqa: E402
import check  # noqa: E402

ALL = ['manifest', 'summary', 'parties', 'details', 'restricted', 'attachments']
OPEN = ['manifest', 'summary', 'parties', 'details']


def examples():
    with open(os.path.join(HERE, 'records.json'), encoding='utf-8') as file:
        return {record['reference']: record for record in json.load(file, parse_float=str)}


def handling(read, **more):
    return dict({'tlp': 'TLP:AMBER', 'read': read, 'onward': 'none', 'purpose': ['licensing'],
                 'use_until': '2027-06-30', 'caveats': ['not for commercial advantage']}, **more)


def plan():
    """(publisher, record, sections that Rivania may read); None: nothing at all."""
    known = examples()

    def make(reference, read, **more):
        return dict(known[reference], handling=handling(read, **more))

    everybody = ['state:XMA', 'state:XNH', 'state:XRI']
    return [
        ('XMA', make('DN-XMA-2026-0014', {'*': everybody, 'restricted': ['state:XNH']},
                     fields={'/parties/3': 'restricted', '/parties/0': 'internal'},
                     deny=['state:XTO']), OPEN),
        ('XMA', make('BA-XMA-2026-0005', {'*': ['group:NORTH']}), ALL),
        ('XMA', make('DC-XMA-2026-0003', {'*': ['state:XNH'], 'summary': ['state:XRI']}),
         ['manifest', 'summary']),
        ('XNH', make('DN-XNH-2026-0003', {'*': everybody}, deny=['state:XRI']), None),
        ('XNH', make('DC-XNH-2025-0009', {'*': everybody}, tlp='TLP:GREEN', onward='listed',
                     onward_to=['state:XMA'], not_before='2026-01-01'), ALL),
        ('XNH', make('BA-XNH-2026-0002', {'*': ['group:NORTH'], 'parties': ['state:XMA']}),
         ['manifest', 'summary', 'details', 'restricted', 'attachments']),
    ]


class World:
    """Both nodes, and what Rivania received from each."""

    def __init__(self):
        self.me = peer.Identity.make('XRI', 'Rivania')
        self.states = nodes.federation(['XMA', 'XNH'], group=None)
        self.captures = {}

    def __enter__(self):
        try:
            self._fill()
        except BaseException:
            self.states.close(failed=True)
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.states.close(failed=kind is not None)

    def _fill(self):
        sessions = {}
        for state, node in self.states.items():
            node.trust(self.me.card_text(), self.me.safety_number())
            node.call('group.define', name='NORTH', states=['XMA', 'XNH', 'XRI'])
            sessions[state] = self._connect(node)
        published = {state: [] for state in self.states}
        for state, record, sections in plan():
            own = self._publish(self.states[state], record)
            if sections is not None:
                published[state].append({'published': own, 'sections': self._there(own, sections)})
        for state, (session, held) in sessions.items():
            while held.cursor[1] < len(published[state]):
                session.take_push(held)
            assert session.is_alive()
            node = self.states[state]
            node.until(lambda n: n.peer('XRI')['acknowledged'] == n.peer('XRI')['ours'])
            self.captures[state] = self._capture(node, session, published[state])
            session.close()

    def _connect(self, node):
        them = wire.read_card(node.card())
        link = peer.Link.connect_patiently(self.me, them, node.endpoint)
        session = peer.Session(link, self.me, them, record=[]).open()
        session.heads()
        return session, peer.Held(self.me, them)

    @staticmethod
    def _publish(node, record):
        """Publish; returns the record as its own node shows it, without what that adds."""
        reference = node.publish(record)
        own = node.call('record.export', reference=reference)['record']
        for key in record['body']:
            assert key in own['body'] or key in ('internal_notes', 'officer', 'persons'), key
        return own

    @staticmethod
    def _there(own, sections):
        """Those of the sections that hold something."""
        present = fields.Tables().split(own)
        return [name for name in sections if name in present]

    def _capture(self, node, session, published):
        return {
            'node': {'bundle': session.them.bundle.hex(), 'safety number': node.safety_number()},
            'peer': {'bundle': self.me.bundle().hex(), 'seal secret': self.me.seal.hex()},
            'messages': [{'from': who, 'hex': raw.hex()} for who, raw in session.record],
            'records': published,
        }


def setup():
    return World()


# --- accepting -----------------------------------------------------------------------------

def test_what_marentia_sent_verifies_and_is_what_it_published(world):
    """W-57 W-58 W-62 W-64 W-71 W-73 W-74 W-88"""
    assert check.check_capture(world.captures['XMA']) == 3


def test_what_norrhaven_sent_verifies_and_is_what_it_published(world):
    """W-84: an onward grant is signed and its caveats are those of the handling"""
    assert check.check_capture(world.captures['XNH']) == 2
    keep = os.environ.get('VALISE_CAPTURE')
    for state, capture in world.captures.items():
        if keep:
            with open(os.path.join(keep, 'exchange-%s.json' % state), 'w', encoding='utf-8') as out:
                json.dump(capture, out, indent=1, ensure_ascii=False)


def payload_caveats(capture):
    """Caveats of each grant, in the order of the lane."""
    for row in capture['messages']:
        name, found = wire.read_message(bytes.fromhex(row['hex']))
        if name == 'LANE_PUSH' and row['from'] == 'node':
            for payload in found['payloads']:
                grant = wire.decode('grant', wire.decode('parcel', payload)['grant'])
                yield wire.read_caveats(wire.decode('grant terms', grant['terms'])['caveats'])


def test_caveats_say_what_the_handling_says(world):
    """W-84"""
    day = 86400000
    until = 1814313600000                         # 2027-06-30
    plain, _, _ = payload_caveats(world.captures['XMA'])
    assert (plain['tlp'], plain['onward'], plain['purposes'], plain['export']) == (2, 0, 1, 0)
    assert plain['use_until'] == until + day and plain['not_before'] is None
    assert plain['notes'] == [b'not for commercial advantage']
    assert (plain['slots'], plain['depth']) == (0, 0)
    rich, _ = payload_caveats(world.captures['XNH'])
    them = wire.Known(bytes.fromhex(world.captures['XMA']['node']['bundle']))
    assert (rich['tlp'], rich['onward'], rich['onward_to']) == (1, 2, [them.node])
    assert rich['not_before'] == 1767225600000    # 2026-01-01
    assert rich['slots'] != 0 and rich['depth'] == 1


def test_nothing_shows_who_else_reads_or_how_many_sections_there_are(world):
    """W-46 W-54 W-56"""
    other = world.captures['XNH']['node']['bundle']
    node = wire.Known(bytes.fromhex(other)).node
    for row in world.captures['XMA']['messages']:
        raw = bytes.fromhex(row['hex'])
        assert node not in raw, 'the node id of another reader'
    sizes = {len(row['hex']) for row in headers(world.captures['XMA'])}
    assert len(sizes) == 1, sizes


def headers(capture):
    for row in capture['messages']:
        name, found = wire.read_message(bytes.fromhex(row['hex']))
        if name == 'LANE_PUSH' and row['from'] == 'node':
            for payload in found['payloads']:
                parcel = wire.decode('parcel', payload)
                yield {'hex': parcel['header'].hex()}


# --- refusing ------------------------------------------------------------------------------

def find(capture, who, name):
    """Index and bytes of the first message of a kind from a side."""
    for index, row in enumerate(capture['messages']):
        raw = bytes.fromhex(row['hex'])
        if row['from'] == who and wire.MESSAGES[raw[0]] == name:
            return index, raw
    raise AssertionError('no %s from %s' % (name, who))


def flipped(capture, index, offset):
    made = copy.deepcopy(capture)
    raw = bytearray(bytes.fromhex(made['messages'][index]['hex']))
    raw[offset] ^= 1
    made['messages'][index]['hex'] = raw.hex()
    return made


def within(capture, who, name, part, offset):
    """A copy with one bit of a part of a message flipped."""
    index, raw = find(capture, who, name)
    at = raw.index(part)
    return flipped(capture, index, at + (offset if offset >= 0 else len(part) + offset))


def changed(capture, change):
    made = copy.deepcopy(capture)
    change(made)
    return made


def flip_hex(text, at):
    raw = bytearray(bytes.fromhex(text))
    raw[at] ^= 1
    return raw.hex()


def spoils(capture):
    """(what is spoiled, the spoiled copy): one byte each."""
    _, raw = find(capture, 'node', 'LANE_PUSH')
    push = wire.read_message(raw)[1]
    parcel = wire.decode('parcel', push['payloads'][0])
    grant = wire.decode('grant', parcel['grant'])
    head = wire.decode('signed head or acknowledgement', push['head'])
    header = wire.decode('record header', parcel['header'])
    used = set(parcel['slots'])
    decoy = [leaf for slot, leaf in enumerate(header['leaves']) if slot not in used][0]
    ack_raw = wire.read_message(find(capture, 'peer', 'LANE_ACK')[1])[1]['ack']
    ack = wire.decode('signed head or acknowledgement', ack_raw)
    tag = wire.read_message(find(capture, 'node', 'HEADS')[1])[1]['session']
    hello = {who: wire.read_message(find(capture, who, 'HELLO')[1])[1] for who in ('node', 'peer')}

    def at(part, offset, name='LANE_PUSH', who='node'):
        return within(capture, who, name, part, offset)

    def edit(change):
        return changed(capture, change)

    def edit_published(made):
        body = made['records'][0]['published']['body']
        body['destination'] = 'XPF'

    yield 'body of the peer\'s HELLO', at(hello['peer']['body'], 60, 'HELLO', 'peer')
    yield 'signature of the peer\'s HELLO', at(hello['peer']['signature'], 0, 'HELLO', 'peer')
    yield 'body of the node\'s HELLO', at(hello['node']['body'], -20, 'HELLO')
    yield 'signature of the node\'s HELLO', at(hello['node']['signature'], 63, 'HELLO')
    yield 'tag of HEADS', at(tag, 5, 'HEADS')
    yield 'tag of LANE_PUSH', at(tag, 15)
    yield 'counter of LANE_PUSH', at(tag, 17)
    yield 'type of LANE_PUSH', flipped(capture, find(capture, 'node', 'LANE_PUSH')[0], 0)
    yield 'lane entry', at(push['entries'][0], 20)
    yield 'time of a lane entry', at(push['entries'][0], -1)
    yield 'terms of the grant', at(grant['terms'], 40)
    yield 'caveats of the grant', at(grant['terms'], -60)
    yield 'wrapped keys', at(grant['wrapped'], 300)
    yield 'decoy leaf', at(decoy, 7)
    yield 'signature of the header', at(parcel['signature'], 30)
    yield 'slot of the parcel', at(parcel['slots'] + b'\x05', 0)
    yield 'hash of a ciphertext', at(parcel['ciphertexts'][-1], 31)
    yield 'ciphertext', at(push['blobs'][0], 100)
    yield 'tag of a ciphertext', at(push['blobs'][-1], -1)
    yield 'body of the head', at(head['body'], -1)
    yield 'signature of the head', at(head['signature'], 10)
    yield 'body of the acknowledgement', at(ack['body'], 90, 'LANE_ACK', 'peer')
    yield 'signature of the acknowledgement', at(ack['signature'], 10, 'LANE_ACK', 'peer')
    yield 'identity of the node', edit(lambda made: made['node'].update(
        bundle=flip_hex(made['node']['bundle'], 60)))
    yield 'card of the node', edit(lambda made: made['node'].update(
        bundle=flip_hex(made['node']['bundle'], -100)))
    yield 'seal secret of the peer', edit(lambda made: made['peer'].update(
        {'seal secret': flip_hex(made['peer']['seal secret'], 9)}))
    yield 'record as published', edit(edit_published)


def refused(capture):
    try:
        check.check_text('capture', json.dumps(capture))
    except wire.Bad as why:
        return str(why)
    return None


def test_every_copy_with_one_wrong_byte_is_refused(world):
    """W-8 W-43 W-49 W-72 W-75"""
    count = 0
    for what, spoiled in spoils(world.captures['XMA']):
        assert spoiled != world.captures['XMA'], what
        why = refused(spoiled)
        print('# %s: %s' % (what, why))
        assert why is not None, 'accepted with a wrong byte in: ' + what
        count += 1
    assert count >= 20


def test_no_byte_of_a_pushed_batch_can_be_changed(world):
    """W-70: every 41st byte, and every one of the first 200"""
    capture = world.captures['XMA']
    index, raw = find(capture, 'node', 'LANE_PUSH')
    places = sorted(set(range(200)) | set(range(0, len(raw), 41)))
    passed = [place for place in places if refused(flipped(capture, index, place)) is None]
    print('# %d of %d bytes of the batch were changed in turn' % (len(places), len(raw)))
    assert not passed, passed


def test_a_missing_swapped_or_foreign_message_is_refused(world):
    """W-64: nothing can be left out, reordered or taken from another session"""
    capture = world.captures['XMA']
    index, _ = find(capture, 'node', 'LANE_PUSH')
    foreign = world.captures['XNH']['messages'][find(world.captures['XNH'], 'node',
                                                     'LANE_PUSH')[0]]

    def replace(made):
        made['messages'][index] = foreign

    assert refused(changed(capture, lambda made: made['messages'].pop(index)))
    assert refused(changed(capture, lambda made: made['messages'].insert(
        index, made['messages'].pop(index + 1))))
    assert refused(changed(capture, replace))


def test_a_record_that_was_granted_less_or_more_is_noticed(world):
    capture = world.captures['XMA']
    assert refused(changed(capture, lambda made: made['records'][0]['sections'].pop()))
    assert refused(changed(capture, lambda made: made['records'][0]['sections'].append(
        'restricted')))
    assert refused(changed(capture, lambda made: made['records'].pop()))


if __name__ == '__main__':
    tap.main(globals())
