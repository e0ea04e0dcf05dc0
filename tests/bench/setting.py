# SPDX-License-Identifier: Apache-2.0
"""Where the jobs run: directories, the program `bench`, and real nodes with many records."""

import os
import shutil
import subprocess
import sys
import tempfile

from lib import nodes

from table import Values

SETTINGS = {'store': {'max_size': '32G', 'allow_tmpfs': 'no'}, 'log': {'level': 'warning'},
            'limits': {'peer_records_per_day': 100000000, 'peer_bytes_per_day': '1000G'}}


def file_system(path):
    done = subprocess.run(('stat', '-f', '-c', '%T', path), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


class Setting:
    """A context manager: its directories are removed at the end."""

    def __init__(self, records, runs):
        self.wanted_records = records
        self.runs = runs
        self.build = nodes.build_directory()
        self.program_path = os.path.join(self.build, 'test', 'bench')
        # Not /tmp, which may lie in memory: commits are to be as slow as they are.
        self.disk = tempfile.mkdtemp(prefix='valise-', dir=os.environ.get('VALISE_BENCH', '/var/tmp'))
        shared = '/dev/shm'
        self.fast = tempfile.mkdtemp(prefix='valise-', dir=shared if os.access(shared, os.W_OK)
                                     else self.disk)
        os.chmod(self.disk, 0o711)      # PostgreSQL runs as somebody else
        self._prepared = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.disk, ignore_errors=True)
        shutil.rmtree(self.fast, ignore_errors=True)

    def records(self, otherwise):
        return self.wanted_records or otherwise

    def at_most(self, usual):
        """For jobs that are not about many records."""
        return min(self.records(usual), usual)

    @staticmethod
    def say(text, *values):
        print('# ' + text % values, file=sys.stderr, flush=True)

    # --- the program ----------------------------------------------------------------------

    def command(self, job, **options):
        """Its command line; a list repeats an option."""
        words = [self.program_path, job]
        options = dict({'directory': self.disk, 'fast': self.fast}, **options)
        for name, value in options.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                words += ['--' + name, str(one)]
        return words

    def program(self, job, **options):
        """Run it. Returns {what: Values}."""
        options.setdefault('runs', self.runs)
        done = subprocess.run(self.command(job, **options), stdout=subprocess.PIPE, check=True)
        found = {}
        for line in done.stdout.decode().splitlines():
            if line.startswith('#'):
                continue
            what, value, unit = line.split(' ')
            found.setdefault(what, Values([], unit)).append(float(value))
        return found

    def documents(self, records):
        """A file with the records as JSON. Returns its path."""
        path = os.path.join(self.disk, 'documents-%d' % records)
        if not os.path.exists(path):
            with open(path, 'wb') as file:
                subprocess.run(self.command('documents', records=records), stdout=file, check=True)
            os.chmod(path, 0o644)
        return path

    # --- real nodes -----------------------------------------------------------------------

    def homes(self, *states):
        """Real nodes, made and not started."""
        return [nodes.Node(os.path.join(self.disk, state), state, settings=SETTINGS).make()
                for state in states]

    def remove_homes(self, *made):
        for node in made:
            shutil.rmtree(node.home)

    def move_store(self, node, keep=False):
        """Give a node the store that `prepare` made for it. With keep, a copy of it."""
        source = os.path.join(self.fast, node.state)
        shutil.rmtree(node.store, ignore_errors=True)
        subprocess.run(('cp', '-a', source, node.store), check=True)
        if not keep:
            shutil.rmtree(source)
        subprocess.run(('sync', '-f', node.store), check=True)

    def full_node(self, records):
        """A node, not running, that has taken over so many records; made once."""
        if self._prepared is None:
            sender, receiver = self.homes('XMA', 'XNH')
            self.say('preparing a node with %d records', records)
            subprocess.run(self.command('prepare-full', records=records, directory=self.fast,
                                        home=[sender.home, receiver.home]), check=True)
            shutil.rmtree(os.path.join(self.fast, sender.state))
            self.move_store(receiver)
            self._prepared = receiver, records
        assert self._prepared[1] == records
        return self._prepared[0]
