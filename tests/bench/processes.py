# SPDX-License-Identifier: Apache-2.0
"""What the kernel knows about a node's processes: time and memory."""

import os


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


def memory_mib(pid):
    """Memory of a process tree that the page cache does not hold: RssAnon."""
    total = 0
    for one in tree(pid):
        with open('/proc/%d/status' % one, encoding='utf-8', errors='replace') as file:
            for line in file:
                if line.startswith('RssAnon:'):
                    total += int(line.split()[1])
    return total / 1024
