# SPDX-License-Identifier: Apache-2.0
"""Faults for nodes under test: failing calls, other clocks (tests/fault/shim.c), spoilt stores
(tests/fault/store_tool.c)."""

import contextlib
import mmap
import os
import struct
import subprocess
import tempfile
import time

from . import nodes

# The members of struct faults in tests/fault/shim.c, in order.
MEMBERS = ('wall_ms', 'steady_ms', 'rate', 'from_ms', 'sync_left', 'write_left', 'error', 'lasts',
           'file_system', 'failed')
DAY_MS = 86400000


@contextlib.contextmanager
def environment(**values):
    """Set environment variables for programs that are started inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Shim:
    """What fails, and what time it is, in the nodes that are started with it.

        shim = Shim(directory)
        with shim: node.start()
        shim.wall_ms = 3 * DAY_MS
    """

    def __init__(self, directory):
        handle, path = tempfile.mkstemp(prefix='faults-', dir=directory)
        os.ftruncate(handle, 8 * len(MEMBERS))
        self.__dict__['_map'] = mmap.mmap(handle, 8 * len(MEMBERS))
        os.close(handle)
        self.__dict__['_path'] = path
        self.__dict__['_entered'] = []
        self.sync_left = self.write_left = -1

    def __setattr__(self, name, value):
        struct.pack_into('=q', self._map, 8 * MEMBERS.index(name), value)

    def __getattr__(self, name):
        return struct.unpack_from('=q', self._map, 8 * MEMBERS.index(name))[0]

    def run_fast(self, rate):
        """From now on both clocks run so many times as fast."""
        self.from_ms = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000000
        self.rate = rate

    def __enter__(self):
        shim = os.path.join(nodes.build_directory(), 'test', 'shim.so')
        # A sanitizer wants to be the first library; the shim has to be.
        asan = os.environ.get('ASAN_OPTIONS', '')
        world = environment(LD_PRELOAD=shim, VALISE_FAULTS=self._path,
                            ASAN_OPTIONS=asan + ':verify_asan_link_order=0')
        world.__enter__()
        self._entered.append(world)
        return self

    def __exit__(self, *what):
        self._entered.pop().__exit__(*what)


def tool(*words):
    """Run store_tool; returns the lines that it prints."""
    program = os.path.join(nodes.build_directory(), 'test', 'store_tool')
    done = subprocess.run([program, *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, text=True)
    if done.returncode != 0:
        raise RuntimeError('store_tool %s: %s' % (words[0], done.stderr.strip()))
    return done.stdout.splitlines()


def secrets(node):
    """The secret keys of a node, 32 bytes each, by name."""
    return {name: bytes.fromhex(text)[:32]
            for name, text in (line.split() for line in tool('secrets', node.home))}


def rows(node):
    """Every row of the store of a node that does not run: (table, key, opened value)."""
    for line in tool('values', node.home):
        table, key, value = line.split(' ')
        yield table, bytes.fromhex(key), bytes.fromhex(value)


def run_to_end(node, extra=(), deadline=20, program=None):
    """Start a node that should refuse to. Returns (exit code, what it said)."""
    program = program or os.path.join(nodes.build_directory(), 'bin', 'valised')
    done = subprocess.run([program, '--config', node.config, *extra], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=deadline,
                          check=False, cwd=node.home)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def checks_bad(node):
    """What doctor does not find good."""
    return [check for check in node.doctor() if check['verdict'] != 'good']
