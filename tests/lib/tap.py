# SPDX-License-Identifier: Apache-2.0
"""Test programs in Python that speak TAP.

    def test_refuses_a_stranger(): ...
    if __name__ == '__main__':
        tap.main(globals())

Each function test_… is one test; its name without the prefix is the sentence.
A test fails by raising. `setup` is called once before, if there is one; what it
returns, if it is a context manager, is entered around all tests and passed to
each test that takes an argument.
"""

import contextlib
import inspect
import sys
import traceback


def _sentence(name):
    return name[len('test_'):].replace('_', ' ')


def _say(text):
    print(text, flush=True)


def main(names, only=None):
    """Run all tests of a module's globals() in the order they stand there, then exit."""
    tests = [(name, function) for name, function in names.items()
             if name.startswith('test_') and callable(function)]
    wanted = only or sys.argv[1:]
    if wanted:
        tests = [(name, function) for name, function in tests
                 if any(word in name for word in wanted)]
    _say('1..%d' % len(tests))
    failed = 0
    try:
        with contextlib.ExitStack() as stack:
            world = names['setup']() if 'setup' in names else None
            if hasattr(world, '__enter__'):
                world = stack.enter_context(world)
            for number, (name, function) in enumerate(tests, 1):
                failed += not run_one(number, name, function, world)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        _say('not ok 0 - the world of these tests can be made')
        failed += 1
    sys.exit(1 if failed else 0)


def run_one(number, name, function, world):
    try:
        if inspect.signature(function).parameters:
            function(world)
        else:
            function()
    except Exception:  # pylint: disable=broad-except
        for line in traceback.format_exc().splitlines():
            _say('# ' + line)
        _say('not ok %d - %s' % (number, _sentence(name)))
        return False
    _say('ok %d - %s' % (number, _sentence(name)))
    return True
