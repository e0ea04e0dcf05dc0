#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a verified State may not do to a node, however well it knows the protocol.

Each test brings States of its own (tests/lib/guests.py).
"""

import copy
import os
import pwd
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import cmp, control, nodes, peer, samples, tap, wire  # noqa: E402
from lib.guests import Guest  # noqa: E402

POLICY, QUOTA, TIME = 5, 6, 8           # reasons of LANE_NACK
AHEAD_SECONDS = 600                     # by how much another clock may be ahead
QUARANTINE_MAX = 1000                   # objects kept aside of one State
INDEX_MAX = 2048                        # values that a record can be found by
IDENTS_MAX = 16                         # in one session
BATCH = 64


def setup():
    return nodes.federation(['XMA'], group=None)


def aside(node, state):
    """Error codes of what is kept aside of a State, by entry."""
    return {row['entry']: row['code'] for row in node.call('quarantine.list')['items']
            if row['from'] == state}


def status(node, state):
    return [row for row in node.call('status')['peers'] if row['state'] == state][0]


# --- HELLO ---------------------------------------------------------------------------------

def test_a_HELLO_of_before_opens_no_session_and_closes_none(world):
    """W-62: whoever has the key of the link and what was said before is not the State yet."""
    node = world['XMA']
    guest = Guest(node)
    heard = []
    guest.open(record=heard)
    said = [raw for who, raw in heard if who == 'peer']
    first, third = said[:2]
    assert {wire.read_message(raw)[0] for raw in (first, third)} == {'HELLO'}
    session = guest.session
    for again in ([first, first], [first, third], [third], [third, first]):
        link = peer.Link.connect_patiently(guest.me, guest.them, node.endpoint)
        for raw in again:
            link.send(raw)
        assert link.is_closed(), 'it was let in with %d old messages' % len(again)
        assert session.is_alive(), 'the session of the true one was ended'
        link.close()
    assert node.log_text().count('peer.up state=%s ' % guest.state) == 1


def test_a_second_State_with_the_same_transport_key_is_refused_and_locks_nobody_out(world):
    node = world['XMA']
    first, second = Guest(node), Guest(node, verified=False)
    own = second.me.curve
    second.me.curve = first.me.curve
    second.me.cards.clear()
    second.me.add_card()
    assert node.refusal('peer.add', card=second.me.card_text()) == 'E901'
    assert node.peer(second.state) is None
    assert first.open().is_alive()
    # It is let in with a key of its own, and takes the other key afterwards.
    second.me.curve = own
    second.me.add_card()
    node.trust(second.me.card_text(), second.me.safety_number())
    second.open()
    second.me.curve = first.me.curve
    second.me.add_card()
    second.session.send('IDENT', bundle=second.me.bundle())
    assert first.session.is_alive()
    first.close()
    assert first.open().is_alive(), 'the first one was locked out'


# --- identities ----------------------------------------------------------------------------

def test_two_identities_signed_by_one_State_freeze_it_and_are_kept(world):
    """W-25: two events with one number"""
    node = world['XMA']
    me = peer.Identity.make('XRI', 'Rivania')
    twin = copy.deepcopy(me)
    for one in (me, twin):
        one.rotate()
        one.add_card()
    assert me.last_event != twin.last_event
    guest = Guest(node, me=me)
    guest.open()
    guest.session.send('IDENT', bundle=twin.bundle())
    assert guest.is_cut_off()
    row = guest.row()
    assert row['standing'] == 'frozen' and row['frozen'], row
    assert list(aside(node, guest.state).values()) == ['E709'], aside(node, guest.state)
    node.restart()
    assert guest.row()['standing'] == 'frozen'
    try:
        peer.Link.connect(guest.me, guest.them, node.endpoint, 2)
        raise AssertionError('a frozen State was let in')
    except (peer.Closed, peer.Silent):
        pass


def test_another_identity_neither_replaces_a_State_nor_freezes_it(world):
    """Also when it has more events and cards than the one that is known."""
    node = world['XMA']
    guest = Guest(node)
    for rotations in range(2):
        other = peer.Identity.make(guest.state)
        for _ in range(rotations):
            other.rotate()
        other.add_card()
        other.add_card()
        guest.open()
        guest.session.send('IDENT', bundle=other.bundle())
        assert guest.is_cut_off()
        row = guest.row()
        assert row['standing'] == 'verified', row
        assert row['safety_number'] == guest.me.safety_number()
        assert aside(node, guest.state) == {}
        guest.close()
    assert guest.open().is_alive()


def test_sixteen_identities_are_taken_in_a_session_and_the_next_ends_it(world):
    """W-68"""
    node = world['XMA']
    guest = Guest(node)
    guest.open()
    for _ in range(IDENTS_MAX):
        guest.me.add_card()
        guest.session.send('IDENT', bundle=guest.me.bundle())
    assert guest.session.is_alive()
    taken = [row for row in node.call('audit.list', about=guest.state, limit=500)['items']
             if row['event'] == 'peer.card']
    assert len(taken) == IDENTS_MAX, len(taken)
    guest.me.add_card()
    guest.session.send('IDENT', bundle=guest.me.bundle())
    assert guest.is_cut_off()
    again = [row for row in node.call('audit.list', about=guest.state, limit=500)['items']
             if row['event'] == 'peer.card']
    assert len(again) == IDENTS_MAX, 'the seventeenth was taken'


# --- grants --------------------------------------------------------------------------------

def test_a_later_grant_that_contradicts_an_earlier_one_is_kept_aside(world):
    """And what is held of the record still opens, also after a restart."""
    node = world['XMA']
    guest = Guest(node)
    sections = guest.sections()
    body = sections['summary']['body']
    sections['twin'] = {'body': dict(body, destination='XTO')}
    sections['details'] = {'body': {'destination': 'XTO'}}
    envelope = guest.seal(sections, section={'twin': {'name': 'summary'}})
    slots = envelope.slots
    guest.open()
    assert guest.send(envelope, [slots['manifest'], slots['summary']]) == []
    before = node.show(guest.reference())
    assert guest.send(envelope, [slots['twin']]) == [(POLICY, 2)]
    assert guest.send(envelope, [slots['manifest'], slots['details']]) == [(POLICY, 3)]
    assert set(aside(node, guest.state)) == {2, 3}, aside(node, guest.state)
    assert node.show(guest.reference()) == before
    node.restart()
    assert node.show(guest.reference()) == before
    rows = [row for row in node.call('record.list')['items'] if row['by'] == guest.state]
    assert [row['status'] for row in rows] == ['active'], rows
    # One that does not contradict it is taken, and adds to it.
    guest.open()
    assert guest.send(envelope, [slots['parties']]) == []
    reads = samples.open_sections(node.show(guest.reference()))
    assert reads == {'manifest', 'summary', 'parties'}, reads


def test_one_grant_that_is_not_what_it_says_is_kept_aside(world):
    node = world['XMA']
    guest = Guest(node)
    guest.open()
    sections = guest.sections()
    sections['twin'] = {'body': dict(sections['summary']['body'])}
    assert guest.send(guest.seal(sections, section={'twin': {'name': 'summary'}})) == [(POLICY, 1)]
    sections = guest.sections()
    sections['summary']['handling'] = {'tlp': 'TLP:CLEAR'}
    assert guest.send(guest.seal(sections)) == [(POLICY, 2)], 'handling came along'
    sections = guest.sections()
    sections['summary']['body']['officer'] = 'who decided it'
    assert guest.send(guest.seal(sections)) == [(POLICY, 3)], 'an internal field came along'
    envelope = guest.seal()
    few = sorted(envelope.ciphers)[:2]
    grant = peer.grant(guest.me, guest.them, envelope)
    assert guest.send(envelope, few, grant=grant) == [(POLICY, 4)], 'a key that is not named'
    grant = peer.grant(guest.me, guest.them, envelope, slots=few)
    assert guest.send(envelope, grant=grant) == [(POLICY, 5)], 'a part without its key'
    assert set(aside(node, guest.state)) == {1, 2, 3, 4, 5}, aside(node, guest.state)
    sections = guest.sections()
    sections['manifest']['reference'] = 'DN-XPE-2026-0001'
    assert guest.send(guest.seal(sections)) == [(POLICY, 6)], "another State's reference"
    sections = guest.sections()
    sections['manifest']['originator']['state'] = 'XPE'
    assert guest.send(guest.seal(sections)) == [(POLICY, 7)], 'another State as its originator'
    named = aside(node, guest.state)
    assert (named[6], named[7]) == ('E707', 'E707'), named
    assert not node.has('DN-XPE-2026-0001')
    assert guest.send(guest.seal()) == []


def test_a_ciphertext_that_was_not_granted_is_as_if_it_were_not_here(world):
    node = world['XMA']
    guest, other = Guest(node), Guest(node)
    node.publish(samples.denial('XMA', 'withheld', {
        '*': ['state:' + other.state], 'summary': ['state:' + guest.state]}))
    guest.open()
    other.open()
    guest.take(1)
    other.take(1)
    assert set(guest.received()[0]) == {'manifest', 'summary'}
    for cipher in set(other.held.blobs) - set(guest.held.blobs):
        guest.session.send('BLOB_PULL', ids=[cipher])
        name, answer = guest.session.expect('BLOB', 'LANE_NACK')
        assert name == 'LANE_NACK' and (answer['reason'], answer['entry']) == (7, cipher)
    cipher = sorted(guest.held.blobs)[0]
    guest.session.send('BLOB_PULL', ids=[cipher])
    assert guest.session.expect('BLOB')[1]['bytes'] == guest.held.blobs[cipher]


def test_what_nobody_could_read_is_not_published(world):
    node = world['XMA']
    guest = Guest(node)
    term = 'state:' + guest.state
    for read, more in (({'*': []}, {}), ({'*': [term]}, {'deny': [term]}), ({'*': ['state:XMA']}, {})):
        record = samples.denial('XMA', 'nobody', read, **more)
        reference = node.call('draft.new', record=record)['reference']
        assert node.refusal('record.publish', reference=reference) == 'E211', (read, more)
    assert guest.row()['pending'] == 0


def test_a_ciphertext_of_another_States_record_is_asked_for_as_if_it_were_not_here(world):
    """T-9: whether the node already has it would tell who shared with whom."""
    node = world['XMA']
    one, other = Guest(node), Guest(node)
    shared = one.seal()
    one.open()
    assert one.send(shared) == []
    own = other.seal()
    foreign = dict(own.ciphers)
    foreign[own.slots['parties']] = shared.ciphers[shared.slots['parties']]
    own.ciphers = foreign
    other.open()
    other.lane.add(other.parcel(own))
    blobs = [own.ciphers[own.slots[name]] for name in ('manifest', 'summary')]
    other.session.push(other.lane, blobs=blobs)
    wanted = other.session.expect('BLOB_PULL', 'LANE_NACK', 'LANE_ACK')
    cipher = wire.digest('cipher', foreign[own.slots['parties']])
    assert wanted[0] == 'BLOB_PULL' and wanted[1]['ids'] == [cipher], wanted
    # What it does not give is not taken from elsewhere: the entry is kept aside.
    other.session.send('LANE_NACK', reason=7, seq=0, entry=cipher)
    other.session.expect('LANE_PULL')
    other.session.push(other.lane, blobs=blobs)
    nack = other.session.expect('LANE_NACK')[1]
    assert (nack['reason'], nack['seq']) == (POLICY, 1)
    assert aside(node, other.state) == {1: 'E608'}
    # A second record of the same State may name what the node holds of the first.
    again = one.parcel(shared)
    assert one.push(again) == []


def test_a_record_of_the_future_holds_the_lane_until_its_time_has_come(world):
    """Its State's clock is ahead of ours: which of them is right is not known."""
    node = world['XMA']
    guest = Guest(node)
    guest.open(ahead_ms=5000)
    assert guest.send(guest.seal()) == []
    early = time.time() + AHEAD_SECONDS + 3
    sections = guest.sections()
    sections['manifest']['issued_at'] = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(early))
    envelope = guest.seal(sections)
    later = guest.seal()
    for sealed in (envelope, later):
        guest.lane.add(guest.parcel(sealed))
    blobs = list(envelope.ciphers.values()) + list(later.ciphers.values())
    guest.session.push(guest.lane, after=1, blobs=blobs)
    name, nack = guest.session.expect('LANE_NACK', 'LANE_ACK')
    assert (name, nack['reason'], nack['seq']) == ('LANE_NACK', TIME, 2), (name, nack)
    assert guest.session.is_alive() and not guest.session.received, guest.session.received
    assert (guest.row()['theirs'], guest.row()['missing']) == (1, 2)
    assert aside(node, guest.state) == {}
    gaps = {row['state']: row['why'] for row in node.call('record.list')['missing']}
    assert gaps[guest.state] == 'behind', gaps
    assert node.call('record.list')['complete'] is False
    time.sleep(max(0, early - AHEAD_SECONDS + 1 - time.time()))
    guest.session.push(guest.lane, after=1, blobs=blobs)
    assert guest.lane.take_ack(guest.session.expect('LANE_ACK')[1]['ack'])['seq'] == 3
    assert guest.row()['missing'] == 0 and node.has(guest.reference())


