#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""L01 to L13 of the attack catalogue: other users of the machine, the control socket, roles, the
command line, and how the node confines itself. T-16, T-17, T-18, T-19

Runs as any user; as root it also takes other users' parts.
"""

import contextlib
import grp
import os
import pwd
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import cmp, control, faults, nodes, samples, stories, tap  # noqa: E402

ROOT = os.geteuid() == 0
NOBODY = 65534
US = pwd.getpwuid(os.geteuid()).pw_name
VALISE = os.path.join(nodes.build_directory(), 'bin', 'valise')
CLIENTS_MAX = 64          # at once, as node/control_server.h has it
FRAME_MAX = (1 << 20) + (64 << 10)
SECOND_MS = 1000


class World(nodes.Federation):
    def __init__(self):
        super().__init__(nodes.temporary_directory())
        os.chmod(self.directory, 0o755)

    def __enter__(self):
        for state in ('XMA', 'XNH'):
            self[state] = nodes.Node(os.path.join(self.directory, state), state).make()
        self.shim = faults.Shim(self.directory)
        with self.shim:
            self['XMA'].start()
        self['XNH'].start()
        self.introduce(*self)
        self.group('NORTH', list(self))
        self.until_in_touch()
        return self

    @contextlib.contextmanager
    def lone(self, name, **options):
        """A node of its own for one test."""
        node = nodes.Node(os.path.join(self.directory, name), 'XOR', **options).make()
        try:
            yield node
        finally:
            node.kill()
            shutil.rmtree(node.home)


def setup():
    return World()


def as_user(uid, gid, groups, work):
    """What a function returns (a short text) when another user runs it; 'ErrorName: …' if it
    raises."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            said = work()
        except BaseException as error:  # pylint: disable=broad-except
            said = '%s: %s' % (type(error).__name__, error)
        os.write(write, str(said).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, 'rb') as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    return said


def ask(path, command, **arguments):
    """The answer's code, or 'fine'."""
    try:
        control.call(path, command, **arguments)
    except control.Refused as refused:
        return refused.code
    return 'fine'


def only(node, roles):
    """Leave us these roles alone; somebody else stays administrator."""
    node.call('user.grant', user=US, roles='admin')
    node.call('user.grant', user='keeper', roles='admin')
    if roles:
        node.call('user.grant', user=US, roles=roles)
    else:
        node.call('user.revoke', user=US)


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


# --- L01, L02, L03: the socket ---------------------------------------------------------------

def test_L01_the_socket_is_private_and_other_users_do_not_get_to_it(world):
    node = world['XMA']
    assert stat.S_ISSOCK(os.lstat(node.socket).st_mode) and mode(node.socket) == 0o600
    assert os.lstat(node.socket).st_uid == os.geteuid()
    if ROOT:
        folder = os.path.dirname(node.socket)
        try:
            for path in (node.home, folder):
                os.chmod(path, 0o755)      # even where the way to it is open
            said = as_user(NOBODY, NOBODY, [], lambda: ask(node.socket, 'status'))
            assert said.startswith('PermissionError'), said
        finally:
            for path in (node.home, folder):
                os.chmod(path, 0o700)


def test_L01_members_of_the_group_connect_and_still_need_a_role(world):
    group = grp.getgrgid(os.getegid() if not ROOT else pwd.getpwuid(NOBODY).pw_gid)
    name = pwd.getpwuid(NOBODY).pw_name
    with world.lone('L01', settings={'control': {'group': group.gr_name}}) as node:
        node.start()
        assert mode(node.socket) == 0o660 and os.lstat(node.socket).st_gid == group.gr_gid
        node.call('user.grant', user=US, roles='admin, auditor')
        if not ROOT:
            return
        for path in (node.home, os.path.dirname(node.socket)):
            os.chmod(path, 0o755)
        assert as_user(1, 1, [], lambda: ask(node.socket, 'status')).startswith('PermissionError')

        def member(command, **arguments):
            return as_user(NOBODY, group.gr_gid, [], lambda: ask(node.socket, command, **arguments))
        assert member('status') == 'E401'
        node.call('user.grant', user=name, roles='viewer')
        assert member('status') == 'fine' and member('user.list') == 'fine'
        assert member('user.grant', user=name, roles='admin') == 'E401'
        assert member('audit.list') == 'E401'
        # Root as such has no role either, beyond the one that it was given.
        rows = node.call('audit.list')['items']
        refusals = [row for row in rows if row['event'] == 'command.refused']
        assert len(refusals) == 3 and {row['actor'] for row in refusals} == {name}, refusals


