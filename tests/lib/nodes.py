# SPDX-License-Identifier: Apache-2.0
"""Real nodes for tests: make, start, stop, kill, call; and whole federations.

    with nodes.federation(['XMA', 'XNH', 'XOR']) as states:
        states['XMA'].publish(record)
        states['XNH'].until(lambda node: node.has('DN-XMA-2026-0014'))

Every node lives in a directory of its own below one temporary directory, which
is removed at the end unless VALISE_KEEP is set. Waiting is always for an event,
with a deadline; a deadline that passes raises with the node's log.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import control

IN_TOUCH = 'in touch'   # name of the session state
PORTS = (10000, 32768)  # the kernel's own begin there: /proc/sys/net/ipv4/ip_local_port_range
IDLE_SECONDS = 60       # the node cuts off who asks nothing for 120 s
DEADLINE = float(os.environ.get('VALISE_DEADLINE', '60'))
NAMES = {'XMA': 'Marentia', 'XNH': 'Norrhaven', 'XOR': 'Oldenreach', 'XPE': 'Pellagia',
         'XQU': 'Quillara', 'XRI': 'Rivania', 'XTO': 'Tolmeria', 'XUR': 'Ursalia'}


class Late(Exception):
    """Something did not happen before the deadline."""


def build_directory():
    here = os.path.dirname(os.path.abspath(__file__))
    standard = os.path.join(here, '..', '..', 'build', 'gcc')
    return os.path.abspath(os.environ.get('VALISE_BUILD', standard))


_handed_out = set()


def free_port():
    """A port of 127.0.0.1 that nobody listens on, and below those that the kernel gives to
    connections, so that none takes it before it is listened on."""
    while True:
        port = random.randrange(*PORTS)
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                continue
        if port not in _handed_out:
            _handed_out.add(port)
            return port


def until(ready, deadline=None, why=None, pause=0.02):
    """Ask again and again until the answer is true; returns it. `why()` explains a failure."""
    limit = DEADLINE if deadline is None else deadline
    end = time.monotonic() + limit
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Late('not after %.0f s%s' % (limit, ': ' + why() if why else ''))
        time.sleep(pause)


class Node:
    """One State's node.

    home      directory, made if need be (keep it short: a socket's path is at most 107 bytes)
    state     alpha-3
    listen    False: the node only dials
    hooks     True: the daemon with crash points (crash='commit:3' in start())
    settings  {'section': {'name': value}} over the ones written here
    """

    def __init__(self, home, state, name=None, port=None, listen=True, hooks=False, settings=None):
        self.home = os.path.abspath(home)
        self.state = state
        self.name = name or NAMES.get(state, 'State ' + state)
        self.port = port or free_port()
        self.listen = listen
        self.hooks = hooks
        self.settings = settings or {}
        self.process = None
        self.log = os.path.join(self.home, 'log')
        self.config = os.path.join(self.home, 'valised.conf')
        self.socket = os.path.join(self.home, 'run', 'control.sock')
        self.store = os.path.join(self.home, 'store')
        self._control = None
        self._asked = 0.0

    # --- making ---------------------------------------------------------------------------

    @property
    def endpoint(self):
        return 'tcp://127.0.0.1:%d' % self.port

    def make(self):
        """Directories, keys and configuration; keys that are there already stay."""
        for folder in (self.home, os.path.join(self.home, 'run')):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            os.chmod(folder, 0o700)
        if not os.path.exists(os.path.join(self.home, 'node.key')):
            mkstate = os.path.join(build_directory(), 'test', 'mkstate')
            endpoints = [self.endpoint] if self.listen else []
            subprocess.run([mkstate, self.home, self.state, self.name] + endpoints, check=True)
        self.write_config()
        return self

    def write_config(self):
        settings = {
            'node': {'listen': self.endpoint if self.listen else ''},
            'store': {'path': self.store, 'max_size': '256M', 'allow_tmpfs': 'yes'},
            'control': {'socket': self.socket},
            'keys': {'node': os.path.join(self.home, 'node.key'),
                     'unlock': os.path.join(self.home, 'unlock.key')},
            'log': {'level': 'debug'},
        }
        for section, values in self.settings.items():
            settings.setdefault(section, {}).update(values)
        with open(self.config, 'w', encoding='utf-8') as file:
            os.fchmod(file.fileno(), 0o600)
            for section, values in settings.items():
                file.write('[%s]\n' % section)
                for name, value in values.items():
                    if value != '':
                        file.write('%s = %s\n' % (name, value))
                    else:
                        file.write('%s =\n' % name)

    # --- running --------------------------------------------------------------------------

    def start(self, wait=True, crash=None, extra=()):
        """Start the daemon; with wait, return when it answers."""
        assert self.process is None
        folder = 'test' if self.hooks or crash else 'bin'
        program = os.path.join(build_directory(), folder, 'valised')
        environment = dict(os.environ)
        environment.pop('VALISE_CRASH', None)
        if crash:
            environment['VALISE_CRASH'] = crash
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                [program, '--config', self.config, *extra], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment, cwd=self.home)
        if wait:
            until(self.answers, why=self.log_tail)
        return self

    def answers(self):
        """Whether the control socket answers; raises if the process ended."""
        if not self.running():
            raise Late('%s ended with %s: %s' % (self.state, self.process and
                                                 self.process.returncode, self.log_tail()))
        try:
            return self.call('node.version')
        except (OSError, EOFError):
            return None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, deadline=20):
        """Ask it to end (SIGTERM) and wait. Returns the exit code."""
        return self._end(signal.SIGTERM, deadline)

    def kill(self):
        """SIGKILL, as a power cut would. Returns the exit code."""
        return self._end(signal.SIGKILL, 20)

    def _end(self, number, deadline):
        self.hang_up()
        if self.process is None:
            return None
        process = self.process
        if process.poll() is None:
            process.send_signal(number)
        try:
            code = process.wait(deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Late('%s did not end: %s' % (self.state, self.log_tail())) from None
        finally:
            self.process = None
        return code

    def wait_end(self, deadline=None):
        """Wait until it ends by itself (a crash point). Returns the exit code."""
        until(lambda: not self.running(), deadline, self.log_tail)
        code = self.process.returncode
        self.process = None
        self.hang_up()
        return code

    def restart(self, **options):
        self.stop()
        return self.start(**options)

    # --- asking ---------------------------------------------------------------------------

    def call(self, command, **arguments):
        """One command over one lasting connection; raises control.Refused."""
        if time.monotonic() - self._asked > IDLE_SECONDS:
            self.hang_up()
        if self._control is None:
            self._control = control.Control(self.socket)
        self._asked = time.monotonic()
        try:
            return self._control.call(command, **arguments)
        except (OSError, EOFError):
            self.hang_up()
            raise

    def hang_up(self):
        if self._control is not None:
            self._control.close()
            self._control = None

    def refusal(self, command, **arguments):
        """The code ('E412') that a command is refused with; None if it is not."""
        try:
            self.call(command, **arguments)
        except control.Refused as refused:
            return refused.code
        return None

    def peer(self, state):
        """The row of one peer in peer.list, or None."""
        for row in self.call('peer.list')['peers']:
            if row['state'] == state:
                return row
        return None

    def in_touch(self, state):
        row = self.peer(state)
        return row is not None and row['session'] == IN_TOUCH

    def card(self):
        return self.call('peer.card')['card']

    def safety_number(self):
        return self.call('peer.card')['safety_number']

    def trust(self, card, safety_number, address=None):
        """Add a peer by its card's text and verify it."""
        more = {'address': address} if address else {}
        state = self.call('peer.add', card=card, **more)['state']
        self.call('peer.verify', state=state, number=safety_number, who='test with test',
                  how='in person')
        return state

    def publish(self, record):
        """Keep a draft and publish it. Returns its reference."""
        reference = self.call('draft.new', record=record)['reference']
        self.call('record.publish', reference=reference)
        return reference

    def show(self, reference):
        return self.call('record.show', reference=reference)['record']

    def has(self, reference):
        """Whether a record is here."""
        try:
            return bool(self.show(reference))
        except control.Refused as refused:
            if refused.code.startswith('E3'):
                return False
            raise

    def settled(self):
        """Whether all verified peers are in touch, and nothing waits in either direction."""
        for row in self.call('peer.list')['peers']:
            if row['standing'] == 'verified' and not (
                    row['session'] == IN_TOUCH and row['ours'] == row['acknowledged'] and
                    row['missing'] == 0 and row['pending'] == 0):
                return False
        return True

    def doctor(self):
        """The checks of `doctor`; waits until the store was checked."""
        def ask():
            result = self.call('doctor')
            return result if 'checks' in result else None
        return until(ask, why=self.log_tail, pause=0.1)['checks']

    def until(self, ready, deadline=None):
        """Wait until ready(self) is true; returns its answer."""
        return until(lambda: ready(self), deadline, self.log_tail)

    def transport_pid(self):
        """The process id of this node's transport."""
        pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
        for pid in pids:
            try:
                program = os.readlink('/proc/%d/exe' % pid)
                if program.endswith('/valised-transport') and self._is_ancestor_of(pid):
                    return pid
            except OSError:
                continue
        raise Late('%s has no transport: %s' % (self.state, self.log_tail()))

    def _is_ancestor_of(self, pid):
        while pid > 1:
            if pid == self.process.pid:
                return True
            with open('/proc/%d/stat' % pid, encoding='ascii', errors='replace') as file:
                pid = int(file.read().rpartition(')')[2].split()[1])
        return False

    def transport_descriptors(self):
        """How many descriptors the transport has open."""
        return len(os.listdir('/proc/%d/fd' % self.transport_pid()))

    def log_text(self):
        try:
            with open(self.log, encoding='utf-8', errors='replace') as file:
                return file.read()
        except FileNotFoundError:
            return ''

    def log_tail(self, lines=25):
        return '%s log:\n%s' % (self.state, '\n'.join(self.log_text().splitlines()[-lines:]))


class Federation(dict):
    """Nodes by State code. A context manager: stops them and removes their directories."""

    def __init__(self, directory):
        super().__init__()
        self.directory = directory

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close(failed=kind is not None)

    def close(self, failed=False):
        for node in self.values():
            try:
                node.stop()
            except Late as late:
                print('# %s' % str(late).replace('\n', '\n# '))
        if failed:
            for node in self.values():
                print('# ' + node.log_tail(15).replace('\n', '\n# '))
        if not os.environ.get('VALISE_KEEP'):
            shutil.rmtree(self.directory, ignore_errors=True)

    def introduce(self, *states):
        """Give each of these nodes the cards of the others, and have the numbers compared."""
        cards = {state: self[state].call('peer.card') for state in states}
        for state in states:
            for other in states:
                if other != state:
                    self[state].trust(cards[other]['card'], cards[other]['safety_number'])

    def group(self, name, states):
        for state in states:
            self[state].call('group.define', name=name, states=list(states))

    def until_in_touch(self, deadline=None):
        for node in self.values():
            for other in self.values():
                if node is not other and node.peer(other.state):
                    node.until(lambda n, s=other.state: n.in_touch(s), deadline)

    def until_settled(self, deadline=None):
        until(lambda: all(node.settled() for node in self.values()), deadline,
              lambda: '\n'.join(node.log_tail(10) for node in self.values()))


def temporary_directory():
    """A short path: control sockets live below it."""
    return tempfile.mkdtemp(prefix='valise-')


def federation(states=('XMA', 'XNH', 'XOR'), group='NORTH', wait=True, hooks=False,
               settings=None, directory=None):
    """Start one node for each State, exchange and verify cards, define the group, wait until
    they are in touch. Returns a Federation to be used with `with`."""
    made = Federation(directory or temporary_directory())
    try:
        for state in states:
            made[state] = Node(os.path.join(made.directory, state), state, hooks=hooks,
                               settings=settings).make()
            made[state].start(wait=False)
        for node in made.values():
            until(node.answers, why=node.log_tail)
        made.introduce(*states)
        if group:
            made.group(group, states)
        if wait and len(states) > 1:
            made.until_in_touch()
    except BaseException:
        made.close(failed=True)
        raise
    return made
