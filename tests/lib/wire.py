# SPDX-License-Identifier: Apache-2.0
"""The wire format (proto/WIRE.md) in Python, written apart from the C code.

Reading is strict: everything that the document forbids raises Bad. Writing is
lenient, so that tests can forge: encode() takes whatever it is given.
Cryptography is that of PyNaCl and hashlib.
"""

import base64
import hashlib

from nacl import bindings
from nacl import exceptions

from . import cmp


class Bad(ValueError):
    """Bytes that WIRE.md does not allow."""


def need(condition, what):
    if not condition:
        raise Bad(what)


# --- labels, W-10 to W-13 ------------------------------------------------------------------

HASH_LABELS = {
    'node': 'valise1-node', 'event': 'valise1-event', 'card': 'valise1-card',
    'key': 'valise1-key', 'record': 'valise1-rec', 'cipher': 'valise1-ct',
    'leaf': 'valise1-leaf', 'grant': 'valise1-grant', 'payload': 'valise1-blob',
    'lane': 'valise1-lane', 'group': 'valise1-group', 'preview': 'valise1-view',
    'session': 'valise1-session', 'audit': 'valise1-audit', 'safety': 'valise1-fpr',
}
SIGN_LABELS = {
    'inception': 'valise1/sig/inception', 'rotation': 'valise1/sig/rotation',
    'card': 'valise1/sig/card', 'charter': 'valise1/sig/charter',
    'record': 'valise1/sig/record', 'grant': 'valise1/sig/grant',
    'head': 'valise1/sig/lanehead', 'ack': 'valise1/sig/laneack',
    'audit': 'valise1/sig/audit', 'hello': 'valise1/sig/hello',
}
KDF_LABELS = ('sec/key', 'sec/nonce', 'sec/commit', 'pair/wrap', 'psk/ratchet', 'store/val',
              'store/idx', 'store/aud', 'store/key', 'store/anchor', 'keyfile', 'backup')
NONE_ID = bytes(32)


def digest(label, *parts):
    """H(label, parts joined), W-10."""
    state = hashlib.blake2b(digest_size=32, person=HASH_LABELS[label].encode())
    for part in parts:
        state.update(part)
    return state.digest()


def kdf(key, label, *inputs, size=32):
    """KDF(key, label, inputs; size), W-12."""
    assert label in KDF_LABELS
    state = hashlib.blake2b(digest_size=size, key=key, person=b'valise1-kdf')
    for part in (label.encode(),) + inputs:
        state.update(len(part).to_bytes(4, 'big') + part)
    return state.digest()


def token(key, value):
    """A keyed token of 16 bytes, W-13."""
    return hashlib.blake2b(value, digest_size=16, key=key, person=b'valise1-tok').digest()


def key_id(public):
    return digest('key', public)


def _labelled(label, body):
    return SIGN_LABELS[label].encode().ljust(32, b'\0') + body


def sign(seed, label, body):
    """Ed25519 over the label padded to 32 bytes and the body, W-11. `seed` is 32 bytes."""
    _, secret = bindings.crypto_sign_seed_keypair(seed)
    return bindings.crypto_sign(_labelled(label, body), secret)[:64]


def verify(public, label, body, signature, what='signature'):
    need(len(signature) == 64, what)
    try:
        bindings.crypto_sign_open(signature + _labelled(label, body), public)
    except exceptions.BadSignatureError:
        raise Bad(what) from None


def sign_public(seed):
    return bindings.crypto_sign_seed_keypair(seed)[0]


def box_public(secret):
    return bindings.crypto_scalarmult_base(secret)


def good_box_key(public):
    """Whether an X25519 key is usable: one of small order gives a product of zero."""
    try:
        bindings.crypto_scalarmult(b'\x08\x01'.ljust(32, b'\0'), public)
    except exceptions.CryptoError:
        return False
    return True


def aead_seal(key, nonce, plain, associated=b''):
    return bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, associated, nonce, key)


def aead_open(key, nonce, sealed, associated=b'', what='sealed bytes'):
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, associated, nonce, key)
    except exceptions.CryptoError:
        raise Bad(what + ' do not open') from None


# --- objects, W-7 --------------------------------------------------------------------------

I32 = (1 << 31) - 1
I64 = (1 << 63) - 1
INT, TIME, FLAG, FIXED, BYTES, TEXT, LIST = 'int', 'time', 'flag', 'fixed', 'bytes', 'text', 'list'
KEY_FREE = 64


