#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""S01 to S12 of the attack catalogue: the store and the machine below it. T-13, T-14, T-17

Spoilt are the rules S-1, S-2, S-3, S-4, S-5, S-8 and S-9 of store/LAYOUT.md. Three nodes; what is
spoilt is always Norrhaven's, a copy of its store is put back after each test, and after each the
exchange works. Needs no root, but sees more with it.
"""

import contextlib
import errno
import os
import shutil
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import control, faults, nodes, samples, stories, tap  # noqa: E402

STATES = ('XMA', 'XNH', 'XOR')
FLIPS = int(os.environ.get('VALISE_FLIPS', '60'))
SANITIZED = 'address' in nodes.build_directory()   # AddressSanitizer makes mlock do nothing
SEED = int(os.environ.get('VALISE_SEED', '7'))
PAGE = 4096
NFS, TMPFS = 0x6969, 0x01021994


class World(nodes.Federation):
    def __init__(self):
        super().__init__(nodes.temporary_directory())
        self.published = {}
        self.copy = os.path.join(self.directory, 'copy')
        self.older = os.path.join(self.directory, 'older')
        self.shown = {}

    def __enter__(self):
        for state in STATES:
            self[state] = nodes.Node(os.path.join(self.directory, state), state).make()
            self[state].start()
        self.introduce(*STATES)
        self.group('NORTH', STATES)
        self.until_in_touch()
        for number in range(8):
            self.publish('XMA')
            self.publish('XNH')
        self.until_settled()
        self['XNH'].stop()
        shutil.copytree(self['XNH'].store, self.older)
        stories.start(self['XNH'])
        for number in range(3):
            self.publish('XMA')
            self.publish('XNH')
        self.until_settled()
        self.shown = self.read('XNH')
        self['XNH'].stop()
        shutil.copytree(self['XNH'].store, self.copy)
        return self

    def publish(self, state):
        reference = self[state].publish(samples.denial(state, 'kept %d' % len(self.published)))
        self.published[reference] = STATES
        return reference

    def read(self, state):
        """Every record as it is shown, without the times of this node."""
        shown = {}
        for reference in self.published:
            record = self[state].show(reference)
            shown[reference] = {name: record[name] for name in record if name != 'node'}
        return shown

    @contextlib.contextmanager
    def spoilt(self):
        """Norrhaven, stopped, with its good store; whatever becomes of it is undone after."""
        node = self['XNH']
        if node.running():
            node.stop()
        shutil.rmtree(node.store)
        shutil.copytree(self.copy, node.store)
        try:
            yield node
        finally:
            if node.process is not None:
                node.kill()
            shutil.rmtree(node.store)
            shutil.copytree(self.copy, node.store)

    def honest_exchange(self):
        """The node works again with the store as it was."""
        node = self['XNH']
        if not node.running():
            node.process = None
            stories.start(node)
        node.until(lambda n: n.in_touch('XMA') and n.in_touch('XOR'))
        reference = self['XMA'].publish(samples.denial('XMA', 'honest'))
        node.until(lambda n: n.has(reference))


def setup():
    return World()


def path_of(node, name='data.mdb'):
    return os.path.join(node.store, name)


def meta_pages(path):
    """(offset, transaction) of both meta pages of LMDB, the newest first."""
    with open(path, 'rb') as file:
        held = file.read(2 * PAGE)
    # page header 16, then magic, version, address, map size, two tables of 48, last page, txnid
    found = [(page, struct.unpack_from('<Q', held, page + 16 + 24 + 96 + 8)[0])
             for page in (0, PAGE)]
    return sorted(found, key=lambda one: -one[1])


def flip(path, offset, mask=1):
    with open(path, 'r+b') as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


def place_of(path, sealed):
    with open(path, 'rb') as file:
        return file.read().find(sealed)


def flips(node, name, span, count):
    """What becomes of random flips, as numbers by verdict."""
    lines = faults.tool('flips', node.home, name, SEED, count, span)
    silent = [line for line in lines if line.startswith('at ')]
    return {word: int(number) for word, number in
            (line.split() for line in lines if not line.startswith('at '))}, silent


def refused_start(node, code, word, extra=()):
    ended, said = faults.run_to_end(node, extra)
    assert word in said and ended == code, (ended, said)
    return said


# --- S01, S02, S03: flipped bits -----------------------------------------------------------

def test_S01_no_flip_of_a_sealed_byte_goes_unseen(world):
    with world.spoilt() as node:
        print('# seed %d' % SEED)
        for name in ('data.mdb', 'keys.mdb'):
            totals, silent = flips(node, name, 'anywhere', FLIPS)
            assert not silent, silent
            assert totals['reported'] > FLIPS // 20, totals
            print('# %s: %s' % (name, totals))


def damage(node, table, keys):
    """Flip a bit in the middle of some values of a table."""
    places = {}
    for line in faults.tool('places', node.home, table):
        key, offset, size = line.split()
        places[bytes.fromhex(key)] = int(offset) + int(size) // 2
    for key in keys:
        flip(path_of(node), places[key])


def received(world, table):
    """Keys of rows that Norrhaven has from, or with, others: they can give them again."""
    elsewhere = {value for name, _, value in faults.rows(world['XOR']) if name == table}
    return [key for name, key, value in faults.rows(world['XNH'])
            if name == table and value in elsewhere and value]


def test_S01_a_damaged_value_is_reported_never_shown_and_fetched_again(world):
    with world.spoilt() as node:
        ciphertexts = received(world, 'blob')[:3]
        records = [key for name, key, value in faults.rows(node)
                   if name == 'record' and b'DN-XMA-2026-0002' in value]
        entries = [key for name, key, _ in faults.rows(node) if name == 'entry'][::7]
        assert len(ciphertexts) == 3 and len(records) == 1 and len(entries) > 2
        damage(node, 'blob', ciphertexts)
        damage(node, 'record', records)
        damage(node, 'entry', entries)
        node.start()
        refusals = 0
        for reference in world.published:
            try:
                record = node.show(reference)
            except control.Refused as refused:
                assert refused.code in ('E804', 'E301'), refused
                refusals += 1
                continue
            assert {name: record[name] for name in record if name != 'node'} == \
                world.shown[reference], reference
        assert 2 <= refusals <= 4, refusals
        bad = [check['what'] for check in node.doctor() if check['verdict'] == 'bad']
        assert any('S-' in what for what in bad), bad
        # The check has found it, so the lanes are fetched again.
        node.until(lambda n: not stories.find_ills({'XNH': n}))
        assert world.read('XNH') == world.shown
    world.honest_exchange()


def test_S01_a_damaged_index_is_noticed_and_made_anew(world):
    with world.spoilt() as node:
        rows = [line.split()[0] for line in faults.tool('places', node.home, 'index')]
        references = [key for key in rows if key.startswith('01')]
        assert len(references) >= len(world.published), rows
        for key in references:
            faults.tool('move', node.home, 'index', key, key[:8] + '%02x' % (int(key[8:10], 16) ^ 4)
                        + key[10:])
        found = faults.tool('check', node.home)
        assert found[0].endswith(' findings %d' % len(references)) and 'S-3' in found[1], found
        node.start()
        assert not node.has(next(iter(world.published))), 'nothing was hidden'
        assert node.doctor()
        node.until(lambda n: 'index.mended code=OK' in n.log_text())
        node.until(lambda n: not stories.find_ills({'XNH': n}))
        assert world.read('XNH') == world.shown
        node.stop()
        after = {line.split()[0] for line in faults.tool('places', node.home, 'index')}
        assert after >= set(rows), set(rows) - after
        assert faults.tool('check', node.home)[0].endswith(' findings 0')
    world.honest_exchange()


def test_S01_a_damaged_index_beside_a_damaged_lane_stores_nothing_twice(world):
    with world.spoilt() as node:
        rows = [line.split()[0] for line in faults.tool('places', node.home, 'index')]
        for key in [key for key in rows if key.startswith('10')]:       # ids of records
            faults.tool('move', node.home, 'index', key, key[:8] + '%02x' % (int(key[8:10], 16) ^ 4)
                        + key[10:])
        damage(node, 'entry', [key for name, key, _ in faults.rows(node) if name == 'entry'][::5])
        before = sorted(row['reference'] for row in node.start().call('record.list')['items'])
        said = len(node.log_text())
        assert node.doctor()
        node.until(lambda n: 'index.mended code=OK all=1' in n.log_text()[said:])
        node.until(lambda n: not stories.find_ills({'XNH': n}))
        after = sorted(row['reference'] for row in node.call('record.list')['items'])
        # What others published while it was away has come too.
        assert set(after) >= set(before) and len(set(after)) == len(after), after
        assert world.read('XNH') == world.shown
    world.honest_exchange()


def test_S02_a_flipped_meta_page_does_not_roll_back_unseen(world):
    with world.spoilt() as node:
        (newest, txn), (_, before) = meta_pages(path_of(node))
        assert txn == before + 1
        # An older number: LMDB takes the other page, and with it the commit before.
        with open(path_of(node), 'r+b') as file:
            file.seek(newest + 16 + 24 + 96 + 8)
            file.write(struct.pack('<Q', 1))
        refused_start(node, 7, 'E805')
    with world.spoilt() as node:
        for name, span in (('data.mdb', 'metas'), ('keys.mdb', 'metas'), ('anchor', 'anywhere')):
            totals, silent = flips(node, name, span, FLIPS // 2)
            assert not silent, silent
            print('# metas of %s: %s' % (name, totals))
    world.honest_exchange()


def test_S02_an_anchor_of_which_both_halves_are_damaged_stops_the_node(world):
    with world.spoilt() as node:
        flip(path_of(node, 'anchor'), 40)
        node.start()
        assert node.stop() == 0, 'one half is enough'
    with world.spoilt() as node:
        flip(path_of(node, 'anchor'), 40)
        flip(path_of(node, 'anchor'), 512 + 40)
        refused_start(node, 7, 'E804')
    world.honest_exchange()


def test_S02_a_missing_anchor_stops_a_node_that_has_a_history(world):
    with world.spoilt() as node:
        os.unlink(path_of(node, 'anchor'))
        refused_start(node, 7, 'E805')
    world.honest_exchange()


def test_S03_page_headers_that_make_programs_crash_stop_the_node(world):
    with world.spoilt() as node:
        totals, silent = flips(node, 'data.mdb', 'headers', FLIPS)
        assert not silent, silent
        print('# headers: %s' % totals)
        # A page that claims to hold more rows than it has: a search misses those that it has.
        (place,) = [int(line.split()[1]) for line in faults.tool('places', node.home, 'group')]
        flip(path_of(node), place - place % PAGE + 12, 0x40)
        found = faults.tool('check', node.home)
        assert any('S-2' in line and 'group' in line for line in found), found
        flip(path_of(node), place - place % PAGE + 12, 0x40)
        # Every page a leaf that claims to hold far more than it can: whoever walks it dies.
        size = os.path.getsize(path_of(node))
        with open(path_of(node), 'r+b') as file:
            for page in range(2, size // PAGE):
                file.seek(page * PAGE + 12)
                lower, upper = struct.unpack('<HH', file.read(4))
                if 16 < lower <= upper <= PAGE:
                    file.seek(page * PAGE + 16)
                    file.write(bytes([0xff, 0xff]) * ((lower - 16) // 2))
        with open(path_of(node, 'lock'), 'r+b') as file:
            file.write(b'O')      # not closed in order: a full check is due
        try:
            node.start(wait=False)
            code = node.wait_end(deadline=20)
        except nodes.Late as late:
            raise AssertionError('it goes on: %s' % late) from late
        assert code != 0, code
    world.honest_exchange()


# --- S04, S05: other files -----------------------------------------------------------------

def test_S04_an_old_file_put_back_stops_the_node(world):
    for names in (('data.mdb',), ('data.mdb', 'keys.mdb')):
        with world.spoilt() as node:
            for name in names:
                shutil.copy(os.path.join(world.older, name), path_of(node, name))
            refused_start(node, 7, 'E805')
    world.honest_exchange()


def test_S04_an_old_file_of_keys_is_found_and_mended_as_far_as_peers_can(world):
    with world.spoilt() as node:
        shutil.copy(os.path.join(world.older, 'keys.mdb'), path_of(node, 'keys.mdb'))
        said_before = len(node.log_text())
        stories.start(node)
        bad = [check['what'] for check in node.doctor() if check['verdict'] == 'bad']
        assert any('S-4' in what for what in bad), bad
        # Marentia's lane, and ours to both; Oldenreach published nothing.
        node.until(lambda n: n.log_text()[said_before:].count('lane.mended') >= 3)
        lost = set()
        for reference in world.published:
            try:
                record = node.show(reference)
                assert {name: record[name] for name in record if name != 'node'} == \
                    world.shown[reference], reference
            except control.Refused as refused:
                assert refused.code == 'E414', refused
                lost.add(reference)
        # Nobody else has the internal section of a record; without it the record is not shown.
        assert len(lost) == 3 and all(name.startswith('DN-XNH') for name in lost), lost
        node.stop()
        found = faults.tool('check', node.home)[1:]
        assert len(found) == 3 and all(line.endswith('slot 15') for line in found), found
    world.honest_exchange()


def test_S05_the_store_of_another_State_is_not_opened(world):
    with world.spoilt() as node:
        for name in ('data.mdb', 'keys.mdb', 'anchor'):
            shutil.copy(os.path.join(world['XOR'].store, name), path_of(node, name))
        refused_start(node, 7, 'E809')
    world.honest_exchange()


def test_S05_rows_of_another_State_mixed_in_are_found_and_not_shown(world):
    world['XOR'].stop()
    try:
        for table in ('record', 'blob', 'audit'):
            with world.spoilt() as node:
                faults.tool('graft', node.home, table, world['XOR'].home)
                found = faults.tool('check', node.home)
                assert any('S-2' in line for line in found), found
                node.start()
                if table == 'audit':
                    assert node.refusal('audit.verify') in ('E804', 'E714')
                for reference in world.published:
                    with contextlib.suppress(control.Refused):
                        record = node.show(reference)
                        assert {name: record[name] for name in record if name != 'node'} == \
                            world.shown[reference]
    finally:
        stories.start(world['XOR'])
    world.honest_exchange()


# --- S07: failing disk ---------------------------------------------------------------------

def failing(world, **wishes):
    """Publish at a node whose calls fail as wished, until it ends. Returns what it acknowledged."""
    node = world['XNH']
    shim = faults.Shim(world.directory)
    with shim:
        node.start()
    node.until(lambda n: n.in_touch('XMA'))
    acknowledged = []
    shim.error = errno.EIO
    for name, value in wishes.items():
        setattr(shim, name, value)
    try:
        for number in range(20):
            acknowledged.append(node.publish(samples.denial('XNH', 'failing %d' % number)))
    except control.Refused as refused:
        # E401: it is ending, and roles cannot be read any more.
        assert refused.code in ('E803', 'E401') and shim.failed, refused
    except (OSError, EOFError):
        pass
    assert len(acknowledged) < 20 and shim.failed >= 1, 'nothing failed'
    code = node.wait_end(10)
    assert code == 1 and 'E803' in node.log_text(), (code, node.log_tail())
    assert shim.failed == 1, 'a failed call was tried again: %d' % shim.failed
    return acknowledged


def test_S07_a_failing_sync_ends_the_node_and_is_never_tried_again(world):
    for countdown in (1, 3):
        with world.spoilt() as node:
            acknowledged = failing(world, sync_left=countdown, lasts=0)
            stories.start(node)
            node.until(lambda n: n.settled())
            assert all(node.has(reference) for reference in acknowledged)
            for reference in acknowledged:
                world['XMA'].until(lambda n, r=reference: n.has(r))
            ills = stories.find_ills({'XNH': node})
            assert not ills, ills
            undo_numbers(world)


def undo_numbers(world):
    """Take the store with what was published since as the good one: what others know of must not
    be undone."""
    node = world['XNH']
    node.stop()
    shutil.rmtree(world.copy)
    shutil.copytree(node.store, world.copy)


def test_S07_a_failing_write_ends_the_node(world):
    with world.spoilt() as node:
        acknowledged = failing(world, write_left=3, lasts=0)
        stories.start(node)
        assert all(node.has(reference) for reference in acknowledged)
        node.until(lambda n: n.settled())
        ills = stories.find_ills({'XNH': node})
        assert not ills, ills
        undo_numbers(world)
    world.honest_exchange()


# --- S08: readers --------------------------------------------------------------------------

def test_S08_readers_that_were_killed_do_not_stop_the_node(world):
    world.honest_exchange()
    node = world['XNH']
    program = os.path.join(nodes.build_directory(), 'test', 'store_tool')
    with subprocess.Popen([program, 'readers', node.home], stdout=subprocess.PIPE) as readers:
        try:
            held = int(readers.stdout.readline().split()[1])
            assert held > 50, held
            # A store that cannot be read grants nothing: no roles are found.
            assert node.refusal('record.list') in ('E401', 'E810'), 'the table is not full'
        finally:
            readers.kill()
    assert node.call('record.list')['items']
    assert node.running()
    world.honest_exchange()


# --- S09, S10: whose, and where ------------------------------------------------------------

def test_S09_a_second_node_on_the_same_store_is_refused(world):
    world.honest_exchange()
    node = world['XNH']
    second = nodes.Node(node.home, 'XNH', port=nodes.free_port())
    second.config = os.path.join(node.home, 'second.conf')
    second.socket = os.path.join(node.home, 'run', 'second.sock')
    second.write_config()
    ended, said = faults.run_to_end(second)
    assert ended == 9 and 'E808' in said, (ended, said)
    assert node.running() and node.call('record.list')['items']
    world.honest_exchange()


def test_S10_network_and_memory_file_systems_are_refused(world):
    for magic in (NFS, 0xFF534D42, 0xFE534D42, 0x65735546, TMPFS):
        with world.spoilt() as node:
            shim = faults.Shim(world.directory)
            shim.file_system = magic
            node.settings = {'store': {'allow_tmpfs': 'no'}}
            node.write_config()
            try:
                with shim:
                    refused_start(node, 1, 'E807')
            finally:
                node.settings = {}
                node.write_config()
    world.honest_exchange()


def test_S10_the_store_is_mapped_to_read_only_and_no_setting_changes_that(world):
    world.honest_exchange()
    node = world['XNH']
    with open('/proc/%d/maps' % node.process.pid, encoding='utf-8') as file:
        maps = [line.split() for line in file if line.rstrip().endswith('.mdb')]
    assert len(maps) == 2 and all(line[1] == 'r--s' for line in maps), maps
    with open(os.path.join(node.home, 'wrong.conf'), 'w', encoding='utf-8') as file:
        os.fchmod(file.fileno(), 0o600)
        with open(node.config, encoding='utf-8') as good:
            file.write(good.read().replace('[store]\n', '[store]\nwritemap = yes\n'))
    right, node.config = node.config, file.name
    try:
        refused_start(node, 2, 'writemap')
    finally:
        node.config = right


# --- S11: what is left lying about ---------------------------------------------------------

def memory_of(pid):
    """(mapping's flags, bytes) of all private memory of a process; needs root."""
    with open('/proc/%d/smaps' % pid, encoding='utf-8') as file:
        lines = file.read().splitlines()
    ranges = []
    for line in lines:
        first = line.split()[0]
        if '-' in first and not first.endswith(':'):
            ranges.append([first, line, ''])
        elif first == 'VmFlags:':
            ranges[-1][2] = line.split()[1:]
    with open('/proc/%d/mem' % pid, 'rb', buffering=0) as memory:
        for span, line, flags in ranges:
            low, high = (int(text, 16) for text in span.split('-'))
            if '[v' in line or high - low > 1 << 28 or line.endswith('.mdb'):
                continue
            try:
                memory.seek(low)
                yield flags, memory.read(high - low)
            except OSError:
                continue


def test_S11_keys_stand_in_locked_memory_only_and_contents_in_none(world):
    world.honest_exchange()
    node = world['XNH']
    word = 'Zq7memorycanary'
    reference = node.publish(samples.denial('XNH', word))
    world.published[reference] = STATES
    assert word in str(node.show(reference))
    world['XMA'].until(lambda n: n.has(reference))
    if os.geteuid() == 0:
        keys = faults.secrets(node)
        seen = set()
        for state in ('XNH', 'XMA'):      # who published, and who received
            for flags, held in memory_of(world[state].process.pid):
                assert word.encode() not in held, (state, flags)
                for name, key in keys.items():
                    if key in held:
                        assert state == 'XNH' and 'dd' in flags, (name, flags)
                        assert 'lo' in flags or SANITIZED, (name, flags)
                        seen.add(name)
        assert {'sign', 'seal', 'master'} <= seen, seen     # the search finds what it must
    for state in STATES:
        with open('/proc/%d/status' % world[state].process.pid, encoding='ascii') as file:
            locked = [int(line.split()[1]) for line in file if line.startswith('VmLck')][0]
        assert locked > 0 or SANITIZED, state


def test_S11_after_a_kill_no_file_holds_a_word_or_a_key(world):
    world.honest_exchange()
    node = world['XNH']
    word = b'Zq7memorycanary'
    keys = list(faults.secrets(node).values())
    node.publish(samples.denial('XNH', word.decode()))
    os.kill(node.process.pid, signal.SIGSEGV)      # would leave a core file, if any were allowed
    node.wait_end(10)
    places = [node.home, '/tmp', '/var/tmp', '/dev/shm', os.getcwd()]
    for place in places:
        for folder, folders, names in os.walk(place):
            if place != node.home:
                folders.clear()
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.isfile(path) or os.path.islink(path) or \
                        os.path.getsize(path) > 1 << 26:
                    continue
                if place != node.home and os.path.getmtime(path) < os.path.getmtime(node.log) - 60:
                    continue
                assert not (name == 'core' or name.startswith('core.')), path
                with open(path, 'rb') as file:
                    held = file.read()
                if path != os.path.abspath(__file__):
                    assert word not in held, path
                assert not any(key in held for key in keys), path
    world.honest_exchange()
    undo_numbers(world)
    world.honest_exchange()


# --- S12: modes and links ------------------------------------------------------------------

def test_S12_wide_modes_and_links_stop_the_node(world):
    with world.spoilt() as node:
        for path, mode in ((node.store, 0o755), (node.store, 0o770), (path_of(node), 0o644),
                           (path_of(node, 'keys.mdb'), 0o660), (path_of(node, 'anchor'), 0o604),
                           (path_of(node, 'lock'), 0o640),
                           (os.path.join(node.home, 'node.key'), 0o640),
                           (os.path.join(node.home, 'unlock.key'), 0o604),
                           (node.config, 0o666), (os.path.dirname(node.socket), 0o777)):
            before = os.stat(path).st_mode & 0o7777
            os.chmod(path, mode)
            ended, said = faults.run_to_end(node)
            os.chmod(path, before)
            assert ended != 0 and 'node.started' not in said, (path, oct(mode), ended, said)
            assert 'E106' in said or 'E213' in said, (path, oct(mode), said)
        for path in (node.store, path_of(node), path_of(node, 'keys.mdb'), path_of(node, 'anchor'),
                     path_of(node, 'lock'), os.path.join(node.home, 'node.key'),
                     os.path.join(node.home, 'unlock.key')):
            os.rename(path, path + '.moved')
            os.symlink(path + '.moved', path)
            ended, said = faults.run_to_end(node)
            os.unlink(path)
            os.rename(path + '.moved', path)
            assert ended != 0 and 'E106' in said and 'node.started' not in said, (path, ended, said)
    world.honest_exchange()


if __name__ == '__main__':
    tap.main(globals())
