# SPDX-License-Identifier: Apache-2.0
"""The jobs: each a generator of rows."""

import os
import re
import shutil
import subprocess
import time

from lib import nodes, wire
from lib import peer as peers

import papers
import postgres
import processes
from table import Row, Values

APPLY_RECORDS = 20000
SYNC_RECORDS = 10000
FULL_RECORDS = 100000
PUBLISH_TIMES = {1: 60, 30: 40, 200: 15}
COUNTED_RECORDS = 256
IDLE_SECONDS = 20
LIGHT_PEERS = 30

JOBS = {}


def job(name):
    def keep(function):
        JOBS[name] = function
        return function
    return keep


def labelled(values, label):
    values.label = label
    return values


# --- applying ------------------------------------------------------------------------------

def postgres_load(setting, records):
    """Records a second of PostgreSQL by the clock and by processor time, or why there are none."""
    why = postgres.missing()
    if why:
        return 'PostgreSQL: ' + why, 'PostgreSQL: ' + why
    with postgres.Postgres(setting.disk) as server:
        script = server.write_script(setting.documents(records))
        spent = [server.load(script) for _ in range(setting.runs)]
    return tuple(Values([records / one[clock] for one in spent], 'records/s', postgres.name())
                 for clock in (0, 1))


@job('apply')
def apply(setting):
    records = setting.records(APPLY_RECORDS)
    got = setting.program('apply', records=records)
    peer, peer_cpu = postgres_load(setting, records)
    yield Row('apply', got['ours'], got['limit'], peer,
              '>= 0.6 of the limit, >= 1 of PostgreSQL with GIN')
    # The same by processor time: what remains when the machine does other things too.
    yield Row('apply.cpu', got['ours.cpu'], got['limit.cpu'], peer_cpu, '(without waiting)')


@job('instructions')
def instructions(setting):
    valgrind = shutil.which('valgrind')
    if not valgrind:
        yield Row('instructions', Values([0], 'a record'), 'valgrind: not installed')
        return
    counts = []
    for _ in range(2):
        command = [valgrind, '--tool=callgrind', '--toggle-collect=counted_message',
                   '--callgrind-out-file=/dev/null',
                   *setting.command('instructions', records=COUNTED_RECORDS,
                                    directory=os.path.join(setting.fast))]
        done = subprocess.run(command, stderr=subprocess.PIPE, check=True)
        found = re.search(r'Collected : (\d+)', done.stderr.decode())
        counts.append(int(found.group(1)) / COUNTED_RECORDS)
    yield Row('instructions', Values(counts, 'a record applied'), '-', '-',
              'repeatable; + 5 % needs a word')


# --- publishing ----------------------------------------------------------------------------

def sealed_by(tool, setting, readers):
    """Milliseconds that another tool takes, or why there are none."""
    if tool.missing():
        return '%s: %s' % (tool.name, tool.missing())
    path = os.path.join(setting.disk, 'paper')
    with open(path, 'wb') as file:
        file.write(os.urandom(4096))
    made = tool(setting.disk, readers)
    try:
        made.seal(path)
        return Values([made.seal(path) for _ in range(max(5, setting.runs))], 'ms', tool.name)
    finally:
        made.close()


def publish(setting, readers):
    name = 'publish-%d' % readers
    got = setting.program('publish', readers=readers,
                          records=setting.at_most(PUBLISH_TIMES[readers]))
    small = readers <= 30
    yield Row(name, got['ours'], got['limit'], sealed_by(papers.Age, setting, readers),
              '<= 3 of the limit' + (', <= 0.2 of age' if small else ''))
    yield Row(name + '.reply', got['reply'], got['limit'], sealed_by(papers.Gpg, setting, readers),
              '<= 0.04 of gpg' if small else '')


def add_publish(readers):
    JOBS['publish-%d' % readers] = lambda setting: publish(setting, readers)


for _readers in PUBLISH_TIMES:
    add_publish(_readers)


# --- between two real nodes ----------------------------------------------------------------

