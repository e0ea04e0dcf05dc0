# SPDX-License-Identifier: Apache-2.0
"""What stories about federations have in common: hurrying links, and asking whether all is well."""

import threading
import time

from . import control, nodes, samples


def start(node, **options):
    """Start a node and have it dial its peers at once. The others wait: who dials too often is
    refused for a minute."""
    node.start(**options)
    for row in node.call('peer.list')['peers']:
        if row['standing'] == 'verified' and row['session'] != nodes.IN_TOUCH:
            node.call('peer.ping', state=row['state'])
    return node


def restart(node, **options):
    node.stop()
    return start(node, **options)


def find_ills(world, aside=0):
    """What is not well: findings of doctor, forks, a broken audit chain. [] if all is."""
    ills = []
    for state, node in world.items():
        for check in node.doctor():
            if check['verdict'] != 'good' and not (
                    aside and check['what'].startswith('kept aside: %d ' % aside)):
                ills.append('%s: %s' % (state, check['what']))
        for row in node.call('peer.list')['peers']:
            if row.get('frozen'):
                ills.append('%s: %s is frozen: %s' % (state, row['state'], row['frozen']))
        if node.call('audit.verify')['entries'] < 1:
            ills.append('%s: no audit trail' % state)
    return ills


def missing(world, published):
    """(reference, State) for each record that is not where it must be.

    published: {reference: States that may read it}
    """
    return [(reference, state) for reference, states in published.items() for state in states
            if not world[state].has(reference)]


class Publisher(threading.Thread):
    """Publishes at one node without end; notes what was acknowledged."""

    def __init__(self, node, readers, pause=0.0):
        super().__init__(daemon=True)
        self.node = node
        self.readers = readers
        self.pause = pause
        self.acknowledged = []
        self.unsure = 0
        self.unexpected = []
        self._ended = threading.Event()

    def run(self):
        number = 0
        while not self._ended.is_set():
            try:
                line = control.Control(self.node.socket)
            except OSError:
                self._ended.wait(0.02)
                continue
            try:
                while not self._ended.is_set():
                    number += 1
                    self._publish(line, number)
                    self._ended.wait(self.pause)
            except (OSError, EOFError):
                self.unsure += 1
            finally:
                line.close()

    def _publish(self, line, number):
        record = samples.denial(self.node.state, 'no. %d' % number, {
            '*': ['state:' + state for state in self.readers]})
        try:
            reference = line.call('draft.new', record=record)['reference']
            line.call('record.publish', reference=reference)
            self.acknowledged.append(reference)
        except control.Refused as refused:
            self.unexpected.append(str(refused))
            time.sleep(0.05)

    def end(self):
        self._ended.set()
        self.join(30)
        assert not self.is_alive()
