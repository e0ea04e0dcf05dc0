# SPDX-License-Identifier: Apache-2.0
"""What was measured, as lines for people and as a CSV file."""

import csv
import statistics

WIDTHS = (14, 36, 36, 44, 11, 10)
HEAD = ('job', 'ours', 'limit', 'peer', 'ours/limit', 'ours/peer')


def figure(value):
    """Three digits that count."""
    if value >= 100:
        return '{:,.0f}'.format(value)
    return '%.3g' % value


class Values(list):
    """Some measurements of one thing."""

    def __init__(self, values, unit, label=''):
        super().__init__(values)
        self.unit = unit
        self.label = label

    @property
    def median(self):
        return statistics.median(self)

    def __str__(self):
        text = figure(self.median)
        if len(self) > 1:
            text += ' (%s..%s)' % (figure(min(self)), figure(max(self)))
        text += ' ' + self.unit
        return '%s: %s' % (self.label, text) if self.label else text


class Row:
    """One line. `limit` and `peer` are Values, or the reason why there are none."""

    def __init__(self, job, ours, limit='-', peer='-', goal=''):
        self.job = job
        self.ours = ours
        self.limit = limit
        self.peer = peer
        self.goal = goal

    def ratio(self, other):
        return self.ours.median / other.median if isinstance(other, Values) else None

    def line(self):
        ratios = [self.ratio(other) for other in (self.limit, self.peer)]
        cells = [self.job, self.ours, self.limit, self.peer,
                 *('-' if ratio is None else figure(ratio) for ratio in ratios)]
        text = '  '.join(str(cell).ljust(width) for cell, width in zip(cells, WIDTHS))
        return (text + '  ' + self.goal).rstrip()

    def records(self):
        """Rows of the CSV: every single measurement, and the ratios."""
        for what, values in (('ours', self.ours), ('limit', self.limit), ('peer', self.peer)):
            if isinstance(values, Values):
                label = values.label or what
                for run, value in enumerate(values):
                    yield self.job, what, label, run + 1, value, values.unit
                yield self.job, what, label, 'median', values.median, values.unit
                if what != 'ours':
                    yield self.job, 'ours/' + what, label, 'ratio', self.ratio(values), ''
            elif values != '-':
                yield self.job, what, values, '', '', ''


def head():
    return '  '.join(cell.ljust(width) for cell, width in zip(HEAD, WIDTHS)) + '  goal'


def write_csv(path, rows):
    with open(path, 'w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(('job', 'what', 'label', 'run', 'value', 'unit'))
        for row in rows:
            writer.writerows(row.records())
