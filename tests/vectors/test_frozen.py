#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The independent reader accepts our frozen vectors, and nothing near them."""

import copy
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..'))
sys.path.insert(0, HERE)
from lib import cmp, tap, wire  # noqa: E402
import check  # noqa: E402


def load(name):
    with open(os.path.join(HERE, 'frozen', name + '.json'), encoding='utf-8') as file:
        return json.load(file)


def leaves(value, path=()):
    """Paths of all texts and numbers in a tree."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, path + (key,))
    elif isinstance(value, list):
        for key, item in enumerate(value):
            yield from leaves(item, path + (key,))
    elif value != '':
        yield path


def spoiled(tree, path):
    """A copy with one digit, letter or number changed at a place."""
    made = copy.deepcopy(tree)
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    old = holder[path[-1]]
    if isinstance(old, int):
        holder[path[-1]] = old + 1
    else:
        at = len(old) // 2
        while old[at] in '\n ':
            at += 1
        other = '1' if old[at] != '1' else '2'
        holder[path[-1]] = old[:at] + other + old[at + 1:]
    return made


def accepted(name, tree):
    try:
        check.check_text(name, json.dumps(tree))
    except wire.Bad:
        return False
    return True


def check_topic(name):
    tree = load(name)
    check.check_text(name, json.dumps(tree))
    places = list(leaves(tree))
    passed = [path for path in places if accepted(name, spoiled(tree, path))]
    print('# %s: %d spoiled copies refused' % (name, len(places) - len(passed)))
    assert not passed, 'spoiled and accepted: %s' % passed


def test_the_reader_agrees_on_digests_and_refuses_every_spoiled_one():
    """W-10 W-11 W-12 W-13"""
    check_topic('digest')


def test_the_reader_agrees_on_sections_and_refuses_every_spoiled_one():
    """W-41 W-42 W-43 W-44"""
    check_topic('section')


def test_the_reader_agrees_on_key_files_and_refuses_every_spoiled_one():
    """W-35"""
    check_topic('keyfile')


def test_the_reader_agrees_on_names_and_refuses_every_spoiled_one():
    """W-32 W-85 W-86"""
    check_topic('names')


def test_the_reader_agrees_on_the_audit_trail_and_refuses_every_spoiled_one():
    """S-8"""
    check_topic('audit')


def test_the_reader_agrees_on_identities_and_refuses_every_spoiled_one():
    """W-8 W-20 W-21 W-22 W-23 W-25 W-26 W-27 W-34 W-36"""
    check_topic('identity')


def test_the_reader_agrees_on_an_exchange_and_refuses_every_spoiled_one():
    """W-40 W-45 W-46 W-50 W-51 W-53 W-54 W-55 W-56 W-70 W-72 W-73"""
    check_topic('exchange')


def test_the_reader_agrees_on_messages_and_refuses_every_spoiled_one():
    """W-61 W-62 W-63 W-64"""
    check_topic('messages')


def test_the_reader_agrees_on_records_in_sections_and_refuses_every_spoiled_one():
    """W-47 W-48 W-87"""
    check_topic('split')


def test_every_frozen_file_is_checked():
    names = {os.path.splitext(name)[0] for name in os.listdir(os.path.join(HERE, 'frozen'))}
    assert names == set(check.FROZEN), names ^ set(check.FROZEN)


def test_keys_of_later_versions_are_stepped_over_and_others_refused():
    """W-7"""
    for key, good in ((64, True), (200, True), (63, False), (2, False)):
        raw = wire.encode('HELLO', {'body': b'x', 'signature': bytes(64)}, {key: 'later'})
        try:
            wire.decode('HELLO', raw)
            assert good, key
        except wire.Bad:
            assert not good, key


if __name__ == '__main__':
    tap.main(globals())