def test_a_record_that_is_ahead_of_the_clock_of_its_own_State_is_kept_aside(world):
    node = world['XMA']
    guest = Guest(node)
    guest.open()
    sections = guest.sections()
    early = time.time() + AHEAD_SECONDS + 60
    sections['manifest']['issued_at'] = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(early))
    assert guest.send(guest.seal(sections)) == [(POLICY, 1)]
    assert aside(node, guest.state) == {1: 'E208'}
    assert guest.send(guest.seal()) == []


def many_serials(count):
    """Items with so many serial numbers in all."""
    items = []
    while count > 0:
        part = min(count, 200)
        items.append({'line': len(items) + 1, 'att': 'ATT-2.1.h', 'form': 'complete',
                      'description': 'rifles', 'serials': [
                          'L%03d-%06d' % (len(items), 1 + number) for number in range(part)]})
        count -= part
    return items


def test_what_has_more_values_than_can_be_looked_for_is_refused_before_anything_is_written(world):
    node = world['XMA']
    guest = Guest(node)
    record = samples.denial('XMA', 'many', {'*': ['state:' + guest.state]})
    for few, items in ((True, many_serials(1700)), (False, many_serials(INDEX_MAX + 1))):
        record['body']['items'] = items
        reference = node.call('draft.new', record=record)['reference']
        before = node.call('status')['counts']
        if few:
            assert node.call('record.publish', reference=reference)
            assert node.call('record.search', words='L005-000123')['items'], 'it is not found'
            continue
        assert node.refusal('policy.preview', reference=reference) == 'E212'
        assert node.refusal('record.publish', reference=reference) == 'E212'
        assert node.call('status')['counts'] == before
        drafts = [row['reference'] for row in node.call('draft.list')['items']]
        assert reference in drafts, 'the draft is gone'


