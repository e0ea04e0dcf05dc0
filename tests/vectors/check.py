#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An independent reader of the wire format: decodes and verifies, in Python, what the C code made.

check.py FILE…    each a file of tests/vectors/frozen/, or a captured exchange

Ends with 0 if everything in every file holds. Written from proto/WIRE.md.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from lib import cmp, fields, wire  # noqa: E402
from lib.wire import Bad, need  # noqa: E402

KEY_KIND = 2


def unhex(text):
    return bytes.fromhex(text)


def same(got, wanted, what):
    need(got == wanted, '%s is another' % what)


# --- frozen vectors ------------------------------------------------------------------------

def check_digest(vector):
    """W-10 W-11 W-12 W-13"""
    message, key = unhex(vector['message']), unhex(vector['key'])
    same(set(vector['H']), set(wire.HASH_LABELS.values()), 'the set of labels of hashes')
    for label, text in wire.HASH_LABELS.items():
        same(wire.digest(label, message).hex(), vector['H'][text], text)
    same(set(vector['signatures']), set(wire.SIGN_LABELS.values()), 'the set of labels')
    seed, public = unhex(vector['sign seed']), unhex(vector['sign public'])
    same(wire.sign_public(seed), public, 'public key')
    for label, text in wire.SIGN_LABELS.items():
        signature = unhex(vector['signatures'][text])
        wire.verify(public, label, message, signature)
        same(wire.sign(seed, label, message), signature, 'signature ' + text)
    first = unhex(vector['input'])
    for label in wire.KDF_LABELS:
        same(wire.kdf(key, label, first, b'').hex(), vector['KDF 32 (input, empty)'][label], label)
        same(wire.kdf(key, label, size=24).hex(), vector['KDF 24 (no inputs)'][label], label)
    same(wire.token(key, message).hex(), vector['token'], 'token')
    texts = list(wire.HASH_LABELS.values()) + list(wire.SIGN_LABELS.values()) + list(
        wire.KDF_LABELS)
    need(not any(a != b and b.startswith(a) for a in texts for b in texts), 'labels not prefix-free')


def check_section(vector):
    """W-41 W-42 W-43 W-44"""
    for row in vector:
        key, leaf = unhex(row['key']), unhex(row['leaf'])
        context = wire.section_context(unhex(row['originator']), unhex(row['rn']), row['slot'])
        plain = bytes(i & 0xff for i in range(row['plain size']))
        sealed, made = wire.seal_section(key, context, plain)
        same(made, leaf, 'leaf')
        same(len(sealed), row['size'], 'size')
        same(wire.digest('cipher', sealed).hex(), row['cipher hash'], 'hash of the ciphertext')
        if 'ciphertext' in row:
            same(sealed.hex(), row['ciphertext'], 'ciphertext')
        same(wire.open_section(key, context, sealed, leaf), plain, 'plaintext')


def open_key_file(raw, key):
    """W-35, for a key file as opener."""
    file = wire.decode('key file', raw)
    for slot_raw in file['slots']:
        slot = wire.decode('key slot', slot_raw)
        if slot['kind'] != KEY_KIND:
            continue
        try:
            file_key = wire.aead_open(wire.kdf(key, 'keyfile', slot['salt']), slot['nonce'],
                                      slot['wrapped'])
        except Bad:
            continue
        return wire.aead_open(file_key, file['nonce'], file['sealed'], what='key file')
    raise Bad('no slot opens')


def check_keyfile(vector):
    contents = unhex(vector['contents'])
    for name, keys in (('file', ['key']), ('file with both', ['key', 'second key'])):
        raw = unhex(vector[name])
        same(len(wire.decode('key file', raw)['slots']), len(keys), 'number of slots')
        for key in keys:
            same(open_key_file(raw, unhex(vector[key])), contents, 'contents')