class Field:
    """One field: key, name, form, limits; `optional` allows nil."""

    def __init__(self, key, name, form, low=0, high=0, count=0, optional=False):
        self.key = key
        self.name = name
        self.form = form
        self.low = low
        self.high = high
        self.count = count
        self.optional = optional

    def check(self, value, where):
        if value is None and self.optional:
            return
        good = {
            INT: lambda: type(value) is int and self.low <= value <= self.high,
            TIME: lambda: type(value) is int and self.low <= value <= self.high,
            FLAG: lambda: type(value) is bool,
            FIXED: lambda: type(value) is bytes and len(value) == self.high,
            BYTES: lambda: type(value) is bytes and self.low <= len(value) <= self.high,
            TEXT: lambda: type(value) is str and self.low <= len(value.encode()) <= self.high,
            LIST: lambda: type(value) is list and len(value) <= self.count and all(
                type(item) is bytes and self.low <= len(item) <= self.high for item in value),
        }[self.form]()
        need(good, '%s: field %s' % (where, self.name))


def optional(*arguments):
    return Field(*arguments, optional=True)


def _id(key, name):
    return Field(key, name, FIXED, 0, 32)


def _time(key, name, low=0):
    return Field(key, name, TIME, low, I64)


V = Field(0, 'v', INT, 1, 1)
_KEYS = Field(6, 'keys', LIST, 32, 32, 16)
_NEXT = Field(8, 'next', LIST, 32, 32, 16)
_SESSION = (Field(0, 'session', FIXED, 0, 16), Field(1, 'counter', INT, 1, I64))
_HEAD_MAX = 512
_SECTION_MAX = 1 << 20
_MESSAGE_MAX = (1 << 20) + 65536

