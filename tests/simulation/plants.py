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
    # T-4
    ('a-message-of-the-other-direction-taken', 'node/session.c',
     'memcmp(message->session.tag, session->tag_in, SESSION_TAG_BYTES) != 0 ||', '', 200000),
    # T-7
    ('a-batch-committed-entry-by-entry', 'node/lane_take.c',
     '''        applied->cursor.seq = entry->seq;
        applied->cursor.hash = verified->hashes[i];
''',
     '''        applied->cursor.seq = entry->seq;
        applied->cursor.hash = verified->hashes[i];
        struct store_event event = {.time = receive->now.wall, .event = "lane.applied",
                                    .actor = "node", .subject = peer->identity.state,
                                    .detail = ""};
        TRY(store_audit_add(receive->txn, &event));
        TRY(engine_commit(receive->engine, &receive->txn));
        TRY(store_begin(receive->engine->store, STORE_WRITE, &receive->txn));
''', 60000),
    ('a-lane-moves-on-in-memory-before-commit', 'node/lane_take.c',
     '''        TRY(engine_commit(engine, &receive.txn));
        peer->in = applied.cursor;
''',
     '''        peer->in = applied.cursor;
        TRY(engine_commit(engine, &receive.txn));
''', 100000),
    ('records-committed-before-their-keys', 'store/database.c',
     '''    TRY(database_commit(store, &done->keys));
    TRY(at_point(store, "commit.between"));
    TRY(database_commit(store, &done->data));
''',
     '''    TRY(database_commit(store, &done->data));
    TRY(at_point(store, "commit.between"));
    TRY(database_commit(store, &done->keys));
''', 60000),
    # T-8
    ('an-entry-held-already-taken-again', 'node/lane_take.c',
     'if (entry->seq <= applied->cursor.seq)', 'if (entry->seq < 0)', 200000),
    ('an-acknowledgement-of-another-history-taken', 'node/lane_send.c',
     '    TRY(id_equal(&held, &ack.hash) ? OK : ERR_BAD_HASH);\n', '', 200000),
    # T-9
    ('a-ciphertext-given-to-whoever-knows-its-id', 'node/lane_send.c',
     'return ((holder.slots >> part[0]) & 1) != 0;', 'return true;', 200000),
    # T-11
    ('a-version-that-came-leaves-the-older-current', 'node/receive.c',
     'other.standing == RECORD_CURRENT', 'other.version < 0', 60000),
    # T-14
    ('OK-said-on-a-full-disk', 'node/publish.c',
     '''    TRY(engine_commit(engine, &txn));
    TRY(engine->ports->point(engine->ports->context, "publish.after-commit"));
''',
     '''    if (engine_commit(engine, &txn) != OK) {
        return OK;
    }
    TRY(engine->ports->point(engine->ports->context, "publish.after-commit"));
''', 60000),
    # T-15
    ('a-clock-that-jumps-believed', 'node/engine.c',
     'bool doubted = jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS;',
     'bool doubted = jump == INT64_MIN;', 60000),
    ('a-record-of-the-future-taken', 'node/receive.c',
     'if (ahead_ms <= ISSUED_AHEAD_MAX_MS)', 'if (ahead_ms < INT64_MAX)', 200000),
    # Without an end, nothing arrives any more.
    ('credit-not-given-again', 'node/sync.c',
     'peer->session.credit_in < CREDIT_BYTES / 2', 'peer->session.credit_in < 0', 200000),
    ('what-was-asked-for-without-credit-forgotten', 'node/sync.c',
     'lane_give_owed(engine, peer, now)', 'OK', 600000),
)
