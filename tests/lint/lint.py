#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What house.md and conventions.md ask of the code, as far as a program can see it.

Each rule is one function that yields complaints. Prints TAP.
"""

import argparse
import os
import re
import subprocess
import sys

FOLDERS = ('proto', 'store', 'node', 'cli', 'tests')
# Which folders a file of a folder may include from, as prefixes of where the header lies.
MAY_INCLUDE = {
    'proto': ('proto',),
    'store': ('store', 'proto'),
    'node': ('node', 'proto', 'store/store.h'),
    'cli': ('cli', 'proto'),
}
# Third-party headers and the only places that may name them.
HOMES = {
    'zmq.h': ('node/transport_',),
    'lmdb.h': ('store/',),
    'msgpack.h': ('proto/pack.c',),
    'sodium.h': ('proto/', 'store/', 'node/transport_', 'node/files.c', 'node/checker.c', 'cli/'),
    'jansson.h': ('proto/record_json.c', 'cli/'),
    'unicode/': ('proto/error.c', 'proto/names.c', 'proto/record_json.c', 'proto/text.c'),
    'ini_configobj.h': ('node/config.c',),
    'seccomp.h': ('node/sandbox.c',),
    'libsmartcols': ('cli/',),
    'qrencode.h': ('cli/',),
}
IMPURE = {'open', 'open64', 'openat', 'fopen', 'fopen64', 'socket', 'connect', 'time', 'clock_gettime',
          'gettimeofday', 'getenv', 'secure_getenv', 'printf', 'puts', 'fork', 'system', 'rand'}
IMPURE_PREFIX = ('pthread_', 'zmq_', 'mdb_')
BANNED = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|gets|system|popen|alloca|strtok|atof|'
                    r'setjmp|longjmp|tmpnam|mktemp)\s*\(')
LINES_MAX = {'function': 60, 'file': 700, 'parameters': 6, 'nesting': 3}


def files(*ends, folders=FOLDERS):
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '--'] + list(folders),
                            stdout=subprocess.PIPE, check=True).stdout.decode().split('\n')
    return [f for f in listed if f.endswith(ends) and os.path.exists(f)]


def read(path):
    with open(path, encoding='utf-8') as handle:
        return handle.read()


def code(text):
    """The text with comments and strings blanked out, lines kept."""
    def blank(match):
        piece = match.group(0)
        if piece[0] == '/':
            return re.sub(r'[^\n]', ' ', piece)
        return piece[0] + re.sub(r'[^\n]', ' ', piece[1:-1]) + piece[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def ranks(folder):
    table = {}
    for number, line in enumerate(l for l in read(folder + '/RANKS').split('\n')
                                  if l and not l.startswith('#')):
        for module in line.split():
            table[module] = number
    return table


# --- rules ----------------------------------------------------------------------------------


def a_header_is_included_only_from_allowed_folders():
    for path in files('.c', '.h', folders=MAY_INCLUDE):
        folder = path.split('/')[0]
        for name in re.findall(r'^#include "([^"]+)"', read(path), re.M):
            found = [f for f in ('proto/' + name, 'store/' + name, 'node/' + name, 'cli/' + name)
                     if os.path.exists(f)]
            generated = name == 'version.h'
            if not generated and not any(f.startswith(MAY_INCLUDE[folder]) for f in found):
                yield '%s includes "%s"' % (path, name)


def a_header_includes_only_headers_of_a_lower_rank():
    for folder in ('proto', 'node'):
        table = ranks(folder)
        for path in files('.h', folders=(folder,)):
            module = os.path.basename(path)[:-2]
            if module not in table:
                yield '%s is not in %s/RANKS' % (path, folder)
                continue
            for name in re.findall(r'^#include "([^"]+)\.h"', read(path), re.M):
                if name in table and os.path.exists('%s/%s.h' % (folder, name)) and \
                        table[name] >= table[module]:
                    yield '%s includes %s.h of the same or a higher rank' % (path, name)


def third_party_headers_stay_at_home():
    for path in files('.c', '.h', folders=MAY_INCLUDE):
        for name in re.findall(r'^#include <([^>]+)>', read(path), re.M):
            for header, homes in HOMES.items():
                if name.startswith(header) and not path.startswith(homes):
                    yield '%s includes <%s>' % (path, name)


def symbols(archive, option):
    out = subprocess.run(['nm', option, archive], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=True).stdout.decode()
    return {line.split()[-1] for line in out.split('\n') if len(line.split()) >= 2}


def proto_is_pure(build):
    for name in sorted(symbols(build + '/libproto.a', '-u')):
        if name in IMPURE or name.startswith(IMPURE_PREFIX):
            yield 'proto/ calls %s' % name


def the_store_needs_proto_alone(build):
    offered = symbols(build + '/libproto.a', '--defined-only') | \
        symbols(build + '/libstore.a', '--defined-only')
    node = symbols(build + '/libnode.a', '--defined-only') - offered
    for name in sorted(symbols(build + '/libstore.a', '-u') & node):
        yield 'store/ calls %s of node/' % name


def the_node_does_not_know_zeromq(build):
    for name in sorted(symbols(build + '/bin/valised', '-u')):
        if name.startswith('zmq_'):
            yield 'valised calls %s' % name


def the_transport_knows_neither_store_nor_identity(build):
    for name in sorted(symbols(build + '/bin/valised-transport', '-a')):
        if name.startswith(('mdb_', 'store_', 'node_keys_', 'keyfile_', 'identity_', 'grant_')):
            yield 'valised-transport holds %s' % name


def release_binaries_have_no_test_hooks(build):
    for program in ('valised', 'valised-transport', 'valise'):
        with open('%s/bin/%s' % (build, program), 'rb') as handle:
            if b'VALISE_CRASH' in handle.read():
                yield '%s has a crash hook' % program


def a_header_compiles_alone(build):
    for path in files('.h', folders=MAY_INCLUDE):
        done = subprocess.run(['gcc', '-std=c17', '-D_GNU_SOURCE', '-Iproto', '-Istore', '-Inode',
                               '-Icli', '-I' + build + '/gen', '-fsyntax-only', '-xc', path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            yield '%s: %s' % (path, done.stdout.decode().split('\n')[0])


def functions(text):
    """Name, parameters, first line and body of each function defined in blanked text."""
    for match in re.finditer(r'^(?!\s)[^\n;{}#]*?\b(\w+)\(([^;{}]*)\)\s*\n\{\n(.*?)^\}', text,
                             re.S | re.M):
        yield match.group(1), match.group(2), text[:match.start()].count('\n') + 1, match.group(3)


def nesting(body):
    """Deepest level of blocks in a body; the arms of a switch are not a level of their own."""
    depth = deepest = 0
    for line in body.split('\n'):
        depth += line.count('{') - line.count('}')
        # Initialisers are braces too: only lines that open a block of statements count.
        if re.search(r'\)\s*\{$|\belse\s*\{$|\bdo\s*\{$', line):
            deepest = max(deepest, depth)
    return deepest


def functions_and_files_are_small():
    for path in files('.c', '.h'):
        text = read(path)
        lines = text.count('\n')
        if lines > LINES_MAX['file'] and not path.endswith(('_tables.c', '_table.c')):
            yield '%s has %d lines' % (path, lines)
        if not path.endswith('.c'):
            continue
        for name, parameters, line, body in functions(code(text)):
            if body.count('\n') > LINES_MAX['function']:
                yield '%s:%d: %s has %d lines' % (path, line, name, body.count('\n'))
            count = len([p for p in parameters.split(',') if p.strip() not in ('', 'void')])
            if count > LINES_MAX['parameters']:
                yield '%s:%d: %s has %d parameters' % (path, line, name, count)
            if nesting(body) > LINES_MAX['nesting']:
                yield '%s:%d: %s nests %d deep' % (path, line, name, nesting(body))


def dangerous_calls_are_absent():
    for path in files('.c', '.h'):
        for number, line in enumerate(code(read(path)).split('\n'), 1):
            if BANNED.search(line):
                yield '%s:%d: %s' % (path, number, BANNED.search(line).group(1))
            jump = re.search(r'\bgoto\s+(\w+)', line)
            if jump and jump.group(1) != 'out':
                yield '%s:%d: goto %s' % (path, number, jump.group(1))
            if re.search(r'\btypedef\s+struct\b', line):
                yield '%s:%d: typedef of a struct' % (path, number)


def clocks_are_asked_in_one_place():
    for path in files('.c', folders=('node', 'cli', 'store', 'proto')):
        allowed = path in ('node/loop.c', 'node/transport_main.c') or path.startswith('cli/')
        if re.search(r'\b(clock_gettime|gettimeofday|time)\s*\(', code(read(path))) and not allowed:
            yield '%s asks a clock' % path


def every_file_names_its_licence():
    for path in files('.c', '.h', '.py', '.sh') + ['Makefile', '.ci/run']:
        if 'SPDX-License-Identifier: Apache-2.0' not in read(path)[:200]:
            yield path


def notes_to_ourselves_name_an_issue():
    for path in files('.c', '.h', '.py', '.sh', '.md'):
        if path == 'tests/lint/lint.py':
            continue
        for number, line in enumerate(read(path).split('\n'), 1):
            if re.search(r'\b(TODO|FIXME|(?<!:)XXX)\b(?!.*#\d)', line) and 'XXX"' not in line:
                yield '%s:%d: %s' % (path, number, line.strip()[:80])


def files_are_formatted():
    listed = [f for f in files('.c', '.h') if not f.endswith(('record_tables.c', 'codes_tables.c'))]
    done = subprocess.run(['clang-format-14', '--dry-run', '-Werror'] + listed,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        seen = set()
        for line in done.stdout.decode().split('\n'):
            name = line.split(':')[0]
            if ': error:' in line and name not in seen:
                seen.add(name)
                yield name


def cited(pattern, *paths):
    found = set()
    for path in paths:
        found |= set(re.findall(pattern, read(path)))
    return found


def every_wire_rule_is_cited_by_a_test():
    if os.path.exists('proto/WIRE.md'):
        rules = set(re.findall(r'^\*\*(W-\d+)\*\*', read('proto/WIRE.md'), re.M))
        tests = cited(r'\bW-\d+\b', *files('.c', '.py', folders=('tests',)))
        for rule in sorted(rules - tests, key=lambda r: int(r[2:])):
            yield '%s is cited by no test' % rule
        code_rules = cited(r'\bW-\d+\b', *files('.c', '.h', folders=('proto', 'node', 'store')))
        for rule in sorted(code_rules - rules):
            yield '%s is cited in the code and not in WIRE.md' % rule


def every_store_rule_is_cited_by_a_test():
    if os.path.exists('store/LAYOUT.md'):
        rules = set(re.findall(r'^\*\*(S-\d+)\*\*', read('store/LAYOUT.md'), re.M))
        tests = cited(r'\bS-\d+\b', *files('.c', '.py', folders=('tests',)))
        for rule in sorted(rules - tests):
            yield '%s is cited by no test' % rule


def every_threat_rule_is_cited_by_a_test():
    rules = set(re.findall(r'^\*\*(T-\d+)\*\*', read('node/THREATS.md'), re.M))
    tests = cited(r'\bT-\d+\b', *files('.c', '.py', folders=('tests',)))
    for rule in sorted(rules - tests, key=lambda r: int(r[2:])):
        yield '%s is cited by no test' % rule


def the_shipped_configuration_is_the_printed_one(build):
    printed = subprocess.run([build + '/bin/valised', '--print-config'], stdout=subprocess.PIPE,
                             check=True).stdout.decode()
    if not os.path.exists('configs/valised.conf') or read('configs/valised.conf') != printed:
        yield 'configs/valised.conf differs from: valised --print-config'


def the_manual_page_is_the_printed_one(build):
    if os.path.exists('cli/valise.1'):
        printed = subprocess.run([build + '/bin/valise', 'help', '--man'], stdout=subprocess.PIPE,
                                 check=True).stdout.decode()
        if read('cli/valise.1') != printed:
            yield 'cli/valise.1 differs from: valise help --man'


def generated_tables_are_current(build):
    describe = build + '/test/describe'
    for path in ('proto/WIRE.md', 'store/LAYOUT.md'):
        if os.path.exists(path) and os.path.exists(describe):
            done = subprocess.run([describe, '--check', path], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                yield done.stdout.decode().split('\n')[0]


def every_event_is_in_the_table():
    """Dotted names in node/ are commands, lines of the log, points where tests end it, or events of proto/control.c."""
    table = read('proto/control.c')
    events = set(re.findall(r'^    \{"([a-z]+\.[a-z-]+)", "', table, re.M))
    commands = set(re.findall(r'^    \{"([a-z]+\.[a-z-]+)",\s*[A-Z]', table, re.M))
    told, logged = set(), set()
    for path in files('.c', folders=('node',)):
        text = read(path)
        logged |= set(re.findall(r'(?:engine_log|log_line|log_number|point)\([^;]*?"([a-z]+\.[a-z-]+)"', text))
        told |= set(re.findall(r'"([a-z]+\.(?!h")[a-z-]+)"', text))
    for name in sorted(told - events - commands - logged):
        yield '%s is told by node/ and stands not among the events of proto/control.c' % name
    for name in sorted(events - told):
        yield '%s is never told' % name


RULES = (a_header_is_included_only_from_allowed_folders,
         a_header_includes_only_headers_of_a_lower_rank, third_party_headers_stay_at_home,
         proto_is_pure, the_store_needs_proto_alone, the_node_does_not_know_zeromq,
         the_transport_knows_neither_store_nor_identity, release_binaries_have_no_test_hooks,
         a_header_compiles_alone, functions_and_files_are_small, dangerous_calls_are_absent,
         clocks_are_asked_in_one_place, every_file_names_its_licence,
         notes_to_ourselves_name_an_issue, files_are_formatted, every_wire_rule_is_cited_by_a_test,
         every_store_rule_is_cited_by_a_test, every_threat_rule_is_cited_by_a_test,
         the_shipped_configuration_is_the_printed_one, every_event_is_in_the_table,
         the_manual_page_is_the_printed_one, generated_tables_are_current)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default='build/gcc')
    build = parser.parse_args().build
    bad = 0
    for number, rule in enumerate(RULES, 1):
        complaints = list(rule(build) if rule.__code__.co_argcount else rule())
        print('%sok %d - %s' % ('not ' if complaints else '', number,
                                rule.__name__.replace('_', ' ')))
        for line in complaints[:20]:
            print('    ' + line)
        bad += bool(complaints)
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
