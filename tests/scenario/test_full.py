#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""S06: the map or the disk is full. The command fails and says why, the node goes on, nothing
acknowledged is lost, and it works again once there is room. T-14"""

import contextlib
import errno
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import control, faults, nodes, samples, stories, tap  # noqa: E402

STATES = ('XMA', 'XNH')
BOTH = {'*': ['state:XMA', 'state:XNH']}


@contextlib.contextmanager
def pair(**settings):
    """Two States; `settings` are of the first one's store."""
    world = nodes.Federation(nodes.temporary_directory())
    with world:
        for state in STATES:
            world[state] = nodes.Node(
                os.path.join(world.directory, state), state,
                settings={'store': settings} if state == 'XMA' else None).make()
        yield world


def begin(world):
    for node in world.values():
        if not node.running():
            node.start()
    world.introduce(*STATES)
    world.until_in_touch()


def fill(world, state, most=400):
    """Publish until it is refused. Returns (references, code, draft that was not published)."""
    published = []
    node = world[state]
    big = samples.denial(state, 'full', BOTH)
    big['body']['explanation'] = 'x' * 3900
    big['body']['stated_end_use'] = 'y' * 1900
    for _ in range(most):
        draft = None
        try:
            draft = node.call('draft.new', record=big)['reference']
            node.call('record.publish', reference=draft)
            published.append(draft)
        except control.Refused as refused:
            return published, refused.code, draft
    raise AssertionError('it was never full')


def lives(world, published, first):
    """A node that is full still answers, shows, checks and verifies."""
    node = world['XMA']
    assert node.show(published[0])['reference'] == published[0]
    assert node.show(published[-1])['reference'] == published[-1]
    assert len(node.call('record.list', limit=5)['items']) == 5
    assert node.call('audit.verify')['entries'] > len(published)
    assert node.process.pid == first
    world['XNH'].until(lambda other: all(other.has(reference) for reference in published))


def test_S06_a_full_map_refuses_and_loses_nothing():
    with pair(max_size='4M') as world:
        begin(world)
        node = world['XMA']
        first = node.process.pid
        published, code, draft = fill(world, 'XMA')
        assert code == 'E801', code
        lives(world, published, first)
        space = [check for check in node.doctor() if check['what'].startswith('space')][0]
        assert space['verdict'] == 'bad' and 'max_size' in space['mend'], space
        # What others send waits with them: it is not acknowledged, and not lost.
        waits = world['XNH'].publish(samples.denial('XNH', 'waits', BOTH))
        world['XNH'].until(lambda n: n.peer('XMA')['ours'] > n.peer('XMA')['acknowledged'])
        assert not node.has(waits)
        # Room is made by raising the limit.
        node.settings['store']['max_size'] = '64M'
        node.write_config()
        stories.restart(node)
        node.until(lambda n: n.has(waits))
        if draft is not None:
            published.append(draft)
            node.call('record.publish', reference=draft)
        published.append(node.publish(samples.denial('XMA', 'again', BOTH)))
        world.until_settled()
        assert not stories.missing(world, {reference: STATES for reference in published})
        assert not stories.find_ills(world), stories.find_ills(world)


@contextlib.contextmanager
def small_disk(node):
    """Yield (make it full, make room): a small file system if we may mount one, else write calls
    that fail as they would on a full disk."""
    if os.geteuid() == 0:
        os.makedirs(node.store, mode=0o700)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=6m,mode=0700', 'valise', node.store],
                       check=True)
        ballast = os.path.join(node.store, 'ballast')

        def crowd():
            with open(ballast, 'wb', buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))

        try:
            node.start()
            yield crowd, lambda: os.unlink(ballast)
        finally:
            node.stop()
            subprocess.run(['umount', '-l', node.store], check=True)
    else:
        shim = faults.Shim(node.home)
        shim.error, shim.lasts = errno.ENOSPC, 1
        with shim:
            node.start()

        def crowd():
            shim.write_left = 0

        def room():
            shim.write_left = -1

        yield crowd, room


def test_S06_a_full_disk_refuses_and_works_again_without_a_restart():
    with pair() as world, small_disk(world['XMA']) as (crowd, make_room):
        begin(world)
        node = world['XMA']
        first = node.process.pid
        published = [node.publish(samples.denial('XMA', 'before %d' % number, BOTH))
                     for number in range(6)]
        world.until_settled()
        crowd()
        more, code, draft = fill(world, 'XMA')
        assert code == 'E802', code
        published += more
        lives(world, published, first)
        waits = world['XNH'].publish(samples.denial('XNH', 'waits', BOTH))
        world['XNH'].until(lambda n: n.peer('XMA')['ours'] > n.peer('XMA')['acknowledged'])
        assert not node.has(waits)
        assert node.running() and node.process.pid == first
        make_room()
        if draft is not None:
            published.append(draft)
            node.call('record.publish', reference=draft)
        published.append(node.publish(samples.denial('XMA', 'again', BOTH)))
        node.until(lambda n: n.has(waits))
        world.until_settled()
        assert node.process.pid == first
        assert not stories.missing(world, {reference: STATES for reference in published})
        ills = [ill for ill in stories.find_ills(world) if 'space' not in ill]   # the disk is small
        assert not ills, ills


if __name__ == '__main__':
    tap.main(globals())