def test_L02_no_socket_stands_in_the_abstract_name_space(world):
    node = world['XMA']
    with open('/proc/net/unix', encoding='utf-8', errors='replace') as file:
        rows = [line.split() for line in file.read().splitlines()[1:]]
    named = {row[6]: row[7] for row in rows if len(row) > 7}
    assert node.socket in named.values(), 'the search finds what it must'
    if ROOT:
        ours = set()
        for pid in (node.process.pid, node.transport_pid()):
            for link in os.listdir('/proc/%d/fd' % pid):
                with contextlib.suppress(OSError):
                    target = os.readlink('/proc/%d/fd/%s' % (pid, link))
                    ours.update(re.findall(r'^socket:\[(\d+)\]$', target))
        assert any(named.get(inode) == node.socket for inode in ours)
        assert not [named[inode] for inode in ours if named.get(inode, '').startswith('@')]
    assert not [name for name in named.values() if name.startswith('@') and 'valise' in name]


def refused_start(node):
    code, said = faults.run_to_end(node)
    assert code != 0 and 'E106' in said and 'node.started' not in said, (code, said)


def test_L03_what_stands_in_the_place_of_the_socket_is_not_touched(world):
    with world.lone('L03') as node:
        folder = os.path.dirname(node.socket)
        victim = os.path.join(node.home, 'victim')
        with open(victim, 'w', encoding='ascii') as file:
            file.write('precious')
        os.symlink(victim, node.socket)
        refused_start(node)
        os.unlink(node.socket)
        with open(node.socket, 'w', encoding='ascii') as file:
            file.write('precious')
        refused_start(node)
        with open(node.socket, encoding='ascii') as file:
            assert file.read() == 'precious'
        os.unlink(node.socket)
        with open(victim, encoding='ascii') as file:
            assert file.read() == 'precious'
        os.mkdir(node.socket)
        refused_start(node)
        os.rmdir(node.socket)
        for wide in (0o777, 0o770, 0o1777):
            os.chmod(folder, wide)
            refused_start(node)
        os.chmod(folder, 0o700)
        os.rename(folder, folder + '.moved')
        os.symlink(folder + '.moved', folder)
        refused_start(node)
        os.unlink(folder)
        os.rename(folder + '.moved', folder)
        if ROOT:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as other:
                other.bind(node.socket)
                os.chown(node.socket, NOBODY, NOBODY)
                refused_start(node)
                assert os.lstat(node.socket).st_uid == NOBODY
            os.unlink(node.socket)
            os.chown(folder, NOBODY, NOBODY)
            refused_start(node)
            os.chown(folder, 0, 0)
        # A socket that we left there ourselves is no trap.
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as old:
            old.bind(node.socket)
        node.start()
        assert node.stop() == 0


# --- L04, L05, L07: roles --------------------------------------------------------------------

