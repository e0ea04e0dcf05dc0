#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random policies: the preview, what an independent reading of the rules says, and what each
node can then actually open are the same. T-9, T-10"""

import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import control, nodes, samples, tap  # noqa: E402

STATES = ('XMA', 'XNH', 'XOR')
GROUPS = {'NORTH': STATES, 'PAIR': ('XMA', 'XNH'), 'EDGE': ('XNH', 'XOR')}
SECTIONS = ('summary', 'parties', 'details', 'restricted')
POLICIES = int(os.environ.get('VALISE_POLICIES', '1000'))
SEED = int(os.environ.get('VALISE_SEED', '41'))
GOOD = ['state:' + state for state in STATES] + ['group:' + group for group in GROUPS]
BAD = ['state:XPE', 'state:XYZ', 'group:NOWHERE', 'group:', 'state:', 'XMA', 'everybody', '*']
# Places that may be moved, and the sections they may be moved to.
MOVES = {'/explanation': ('internal',), '/parties/1': ('details', 'restricted', 'internal'),
         '/documents': ('restricted', 'internal'), '/national_ref': ('restricted',),
         '/items/0/model': ('restricted', 'internal'), '/grounds': ('details', 'restricted')}


class World(nodes.Federation):
    def __init__(self):
        place = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
        super().__init__(tempfile.mkdtemp(prefix='valise-', dir=place))
        self.published = {}     # reference: (State, preview, handling)
        self.refused = {}       # code: how often

    def __enter__(self):
        for state in STATES:
            self[state] = nodes.Node(os.path.join(self.directory, state), state).make()
            self[state].start()
        self.introduce(*STATES)
        for state in STATES:
            for name, members in GROUPS.items():
                self[state].call('group.define', name=name, states=list(members))
        self.until_in_touch()
        return self


def setup():
    return World()


def some(chance, terms, most):
    return chance.sample(terms, chance.randint(0, min(most, len(terms))))


def random_record(chance, state):
    """A denial whose handling is mostly sound, sometimes not."""
    record = samples.denial(state, 'policy')
    body, handling = record['body'], record['handling']
    for name in ('explanation', 'national_ref', 'documents', 'officer', 'internal_notes'):
        if chance.random() < 0.3:
            del body[name]
    terms = GOOD + ([chance.choice(BAD)] if chance.random() < 0.15 else [])
    handling['read'] = {'*': some(chance, terms, 3)} if chance.random() < 0.9 else {}
    for section in SECTIONS:
        if chance.random() < 0.35:
            handling['read'][section] = some(chance, terms, 2)
    if chance.random() < 0.4:
        handling['deny'] = some(chance, GOOD + ['state:XTO', 'state:XPE'], 2)
    if chance.random() < 0.4:
        place = chance.choice(list(MOVES))
        handling['fields'] = {place: chance.choice(MOVES[place])}
    if chance.random() < 0.2:
        handling['tlp'] = chance.choice(('TLP:RED', 'TLP:AMBER+STRICT', 'TLP:GREEN', 'TLP:CLEAR'))
    if chance.random() < 0.4:
        handling['onward'] = chance.choice(('consent', 'group', 'listed'))
        kind = {'group': 'group:', 'listed': 'state:'}.get(handling['onward'], 'none')
        to = [term for term in GOOD if term.startswith(kind)]
        if to:
            handling['onward_to'] = some(chance, to, 2) or to[:1]
    if chance.random() < 0.05:
        handling['onward_to'] = some(chance, GOOD, 2)
    for name, values in (('use_until', ('2027-01-01', '2029-03-02')), ('retain', ('10y', '90d')),
                         ('purge_by', ('2026-12-31', '2031-01-01')), ('export', ('none', 'print')),
                         ('history', ('none',)), ('leave', ('keep',)), ('ack', ('stored',))):
        if chance.random() < 0.15:
            handling[name] = chance.choice(values)
    return record


def covers(terms, state):
    return any(term == 'state:' + state or
               term.startswith('group:') and state in GROUPS.get(term[6:], ()) for term in terms)


def expected(handling, author, present):
    """Who reads what, from the words of the protocol, apart from the node's code."""
    readers = {}
    for state in STATES:
        if state == author:
            readers[state] = set(present)
            continue
        found = set()
        if not covers(handling.get('deny', []), state):
            found = {section for section in present if section != 'manifest' and covers(
                handling['read'].get(section, handling['read'].get('*', [])), state)}
        readers[state] = found | {'manifest'} if found else found
    return readers


