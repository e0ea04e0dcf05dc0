# SPDX-License-Identifier: Apache-2.0
"""A caller of the control socket, apart from the command line's code."""

import socket
import struct

from . import cmp


class Refused(Exception):
    def __init__(self, code, problems):
        super().__init__('%s %s' % (code, problems))
        self.code = code
        self.problems = problems


class Control:
    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)

    def close(self):
        self.socket.close()

    def send_frame(self, raw):
        self.socket.sendall(struct.pack('>I', len(raw)) + raw)

    def receive_frame(self):
        size = struct.unpack('>I', self._exactly(4))[0]
        return self._exactly(size)

    def _exactly(self, size):
        got = b''
        while len(got) < size:
            piece = self.socket.recv(size - len(got))
            if not piece:
                raise EOFError('the node closed the connection')
            got += piece
        return got

    def read_reply(self):
        reply = cmp.decode(self.receive_frame(), 2 << 20)
        if 'error' in reply:
            raise Refused(reply['error'], reply['problems'])
        return reply['result']

    def call(self, command, **arguments):
        self.send_frame(cmp.encode({'v': 1, 'command': command, 'arguments': arguments}))
        return self.read_reply()


def call(path, command, **arguments):
    control = Control(path)
    try:
        return control.call(command, **arguments)
    finally:
        control.close()
