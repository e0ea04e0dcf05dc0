#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real node keeps the rules of WIRE.md towards a peer that is scripted, byte for byte.

Each test brings a State of its own, so that none hangs on another.
"""

import json
import os
import pwd
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import cmp, control, nodes, peer, tap, wire  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SPARE = iter('X%c%c' % (a, b) for a in 'ABC' for b in 'ABCDEFGHIJKLMNOPQRSTUVW' if b != 'A')


def setup():
    return nodes.federation(['XMA'], group=None)


def newcomer(node, verified=True, before=None, endpoints=()):
    """A State that the node knows. `before`: whether its node id is smaller than the node's."""
    them = wire.read_card(node.card())
    state = next(SPARE)
    while True:
        me = peer.Identity.make(state, endpoints=endpoints)
        if before is None or (me.node < them.node) == before:
            break
    if verified:
        node.trust(me.card_text(), me.safety_number())
    else:
        node.call('peer.add', card=me.card_text())
    return me, them


def connected(node, heads=True, **wishes):
    me, them = newcomer(node, **wishes)
    return opened(node, me, them, heads)


def opened(node, me, them, heads=True):
    session = peer.Session(peer.Link.connect_patiently(me, them, node.endpoint), me, them).open()
    if heads:
        session.heads()
    return session


def sealed(session, number=1, **sections):
    """A lane with one record, and its envelope."""
    lane = peer.Lane(session.me, session.them)
    envelope = peer.Envelope.seal(session.me, peer.denial(session.me.state, number, **sections),
                                  'valise/denial/1')
    lane.add(peer.parcel(peer.grant(session.me, session.them, envelope), envelope))
    return lane, envelope


def refused(session, code=2):
    """Whether the node hung up; if it could still say why, for this reason."""
    try:
        assert session.expect('ERROR')[1]['code'] == code
    except peer.Closed:
        return True
    return session.is_closed()


def example(state, read, **fields):
    with open(os.path.join(HERE, '..', 'vectors', 'records.json'), encoding='utf-8') as file:
        record = json.load(file, parse_float=str)[0]
    del record['reference']
    record['originator']['state'] = state
    record['handling'] = {'tlp': 'TLP:AMBER', 'read': read}
    return dict(record, **fields)


# --- identity ------------------------------------------------------------------------------

def test_a_peer_whose_number_was_not_compared_is_kept_out_until_it_was(world):
    """W-33"""
    node = world['XMA']
    me, them = newcomer(node, verified=False)
    record = example('XMA', {'*': ['state:' + me.state]}, reference='DN-XMA-2026-9000')
    try:
        peer.Link.connect_patiently(me, them, node.endpoint, wait=3)
        raise AssertionError('let in')
    except (peer.Closed, peer.Silent):
        pass
    assert node.refusal('policy.preview', record=record) == 'E405'
    node.call('peer.verify', state=me.state, number=me.safety_number(), who='a with b',
              how='in person')
    assert opened(node, me, them).is_alive()
    assert node.refusal('policy.preview', record=record) is None


# --- sessions ------------------------------------------------------------------------------

def test_a_new_link_of_a_peer_replaces_its_older_one(world):
    """W-65"""
    node = world['XMA']
    first = connected(node)
    second = opened(node, first.me, first.them)
    assert first.is_closed()
    assert second.is_alive()


def listening(node, before):
    """A State that listens: its session over the link that the node dialled."""
    port = nodes.free_port()
    me, them = newcomer(node, before=before, endpoints=['tcp://127.0.0.1:%d' % port])
    listener = peer.Listener(me, port)
    node.call('peer.ping', state=me.state)
    link, first = listener.accept()
    session = peer.Session(link, me, them).accept(first)
    session.heads()
    return session, listener


def test_if_both_dial_the_link_of_the_smaller_node_id_stays(world):
    """W-65"""
    node = world['XMA']
    session, listener = listening(node, before=False)         # the node is the smaller
    ours = peer.Link.connect(session.me, session.them, node.endpoint)
    ours.send(peer.Session(ours, session.me, session.them).hello())
    assert ours.is_closed(), 'the greater one replaced the link of the smaller'
    assert session.is_alive()
    listener.close()
    session, listener = listening(node, before=True)
    ours = opened(node, session.me, session.them)
    assert ours.is_alive(), 'the link of the smaller one was refused'
    listener.close()


def test_ping_identity_and_bye_are_answered_as_written(world):
    """W-68"""
    node = world['XMA']
    session = connected(node, heads=False)
    assert session.expect('HEADS')
    session.send('PING', time=peer.now_ms())
    assert abs(session.expect('PONG')[1]['time'] - peer.now_ms()) < 60000
    session.send('IDENT_PULL', card_seq=0)
    assert session.expect('IDENT')[1]['bundle'] == session.them.bundle
    session.send('IDENT_PULL', card_seq=session.them.card['card_seq'])
    assert session.is_alive() and not session.received, session.received
    session.send('BYE')
    assert session.is_closed()


