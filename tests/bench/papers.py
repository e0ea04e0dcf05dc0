# SPDX-License-Identifier: Apache-2.0
"""Signing and encrypting one file for many readers with what people have: GnuPG, and minisign
with age. Keys are made anew in a private directory."""

import os
import shutil
import subprocess
import time


def _run(*command, **more):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL, **more)


def _timed(function):
    started = time.monotonic()
    function()
    return (time.monotonic() - started) * 1000


class Gpg:
    name = 'gpg'

    @staticmethod
    def missing():
        return None if shutil.which('gpg') else 'not installed'

    def __init__(self, directory, readers):
        self.home = os.path.join(directory, 'gnupg')
        os.makedirs(self.home, mode=0o700)
        self.gpg = ('gpg', '--homedir', self.home, '--batch', '--yes', '--quiet',
                    '--trust-model', 'always', '--no-auto-check-trustdb', '--pinentry-mode',
                    'loopback', '--passphrase', '')
        for number in range(readers + 1):
            _run(*self.gpg, '--quick-gen-key', self.reader(number), 'future-default', 'default',
                 'never')
        self.readers = readers

    @staticmethod
    def reader(number):
        return 'reader-%d@example.invalid' % number

    def seal(self, path):
        """Milliseconds to sign and encrypt a file for all readers."""
        to = [word for n in range(self.readers) for word in ('-r', self.reader(n + 1))]
        return _timed(lambda: _run(*self.gpg, '-u', self.reader(0), *to, '-o', path + '.gpg',
                                   '--sign', '--encrypt', path))

    def close(self):
        subprocess.run(('gpgconf', '--homedir', self.home, '--kill', 'all'), check=False)
        shutil.rmtree(self.home, ignore_errors=True)


class Age:
    name = 'minisign + age'

    @staticmethod
    def missing():
        found = all(shutil.which(program) for program in ('age', 'age-keygen', 'minisign'))
        return None if found else 'not installed'

    def __init__(self, directory, readers):
        self.home = os.path.join(directory, 'age')
        os.makedirs(self.home, mode=0o700)
        self.recipients = os.path.join(self.home, 'recipients')
        self.key = os.path.join(self.home, 'minisign.key')
        with open(self.recipients, 'w', encoding='ascii') as to:
            for _ in range(readers):
                made = subprocess.run(('age-keygen',), check=True, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL).stdout.decode()
                to.write(made.split('public key: ')[1].split()[0] + '\n')
        _run('minisign', '-G', '-W', '-f', '-p', self.key + '.pub', '-s', self.key)

    def seal(self, path):
        def both():
            _run('minisign', '-S', '-W', '-s', self.key, '-m', path)
            _run('age', '-R', self.recipients, '-o', path + '.age', path)
        return _timed(both)

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)