def check_names(vector):
    """W-32 W-85 W-86"""
    for row in vector['safety numbers']:
        number = wire.safety_number(unhex(row['node']))
        same(number, row['safety number'], 'safety number')
        same('VALISE:' + number.replace(' ', ''), row['QR payload'], 'QR payload')
    for row in vector['groups']:
        same(wire.group_id(row['name'], [unhex(node) for node in row['nodes']]).hex(),
             row['group id'], 'group id')
    rows = vector['preview']['rows']
    same([row['state'] for row in rows], ['XMA', 'XNH', 'XOR', 'XTO'], 'order of a preview')
    same([row['sections'] for row in rows], [0b10011, 0b11, 0b10001, 0], 'sections of a preview')
    same(wire.preview_hash([(unhex(row['node']), row['sections']) for row in rows]).hex(),
         vector['preview']['hash'], 'hash of a preview')


def check_audit(vector):
    """S-8"""
    last = wire.NONE_ID
    for number, entry in enumerate(vector['entries'], 1):
        fields_of = wire.decode('audit entry', unhex(entry))
        same((fields_of['seq'], fields_of['prev']), (number, last), 'place in the chain')
        last = wire.digest('audit', unhex(entry))
    same(last.hex(), vector['newest hash'], 'newest hash')


def check_identity(vector):
    """W-8 W-20 W-21 W-22 W-23 W-25 W-26 W-27 W-34 W-36"""
    bundle = unhex(vector['bundle'])
    known = wire.Known(bundle)
    same(wire.armor(wire.CARD_KIND, bundle), vector['card text'], 'card text')
    same(wire.unarmor(wire.CARD_KIND, vector['card text']), bundle, 'card text')
    same(known.node.hex(), vector['node'], 'node id')
    same(known.last_event.hex(), vector['last event'], 'newest event')
    same((known.state, known.name, known.event_seq), ('XMA', 'Marentia', 1), 'identity')
    seeds = [unhex(seed) for seed in vector['authority seeds']]
    same(known.keys, [wire.sign_public(seeds[1])], 'keys in force')
    same(known.next, [wire.digest('event', wire.sign_public(seeds[2]))], 'commitment')
    parts = wire.decode('identity bundle', bundle)
    first = wire.decode('inception', wire.decode('signed object', parts['events'][0])['body'])
    same(first['keys'], [wire.sign_public(seeds[0])], 'first keys')
    newest = wire.decode('signed object', parts['cards'][-1])['body']
    older = wire.decode('signed object', parts['cards'][0])['body']
    same(wire.digest('card', newest).hex(), vector['newest card'], 'newest card')
    same(known.card['prev'], wire.digest('card', older), 'card before')
    same(known.endpoints, ['tcp://node.example:7443', 'tcp://[2001:db8::1]:7443'], 'endpoints')
    same(wire.key_id(known.sign_key).hex(), vector['sign key name'], 'name of the sign key')
    same(wire.key_id(known.seal_key).hex(), vector['seal key name'], 'name of the seal key')
    check_node_key_file(vector)


def check_node_key_file(vector):
    key = unhex(vector['key of the key file'])
    raw = wire.unarmor('valise-node-key-1', vector['node key file'])
    file = wire.decode('node key file', open_key_file(raw, key))
    own = wire.Known(file['bundle'])
    same(wire.sign_public(file['sign_key'][:32]), own.sign_key, 'sign key')
    same(file['sign_key'][32:], own.sign_key, 'second half of the sign key')
    same(wire.box_public(file['seal_key']), own.seal_key, 'seal key')
    same(wire.box_public(file['curve_key']), own.curve_key, 'curve key')
    same(file['master'].hex(), vector['master'], 'master key')
    raw = wire.unarmor('valise-authority-key-1', vector['authority key file'])
    authority = open_key_file(raw, key)
    same(authority[:32].hex(), vector['authority seed'], 'authority key')
    same([authority[32:]], own.keys, 'authority key of the bundle')