def test_a_newer_card_is_taken_and_an_older_one_is_not(world):
    """W-25"""
    node = world['XMA']
    session = connected(node)
    me = session.me
    old = me.bundle()
    me.add_card(not_after=me.now + 200 * peer.DAY_MS)
    session.send('IDENT', bundle=me.bundle())
    until = time.strftime('%Y-%m-%d', time.gmtime(me.now / 1000 + 200 * 86400))
    node.until(lambda n: n.peer(me.state)['card_until'].startswith(until))
    session.send('IDENT', bundle=old)
    assert session.is_alive()
    assert node.peer(me.state)['card_until'].startswith(until)


def test_another_identity_in_place_of_a_card_ends_the_session(world):
    """W-25"""
    node = world['XMA']
    session = connected(node)
    other = peer.Identity.make(session.me.state)
    other.add_card()
    session.send('IDENT', bundle=other.bundle())
    assert refused(session)
    assert node.peer(session.me.state)['safety_number'] == session.me.safety_number()


def test_more_than_one_frame_ends_the_link(world):
    """W-69"""
    session = connected(world['XMA'])
    session.link.send_frames([session.make('PING', time=0), b'more'])
    assert session.is_closed()
    assert opened(world['XMA'], session.me, session.them).is_alive()


def test_credit_is_kept_to_and_renewed(world):
    """W-67: in both directions"""
    node = world['XMA']
    session = connected(node)
    lane, _ = sealed(session)
    filler = os.urandom(1000 * 1000)
    sent = given = 0
    while sent < 5 << 20:
        raw = session.make('LANE_PUSH', side=0, entries=lane.entries, payloads=lane.payloads,
                           head=lane.head(), blobs=[filler])
        sent += len(raw)
        session.send_raw(raw)
    while not given:
        given = session.expect('CREDIT')[1]['bytes']
    assert 4 << 20 < given <= sent, (given, sent)
    full = connected(node)
    full.send('CREDIT', bytes=1)
    assert refused(full), 'credit beyond what the session began with'


def test_a_node_sends_no_more_than_its_credit(world):
    """W-67"""
    node = world['XMA']
    session = connected(node)
    record = example('XMA', {'*': ['state:' + session.me.state]})
    item = dict(record['body']['items'][0], tech_specs='x' * 2000)
    record['body']['items'] = [dict(item, line=line) for line in range(1, 250)]
    held = peer.Held(session.me, session.them)
    count = 0
    while count < 24:
        node.publish(dict(record))
        count += 1
    got = 0
    while True:
        try:
            name, batch = session.receive(2)
        except peer.Silent:
            break
        if name == 'LANE_PUSH':
            got += len(wire.message('LANE_PUSH', batch))
            held.take(batch)
    assert 6 << 20 < got <= 8 << 20, got
    assert held.cursor[1] < count, 'everything fitted: the test shows nothing'
    session.send('LANE_ACK', ack=held.ack())
    session.send('CREDIT', bytes=got)
    while held.cursor[1] < count:
        session.take_push(held)
    node.until(lambda n: n.peer(session.me.state)['acknowledged'] == count)


# --- lanes ---------------------------------------------------------------------------------

def test_ciphertexts_that_did_not_fit_are_asked_for_and_then_applied(world):
    """W-76"""
    node = world['XMA']
    session = connected(node)
    lane, envelope = sealed(session)
    session.push(lane)
    wanted = session.expect('BLOB_PULL')[1]['ids']
    assert sorted(wanted) == sorted(wire.digest('cipher', blob)
                                    for blob in envelope.ciphers.values())
    assert not node.has('DN-%s-2026-0001' % session.me.state), 'applied in part'
    for blob in envelope.ciphers.values():
        session.send('BLOB', bytes=blob)
    pull = session.expect('LANE_PULL')[1]
    assert (pull['side'], pull['incarnation'], pull['after']) == (1, 1, 0)
    session.push(lane)
    assert lane.take_ack(session.expect('LANE_ACK')[1]['ack'])['seq'] == 1
    assert node.has('DN-%s-2026-0001' % session.me.state)


def test_an_unknown_ciphertext_is_not_here_and_an_unasked_one_ends_the_session(world):
    """W-76"""
    session = connected(world['XMA'])
    session.send('BLOB_PULL', ids=[b'\1' * 32])
    nack = session.expect('LANE_NACK')[1]
    assert (nack['reason'], nack['entry']) == (7, b'\1' * 32)
    session.send('BLOB', bytes=b'never asked for')
    assert refused(session)


