# SPDX-License-Identifier: Apache-2.0
"""flood.py PORT SERVER_KEY_HEX SECONDS: failed handshakes as fast as this process can.

Every other one is of a key that nobody knows, the rest end in rubbish. Prints
how many, and the seconds they took.
"""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# pylint: disable=wrong-import-position
from lib import rawcurve  # noqa: E402


def main():
    port, key, seconds = int(sys.argv[1]), bytes.fromhex(sys.argv[2]), float(sys.argv[3])
    secret = os.urandom(32)
    count = 0
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        count += 1
        try:
            with rawcurve.RawCurve(port, key, wait=1) as raw:
                if count % 2:
                    raw.to_welcome()
                    raw.initiate(secret)          # a stranger is not told, so it does not wait
                else:
                    raw.read(rawcurve.GREETING_BYTES)
                    raw.hello(os.urandom(200))
        except (rawcurve.Closed, OSError, socket.timeout):
            pass
    print(count, time.monotonic() - started)


if __name__ == '__main__':
    main()
