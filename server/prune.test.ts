import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startKontor, type Kontor } from '../tests/kontor.ts';
import { inWorld } from './database/world.ts';
import { prune } from './prune.ts';

let kontor: Kontor;
before(async () => { kontor = await startKontor({ works: false }); });
after(() => kontor.close());

test('idempotency keys of more than thirty days are forgotten a portion at a time, younger ones are kept', async () => {
  const { app, world } = kontor;
  const query = (text: string) => inWorld(app.database.pool, world, (tx) => tx.query<{ key: string }>(text));
  await query(`insert into idempotency_keys (key, request_id, fingerprint, status, body, created)
    select 'old ' || n, 'req_1', ''::bytea, 200, '{}', now() - interval '31 days' from generate_series(1, 10001) n union all select 'young', 'req_1', ''::bytea, 200, '{}', now() - interval '29 days'`);
  assert.equal(await prune(app), true);
  assert.equal(await prune(app), false);
  assert.deepEqual((await query('select key from idempotency_keys')).rows, [{ key: 'young' }]);
});