def test_a_gap_is_named_and_the_session_goes_on(world):
    """W-75"""
    session = connected(world['XMA'])
    lane, envelope = sealed(session)
    lane.add(b'cover', type=wire.COVER)
    lane.add(b'cover', type=wire.COVER)
    session.push(lane, after=1)
    nack = session.expect('LANE_NACK')[1]
    assert (nack['reason'], nack['seq']) == (1, 0)
    assert session.expect('LANE_PULL')[1]['after'] == 0
    session.push(lane, blobs=envelope.ciphers.values())
    assert lane.take_ack(session.expect('LANE_ACK')[1]['ack'])['seq'] == 3


def test_a_batch_that_is_held_already_changes_nothing(world):
    """W-75"""
    node = world['XMA']
    session = connected(node)
    lane, envelope = sealed(session)
    session.push(lane, blobs=envelope.ciphers.values())
    lane.take_ack(session.expect('LANE_ACK')[1]['ack'])
    before = node.call('status')['counts']
    session.push(lane, blobs=envelope.ciphers.values())
    assert session.is_alive()
    assert node.call('status')['counts'] == before
    assert node.peer(session.me.state)['theirs'] == 1


def test_two_histories_signed_by_one_state_freeze_it(world):
    """W-75"""
    node = world['XMA']
    session = connected(node)
    lane, envelope = sealed(session)
    session.push(lane, blobs=envelope.ciphers.values())
    session.expect('LANE_ACK')
    other = lane.fork(0)
    other.add(b'another history', type=wire.COVER)
    session.push(other)
    assert session.is_closed()
    assert node.peer(session.me.state)['standing'] == 'frozen'


def test_a_lost_lane_is_given_back_as_it_was_and_acknowledged_again(world):
    """W-77"""
    node = world['XMA']
    session = connected(node)
    lane, envelope = sealed(session)
    session.push(lane, blobs=envelope.ciphers.values())
    session.expect('LANE_ACK')
    lane.add(b'cover', type=wire.COVER)
    lane.add(b'cover', type=wire.COVER)
    session.push(lane, after=1)
    session.expect('LANE_ACK')
    session.close()
    session = opened(node, session.me, session.them, heads=False)
    theirs = session.heads()
    proof = wire.read_signed('head', theirs['yours'], wire.sign_public(session.me.sign))
    assert (theirs['yours_seq'], proof['seq'], theirs['yours_hash']) == (3, 3, lane.hashes[3])
    entries = []
    while len(entries) < 3:
        session.send('LANE_PULL', side=0, incarnation=1, after=len(entries))
        batch = session.expect('LANE_DATA')[1]
        assert batch['side'] == 1
        entries += batch['entries']
        head = wire.read_signed('head', batch['head'], wire.sign_public(session.me.sign))
        assert (head['seq'], head['hash']) == (len(entries), lane.hashes[len(entries)])
    assert entries == lane.entries
    assert lane.take_ack(session.expect('LANE_ACK')[1]['ack'])['seq'] == 3


def test_a_claim_to_hold_more_of_our_lane_without_proof_moves_nothing(world):
    """W-77"""
    node = world['XMA']
    session = connected(node, heads=False)
    session.send('HEADS', yours_seq=5, yours_hash=b'\5' * 32, incarnation=1)
    assert refused(session)
    assert node.peer(session.me.state)['standing'] == 'verified'
    again = opened(node, session.me, session.them)
    assert again.is_alive()


def test_after_a_start_no_entry_gets_a_number_before_heads(world):
    """W-78"""
    node = world['XMA']
    session = connected(node)
    state = session.me.state
    record = example('XMA', {'*': ['state:' + state]})
    held = peer.Held(session.me, session.them)
    node.publish(record)
    session.take_push(held)
    node.until(lambda n: n.peer(state)['acknowledged'] == 1)
    node.kill()
    node.start()
    node.publish(record)
    row = node.peer(state)
    assert (row['ours'], row['pending']) == (1, 1), row
    session = opened(node, session.me, session.them, heads=False)
    session.expect('HEADS')
    row = node.peer(state)
    assert (row['ours'], row['pending']) == (1, 1), row
    session.send('HEADS', yours=held.head, yours_seq=1, yours_hash=held.cursor[2], incarnation=1)
    session.take_push(held)
    assert held.cursor[1] == 2
    node.until(lambda n: (n.peer(state)['ours'], n.peer(state)['pending']) == (2, 0))


def test_nothing_about_lanes_is_taken_before_heads_and_heads_only_once(world):
    """W-71"""
    session = connected(world['XMA'], heads=False)
    lane, envelope = sealed(session)
    session.push(lane, blobs=envelope.ciphers.values())
    assert refused(session)
    session = connected(world['XMA'])
    session.send('HEADS', yours_seq=0, yours_hash=wire.NONE_ID, incarnation=1)
    assert refused(session)


# --- sharing policy ------------------------------------------------------------------------

