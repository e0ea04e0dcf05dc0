# SPDX-License-Identifier: Apache-2.0
"""What the hostile tests share: one federation for a file, and what must hold after each attack.

    @case('N05', 'a 2^62-byte frame is cut off')
    def huge_frame(world): ...

    main(__doc__, settings=...)

After every case: the target's state is what it was, unless the case says
`changes=True`, and an honest record goes from the target to a friend and from
the friend to the target within a second of the command (N, P, R and Y of the
attack catalogue; node/THREATS.md).
"""

import contextlib
import hashlib
import json
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# pylint: disable=wrong-import-position
from lib import nodes, peer, rawcurve, wire  # noqa: E402

TARGET, FRIEND, OTHER = 'XMA', 'XNH', 'XOR'
SANITIZED = 'address' in os.path.basename(nodes.build_directory())
SLOWER = 4 if SANITIZED else 1           # sanitized code may take longer, and more memory
HONEST_SECONDS = 1.0 * SLOWER
BACK_SECONDS = 2.0 * SLOWER              # transport and sessions after the transport died
LINK_MIB_MAX = 256
MIB = 1 << 20
# States that are nobody's: attackers.
_SPARE = ['X%c%c' % (a, b) for a in 'ABCDEFG' for b in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ']

_cases = []


class Broken(AssertionError):
    """An attack had an effect that it must not have."""


def need(condition, what):
    if not condition:
        raise Broken(what)


def case(identifier, sentence, changes=False, survives=True):
    """Register a case. `survives`: the transport process is the same one after it."""
    def keep(function):
        _cases.append((identifier, sentence, changes, survives, function))
        return function
    return keep


def say(text):
    print('# ' + text.replace('\n', '\n# '), flush=True)


# --- what a process uses ---------------------------------------------------------------------

def memory(pid):
    """What /proc says, in MiB: VmRSS now, VmHWM the most since reset_memory, RssAnon without files."""
    with open('/proc/%d/status' % pid, encoding='ascii') as file:
        return {line.split(':')[0]: int(line.split()[1]) / 1024 for line in file
                if line.startswith(('VmRSS', 'VmHWM', 'RssAnon'))}


def reset_memory(pid):
    with open('/proc/%d/clear_refs' % pid, 'w', encoding='ascii') as file:
        file.write('5')


def processor_seconds(pid):
    with open('/proc/%d/stat' % pid, encoding='ascii') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Watched:
    """The target's two processes during an attack."""

    def __init__(self, node):
        self.node = node
        self.link_pid = node.transport_pid()
        self.core_pid = node.process.pid
        self.core_before = memory(self.core_pid)['RssAnon']
        self.link_before = memory(self.link_pid)['VmRSS']
        reset_memory(self.link_pid)

    def check(self, link_growth=None, core_growth=8):
        """I11: the transport stays small, the node process as it was."""
        link = memory(self.link_pid)['VmHWM']
        core = memory(self.core_pid)['RssAnon'] - self.core_before  # the store is mapped
        say('link process %+.1f MiB, at most %.1f MiB; core process %+.1f MiB' % (
            link - self.link_before, link, core))
        if not SANITIZED:
            need(link <= LINK_MIB_MAX, 'the link process used %.0f MiB' % link)
            need(link_growth is None or link - self.link_before <= link_growth,
                 'the link process grew by %.0f MiB' % (link - self.link_before))
            need(core <= core_growth, 'the core process grew by %.0f MiB' % core)


# --- the world -------------------------------------------------------------------------------

def record(state):
    """A small denial that the group may read."""
    return {
        'schema': 'valise/denial/1', 'lang': 'en',
        'originator': {'state': state, 'authority': 'Licensing Office'},
        'handling': {'tlp': 'TLP:AMBER', 'read': {'*': ['group:NORTH']}, 'onward': 'none',
                     'purpose': ['licensing']},
        'body': {
            'denial_type': 'licence_refused', 'activity': 'export', 'denied_on': '2026-03-02',
            'active_until': '2029-03-02', 'destination': 'XPE',
            'items': [{'line': 1, 'description': 'assault rifles', 'att': 'ATT-2.1.h',
                       'form': 'complete'}],
            'parties': [{'role': 'consignee', 'type': 'organisation', 'names': [
                {'name': 'Stellamar Aegis', 'script': 'Latn', 'kind': 'primary'}]}],
            'grounds': [{'scheme': 'ATT', 'code': 'ATT-11.2', 'threshold': 'risk'}]}}


class World:
    """Honest States, of which TARGET is attacked, and as many attackers as are wanted."""

    def __init__(self, federation):
        self.federation = federation
        self.node = federation[TARGET]
        self.friend = federation[FRIEND]
        self.them = wire.read_card(self.node.card())       # the target, as attackers know it
        self.held = []                                     # connections that a case leaves open
        self._spare = list(_SPARE)

    # --- attackers ------------------------------------------------------------------------

    def attacker(self, at=None, **options):
        """A State with a verified card at the target (or at the nodes `at`): its Identity."""
        me = peer.Identity.make(self._spare.pop(0), **options)
        for node in at or [self.node]:
            node.trust(me.card_text(), me.safety_number())
            node.call('peer.list')                # by now the transport was told, before it is asked
        return me

    def link(self, me, node=None, **options):
        node = node or self.node
        them = self.them if node is self.node else wire.read_card(node.card())
        return peer.Link.connect(me, them, node.endpoint, **options)

    def session(self, me, node=None, lane=None, held=None, heads=True, options=()):
        """A session of an attacker, HEADS exchanged."""
        node = node or self.node
        them = self.them if node is self.node else wire.read_card(node.card())
        made = peer.Session(peer.Link.connect(me, them, node.endpoint, options=options), me, them)
        made.open()
        if heads:
            made.heads(lane, held)
        return made

    def raw(self, **options):
        return rawcurve.RawCurve(self.node.port, self.them.curve_key, **options)

    # --- what must hold -------------------------------------------------------------------

    def state(self):
        """A digest of what the target holds: records, lanes, standings, what was kept aside."""
        rows = [{name: row.get(name) for name in ('state', 'standing', 'ours', 'acknowledged',
                                              'theirs', 'frozen')}
                for row in self.node.call('peer.list')['peers']]
        counts = self.node.call('status')['counts']
        held = {'records': self.node.call('record.list', all_versions=True)['items'],
                'count': counts['records'], 'aside': counts['kept_aside'],
                'quarantine': self.node.call('quarantine.list')['items'], 'peers': rows}
        text = json.dumps(held, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest(), held

    def honest_pairs_settled(self):
        for a in self.federation.values():
            for b in self.federation.values():
                if a is not b:
                    row = a.peer(b.state)
                    if row['session'] != nodes.IN_TOUCH or row['ours'] != row['acknowledged'] or \
                            row['missing'] or row['pending']:
                        return False
        return True

    def settle(self, deadline=BACK_SECONDS):
        """Wait until the honest nodes are in touch and nothing is under way between them."""
        def why():
            return '\n'.join(node.log_tail(12) for node in self.federation.values())
        nodes.until(self.honest_pairs_settled, deadline, why)

    def exchange(self, writer, reader, limit=HONEST_SECONDS):
        """Publish at one State and see it at another; seconds from the publish command."""
        reference = writer.call('draft.new', record=record(writer.state))['reference']
        started = time.monotonic()
        writer.call('record.publish', reference=reference)
        try:
            nodes.until(lambda: reader.has(reference), limit, pause=0.003)
        except nodes.Late:
            raise Broken('no honest exchange from %s to %s within %.1f s\n%s\n%s' % (
                writer.state, reader.state, limit, writer.log_tail(), reader.log_tail())) from None
        return time.monotonic() - started

    def honest(self):
        """An honest exchange in both directions; the slower of the two, in seconds."""
        return max(self.exchange(self.node, self.friend), self.exchange(self.friend, self.node))

    # --- what the target says ---------------------------------------------------------------

    def aside(self, state):
        """Error codes of what the target has kept aside of a State, by entry."""
        return {row['entry']: row['code'] for row in self.node.call('quarantine.list')['items']
                if row['from'] == state}

    def audit(self, about, event=None):
        """The newest audit entries about a State or record, newest first."""
        rows = self.node.call('audit.list', about=about, limit=500)['items']
        return [row for row in rows if event in (None, row['event'])]

    def log_lines(self, event, state=None):
        """Lines of the target's log with this event, about this State."""
        return [line for line in self.node.log_text().splitlines()
                if len(line.split()) > 2 and line.split()[2] == event and
                (state is None or 'state=%s' % state in line)]

    def until_log(self, event, state=None, more_than=0, deadline=5 * SLOWER):
        nodes.until(lambda: len(self.log_lines(event, state)) > more_than, deadline,
                    self.node.log_tail)
        return self.log_lines(event, state)


def curve_public(secret):
    return wire.box_public(secret)


@contextlib.contextmanager
def many(make, count):
    """A number of connections, closed at the end."""
    made = []
    try:
        for _ in range(count):
            made.append(make())
        yield made
    finally:
        for one in made:
            one.close()


# --- running ---------------------------------------------------------------------------------

def _run_case(world, changes, survives, function):
    world.settle(10)
    before, held = world.state()
    link = world.node.transport_pid()
    function(world)
    if not survives:
        world.settle()
    else:
        need(world.node.running() and world.node.transport_pid() == link,
             'the transport process did not live through it')
    if not changes:
        after, holds = world.state()
        need(before == after, 'the state changed: %s' % [
            (name, held[name], holds[name]) for name in held if held[name] != holds[name]])
    say('honest exchange %.0f ms' % (1000 * world.honest()))


def _whole(world):
    """What must hold at the very end."""
    need(world.node.call('audit.verify')['entries'] > 0, 'the audit trail')
    bad = [check for check in world.node.doctor()
           if check['verdict'] == 'bad' and check['what'].startswith('store')]
    need(not bad, 'the store check found: %s' % bad)


def _tap(number, name, run):
    started = time.monotonic()
    try:
        run()
        print('ok %d - %s' % (number, name), flush=True)
        good = True
    except Exception:  # pylint: disable=broad-except
        print('not ok %d - %s' % (number, name), flush=True)
        say(traceback.format_exc())
        good = False
    say('%.2f s' % (time.monotonic() - started))
    return good


def main(hooks=False, settings=None):
    """Run the cases of the program's own file, or those of them that are named as arguments."""
    wanted = sys.argv[1:]
    chosen = [one for one in _cases if one[4].__module__ == '__main__' and
              (not wanted or one[0].split('+')[0] in wanted)]
    good = True
    number = 0
    with nodes.federation([TARGET, FRIEND, OTHER], hooks=hooks, settings=settings) as federation:
        world = World(federation)
        for number, (identifier, sentence, changes, survives, function) in enumerate(chosen, 1):
            good &= _tap(number, '%s: %s' % (identifier, sentence),
                         lambda: _run_case(world, changes, survives, function))  # noqa: B023
        good &= _tap(number + 1, 'after all of it the audit trail verifies and the store is whole',
                     lambda: _whole(world))
        if not good:
            say(world.node.log_tail(60))
    print('1..%d' % (number + 1))
    sys.exit(0 if good else 1)