# name: (most bytes, fields)
OBJECTS = {
    'inception': (4096, (
        V, Field(1, 'type', INT, 0, 0), Field(5, 'threshold', INT, 1, 16), _KEYS,
        Field(7, 'next_threshold', INT, 1, 16), _NEXT, _time(10, 'time'),
        Field(12, 'state', TEXT, 3, 3), Field(13, 'name', TEXT, 1, 120))),
    'rotation': (4096, (
        V, Field(1, 'type', INT, 1, 1), _id(2, 'node'), Field(3, 'seq', INT, 1, 64),
        _id(4, 'prev'), Field(5, 'threshold', INT, 1, 16), _KEYS,
        Field(7, 'next_threshold', INT, 1, 16), _NEXT, _time(10, 'time'))),
    'card': (4096, (
        V, _id(1, 'node'), Field(2, 'card_seq', INT, 1, I32), Field(3, 'event_seq', INT, 0, 64),
        _time(4, 'not_before'), _time(5, 'not_after'), _id(6, 'sign_key'), _id(7, 'seal_key'),
        _id(8, 'curve_key'), Field(9, 'features', INT, 0, I64), optional(10, 'prev', FIXED, 0, 32),
        Field(11, 'endpoints', LIST, 1, 255, 4), optional(12, 'emergency', FLAG))),
    'signed object': (4096, (
        Field(0, 'body', BYTES, 1, 4096), Field(1, 'signatures', LIST, 65, 65, 32))),
    'identity bundle': (65536, (
        V, Field(1, 'events', LIST, 1, 4096, 64), Field(2, 'cards', LIST, 1, 4096, 64))),
    'key slot': (256, (
        Field(0, 'kind', INT, 1, 2), Field(1, 'salt', FIXED, 0, 16), Field(2, 'passes', INT, 0, 16),
        Field(3, 'memory', INT, 0, 4 << 20), Field(4, 'nonce', FIXED, 0, 24),
        Field(5, 'wrapped', FIXED, 0, 48))),
    'key file': (20480, (
        V, Field(1, 'slots', LIST, 1, 256, 8), Field(2, 'nonce', FIXED, 0, 24),
        Field(3, 'sealed', BYTES, 17, 16400))),
    'node key file': (16384, (
        V, Field(1, 'bundle', BYTES, 1, 12288), Field(2, 'sign_key', FIXED, 0, 64),
        _id(3, 'seal_key'), _id(4, 'curve_key'), _id(5, 'master'))),
    'record header': (1024, (
        V, _id(1, 'originator'), _id(2, 'signing_key'), Field(3, 'rn', FIXED, 0, 16),
        Field(4, 'leaves', LIST, 32, 32, 16), Field(5, 'retention', INT, 10, 100),
        optional(6, 'charter_epoch', INT, 0, I64))),
    'section': (_SECTION_MAX, (
        Field(0, 'name', TEXT, 1, 32), Field(1, 'schema', TEXT, 1, 64),
        Field(2, 'version', INT, 1, I32), Field(3, 'body', BYTES, 1, _SECTION_MAX))),
    'caveats': (8192, (
        Field(0, 'tlp', INT, 0, 4), Field(1, 'onward', INT, 0, 3),
        Field(2, 'onward_to', LIST, 32, 32, 64), Field(3, 'depth', INT, 0, 4),
        Field(4, 'slots', INT, 0, 0xffff), optional(5, 'not_before', TIME, 0, I64),
        optional(6, 'use_until', TIME, 0, I64), optional(7, 'purge_by', TIME, 0, I64),
        optional(8, 'review_by', TIME, 0, I64), Field(9, 'purposes', INT, 1, 15),
        Field(10, 'export', INT, 0, 2), Field(11, 'ack', INT, 0, 1), Field(12, 'leave', INT, 0, 2),
        Field(13, 'notes', LIST, 1, 400, 16))),
    'grant terms': (8704, (
        V, _id(1, 'issuer'), _id(2, 'subject'), _id(3, 'rid'), _id(4, 'issuer_key'),
        _id(5, 'subject_key'), optional(6, 'secret_epoch', INT, 1, I32),
        Field(7, 'suite', INT, 1, 1), Field(8, 'caveats', BYTES, 1, 8192), _time(9, 'issued_at'),
        optional(10, 'parent', FIXED, 0, 32), Field(11, 'depth', INT, 0, 4),
        Field(12, 'nonce', FIXED, 0, 24))),
    'grant': (9376, (
        Field(0, 'terms', BYTES, 1, 8704), Field(1, 'wrapped', FIXED, 0, 544),
        optional(2, 'signature', FIXED, 0, 64))),
    'parcel': (49152, (
        V, Field(1, 'grant', BYTES, 1, 9376), Field(2, 'header', BYTES, 1, 1024),
        Field(3, 'signature', FIXED, 0, 64), Field(4, 'slots', BYTES, 1, 16),
        Field(5, 'ciphertexts', LIST, 32, 32, 16), Field(6, 'parents', LIST, 1, 9376, 4))),
    'lane entry': (512, (
        V, _id(1, 'o'), _id(2, 'r'), Field(3, 'incarnation', INT, 1, I64),
        Field(4, 'seq', INT, 1, I64), _id(5, 'prev'), Field(6, 'type', INT, 1, 10),
        _id(7, 'payload'), Field(8, 'length', INT, 1, 65536), _time(9, 'time'))),
    'lane head': (_HEAD_MAX, (
        V, _id(1, 'o'), _id(2, 'r'), Field(3, 'incarnation', INT, 1, I64),
        Field(4, 'seq', INT, 1, I64), _id(5, 'hash'), _time(6, 'time'),
        Field(7, 'card_seq', INT, 1, I32))),
    'lane acknowledgement': (_HEAD_MAX, (
        V, _id(1, 'o'), _id(2, 'r'), Field(3, 'incarnation', INT, 1, I64),
        Field(4, 'seq', INT, 1, I64), _id(5, 'hash'), Field(6, 'state', INT, 1, 2),
        _time(7, 'time'), Field(8, 'card_seq', INT, 1, I32))),
    'signed head or acknowledgement': (_HEAD_MAX, (
        Field(0, 'body', BYTES, 1, _HEAD_MAX), Field(1, 'signature', FIXED, 0, 64))),
    'audit entry': (2048, (
        V, Field(1, 'seq', INT, 1, I64), _id(2, 'prev'), _time(3, 'time', -I64 - 1),
        Field(4, 'event', TEXT, 1, 64), Field(5, 'actor', TEXT, 1, 64),
        Field(6, 'subject', TEXT, 0, 128), Field(7, 'detail', TEXT, 0, 1024))),
    'hello body': (1024, (
        Field(0, 'v', INT, 1, I32), Field(1, 'v_min', INT, 1, I32), _id(2, 'node'), _id(3, 'to'),
        Field(4, 'card_seq', INT, 1, I32), Field(5, 'event_seq', INT, 0, 64), _time(6, 'time'),
        Field(7, 'nonce', FIXED, 0, 32), optional(8, 'echo', FIXED, 0, 32),
        Field(9, 'software', TEXT, 0, 64))),
    'HELLO': (4096, (Field(0, 'body', BYTES, 1, 1024), Field(1, 'signature', FIXED, 0, 64))),
    'ERROR': (4096, _SESSION + (
        Field(2, 'code', INT, 1, 64), Field(3, 'retry_after', INT, 0, 86400000),
        Field(4, 'text', TEXT, 0, 200))),
    'PING': (4096, _SESSION + (_time(2, 'time'),)),
    'PONG': (4096, _SESSION + (_time(2, 'time'),)),
    'BYE': (4096, _SESSION),
    'IDENT_PULL': (4096, _SESSION + (Field(2, 'card_seq', INT, 0, I32),)),
    'IDENT': (69632, _SESSION + (Field(2, 'bundle', BYTES, 1, 65536),)),
    'HEADS': (4096, _SESSION + (
        optional(2, 'mine', BYTES, 1, _HEAD_MAX), optional(3, 'yours', BYTES, 1, _HEAD_MAX),
        optional(4, 'acked', BYTES, 1, _HEAD_MAX), Field(5, 'yours_seq', INT, 0, I64),
        _id(6, 'yours_hash'), Field(7, 'incarnation', INT, 1, I64))),
    'LANE_PULL': (4096, _SESSION + (
        Field(2, 'side', INT, 0, 1), Field(3, 'incarnation', INT, 1, I64),
        Field(4, 'after', INT, 0, I64))),
    'LANE_DATA': (_MESSAGE_MAX, _SESSION + (
        Field(2, 'side', INT, 0, 1), Field(3, 'entries', LIST, 1, 512, 64),
        Field(4, 'payloads', LIST, 1, 65536, 64), Field(5, 'head', BYTES, 1, _HEAD_MAX),
        Field(6, 'blobs', LIST, 1, _SECTION_MAX, 1024))),
    'LANE_ACK': (4096, _SESSION + (Field(2, 'ack', BYTES, 1, _HEAD_MAX),)),
    'LANE_NACK': (4096, _SESSION + (
        Field(2, 'reason', INT, 1, 64), Field(3, 'seq', INT, 0, I64), _id(4, 'entry'))),
    'BLOB_PULL': (4096, _SESSION + (Field(2, 'ids', LIST, 32, 32, 16),)),
    'BLOB': (_MESSAGE_MAX, _SESSION + (Field(2, 'bytes', BYTES, 1, _SECTION_MAX),)),
    'CREDIT': (4096, _SESSION + (Field(2, 'bytes', INT, 1, 8 << 20),)),
}
OBJECTS['LANE_PUSH'] = OBJECTS['LANE_DATA']