# Apart from the code's table: who may ask for what.
EVERYBODY = 'viewer officer poc admin auditor'
READERS = 'viewer officer poc admin'
ASKS = {
    'status': EVERYBODY, 'node.version': EVERYBODY, 'doctor': EVERYBODY, 'peer.card': EVERYBODY,
    'peer.list': EVERYBODY, 'peer.ping': EVERYBODY, 'group.list': EVERYBODY,
    'user.list': EVERYBODY, 'watch': EVERYBODY,
    'record.list': READERS, 'record.search': READERS, 'record.show': READERS,
    'policy.preview': READERS, 'policy.can': READERS, 'policy.why': READERS,
    'quarantine.list': READERS,
    'record.export': 'officer poc',
    'record.publish': 'poc', 'draft.new': 'poc', 'draft.list': 'poc', 'draft.show': 'poc',
    'draft.discard': 'poc',
    'peer.add': 'admin', 'peer.verify': 'admin', 'peer.pause': 'admin', 'peer.resume': 'admin',
    'peer.remove': 'admin', 'group.define': 'admin', 'user.grant': 'admin',
    'user.revoke': 'admin',
    'audit.list': 'admin auditor', 'audit.verify': 'admin auditor'}
TEXTS = {'reference': 'DN-XOR-2026-0001', 'state': 'XMA', 'words': 'x', 'section': 'summary',
         'card': 'x', 'number': '1', 'who': 'x', 'how': 'in person', 'reason': 'x',
         'name': 'NORTH', 'user': 'keeper', 'roles': 'admin'}
NEEDS = {'record.search': 'words', 'record.show': 'reference', 'record.export': 'reference',
         'record.publish': 'reference', 'draft.show': 'reference', 'draft.discard': 'reference',
         'policy.can': 'state section reference', 'policy.why': 'reference state',
         'peer.add': 'card', 'peer.verify': 'state number who how', 'peer.ping': 'state',
         'peer.pause': 'state reason', 'peer.resume': 'state reason',
         'peer.remove': 'state reason', 'group.define': 'name', 'user.grant': 'user roles',
         'user.revoke': 'user'}


def request(command):
    arguments = {name: TEXTS[name] for name in NEEDS.get(command, '').split()}
    if command == 'group.define':
        arguments['states'] = ['XOR']
    if command == 'draft.new':
        arguments['record'] = samples.denial('XOR', 'matrix')
    return arguments


def test_L04_each_role_may_ask_what_the_table_says_and_nothing_else(world):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'proto',
                           'WIRE.md'), encoding='utf-8') as file:
        table = file.read().partition('<!-- begin: commands -->')[2].partition('<!-- end')[0]
    assert set(re.findall(r'^\| `([a-z.]+)` \|', table, re.M)) == set(ASKS), 'a new command'
    for role in EVERYBODY.split() + [None]:
        with world.lone('L04') as node:
            node.start()
            only(node, role)
            for command, roles in ASKS.items():
                may = role is not None and role in roles.split()
                code = ask(node.socket, command, **request(command))
                assert (code != 'E401') == may, (role, command, code)


def test_L05_no_other_form_of_a_command_gets_round_the_table(world):
    with world.lone('L05') as node:
        node.start()
        only(node, 'viewer')
        arguments = {'user': US, 'roles': 'admin'}
        for command in ('USER.GRANT', 'user.grant ', ' user.grant', 'user.grant\0', 'user grant',
                        'user.grant;status', 'status;user.grant', 'user_grant', 'grant', '',
                        'user.', 'user.grant.force', ['user.grant'], {'status': 'user.grant'}):
            line = control.Control(node.socket)     # a request that cannot be read ends it
            line.send_frame(cmp.encode({'v': 1, 'command': command, 'arguments': arguments}))
            try:
                line.read_reply()
                raise AssertionError('%r was obeyed' % command)
            except control.Refused as refused:
                assert refused.code == 'E201', (command, refused)
            line.close()
        line = control.Control(node.socket)
        good = {'v': 1, 'command': 'status', 'arguments': {}}
        for more in ({'roles': 'admin'}, {'role': 8}, {'as': 'keeper'}, {'user': 'keeper'},
                     {'force': True}, {'uid': 0}):
            for request_ in (dict(good, **more), dict(good, arguments=more)):
                line.send_frame(cmp.encode(request_))
                with contextlib.suppress(control.Refused):
                    line.read_reply()
                    raise AssertionError('%r was taken' % request_)
        # Many commands at once are judged one by one.
        frames = b''
        for command, given in (('status', {}), ('user.grant', arguments), ('node.version', {}),
                               ('draft.list', {}), ('status', {})):
            raw = cmp.encode({'v': 1, 'command': command, 'arguments': given})
            frames += struct.pack('>I', len(raw)) + raw
        line.socket.sendall(frames)
        codes = []
        for _ in range(5):
            try:
                line.read_reply()
                codes.append('fine')
            except control.Refused as refused:
                codes.append(refused.code)
        assert codes == ['fine', 'E401', 'fine', 'E401', 'fine'], codes
        line.close()
        # Nor do a file, or the words of the command line.
        path = os.path.join(node.home, 'records.json')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('[{"schema": "valise/denial/1", "command": "user.grant"}]')
        for words in (('import', path), ('draft', 'list'), ('user', 'grant', US, 'admin'),
                      ('denial', 'publish', '--from', path, '--yes'),
                      ('peer', 'remove', 'XMA', '--reason', 'x', '--confirm', 'XMA')):
            assert valise(node, *words).returncode != 0, words
        assert [row['roles'] for row in node.call('user.list')['users']
                if row['user'] == US] == ['viewer']


