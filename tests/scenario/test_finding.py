#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lists and searches leave nothing out, however many pages they have, and say what may be missing.
"""

import sys
import os

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import faults, nodes, samples, tap, wire  # noqa: E402
from lib.guests import Guest  # noqa: E402

RECORDS = 260
PAGE = 50
WORDS = ('amber', 'birch')
PLACES = ('XPE', 'XTO', 'XQU')


class World(nodes.Federation):
    """Marentia with many records of its own; of every third there are two versions."""

    def __init__(self):
        super().__init__(nodes.temporary_directory())
        self.published = []                 # references, oldest first
        self.revised = []

    def __enter__(self):
        node = self['XMA'] = nodes.Node(os.path.join(self.directory, 'XMA'), 'XMA').make().start()
        self.reader = Guest(node)
        for number in range(RECORDS):
            self.published.append(node.publish(self.record(number)))
        for number in range(0, RECORDS, 3):
            reference = self.published[number]
            self.revised.append(reference)
            node.publish(dict(self.record(number), reference=reference, version=2,
                              supersedes=reference + '#1'))
        return self

    def record(self, number):
        record = samples.denial('XMA', WORDS[number % 2], {'*': ['state:' + self.reader.state]})
        record['body']['destination'] = PLACES[number % len(PLACES)]
        record['body']['denied_on'] = '202%d-03-02' % (number % 6)
        return record


def setup():
    return World()


def pages(node, command, **arguments):
    """All pages of a list. A page may be short, even empty, but only one that is full or had much
    to look at is not the last."""
    found, cursor, count = [], None, 0
    while True:
        more = {'cursor': cursor} if cursor else {}
        answer = node.call(command, **arguments, **more)
        assert len(answer['items']) <= arguments.get('limit', PAGE)
        found.append(answer['items'])
        assert answer.get('next') != cursor or cursor is None, 'it does not get on'
        cursor = answer.get('next')
        count += 1
        assert count < 1000
        if cursor is None:
            return found


def references(found):
    return [row['reference'] for page in found for row in page]


def test_a_list_of_many_pages_has_each_record_once(world):
    node = world['XMA']
    for limit in (7, PAGE, 500):
        found = references(pages(node, 'record.list', limit=limit))
        assert len(found) == len(set(found)) == RECORDS, (limit, len(found))
        assert set(found) == set(world.published)
    assert len(pages(node, 'record.list')) >= RECORDS // PAGE
    newest_first = [row['version'] for page in pages(node, 'record.list') for row in page]
    assert newest_first[:len(world.revised)] == [2] * len(world.revised)


def test_all_versions_are_listed_when_asked_for(world):
    found = references(pages(world['XMA'], 'record.list', all_versions=True, limit=23))
    assert len(found) == RECORDS + len(world.revised)
    assert sorted(found) == sorted(world.published + world.revised)


def test_conditions_leave_out_what_they_must_and_nothing_else(world):
    node = world['XMA']
    for place, code in enumerate(PLACES):
        found = references(pages(node, 'record.list', dest=code, limit=9))
        assert sorted(found) == sorted(world.published[place::len(PLACES)])
    found = references(pages(node, 'record.list', dest='XPE', since='2024', limit=4))
    assert sorted(found) == sorted(
        reference for number, reference in enumerate(world.published)
        if number % 3 == 0 and number % 6 >= 4)
    assert references(pages(node, 'record.list', by='XNH')) == []


def test_a_search_of_many_pages_finds_each_record_once(world):
    node = world['XMA']
    for place, word in enumerate(WORDS):
        for words, limit in (('consignee ' + word, 11), ('Consignee', 500), (word, PAGE)):
            found = references(pages(node, 'record.search', words=words, limit=limit))
            wanted = world.published if words == 'Consignee' else world.published[place::2]
            assert len(found) == len(wanted), (words, len(found), len(wanted))
            assert sorted(found) == sorted(wanted), words
    found = references(pages(node, 'record.search', words='amber', dest='XTO', limit=5))
    assert sorted(found) == sorted(
        reference for number, reference in enumerate(world.published)
        if number % 2 == 0 and number % 3 == 1)


def test_a_rare_record_behind_many_others_is_found(world):
    """The search looks at no more than so many rows in one call, then gives a cursor."""
    node = world['XMA']
    oldest = world.published[1]
    assert references(pages(node, 'record.search', words=oldest)) == [oldest]
    found = references(pages(node, 'record.list', dest='XTO', since='2025', limit=1))
    wanted = [reference for number, reference in enumerate(world.published)
              if number % 3 == 1 and number % 6 >= 5]
    assert sorted(found) == sorted(wanted)


def test_serials_codes_and_States_are_found_as_people_write_them(world):
    node = world['XMA']
    record = world.record(3)
    record['body']['items'][0].update(serials=['KP19-004400..KP19-009999', 'QX-O17'], hs='930120',
                                      cml='ML2.a')
    record['body']['destination'] = 'JOR'
    reference = node.publish(record)
    for words in ('kp19-007123', 'KPI9 OO4400', 'KP19009999', 'qx017', 'JOR', 'ML2', '9301.20'):
        assert references(pages(node, 'record.search', words=words)) == [reference], words
    # A State is searched for by its code in capitals; names of States are names of people too.
    for words in ('jor', 'Jordan', 'per', 'de'):
        assert reference not in references(pages(node, 'record.search', words=words)), words
    for words in ('KP19-004399', 'KP19-010000', 'KP19-7123', 'QX18'):
        assert references(pages(node, 'record.search', words=words)) == [], words
    for code in ('ml2a', 'ML2', '9301', '93', 'att-2.1'):
        assert reference in references(pages(node, 'record.list', code=code)), code
    for code in ('ML99', 'ml23', 'frobnicate'):
        assert node.refusal('record.list', code=code) == 'E206', code
    assert references(pages(node, 'record.list', code='ML3')) == []
    world.published.append(reference)


def test_a_record_that_does_not_open_is_listed_not_passed_over(world):
    node = world['XMA']
    everybody = set(references(pages(node, 'record.list')))
    node.stop()
    faults.tool('cut', node.home, 'blob', 1)             # a ciphertext of some record
    node.start()
    rows = [row for page in pages(node, 'record.list', limit=20) for row in page]
    assert {row['reference'] for row in rows} == everybody
    assert [row['standing'] for row in rows].count('unreadable') == 1


# --- what may be missing -------------------------------------------------------------------

def gaps(node, command='record.list', **arguments):
    answer = node.call(command, **arguments)
    return answer['complete'], {row['state']: row['why'] for row in answer['missing']}


def test_an_answer_says_who_has_more_than_is_here(world):
    node = nodes.Node(os.path.join(world.directory, 'gaps'), 'XNH').make().start()
    try:
        assert gaps(node) == (True, {})
        stranger = Guest(node, verified=False)
        node.call('peer.add', card=stranger.me.card_text())
        assert gaps(node) == (True, {}), 'nothing is expected of a State that is not verified'
        guest = Guest(node)
        assert gaps(node) == (False, {guest.state: 'not heard since start'})
        envelope = guest.seal()
        for _ in range(3):
            guest.lane.add(guest.parcel(envelope))
        guest.open()
        node.until(lambda n: gaps(n) == (False, {guest.state: 'behind'}))
        for command, arguments in (('record.list', {}), ('record.search', {'words': 'anything'})):
            assert gaps(node, command, **arguments) == (False, {guest.state: 'behind'})
        guest.session.push(guest.lane, until=2, blobs=envelope.ciphers.values())
        guest.session.expect('LANE_ACK')
        assert gaps(node)[0] is False, 'one of three is not here'
        guest.session.push(guest.lane, after=2)
        guest.session.expect('LANE_ACK')
        assert gaps(node) == (True, {})
        guest.lane.add(b'not a parcel')
        guest.session.push(guest.lane, after=3)
        guest.session.expect('LANE_ACK')
        assert gaps(node) == (False, {guest.state: 'some kept aside'})
        node.call('peer.pause', state=guest.state, reason='a test')
        assert gaps(node) == (False, {guest.state: 'paused'})
    finally:
        node.stop()


def test_a_State_that_forgot_its_lane_is_missing_until_it_has_it_back(world):
    node = nodes.Node(os.path.join(world.directory, 'lost'), 'XOR').make().start()
    try:
        guest = Guest(node)
        guest.open()
        assert guest.send(guest.seal()) == []
        assert guest.send(guest.seal()) == []
        assert gaps(node) == (True, {})
        guest.close()
        whole, guest.lane = guest.lane, guest.lane.fork(0)
        guest.open()
        assert gaps(node) == (False, {guest.state: 'behind'})
        guest.close()
        guest.lane = whole
        guest.open()
        assert gaps(node) == (True, {})
        assert wire.read_signed('head', guest.session.their_heads['yours'],
                                wire.sign_public(guest.me.sign))['seq'] == 2
    finally:
        node.stop()


if __name__ == '__main__':
    tap.main(globals())
