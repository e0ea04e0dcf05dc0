# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL, as a ministry would otherwise use it: the same records as JSONB,
neither signed nor sealed, with a GIN index on the document. Its own directory, a UNIX socket
and nothing else; stopped and removed at the end. Settings are Debian's."""

import glob
import os
import pwd
import shutil
import statistics
import subprocess
import time

import processes

BATCH = 1000            # records of one commit
USER = 'postgres'

# What the program `bench` calls document_reference and document_identifier.
REFERENCE = ("'DN-XMA-' || lpad((2000 + :n / 9999)::text, 4, '0') || '-' || "
             "lpad((:n % 9999 + 1)::text, 4, '0')")
IDENTIFIER = "'RG' || lpad((:n::bigint * 7 + 100000000000)::text, 12, '0')"
GET = 'SELECT document FROM records WHERE reference = %s;' % REFERENCE
FIELD = ("SELECT document FROM records WHERE document @> jsonb_build_object('body', "
         "jsonb_build_object('parties', jsonb_build_array(jsonb_build_object('ids', "
         "jsonb_build_array(jsonb_build_object('value', %s))))));" % IDENTIFIER)


def programs():
    """The directory of the newest server installed, or None."""
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin/initdb'),
                   key=lambda path: float(path.split('/')[4]))
    return os.path.dirname(found[-1]) if found and shutil.which('psql') else None


def missing():
    """Why it cannot be measured, or None."""
    if programs() is None:
        return 'not installed'
    if os.geteuid() == 0:
        try:
            pwd.getpwnam(USER)
        except KeyError:
            return 'no user ' + USER
    return None


def name():
    return 'PostgreSQL ' + programs().split('/')[4]


