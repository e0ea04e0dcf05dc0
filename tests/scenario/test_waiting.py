#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Grants that wait for a State are decided again when they get their number; and references
are given once, whatever happened to the store.

A State that was never heard from gets nothing before the heads are compared: what was published
meanwhile waits, and groups may be another by then. W-78, W-82
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import nodes, peer, samples, tap  # noqa: E402
from lib.guests import Guest  # noqa: E402

OPEN = {'manifest', 'summary', 'parties', 'details'}


def setup():
    return nodes.federation(['XMA'], group=None)


def define(node, name, *guests):
    node.call('group.define', name=name, states=[guest.state for guest in guests])


def publish(node, read, word='waiting'):
    return node.publish(samples.denial('XMA', word, read))


def events(node, reference):
    """(event, detail) of what was noted about a record, oldest first."""
    rows = node.call('audit.list', about=reference, limit=500)['items']
    return [(row['event'], row['detail']) for row in reversed(rows)
            if row['event'].startswith('grant.')]


def holders(node, reference):
    return node.show(reference)['node']['holders']


def settled(guest):
    """Whether nothing waits for it any more, and all that was sent is here."""
    row = guest.row()
    return (row['pending'], row['ours']) == (0, guest.held.cursor[1])


def test_who_left_the_group_while_a_grant_waited_gets_nothing(world):
    node = world['XMA']
    left, stayed = Guest(node), Guest(node)
    define(node, 'LEFT', left, stayed)
    reference = publish(node, {'*': ['group:LEFT']})
    assert (left.row()['pending'], left.row()['ours']) == (1, 0)
    define(node, 'LEFT', stayed)
    left.open()
    node.until(lambda n: settled(left))
    assert left.session.is_alive()
    assert not left.session.received, left.session.received
    assert events(node, reference) == [('grant.withdrawn', left.state)]
    assert holders(node, reference)[left.state]['sections'] == []
    stayed.open()
    stayed.take(1)
    assert set(stayed.received()[0]) == OPEN | {'restricted'}
    assert len(events(node, reference)) == 1


def test_who_reads_less_by_now_gets_less(world):
    node = world['XMA']
    guest, other = Guest(node), Guest(node)
    define(node, 'LESS', guest, other)
    reference = publish(node, {'*': ['state:' + guest.state], 'restricted': ['group:LESS']})
    define(node, 'LESS', other)
    guest.open()
    guest.take(1)
    assert set(guest.received()[0]) == OPEN
    assert events(node, reference) == [('grant.narrowed', guest.state)]
    assert set(holders(node, reference)[guest.state]['sections']) == OPEN


def test_who_would_read_more_by_now_gets_what_was_shown(world):
    node = world['XMA']
    guest, other = Guest(node), Guest(node)
    define(node, 'MORE', other)
    reference = publish(node, {'*': ['state:' + guest.state], 'restricted': ['group:MORE']})
    shown = set(holders(node, reference)[guest.state]['sections'])
    define(node, 'MORE', guest, other)
    guest.open()
    guest.take(1)
    assert set(guest.received()[0]) == shown == OPEN
    assert events(node, reference) == []


def test_who_joined_while_nothing_was_promised_gets_nothing(world):
    node = world['XMA']
    joined, other = Guest(node), Guest(node)
    define(node, 'JOIN', other)
    reference = publish(node, {'*': ['group:JOIN']})
    define(node, 'JOIN', joined, other)
    joined.open()
    assert joined.session.is_alive()
    assert settled(joined) and not joined.session.received
    assert joined.state not in holders(node, reference)


def test_a_restart_in_between_changes_nothing_of_that(world):
    node = world['XMA']
    left, stayed = Guest(node), Guest(node)
    define(node, 'TWICE', left, stayed)
    gone = publish(node, {'*': ['group:TWICE']})
    kept = publish(node, {'*': ['state:' + left.state]})
    node.kill()
    node.start()
    define(node, 'TWICE', stayed)
    node.kill()
    node.start()
    assert left.row()['pending'] == 2
    left.open()
    left.take(1)
    node.until(lambda n: settled(left))
    assert left.session.is_alive() and left.held.cursor[1] == 1
    assert left.received()[0]['manifest']['reference'] == kept
    assert events(node, gone) == [('grant.withdrawn', left.state)]
    assert events(node, kept) == []


def test_another_node_of_the_same_State_does_not_inherit_what_waited(world):
    node = world['XMA']
    first = Guest(node)
    reference = publish(node, {'*': ['state:' + first.state]})
    node.call('peer.remove', state=first.state, reason='it has a new node')
    second = Guest(node, state=first.state)
    second.open()
    assert second.session.is_alive()
    assert settled(second) and not second.session.received
    assert holders(node, reference)[first.state]['sections'] == []
    try:
        peer.Link.connect(first.me, first.them, node.endpoint, 2)
        raise AssertionError('the removed one was let in')
    except (peer.Closed, peer.Silent):
        pass


def test_an_onward_State_that_went_narrows_and_keeps_nothing_back(world):
    node = world['XMA']
    reader, gone = Guest(node), Guest(node)
    first = node.publish(samples.denial('XMA', 'narrowed', {'*': ['state:' + reader.state]},
                                        onward='listed', onward_to=['state:' + gone.state]))
    publish(node, {'*': ['state:' + reader.state]}, 'behind it')
    node.call('peer.remove', state=gone.state, reason='left')
    reader.open()
    reader.take(2)
    node.until(lambda n: settled(reader))
    assert reader.row()['ours'] == 2 and events(node, first) == [], events(node, first)


def test_more_than_a_turn_of_waiting_grants_are_all_numbered_in_order(world):
    node = world['XMA']
    guest = Guest(node)
    wanted = [publish(node, {'*': ['state:' + guest.state]}) for _ in range(70)]
    assert guest.row()['pending'] == 70
    guest.open()
    guest.take(70)
    node.until(lambda n: settled(guest))
    assert [record['manifest']['reference'] for record in guest.received()] == wanted


# --- references ----------------------------------------------------------------------------

def test_an_older_store_gives_no_reference_twice(world):
    """The peers cannot tell it which references were given: none of them had the records."""
    node = nodes.Node(os.path.join(world.directory, 'older'), 'XNH').make().start()
    copy = os.path.join(world.directory, 'copy')
    try:
        guest = Guest(node)
        read = {'*': ['state:' + guest.state]}

        def publish_here():
            return node.publish(samples.denial('XNH', 'older', read))

        first = publish_here()
        year = first.split('-')[2]
        node.stop()
        shutil.copytree(node.store, copy)
        node.start()
        lost = [publish_here() for _ in range(5)]
        node.stop()
        for name in ('data.mdb', 'keys.mdb'):
            shutil.copy(os.path.join(copy, name), os.path.join(node.store, name))
        node.start(extra=('--accept-older-store',))
        after = [publish_here(), publish_here()]
        assert not set(after) & set(lost + [first])
        assert after == ['DN-XNH-%s-%04d' % (year, number) for number in (102, 103)], after
        noted = [row['event'] for row in node.call('audit.list', limit=500)['items']]
        assert noted.count('references.skipped') == 1
        other = samples.denial('XNH', 'older', read)
        reference = node.call('draft.new', record=other)['reference']
        assert reference.endswith('0104')
        node.restart()
        assert publish_here().endswith('0105'), 'a start like any other skips nothing'
    finally:
        node.stop()


if __name__ == '__main__':
    tap.main(globals())
