# SPDX-License-Identifier: Apache-2.0
"""Copies of the source in which one fault at a time is planted, and built.

    tree = plant.Tree('build/gcc', 'mutation-0')
    with tree.planted(fault):
        tree.make('build/gcc/test/test_lane')

A fault is a row (name, file, text before, text after, …). The text must stand exactly once in
the file: else the row is out of date, which is an error and not a find.
"""

import contextlib
import os
import shutil
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
SOURCES = ('node', 'proto', 'store', 'cli', 'tests', 'configs', 'Makefile', '.clang-format')


class OutOfDate(Exception):
    """The text of a fault does not stand in its file, or more than once."""


class DoesNotBuild(Exception):
    """What the compiler said."""


def _copy(source, target):
    """Copy what is newer, keeping times, so that what was built before stays good."""
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name != '__pycache__']
        place = os.path.join(target, os.path.relpath(folder, source))
        os.makedirs(place, exist_ok=True)
        for name in names:
            new, old = os.path.join(folder, name), os.path.join(place, name)
            if not os.path.exists(old) or os.stat(new).st_mtime_ns != os.stat(old).st_mtime_ns:
                shutil.copy2(new, old)
        for name in set(os.listdir(place)) - set(names) - set(folders):
            gone = os.path.join(place, name)
            if os.path.isdir(gone):
                shutil.rmtree(gone)
            else:
                os.remove(gone)


class Tree:
    """A copy of the sources, and of what was built of them so far."""

    def __init__(self, build, name):
        self.path = os.path.join(ROOT, 'build', 'planted', name)
        self.build = os.path.join('build', os.path.basename(build))
        os.makedirs(self.path, exist_ok=True)
        for item in SOURCES:
            source, target = os.path.join(ROOT, item), os.path.join(self.path, item)
            if os.path.isdir(source):
                _copy(source, target)
            else:
                shutil.copy2(source, target)
        built = os.path.join(ROOT, build)
        if os.path.isdir(built):
            _copy(built, os.path.join(self.path, self.build))

    def make(self, *targets):
        """Build targets, such as 'build/gcc/test/test_lane'. Raises DoesNotBuild."""
        done = subprocess.run(['make', '--no-print-directory', '-C', self.path, *targets],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env=dict(os.environ, MAKEFLAGS='', EXTRA_CFLAGS='-Wno-unused'))
        if done.returncode:
            raise DoesNotBuild(done.stdout.decode('utf-8', 'replace')[-2000:])

    @contextlib.contextmanager
    def planted(self, file, before, after):
        """The tree with one text replaced; it is put back afterwards."""
        path = os.path.join(self.path, file)
        with open(path, encoding='utf-8') as handle:
            text = handle.read()
        if text.count(before) != 1:
            raise OutOfDate('%s holds %d times: %s' % (file, text.count(before), before))
        try:
            _write(path, text.replace(before, after))
            yield self
        finally:
            _write(path, text)


def _write(path, text):
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write(text)
