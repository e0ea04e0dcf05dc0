#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Links that the node dials: they end when the node says so."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import nodes, peer, tap, wire  # noqa: E402


def setup():
    return nodes.federation(['XMA'], group=None)


def dialled_session(node, state):
    """A State that only listens, dialled by the node, with its session open."""
    port = nodes.free_port()
    me = peer.Identity.make(state, endpoints=['tcp://127.0.0.1:%d' % port])
    listener = peer.Listener(me, port)
    node.trust(me.card_text(), me.safety_number())
    link, first = listener.accept()
    session = peer.Session(link, me, wire.read_card(node.card())).accept(first)
    session.heads()
    return listener, session


def test_a_link_that_the_node_dialled_and_hangs_up_is_closed(world):
    listener, session = dialled_session(world['XMA'], 'XRI')
    assert session.is_alive()
    session.send('PING', session=bytes(16), time=0)
    assert session.expect('ERROR')[1]['code'] == 2
    assert session.is_closed(3), 'the TCP connection is still there'
    listener.close()


def test_a_peer_that_is_paused_is_cut_off_at_once(world):
    listener, session = dialled_session(world['XMA'], 'XQU')
    assert session.is_alive()
    world['XMA'].call('peer.pause', state='XQU', reason='test')
    assert session.is_closed(3), 'the TCP connection is still there'
    listener.close()


def test_the_transport_does_not_gather_descriptors(world):
    node = world['XMA']
    listener, session = dialled_session(node, 'XSA')
    before = None
    for _ in range(6):
        session.send('PING', session=bytes(16), time=0)
        assert session.is_closed(3)
        node.call('peer.ping', state='XSA')       # dial again now
        link, first = listener.accept()
        session = peer.Session(link, session.me, session.them).accept(first)
        session.heads()
        before = before or node.transport_descriptors()
    assert node.transport_descriptors() <= before + 2, (before, node.transport_descriptors())
    listener.close()


def test_a_state_without_an_address_is_asked_for_and_cannot_be_dialled(world):
    node = world['XMA']
    me = peer.Identity.make('XTO')
    node.trust(me.card_text(), me.safety_number())
    assert not node.call('peer.ping', state='XTO')['in_touch']
    # Half a second is what the node lets pass between two attempts.
    for _ in range(3):
        nodes.until(lambda: node.call('peer.ping', state='XTO')['session'] == 'waiting', 3)
    them = wire.read_card(node.card())
    session = peer.Session(peer.Link.connect_patiently(me, them, node.endpoint), me, them)
    session.open()
    session.heads()
    assert node.in_touch('XTO') and node.running()
    session.close()


if __name__ == '__main__':
    tap.main(globals())