def test_the_preview_follows_the_rules_and_its_hash_binds_it(world):
    """W-81 W-82 W-86"""
    node = nodes.Node(os.path.join(world.directory, 'policy'), 'XMA').make().start()
    try:
        check_preview(node)
    finally:
        node.stop()


def check_preview(node):
    states = [newcomer(node)[0] for _ in range(4)]
    group, named, denied, nobody = states
    node.call('group.define', name='PAIR', states=[group.state, denied.state])
    read = {'*': ['group:PAIR'], 'restricted': ['state:' + named.state], 'details': []}
    record = example('XMA', read, reference='DN-XMA-2026-9000')
    record['handling']['deny'] = ['state:' + denied.state]
    nobody_reads = node.call('policy.preview', record=record)['readers'].items()
    assert not any(row['details'] for state, row in nobody_reads if state != 'XMA'), 'empty list'
    del read['details']
    shown = node.call('policy.preview', record=record)
    present = ['manifest', 'summary', 'parties', 'details', 'restricted']
    assert shown['sections'] == present
    wanted = {group.state: present[:-1], named.state: ['manifest', 'restricted'],
              denied.state: [], nobody.state: []}
    for state, sections in wanted.items():
        got = [name for name in present if shown['readers'][state][name]]
        assert got == sections, (state, got)
    ids = {me.state: me.node for me in states}
    ids['XMA'] = wire.read_card(node.card()).node
    assert shown['order'] == ['XMA'] + sorted(me.state for me in states)
    rows = []
    for state in shown['order']:
        sections = sum(1 << bit for bit, name in enumerate(present)
                       if shown['readers'][state][name])
        rows.append((ids[state], sections))
    assert wire.preview_hash(rows).hex() == shown['preview']
    reference = node.call('draft.new', record=record)['reference']
    assert node.refusal('record.publish', reference=reference, preview='00' * 32) == 'E903'
    node.call('record.publish', reference=reference, preview=shown['preview'])


# --- control -------------------------------------------------------------------------------

def test_roles_decide_what_a_caller_may_ask(world):
    """W-93"""
    node = nodes.Node(os.path.join(world.directory, 'roles'), 'XNH').make().start()
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
        assert node.refusal('draft.list') is None, 'the account of the node has all roles'
        node.call('user.grant', user=user, roles='viewer, admin')
        assert node.refusal('draft.list') == 'E401'
        assert node.refusal('audit.list') is None
        node.call('user.grant', user=user, roles='poc, admin')
        assert node.refusal('draft.list') is None
        assert 'command.refused' in [row['event'] for row in node.call('audit.list')['items']]
    finally:
        node.stop()


def test_control_requests_are_canonical_or_the_connection_ends(world):
    """W-4 W-90 W-91 W-92 W-94"""
    node = world['XMA']

    def ask(raw):
        caller = control.Control(node.socket)
        caller.send_frame(raw)
        try:
            reply = cmp.decode(caller.receive_frame(), 2 << 20)
        except EOFError:
            return None, True
        try:
            caller.call('node.version')
            return reply, False
        except (EOFError, OSError):
            return reply, True

    good = {'v': 1, 'command': 'node.version', 'arguments': {}}
    reply, closed = ask(cmp.encode(good))
    assert reply['more'] is False and 'result' in reply and not closed
    swapped = b'\x83' + b''.join(cmp.encode(key) + cmp.encode(good[key])
                                 for key in ('v', 'command', 'arguments'))
    assert ask(swapped)[1], 'keys out of order'
    for wrong in (dict(good, v=2), dict(good, command='no.such'), dict(good, more=1),
                  dict(good, arguments={'x': 1}), {'v': 1, 'command': 'node.version'}):
        reply, closed = ask(cmp.encode(wrong))
        assert reply['error'] == 'E201' and not closed, wrong
    caller = control.Control(node.socket)
    caller.socket.sendall((4 << 20).to_bytes(4, 'big'))
    try:
        caller.receive_frame()
        raise AssertionError('a frame beyond the limit')
    except EOFError:
        pass


def test_a_watcher_is_told_until_it_goes(world):
    """W-94"""
    node = world['XMA']
    caller = control.Control(node.socket)
    caller.send_frame(cmp.encode({'v': 1, 'command': 'watch', 'arguments': {'kind': 'peer.'}}))
    assert cmp.decode(caller.receive_frame())['more'] is True
    me, _ = newcomer(node)
    seen = []
    while 'peer.verified' not in seen:
        reply = cmp.decode(caller.receive_frame())
        assert reply['more'] is True
        if reply['result']['about'] == me.state:
            seen.append(reply['result']['event'])
    assert seen == ['peer.added', 'peer.verified'], seen
    caller.close()
    assert node.call('node.version')


if __name__ == '__main__':
    tap.main(globals())