def sync_once(setting, sender, receiver, records):
    """Start both, and wait until everything is there. Returns records/s and MiB, at most."""
    for node in (sender, receiver):
        setting.move_store(node, keep=True)
    memory = 0
    begun = None
    try:
        sender.start()
        receiver.start()
        while True:
            row = receiver.peer(sender.state)
            now = time.monotonic()
            # From the moment when the two know where they stand; finding each other is not in it.
            if begun is None and row['session'] == nodes.IN_TOUCH:
                begun = now
            memory = max(memory, processes.memory_mib(receiver.process.pid))
            if row['theirs'] >= records:
                return records / (now - begun), memory
            if begun is not None and now - begun > 600:
                raise nodes.Late(receiver.log_tail())
            time.sleep(0.02)
    finally:
        receiver.stop()
        sender.stop()


def postgres_copy(setting, records):
    why = postgres.missing()
    if why:
        return 'PostgreSQL: ' + why
    with postgres.Postgres(setting.disk, ('wal_level=logical',)) as server:
        server.load(server.write_script(setting.documents(records)))
        rates = [records / server.first_copy(records) for _ in range(setting.runs)]
    return Values(rates, 'records/s', postgres.name() + ' first copy')


@job('first-sync')
def first_sync(setting):
    records = setting.records(SYNC_RECORDS)
    homes = setting.homes('XMA', 'XNH')
    try:
        subprocess.run(setting.command('prepare', records=records, directory=setting.fast,
                                       home=[node.home for node in homes]), check=True)
        got = [sync_once(setting, *homes, records) for _ in range(setting.runs)]
    finally:
        for node in homes:
            shutil.rmtree(os.path.join(setting.fast, node.state), ignore_errors=True)
        setting.remove_homes(*homes)
    limit = setting.program('apply', records=records, runs=3)['limit']
    yield Row('first-sync', Values([rate for rate, _ in got], 'records/s'),
              labelled(limit, 'apply'), postgres_copy(setting, records),
              '>= 0.7 of apply, >= 1.5 of PostgreSQL')
    yield Row('first-sync.mem', Values([memory for _, memory in got], 'MiB'), '-', '-', 'steady')


