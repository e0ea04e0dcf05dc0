# SPDX-License-Identifier: Apache-2.0
"""Records in sections (WIRE.md W-47, W-48, W-87), from the tables printed in WIRE.md."""

import os
import re

from .wire import need

SECTIONS = ('manifest', 'summary', 'parties', 'details', 'restricted', 'attachments', 'internal')
SHARED = SECTIONS[:-1]
MANIFEST, SUMMARY, RESTRICTED = 0, 1, 4
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'proto', 'WIRE.md')


class Field:
    """One row of the table of an object."""

    def __init__(self, name, form, required, section):
        self.name = name
        self.required = required == 'yes'
        self.section = SECTIONS.index(section) if section else None
        self.is_list = form.startswith('list')
        form = re.sub(r'^list(, not empty,)? of ', '', form)
        self.object = form[len('object '):] if form.startswith('object ') else None
        self.codes = form[len('code of '):] if form.startswith('code of ') else None


class Tables:
    """The tables of section 14."""

    def __init__(self, path=DOCUMENT):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        self.objects = {}
        name = None
        for line in self._table(text, 'fields').split('\n'):
            title = re.match(r'\*\*object (.+)\*\*$', line)
            row = re.match(r'\| `(.+?)` \| (.+?) \| (yes|no) \| (\w*) ?\| ', line)
            if title:
                name = title.group(1)
                self.objects[name] = {}
            elif row:
                self.objects[name][row.group(1)] = Field(*row.groups())
        self.bodies = {}
        for row in re.finditer(r'\| `(.+?)` \| \w+ \| object (.+?) \|', self._table(text, 'kinds')):
            self.bodies[row.group(1)] = row.group(2)
        self.codes = {}
        for row in re.finditer(r'\| ([\w-]+) \|((?: `[^`]+`)+) \|', self._table(text, 'codes')):
            self.codes[row.group(1)] = set(re.findall(r'`([^`]+)`', row.group(2)))
        assert len(self.objects) > 20 and len(self.bodies) == 3 and len(self.codes) > 30

    @staticmethod
    def _table(text, name):
        return text.split('<!-- begin: %s -->' % name)[1].split('<!-- end: %s -->' % name)[0]

    def body_of(self, record):
        need(record.get('schema') in self.bodies, 'unknown schema')
        return self.bodies[record['schema']]

    # --- W-47 -----------------------------------------------------------------------------

    def split(self, record):
        """{section: body} of a record in canonical form."""
        moved = record['handling'].get('fields', {})
        parts = {}
        if moved:
            settled = {self._settled(record['body'], moved, at): to for at, to in moved.items()}
            record = dict(record, handling=dict(record['handling'], fields=settled))
        for key, value in record.items():
            if key == 'body':
                body = self._split(self.body_of(record), value, SUMMARY, MANIFEST, '', moved)
                for section, part in body.items():
                    parts.setdefault(section, {})['body'] = part
            else:
                section = self.objects['record'][key].section
                parts.setdefault(section, {})[key] = value
        return {SECTIONS[section]: part for section, part in parts.items()}

    def _split(self, name, value, around, floor, pointer, moved):
        parts = {}
        for key, item in value.items():
            field = self.objects[name][key]
            here = '%s/%s' % (pointer, key)
            section = around if field.section is None else field.section
            least = max(floor, self._moved(moved, here))
            if value.get('type') == 'person' and key in ('ids', 'address'):
                least = max(least, RESTRICTED)
            if field.object is None:
                parts.setdefault(max(section, least), {})[key] = item
                continue
            if not field.is_list:
                inner = self._split(field.object, item, section, least, here, moved)
                for inner_section, part in inner.items():
                    parts.setdefault(inner_section, {})[key] = part
                continue
            for place, index in enumerate(self._order(moved, here, len(item))):
                at = '%s/%d' % (here, index)
                inner = self._split(field.object, item[index], section,
                                    max(least, self._moved(moved, at)), at, moved)
                for inner_section, part in inner.items():
                    parts.setdefault(inner_section, {}).setdefault(key, {})[str(place)] = part
        return parts

    def _settled(self, value, moved, pointer):
        """The same pointer after entries of lists took their places."""
        before = after = ''
        for step in pointer.split('/')[1:]:
            place = step
            if isinstance(value, list):
                index = int(step)
                if index < len(value):
                    order = self._order(moved, before, len(value))
                    place = str(order.index(index))
                value = value[index] if index < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
            before += '/' + step
            after += '/' + place
        return after

    def _order(self, moved, pointer, count):
        """Entries of a list in the order of their places."""
        return sorted(range(count), key=lambda i: (self._moved(moved, '%s/%d' % (pointer, i)), i))

    @staticmethod
    def _moved(moved, pointer):
        return SECTIONS.index(moved[pointer]) if pointer in moved else MANIFEST

    # --- W-48 -----------------------------------------------------------------------------

    def merge(self, parts):
        """One record from the bodies of some sections."""
        need('manifest' in parts, 'no manifest')
        bodies = list(parts.values())
        need(all(isinstance(body, dict) for body in bodies), 'a section that is no map')
        record = {}
        for body in bodies:
            for key, value in body.items():
                if key != 'body':
                    need(key not in record, 'two sections hold ' + key)
                    record[key] = value
        inner = [body['body'] for body in bodies if 'body' in body]
        if inner:
            record['body'] = self._merge(self.body_of(record), inner)
        return record

    def _merge(self, name, maps):
        need(all(isinstance(part, dict) for part in maps), 'a part that is no map')
        merged = {}
        for key in {key for part in maps for key in part}:
            found = [part[key] for part in maps if key in part]
            field = self.objects[name].get(key)
            if field is None or field.object is None:
                need(len(found) == 1, 'two sections hold ' + key)
                merged[key] = found[0]
            elif field.is_list:
                merged[key] = self._merge_list(field, found)
            else:
                merged[key] = self._merge(field.object, found)
        return merged

    def _merge_list(self, field, maps):
        places = {}
        for part in maps:
            need(isinstance(part, dict), 'a list that is no map')
            for place, item in part.items():
                need(re.fullmatch(r'0|[1-9][0-9]{0,3}', place), 'a place that is no number')
                places.setdefault(int(place), []).append(item)
        return [self._merge(field.object, places[place]) for place in sorted(places)]

    # --- W-87 -----------------------------------------------------------------------------

    def check(self, record):
        """Refuse fields and codes that are not in the tables."""
        self._check('record', {key: value for key, value in record.items() if key != 'body'})
        if 'body' in record:
            self._check(self.body_of(record), record['body'])
        return record

    def _check(self, name, value):
        for key, item in value.items():
            need(key in self.objects[name], 'unknown field %s of %s' % (key, name))
            field = self.objects[name][key]
            items = item if field.is_list else [item]
            need(isinstance(items, list), 'field %s is no list' % key)
            for one in items:
                if field.object is not None:
                    need(isinstance(one, dict), 'field %s is no object' % key)
                    self._check(field.object, one)
                elif field.codes is not None:
                    need(field.codes in self.codes and one in self.codes[field.codes],
                         'unknown code %s in %s' % (one, key))

    def granted(self, record, sections):
        """What a reader of these sections can put together of a record."""
        parts = self.split(record)
        return self.merge({name: parts[name] for name in sections if name in parts})
