#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Three States exchange records: who reads what, what others see of it, and who is kept out.

The nodes stand behind a relay that keeps every byte of the wire.
"""

import base64
import json
import os
import subprocess
import sys
import time

import jsonschema
import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import control, faults, nodes, peer, relay, samples, tap, wire  # noqa: E402

STATES = ('XMA', 'XNH', 'XOR')
SHORTEST = 5     # of a canary: shorter strings stand in random bytes by chance
SECTIONS = ('manifest', 'summary', 'parties', 'details', 'restricted')
WORD = 'Qmzx7canary'


class World(nodes.Federation):
    """The three nodes, the wire between them, and what was published by whom."""

    def __init__(self):
        super().__init__(nodes.temporary_directory())
        self.wire = relay.Relay()
        self.published = {}     # reference: (State, record as it was given)

    def __enter__(self):
        self.wire.__enter__()
        for state in STATES:
            inner = nodes.free_port()
            self[state] = nodes.Node(
                os.path.join(self.directory, state), state, port=self.wire.route(to=inner),
                settings={'node': {'listen': 'tcp://127.0.0.1:%d' % inner}}).make()
            self[state].start()
        self.introduce(*STATES)
        self.group('NORTH', STATES)
        self.until_in_touch()
        return self

    def __exit__(self, *what):
        super().__exit__(*what)
        self.wire.__exit__(*what)

    def publish(self, record):
        state = record['originator']['state']
        reference = self[state].publish(record)
        self.published[reference] = (state, record)
        return reference


def setup():
    return World()


def reads(record, state):
    """The sections that a State may read, as the handling says; not asked of the node."""
    handling = record['handling']
    named = {'state:' + state, 'group:NORTH'}
    if named & set(handling.get('deny', [])):
        return set()
    read = handling['read']
    found = {section for section in SECTIONS[1:] if named & set(read.get(section, read.get('*', [])))}
    return found | {'manifest'} if found else set()


def present(node, reference):
    """Which sections of an own record hold anything."""
    return samples.open_sections(node.show(reference))


# --- exchange ------------------------------------------------------------------------------

def test_each_example_is_read_by_each_State_exactly_as_far_as_granted(world):
    for record in samples.examples(STATES):
        world.publish(record)
    world.until_settled()
    kinds = set()
    for reference, (author, record) in world.published.items():
        kinds.add(record['schema'])
        held = present(world[author], reference)
        for state in STATES:
            if state != author:
                shown = world[state].show(reference)
                assert samples.open_sections(shown) == reads(record, state) & held, \
                    (reference, state, shown['node']['sections'])
                assert shown['node']['verified']
    assert len(kinds) == 3, kinds


def test_what_is_read_is_what_was_written(world):
    for reference, (author, record) in world.published.items():
        own = world[author].show(reference)
        for state in STATES:
            if state != author and reads(record, state) >= set(SECTIONS):
                shown = world[state].show(reference)
                internal = ('internal_notes', 'officer')
                body = {name: value for name, value in own['body'].items() if name not in internal}
                assert shown['body'] == body, (reference, state)


def test_after_a_restart_everything_is_there(world):
    before = {state: world[state].call('record.list')['items'] for state in STATES}
    for node in world.values():
        assert node.restart() is node
    for state in STATES:
        assert world[state].call('record.list')['items'] == before[state]
    world.until_in_touch()


def test_a_node_that_was_off_catches_up(world):
    world['XOR'].stop()
    missed = [world.publish(samples.denial('XMA', 'missed %d' % number)) for number in range(70)]
    missed.append(world.publish(samples.denial('XNH', 'missed too')))
    world['XOR'].start()
    world['XOR'].until(lambda node: all(node.has(reference) for reference in missed))
    world.until_settled()


def test_a_broken_line_delays_and_loses_nothing(world):
    before = sum(node.log_text().count('peer.down') for node in world.values())
    world.wire.cut()
    nodes.until(lambda: sum(node.log_text().count('peer.down') for node in world.values()) > before)
    late = world.publish(samples.denial('XMA', 'sent into the void'))
    world.wire.join()
    for node in world.values():
        for other in STATES:
            if other != node.state:
                node.call('peer.ping', state=other)
    for state in ('XNH', 'XOR'):
        world[state].until(lambda node: node.has(late))
    world.until_in_touch()


def test_two_States_exchange_what_the_third_may_not_see(world):
    secret = world.publish(samples.denial('XMA', WORD + ' bilateral', {'*': ['state:XNH']}))
    world['XNH'].until(lambda node: node.has(secret))
    world.until_settled()
    assert not world['XOR'].has(secret)
    assert not any(row['reference'] == secret
                   for row in world['XOR'].call('record.list')['items'])


# --- sections ------------------------------------------------------------------------------

def test_a_section_not_granted_leaves_neither_key_nor_ciphertext(world):
    big = samples.denial('XMA', WORD + ' partly', {'*': ['group:NORTH'], 'restricted': ['state:XNH']})
    big['body']['explanation'] = WORD * 350
    sizes = {state: world[state].call('status')['counts']['records'] for state in STATES}
    reference = world.publish(big)
    for state in ('XNH', 'XOR'):
        world[state].until(lambda node: node.has(reference))
        assert world[state].call('status')['counts']['records'] == sizes[state] + 1
    full, partly = world['XNH'].show(reference), world['XOR'].show(reference)
    assert full['body']['explanation'] == big['body']['explanation']
    assert partly['node']['sections']['restricted'] == 'sealed'
    assert 'explanation' not in partly['body'] or partly['body']['explanation'] == {'sealed': True}
    # The signature covers the whole record and verifies without that section.
    assert partly['node']['verified'] and partly['node']['record_id'] == full['node']['record_id']
    keys, large = {}, {}
    for state, node in world.items():
        node.stop()
        held = list(faults.rows(node))
        node.start()
        keys[state] = {(key[:-1], value) for table, key, value in held if table == 'section'}
        large[state] = [value for table, _, value in held
                        if table == 'blob' and len(value) >= len(big['body']['explanation'])]
    assert len(large['XMA']) == len(large['XNH']) == 1 and not large['XOR'], \
        {state: len(found) for state, found in large.items()}
    # Of the record's keys Norrhaven lacks the internal one, Oldenreach the restricted one too.
    other = {state: {key for _, key in keys[state]} for state in ('XNH', 'XOR')}
    counts = []
    for record in {token for token, _ in keys['XMA']}:
        own = {key for token, key in keys['XMA'] if token == record}
        counts.append((len(own), len(own & other['XNH']), len(own & other['XOR'])))
    assert counts.count((6, 5, 4)) == 1, sorted(set(counts))
    world.until_in_touch()


# --- strangers -----------------------------------------------------------------------------

def refused(identity, node):
    """Whether the node ends a connection with this identity's key without a handshake."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, -1)
    socket.curve_secretkey = z85.encode(identity.curve)
    socket.curve_publickey = z85.encode(wire.box_public(identity.curve))
    socket.curve_serverkey = z85.encode(wire.read_card(node.card()).curve_key)
    monitor = socket.get_monitor_socket()
    ended = (zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED, zmq.EVENT_HANDSHAKE_FAILED_AUTH,
             zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
    try:
        socket.connect('tcp://' + node.endpoint[len('tcp://'):])
        while monitor.poll(15000):
            event = recv_monitor_message(monitor)['event']
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return False
            if event in ended:
                return True
        return False
    finally:
        socket.disable_monitor()
        context.destroy(linger=0)


def test_a_stranger_with_a_fresh_key_is_refused(world):
    node = world['XMA']
    assert refused(peer.Identity.make('XZZ', 'Nowhere'), node)
    node.until(lambda n: 'transport.strangers' in n.log_text())


def test_an_unverified_peer_gets_nothing_and_may_not_be_named(world):
    node = world['XMA']
    other = peer.Identity.make('XPE', 'Pellagia')
    node.call('peer.add', card=other.card_text())
    draft = node.call('draft.new', record=samples.denial('XMA', 'x', {'*': ['state:XPE']}))
    assert node.refusal('record.publish', reference=draft['reference']) == 'E405'
    assert refused(other, node)
    node.call('draft.discard', reference=draft['reference'])


def test_what_a_paused_peer_may_read_waits_and_it_is_refused(world):
    node, other = world['XMA'], world['XOR']
    node.call('peer.pause', state='XOR', reason='test')
    other.until(lambda n: not n.in_touch('XMA'))
    seen = other.call('status')['counts']['records']
    waits = world.publish(samples.denial('XMA', 'while paused'))
    world['XNH'].until(lambda n: n.has(waits))
    before = other.log_text().count('peer.down state=XMA')
    other.call('peer.ping', state='XMA')
    other.until(lambda n: n.log_text().count('peer.down state=XMA') > before)
    assert not other.in_touch('XMA') and other.call('status')['counts']['records'] == seen
    node.call('peer.resume', state='XOR', reason='test')
    other.call('peer.ping', state='XMA')
    other.until(lambda n: n.has(waits))


def test_a_removed_peer_gets_nothing_and_is_refused(world):
    node, other = world['XNH'], world['XOR']
    node.call('group.define', name='NORTH', states=['XMA', 'XNH'])
    node.call('peer.remove', state='XOR', reason='test')
    other.until(lambda n: not n.in_touch('XNH'))
    after = world.publish(samples.denial('XNH', 'after the removal'))
    world['XMA'].until(lambda n: n.has(after))
    other.call('peer.ping', state='XNH')
    other.until(lambda n: n.peer('XNH').get('last_error'))
    assert not other.in_touch('XNH')
    assert not other.has(after)
    assert node.refusal('peer.ping', state='XOR') == 'E302'


# --- schema --------------------------------------------------------------------------------

def test_what_a_receiver_shows_is_valid_by_the_schema_of_its_kind(world):
    valise = os.path.join(nodes.build_directory(), 'bin', 'valise')
    schemas = {}
    for word in ('denial', 'broker', 'case'):
        text = subprocess.run([valise, 'schema', 'show', word], stdout=subprocess.PIPE,
                              check=True).stdout
        schema = json.loads(text)
        schemas[word] = jsonschema.validators.validator_for(schema)(schema)
        schemas[word].check_schema(schema)
    seen = set()
    for state in STATES:
        for row in world[state].call('record.list', limit=100)['items']:
            shown = world[state].show(row['reference'])
            if not shown['node']['own']:
                problems = [error.message for error in schemas[row['kind']].iter_errors(shown)]
                assert not problems, (state, row['reference'], problems[:3])
                seen.add(row['kind'])
    assert seen == {'denial', 'broker', 'case'}, seen
    broken = dict(shown, body=dict(shown['body'], denial_type='no such type'))
    assert list(schemas['denial'].iter_errors(broken)), 'the schema lets anything pass'


# --- canaries ------------------------------------------------------------------------------

def spellings(secret):
    """Secret bytes as they could leak: raw, hexadecimal, base64 at each offset."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + secret)
        yield text[(offset * 4 + 2) // 3 + 1:-4]


def canaries(world):
    """What must be nowhere: values of published records, and secret keys."""
    words = {text.encode() for _, record in world.published.values()
             for text in samples.strings(record['body']) if len(text.encode()) >= SHORTEST}
    words.add(WORD.encode())
    keys = {spelt for node in world.values() for key in faults.secrets(node).values()
            for spelt in spellings(key)}
    return words, keys


def hits(haystack, needles):
    return [needle for needle in needles if needle in haystack]


def files_below(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, 'rb') as file:
                    yield path, file.read()


def processes(node):
    """The node, its launcher and its transport."""
    mine = [node.process.pid]
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open('/proc/%s/stat' % name, encoding='ascii', errors='replace') as file:
                parent = int(file.read().rpartition(')')[2].split()[1])
        except OSError:
            continue
        if parent in mine:
            mine.append(int(name))
    return mine


def test_the_search_finds_what_it_must_find(world):
    words, _ = canaries(world)
    given = json.dumps([record for _, record in world.published.values()],
                       ensure_ascii=False).encode()
    assert len(words) > 200
    missed = [word for word in words if word not in given and b'\n' not in word and
              b'"' not in word]
    assert not missed, missed[:3]
    key = bytes(range(32))
    for spelt in (key, key.hex().encode(), base64.b64encode(b'ab' + key)):
        assert hits(b'before' + spelt + b'after', list(spellings(key))), spelt
    with open(os.path.join(world['XMA'].home, 'unlock.key'), 'rb') as file:
        unlock = file.read()
    assert any(unlock in held for _, held in files_below(world['XMA'].home))


def test_no_store_holds_a_word_or_a_key_in_the_clear(world):
    words, keys = canaries(world)
    for state, node in world.items():
        for path, held in files_below(node.store):
            found = hits(held, words) + hits(held, keys)
            assert not found, (state, path, found[:3])


def test_the_wire_carries_no_word_and_no_key_in_the_clear(world):
    words, keys = canaries(world)
    seen = world.wire.seen()
    assert len(seen) > 200000
    found = hits(seen, words) + hits(seen, keys)
    assert not found, found[:3]


def test_logs_and_process_tables_hold_no_word_and_no_key(world):
    words, keys = canaries(world)
    # Words of this very program's environment are not the node's doing.
    ours = b'\0'.join(('%s=%s' % item).encode() for item in os.environ.items())
    foreign = [word for word in words if word not in ours]
    for state, node in world.items():
        log = node.log_text().encode()
        assert b'node.started' in log
        assert not hits(log, words) and not hits(log, keys), (state, hits(log, words)[:3])
        for pid in processes(node):
            for name in ('cmdline', 'environ'):
                with open('/proc/%d/%s' % (pid, name), 'rb') as file:
                    held = file.read()
                assert not hits(held, foreign) and not hits(held, keys), (state, pid, name)


def test_no_core_file_can_be_made(world):
    for state, node in world.items():
        for pid in processes(node):
            with open('/proc/%d/limits' % pid, encoding='ascii') as file:
                core = [line.split() for line in file if line.startswith('Max core file size')][0]
            with open('/proc/%d/cmdline' % pid, 'rb') as file:
                name = file.read().split(b'\0')[0]
            parent_only = pid != node.process.pid and name.endswith(b'/valised')
            if not parent_only:       # the launcher never holds a key
                assert core[4:6] == ['0', '0'], (state, pid, core)
                assert os.stat('/proc/%d/mem' % pid).st_uid == 0


def test_nothing_is_left_in_temporary_places(world):
    words, keys = canaries(world)
    for state, node in world.items():
        for pid in processes(node):
            for name in os.listdir('/proc/%d/fd' % pid):
                target = os.readlink('/proc/%d/fd/%s' % (pid, name))
                known = target.startswith((node.home, 'socket:', 'anon_inode:', '/dev/null',
                                           'pipe:')) or target == node.log
                assert known, (state, pid, target)
    started = time.time() - 600
    for place in ('/tmp', '/var/tmp', '/dev/shm'):
        for name in os.listdir(place):
            path = os.path.join(place, name)
            if os.path.isfile(path) and os.stat(path).st_mtime > started:
                with open(path, 'rb') as file:
                    assert not hits(file.read(1 << 20), keys), path


if __name__ == '__main__':
    tap.main(globals())
