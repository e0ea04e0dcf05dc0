#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""T01 to T05 of the attack catalogue: clocks that jump, stand back, or differ. T-15

A library that is loaded before the others gives the nodes another time (tests/fault/shim.c); the
tests themselves stay in this one.
"""

import contextlib
import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import faults, nodes, peer, samples, stories, tap, wire  # noqa: E402

DAY_MS = faults.DAY_MS
DENIAL = 'valise/denial/1'
TEN_YEARS = 3653


def day(later=0):
    """Today, or so many days later, as records write it."""
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(days=later)).strftime('%Y-%m-%d')


def moment(later=0):
    return day(later) + 'T09:42:00Z'


class World(nodes.Federation):
    """Nodes of their own for each test: their clocks must not touch each other's."""

    def __init__(self):
        super().__init__(nodes.temporary_directory())
        self._count = 0

    @contextlib.contextmanager
    def nodes(self, *shifts):
        """Federated nodes whose wall clocks are off by so many days each: (Federation, shims)."""
        self._count += 1
        made = nodes.Federation(os.path.join(self.directory, str(self._count)))
        shims = {}
        with made:
            for state, shift in zip(('XMA', 'XNH'), shifts):
                made[state] = nodes.Node(os.path.join(made.directory, state), state).make()
                shims[state] = faults.Shim(self.directory)
                shims[state].wall_ms = shift * DAY_MS
                with shims[state]:
                    made[state].start()
            made.introduce(*made)
            far = peer.Identity.make('XQU', 'Quillara')      # reads everything, is never there
            if len(made) == 1:
                made['XMA'].trust(far.card_text(), far.safety_number())
            made.until_in_touch()
            yield made, shims


def setup():
    return World()


def begin(node, shim):
    with shim:
        stories.start(node)


def publish(node, until):
    """Publish a denial that is active until a day, to all verified peers."""
    readers = ['state:' + row['state'] for row in node.call('peer.list')['peers']]
    record = samples.denial(node.state, 'time', {'*': readers})
    record['body'].update(denied_on='2025-03-02', active_until=until)
    return node.publish(record)


def status(node, reference):
    """The status word of a record in a list."""
    return [row['status'] for row in node.call('record.list')['items']
            if row['reference'] == reference][0]


def today(node):
    return node.call('status')['now'][:10]


def clock_is_doubted(node):
    """Whether doctor says so; then answers do not count as complete, for whichever reason."""
    said = [check for check in node.doctor() if check['what'].startswith('clock: it jumped')]
    assert not (said and node.call('record.list')['complete'])
    return bool(said)


def attacker(world, node, **card):
    """A State with a session, and its lane to the node."""
    me = peer.Identity.make('XRI', 'Rivania', card=card)
    node.trust(me.card_text(), me.safety_number())
    them = wire.read_card(node.card())
    lane = peer.Lane(me, them)
    return me, them, lane


def session_of(me, them, node, lane, wait=peer.WAIT):
    session = peer.Session(peer.Link.connect_patiently(me, them, node.endpoint, wait), me, them)
    session.open()
    session.heads(lane)
    return session


def sealed(me, number, **manifest):
    sections = peer.denial(me.state, number)
    sections['manifest'].update(manifest)
    year = sections['manifest']['issued_at'][:4]
    sections['manifest']['reference'] = 'DN-%s-%s-%04d' % (me.state, year, number)
    sections['summary']['body'].update(denied_on='2015-01-05', active_until='2099-01-01')
    return peer.Envelope.seal(me, sections, schema=DENIAL)


def send(session, me, them, lane, envelope):
    """Send a record; it is acknowledged, also if it is kept aside."""
    before = len(lane.entries)
    lane.add(peer.parcel(peer.grant(me, them, envelope), envelope))
    session.push(lane, after=before, blobs=envelope.ciphers.values())
    assert lane.take_ack(session.expect('LANE_ACK')[1]['ack'])['seq'] == before + 1


# --- T01 -------------------------------------------------------------------------------------

def test_T01_a_record_of_the_past_stands_where_it_came_and_one_of_the_future_is_kept_aside(world):
    with world.nodes(0) as (states, _):
        node = states['XMA']
        own = publish(node, '2029-03-02')
        me, them, lane = attacker(world, node)
        session = session_of(me, them, node, lane)
        old = sealed(me, 1, issued_at=moment(-TEN_YEARS))
        send(session, me, them, lane, old)
        reference = 'DN-XRI-%s-0001' % day(-TEN_YEARS)[:4]
        assert node.has(reference)
        # Its State's clock is right, so no clock explains it; nor does the lane wait for it.
        send(session, me, them, lane, sealed(me, 2, issued_at=moment(TEN_YEARS)))
        send(session, me, them, lane, sealed(me, 3))
        listed = [row['reference'] for row in node.call('record.list')['items']]
        assert listed == ['DN-XRI-2026-0003', reference, own], listed       # as they came
        aside = [(row['entry'], row['code']) for row in node.call('quarantine.list')['items']]
        assert aside == [(2, 'E208')], aside
        session.close()


# --- T02 -------------------------------------------------------------------------------------