def test_what_a_peer_sends_with_more_of_them_is_kept_aside(world):
    node = world['XMA']
    guest = Guest(node)
    guest.open()
    sections = guest.sections()
    items = {str(place): dict(item) for place, item in enumerate(many_serials(INDEX_MAX + 1))}
    sections['summary']['body']['items'] = {
        place: {name: item[name] for name in ('line', 'att', 'form', 'description')}
        for place, item in items.items()}
    sections['details'] = {'body': {'items': {
        place: {'serials': item['serials']} for place, item in items.items()}}}
    before = node.call('status')['counts']['records']
    envelope = guest.seal(sections)
    assert guest.send(envelope) == [(POLICY, 1)]
    assert aside(node, guest.state) == {1: 'E212'}, aside(node, guest.state)
    assert node.call('status')['counts']['records'] == before
    assert guest.send(guest.seal()) == []


# --- lanes ---------------------------------------------------------------------------------

def test_a_head_of_other_entries_proves_nothing(world):
    node = world['XMA']
    guest = Guest(node)
    envelope = guest.seal()
    guest.lane.add(guest.parcel(envelope))
    for wrong in ({'hash': os.urandom(32)}, {'incarnation': 2}, {'r': guest.me.node},
                  {'o': guest.them.node}):
        guest.open(heads=False).heads()
        guest.session.push(guest.lane, blobs=envelope.ciphers.values(),
                           head=guest.lane.head(**wrong))
        assert guest.is_cut_off(), wrong
        assert guest.row()['theirs'] == 0, wrong
        guest.close()
    assert guest.row()['standing'] == 'verified'
    guest.open()
    guest.session.push(guest.lane, blobs=envelope.ciphers.values())
    assert guest.session.expect('LANE_ACK')


