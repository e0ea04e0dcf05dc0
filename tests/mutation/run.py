#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one-line faults in the code, one at a time; for each some test must turn red.

    run.py [WORD …]      all mutants of mutants.py, or those whose id or file holds a word

The tree is copied to build/mutation/tree, so that nothing here is ever changed, and is built
there without optimising. First the tests run without a fault and must pass. Prints TAP; the
last line is "N passed, N failed". See README.md.
"""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TREE = os.path.join(ROOT, 'build', 'mutation', 'tree')
BUILD = os.path.join(TREE, 'build', 'gcc')
PARTS = ('Makefile', 'README.md', 'cli', 'configs', 'node', 'proto', 'store', 'tests')
# Quick to compile; a mutant may leave something unused.
MAKE = ['make', '-j2', '--no-print-directory', 'CC=gcc', 'OPTIMISE=-O0 -g', 'HARDENING=-fPIE',
        'EXTRA_CFLAGS=-Wno-error']
PROGRAMS = ('bin/valised', 'bin/valised-transport', 'bin/valise', 'test/mkstate')
EXTRA = {'test_peer.py': ('test/valised', 'test/valised-transport', 'test/valise'),
         'fault': ('test/store_tool', 'test/shim.so'), 'test_finding': ('test/store_tool',)}
LIMIT_SECONDS = 120
# Tests wait no longer than this for something that a fault keeps from happening.
DEADLINE_SECONDS = 8
NOT_OK = re.compile(r'^\s*not ok (?:\d+ - )?(.*)$', re.M)

sys.path.insert(0, HERE)
from mutants import MUTANTS  # noqa: E402


class Broken(Exception):
    """The mutant or the tree is at fault, not the tests."""


# --- the copy --------------------------------------------------------------------------------

def sources():
    """Every file that is copied, relative to the root."""
    for part in PARTS:
        path = os.path.join(ROOT, part)
        if os.path.isfile(path):
            yield part
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if name != '__pycache__']
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def copy_tree():
    """Bring the copy up to date; what is the same keeps its time, and so what was built of it."""
    wanted = set(sources())
    for name in wanted:
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target) or read(source) != read(target):
            shutil.copyfile(source, target)
        shutil.copymode(source, target)
    for part in PARTS:
        for folder, _, names in os.walk(os.path.join(TREE, part)):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.relpath(path, TREE) not in wanted:
                    os.unlink(path)


def plant(mutant):
    """Write the fault into the copy. Returns the file as it was."""
    path = os.path.join(TREE, mutant.file)
    try:
        before = read(path)
    except FileNotFoundError:
        raise Broken('there is no %s' % mutant.file) from None
    text = before.decode('utf-8')
    count = text.count(mutant.before)
    if count != 1:
        raise Broken('its text stands %d times in %s' % (count, mutant.file))
    write(path, text.replace(mutant.before, mutant.after).encode('utf-8'))
    return before


def write(path, content):
    with open(path, 'wb') as file:
        file.write(content)


# --- building and testing --------------------------------------------------------------------

def targets_of(test):
    """What has to be built for a test."""
    if test.startswith('unit/'):
        return {'test/' + test[len('unit/'):]}
    found = set(PROGRAMS)
    for word, more in EXTRA.items():
        if word in test:
            found.update(more)
    return found


def build(tests):
    """Build what these tests need. Returns what the compiler says if it does not build."""
    targets = sorted({target for test in tests for target in targets_of(test)})
    done = subprocess.run(MAKE + ['build/gcc/' + target for target in targets], cwd=TREE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return None if done.returncode == 0 else done.stdout.decode('utf-8', 'replace')[-2000:]


def run_test(test):
    """Run one test. Returns None if it passes, else what failed."""
    environment = dict(os.environ, VALISE_BUILD=BUILD, CMOCKA_MESSAGE_OUTPUT='TAP',
                       PYTHONDONTWRITEBYTECODE='1', VALISE_DEADLINE=str(DEADLINE_SECONDS))
    words = test.split()
    if words[0].startswith('unit/'):
        command = [os.path.join(BUILD, 'test', words[0][len('unit/'):])]
    else:
        command = ['/usr/bin/python3', os.path.join('tests', words[0])] + words[1:]
    process = subprocess.Popen(command, cwd=TREE, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        output = process.communicate(timeout=LIMIT_SECONDS)[0].decode('utf-8', 'replace')
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return 'TIMEOUT'
    failed = [name for name in NOT_OK.findall(output) if name != 'tests']
    if process.returncode != 0 or failed:
        return failed[0] if failed else 'it ended with %d' % process.returncode
    if not re.search(r'^\s*ok \d+', output, re.M):
        return 'it ran no test'
    return None


def catch(mutant):
    """Which test sees the fault: "test: name", or None."""
    problem = build(mutant.tests)
    if problem:
        raise Broken('it does not compile:\n' + problem)
    for test in mutant.tests:
        failed = run_test(test)
        if failed == 'TIMEOUT' and not mutant.hangs:
            raise Broken('%s did not end within %d s' % (test, LIMIT_SECONDS))
        if failed:
            return '%s: %s' % (os.path.basename(test.split()[0]).replace('.py', ''), failed)
    return None


# --- running ---------------------------------------------------------------------------------

class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def line(self, good, text, details=''):
        self.count += 1
        self.failed += not good
        print('%sok %d - %s' % ('' if good else 'not ', self.count, text))
        for line in details.splitlines():
            print('# ' + line)
        sys.stdout.flush()
        return good


def check_baseline(tap, mutants):
    """Without a fault everything is green; else nothing that follows means anything."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    problem = build(tests)
    if problem:
        return tap.line(False, 'the tree builds without a fault', problem)
    red = ['%s: %s' % (test, failed) for test in tests for failed in [run_test(test)] if failed]
    return tap.line(not red, 'without a fault all %d tests pass' % len(tests), '\n'.join(red))


def try_mutant(tap, mutant):
    name = '%s %s: %s' % (mutant.id, os.path.basename(mutant.file), mutant.rule)
    path = os.path.join(TREE, mutant.file)
    before = None
    try:
        before = plant(mutant)
        caught = catch(mutant)
        if caught:
            tap.line(True, '%s (caught by %s)' % (name, caught))
        else:
            tap.line(False, name + ' (SURVIVED)', 'not seen by: ' + ', '.join(mutant.tests))
    except Broken as why:
        tap.line(False, name + ' (ERROR)', str(why))
    finally:
        if before is not None:
            write(path, before)


def main():
    words = sys.argv[1:]
    mutants = [mutant for mutant in MUTANTS if not words or any(
        word == mutant.id or word in mutant.file for word in words)]
    assert len({mutant.id for mutant in MUTANTS}) == len(MUTANTS), 'an id is given twice'
    started = time.monotonic()
    copy_tree()
    tap = Tap()
    if mutants and check_baseline(tap, mutants):
        for mutant in mutants:
            try_mutant(tap, mutant)
    print('1..%d' % tap.count)
    print('# %d mutants, %.0f s' % (len(mutants), time.monotonic() - started))
    print('%d passed, %d failed' % (tap.count - tap.failed, tap.failed))
    sys.exit(1 if tap.failed or not mutants else 0)


if __name__ == '__main__':
    main()
