#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An old copy of a node's store is put back: what it lost comes back from its peers."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import faults, nodes, samples, stories, tap  # noqa: E402

STATES = ('XMA', 'XNH', 'XOR')
EVERYBODY = {'*': ['state:XMA', 'state:XNH', 'state:XOR']}


class World(nodes.Federation):
    """Three nodes; Marentia's store was copied while it was off, and much happened since."""

    def __init__(self):
        super().__init__(nodes.temporary_directory())
        self.published = {}
        self.copy = os.path.join(self.directory, 'copy')

    def __enter__(self):
        for state in STATES:
            self[state] = nodes.Node(os.path.join(self.directory, state), state).make()
            self[state].start()
        self.introduce(*STATES)
        self.until_in_touch()
        self.publish('XMA', 3)
        self.publish('XNH', 3)
        self.until_settled()
        self['XMA'].stop()
        shutil.copytree(self['XMA'].store, self.copy)
        stories.start(self['XMA'])
        self.until_in_touch()
        self.more()
        return self

    def publish(self, state, count, read=None):
        for number in range(count):
            reference = self[state].publish(samples.denial(state, 'restore %d' % number,
                                                           read or EVERYBODY))
            self.published[reference] = [name for name in STATES if not read or
                                         name == state or 'state:' + name in read['*']]

    def more(self):
        """What happens after the copy was made."""
        self.publish('XMA', 4)
        self.publish('XMA', 2, {'*': ['state:XNH']})
        self.publish('XMA', 2, {'*': ['state:XOR']})
        self.publish('XNH', 3)
        self.publish('XOR', 3)
        self.until_settled()

    def put_back(self, *names):
        """Replace files of Marentia's store by those of the copy."""
        for name in names:
            shutil.copy(os.path.join(self.copy, name), os.path.join(self['XMA'].store, name))

    def check(self):
        self.until_settled()
        assert not stories.missing(self, self.published), stories.missing(self, self.published)
        ills = stories.find_ills(self)
        assert not ills, ills
        numbers = [reference for reference in self.published]
        assert len(set(numbers)) == len(numbers)


def setup():
    return World()


def test_a_store_older_than_its_anchor_is_not_opened(world):
    node = world['XMA']
    node.stop()
    world.put_back('data.mdb', 'keys.mdb')
    code, said = faults.run_to_end(node)
    assert code == 7 and 'E805' in said and '--accept-older-store' in said, (code, said)
    assert not os.path.exists(node.socket)


def publish_before_anybody_is_heard(world, number):
    """Publish while all peers are off: it waits for a place on the lanes."""
    node = world['XMA']
    record = samples.denial('XMA', 'early', EVERYBODY)
    # Which numbers were given after the copy it cannot know yet, so an officer names one.
    record['reference'] = 'DN-XMA-2026-%04d' % number
    early = node.publish(record)
    assert {row['pending'] for row in node.call('peer.list')['peers']} == {1}
    world.published[early] = list(STATES)


def test_when_told_to_it_opens_and_learns_what_it_lost_before_it_numbers(world):
    node = world['XMA']
    for other in ('XNH', 'XOR'):
        world[other].stop()
    node.start(extra=('--accept-older-store',))
    lost = [reference for reference in world.published if not node.has(reference)]
    assert len(lost) == 14, lost
    publish_before_anybody_is_heard(world, 901)
    for other in ('XNH', 'XOR'):
        stories.start(world[other])
    world.until_settled()
    assert node.log_text().count('lane.recovered') == 2
    world.check()
    after = node.publish(samples.denial('XMA', 'after', EVERYBODY))
    assert after == 'DN-XMA-2026-0902', after
    world.published[after] = list(STATES)
    world.check()


def test_having_accepted_it_once_it_starts_again_without_being_told(world):
    stories.restart(world['XMA'])
    world.check()


def test_a_whole_directory_of_old_looks_right_and_yet_nothing_forks(world):
    node = world['XMA']
    for state in STATES:
        world[state].stop()
    world.put_back(*os.listdir(world.copy))
    node.start()
    publish_before_anybody_is_heard(world, 951)
    for other in ('XNH', 'XOR'):
        stories.start(world[other])
    world.check()
    assert node.log_text().count('lane.recovered') >= 4


def test_what_was_never_sent_is_the_only_thing_lost(world):
    shown = world['XMA'].show('DN-XMA-2026-0005')
    assert shown['node']['own'] and 'explanation' in shown['body']
    assert 'officer' not in shown['body'], 'the internal section cannot have come from a peer'
    assert world['XMA'].show('DN-XMA-2026-0001')['body']['officer']


if __name__ == '__main__':
    tap.main(globals())
