#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes that die: at every named point of publishing and applying, and at random."""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import nodes, samples, stories, tap  # noqa: E402

STATES = ('XMA', 'XNH', 'XOR')
SEED = int(os.environ.get('VALISE_SEED', '20260311'))
KILLS = 12

# Commits of the publisher since its start: the draft is the first, the record the second. Of the
# receiver: the batch is the first.
PUBLISH_POINTS = ('publish.before-commit:1', 'commit.before-keys:2', 'commit.between:2',
                  'commit.before-anchor:2', 'commit.after:2', 'publish.after-commit:1')
APPLY_POINTS = ('apply.verified:1', 'apply.before-commit:1', 'commit.before-keys:1',
                'commit.between:1', 'commit.before-anchor:1', 'commit.after:1',
                'apply.after-commit:1')


class World(nodes.Federation):
    """Three nodes with crash points, and what was acknowledged."""

    def __init__(self):
        super().__init__(nodes.temporary_directory())
        self.published = {}

    def __enter__(self):
        for state in STATES:
            self[state] = nodes.Node(os.path.join(self.directory, state), state,
                                     hooks=True).make()
            self[state].start()
        self.introduce(*STATES)
        self.until_in_touch()
        return self

    def publish(self, state):
        """Publish to the two others. Returns the reference."""
        readers = [other for other in STATES if other != state]
        record = samples.denial(state, 'crash', {'*': ['state:' + other for other in readers]})
        reference = self[state].publish(record)
        self.published[reference] = readers + [state]
        return reference

    def check(self):
        self.until_settled()
        lost = stories.missing(self, self.published)
        assert not lost, lost[:5]
        ills = stories.find_ills(self)
        assert not ills, ills


    def afresh(self, *states):
        """Restart nodes, so that their budget of HELLOs a minute does not slow the test."""
        for state in states:
            stories.restart(self[state])


def setup():
    return World()


def test_a_publisher_may_die_at_every_point(world):
    node = world['XMA']
    outcomes = set()
    for number, point in enumerate(PUBLISH_POINTS):
        if number % 3 == 2:
            world.afresh('XNH', 'XOR')
        stories.restart(node, crash=point)
        world.until_settled()
        draft = node.call('draft.new', record=samples.denial(
            'XMA', point, {'*': ['state:XNH', 'state:XOR']}))['reference']
        try:
            node.call('record.publish', reference=draft)
        except (OSError, EOFError):
            pass
        else:
            raise AssertionError('%s was not reached' % point)
        assert node.wait_end() == -9, point
        stories.start(node)
        world.until_settled()
        # Not acknowledged, so it may be there or not; but then everywhere or nowhere.
        there = {state: world[state].has(draft) for state in STATES}
        assert len(set(there.values())) == 1, (point, there)
        outcomes.add(there['XMA'])
        # A command can be run again safely.
        code = node.refusal('record.publish', reference=draft)
        assert (code is None) != there['XMA'], (point, code, there)
        world.published[draft] = list(STATES)
        world.publish('XMA')
        world.check()
    assert outcomes == {True, False}, 'the points lie all on one side of the commit'


def test_a_receiver_may_die_at_every_point(world):
    node = world['XNH']
    for number, point in enumerate(APPLY_POINTS):
        if number % 3 == 0:
            world.afresh('XMA', 'XOR')
        stories.restart(node, crash=point)
        world.until_settled()
        world.publish('XMA')
        assert node.wait_end() == -9, point
        stories.start(node)
        world.check()


def test_a_publisher_may_die_while_the_receiver_is_away(world):
    world['XOR'].stop()
    node = world['XMA']
    stories.restart(node, crash='publish.after-commit:3')
    world.publish('XMA')
    world.publish('XMA')
    try:
        world.publish('XMA')
    except (OSError, EOFError):
        pass
    assert node.wait_end() == -9
    stories.start(node)
    stories.start(world['XOR'])
    world.check()


def kill_at_random(world, kills, seed):
    """SIGKILL nodes at random while all of them publish. Returns how many were acknowledged."""
    chance = random.Random(seed)
    publishers = [stories.Publisher(world[state], [other for other in STATES if other != state],
                                    pause=0.01) for state in STATES]
    for publisher in publishers:
        publisher.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.02, 0.4))      # when to kill is what is random here
        node = world[chance.choice(STATES)]
        node.kill()
        stories.start(node)
    for publisher in publishers:
        publisher.end()
        assert not publisher.unexpected, publisher.unexpected[:3]
        for reference in publisher.acknowledged:
            world.published[reference] = list(STATES)
    return sum(len(publisher.acknowledged) for publisher in publishers)


def test_random_kills_lose_nothing_that_was_acknowledged(world):
    print('# seed %d' % SEED)
    acknowledged = kill_at_random(world, KILLS, SEED)
    assert acknowledged > 3 * KILLS, acknowledged
    world.check()
    print('# %d kills, %d records acknowledged' % (KILLS, acknowledged))


if __name__ == '__main__':
    tap.main(globals())