def test_T02_a_clock_that_jumps_ten_years_ahead_expires_nothing(world):
    with world.nodes(0, 0) as (states, shims):
        node = states['XMA']
        kept = publish(node, day(30))
        states['XNH'].until(lambda n: n.has(kept))
        assert not clock_is_doubted(node)
        shims['XMA'].wall_ms = TEN_YEARS * DAY_MS
        node.until(lambda n: n.log_text().count('clock.jumped') == 1)
        assert today(node) == day() and status(node, kept) == 'active'
        assert clock_is_doubted(node)
        # The exchange goes on, with the time that was believed.
        later = publish(node, day(30))
        states['XNH'].until(lambda n: n.has(later))
        theirs = publish(states['XNH'], day(30))
        node.until(lambda n: n.has(theirs))
        node.stop()
        begin(node, shims['XMA'])                     # still ten years ahead
        assert 'clock.doubted' in node.log_text()
        assert today(node) == day() and status(node, kept) == 'active' and clock_is_doubted(node)
        states['XNH'].until(lambda n: n.in_touch('XMA'))
        shims['XMA'].wall_ms = 0                      # and set right
        node.until(lambda n: not clock_is_doubted(n))
        assert status(node, kept) == 'active' and today(node) == day()


# --- T03 -------------------------------------------------------------------------------------

def test_T03_an_expired_record_does_not_revive_when_the_clock_is_set_back(world):
    with world.nodes(40) as (states, shims):
        node = states['XMA']
        gone = publish(node, day(30))
        assert status(node, gone) == 'expired' and today(node) == day(40)
        shims['XMA'].wall_ms = 0
        node.until(lambda n: 'clock.jumped' in n.log_text())
        assert status(node, gone) == 'expired' and today(node) == day(40)
        node.stop()
        begin(node, shims['XMA'])
        assert 'clock.doubted' in node.log_text()
        assert status(node, gone) == 'expired' and today(node) == day(40)
        assert clock_is_doubted(node)
        publish(node, day(30))
        node.kill()
        begin(node, shims['XMA'])
        assert status(node, gone) == 'expired' and today(node) == day(40)


def test_T03_a_clock_that_was_far_ahead_is_put_right_by_the_operator_alone(world):
    with world.nodes(40) as (states, shims):
        node = states['XMA']
        published = publish(node, day(30))
        assert status(node, published) == 'expired'
        node.stop()
        shims['XMA'].wall_ms = 0
        begin(node, shims['XMA'])
        assert clock_is_doubted(node) and today(node) == day(40)
        mend = [check['mend'] for check in node.doctor() if check['what'].startswith('clock')][0]
        assert '--accept-clock' in mend, mend
        node.stop()
        with shims['XMA']:
            node.start(extra=('--accept-clock',))
        assert today(node) == day() and not clock_is_doubted(node)
        assert status(node, published) == 'active'
        events = [row['event'] for row in node.call('audit.list', limit=50)['items']]
        assert events.count('clock.accepted') == 1, events
        node.stop()
        begin(node, shims['XMA'])           # it stays so, without the option
        assert today(node) == day() and not clock_is_doubted(node)
        assert node.call('audit.verify')['entries'] > 0


# --- T04 -------------------------------------------------------------------------------------

def test_T04_a_card_that_has_expired_stays_so_when_the_clock_is_set_back(world):
    with world.nodes(0) as (states, shims):
        node = states['XMA']
        me, them, lane = attacker(world, node, not_after=peer.now_ms() + 30 * DAY_MS)
        session = session_of(me, them, node, lane)
        send(session, me, them, lane, sealed(me, 1))      # it is good today
        session.close()
        node.stop()
        shims['XMA'].wall_ms = 40 * DAY_MS
        begin(node, shims['XMA'])
        assert not opens(me, them, node, lane), 'an expired card was taken'
        publish(node, day(60))                             # the time is kept
        node.stop()
        shims['XMA'].wall_ms = 0
        begin(node, shims['XMA'])
        assert 'clock.doubted' in node.log_text()
        assert not opens(me, them, node, lane), 'an expired card was taken again'
        # The same State with a card that is good: it was the card.
        me.add_card(not_before=peer.now_ms(), not_after=peer.now_ms() + 300 * DAY_MS)
        node.call('peer.add', card=me.card_text())
        assert opens(me, them, node, lane)


def opens(me, them, node, lane):
    try:
        session_of(me, them, node, lane, wait=2).close()
    except (peer.Closed, peer.Silent, ValueError):
        return False
    return True


# --- T05 -------------------------------------------------------------------------------------

def ahead(node, state):
    """How many days a peer's clock is ahead, as the list says; doctor says so too."""
    days = round(node.call('peer.ping', state=state)['clock_ahead_ms'] / DAY_MS)
    said = [check['what'] for check in node.doctor() if 'clock is' in check['what']]
    assert bool(said) == (days != 0), (days, said)
    return days


def test_T05_a_clock_that_is_three_days_off_delays_and_loses_nothing(world):
    with world.nodes(3, 0) as (states, shims):
        fast, slow = states['XMA'], states['XNH']
        assert ahead(fast, 'XNH') == -3 and ahead(slow, 'XMA') == 3
        theirs = publish(slow, day(30))
        fast.until(lambda n: n.has(theirs))
        # To the slow one ours is of the future: it waits, is not acknowledged, and both show it.
        ours = publish(fast, day(30))
        slow.until(lambda n: 'lane.held state=XMA' in n.log_text())
        assert not slow.has(ours)
        assert not slow.call('record.list')['complete']
        row = fast.peer('XNH')
        assert row['acknowledged'] < row['ours'], row
        slow.stop()
        shims['XNH'].wall_ms = 3 * DAY_MS
        begin(slow, shims['XNH'])
        slow.until(lambda n: n.has(ours))
        states.until_settled()
        assert ahead(fast, 'XNH') == 0 and ahead(slow, 'XMA') == 0
        ills = stories.find_ills(states)
        assert not ills, ills


if __name__ == '__main__':
    tap.main(globals())
