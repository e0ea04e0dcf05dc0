# SPDX-License-Identifier: Apache-2.0
"""Sealed records, grants and parcels of a scripted peer (peer.py), every field replaceable."""

import time

from . import cmp
from . import wire


def now_ms():
    return int(time.time() * 1000)


class Envelope:
    """A sealed record: header, signature, keys and ciphertexts by slot."""

    @classmethod
    def seal(cls, me, sections, schema, version=1, slots=None, rn=None, header=None, more=None,
             section=None, plain=None):
        """Seal sections {name: body} into slots 0, 1, … or those given by {name: slot}.

        `header` replaces fields of the header, `section` {name: fields} of a section's
        plaintext, `plain` {name: bytes} the plaintext as a whole.
        """
        made = cls()
        made.me = me
        made.rn = rn or me.random(16)
        made.originator = (header or {}).get('originator', me.node)
        made.slots = slots or {name: place for place, name in enumerate(sections)}
        made.keys = {}
        made.ciphers = {}
        leaves = [me.random(32) for _ in range(8)]
        for name, body in sections.items():
            slot = made.slots[name]
            fields = {'name': name, 'schema': schema, 'version': version,
                      'body': cmp.encode(body)}
            fields.update((section or {}).get(name, {}))
            packed = (plain or {}).get(name) or wire.encode('section', fields)
            made.keys[slot] = me.random(32)
            context_bytes = wire.section_context(made.originator, made.rn, slot)
            made.ciphers[slot], leaves[slot] = wire.seal_section(made.keys[slot], context_bytes,
                                                                 packed)
        fields = {'v': 1, 'originator': me.node,
                  'signing_key': wire.key_id(wire.sign_public(me.sign)), 'rn': made.rn,
                  'leaves': leaves, 'retention': 10}
        fields.update(header or {})
        made.resign(wire.encode('record header', fields, more))
        return made

    def resign(self, header):
        """Take other header bytes and sign them."""
        self.header = header
        self.rid = wire.digest('record', header)
        self.signature = wire.sign(self.me.sign, 'record', header)


def caveats(**fields):
    """Packed caveats: AMBER, no onward sharing, licensing, no end."""
    made = {'tlp': 2, 'onward': 0, 'onward_to': [], 'depth': 0, 'slots': 0, 'purposes': 1,
            'export': 0, 'ack': 0, 'leave': 0, 'notes': []}
    made.update(fields)
    return wire.encode('caveats', made)


def grant(me, them, envelope, slots=None, keys=None, key=None, signed=False, more=None, **fields):
    """A packed grant of an envelope's slots (all by default).

    `keys` {slot: key} replaces what is wrapped, `key` the pair key, fields those of the terms.
    """
    wrapped = dict(envelope.keys) if keys is None else keys
    if slots is not None:
        wrapped = {slot: wrapped[slot] for slot in slots}
    terms = {'v': 1, 'issuer': me.node, 'subject': them.node, 'rid': envelope.rid,
             'issuer_key': wire.key_id(wire.box_public(me.seal)),
             'subject_key': wire.key_id(them.seal_key), 'suite': 1, 'caveats': caveats(),
             'issued_at': now_ms(), 'depth': 0, 'nonce': me.random(24)}
    terms.update(fields)
    packed = wire.encode('grant terms', terms, more)
    plain = b''
    for slot in range(wire.SLOTS_MAX):
        plain += b'\1' + wrapped[slot] if slot in wrapped else b'\0' + me.random(32)
    sealed = wire.aead_seal(key or me.pair_key(them), terms['nonce'], plain, packed)
    made = {'terms': packed, 'wrapped': sealed}
    if signed:
        made['signature'] = wire.sign(me.sign, 'grant', packed + sealed)
    return wire.encode('grant', made)


def parcel(grant_bytes, envelope, slots=None, more=None, **fields):
    """The payload of a GRANT entry."""
    slots = sorted(envelope.ciphers if slots is None else slots)
    made = {'v': 1, 'grant': grant_bytes, 'header': envelope.header,
            'signature': envelope.signature, 'slots': bytes(slots),
            'ciphertexts': [wire.digest('cipher', envelope.ciphers[slot]) for slot in slots],
            'parents': []}
    made.update(fields)
    return wire.encode('parcel', made, more)


def denial(state, number, **fields):
    """Sections of a small denial by a State, as its node would split it."""
    manifest = {'schema': 'valise/denial/1',
                'reference': 'DN-%s-2026-%04d' % (state, number), 'version': 1,
                'originator': {'state': state, 'authority': 'Licensing Office'},
                'issued_at': '2026-03-11T09:42:00Z', 'lang': 'en', 'body': {'status': 'active'}}
    summary = {'body': {
        'denial_type': 'licence_refused', 'activity': 'export', 'denied_on': '2026-03-02',
        'active_until': '2029-03-02', 'destination': 'XPE',
        'items': {'0': {'line': 1, 'description': 'assault rifles', 'att': 'ATT-2.1.h',
                        'form': 'complete'}},
        'grounds': {'0': {'scheme': 'ATT', 'code': 'ATT-11.2', 'threshold': 'risk'}}}}
    parties = {'body': {'parties': {'0': {
        'role': 'consignee', 'type': 'organisation',
        'names': {'0': {'name': 'Stellamar Aegis', 'script': 'Latn', 'kind': 'primary'}}}}}}
    made = {'manifest': manifest, 'summary': summary, 'parties': parties}
    made.update(fields)
    return made
