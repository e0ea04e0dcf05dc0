# SPDX-License-Identifier: Apache-2.0
"""What the kernel knows about a node's processes: time and memory."""

import os
import threading


def tree(pid):
    """A process and its descendants."""
    parents = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open('/proc/%s/stat' % name, encoding='utf-8', errors='replace') as file:
                    # The name may hold anything, so count from its end.
                    parents[int(name)] = int(file.read().rsplit(')', 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                pass    # it ended meanwhile
    found = [pid]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found


def cpu_seconds(pid):
    """Processor time of a process tree, all threads, to the nanosecond."""
    total = 0
    for one in tree(pid):
        for task in os.listdir('/proc/%d/task' % one):
            with open('/proc/%d/task/%s/schedstat' % (one, task), encoding='ascii') as file:
                total += int(file.read().split()[0])
    return total / 1e9


def lifetime_cpu_seconds(pid):
    """Processor time of a process tree and of those in it that ended, to the tick."""
    total = 0
    for one in tree(pid):
        try:
            with open('/proc/%d/stat' % one, encoding='utf-8', errors='replace') as file:
                total += sum(int(word) for word in file.read().rsplit(')', 1)[1].split()[11:15])
        except (FileNotFoundError, ProcessLookupError):
            pass    # it ended meanwhile, and its parent counts it
    return total / os.sysconf('SC_CLK_TCK')


def memory_mib(pid):
    """Memory of a process tree that the page cache does not hold: RssAnon."""
    total = 0
    for one in tree(pid):
        try:
            with open('/proc/%d/status' % one, encoding='utf-8', errors='replace') as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith('RssAnon:'))
        except (FileNotFoundError, ProcessLookupError):
            pass    # it ended meanwhile
    return total / 1024


class MemoryWatch(threading.Thread):
    """A context manager: the most memory that a process tree had at any time within it."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.most = memory_mib(pid)
        self._over = threading.Event()

    def run(self):
        while not self._over.wait(0.1):
            self.most = max(self.most, memory_mib(self.pid))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()