def test_L07_a_role_that_is_taken_away_is_gone_with_the_next_command(world):
    with world.lone('L07') as node:
        node.start()
        only(node, 'admin, poc')
        line = control.Control(node.socket)
        assert line.call('draft.list') is not None
        watcher = control.Control(node.socket)
        watcher.send_frame(cmp.encode({'v': 1, 'command': 'watch', 'arguments': {}}))
        watcher.read_reply()
        node.call('user.grant', user=US, roles='admin')
        with contextlib.suppress(control.Refused):
            line.call('draft.list')
            raise AssertionError('the role was kept')
        node.call('user.revoke', user=US)
        with contextlib.suppress(control.Refused):
            line.call('status')
            raise AssertionError('the role was kept')
        with contextlib.suppress(EOFError):
            for _ in range(50):
                watcher.read_reply()
            raise AssertionError('it still watches')


# --- L08, L09: words that are not obeyed -----------------------------------------------------

def valise(node, *words, stdin=b'', path=None, **environment):
    return subprocess.run([VALISE, *words, '--socket', path or node.socket], input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                          env=dict(os.environ, **environment), check=False)


def test_L08_what_a_shell_would_obey_is_plain_text(world):
    node = world['XMA']
    here = os.path.join(world.directory, 'L08')
    os.mkdir(here)
    nasty = ['$(touch pwned)', '`touch pwned`', '; touch pwned', '| touch pwned', '&& touch pwned',
             '-o/pwned', '--output=pwned', '*', '~', '%s%n%n', '"\'\\', '\n touch pwned']
    before = os.getcwd()
    os.chdir(here)
    try:
        for number, text in enumerate(nasty):
            record = samples.denial('XMA', 'shell')
            record['body']['explanation'] = 'said: ' + text
            if '\n' not in text:
                record['body']['items'][0]['description'] = 'lot ' + text
            reference = node.publish(record)
            body = node.show(reference)['body']
            assert body['explanation'] == 'said: ' + text
            ran = valise(node, 'show', reference)
            assert ran.returncode == 0, ran
            if '\n' not in text:
                assert text.encode() in ran.stdout, (text, ran.stdout)
            # As words of the command line: a reference, a file, a reason, a State.
            for words in (('show', text), ('import', text), ('peer', 'ping', text),
                          ('export', reference, '-o', text + '/x'), ('search', '-', '--by', text)):
                valise(node, *words, stdin=text.encode())
            name = 'file %d ' % number + text.replace('/', '_')
            with open(name, 'w', encoding='utf-8') as file:
                file.write('{"reference": "%s"}' % 'x')
            assert valise(node, 'import', './' + name).returncode not in (0, 126, 127)
            os.unlink(name)
        valise(node, 'show', 'x', PAGER='touch pwned', EDITOR='touch pwned', SHELL='touch pwned',
               BASH_ENV='touch pwned', IFS='/')
        assert not os.listdir(here), os.listdir(here)
    finally:
        os.chdir(before)


