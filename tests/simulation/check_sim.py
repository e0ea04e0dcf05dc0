#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The long simulation: many seeds, and bugs planted one at a time that must be found.

Prints TAP; the last lines give what happened in all and "N passed, N failed".
A plant is a row of plants.py: the simulation of the changed code must violate an
invariant within so many steps.
"""

import argparse
import concurrent.futures
import os
import queue
import re
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, '..'))
from lib import plant  # noqa: E402
from plants import PLANTS  # noqa: E402

RUN_STEPS = 40000
PLANT_STEPS = 10000
COUNTED = ('steps', 'records', 'versions', 'large', 'messages', 'lost', 'crashes', 'restores',
           'mends', 'full', 'forks', 'frozen', 'forged', 'refused_frames')
VIOLATION = re.compile(r'^# violation seed=(\d+) nodes=(\d+) fault=(\w+) step=(\d+) '
                       r'invariant=(\S+?): (.*)$', re.M)
FAULTS = ('all', 'all', 'honest', 'all', 'restore')


def simulate(program, seed, steps, nodes, fault):
    """Run once. Returns (output, violation or None)."""
    command = [program, '--seed', str(seed), '--steps', str(steps), '--nodes', str(nodes),
               '--fault', fault, '--data', os.path.dirname(FOLDER)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode('utf-8', 'replace')
    found = VIOLATION.search(output)
    if found:
        return output, 'seed %s, nodes %s, faults %s, step %s, invariant %s: %s' % found.groups()
    if done.returncode != 0:
        return output, 'seed %d, nodes %d, faults %s: ended with %d' % (seed, nodes, fault,
                                                                       done.returncode)
    return output, None


def shape(seed):
    """Nodes and faults of a run, so that all of them come up."""
    return 3 + seed % 5, FAULTS[seed % len(FAULTS)]


def count(output, totals):
    for name in COUNTED:
        for number in re.findall(r'\b%s=(\d+)' % name, output):
            totals[name] = totals.get(name, 0) + int(number)
    for number in re.findall(r'converged_ms=(\d+)', output):
        totals['slowest_ms'] = max(totals.get('slowest_ms', 0), int(number))


def find_plant(tree, row):
    """Build with one bug and run until something fails. Returns (found, text)."""
    _, file, before, after, limit = row
    target = os.path.join(tree.build, 'test', 'simulation')
    try:
        with tree.planted(file, before, after):
            tree.make(target)
            return hunt(os.path.join(tree.path, target), limit)
    except plant.OutOfDate as error:
        return False, 'its row is out of date: %s' % error
    except plant.DoesNotBuild as error:
        return False, 'it does not build: %s' % error


def hunt(program, limit):
    used = 0
    seed = 0
    while used < limit:
        seed += 1
        steps = min(PLANT_STEPS, limit - used)
        _, violation = simulate(program, seed, steps, shape(seed)[0], 'all')
        if violation:
            return True, '%s (%d steps before)' % (violation, used)
        used += steps
    return False, 'not found within %d steps' % used


class Tap:
    """Numbers results and counts them."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def result(self, good, text):
        self.passed += good
        self.failed += not good
        print('%s %d - %s' % ('ok' if good else 'not ok', self.passed + self.failed, text),
              flush=True)


def run_seeds(pool, program, options, tap, totals):
    count_of_runs = -(-options.steps // RUN_STEPS)
    seeds = range(options.first_seed, options.first_seed + count_of_runs)
    jobs = {seed: pool.submit(simulate, program, seed, RUN_STEPS, *shape(seed)) for seed in seeds}
    for seed, job in jobs.items():
        output, violation = job.result()
        count(output, totals)
        nodes, fault = shape(seed)
        tap.result(violation is None, violation or 'seed %d holds with %d nodes and faults %s for '
                   '%d steps' % (seed, nodes, fault, RUN_STEPS))


def run_plants(pool, options, tap):
    """Each worker has a tree of its own, and takes the next row when it is free."""
    trees = queue.SimpleQueue()
    for number in range(options.jobs):
        trees.put(plant.Tree(options.build, 'simulation-%d' % number))

    def work(row):
        tree = trees.get()
        try:
            return find_plant(tree, row)
        finally:
            trees.put(tree)

    wanted = [row for row in PLANTS if not options.plant or row[0] in options.plant]
    for row, job in [(row, pool.submit(work, row)) for row in wanted]:
        found, text = job.result()
        tap.result(found, 'the planted bug %s is found: %s' % (row[0], text))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default='build/gcc')
    parser.add_argument('--steps', type=int, default=1000000)
    parser.add_argument('--first-seed', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--no-plants', action='store_true')
    parser.add_argument('--plant', action='append', help='only this bug')
    options = parser.parse_args()
    program = os.path.join(options.build, 'test', 'simulation')
    tap = Tap()
    totals = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        if options.steps > 0:
            run_seeds(pool, program, options, tap, totals)
        if not options.no_plants:
            run_plants(pool, options, tap)
    print('1..%d' % (tap.passed + tap.failed))
    print('# ' + ' '.join('%s=%d' % item for item in totals.items()))
    print('%d passed, %d failed' % (tap.passed, tap.failed))
    sys.exit(1 if tap.failed or not tap.passed else 0)


if __name__ == '__main__':
    main()
