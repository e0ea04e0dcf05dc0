#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""200 random SIGKILLs of any of three nodes during a stream of publishes. T-7, T-8

VALISE_KILLS and VALISE_SEED change how many, and which.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..'))
sys.path.insert(0, os.path.join(HERE, '..', 'scenario'))
from lib import tap  # noqa: E402
import test_crash  # noqa: E402

KILLS = int(os.environ.get('VALISE_KILLS', '200'))
A_ROUND = 10


def setup():
    return test_crash.World()


def test_random_kills_lose_nothing_that_was_acknowledged(world):
    print('# seed %d' % test_crash.SEED)
    everything = {}
    for first in range(0, KILLS, A_ROUND):
        kills = min(A_ROUND, KILLS - first)
        world.published = {}
        acknowledged = test_crash.kill_at_random(world, kills, test_crash.SEED + first)
        assert acknowledged >= kills, (first, acknowledged)
        # So that the budget of HELLOs a minute does not keep the nodes apart from here on.
        world.afresh(*test_crash.STATES)
        world.check()
        everything.update(world.published)
    world.published = everything
    world.check()
    held = {state: world[state].call('status')['counts']['records'] for state in test_crash.STATES}
    assert len(set(held.values())) == 1 and held['XMA'] >= len(everything), held
    print('# %d kills, %d records acknowledged, %d held by each' % (
        KILLS, len(everything), held['XMA']))
    print('# cases: %d' % KILLS)


if __name__ == '__main__':
    tap.main(globals())
