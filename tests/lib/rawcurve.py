# SPDX-License-Identifier: Apache-2.0
"""A CURVE client (ZMTP 3.0, RFC 23 and 26) at byte level, so that any byte can be wrong.

    raw = RawCurve(port, them.curve_key)           # TCP, our greeting
    raw.handshake(me.curve)                        # HELLO, WELCOME, INITIATE, READY
    raw.send(payload)                              # one MESSAGE
    raw.is_closed()

The node's ZeroMQ is the other side; nothing here uses ZeroMQ.
"""

import os
import socket
import struct
import time

from nacl import bindings

WAIT = 5.0
FLAG_MORE, FLAG_LONG, FLAG_COMMAND = 1, 2, 4
GREETING_BYTES = 64


class Closed(Exception):
    """The node ended the connection."""


def greeting(mechanism=b'CURVE', version=(3, 0), as_server=0):
    return (b'\xff' + bytes(8) + b'\x7f' + bytes(version) + mechanism.ljust(20, b'\0') +
            bytes([as_server]) + bytes(31))


def frame(body, flags=0):
    """A ZMTP frame in its shortest form."""
    if len(body) > 255:
        return bytes([flags | FLAG_LONG]) + struct.pack('>Q', len(body)) + body
    return bytes([flags, len(body)]) + body


def frame_head(size, flags=0):
    """The head of a long frame that claims a size, without its body."""
    return bytes([flags | FLAG_LONG]) + struct.pack('>Q', size)


def metadata(name, value):
    return bytes([len(name)]) + name + struct.pack('>I', len(value)) + value


