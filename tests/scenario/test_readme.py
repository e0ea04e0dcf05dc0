#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The first session of the README, typed on a terminal as it stands there.

What it shows must come, line by line and in order; numbers and times may differ, and "…" stands for
lines left out. Only the directory, the ports and the build are exchanged.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import nodes, tap  # noqa: E402

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'README.md')
READY = '@ready@ '
# What a person answers stands behind the question.
QUESTIONS = ('Type AGREE, or what they read: ', 'Who compared? (you and whom) ',
             'on a known number: ', 'Publish? [y/N] ')
PATIENCE = 30


def session():
    """The commands of the session, each with the lines that it shows."""
    text = open(README, encoding='utf-8').read()
    text = text[text.index('## A first session'):text.index('## Where to go')]
    steps = []
    end = None
    for line in re.findall(r'^    (.*)$', text, re.M):
        if end is not None:
            steps[-1][0].append(line)
            end = None if line == end else end
        elif line.startswith('$ '):
            steps.append(([line[2:]], []))
            mark = re.search(r"<<'(\w+)'", line)
            end = mark.group(1) if mark else None
        elif steps:
            steps[-1][1].append(line)
    return steps


def plain(line):
    """A line without colours and with every number the same."""
    line = re.sub(r'\x1b\[[0-9;]*m', '', line)
    return re.sub(r'\d+', '0', line).rstrip()


class Terminal:
    """A shell on a terminal of 100 columns."""

    def __init__(self, directory, programs):
        self.answers = {}
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.environ.update(PATH=programs + ':' + os.environ['PATH'], PS1=READY, PS2='',
                              TERM='xterm', LC_ALL='C.UTF-8')
            os.execv('/bin/bash', ['bash', '--norc', '--noprofile', '--noediting', '-i'])
        self.read([])
        # Without the echo of what is typed, and without the shell's words about jobs.
        self.type(['stty -echo cols 100; set +m'], [])

    def read(self, shown):
        """Everything up to the next prompt; questions are answered as the README does."""
        for line in shown:
            for question in QUESTIONS:
                if question in line:
                    self.answers[question] = line[line.index(question) + len(question):]
        text, answered = '', 0
        until = time.monotonic() + PATIENCE
        while not text.endswith(READY):
            assert time.monotonic() < until, 'no end: ' + text
            if select.select([self.file], [], [], 0.1)[0]:
                text += os.read(self.file, 65536).decode('utf-8', 'replace')
            for question, answer in self.answers.items():
                if text.endswith(question) and len(text) > answered:
                    os.write(self.file, answer.encode() + b'\n')
                    text += answer + '\n'   # what the terminal would echo
                    answered = len(text)
        return text[:-len(READY)].replace('\r', '')

    def type(self, lines, shown):
        # A terminal takes 4095 bytes at once; the shell reads line by line.
        for line in lines:
            os.write(self.file, line.encode() + b'\n')
            time.sleep(0.01)
        return self.read(shown)

    def close(self):
        os.close(self.file)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def settle(control_socket):
    """Wait until a node that the session put into the background listens."""
    nodes.until(lambda: os.path.exists(control_socket), why=lambda: control_socket)


def compare(command, shown, came):
    lines = [plain(line) for line in came.split('\n')]
    at = 0
    for line in shown:
        if line == '…':
            continue
        assert plain(line) in lines[at:], '%s\nshould show: %s\nshowed:\n%s' % (command, line, came)
        at += lines[at:].index(plain(line)) + 1


def test_the_first_session_of_the_README_is_as_it_stands_there():
    directory = nodes.temporary_directory()
    programs = os.path.join(nodes.build_directory(), 'bin')
    changes = {'/tmp/try': directory, '7441': str(nodes.free_port()), '7442': str(nodes.free_port())}
    terminal = Terminal(directory, programs)
    steps = session()
    assert len(steps) > 12, steps
    try:
        for typed, shown in steps:
            for old, new in changes.items():
                typed = [line.replace(old, new) for line in typed]
                shown = [line.replace(old, new) for line in shown]
            came = terminal.type(typed, shown)
            if typed[0].startswith('valised'):
                settle(os.path.join(directory, typed[0].split()[2].split('/')[0], 'control.sock'))
            compare(typed[0], shown, came)
        denial = json.load(open(os.path.join(directory, 'denial.json'), encoding='utf-8'))
        schema = json.load(open(os.path.join(directory, 'denial.schema.json'), encoding='utf-8'))
        jsonschema.validate(denial, schema)
        assert 'explanation' not in denial['body'], denial
        terminal.type(['kill %1 %2; wait'], [])
    finally:
        terminal.close()
        subprocess.run(['pkill', '-f', directory], check=False)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    tap.main(globals())
