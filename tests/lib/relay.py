# SPDX-License-Identifier: Apache-2.0
"""A TCP relay between nodes that keeps every byte, and can cut the line.

    with relay.Relay() as wire:
        port = wire.route(to=inner_port)      # peers are told this port
        ...
        wire.seen()                           # all bytes so far, both directions

One thread serves all routes. What is kept is kept in memory.
"""

import contextlib
import selectors
import socket
import threading

PIECE = 65536


class Relay:
    def __init__(self):
        self._poll = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._pieces = []
        self._cut = False
        self._ended = False
        self._listeners = []
        self._pairs = {}       # socket: the socket on its other side
        self._waiting = {}     # socket: bytes that it has not taken yet
        self._wake, self._woken = socket.socketpair()
        self._poll.register(self._woken, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._ended = True
        self._wake.send(b'.')
        self._thread.join()
        for one in list(self._pairs) + self._listeners + [self._wake, self._woken]:
            with contextlib.suppress(OSError):
                one.close()
        self._poll.close()

    # --- for tests ------------------------------------------------------------------------

    def route(self, to, port=0):
        """Listen on a port of 127.0.0.1 (0: a free one), relay to another. Returns the port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(('127.0.0.1', port))
        listener.listen(64)
        listener.setblocking(False)
        self._listeners.append(listener)
        with self._lock:
            self._poll.register(listener, selectors.EVENT_READ, to)
        self._wake.send(b'.')
        return listener.getsockname()[1]

    def seen(self):
        """Every byte that went through, piece by piece."""
        with self._lock:
            return b''.join(self._pieces)

    def cut(self):
        """End all connections, refuse new ones."""
        self._cut = True
        self._wake.send(b'.')

    def join(self):
        """Let connections through again."""
        self._cut = False

    # --- the thread -----------------------------------------------------------------------

    def _run(self):
        while not self._ended:
            with self._lock:
                ready = self._poll.select(0)
            if not ready:
                ready = self._poll.select(0.05)
            for key, events in ready:
                self._serve(key, events)
            if self._cut:
                for one in list(self._pairs):
                    self._drop(one)

    def _serve(self, key, events):
        if key.fileobj is self._woken:
            self._woken.recv(PIECE)
        elif key.data is not None:
            self._accept(key.fileobj, key.data)
        elif key.fileobj in self._pairs:
            if events & selectors.EVENT_WRITE:
                self._flush(key.fileobj)
            if events & selectors.EVENT_READ and key.fileobj in self._pairs:
                self._read(key.fileobj)

    def _accept(self, listener, to):
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.socket()
        try:
            if self._cut:
                raise OSError('cut')
            far.connect(('127.0.0.1', to))
        except OSError:
            near.close()
            far.close()
            return
        for one, other in ((near, far), (far, near)):
            one.setblocking(False)
            self._pairs[one] = other
            self._waiting[one] = bytearray()
            self._poll.register(one, selectors.EVENT_READ, None)

    def _read(self, one):
        try:
            piece = one.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b''
        if not piece:
            self._drop(one)
            return
        with self._lock:
            self._pieces.append(piece)
        other = self._pairs[one]
        self._waiting[other] += piece
        self._flush(other)

    def _flush(self, one):
        waiting = self._waiting[one]
        try:
            while waiting:
                del waiting[:one.send(waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(one)
            return
        self._poll.modify(one, selectors.EVENT_READ |
                          (selectors.EVENT_WRITE if waiting else 0), None)

    def _drop(self, one):
        for side in (one, self._pairs.get(one)):
            if side in self._pairs:
                del self._pairs[side]
                del self._waiting[side]
                self._poll.unregister(side)
                side.close()