def test_L08_no_program_can_call_a_shell(world):
    for name in ('valise', 'valised', 'valised-transport'):
        path = os.path.join(nodes.build_directory(), 'bin', name)
        wanted = subprocess.run(['nm', '-D', '--undefined-only', path], stdout=subprocess.PIPE,
                                check=True, text=True).stdout
        calls = {line.split()[1].partition('@')[0] for line in wanted.splitlines()}
        assert 'memcpy' in calls or 'memmove' in calls
        assert not calls & {'system', 'popen', 'wordexp', 'execlp', 'execvp', 'execvpe',
                            'posix_spawnp'}, (name, calls)
        with open(path, 'rb') as file:
            assert b'/bin/sh' not in file.read(), name


class Liar(threading.Thread):
    """Stands between the command line and the node, and puts something into every text."""

    def __init__(self, path, node, poison):
        super().__init__(daemon=True)
        self.node = node
        self.poison = poison
        self.count = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)

    def spoil(self, value):
        if isinstance(value, str):
            self.count += 1
            return value + self.poison
        if isinstance(value, list):
            return [self.spoil(item) for item in value]
        if isinstance(value, dict):
            return {key: self.spoil(item) for key, item in value.items()}
        return value

    def run(self):
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(caller,), daemon=True).start()

    def serve(self, caller):
        taken = control.Control.__new__(control.Control)
        taken.socket = caller
        asked = control.Control(self.node.socket)
        with contextlib.suppress(OSError, EOFError):
            while True:
                asked.send_frame(taken.receive_frame())
                reply = cmp.decode(asked.receive_frame(), 2 << 20)
                for part in ('result', 'problems'):
                    if part in reply:
                        reply[part] = self.spoil(reply[part])
                taken.send_frame(cmp.encode(reply))
        asked.close()
        caller.close()


DANGEROUS = ('\x1b]0;evil\x07', '\x1b[2J', '\u202e', '\u2066', '\x9b31m', '\r', '\x08', '\x7f')
LOOKS = [('status',), ('doctor',), ('peer', 'list'), ('peer', 'card'), ('group', 'list'),
         ('user', 'list'), ('audit', 'list'), ('audit', 'list', '-o', 'wide'),
         ('draft', 'list'), ('quarantine', 'list'), ('version',), ('peer', 'ping', 'XNH'),
         ('denial', 'list'), ('denial', 'list', '-o', 'wide'),
         ('denial', 'list', '-o', 'ids'), ('peer', 'list', '--json'),
         ('denial', 'list', '-o', 'jsonl'), ('audit', 'list', '-o', 'csv')]


def test_L09_escapes_and_direction_marks_of_any_answer_are_shown_not_obeyed(world):
    node = world['XMA']
    node.call('user.grant', user=US, roles=', '.join(EVERYBODY.split()))
    reference = node.publish(samples.denial('XMA', 'escape'))
    draft = node.call('draft.new', record=samples.denial('XMA', 'escape'))['reference']
    raw = [text.encode() for text in ('\x1b', '\x07', '\u202e', '\u2066', '\x9b', '\r', '\x08',
                                      '\x7f')]
    path = os.path.join(world.directory, 'liar')
    liar = Liar(path, node, ''.join(DANGEROUS))
    liar.start()
    shown = 0
    for words in LOOKS + [('show', reference), ('show', reference, '--raw'),
                          ('show', reference, '--readers'), ('draft', 'show', draft),
                          ('policy', 'why', reference, 'XNH'), ('show', 'DN-XMA-2026-9999'),
                          ('show', reference, '--json'), ('search', '-')]:
        before = liar.count
        ran = valise(node, *words, path=path, stdin=b'escape')
        # Nothing lies aside, and an error may have no texts.
        assert liar.count > before or ran.returncode or words[0] == 'quarantine', words
        said = (ran.stdout + ran.stderr).replace(b'\r\n', b'\n')      # the lines of CSV
        for byte in raw:
            assert byte not in said, (words, byte, said)
        shown += b'202e' in said.lower()
    assert shown > len(LOOKS) // 2, 'most show that there was something: %d' % shown
    liar.listener.close()
    node.call('draft.discard', reference=draft)