def check_exchange(vector):
    """W-40 W-42 W-43 W-44 W-45 W-50 W-51 W-53 W-54 W-55 W-56 W-70 W-72 W-73"""
    ends = []
    for name in ('from', 'to'):
        known = wire.Known(unhex(vector[name]['bundle']))
        same(wire.sign_public(unhex(vector[name]['sign seed'])), known.sign_key, 'sign key')
        same(wire.box_public(unhex(vector[name]['seal secret'])), known.seal_key, 'seal key')
        same(wire.box_public(unhex(vector[name]['curve secret'])), known.curve_key, 'curve key')
        ends.append(known)
    giver, taker = ends
    key = wire.pair_key(unhex(vector['to']['seal secret']), taker.node, taker.seal_key, giver.node,
                        giver.seal_key)
    same(wire.pair_key(unhex(vector['from']['seal secret']), giver.node, giver.seal_key, taker.node,
                       taker.seal_key), key, 'pair key at the other end')
    same(key.hex(), vector['pair key'], 'pair key')
    check_record(vector['record'], giver)
    lane, cursor = (giver.node, taker.node), wire.LANE_START
    for number, entry in enumerate(vector['entries']):
        payload = unhex(vector['parcels'][number])
        _, cursor = wire.follow(unhex(entry), payload, lane, cursor)
        check_parcel(payload, giver, taker, key, vector['record'])
    head = wire.read_signed('head', unhex(vector['head']), giver.sign_key)
    ack = wire.read_signed('ack', unhex(vector['ack']), taker.sign_key)
    for signed in (head, ack):
        same((signed['o'], signed['r']), lane, 'ends of the lane')
        same((signed['incarnation'], signed['seq'], signed['hash']), cursor, 'end of the lane')
    same(ack['state'], 2, 'state')


def check_record(record, giver):
    header_raw = unhex(record['header'])
    header = wire.decode('record header', header_raw)
    wire.verify(giver.sign_key_named(header['signing_key']), 'record', header_raw,
                unhex(record['signature']))
    same(wire.digest('record', header_raw).hex(), record['rid'], 'record id')
    same((header['originator'], len(header['leaves']), header['retention']), (giver.node, 8, 12),
         'header')
    for row in record['sections']:
        context = wire.section_context(giver.node, header['rn'], row['slot'])
        plain = wire.open_section(unhex(row['key']), context, unhex(row['ciphertext']),
                                  header['leaves'][row['slot']])
        section = wire.decode('section', plain)
        same((section['name'], section['schema'], section['version'], section['body'].hex()),
             (row['name'], 'valise/denial/1', 2, row['body']), 'section')
        cmp.decode(section['body'])


def check_parcel(payload, giver, taker, key, record):
    parcel = wire.decode('parcel', payload)
    grant = wire.decode('grant', parcel['grant'])
    terms = wire.decode('grant terms', grant['terms'])
    caveats = wire.read_caveats(terms['caveats'])
    by_slot = {row['slot']: row for row in record['sections']}
    same((terms['issuer'], terms['subject'], terms['rid'].hex()),
         (giver.node, taker.node, record['rid']), 'terms')
    same((terms['issuer_key'], terms['subject_key']),
         (wire.key_id(giver.seal_key), wire.key_id(taker.seal_key)), 'seal keys')
    same((parcel['header'].hex(), parcel['signature'].hex()),
         (record['header'], record['signature']), 'header')
    keys = wire.unwrap(grant, terms, key)
    same(sorted(keys), list(parcel['slots']), 'slots')
    for slot, cipher in zip(parcel['slots'], parcel['ciphertexts']):
        same(keys[slot].hex(), by_slot[slot]['key'], 'section key')
        same(wire.digest('cipher', unhex(by_slot[slot]['ciphertext'])), cipher, 'ciphertext')
    same(grant['signature'] is not None, caveats['onward'] != 0, 'whether a grant is signed')
    if grant['signature'] is not None:
        wire.verify(giver.sign_key, 'grant', grant['terms'] + grant['wrapped'], grant['signature'])
        same((caveats['notes'], caveats['onward_to']),
             ([b'a note', b'not for commercial advantage'], [taker.node]), 'caveats')