def postgres_rows(setting):
    why = postgres.missing()
    if why:
        return 'PostgreSQL: ' + why, 'PostgreSQL: ' + why
    with postgres.Postgres(setting.disk, ('wal_level=logical',)) as server:
        spent = sorted(server.rows_seen(500))
    label = postgres.name() + ' replication'
    return (Values([spent[len(spent) // 2]], 'ms', label),
            Values([spent[len(spent) * 99 // 100]], 'ms', label))


@job('push')
def push(setting):
    settings = {'store': {'allow_tmpfs': 'no', 'max_size': '4G'}, 'log': {'level': 'warning'},
                'limits': {'peer_records_per_day': 10000000}}
    directory = os.path.join(setting.disk, 'push')
    with nodes.federation(('XMA', 'XNH'), settings=settings, directory=directory) as states:
        sockets = [states['XMA'].socket, states['XNH'].socket]
        got = setting.program('push', socket=sockets)
    limit = setting.program('push-limit')
    median, worst = postgres_rows(setting)
    yield Row('push', got['ours'], limit['limit'], median, '<= 3 of PostgreSQL')
    yield Row('push.p99', got['ours.p99'], limit['limit.p99'], worst, '<= 10 of the limit')


# --- a node with many records --------------------------------------------------------------

def ask(setting, name, query):
    records = setting.records(FULL_RECORDS)
    node = setting.full_node(records)
    node.start()
    try:
        got = setting.program(name, socket=[node.socket], records=records)
    finally:
        node.stop()
    why = postgres.missing()
    other = 'PostgreSQL: %s' % why
    if not why:
        with postgres.Postgres(setting.disk) as server:
            server.load(server.write_script(setting.documents(records)))
            server.sql('VACUUM ANALYZE records')
            other = Values([server.ask(query, records) for _ in range(setting.runs)], 'us',
                           postgres.name())
    yield Row(name, got['ours'], '-', other, '<= 1 of PostgreSQL')
    yield Row(name + '.p99', got['ours.p99'])


@job('get')
def get(setting):
    yield from ask(setting, 'get', postgres.GET)


@job('by-field')
def by_field(setting):
    yield from ask(setting, 'by-field', postgres.FIELD)


@job('memory')
def memory(setting):
    records = setting.records(FULL_RECORDS)
    node = setting.full_node(records)
    node.start()
    try:
        with processes.MemoryWatch(node.process.pid) as watch:
            # The whole store is checked, in a process of its own that counts too.
            nodes.until(lambda: 'checks' in node.call('doctor'), 600, node.log_tail, 0.2)
            cursor = ''
            for _ in range(20):     # pages, and what they are made of
                page = node.call('record.list', limit=200,
                                 **({'cursor': cursor} if cursor else {}))
                cursor = page.get('cursor', '')
                for row in page['items'][:20]:
                    node.call('record.show', reference=row['reference'])
        end = processes.memory_mib(node.process.pid)
    finally:
        node.stop()
    yield Row('memory', Values([watch.most], 'MiB'), '-', '-',
              '<= 256 MiB with %d records' % records)
    yield Row('memory.end', Values([end], 'MiB'), '-', '-', 'and nobody asks any more')


# --- idle ----------------------------------------------------------------------------------

def watch_idle(node, runs, meanwhile):
    """Percent of a core over some seconds, several times; `meanwhile` lets them pass."""
    shares = []
    for _ in range(runs):
        before = processes.cpu_seconds(node.process.pid)
        begun = time.monotonic()
        meanwhile(IDLE_SECONDS)
        spent = time.monotonic() - begun
        shares.append(100 * (processes.cpu_seconds(node.process.pid) - before) / spent)
    return Values(shares, '%')


def idle_limit(setting, links):
    """Percent of a core of as many bare connections, both ends."""
    got = setting.program('idle-limit', readers=links, records=IDLE_SECONDS, runs=1)
    return labelled(got['limit'], 'bare links')


IDLE_SETTINGS = {'log': {'level': 'notice'}}


@job('idle')
def idle(setting):
    runs = min(setting.runs, 3)
    with nodes.federation(('XMA', 'XNH', 'XOR'), settings=IDLE_SETTINGS,
                          directory=os.path.join(setting.disk, 'idle')) as states:
        states['XMA'].hang_up()
        share = watch_idle(states['XMA'], runs, time.sleep)
    yield Row('idle-2', share, idle_limit(setting, 2), '-', '< 1 % of a core')


def light_state(number):
    """A code that users may assign."""
    return 'X' + chr(ord('A') + number // 26) + chr(ord('A') + number % 26)


def serve(sessions, seconds):
    """Answer as honest peers do, for some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for session in sessions:
            if session.link.socket.poll(0):
                session.answer(*session.receive(1))
        time.sleep(0.05)


@job('idle-30')
def idle_many(setting):
    with nodes.federation(('XMA',), group=None, settings=IDLE_SETTINGS,
                          directory=os.path.join(setting.disk, 'idle-30')) as states:
        node = states['XMA']
        them = wire.read_card(node.card())
        sessions = []
        for number in range(LIGHT_PEERS):
            me = peers.Identity.make(light_state(number))
            node.trust(me.card_text(), me.safety_number())
            link = peers.Link.connect_patiently(me, them, node.endpoint)
            sessions.append(peers.Session(link, me, them).open())
            sessions[-1].heads()
        node.hang_up()
        share = watch_idle(node, 1, lambda seconds: serve(sessions, seconds))
        in_touch = [row for row in node.call('peer.list')['peers']
                    if row['session'] == nodes.IN_TOUCH]
        assert len(in_touch) == LIGHT_PEERS, 'some peers were lost'
        memory_mib = processes.memory_mib(node.process.pid)
        for session in sessions:
            session.close()
    yield Row('idle-30', share, idle_limit(setting, LIGHT_PEERS), '-', '<= 3 of the limit')
    yield Row('idle-30.mem', Values([memory_mib], 'MiB'))
