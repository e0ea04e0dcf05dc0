#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as officers and scripts use it: real programs, real nodes."""

import contextlib
import json
import os
import pty
import pwd
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import nodes, tap  # noqa: E402

BIN = os.path.join(nodes.build_directory(), 'bin')
VALISE = os.path.join(BIN, 'valise')
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
RECORDS = os.path.join(ROOT, 'configs', 'demo', 'records')
DENIAL = 'DN-XMA-2026-0014'
STATES = ('XMA', 'XNH', 'XOR')
SANITIZED = '-' in os.path.basename(nodes.build_directory()).replace('clang-14', 'clang')


class Ran:
    """What came of one command."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    def json(self):
        return json.loads(self.out)

    def error(self):
        """The error of a command that was run with --json: exactly one line."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return json.loads(lines[0])['error']

    def __repr__(self):
        return 'exit %d\n%s\n%s' % (self.code, self.out, self.err)


def valise(*words, stdin=b'', pass_fds=(), before=None, **environment):
    done = subprocess.run([VALISE, *words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False, pass_fds=pass_fds,
                          preexec_fn=before, env=dict(os.environ, **environment))
    return Ran(done)


class Office:
    """One State: a node made by `valise init`, and its command line."""

    def __init__(self, folder, state):
        self.state = state
        self.home = os.path.join(folder, state)
        self.port = nodes.free_port()
        self.daemon = None

    def init(self, *more):
        address = 'tcp://127.0.0.1:%d' % self.port
        return valise('init', '--home', self.home, '--state', self.state, '--name',
                      'Office of ' + self.state, '--listen', address, '--address', address,
                      '--trial', *more)

    def start(self, *more, stdin=subprocess.DEVNULL):
        with open(os.path.join(self.home, 'log'), 'ab') as log:
            self.daemon = subprocess.Popen(
                [os.path.join(BIN, 'valised'), '--config', os.path.join(self.home, 'valised.conf'),
                 *more], stdin=stdin, stdout=log, stderr=log)
        nodes.until(lambda: self('version', '--json').json()['node'], 30)

    def stop(self):
        if self.daemon is not None:
            self.daemon.terminate()
            self.daemon.wait(20)
            self.daemon = None

    def __call__(self, *words, **options):
        return valise('--home', self.home, *words, **options)

    def good(self, *words, **options):
        ran = self(*words, **options)
        assert ran.code == 0, (words, ran)
        return ran

    def number(self):
        return self.good('peer', 'card', '--json').json()['safety_number']

    def trust(self, other, folder):
        card = os.path.join(folder, '%s-for-%s.card' % (other.state, self.state))
        number = card + '.number'
        other.good('peer', 'card', '-o', card)
        with open(number, 'w', encoding='ascii') as file:
            file.write(other.number() + '\n')
        self.good('peer', 'add', card)
        self.good('peer', 'verify', other.state, '--number-file', number, '--who', 'both', '--how',
                  'in person')


class World(dict):
    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path


@contextlib.contextmanager
def setup():
    folder = tempfile.mkdtemp(prefix='vcli-')
    world = World(folder)
    try:
        for state in STATES:
            office = world[state] = Office(folder, state)
            assert office.init().code == 0
            office.start()
        for us in STATES:
            for them in STATES:
                if us != them:
                    world[us].trust(world[them], folder)
        for state in STATES:
            world[state].good('group', 'define', 'NORTH', *STATES)
        for state in STATES:
            nodes.until(lambda s=state: world[s]('status').code == 0, 60)
        yield world
    finally:
        for office in world.values():
            office.stop()
        shutil.rmtree(folder)


def record_of(reference):
    with open(os.path.join(RECORDS, reference + '.json'), encoding='utf-8') as file:
        return json.load(file)


def typed(words, answers, environment=None):
    """Run valise on a terminal; each answer is typed when its question has been asked.
    Returns exit code and all that was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(VALISE, [VALISE, *words], dict(os.environ, TERM='xterm', **(environment or {})))
    shown = b''
    left = list(answers)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1)
        if not ready:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if left and left[0][0].encode() in shown:
            os.write(terminal, left.pop(0)[1].encode() + b'\r')
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


# --- init -----------------------------------------------------------------------------------


def test_init_makes_private_files_and_overwrites_nothing(world):
    office = Office(world.folder, 'XPE')
    made = office.init('--json')
    assert made.code == 0, made
    assert made.json()['schema'] == 'valise/init/1'
    files = ['valised.conf', 'node.card', 'keys/unlock.key', 'keys/node.key', 'keys/authority.key',
             'keys/authority-next.key']
    before = {}
    for name in files:
        path = os.path.join(office.home, name)
        assert os.stat(path).st_mode & 0o777 == 0o600, name
        with open(path, 'rb') as file:
            before[name] = file.read()
    assert os.stat(office.home).st_mode & 0o777 == 0o700
    assert len(before['keys/unlock.key']) == 32
    again = office.init('--json')
    assert (again.code, again.error()['code']) == (9, 'E901'), again
    for name in files:
        with open(os.path.join(office.home, name), 'rb') as file:
            assert file.read() == before[name], name
        os.unlink(os.path.join(office.home, name))
        partly = office.init()
        assert partly.code == 9 or name == files[-1], partly
        if name != files[-1]:
            assert not os.path.exists(os.path.join(office.home, name)), 'made in part'


def test_init_refuses_what_is_wrong_and_leaves_nothing(world):
    home = os.path.join(world.folder, 'wrong')
    good = ['init', '--home', home, '--state', 'XMA', '--name', 'Office', '--no-input']
    for bad in (['--state', 'Nowhere'], ['--name', ''], ['--name', 'two\nlines'],
                ['--address', 'example:7443'], ['--listen', 'udp://1.2.3.4:5'],
                ['--card-days', '401'], ['--card-days', '0'], ['--passphrase-fd', '77'],
                ['--home', os.path.join(world.folder, 'x' * 90)],
                ['--key-file', '--passphrase-fd', '0']):
        words = [w for i, w in enumerate(good) if w != bad[0] and (i == 0 or good[i - 1] != bad[0])]
        ran = valise(*words, *bad)
        assert ran.code == 2, (bad, ran)
        assert not os.path.exists(home), bad
    assert valise('init', '--state', 'XMA', '--name', 'x', '--no-input').code == 2
    assert valise(*good, '--home', '/proc/nothing').code == 2       # given twice
    assert valise('init', '--home', '/proc/nothing/here', '--state', 'XMA', '--name',
                  'x').code == 1


def test_a_pass_phrase_opens_the_keys(world):
    if SANITIZED:
        return                                # the sanitizer needs the memory that is taken here
    office = Office(world.folder, 'XUR')

    def little_memory():                      # so that the cheaper derivation is used, and said
        resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))

    reader, writer = os.pipe()
    os.write(writer, b'correct horse battery\n')
    os.close(writer)
    made = valise('init', '--home', office.home, '--state', 'XUR', '--name', 'Office', '--listen',
                  'tcp://127.0.0.1:%d' % office.port, '--trial', '--passphrase-fd', str(reader),
                  pass_fds=[reader], before=little_memory)
    os.close(reader)
    assert made.code == 0, made
    assert 'cheaper' in made.out, made
    assert not os.path.exists(os.path.join(office.home, 'keys', 'unlock.key'))
    wrong = subprocess.run([os.path.join(BIN, 'valised'), '--config', office.home + '/valised.conf',
                            '--passphrase-fd', '0'], input=b'wrong phrase', stderr=subprocess.PIPE,
                           timeout=60, check=False)
    assert wrong.returncode == 6, wrong
    reader, writer = os.pipe()
    os.write(writer, b'correct horse battery\n')
    os.close(writer)
    with os.fdopen(reader, 'rb') as phrase:
        office.start('--passphrase-fd', '0', stdin=phrase)
    assert office('status').code == 0
    office.stop()


# --- usage and errors -----------------------------------------------------------------------


def test_wrong_usage_exits_2_with_a_suggestion():
    for words, mend in ((['statsu'], 'valise status'), (['denail'], 'valise denial'),
                        (['denial', 'pubish'], 'valise denial publish'),
                        (['status', '--jsno'], '--json'), (['peer', 'list', '--yes'], '--help'),
                        (['show'], 'show --help'), (['show', 'A', 'B'], 'show --help'),
                        (['denial', 'list', '-o', 'tabel'], 'table'),
                        (['explain', 'E412', '--output'], 'explain E201')):
        ran = valise(*words)
        assert ran.code == 2, (words, ran)
        assert mend in ran.err, (words, ran)
        assert ran.out == '', (words, ran)


def test_the_form_of_an_error(world):
    ran = world['XMA']('show', 'DN-XMA-2026-9999')
    lines = ran.err.splitlines()
    assert ran.code == 3, ran
    assert lines[0].startswith('valise: cannot show DN-XMA-2026-9999: ') and \
        lines[0].endswith(' (E301)'), ran
    assert lines[1].startswith('  mend: ') and lines[2] == '  more: valise explain E301', ran
    error = world['XMA']('show', 'DN-XMA-2026-9999', '--json').error()
    assert (error['code'], error['exit']) == ('E301', 3)
    assert error['mend'] and isinstance(error['problems'], list)


def test_a_node_that_is_not_there_is_exit_5(world):
    for words in (['status'], ['denial', 'list'], ['peer', 'ping', 'XNH'], ['doctor']):
        ran = valise('--socket', os.path.join(world.folder, 'nothing'), *words, '--json')
        assert (ran.code, ran.error()['code']) == (5, 'E501'), ran
    stale = os.path.join(world.folder, 'no-socket')
    world.file('no-socket', '')
    assert valise('--socket', stale, 'status').code == 5


def test_without_arguments_it_says_what_it_is(world):
    if not os.path.exists('/run/valise') and not os.path.exists('/var/lib/valise/keys'):
        ran = valise()
        assert ran.code == 0 and 'valise demo' in ran.out and 'valise init' in ran.out, ran
    ran = valise(VALISE_SOCKET=os.path.join(world.folder, 'nothing'))
    assert ran.code == 5, 'a node that was set up and does not run is no reason to start anew'
    ran = valise(VALISE_SOCKET=os.path.join(world['XMA'].home, 'control.sock'))
    assert ran.out.startswith('XMA'), ran


def test_output_that_cannot_be_written_is_an_error(world):
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([VALISE, '--home', world['XMA'].home, 'status'], stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b'E108' in done.stderr, done


# --- input ----------------------------------------------------------------------------------


def test_a_closed_stream_takes_nothing_of_ours(world):
    for stream in (0, 1, 2):
        ran = world['XMA']('status', before=lambda: os.close(stream))   # noqa: B023
        assert ran.code == (0 if stream != 1 else 1), (stream, ran)
        assert stream != 1 or 'E108' in ran.err, ran
        done = subprocess.run([os.path.join(BIN, 'valised'), '--version'], check=False,
                              preexec_fn=lambda: os.close(stream),      # noqa: B023
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 2, (stream, done)


def test_a_node_without_an_address_to_listen_on_only_dials(world):
    home = os.path.join(world.folder, 'quiet')
    valise('init', '--home', home, '--state', 'XPE', '--name', 'Quiet', '--listen', '', '--trial')
    config = os.path.join(home, 'valised.conf')
    done = subprocess.run([os.path.join(BIN, 'valised'), '--config', config, '--check-config'],
                          check=False, stderr=subprocess.PIPE)
    assert done.returncode == 0, done
    with open(config, encoding='utf-8') as file:
        assert '\nlisten = \n' in file.read()


def test_mistakes_in_a_file_are_named_with_their_place(world):
    rows = (('{"schema":"valise/denial/1",\n  "lang":en}', ':2:', 'E202'),
            ('{"a":1,"a":2}', ':1:', 'E207'),
            ('', ':1:', 'E202'),
            ('[]', 'one JSON object', 'E205'),
            ('7', ':1:', 'E202'),
            ('[' * 100000, ':1:', 'E202'),
            ('{"schema":"valise/denial/1","lang":"en","x":1}', '/x', 'E'),
            (b'{"schema":"\xff"}', ':1:', 'E202'))
    for text, place, code in rows:
        path = world.file('bad.json', text)
        ran = valise('denial', 'validate', path)
        assert ran.code == 2, (text[:60], ran)
        assert path in ran.err and place in ran.err and code in ran.err, (text[:60], ran)
    ran = valise('denial', 'validate', '-', stdin=b'{"lang":en}')
    assert ran.code == 2 and 'standard input:1:' in ran.err, ran
    ran = valise('denial', 'validate', os.path.join(world.folder, 'nothing.json'))
    assert ran.code == 1 and 'no such file' in ran.err, ran
    ran = valise('denial', 'validate', world.folder)
    assert ran.code == 1, ran


def test_the_flags_of_an_alias_for_a_node_are_taken_by_every_command(world):
    path = os.path.join(RECORDS, 'DN-XMA-2026-0014.json')
    for words in (['denial', 'validate', path], ['schema', 'show', 'denial'], ['explain', 'E412']):
        ran = valise('--home', world.folder, '--time-limit', '9s', '-q', *words)
        assert ran.code == 0, ran


def test_fifty_megabytes_of_brackets_are_refused_at_once(world):
    path = world.file('brackets.json', b'[' * (50 << 20))
    started = time.monotonic()
    for words in (['denial', 'validate', path], ['denial', 'validate', '-']):
        with open(path, 'rb') as file:
            done = subprocess.run([VALISE, *words], stdin=file, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 2 and b'E212' in done.stderr, done
    assert world['XMA']('import', path).code == 2
    assert time.monotonic() - started < 10


def test_all_problems_of_a_record_are_listed(world):
    record = record_of(DENIAL)
    record['lang'] = 'xx'
    record['body']['denial_type'] = 'licence_refusd'
    record['body']['colour'] = 'red'
    record['body']['items'][0]['cml'] = 'ML23'
    path = world.file('bad.json', json.dumps(record))
    ran = valise('denial', 'validate', path, '--json')
    assert ran.code == 2, ran
    where = {p['where'] for p in ran.error()['problems']}
    assert where == {'/lang', '/body/denial_type', '/body/colour', '/body/items/0/cml'}, where
    assert 'did you mean "licence_refused"?' in valise('denial', 'validate', path).err


def test_every_record_of_the_demo_validates():
    for name in sorted(os.listdir(RECORDS)):
        kind = {'DN': 'denial', 'BA': 'broker', 'DC': 'case'}[name[:2]]
        ran = valise(kind, 'validate', os.path.join(RECORDS, name), '--json')
        assert ran.code == 0 and ran.json()['valid'], (name, ran)
        wrong = {'denial': 'broker'}.get(kind, 'denial')
        assert valise(wrong, 'validate', os.path.join(RECORDS, name)).code == 2


def test_words_to_look_for_are_never_taken_from_the_command_line(world):
    ran = world['XMA']('search', 'Dessaloui')
    assert ran.code == 2 and 'Dessaloui' not in ran.err, ran
    assert world['XMA']('search').code == 2
    assert world['XMA']('search', '--name', 'x').code == 2


# --- publishing -----------------------------------------------------------------------------


def test_nothing_is_published_without_a_yes(world):
    office = world['XMA']
    path = os.path.join(RECORDS, DENIAL + '.json')
    ran = office('denial', 'publish', '--from', path)
    assert ran.code == 2 and 'E216' in ran.err, ran
    assert 'sealed' in ran.out, 'the preview comes before the question'
    ran = office('denial', 'publish', '--from', path, '--dry-run')
    assert ran.code == 0 and 'Nothing was sent' in ran.out, ran
    code, shown = typed(['--home', office.home, 'denial', 'publish', '--from', path],
                        [('Publish?', 'n')])
    assert code == 2 and 'E216' in shown, shown
    code, shown = typed(['--home', office.home, 'denial', 'publish', '--from', path],
                        [('Publish?', '')])
    assert code == 2, shown
    assert office.good('denial', 'list').out == ''
    assert office.good('draft', 'list').out == ''


def test_a_dry_run_ends_as_the_real_one_would(world):
    office = world['XMA']
    record = record_of(DENIAL)
    record['handling']['read'] = {'*': []}
    nobody = world.file('nobody.json', json.dumps(record))
    ran = office('denial', 'publish', '--from', nobody, '--dry-run')
    assert ran.code == 2 and 'E211' in ran.err, ran
    record = record_of('DN-XNH-2026-0003')
    theirs = world.file('theirs.json', json.dumps(record))
    for words in (['denial', 'publish', '--from', theirs, '--dry-run'],
                  ['denial', 'new', '--from', theirs, '--dry-run'],
                  ['import', '--dry-run', theirs]):
        ran = office(*words)
        assert ran.code == 2 and 'our own State, XMA' in ran.out + ran.err, (words, ran)
    form = office.good('case', 'new', '--template').out
    ran = office('case', 'validate', '-', stdin=form.encode())
    assert ran.code == 2 and 'not filled in' in ran.err, ran
    assert office.good('draft', 'list').out == ''


def test_the_preview_is_what_each_state_then_reads(world):
    path = os.path.join(RECORDS, DENIAL + '.json')
    preview = world['XMA'].good('policy', 'preview', path, '--json').json()
    code, shown = typed(['--home', world['XMA'].home, 'denial', 'publish', '--from', path,
                         '--wait'], [('Publish?', 'y')])
    assert code == 0, shown
    assert 'XNH has it' in shown and 'XOR has it' in shown, shown
    for state in ('XNH', 'XOR'):
        node = world[state].good('show', DENIAL, '--json').json()['node']
        for section, reads in preview['readers'][state].items():
            assert (node['sections'][section] == 'reads') == reads, (state, section)
    assert preview['readers']['XOR']['restricted'] is False


def test_a_section_that_was_not_given_is_sealed_and_the_rest_is_shown(world):
    record = record_of(DENIAL)
    secret = record['body']['explanation'][:40]
    with_it = world['XNH'].good('show', DENIAL).out
    without = world['XOR'].good('show', DENIAL).out
    flat = ' '.join(with_it.split())
    assert secret in flat, with_it
    assert secret not in ' '.join(without.split())
    assert 'Restricted  sealed to you' in without, without
    assert 'كريم دسلوي' in with_it and 'كريم دسلوي' not in without
    assert 'ATT-2.1.h (Small arms and light weapons)' in without
    assert 'parties 4 [restricted]' in with_it and '[restricted]' not in without, with_it
    raw = world['XOR'].good('show', DENIAL, '--raw').out
    assert '/body/destination\tXPE\n' in raw


def test_shown_records_fulfil_their_schema(world):
    for state in STATES:
        for kind in ('denial', 'broker', 'case'):
            schema = valise('schema', 'show', kind).json()
            jsonschema.Draft202012Validator.check_schema(schema)
            for reference in world[state].good(kind, 'list', '-o', 'ids').out.split():
                shown = world[state].good('show', reference, '--json').json()
                jsonschema.Draft202012Validator(schema).validate(shown)


def test_policy_answers_with_exit_codes(world):
    office = world['XMA']
    no = office('policy', 'can', 'XOR', 'read', 'restricted', 'of', DENIAL)
    yes = office('policy', 'can', 'XNH', 'read', 'restricted', 'of', DENIAL)
    assert (no.code, yes.code) == (4, 0), (no, yes)
    assert no.out.startswith('no: ') and yes.out.startswith('yes: ')
    assert office('policy', 'can', 'XOR', 'reads', 'restricted', 'of', DENIAL).code == 2
    assert office('policy', 'can', 'XOR', 'read', 'nothing', 'of', DENIAL).code == 2
    why = office.good('policy', 'why', DENIAL, 'XOR', '--json').json()
    assert {row['section']: row['permit'] for row in why['sections']}['restricted'] is False
    assert world['XNH']('policy', 'why', DENIAL, 'XOR').code == 4


def test_readers_are_known_to_the_originator_alone(world):
    readers = world['XMA'].good('show', DENIAL, '--readers', '--json').json()
    assert readers['holders']['XNH']['delivery'] == 'acknowledged'
    assert world['XNH']('show', DENIAL, '--readers').code == 4


def test_a_draft_is_kept_shown_published_and_discarded(world):
    office = world['XNH']
    template = office.good('denial', 'new', '--template').json()
    assert template['originator']['state'] == 'XNH'
    record = record_of('DN-XNH-2026-0003')
    del record['reference']
    path = world.file('draft.json', json.dumps(record))
    dry = office.good('denial', 'new', '--from', path, '--dry-run', '--json').json()
    assert dry['kept'] is False
    kept = office.good('denial', 'new', '--from', '-', '--json', stdin=json.dumps(record).encode())
    reference = kept.json()['reference']
    assert reference.startswith('DN-XNH-')
    assert reference in office.good('draft', 'list', '-o', 'ids').out.split()
    assert office.good('draft', 'show', reference, '--json').json()['reference'] == reference
    assert office('draft', 'discard', reference).code == 2
    assert office('broker', 'publish', reference, '--yes').code == 2
    loose = reference.lower().replace('-', '')
    ran = office.good('denial', 'publish', loose, '--yes', '--wait=20s', '--json').json()
    assert ran['published'] and {row['state'] for row in ran['confirmed']} == {'XMA', 'XOR'}, ran
    assert office('denial', 'publish', reference, '--yes').code in (3, 9)
    record['body']['explanation'] += ' Another case.'
    path = world.file('second.json', json.dumps(record))
    second = office.good('denial', 'new', '--from', path, '--json').json()['reference']
    office.good('draft', 'discard', second, '--yes')
    assert office('draft', 'show', second).code == 3


def test_a_command_that_is_run_again_does_nothing_twice(world):
    office = world['XNH']
    record = record_of('DN-XNH-2026-0003')
    del record['reference']
    record['body']['explanation'] += ' Run twice.'
    path = world.file('twice.json', json.dumps(record))

    def ours():
        return office.good('denial', 'list', '--mine', '-o', 'ids').out.split()

    def new(*more):
        return office.good('denial', 'new', '--from', path, '--json', *more).json()

    # The same draft, also from other spacing and order.
    draft = new()['reference']
    assert new()['reference'] == draft and draft not in ours()
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(dict(reversed(record.items())), file, indent=8)
    assert new()['reference'] == draft
    # What somebody wrote into the draft meanwhile stays, and the file is another one.
    edited = dict(record, reference=draft, body=dict(record['body'], explanation='Edited.'))
    changed = world.file('edited.json', json.dumps(edited))
    assert office.good('denial', 'new', '--from', changed, '--json').json()['reference'] == draft
    fresh = new()['reference']
    assert fresh != draft and new()['reference'] == fresh
    kept = office.good('draft', 'show', draft, '--json').json()
    assert kept['body']['explanation'] == 'Edited.', kept
    office.good('draft', 'discard', draft, '--yes')
    # One that was discarded is gone; what comes now is new.
    draft = fresh
    office.good('draft', 'discard', draft, '--yes')
    second = new()['reference']
    assert second != draft
    ran = office.good('denial', 'publish', '--from', path, '--yes', '--json').json()
    assert ran['reference'] == second and second in ours(), 'the draft of that file'
    before = ours()
    again = office.good('denial', 'publish', '--from', path, '--yes', '--json').json()
    assert again == dict(again, reference=second, published=True, before=True), again
    waited = office.good('denial', 'publish', '--from', path, '--yes', '--wait=20s', '--json').json()
    assert {row['state'] for row in waited['confirmed']} == {'XMA', 'XOR'}, waited
    told = office.good('denial', 'publish', '--from', path, '--yes').out
    assert second in told and 'published before' in told, told
    assert new() == dict(new(), reference=second, published=True, kept=False)
    ran = office.good('import', path)
    assert ran.out.split('\t')[:2] == [second, 'published before'], ran
    assert ours() == before and second not in office.good('draft', 'list', '-o', 'ids').out
    twice = world.file('many-alike.json', json.dumps([dict(record, lang='fr')] * 2))
    rows = office.good('import', twice, '--json').json()['items']
    assert [row['result'] for row in rows] == ['draft', 'draft before'], rows
    assert rows[0]['reference'] == rows[1]['reference']
    assert office.good('import', twice).err.startswith('2 records: 0 drafts, 2 known already')
    office.good('draft', 'discard', rows[0]['reference'], '--yes')
    # Two that claim one reference: the second would replace the first.
    named = dict(record, reference='DN-XNH-2026-0700')
    clash = world.file('clash.json', json.dumps([
        dict(named, lang='xx'), named, dict(named, lang='fr', reference='dn-xnh-2026-0700')]))
    ran = office('import', clash, '--json')
    rows = ran.json()['items']
    assert [row['result'] for row in rows] == ['refused', 'draft', 'refused'], rows
    assert rows[2]['where'] == '/reference' and ran.code in (2, 9), rows
    assert office.good('draft', 'show', 'DN-XNH-2026-0700', '--json').json()['lang'] == 'en'
    office.good('draft', 'discard', 'DN-XNH-2026-0700', '--yes')
    # Another case in other words, or one with a reference of its own, is another record.
    record['body']['explanation'] += ' No.'
    other = world.file('other.json', json.dumps(record))
    assert office.good('denial', 'publish', '--from', other, '--yes', '--json').json()['reference'] \
        not in before


def test_waiting_for_a_state_that_is_away_is_exit_8_and_loses_nothing(world):
    world['XOR'].stop()
    path = os.path.join(RECORDS, 'BA-XMA-2026-0005.json')
    ran = world['XMA']('broker', 'publish', '--from', path, '--yes', '--wait=1s', '--json')
    assert (ran.code, ran.error()['code']) == (8, 'E601'), ran
    assert ran.json()['published'] and 'is published, but' in ran.error()['message'], ran
    assert world['XMA']('status').code == 13
    ping = world['XMA']('peer', 'ping', 'XOR', '--time-limit', '1s', '--json')
    assert (ping.code, ping.error()['code']) == (8, 'E601'), ping
    world['XOR'].start()
    nodes.until(lambda: world['XOR']('show', 'BA-XMA-2026-0005').code == 0, 60)
    for state in STATES:
        nodes.until(lambda: world[state]('status').code == 0, 60)   # noqa: B023


def test_a_group_changes_its_members_only_after_a_yes(world):
    office = world['XMA']

    def members():
        groups = office.good('group', 'list', '--json').json()['items']
        return [row['states'] for row in groups if row['name'] == 'ZONE'][0]

    office.good('group', 'define', 'ZONE', 'XMA', 'XNH')
    ran = office('group', 'define', 'ZONE', 'XMA', 'XOR')
    assert ran.code == 2 and 'E216' in ran.err and 'has now: XMA XNH' in ran.out, ran
    assert members() == ['XMA', 'XNH']
    office.good('group', 'define', 'ZONE', 'XMA', 'XOR', '--yes')
    assert members() == ['XMA', 'XOR']


# --- finding --------------------------------------------------------------------------------


def test_a_broker_is_found_by_an_alias_in_another_script(world):
    ran = world['XNH'].good('search', '-', '--kind', 'broker', '-o', 'ids',
                            stdin='كريم دسلوي\n'.encode())
    assert ran.out == 'BA-XMA-2026-0005\n', ran
    code, shown = typed(['--home', world['XNH'].home, 'search', '-o', 'ids'],
                        [('number or code:', 'كريم دسلوي')])
    assert code == 0 and 'BA-XMA-2026-0005' in shown, shown
    # What Oldenreach may not read it cannot find either.
    assert world['XOR'].good('search', '-', '--kind', 'denial', '-o', 'ids',
                             stdin='كريم دسلوي'.encode()).out == ''


def test_a_day_that_is_none_is_refused_and_finds_nothing_less(world):
    for since in ('2026-13', '2026-3-2', '20x', '2026/2027', '2026-03-32', '1971~'):
        ran = world['XMA']('denial', 'list', '--since', since)
        assert ran.code == 2 and 'E206' in ran.err, (since, ran)
    for since in ('2026', '2026-03', '2026-03-02'):
        assert DENIAL in world['XMA'].good('denial', 'list', '--since', since).out, since
    ran = world['XMA']('search', '-', stdin=b'Stella\0mar')
    assert ran.code == 2, ran


def test_lists_have_every_shape(world):
    office = world['XNH']
    tabs = office.good('denial', 'list').out.splitlines()
    assert any(line.split('\t')[0] == DENIAL for line in tabs)
    ids = office.good('denial', 'list', '-o', 'ids').out.split()
    assert ids == [line.split('\t')[0] for line in tabs]
    table = office.good('denial', 'list', '-o', 'table').out.splitlines()
    assert table[0].split()[0] == 'REFERENCE'
    csv = office.good('denial', 'list', '-o', 'csv').out
    assert csv.startswith('reference,') and csv.count('\r\n') == len(ids) + 1
    document = office.good('denial', 'list', '--json').json()
    assert document['schema'] == 'valise/records/1'
    assert [row['reference'] for row in document['items']] == ids
    lines = office.good('denial', 'list', '-o', 'jsonl', '--fields', 'by,reference').out
    assert [sorted(json.loads(line)) for line in lines.splitlines()] == \
        [['by', 'reference']] * len(ids)
    assert office('denial', 'list', '--fields', 'refrence').code == 2
    assert office.good('denial', 'list', '--mine', '--limit', '1', '-o', 'ids').out.count('\n') == 1
    assert office.good('search', '--kind', 'denial', '--by', 'XMA', '--dest', 'XPE', '--ml', 'ML1',
                       '--since', '2026', '-o', 'ids').out == DENIAL + '\n'
    assert office('search', '--kind', 'nothing').code == 2


def test_colour_only_on_a_terminal_and_never_against_the_wish(world):
    words = ['--home', world['XMA'].home, 'status']
    assert '\033[' in typed(words, [])[1]
    assert '\033[' not in typed(words, [], {'NO_COLOR': '1'})[1]
    assert '\033[' not in typed(words + ['--color', 'never'], [])[1]
    assert '\033[' not in valise(*words).out
    assert '\033[' in valise(*words, '--color', 'always').out
    assert valise(*words, '--color', 'red').code == 2


# --- files ----------------------------------------------------------------------------------


def test_import_tells_of_each_record(world):
    office = world['XOR']
    mine = record_of('DN-XOR-2025-0031')
    bad = json.loads(json.dumps(mine))
    bad['body']['destination'] = 'Nowhere'
    bad['reference'] = 'DN-XOR-2025-0032'
    foreign = record_of(DENIAL)
    path = world.file('many.json', json.dumps([mine, bad, foreign, 7]))
    for dry in (['--dry-run'], []):
        ran = office('import', path, '--json', *dry)
        assert ran.code == 2, ran
        rows = ran.json()['items']
        assert [row['result'] for row in rows] == \
            ['good' if dry else 'draft'] + ['refused'] * 3, rows
        assert rows[1]['where'] == '/body/destination' and rows[2]['where'] == '/reference'
    assert office.good('draft', 'list', '-o', 'ids').out.split() == ['DN-XOR-2025-0031']
    one = world.file('one.json', json.dumps(mine))
    assert office.good('import', one).out.split('\t')[:2] == ['DN-XOR-2025-0031', 'draft']
    office.good('draft', 'discard', 'DN-XOR-2025-0031', '--yes')


def test_export_writes_a_new_file_only(world):
    path = os.path.join(world.folder, 'export.json')
    world['XMA'].good('export', DENIAL, '-o', path)
    with open(path, encoding='utf-8') as file:
        assert json.load(file)['reference'] == DENIAL
    assert world['XMA']('export', DENIAL, '-o', path).code == 9
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert world['XMA'].good('export', DENIAL).json()['reference'] == DENIAL
    assert world['XNH']('export', DENIAL).code == 4, 'handling.export is none'
    assert valise('denial', 'validate', path).code == 0


# --- peers ----------------------------------------------------------------------------------


def test_a_wrong_safety_number_shouts_and_changes_nothing(world):
    office = world['XMA']
    stranger = Office(world.folder, 'XQU')
    assert stranger.init().code == 0
    office.good('peer', 'add', os.path.join(stranger.home, 'node.card'))
    number = world.file('number', world['XOR'].number())
    words = ['peer', 'verify', 'XQU', '--number-file', number, '--who', 'x', '--how', 'video']
    ran = office(*words)
    assert ran.code == 7 and ran.err.startswith('=====') and 'E713' in ran.err, ran
    world.file('number', '00001' + ' 00000' * 7)
    ran = office(*words)
    assert ran.code == 2 and 'E215' in ran.err and 'group 1' in ran.err, ran
    rows = {row['state']: row for row in office.good('peer', 'list', '--json').json()['items']}
    assert rows['XQU']['standing'] == 'not verified'
    ping = office('peer', 'ping', 'XQU')
    assert ping.code == 4 and 'valise --home %s peer verify XQU' % office.home in ping.err, ping
    assert office('peer', 'verify', 'XQU').code == 2, 'nobody can be asked'


def test_verifying_on_a_terminal_goes_group_by_group(world):
    office = world['XMA']
    number = valise('init', '--home', os.path.join(world.folder, 'XRI'), '--state', 'XRI',
                    '--name', 'x', '--json').json()['safety_number']
    office.good('peer', 'add', os.path.join(world.folder, 'XRI', 'node.card'))
    groups = number.split()
    slip = '%d' % ((int(groups[1][0]) + 1) % 10) + groups[1][1:]
    heard = ' '.join([groups[0], slip] + groups[2:])
    code, shown = typed(['--home', office.home, 'peer', 'verify', 'XRI'],
                        [('what they read:', heard), ('second group does not add up', number),
                         ('Who compared?', 'Okafor with Nasser'), ('How?', '2')])
    assert code == 0 and 'XRI is verified' in shown, shown
    assert office.number()[:23] in shown, 'our own number is read to them'
    row = {r['state']: r for r in office.good('peer', 'list', '--json').json()['items']}['XRI']
    assert row['verified'].endswith('video, Okafor with Nasser'), row


def test_a_pause_needs_a_reason_and_a_removal_the_name(world):
    office = world['XMA']
    assert office('peer', 'pause', 'XRI').code == 2
    paused = office.good('peer', 'pause', 'xri', '--reason', 'audit').out
    assert paused.startswith('XRI is now paused')
    assert office('peer', 'pause', 'XRI', '--reason', 'again').code == 2
    ping = office('peer', 'ping', 'XRI')
    assert ping.code == 4 and 'valise --home %s peer resume XRI' % office.home in ping.err, ping
    reason = world.file('reason', 'done\n')
    office.good('peer', 'resume', 'XRI', '--reason-file', reason)
    assert office('peer', 'remove', 'XRI', '--reason', 'x').code == 2
    assert office('peer', 'remove', 'XRI', '--reason', 'x', '--confirm', 'XQU').code == 2
    office.good('peer', 'remove', 'XRI', '--reason', 'x', '--confirm', 'XRI')
    assert 'XRI' not in office.good('peer', 'list', '-o', 'ids').out.split()
    ran = office('peer', 'remove', 'XNH', '--reason', 'x', '--confirm', 'XNH')
    assert ran.code == 2 and 'NORTH' in ran.err, ran
    audit = office.good('audit', 'list', '--about', 'XRI', '--json').json()['items']
    assert [row['event'] for row in audit][:1] == ['peer.removed'], audit


def test_card_and_number_can_be_handed_over(world):
    card = world['XMA'].good('peer', 'card').out
    assert card.startswith('valise-card-1\n')
    code = world['XMA'].good('peer', 'card', '--qr').out.splitlines()
    assert len({len(line) for line in code[:-1]}) == 1 and '█' in code[0], code
    assert code[-1] == world['XMA'].number()
    assert world['XMA']('peer', 'add', world.file('junk', 'no card')).code == 2
    assert world['XMA']('peer', 'add', os.path.join(world['XMA'].home, 'node.card')).code == 9
    assert world['XMA'].good('peer', 'card', '-o', '-').out == card
    assert world['XMA']('group', 'define', 'X', 'XQU').code == 4
    assert world['XMA']('group', 'define', 'X', 'XZZ').code == 3


# --- the node -------------------------------------------------------------------------------


def test_every_command_has_json(world):
    office = world['XNH']
    for words in (['status'], ['doctor'], ['version'], ['denial', 'list'], ['broker', 'list'],
                  ['case', 'list'], ['draft', 'list'], ['peer', 'list'], ['peer', 'card'],
                  ['peer', 'ping', 'XMA'], ['group', 'list'], ['quarantine', 'list'],
                  ['audit', 'list'], ['audit', 'verify'], ['user', 'list'],
                  ['search', '--kind', 'case']):
        ran = office.good(*words, '--json')
        assert ran.json()['schema'].startswith('valise/'), words
        assert ran.err == '', (words, ran)
    for words in (['schema', 'list'], ['explain', 'E412'], ['explain', 'att-scope'],
                  ['explain', 'restricted'], ['explain', 'poc']):
        assert valise(*words, '--json').json()['schema'].startswith('valise/'), words


def test_doctor_and_audit_are_clean(world):
    for state in ('XNH', 'XOR'):
        doctor = world[state].good('doctor', '--json').json()
        assert all(check['verdict'] == 'good' for check in doctor['checks']), doctor
        assert world[state].good('audit', 'verify', '--json').json()['unbroken'] is True


def test_watch_streams_events_as_lines(world):
    ran = world['XNH'].good('watch', '--from', '0', '--kind', 'record', '--time-limit', '1s',
                            '--json')
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert events and all(e['event'].startswith('record') for e in events)
    assert all(e['schema'] == 'valise/event/1' for e in events)
    cursors = [e['cursor'] for e in events]
    assert cursors == sorted(set(cursors))
    later = world['XNH'].good('watch', '--from', str(cursors[0]), '--kind', 'record',
                              '--time-limit', '1s', '--json').out.splitlines()
    assert len(later) == len(events) - 1
    # What never comes is not waited for.
    for words, mend in ((('--kind', 'recrod'), 'valise help events'), (('--from', 'now'), '')):
        ran = world['XNH']('watch', '--time-limit', '1s', *words)
        assert ran.code == 2 and 'E206' in ran.err and mend in ran.err, ran
    listed = valise('help', 'events').out
    told = {e['event'] for e in events}
    assert told and all(name in listed for name in told), told


def test_roles_are_kept(world):
    office = world['XOR']
    user = pwd.getpwuid(os.getuid()).pw_name
    assert office('user', 'grant', user, 'officer').code == 2, 'nobody would be admin'
    office.good('user', 'grant', user, 'admin', 'viewer')
    ran = office('draft', 'list', '--json')
    assert (ran.code, ran.error()['code']) == (4, 'E401'), ran
    assert office('user', 'grant', user, 'boss').code == 2
    assert office('user', 'grant', 'nobody-of-that-name', 'viewer').code == 2
    assert office('user', 'grant', '@no-such-group', 'viewer').code == 2
    office.good('user', 'grant', user, 'viewer', 'officer', 'poc', 'admin', 'auditor')
    assert office('user', 'revoke', user).code == 2
    office.good('draft', 'list')


def test_explain_knows_errors_codes_and_terms():
    assert 'pass phrase' in valise('explain', 'e412').out
    assert valise('explain', 'att-scope').out.count('\n') >= 10
    assert 'Namibia' in valise('explain', 'nam').out
    assert 'restricted' in valise('explain', 'restricted').out
    ran = valise('explain', 'restrictd')
    assert ran.code == 3 and 'valise explain restricted' in ran.err, ran


def test_completion_loads_and_completes(world):
    script = valise('completion', 'bash').out
    path = world.file('completion', script)
    for words, wanted in (('valise pe', 'peer'), ('valise peer ve', 'verify'),
                          ('valise denial publish --y', '--yes'),
                          ('valise --home %s show DN-XM' % world['XNH'].home, DENIAL)):
        command = ('source %s; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _valise; '
                   'echo "${COMPREPLY[@]}"' % (path, words))
        done = subprocess.run(['bash', '-c', command], stdout=subprocess.PIPE, check=True,
                              env=dict(os.environ, PATH=BIN + ':' + os.environ['PATH']))
        assert wanted in done.stdout.decode().split(), (words, done)


def test_the_manual_is_clean_for_groff():
    if shutil.which('groff') is None:
        return
    done = subprocess.run(['groff', '-man', '-Tutf8', '-ww', '-z'], stderr=subprocess.PIPE,
                          input=valise('help', '--man').out.encode(), check=True)
    assert done.stderr == b'', done


# --- the demo -------------------------------------------------------------------------------


def test_two_demos_side_by_side_tell_the_whole_story(world):
    started = time.monotonic()
    homes = [os.path.join(world.folder, 'demo%d' % i) for i in (1, 2)]
    running = [subprocess.Popen([VALISE, 'demo', '--dir', home], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for home in homes]
    for process, home in zip(running, homes):
        story = process.communicate(timeout=120)[0].decode()
        assert process.returncode == 0, story
        for fact in ('XNH is verified', 'XOR   reads     reads    reads    reads    sealed',
                     'XOR has it', 'Restricted  sealed to you', 'كريم دسلوي',
                     'BA-XMA-2026-0005  XMA', 'E601', 'transport.strangers', 'kill -9',
                     'Oldenreach holds all', '0 to look at, 0 bad', 'Nodes are stopped'):
            assert fact in story, (fact, story)
        assert not os.path.exists(home)
    assert time.monotonic() - started < 100


def test_a_demo_that_is_interrupted_leaves_nothing_behind(world):
    home = os.path.join(world.folder, 'demo3')
    process = subprocess.Popen([VALISE, 'demo', '--dir', home], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    nodes.until(lambda: os.path.exists(os.path.join(home, 'XOR', 'control.sock')), 60)
    process.send_signal(signal.SIGINT)
    story = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 130, story
    assert not os.path.exists(home)
    assert valise('demo', '--dir', world.folder).code == 9


if __name__ == '__main__':
    tap.main(globals())