def check_messages(vector):
    """W-61 W-62 W-63 W-64"""
    ends = vector['ends']
    nodes = [unhex(end['node']) for end in ends]
    nonces = [unhex(end['nonce']) for end in ends]
    for i in range(2):
        tag = wire.session_tag(nodes[i], nodes[1 - i], nonces[i], nonces[1 - i])
        same(tag.hex(), ends[i]['tag of what it sends'], 'tag')
        name, hello = wire.read_message(unhex(vector['hellos'][i]))
        same(name, 'HELLO', 'message')
        wire.verify(unhex(ends[i]['sign public']), 'hello', hello['body'], hello['signature'])
        body = wire.decode('hello body', hello['body'])
        same((body['node'], body['to'], body['nonce'], body['echo']),
             (nodes[i], nodes[1 - i], nonces[i], nonces[0] if i else None), 'HELLO')
    tag = unhex(ends[0]['tag of what it sends'])
    same(set(vector['messages']) | {'HELLO'}, set(wire.TYPES), 'kinds of messages')
    for number, (name, text) in enumerate(vector['messages'].items(), 1):
        read, found = wire.read_message(unhex(text))
        same((read, found['session'], found['counter']), (name, tag, number), 'message')
        same(wire.message(name, found).hex(), text, 'packed again')
    check_message_fields({name: wire.read_message(unhex(text))[1]
                          for name, text in vector['messages'].items()}, nonces)


def check_message_fields(found, two):
    """What each kind of message says."""
    wanted = {
        'ERROR': {'code': 3, 'retry_after': 60000, 'text': 'too much'},
        'PING': {'time': 1773222120000}, 'PONG': {'time': 1773222120000}, 'BYE': {},
        'IDENT_PULL': {'card_seq': 0}, 'IDENT': {'bundle': two[0]},
        'HEADS': {'mine': two[0], 'yours': None, 'acked': None, 'yours_seq': 300,
                  'yours_hash': wire.NONE_ID, 'incarnation': 1},
        'LANE_PULL': {'side': 1, 'incarnation': 1, 'after': 65536},
        'LANE_DATA': {'side': 0, 'entries': two, 'payloads': two, 'head': two[1], 'blobs': two},
        'LANE_ACK': {'ack': two[0]},
        'LANE_NACK': {'reason': 5, 'seq': 7, 'entry': wire.NONE_ID},
        'BLOB_PULL': {'ids': two}, 'BLOB': {'bytes': two[0]}, 'CREDIT': {'bytes': 8 << 20},
    }
    wanted['LANE_PUSH'] = wanted['LANE_DATA']
    for name, message in found.items():
        rest = {key: value for key, value in message.items() if key not in ('session', 'counter')}
        same(rest, wanted[name], name)


def check_split(vector):
    """W-47 W-48 W-87"""
    tables = fields.Tables()
    for name, row in vector.items():
        record = cmp.decode(unhex(row['record']))
        tables.check(record)
        parts = tables.split(record)
        same({section: cmp.encode(part).hex() for section, part in parts.items()}, row['sections'],
             'sections of ' + name)
        whole = tables.merge(parts)
        need(whole == record or name == 'with moves', 'merging does not undo splitting')
        same(tables.split(whole), parts, 'what the merged record splits into')
        tables.check(tables.granted(record, ['manifest', 'summary']))


FROZEN = {'digest': check_digest, 'section': check_section, 'keyfile': check_keyfile,
          'names': check_names, 'audit': check_audit, 'identity': check_identity,
          'exchange': check_exchange, 'messages': check_messages, 'split': check_split}


# --- a captured exchange -------------------------------------------------------------------

class Direction:
    """What one side sends: its tag, and how many messages have passed."""

    def __init__(self, known):
        self.known = known
        self.tag = None
        self.counter = 0
        self.hello = None


