#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs test programs that speak TAP and counts: the last line is "N passed, N failed".

lint      tests/lint/lint.py
unit      every build/…/test/test_* (cmocka)
vectors, scenario, hostile, fault   every tests/FOLDER/test_*.py
Other words are taken as paths of programs, Python's or others.
"""

import argparse
import os
import re
import subprocess
import sys
import time

OK = re.compile(r'^\s*ok \d+(?: - (.*))?$')
NOT_OK = re.compile(r'^\s*not ok \d+(?: - (.*))?$')
CASES = re.compile(r'^# cases: (\d+)')     # what a test of many cases says of itself


def programs(words, build):
    for word in words:
        if word == 'unit':
            folder = os.path.join(build, 'test')
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name)
                if name.startswith('test_') and os.access(path, os.X_OK) and '.' not in name:
                    yield name, [path]
        elif word == 'lint':
            yield word, ['/usr/bin/python3', 'tests/lint/lint.py', '--build', build]
        elif os.path.isdir(os.path.join('tests', word)):
            folder = os.path.join('tests', word)
            for name in sorted(os.listdir(folder)):
                if name.startswith('test_') and name.endswith('.py'):
                    yield word + '/' + name, ['/usr/bin/python3', os.path.join(folder, name)]
        elif word.endswith('.py'):
            yield word[len('tests/'):] if word.startswith('tests/') else word, \
                ['/usr/bin/python3', word]
        else:
            yield word, [word]


def run(name, command, environment, limit):
    """Run one program. Returns (passed, names of those that failed, cases) and prints what failed."""
    if not command[0].startswith('/usr/bin'):
        # Unit tests run unconfined, so the sanitizers can look for leaks at their end.
        environment = dict(environment, ASAN_OPTIONS='detect_leaks=1')
    started = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit, check=False)
        output = done.stdout.decode('utf-8', 'replace')
        code = done.returncode
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b'').decode('utf-8', 'replace')
        code = 'none after %d s' % limit
    lines = output.splitlines()
    passed = sum(1 for line in lines if OK.match(line))
    failed = [NOT_OK.match(line).group(1) or '?' for line in lines if NOT_OK.match(line)]
    if code != 0 and not failed:
        failed.append('ended with %s' % code)
    if passed == 0 and not failed:
        failed.append('ran no test')
    print('%-44s %4d passed %3d failed  %6.1f s' % (name, passed, len(failed),
                                                   time.monotonic() - started), flush=True)
    if failed:
        print('\n'.join('    ' + line for line in lines[-60:]), flush=True)
    return passed, failed, sum(int(CASES.match(line)[1]) for line in lines
                                    if CASES.match(line))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default='build/gcc')
    parser.add_argument('--limit', type=int, default=900, help='seconds that a program may take')
    parser.add_argument('words', nargs='+')
    options = parser.parse_args()
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT='TAP',
                       VALISE_BUILD=os.path.abspath(options.build), PYTHONDONTWRITEBYTECODE='1')
    passed = cases = 0
    failed = []
    for name, command in programs(options.words, options.build):
        one = run(name, command, environment, options.limit)
        passed += one[0]
        failed += ['%s: %s' % (name, test) for test in one[1]]
        cases += one[2]
    if cases:
        print('%d cases' % cases)
    for test in failed:
        print('failed: ' + test)
    print('%d passed, %d failed' % (passed, len(failed)))
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__':
    main()