def read_as_rows(preview):
    return {state: {section for section, reads in row.items() if reads}
            for state, row in preview['readers'].items()}


def is_unsound(handling):
    """Whether a term of the audience names nobody that is known."""
    terms = [term for terms in handling['read'].values() for term in terms]
    return any(term not in GOOD for term in terms + handling.get('onward_to', []))


def test_a_preview_says_what_the_rules_say(world):
    print('# seed %d, %d policies' % (SEED, POLICIES))
    chance = random.Random(SEED)
    previewed = tried = 0
    while previewed < POLICIES:
        tried += 1
        state = chance.choice(STATES)
        node = world[state]
        record = random_record(chance, state)
        handling = record['handling']
        try:
            reference = node.call('draft.new', record=record)['reference']
            preview = node.call('policy.preview', reference=reference)
        except control.Refused as refused:
            world.refused[refused.code] = world.refused.get(refused.code, 0) + 1
            continue
        previewed += 1
        assert not is_unsound(handling), handling
        rows = read_as_rows(preview)
        assert rows == expected(handling, state, preview['sections']), (handling, rows)
        try:
            shown = node.call('record.publish', reference=reference, preview=preview['preview'])
        except control.Refused as refused:
            assert refused.code == 'E211' and not any(
                rows[other] for other in STATES if other != state), (refused, handling)
            world.refused['E211'] = world.refused.get('E211', 0) + 1
            continue
        assert read_as_rows(shown) == rows
        world.published[reference] = (state, rows, handling)
    print('# %d tried, %d published, refused: %s' % (tried, len(world.published), world.refused))
    assert len(world.published) > POLICIES // 2
    assert {'E211', 'E302', 'E303', 'E209'} <= set(world.refused), world.refused


def test_each_node_opens_exactly_what_the_preview_said(world):
    world.until_settled()
    opened = 0
    for reference, (author, rows, handling) in world.published.items():
        for state in STATES:
            if not rows[state]:
                assert not world[state].has(reference), (reference, state, handling)
                continue
            found = samples.open_sections(world[state].show(reference))
            assert found == rows[state], (reference, author, state, found, rows, handling)
            opened += len(found)
    assert opened > 2 * len(world.published)


def test_the_originator_says_the_same_of_each_State_and_section(world):
    for reference, (author, rows, handling) in list(world.published.items())[:60]:
        for state in STATES:
            if state == author:
                continue
            for row in world[author].call('policy.why', reference=reference,
                                          state=state)['sections']:
                if row['holds_anything']:
                    reads = row['section'] in rows[state]
                    assert row['permit'] == reads and row['reason'], (row, handling)
            answer = world[author].call('policy.can', reference=reference, state=state,
                                        section='restricted')
            assert not answer['permit'] or 'restricted' in rows[state] or \
                'restricted' not in rows[author]


def test_what_was_previewed_otherwise_is_not_published(world):
    node = world['XMA']
    reference = node.call('draft.new', record=samples.denial('XMA', 'bound', {
        '*': ['group:PAIR']}))['reference']
    preview = node.call('policy.preview', reference=reference)['preview']
    node.call('group.define', name='PAIR', states=['XMA', 'XNH', 'XOR'])
    assert node.refusal('record.publish', reference=reference, preview=preview) == 'E903'


if __name__ == '__main__':
    tap.main(globals())