def encode(kind, fields, more=None):
    """Pack an object. Nothing is checked; a field that is not given is nil.

    `fields` by name; `more` {key: value} adds keys or replaces what is there.
    """
    packed = {field.key: fields.get(field.name) for field in OBJECTS[kind][1]}
    packed.update(more or {})
    unknown = set(fields) - {field.name for field in OBJECTS[kind][1]}
    assert not unknown, unknown
    return cmp.encode(packed)


def decode(kind, raw):
    """Unpack an object strictly, W-7. Returns {name: value}."""
    most, table = OBJECTS[kind]
    need(len(raw) <= most, '%s: too large' % kind)
    try:
        packed = cmp.decode(raw, most)
    except cmp.NotCanonical as why:
        raise Bad('%s: %s' % (kind, why)) from None
    need(type(packed) is dict, '%s: not a map' % kind)
    result = {}
    for field in table:
        need(field.key in packed, '%s: field %s is missing' % (kind, field.name))
        value = packed.pop(field.key)
        field.check(value, kind)
        result[field.name] = value
    need(all(type(key) is int and key >= KEY_FREE for key in packed), '%s: unknown key' % kind)
    return result


# --- messages, W-61 ------------------------------------------------------------------------

MESSAGES = {
    0x01: 'HELLO', 0x02: 'ERROR', 0x03: 'PING', 0x04: 'PONG', 0x05: 'BYE', 0x10: 'IDENT_PULL',
    0x11: 'IDENT', 0x20: 'HEADS', 0x21: 'LANE_PULL', 0x22: 'LANE_DATA', 0x23: 'LANE_PUSH',
    0x24: 'LANE_ACK', 0x25: 'LANE_NACK', 0x26: 'BLOB_PULL', 0x27: 'BLOB', 0x28: 'CREDIT',
}
TYPES = {name: number for number, name in MESSAGES.items()}
COSTS_CREDIT = ('IDENT', 'LANE_DATA', 'LANE_PUSH', 'BLOB')
CREDIT_BYTES = 8 << 20