def test_L09_text_of_files_and_words_is_shown_escaped_too(world):
    node = world['XMA']
    path = os.path.join(world.directory, 'escape.json')
    for text in ('{"\x1b[31mred\\u202e": 1}', '{"schema": "valise/denial/1\\u001b]0;x\\u0007"}',
                 '[1, \x1b[2J]', '{"schema": "\\u202eevil"}'):
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        ran = valise(node, 'import', path)
        assert ran.returncode != 0
        assert b'\x1b' not in ran.stdout + ran.stderr, ran
        assert '\u202e'.encode() not in ran.stdout + ran.stderr, ran
    for words in (('show', 'x\x1b[2J\u202e'), ('peer', 'ping', '\x1b]0;x\x07'),
                  ('nosuch\x1b[2J',), ('import', 'no\x1b[2J\u202efile')):
        ran = valise(node, *words)
        assert ran.returncode != 0 and ran.stderr
        assert b'\x1b' not in ran.stdout + ran.stderr, ran
        assert '\u202e'.encode() not in ran.stdout + ran.stderr, ran
    assert '\x1b' not in node.log_text()
    # A record that would carry it is not taken at all.
    record = samples.denial('XMA', 'escape')
    record['body']['items'][0]['description'] = 'red \x1b[31m'
    with contextlib.suppress(control.Refused):
        node.publish(record)
        raise AssertionError('it was published')


# --- L10: too much, too slow -----------------------------------------------------------------

def node_memory(node):
    with open('/proc/%d/status' % node.process.pid, encoding='ascii') as file:
        return [int(line.split()[1]) for line in file if line.startswith('VmRSS')][0] // 1024


def is_cut_off(line, wait=5):
    line.socket.settimeout(wait)
    try:
        return line.socket.recv(1) == b''
    except ConnectionResetError:
        return True
    except OSError:
        return False


def test_L10_an_endless_line_and_a_huge_claim_are_cut_off(world):
    node = world['XMA']
    before = node_memory(node)
    for claim in (FRAME_MAX + 1, 1 << 30, 0xffffffff):
        line = control.Control(node.socket)
        line.socket.sendall(struct.pack('>I', claim))
        assert is_cut_off(line), claim
        line.close()
    line = control.Control(node.socket)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < 1 << 30:
            sent += line.socket.send(b'A' * 65536)
    assert sent < 4 << 20, sent
    line.close()
    assert node.call('status') and node_memory(node) < before + 16


def test_L10_half_a_command_is_waited_for_only_so_long(world):
    node = world['XMA']
    node.hang_up()
    half = control.Control(node.socket)
    half.socket.sendall(struct.pack('>I', 100) + b'\x83')
    idle = control.Control(node.socket)
    assert idle.call('status')
    world.shim.steady_ms = world.shim.steady_ms + 20 * SECOND_MS
    world.shim.wall_ms = world.shim.wall_ms + 20 * SECOND_MS
    assert not is_cut_off(half, 1) and idle.call('status')
    world.shim.steady_ms = world.shim.steady_ms + 20 * SECOND_MS
    world.shim.wall_ms = world.shim.wall_ms + 20 * SECOND_MS
    assert is_cut_off(half) and idle.call('status')
    world.shim.steady_ms = world.shim.steady_ms + 130 * SECOND_MS
    world.shim.wall_ms = world.shim.wall_ms + 130 * SECOND_MS
    assert is_cut_off(idle)
    assert node.call('status')
    stories.restart(node)
    world.until_in_touch()