class Capture:
    """Verifies all messages of one session between a node and a peer whose keys are known."""

    def __init__(self, capture):
        self.capture = capture
        self.sides = {'node': Direction(wire.Known(unhex(capture['node']['bundle']))),
                      'peer': Direction(wire.Known(unhex(capture['peer']['bundle'])))}
        self.node = self.sides['node'].known
        self.peer = self.sides['peer'].known
        self.seal_secret = unhex(capture['peer']['seal secret'])
        self.cursor = wire.LANE_START
        self.acknowledged = 0
        self.parcels = []
        self.blobs = {}
        self.tables = fields.Tables()

    def verify(self):
        same(wire.safety_number(self.node.node), self.capture['node']['safety number'],
             'safety number that was compared')
        same(wire.box_public(self.seal_secret), self.peer.seal_key, 'seal key')
        messages = [(row['from'], unhex(row['hex'])) for row in self.capture['messages']]
        need(len(messages) > 3, 'no session')
        self._hellos(messages[:3])
        for who, raw in messages[3:]:
            self._message(who, raw)
        need(self.parcels and self.acknowledged == self.cursor[1], 'entries not acknowledged')
        return self._records()

    def _hellos(self, hellos):
        """W-62 W-63"""
        (first, _), (second, _), (third, _) = hellos
        need({first, second} == {'node', 'peer'} and third == first, 'HELLOs in turn')
        said = []
        for who, raw in hellos:
            side, to = self.sides[who], self.sides[second if who == first else first]
            name, fields_of = wire.read_message(raw)
            same(name, 'HELLO', 'first message')
            side.hello = wire.decode('hello body', fields_of['body'])
            wire.verify(side.known.sign_key_of(side.hello['card_seq']), 'hello',
                        fields_of['body'], fields_of['signature'], 'HELLO signature')
            same((side.hello['node'], side.hello['to']), (side.known.node, to.known.node),
                 'ends of HELLO')
            said.append((side.hello['nonce'], side.hello['echo']))
        a, b = self.sides[first], self.sides[second]
        same(said[2][0], said[0][0], 'nonce of the third HELLO')
        same([echo for _, echo in said], [None, said[0][0], said[1][0]], 'echo')
        for side, other in ((a, b), (b, a)):
            side.tag = wire.session_tag(side.known.node, other.known.node, side.hello['nonce'],
                                        other.hello['nonce'])

    def _message(self, who, raw):
        """W-64"""
        side = self.sides[who]
        name, found = wire.read_message(raw)
        need(name != 'HELLO', 'HELLO within the session')
        same(found['session'], side.tag, 'session tag')
        same(found['counter'], side.counter + 1, 'counter')
        side.counter += 1
        handler = getattr(self, '_on_%s_%s' % (who, name.lower()), None)
        if handler is not None:
            handler(found)

    def _on_node_ident(self, found):
        same(wire.Known(found['bundle']).node, self.node.node, 'node of IDENT')

    def _on_node_heads(self, found):
        """W-71"""
        if found['mine'] is not None:
            head = wire.peek_signed('head', found['mine'])
            wire.read_signed('head', found['mine'], self.node.sign_key_of(head['card_seq']))
            same((head['o'], head['r']), (self.node.node, self.peer.node), 'ends of HEADS')

    def _on_node_lane_push(self, found):
        """W-70 W-72 W-74 W-75"""
        lane = (self.node.node, self.peer.node)
        same(found['side'], 0, 'side')
        head = wire.peek_signed('head', found['head'])
        wire.read_signed('head', found['head'], self.node.sign_key_of(head['card_seq']))
        same((head['o'], head['r']), lane, 'ends of the head')
        named = set()
        for entry_raw, payload in zip(found['entries'], found['payloads']):
            entry, self.cursor = wire.follow(entry_raw, payload, lane, self.cursor)
            same(entry['type'], wire.GRANT, 'type of an entry')
            parcel = wire.decode('parcel', payload)
            named.update(parcel['ciphertexts'])
            self.parcels.append(parcel)
        same((head['incarnation'], head['seq'], head['hash']), self.cursor, 'end of the batch')
        for blob in found['blobs']:
            cipher = wire.digest('cipher', blob)
            need(cipher in named, 'a ciphertext that no payload names')
            self.blobs[cipher] = blob

    def _on_node_blob(self, found):
        self.blobs[wire.digest('cipher', found['bytes'])] = found['bytes']

    def _on_peer_lane_ack(self, found):
        """W-73"""
        ack = wire.peek_signed('ack', found['ack'])
        wire.read_signed('ack', found['ack'], self.peer.sign_key_of(ack['card_seq']))
        same((ack['o'], ack['r']), (self.node.node, self.peer.node), 'ends of the ack')
        same((ack['incarnation'], ack['seq'], ack['hash']), self.cursor, 'what is acknowledged')
        self.acknowledged = ack['seq']

    # --- records --------------------------------------------------------------------------

    def _records(self):
        """Every parcel opens to what was published, less what was not granted. W-57"""
        wanted = {row['published']['reference']: row for row in self.capture['records']}
        for parcel in self.parcels:
            record, sections = self._open(parcel)
            row = wanted.pop(record['reference'], None)
            need(row is not None, 'a record that was not published')
            same(sorted(sections), sorted(row['sections']), 'sections granted')
            same(record, self.tables.granted(row['published'], row['sections']),
                 'record ' + record['reference'])
        need(not wanted, 'published and not here: %s' % ', '.join(wanted))
        return len(self.parcels)

    def _open(self, parcel):
        """W-57, in its order: a record, and the names of its sections."""
        need(list(parcel['slots']) == sorted(set(parcel['slots'])), 'slots not ascending')
        same(len(parcel['slots']), len(parcel['ciphertexts']), 'number of slots')
        grant = wire.decode('grant', parcel['grant'])
        terms = wire.decode('grant terms', grant['terms'])
        caveats = wire.read_caveats(terms['caveats'])
        same((terms['subject'], terms['issuer']), (self.peer.node, self.node.node), 'grant')
        same(terms['rid'], wire.digest('record', parcel['header']), 'record id')
        header = wire.decode('record header', parcel['header'])
        need(len(header['leaves']) in (1, 2, 4, 8, 16), 'number of leaves')
        same((header['originator'], terms['depth'], terms['parent'], parcel['parents']),
             (self.node.node, 0, None, []), 'originator')
        wire.verify(self.node.sign_key_named(header['signing_key']), 'record', parcel['header'],
                    parcel['signature'], 'header signature')
        need(grant['signature'] is not None or caveats['onward'] == 0, 'unsigned onward grant')
        if grant['signature'] is not None:
            wire.verify(self.node.sign_key, 'grant', grant['terms'] + grant['wrapped'],
                        grant['signature'], 'grant signature')
        same((terms['issuer_key'], terms['subject_key']),
             (wire.key_id(self.node.seal_key), wire.key_id(self.peer.seal_key)), 'seal keys')
        key = wire.pair_key(self.seal_secret, self.peer.node, self.peer.seal_key, self.node.node,
                            self.node.seal_key)
        keys = wire.unwrap(grant, terms, key)
        same(sorted(keys), list(parcel['slots']), 'slots of the wrap')
        parts = {}
        for slot, cipher in zip(parcel['slots'], parcel['ciphertexts']):
            need(cipher in self.blobs, 'a ciphertext is missing')
            self._section(header, slot, keys[slot], self.blobs[cipher], parts)
        return self._merged(parts), list(parts)

    def _section(self, header, slot, key, ciphertext, parts):
        need(slot < len(header['leaves']), 'slot beyond the leaves')
        context = wire.section_context(self.node.node, header['rn'], slot)
        section = wire.decode('section', wire.open_section(key, context, ciphertext,
                                                           header['leaves'][slot]))
        need(section['name'] in fields.SHARED and section['name'] not in parts, 'section name')
        need(section['schema'] in self.tables.bodies, 'schema of a section')
        try:
            parts[section['name']] = cmp.decode(section['body'])
        except cmp.NotCanonical as why:
            raise Bad('body: %s' % why) from None

    def _merged(self, parts):
        """W-88"""
        record = self.tables.check(self.tables.merge(parts))
        same(record['originator']['state'], self.node.state, 'State of the originator')
        same(record['reference'].split('-')[1], self.node.state, 'State of the reference')
        return record


def check_capture(capture):
    """Verify a captured exchange. Returns how many records it gave."""
    return Capture(capture).verify()


# --- files ---------------------------------------------------------------------------------

def check_text(name, text):
    """Verify the text of one file; `name` tells what it is."""
    try:
        loaded = json.loads(text)
        if name in FROZEN:
            FROZEN[name](loaded)
            return 'as WIRE.md says'
        return '%d records verified' % check_capture(loaded)
    except Bad:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as why:
        raise Bad('%s: %s' % (type(why).__name__, why)) from None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    bad = 0
    for path in sys.argv[1:]:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        name = os.path.splitext(os.path.basename(path))[0]
        try:
            print('%s: %s' % (path, check_text(name, text)))
        except Bad as why:
            print('%s: REFUSED: %s' % (path, why))
            bad += 1
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