def message(name, fields, more=None):
    return bytes([TYPES[name]]) + encode(name, fields, more)


def read_message(raw):
    """(name, fields) of a message."""
    need(raw and raw[0] in MESSAGES, 'unknown message')
    name = MESSAGES[raw[0]]
    fields = decode(name, raw[1:])
    if name in ('LANE_DATA', 'LANE_PUSH'):
        need(fields['entries'] and len(fields['entries']) == len(fields['payloads']),
             'lists that do not match')
    return name, fields


def session_tag(sender, receiver, sender_nonce, receiver_nonce):
    """W-63"""
    return digest('session', sender, receiver, sender_nonce, receiver_nonce)[:16]


# --- text form, W-34 -----------------------------------------------------------------------

CARD_KIND = 'valise-card-1'


def armor(kind, raw):
    text = base64.b64encode(raw).decode()
    return '\n'.join([kind] + [text[i:i + 64] for i in range(0, len(text), 64)]) + '\n'


def unarmor(kind, text):
    lines = [line.rstrip('\r') for line in text.split('\n')]
    lines = [line for line in lines if line and not line.startswith('#')]
    need(lines and lines[0] == kind, 'another kind of file')
    return base64.b64decode(''.join(lines[1:]), validate=True)


# --- identity, W-20 to W-32 ----------------------------------------------------------------

DAMM = ('0317598642', '7092154863', '4206871359', '1750983426', '6123045978', '3674209581',
        '5869720134', '8945362017', '9438617205', '2581436790')
CARD_MS_MAX = 400 * 86400000
KEYS_MAX = 16


def damm(digits):
    interim = 0
    for digit in digits:
        interim = int(DAMM[interim][int(digit)])
    return str(interim)


def safety_number(node):
    """W-32"""
    state = bytes(64)
    for _ in range(5200):
        state = hashlib.blake2b(state + node, digest_size=64,
                                person=HASH_LABELS['safety'].encode()).digest()
    groups = []
    for group in range(8):
        number = int.from_bytes(state[5 * group:5 * group + 5], 'big') % 10000
        groups.append('%04d' % number + damm('%04d' % number))
    return ' '.join(groups)


def _valid_signatures(outer, label, keys, first=0):
    """How many of the keys signed, each counted once."""
    seen = set()
    for indexed in outer['signatures']:
        place = indexed[0] - first
        if not 0 <= place < len(keys) or place in seen:
            continue
        try:
            verify(keys[place], label, outer['body'], indexed[1:])
        except Bad:
            continue
        seen.add(place)
    return len(seen)