def test_L10_a_thousand_callers_leave_room_for_the_next_one(world):
    node = world['XMA']
    before = node_memory(node)
    node.hang_up()
    held = []
    busy = 0
    try:
        for number in range(1000):
            line = control.Control(node.socket)
            held.append(line)
            if number >= CLIENTS_MAX:
                try:
                    line.call('status')
                    raise AssertionError('caller %d was served' % number)
                except control.Refused as refused:
                    assert refused.code == 'E501' or refused.code.startswith('E'), refused
                    busy += 1
                except (OSError, EOFError):
                    busy += 1
        assert busy == 1000 - CLIENTS_MAX
        assert held[0].call('status') and held[CLIENTS_MAX - 1].call('status')
        assert node_memory(node) < before + 32
        assert world['XNH'].in_touch('XMA')
    finally:
        for line in held:
            line.close()
    assert nodes.until(lambda: ask(node.socket, 'status') == 'fine', 5)


def test_L10_a_caller_that_never_reads_stops_only_itself(world):
    node = world['XMA']
    before = node_memory(node)
    deaf = [control.Control(node.socket) for _ in range(8)]
    raw = cmp.encode({'v': 1, 'command': 'audit.list', 'arguments': {'limit': 500}})
    for line in deaf:
        line.socket.settimeout(0.2)
        with contextlib.suppress(OSError):
            for _ in range(2000):
                line.socket.sendall(struct.pack('>I', len(raw)) + raw)
    started = time.monotonic()
    reference = node.publish(samples.denial('XMA', 'while they are deaf'))
    world['XNH'].until(lambda n: n.has(reference), 10)
    assert time.monotonic() - started < 10
    # The sanitizers keep 64 MiB of what was freed for a while.
    most = 256 if 'address' in nodes.build_directory() else 64
    assert node_memory(node) < before + most, (before, node_memory(node))
    for line in deaf:
        line.close()
    assert node.call('status')


# --- confinement -----------------------------------------------------------------------------

