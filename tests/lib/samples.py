# SPDX-License-Identifier: Apache-2.0
"""Records for tests: the published examples cut to the States at hand, and made-up denials."""

import copy
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def examples(states, groups=('NORTH',)):
    """The example records of these States, their audiences cut to these States and groups."""
    with open(os.path.join(HERE, '..', 'vectors', 'records.json'), encoding='utf-8') as file:
        records = json.load(file)
    known = {'state:' + state for state in states} | {'group:' + group for group in groups}
    chosen = []
    for record in records:
        if record['originator']['state'] not in states:
            continue
        record = copy.deepcopy(record)
        read = record['handling']['read']
        for section in list(read):
            read[section] = [term for term in read[section] if term in known]
        if not read['*']:
            continue
        if record['handling'].get('onward') == 'group' and not any(
                term.startswith('group:') for terms in read.values() for term in terms):
            record['handling']['onward'] = 'none'
        # The version that it follows is not among the examples.
        record.pop('supersedes', None)
        record.pop('version', None)
        chosen.append(record)
    return chosen


def denial(state, word='sample', read=None, **handling):
    """A denial with something in each section that fields stand in; `word` is in all its texts."""
    return {
        'schema': 'valise/denial/1', 'lang': 'en',
        'originator': {'state': state, 'authority': 'Directorate ' + word},
        'handling': dict({'tlp': 'TLP:AMBER', 'read': read or {'*': ['group:NORTH']},
                          'onward': 'none', 'purpose': ['licensing']}, **handling),
        'body': {
            'denial_type': 'licence_refused', 'activity': 'export',
            'denied_on': '2026-03-02', 'active_until': '2029-03-02', 'destination': 'XPE',
            'national_ref': 'file ' + word,
            'items': [{'line': 1, 'att': 'ATT-2.1.h', 'cml': 'ML1.a', 'form': 'complete',
                       'description': 'rifles, lot ' + word, 'model': 'model ' + word,
                       'quantity': 12, 'unit': 'piece', 'value': '3120.00', 'currency': 'EUR'}],
            'parties': [{'role': 'consignee', 'type': 'organisation', 'country': 'XTO',
                         'names': [{'name': 'Consignee ' + word, 'kind': 'primary',
                                    'script': 'Latn'}]},
                        {'role': 'end_user', 'type': 'organisation', 'country': 'XPE',
                         'names': [{'name': 'End user ' + word, 'kind': 'primary',
                                    'script': 'Latn'}]}],
            'grounds': [{'scheme': 'ATT', 'code': 'ATT-11.2', 'threshold': 'risk of diversion'}],
            'documents': [{'kind': 'EUC', 'number': 'EUC ' + word, 'finding': 'forged, ' + word}],
            'explanation': 'The certificate could not be authenticated: ' + word,
            'status': 'active', 'officer': 'Officer ' + word,
            'internal_notes': 'Seen by the desk: ' + word}}


def strings(value):
    """Every string that stands as a value anywhere in a tree."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def open_sections(record):
    """The sections that a shown record says are open here."""
    return {name for name, word in record['node']['sections'].items() if word == 'reads'}