class Known:
    """What a verified identity bundle says."""

    def __init__(self, bundle):
        self.bundle = bundle
        parts = decode('identity bundle', bundle)
        need(parts['events'] and parts['cards'], 'bundle without events or cards')
        self._inception(parts['events'][0])
        self.cards = []
        waiting = list(parts['cards'])
        self._take_cards(waiting, len(parts['events']) == 1)
        for number, event in enumerate(parts['events'][1:], 2):
            self._rotation(event)
            self._take_cards(waiting, number == len(parts['events']))
        need(not waiting, 'cards that no event signed')
        self.card = self.cards[-1]

    def _take_keys(self, body):
        keys = body['keys']
        need(keys and body['threshold'] <= len(keys) and body['next'] and
             body['next_threshold'] <= len(body['next']), 'thresholds')
        need(len(set(keys)) == len(keys), 'a key twice')
        need(all(bindings.crypto_core_ed25519_is_valid_point(key) for key in keys), 'a bad key')
        self.keys = keys
        self.threshold = body['threshold']
        self.next = body['next']
        self.next_threshold = body['next_threshold']

    def _inception(self, raw):
        outer = decode('signed object', raw)
        body = decode('inception', outer['body'])
        self._take_keys(body)
        need(_valid_signatures(outer, 'inception', self.keys) >= self.threshold,
             'inception: too few signatures')
        self.node = digest('node', outer['body'])
        self.event_seq = 0
        self.last_event = digest('event', outer['body'])
        self.state = body['state']
        self.name = body['name']

    def _rotation(self, raw):
        outer = decode('signed object', raw)
        body = decode('rotation', outer['body'])
        need(body['node'] == self.node and body['seq'] == self.event_seq + 1 and
             body['prev'] == self.last_event, 'rotation: it does not follow')
        old_keys, old_threshold = self.keys, self.threshold
        committed, next_threshold = self.next, self.next_threshold
        self._take_keys(body)
        need(all(digest('event', key) in committed for key in self.keys) and
             len(self.keys) >= next_threshold, 'rotation: keys not committed to')
        by_new = _valid_signatures(outer, 'rotation', self.keys)
        by_old = _valid_signatures(outer, 'rotation', old_keys, KEYS_MAX)
        need(by_new >= self.threshold and by_new >= next_threshold and by_old >= old_threshold,
             'rotation: too few signatures')
        self.event_seq = body['seq']
        self.last_event = digest('event', outer['body'])

    def _take_cards(self, waiting, is_last):
        while waiting:
            try:
                card = self._card(waiting[0])
            except Bad:
                if is_last:
                    raise
                return
            need(not self.cards or card['card_seq'] > self.cards[-1]['card_seq'],
                 'cards not ascending')
            self.cards.append(card)
            waiting.pop(0)

    def _card(self, raw):
        outer = decode('signed object', raw)
        card = decode('card', outer['body'])
        need(card['node'] == self.node and card['event_seq'] == self.event_seq, 'card: another')
        need(0 < card['not_after'] - card['not_before'] <= CARD_MS_MAX, 'card: dates')
        need(bindings.crypto_core_ed25519_is_valid_point(card['sign_key']), 'card: sign key')
        need(good_box_key(card['seal_key']) and good_box_key(card['curve_key']), 'card: box key')
        need(_valid_signatures(outer, 'card', self.keys) >= self.threshold,
             'card: too few signatures')
        return card

    @property
    def sign_key(self):
        return self.card['sign_key']

    @property
    def seal_key(self):
        return self.card['seal_key']

    @property
    def curve_key(self):
        return self.card['curve_key']

    @property
    def endpoints(self):
        return [endpoint.decode() for endpoint in self.card['endpoints']]

    def sign_key_of(self, card_seq):
        """The signing key of one of its cards, by the card's number."""
        for card in self.cards:
            if card['card_seq'] == card_seq:
                return card['sign_key']
        raise Bad('no card with this number')

    def sign_key_named(self, name):
        for card in self.cards:
            if key_id(card['sign_key']) == name:
                return card['sign_key']
        raise Bad('no card with this signing key')


def read_card(text):
    """Known, from the text that `peer card` gives."""
    return Known(unarmor(CARD_KIND, text))


# --- sections, W-40 to W-44 ----------------------------------------------------------------

SUITE = 1
PAD_MIN = 1024
SLOTS_MAX = 16