def status_of(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as file:
        return {name: value.strip() for name, _, value in
                (line.partition(':') for line in file.read().splitlines())}


def test_both_processes_have_confined_themselves_before_they_answer(world):
    """T-19: what they may do then is tried by tests/unit/test_sandbox.c"""
    node = world['XNH']
    confined = [node.process.pid, node.transport_pid()]
    for pid in confined:
        status = status_of(pid)
        assert status['Seccomp'] == '2' and status['Seccomp_filters'] == '1', status
        assert status['NoNewPrivs'] == '1', status
        with open('/proc/%d/limits' % pid, encoding='ascii') as file:
            core = [line for line in file if line.startswith('Max core file size')]
        assert core and core[0].split()[4:6] == ['0', '0'], core
    assert status_of(os.getpid())['Seccomp_filters'] != '1', 'it is not we who are confined'
    # From the first answer on.
    with world.lone('confined') as lone:
        lone.start(wait=False)
        while True:
            with contextlib.suppress(OSError):
                line = control.Control(lone.socket)
                break
        line.call('node.version')
        assert status_of(lone.process.pid)['Seccomp'] == '2'
        line.close()


# --- L11: what lies open ---------------------------------------------------------------------

def test_L11_no_secret_is_an_argument_or_stands_in_the_environment(world):
    node = world['XMA']
    for words in (('init', '--passphrase', 'canary'), ('init', '--passphrase=canary'),
                  ('init', '--password', 'canary'), ('peer', 'verify', 'XNH', '--number', '123'),
                  ('search', 'canary name')):
        ran = valise(node, *words)
        assert ran.returncode == 2, (words, ran)
    with open('/proc/%d/cmdline' % node.process.pid, 'rb') as file:
        words = file.read().split(b'\0')
    assert words[1:] == [b'--config', node.config.encode(), b''], words
    if ROOT:
        transport = node.transport_pid()
        with open('/proc/%d/environ' % transport, 'rb') as file:
            assert file.read() == b'PATH=/usr/bin:/bin\0'
        with open('/proc/%d/cmdline' % transport, 'rb') as file:
            assert file.read() == b'valised-transport\0'
        keys = faults.secrets(node)
        for pid in (node.process.pid, transport):
            with open('/proc/%d/environ' % pid, 'rb') as file:
                environment = file.read()
            for name, key in keys.items():
                assert key not in environment and key.hex().encode() not in environment, name


# --- L12: the audit trail --------------------------------------------------------------------

def test_L12_entries_of_the_audit_trail_cannot_be_cut_dropped_or_exchanged_unseen(world):
    with world.lone('L12') as node:
        node.start()
        node.call('user.grant', user=US, roles='admin, auditor')
        for number in range(6):
            node.call('user.grant', user='somebody%d' % number, roles='viewer')
        assert node.call('audit.verify')['entries'] >= 7
        node.stop()
        copy = node.store + '.copy'
        shutil.copytree(node.store, copy)

        def fresh():
            shutil.rmtree(node.store)
            shutil.copytree(copy, node.store)
        faults.tool('cut', node.home, 'audit', 2)
        code, said = faults.run_to_end(node)
        assert code == 7 and 'E805' in said, (code, said)
        for deed in (('drop', 3), ('swap', 3, 4)):
            fresh()
            keys = [struct.pack('>Q', number).hex() for number in deed[1:]]
            faults.tool(deed[0], node.home, 'audit', *keys)
            node.start()
            assert node.refusal('audit.verify') in ('E714', 'E804'), deed
            assert any('S-8' in check['what'] or 'S-2' in check['what']
                       for check in node.doctor() if check['verdict'] == 'bad'), deed
            node.stop()
        fresh()
        node.start()
        assert node.call('audit.verify')['entries'] >= 7
        shutil.rmtree(copy)


# --- L13: who called -------------------------------------------------------------------------

def hand_over(path):
    """A connection made by a process that has ended since."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    child = os.fork()
    if child == 0:
        if ROOT:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        with socket.socket(socket.AF_UNIX) as made:
            made.connect(path)
            socket.send_fds(theirs, [b'x'], [made.fileno()])
        os._exit(0)
    _, handles, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(child, 0)
    line = control.Control.__new__(control.Control)
    line.socket = socket.socket(fileno=handles[0])
    line.socket.settimeout(10)
    return line


def test_L13_the_caller_is_who_connected_not_who_holds_the_line(world):
    group = pwd.getpwuid(NOBODY).pw_gid if ROOT else os.getegid()
    with world.lone('L13', settings={'control': {'group': grp.getgrgid(group).gr_name}}) as node:
        node.start()
        for path in (node.home, os.path.dirname(node.socket)):
            os.chmod(path, 0o755)
        node.call('user.grant', user=US, roles='admin, auditor')
        line = hand_over(node.socket)
        try:
            answer = line.call('user.list')
            assert not ROOT and answer, 'the rights of whoever holds the line'
        except control.Refused as refused:
            assert ROOT and refused.code == 'E401', refused
        line.close()
        # A process id that was given anew says nothing: the user was taken at connect.
        rows = node.call('audit.list')['items']
        if ROOT:
            assert rows[0]['actor'] == pwd.getpwuid(NOBODY).pw_name, rows[0]


def test_L13_descriptors_that_are_passed_are_not_taken(world):
    node = world['XMA']
    raw = cmp.encode({'v': 1, 'command': 'node.version', 'arguments': {}})
    line = control.Control(node.socket)
    with open('/etc/hostname', 'rb') as file:
        socket.send_fds(line.socket, [struct.pack('>I', len(raw)) + raw], [file.fileno()] * 8)
    assert line.read_reply()
    before = None
    if ROOT:
        links = '/proc/%d/fd' % node.process.pid
        before = [os.readlink(os.path.join(links, name)) for name in os.listdir(links)]
        assert '/etc/hostname' not in before, before
    line.close()
    assert node.call('status')


if __name__ == '__main__':
    tap.main(globals())