class RawCurve:
    """One TCP connection to a node.

    server_key  the node's CURVE public key (a stranger may not know it: any 32 bytes)
    hello       False: not even our greeting is sent
    """

    def __init__(self, port, server_key=bytes(32), wait=WAIT, first=None):
        self.socket = socket.create_connection(('127.0.0.1', port), wait)
        self.socket.settimeout(wait)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server_key = server_key
        self.received = 0                      # bytes that the node sent
        self.sent = 0
        self.nonce = 0
        self.cookie = self.last_initiate = self.key = None
        self.short_public, self.short_secret = bindings.crypto_box_keypair()
        self.write(greeting() if first is None else first)

    # --- bytes ----------------------------------------------------------------------------

    def write(self, raw):
        try:
            self.socket.sendall(raw)
        except (BrokenPipeError, ConnectionError, socket.timeout) as why:
            raise Closed(str(why)) from None
        self.sent += len(raw)

    def read(self, size):
        got = b''
        while len(got) < size:
            try:
                piece = self.socket.recv(size - len(got))
            except ConnectionError:
                piece = b''
            if not piece:
                raise Closed('after %d bytes' % (self.received + len(got)))
            got += piece
        self.received += size
        return got

    def read_frame(self):
        flags = self.read(1)[0]
        size = struct.unpack('>Q', self.read(8))[0] if flags & FLAG_LONG else self.read(1)[0]
        return flags, self.read(size)

    def read_rest(self, wait=WAIT):
        """Everything that still comes until the node closes. Raises socket.timeout."""
        self.socket.settimeout(wait)
        got = b''
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b''
            if not piece:
                return got
            got += piece
            self.received += len(piece)

    def is_closed(self, wait=WAIT):
        """Whether the node ends the connection in time; whatever it still says is passed over."""
        end = time.monotonic() + wait
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                piece = self.socket.recv(65536)
            except socket.timeout:
                return False
            except ConnectionError:
                return True
            if not piece:
                return True
            self.received += len(piece)
        return False

    def pour(self, piece, most, wait=WAIT):
        """Send a piece again and again, up to `most` bytes or until it is cut. Returns bytes."""
        poured = 0
        self.socket.settimeout(wait)
        try:
            while poured < most:
                self.socket.sendall(piece)
                poured += len(piece)
        except (socket.timeout, ConnectionError, BrokenPipeError):
            pass
        return poured

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- the handshake --------------------------------------------------------------------

    def hello_body(self, public=None, box=None):
        """HELLO's body; a client key of small order has no box, so one can be given."""
        self.nonce += 1
        if box is None:
            box = bindings.crypto_box(bytes(64), b'CurveZMQHELLO---' +
                                      struct.pack('>Q', self.nonce), self.server_key,
                                      self.short_secret)
        return (b'\x05HELLO\x01\x00' + bytes(72) + (public or self.short_public) +
                struct.pack('>Q', self.nonce) + box)

    def hello(self, body=None):
        self.write(frame(self.hello_body() if body is None else body, FLAG_COMMAND))

    def welcome(self):
        """Take WELCOME: the node's short key, and its cookie."""
        _, body = self.read_frame()
        if not body.startswith(b'\x07WELCOME'):
            raise Closed('no WELCOME: %r' % body[:8])
        plain = bindings.crypto_box_open(body[24:], b'WELCOME-' + body[8:24], self.server_key,
                                         self.short_secret)
        self.cookie = plain[32:]
        self.server_short = plain[:32]
        self.key = bindings.crypto_box_beforenm(self.server_short, self.short_secret)

    def initiate_body(self, secret, public=None, cookie=None, vouch_for=None, properties=None,
                      identity=b''):
        """INITIATE's body.

        secret, public  our long-term key; `public` alone may be another's, forging it
        vouch_for       short key that the vouch is for
        identity        routing id that is announced
        """
        vouch_nonce = os.urandom(16)
        vouch = bindings.crypto_box((vouch_for or self.short_public) + self.server_key,
                                    b'VOUCH---' + vouch_nonce, self.server_short, secret)
        if properties is None:
            properties = metadata(b'Socket-Type', b'DEALER') + metadata(b'Identity', identity)
        self.nonce += 1
        public = public or bindings.crypto_scalarmult_base(secret)
        box = bindings.crypto_box_afternm(
            public + vouch_nonce + vouch + properties,
            b'CurveZMQINITIATE' + struct.pack('>Q', self.nonce), self.key)
        return (b'\x08INITIATE' + (cookie or self.cookie) + struct.pack('>Q', self.nonce) + box)

    def initiate(self, secret, **fields):
        self.last_initiate = frame(self.initiate_body(secret, **fields), FLAG_COMMAND)
        self.write(self.last_initiate)

    def to_welcome(self):
        """As far as a stranger gets who knows the node's key."""
        self.read(GREETING_BYTES)
        self.hello()
        self.welcome()
        return self

    def handshake(self, secret, **fields):
        """All of it. Raises Closed when the node does not let us in."""
        self.to_welcome()
        self.initiate(secret, **fields)
        _, body = self.read_frame()
        if not body.startswith(b'\x05READY'):
            raise Closed('no READY')
        return self

    # --- messages -------------------------------------------------------------------------

    def message(self, payload, more=False, nonce=None, command=False):
        """The bytes of one MESSAGE; `more`: another part of the same message follows."""
        self.nonce += 1
        number = struct.pack('>Q', self.nonce if nonce is None else nonce)
        flags = (1 if more else 0) | (2 if command else 0)
        box = bindings.crypto_box_afternm(bytes([flags]) + payload, b'CurveZMQMESSAGEC' + number,
                                          self.key)
        return frame(b'\x07MESSAGE' + number + box)

    def send(self, payload, **options):
        raw = self.message(payload, **options)
        self.write(raw)
        return raw

    def read_message(self):
        """(flags, payload) of the next MESSAGE of the node; heartbeats are passed over."""
        while True:
            _, body = self.read_frame()
            if not body.startswith(b'\x07MESSAGE'):
                raise Closed('no MESSAGE')
            plain = bindings.crypto_box_open_afternm(body[16:], b'CurveZMQMESSAGES' + body[8:16],
                                                     self.key)
            if not plain[0] & 2:
                return plain[0], plain[1:]
