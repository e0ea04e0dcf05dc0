# SPDX-License-Identifier: Apache-2.0
"""Bugs that the simulation must find: name, file, text before, text after, within so many steps."""

PLANTS = (
    ('acknowledged-before-commit', 'node/lane_take.c',
     '''        TRY(engine_commit(engine, &receive.txn));
        peer->in = applied.cursor;
''',
     '''        peer->in = applied.cursor;
        lane_acknowledge(engine, peer, now);
        TRY(engine_commit(engine, &receive.txn));
''', 60000),
    ('signature-of-a-record-not-checked', 'node/receive.c',
     '    TRY(check_signature(receive->peer, &in));\n', '    (void)check_signature;\n', 200000),
    ('signature-of-a-head-not-checked', 'node/lane_state.c',
     '    TRY(lane_head_verify(bytes, engine->arena, key->sign_key));\n', '', 200000),
    ('numbered-before-heads', 'node/publish.c',
     '            TRY(peer->lane_confirmed\n', '            TRY(peer->in.seq >= 0\n', 60000),
    ('a-section-more-granted', 'node/granting.c',
     '((sections >> part[1]) & 1U) == 0', 'sections == 0', 60000),
    ('keys-not-stored', 'node/publish.c',
     '    TRY(store_keys_put(txn, &out->envelope.record_id, publish->engine->scratch_keys));\n', '',
     60000),
    ('grant-for-another-State-taken', 'node/receive.c',
     '    TRY(id_equal(&terms->subject, &engine->keys->identity.node) ? OK : ERR_NOT_FOR_US);\n',
     '    (void)engine;\n', 200000),
    ('grant-of-another-issuer-taken', 'node/receive.c',
     '    TRY(id_equal(&terms->issuer, &peer->identity.node) ? OK : ERR_WRONG_SENDER);\n', '',
     200000),
    ('overlap-not-compared', 'node/lane_take.c',
     '    TRY(compare_overlap(engine, peer, &verified, &forked));\n',
     '    (void)compare_overlap;\n', 200000),
    ('numbers-kept-in-memory-before-commit', 'node/granting.c',
     '''    TRY(engine_commit(engine, &txn));
    peer->out = cursor;
    peer->pending = (int64_t)left;
''',
     '''    peer->out = cursor;
    peer->pending = (int64_t)left;
    TRY(engine_commit(engine, &txn));
''', 200000),
    ('a-grant-that-waits-is-forgotten', 'node/granting.c',
     '    TRY(store_pending_add(granting->txn, peer->number, &pending));\n',
     '    (void)pending;\n', 60000),
    ('a-version-before-stays-current', 'node/publish.c',
     '    row.standing = RECORD_SUPERSEDED;\n', '', 60000),
    ('a-lost-lane-not-fetched-back', 'node/sync.c',
     '        peer->recovering = true;\n', '        peer->lane_confirmed = true;\n', 60000),
    ('an-old-message-taken-again', 'node/session.c',
     'message->session.counter != session->counter_in + 1', 'message->session.counter < 0', 200000),
)
