#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The long simulation: many seeds, and bugs planted one at a time that must be found.

Prints TAP; the last lines give what happened in all and "N passed, N failed".
A plant is a patch in plants/ with a line "Within: N steps": the simulation of the
patched code must violate an invariant within so many steps, whatever the seed begins with.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
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


def find_plant(program, patch):
    """Run a patched program until it fails. Returns (found, text)."""
    with open(patch, encoding='utf-8') as handle:
        text = handle.read()
    limit = int(re.search(r'^Within: (\d+) steps', text, re.M).group(1))
    used = 0
    seed = 0
    while used < limit:
        seed += 1
        steps = min(PLANT_STEPS, limit - used)
        nodes, fault = shape(seed)
        output, violation = simulate(program, seed, steps, nodes, fault)
        if violation:
            return True, violation
        used += steps
    return False, 'not found within %d steps' % used


def plant_jobs(build):
    folder = os.path.join(FOLDER, 'plants')
    for name in sorted(f[:-6] for f in os.listdir(folder) if f.endswith('.patch')):
        program = os.path.join(build, 'sim-plants', name, 'simulation')
        yield name, program, os.path.join(folder, name + '.patch')


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
    jobs = {}
    for name, program, patch in plant_jobs(options.build):
        if os.access(program, os.X_OK):
            jobs[name] = pool.submit(find_plant, program, patch)
        else:
            tap.result(False, 'the planted bug %s was not built' % name)
    for name, job in jobs.items():
        found, text = job.result()
        tap.result(found, 'the planted bug %s is found: %s' % (name, text))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default='build/gcc')
    parser.add_argument('--steps', type=int, default=1000000)
    parser.add_argument('--first-seed', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--no-plants', action='store_true')
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
