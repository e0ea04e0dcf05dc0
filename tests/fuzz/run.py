#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every fuzz target for a time. One line a target; the last line is "N targets, N findings".

What a target finds is kept under FOLDER/findings/TARGET. Ends with 1 on a finding, or if the
target that must crash does not.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

# Longest input of each target: somewhat beyond what its parser accepts, as far as that is useful.
MAX_LEN = {'pack': 65536, 'record_json': 65536, 'record_parts': 65536, 'envelope': 8192,
           'grant': 49152, 'lane': 2048, 'message': 65536, 'control': 65536, 'frame': 4096,
           'keyfile': 20480, 'card': 65536, 'transport': 4096}
MUST_CRASH = 'must_crash'


def run(target, folder, seconds):
    """One target. Gives its line and whether it found something."""
    findings = os.path.join(folder, 'findings', target)
    grown = os.path.join(folder, 'corpus', target)
    os.makedirs(findings, exist_ok=True)
    os.makedirs(grown, exist_ok=True)
    command = [os.path.join(folder, 'fuzz_' + target), grown,
               os.path.join('tests', 'fuzz', 'corpus', target),
               '-max_total_time=%d' % seconds, '-max_len=%d' % MAX_LEN.get(target, 64),
               '-rss_limit_mb=512', '-timeout=5', '-print_final_stats=1', '-verbosity=1',
               '-artifact_prefix=' + findings + '/']
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode('utf-8', 'replace')
    runs = re.search(r'stat::number_of_executed_units:\s*(\d+)', output)
    cover = re.findall(r'cov: (\d+) ft: (\d+)', output)
    line = '%-14s %10s runs  %6s edges %6s features  %s' % (
        target, runs.group(1) if runs else '?', cover[-1][0] if cover else '?',
        cover[-1][1] if cover else '?', 'ok' if done.returncode == 0 else 'FINDING')
    if done.returncode and target != MUST_CRASH:
        line += '\n' + '\n'.join('    ' + text for text in output.split('\n')[-60:])
    if target == MUST_CRASH:
        return line, 'AddressSanitizer: heap-buffer-overflow' in output
    return line, done.returncode != 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder')
    parser.add_argument('seconds', type=int)
    parser.add_argument('targets', nargs='*')
    options = parser.parse_args()
    os.environ['ASAN_OPTIONS'] = 'detect_leaks=1:allocator_may_return_null=1'
    targets = options.targets or sorted(MAX_LEN)
    found = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for line, finding in pool.map(lambda t: run(t, options.folder, options.seconds), targets):
            print(line, flush=True)
            found += finding
    line, crashed = run(MUST_CRASH, options.folder, max(options.seconds, 60))
    print('%-14s %s' % (MUST_CRASH, 'crashed, as it must' if crashed else 'DID NOT CRASH'))
    print('%d targets, %d findings' % (len(targets), found))
    sys.exit(1 if found or not crashed else 0)


if __name__ == '__main__':
    main()