def test_an_older_acknowledgement_takes_nothing_back(world):
    node = world['XMA']
    guest = Guest(node)
    guest.open()
    for _ in range(2):
        node.publish(samples.denial('XMA', 'twice', {'*': ['state:' + guest.state]}))
    guest.take(2)
    node.until(lambda n: guest.row()['acknowledged'] == 2)
    first = wire.digest('lane', guest.held.entries[0])
    guest.session.send('LANE_ACK', ack=guest.held.ack(seq=1, hash=first))
    assert guest.session.is_alive()
    assert guest.row()['acknowledged'] == 2
    guest.session.send('LANE_ACK', ack=guest.held.ack(hash=first))
    assert guest.is_cut_off(), 'an acknowledgement of something else'
    assert guest.row()['acknowledged'] == 2


# --- quotas --------------------------------------------------------------------------------

def test_a_State_brings_so_many_bytes_a_day_and_no_more(world):
    settings = {'limits': {'peer_bytes_per_day': '1M'}}
    node = nodes.Node(os.path.join(world.directory, 'quota'), 'XNH', settings=settings)
    node.make().start()
    try:
        greedy, modest = Guest(node), Guest(node)
        greedy.open()
        modest.open()
        brought = 0
        while brought < 1 << 20:
            greedy.lane.add(os.urandom(30000), type=wire.COVER)
            brought += 30000 + len(greedy.lane.entries[-1])
            greedy.session.push(greedy.lane, after=len(greedy.lane.entries) - 1)
            if brought < 1 << 20:
                greedy.session.expect('LANE_ACK')
        taken = len(greedy.lane.entries) - 1
        assert greedy.session.expect('LANE_NACK')[1]['reason'] == QUOTA
        assert greedy.session.expect('ERROR')[1]['code'] == 3
        assert greedy.session.is_closed()
        assert greedy.row()['theirs'] == taken
        greedy.open()
        greedy.session.push(greedy.lane, after=taken)
        assert greedy.is_cut_off(), 'a new session begins the day anew'
        assert greedy.row()['theirs'] == taken
        assert modest.send(modest.seal()) == []
    finally:
        node.stop()