class Postgres:
    """A cluster below a directory on disk. A context manager."""

    def __init__(self, directory, settings=()):
        self.directory = os.path.join(directory, 'pg')
        self.data = os.path.join(self.directory, 'data')
        self.settings = settings

    def _as_user(self, *command):
        """It refuses to run as root."""
        if os.geteuid() == 0:
            command = ('setpriv', '--reuid', USER, '--regid', USER, '--clear-groups', *command)
        return command

    def _run(self, *command, **more):
        done = subprocess.run(self._as_user(*command), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, cwd=self.directory, **more)
        if done.returncode != 0:
            raise RuntimeError('%s: %s' % (command[0], done.stdout.decode()[-2000:]))
        return done.stdout.decode()

    def __enter__(self):
        os.makedirs(self.directory, mode=0o700)
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        self._run(os.path.join(programs(), 'initdb'), '-D', self.data, '-A', 'trust', '-E', 'UTF8',
                  '--no-instructions')
        options = ["-c listen_addresses=''", '-k ' + self.directory]
        options += ['-c ' + setting for setting in self.settings]
        self._run(os.path.join(programs(), 'pg_ctl'), '-D', self.data, '-w', '-l',
                  os.path.join(self.directory, 'log'), '-o', ' '.join(options), 'start')
        self.sql('CREATE DATABASE bench', database='postgres')
        return self

    def __exit__(self, *_):
        try:
            self._run(os.path.join(programs(), 'pg_ctl'), '-D', self.data, '-w', '-m', 'fast',
                      'stop')
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def psql(self, database='bench'):
        return ('psql', '-h', self.directory, '-d', database, '-q', '-t', '-A', '-v',
                'ON_ERROR_STOP=1')

    def sql(self, text, database='bench'):
        return self._run(*self.psql(database), '-c', text)

    def file(self, path, database='bench'):
        return self._run(*self.psql(database), '-f', path)

    # --- the jobs -------------------------------------------------------------------------

    def new_table(self, database='bench'):
        self.sql('DROP TABLE IF EXISTS records', database)
        self.sql('CREATE TABLE records (reference text PRIMARY KEY, document jsonb NOT NULL)',
                 database)
        self.sql('CREATE INDEX ON records USING gin (document)', database)
        self.sql('CHECKPOINT', database)

    def write_script(self, documents):
        """A script that stores all documents, BATCH of them a commit. Returns its path."""
        path = os.path.join(self.directory, 'load.sql')
        with open(documents, encoding='utf-8') as lines, open(path, 'w', encoding='utf-8') as to:
            for number, line in enumerate(lines):
                if number % BATCH == 0:
                    to.write('\\.\n' * (number > 0))
                    to.write('COPY records FROM stdin;\n')   # each COPY is a transaction
                to.write(line)
            to.write('\\.\n')
        os.chmod(path, 0o644)
        return path

    def load(self, script):
        """Store everything into a new table. Returns the seconds that passed, and those that the
        processors worked for the server (not for psql, that feeds it)."""
        self.new_table()
        worked = self.cpu_seconds()
        started = time.monotonic()
        self.file(script)
        return time.monotonic() - started, self.cpu_seconds() - worked

    def cpu_seconds(self):
        with open(os.path.join(self.data, 'postmaster.pid'), encoding='ascii') as file:
            return processes.lifetime_cpu_seconds(int(file.readline()))

    def ask(self, query, records, times=4000):
        """The median of so many questions over one connection, in microseconds."""
        script = os.path.join(self.directory, 'ask.sql')
        with open(script, 'w', encoding='utf-8') as to:
            to.write('\\set n random(0, %d)\n%s\n' % (records - 1, query))
        os.chmod(script, 0o644)
        prefix = os.path.join(self.directory, 'asked')
        self._run(os.path.join(programs(), 'pgbench'), '-h', self.directory, '-n', '-M', 'prepared',
                  '-c', '1', '-t', str(times), '-f', script, '-l', '--log-prefix', prefix, 'bench')
        (log,) = glob.glob(prefix + '.*')
        with open(log, encoding='ascii') as lines:
            spent = [float(line.split()[2]) for line in lines]
        os.unlink(log)
        return statistics.median(spent[len(spent) // 10:])

    def subscribe(self):
        """A second database that gets everything from the first. Needs wal_level=logical."""
        self.sql('CREATE DATABASE mirror', 'postgres')
        self.new_table('mirror')
        self.sql('CREATE PUBLICATION everything FOR TABLE records')
        # In one cluster the slot must be there before.
        self.sql("SELECT pg_create_logical_replication_slot('mirror', 'pgoutput')")
        self.sql("CREATE SUBSCRIPTION mirror CONNECTION 'host=%s dbname=bench user=%s' "
                 'PUBLICATION everything WITH (create_slot = false)'
                 % (self.directory, self.user()), 'mirror')

    def unsubscribe(self):
        self.sql('ALTER SUBSCRIPTION mirror DISABLE', 'mirror')
        self.sql('ALTER SUBSCRIPTION mirror SET (slot_name = NONE)', 'mirror')
        self.sql('DROP SUBSCRIPTION mirror', 'mirror')
        self.sql("SELECT pg_drop_replication_slot('mirror')")
        self.sql('DROP PUBLICATION everything')
        self.sql('DROP DATABASE mirror WITH (FORCE)', 'postgres')

    @staticmethod
    def user():
        return USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

    def first_copy(self, records):
        """Seconds until a new subscriber has everything."""
        started = time.monotonic()
        self.subscribe()
        while True:
            states = self.sql("SELECT srsubstate FROM pg_subscription_rel", 'mirror').split()
            if states and all(state == 'r' for state in states):
                break
            time.sleep(0.05)
        spent = time.monotonic() - started
        assert int(self.sql('SELECT count(*) FROM records', 'mirror')) == records
        self.unsubscribe()
        return spent

    def rows_seen(self, times):
        """Milliseconds from before each insert until a subscriber sees the row."""
        self.sql('CREATE TABLE IF NOT EXISTS seen (n int PRIMARY KEY, sent timestamptz NOT NULL,'
                 ' document text NOT NULL)')
        self.sql('CREATE DATABASE mirror', 'postgres')
        self.sql('CREATE TABLE seen (n int PRIMARY KEY, sent timestamptz NOT NULL,'
                 ' document text NOT NULL)', 'mirror')
        self.sql('CREATE TABLE took (ms float)', 'mirror')
        self.sql('TRUNCATE seen')
        self.sql('CREATE PUBLICATION everything FOR TABLE seen')
        self.sql("SELECT pg_create_logical_replication_slot('mirror', 'pgoutput')")
        self.sql("CREATE SUBSCRIPTION mirror CONNECTION 'host=%s dbname=bench user=%s' "
                 'PUBLICATION everything WITH (create_slot = false)'
                 % (self.directory, self.user()), 'mirror')
        watch = ('CREATE PROCEDURE watch(times int) LANGUAGE plpgsql AS $$ DECLARE t timestamptz; '
                 'BEGIN FOR i IN 1..times LOOP LOOP SELECT sent INTO t FROM seen WHERE n = i; '
                 'EXIT WHEN FOUND; COMMIT; END LOOP; INSERT INTO took VALUES '
                 '(extract(epoch FROM clock_timestamp() - t) * 1000); COMMIT; END LOOP; END $$')
        self.sql(watch, 'mirror')
        send = ('CREATE OR REPLACE PROCEDURE send(times int) LANGUAGE plpgsql AS $$ BEGIN '
                'FOR i IN 1..times LOOP INSERT INTO seen VALUES (i, clock_timestamp(), '
                "repeat('x', 2000)); COMMIT; PERFORM pg_sleep(0.01); COMMIT; END LOOP; END $$")
        self.sql(send)
        watcher = subprocess.Popen(
            self._as_user(*self.psql('mirror'), '-c', 'CALL watch(%d)' % times),
            cwd=self.directory)
        time.sleep(1)
        self.sql('CALL send(%d)' % times)
        watcher.wait(60)
        spent = [float(line) for line in self.sql('SELECT ms FROM took', 'mirror').split()]
        self.unsubscribe()
        return spent
