#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""S01, S02, S03 at length: thousands of flipped bits, one at a time, in every file of a store. T-13

Each flipped store is opened, checked and read to the end in a process of its own. What is held
must be what was held, or the store is refused, or the check says so, or the process that checks
dies. VALISE_FLIPS and VALISE_SEED change how many, and which.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..'))
sys.path.insert(0, HERE)
from lib import tap  # noqa: E402
import test_storage  # noqa: E402

FLIPS = int(os.environ.get('VALISE_FLIPS', '3000'))


def setup():
    return test_storage.World()


def flip_many(world, name, span, count):
    """Flip, and count what became of it. Returns what changed unseen."""
    with world.spoilt() as node:
        totals, silent = test_storage.flips(node, name, span, count)
    assert sum(totals.values()) == count and totals['hung'] == 0, (totals, silent)
    print('# %s, %s: %s' % (name, span, totals))
    print('# cases: %d' % count)
    return silent, totals


def test_S01_flips_anywhere_in_the_records_are_seen(world):
    print('# seed %d' % test_storage.SEED)
    silent, totals = flip_many(world, 'data.mdb', 'anywhere', FLIPS)
    assert not silent and totals['reported'] > FLIPS // 20, (silent, totals)


def test_S01_flips_anywhere_in_the_keys_are_seen(world):
    silent, totals = flip_many(world, 'keys.mdb', 'anywhere', FLIPS)
    assert not silent and totals['silent'] == 0 and totals['reported'] > FLIPS // 50, totals


def test_S02_flips_of_meta_pages_and_of_the_anchor_are_seen(world):
    for name, span in (('data.mdb', 'metas'), ('keys.mdb', 'metas'), ('anchor', 'anywhere')):
        silent, totals = flip_many(world, name, span, FLIPS // 3)
        assert not silent and totals['silent'] == 0, (silent, totals)


def test_S03_flips_of_page_headers_are_seen(world):
    for name in ('data.mdb', 'keys.mdb'):
        silent, _ = flip_many(world, name, 'headers', FLIPS)
        assert not silent, silent


if __name__ == '__main__':
    tap.main(globals())