def padme(length):
    if length < 2:
        return length
    e = length.bit_length() - 1
    s = e.bit_length()
    step = 1 << max(e - s, 0)
    return -(-length // step) * step


def padded_size(plain_size):
    return max(PAD_MIN, padme(plain_size + 1))


def pad(plain):
    return (plain + b'\x80').ljust(padded_size(len(plain)), b'\0')


def unpad(padded):
    plain = padded.rstrip(b'\0')
    need(plain.endswith(b'\x80'), 'padding')
    plain = plain[:-1]
    need(len(padded) == padded_size(len(plain)), 'padding of another length')
    return plain


def section_context(originator, rn, slot):
    return originator + rn + bytes([slot, SUITE])


def section_commitment(key, context):
    return kdf(key, 'sec/commit', context)


def leaf(slot, ciphertext, commitment):
    return digest('leaf', bytes([slot]), digest('cipher', ciphertext), commitment,
                  len(ciphertext).to_bytes(8, 'big'))


def seal_section(key, context, plain):
    """(ciphertext, leaf)"""
    sealed = aead_seal(kdf(key, 'sec/key', context), kdf(key, 'sec/nonce', context, size=24),
                       pad(plain), context)
    return sealed, leaf(context[-2], sealed, section_commitment(key, context))


def open_section(key, context, ciphertext, wanted_leaf):
    need(PAD_MIN + 16 <= len(ciphertext) <= 1 << 20, 'ciphertext size')
    need(leaf(context[-2], ciphertext, section_commitment(key, context)) == wanted_leaf,
         'commitment')
    return unpad(aead_open(kdf(key, 'sec/key', context), kdf(key, 'sec/nonce', context, size=24),
                           ciphertext, context, 'section'))


# --- grants, W-53 to W-58 ------------------------------------------------------------------

def pair_key(seal_secret, node, seal_key, other_node, other_seal_key, pair_secret=None, epoch=0):
    """W-55: the same at both ends."""
    shared = bindings.crypto_scalarmult(seal_secret, other_seal_key)
    ends = sorted([(node, key_id(seal_key)), (other_node, key_id(other_seal_key))])
    return kdf(shared + (pair_secret or bytes(32)), 'pair/wrap', ends[0][0], ends[1][0],
               ends[0][1], ends[1][1], epoch.to_bytes(8, 'big'))


def unwrap(grant, terms, key):
    """{slot: section key} of a grant."""
    plain = aead_open(key, terms['nonce'], grant['wrapped'], grant['terms'], 'wrapped keys')
    keys = {}
    for slot in range(SLOTS_MAX):
        place = plain[33 * slot:33 * slot + 33]
        need(place[0] <= 1, 'wrapped keys: flag')
        if place[0] == 1:
            keys[slot] = place[1:]
    return keys


def read_caveats(raw):
    """W-50, W-51"""
    caveats = decode('caveats', raw)
    for name in ('onward_to', 'notes'):
        need(caveats[name] == sorted(set(caveats[name])), 'caveats: %s not ascending' % name)
    try:
        for note in caveats['notes']:
            need(b'\0' not in note and note.decode() is not None, 'caveats: note')
    except UnicodeDecodeError:
        raise Bad('caveats: note') from None
    need((caveats['onward'] >= 2) == bool(caveats['onward_to']), 'caveats: audience')
    if caveats['not_before'] is not None and caveats['use_until'] is not None:
        need(caveats['use_until'] > caveats['not_before'], 'caveats: dates')
    need(caveats['tlp'] != 0 or caveats['onward'] >= 1, 'caveats: CLEAR without onward sharing')
    return caveats


# --- lanes, W-70 to W-79 -------------------------------------------------------------------

GRANT, COVER = 1, 9


def follow(entry_raw, payload, lane, cursor):
    """Check that an entry follows a cursor (incarnation, seq, hash). Returns (entry, cursor)."""
    entry = decode('lane entry', entry_raw)
    incarnation, seq, last = cursor
    need((entry['o'], entry['r']) == lane, 'entry of another lane')
    need(entry['incarnation'] == incarnation and entry['seq'] == seq + 1, 'gap')
    need(entry['prev'] == last, 'entry does not chain')
    need(entry['length'] == len(payload) and entry['payload'] == digest('payload', payload),
         'payload hash')
    return entry, (incarnation, seq + 1, digest('lane', entry_raw))


LANE_START = (1, 0, NONE_ID)


def read_signed(kind, raw, public):
    """The body of a signed head ('head') or acknowledgement ('ack')."""
    outer = decode('signed head or acknowledgement', raw)
    verify(public, kind, outer['body'], outer['signature'], kind + ' signature')
    return decode({'head': 'lane head', 'ack': 'lane acknowledgement'}[kind], outer['body'])


def peek_signed(kind, raw):
    """The same without verifying, to learn which card signed it."""
    outer = decode('signed head or acknowledgement', raw)
    return decode({'head': 'lane head', 'ack': 'lane acknowledgement'}[kind], outer['body'])


# --- groups and previews, W-85, W-86 -------------------------------------------------------

def group_id(name, nodes):
    raw = name.encode()
    return digest('group', len(raw).to_bytes(4, 'big'), raw, b''.join(sorted(nodes)))


def preview_hash(rows):
    """rows: (node id, bit set of sections) in the order of the preview."""
    return digest('preview', b''.join(node + sections.to_bytes(2, 'big')
                                      for node, sections in rows))