def spoil(guest, count):
    """Send so many entries that no record comes of, in batches."""
    for start in range(0, count, BATCH):
        before = len(guest.lane.entries)
        for _ in range(min(BATCH, count - start)):
            guest.lane.add(b'no parcel %d' % len(guest.lane.entries))
        guest.session.push(guest.lane, after=before)
        while guest.lane.take_ack(guest.session.expect('LANE_ACK')[1]['ack'])['seq'] < \
                len(guest.lane.entries):
            pass
        assert guest.session.is_alive()
        guest.session.received.clear()


def test_what_is_kept_aside_of_a_State_is_still_counted_after_a_restart(world):
    node = world['XMA']
    bad, good = Guest(node), Guest(node)
    bad.open()
    good.open()
    spoil(bad, 3)
    assert good.send(good.seal()) == []
    for _ in range(2):
        assert status(node, bad.state)['aside'] == 3
        assert status(node, good.state)['aside'] == 0
        gaps = {row['state']: row['why'] for row in node.call('record.list')['missing']}
        assert gaps.get(bad.state) in ('some kept aside', 'not heard since start'), gaps
        node.restart()


def test_of_one_State_only_the_newest_are_kept_aside(world):
    node = nodes.Node(os.path.join(world.directory, 'aside'), 'XOR').make().start()
    try:
        other, flood = Guest(node), Guest(node)
        other.open()
        flood.open()
        spoil(other, 2)
        spoil(flood, QUARANTINE_MAX + 5 * BATCH)
        kept = node.call('status')['counts']['kept_aside'] - 2
        # Those of one batch come before they are counted.
        assert QUARANTINE_MAX <= kept <= QUARANTINE_MAX + BATCH, kept
        newest = [row['entry'] for row in node.call('quarantine.list')['items']
                  if row['from'] == flood.state]
        assert newest[0] == len(flood.lane.entries), newest[0]
        node.restart()
        assert status(node, other.state)['aside'] == 2, 'those of another State were removed'
        assert status(node, flood.state)['aside'] == kept
        flood.open()
        spoil(flood, BATCH)
        assert node.call('status')['counts']['kept_aside'] - 2 == kept
    finally:
        node.stop()


# --- callers -------------------------------------------------------------------------------

def watch(node, **arguments):
    """Begin to watch: the first reply, or the code of the refusal, and the caller."""
    caller = control.Control(node.socket)
    caller.send_frame(cmp.encode({'v': 1, 'command': 'watch', 'arguments': arguments}))
    reply = cmp.decode(caller.receive_frame())
    return reply.get('error', 'watching'), caller


def test_what_happened_before_is_watched_by_auditors_only(world):
    node = nodes.Node(os.path.join(world.directory, 'watch'), 'XPE').make().start()
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
        node.call('user.grant', user=user, roles='viewer, admin')
        assert watch(node, **{'from': '1'})[0] == 'E401'
        assert watch(node, **{'from': '0'})[0] == 'E401'
        said, caller = watch(node)
        assert said == 'watching'
        node.call('user.grant', user=user, roles='viewer, admin')
        event = cmp.decode(caller.receive_frame())['result']
        assert event['event'] == 'user.granted' and 'actor' not in event, event
        assert 'detail' not in event
        caller.close()
        node.call('user.grant', user=user, roles='viewer, admin, auditor')
        said, caller = watch(node, **{'from': '0'})
        assert said == 'watching'
        event = cmp.decode(caller.receive_frame())['result']
        assert event['cursor'] == 1 and 'actor' in event and 'detail' in event, event
        caller.close()
    finally:
        node.stop()


if __name__ == '__main__':
    tap.main(globals())
