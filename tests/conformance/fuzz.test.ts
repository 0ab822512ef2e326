/**
 * Every route, and more than a hundred bad requests to each: refused with an error as Stripe's schema says, in time, and nothing in the database is different afterwards.
 * KONTOR_TEST_FUZZ sets how many there are for each route, KONTOR_TEST_SEED chooses others.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { describe as about } from '../../server/http/params.ts';
import type { Route } from '../../server/http/route.ts';
import { runDueTimers } from '../../server/timers.ts';
import { rooms } from '../../resources/register.ts';
import { startKontor } from '../kontor.ts';
import { badParameters, written, type Bad } from './bad.ts';
import { violations } from './openapi.ts';
import { seeded } from './random.ts';
import { atOnce, rawCaller, type Raw } from './raw.ts';
import { pathWith, stock } from './stock.ts';

const EACH = Number(process.env['KONTOR_TEST_FUZZ'] ?? 110);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

const kontor = await startKontor({ works: false });
const caller = rawCaller(kontor.url, kontor.key);
const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
await superuser.connect();
const own = await stock(kontor, kontor.stripe);
const foreign = await stock(kontor, (await kontor.another()).stripe);
after(async () => {
  caller.close();
  // Nobody works here, so nothing is delivered, however long this has taken, and what has come due meanwhile is run now.
  await superuser.query(`update webhook_endpoints set status = 'disabled'`);
  await superuser.end();
  while (await runDueTimers(kontor.app));
  await kontor.close();
});

/** All that is in the database, as one number for each table. */
async function contents(): Promise<Map<string, string>> {
  const { rows: tables } = await superuser.query<{ name: string }>(`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`);
  const each = tables.map(({ name }) => `select '${name}' as name, count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) as sum from "${name}" t`);
  const { rows } = await superuser.query<{ name: string; sum: string }>(each.join(' union all '));
  return new Map(rows.map(({ name, sum }) => [name, sum]));
}

const STRANGE = ['zzz_unknown', '%00', '%FF', '%E2%82', "'%20or%201=1--", '..%2F..%2Fetc%2Fpasswd', 'x'.repeat(600), '%F0%9F%92%A9', '__proto__', '[object%20Object]', '-1', '1e99'];

function requestsTo(route: Route): { what: string; raw: Raw }[] {
  const random = seeded(SEED);
  const ids = (prefix: string | undefined) => own.get(prefix ?? '') ?? `${prefix ?? 'x'}_unknown`;
  const path = pathWith(route.path, (collection) => own.get(collection) ?? 'zzz_unknown');
  const carry = (bad: Bad, to = path): { what: string; raw: Raw } => {
    const form = written(bad.pairs);
    return { what: bad.what, raw: route.method === 'POST' ? { method: 'POST', path: to, body: form } : { method: route.method, path: form ? `${to}?${form}` : to } };
  };
  const missing = (prefix: string | undefined) => (route.method === 'POST' ? [`${prefix ?? 'x'}_unknown`, ...[foreign.get(prefix ?? '')].filter((id) => id !== undefined)] : []);
  const parameters = badParameters(about(route.schema), ids, missing);
  while (parameters.length < EACH) parameters.push({ what: 'an unknown name', pairs: [[`${random.pick(['zzz', 'a[b]', 'x[]', 'items[0][zzz]', 'constructor', 'created[eq]'])}${random.int(0, 9_999)}`, random.pick(['', '1', '%00', '%FF', 'x'.repeat(9_999)])]] });
  while (parameters.length > EACH) parameters.splice(random.int(0, parameters.length - 1), 1);
  const all = parameters.map((bad) => carry(bad));
  const [least] = [{ what: '', pairs: [] as Bad['pairs'] }];
  if (path !== route.path) {
    for (const strange of STRANGE) all.push(carry({ what: `the id ${strange.slice(0, 20)}`, pairs: least.pairs }, pathWith(route.path, () => strange)));
    if (path.split('/').some((part) => [...own.values()].includes(part))) all.push(carry({ what: 'ids of another account', pairs: least.pairs }, pathWith(route.path, (collection) => foreign.get(collection) ?? 'zzz_unknown')));
  }
  if (route.method === 'POST') {
    const headers = (type: string) => ({ 'content-type': type });
    all.push({ what: 'JSON', raw: { method: 'POST', path, body: '{"a":1}', headers: headers('application/json') } });
    all.push({ what: 'a multipart form', raw: { method: 'POST', path, body: '--x--', headers: headers('multipart/form-data; boundary=x') } });
    all.push({ what: 'bytes', raw: { method: 'POST', path, body: Buffer.from([0xff, 0xfe, 0, 0x3d, 1]) } });
    all.push({ what: 'a body that is too large', raw: { method: 'POST', path, body: `zzz=${'x'.repeat(1_100_000)}` } });
  }
  return all;
}

const routes = rooms.flatMap((room) => room.routes ?? []).filter((each) => each.path.startsWith('/v1/'));

test('there is something of everything that a path can name', () => {
  const missing = new Set<string>();
  for (const route of routes) pathWith(route.path, (collection) => own.get(collection) ?? (missing.add(collection), ''));
  assert.deepEqual([...missing], []);
});

for (const route of routes) {
  test(`${route.method} ${route.path} refuses what is wrong and changes nothing`, async () => {
    const found: string[] = [];
    const earlier = await contents();
    await atOnce(requestsTo(route), 8, async ({ what, raw }) => {
      const tell = (problem: string): void => void found.push(`${raw.method} ${raw.path.slice(0, 200)} ${raw.body ? `with ${String(raw.body).slice(0, 200)} ` : ''}(${what}): ${problem}`);
      try {
        const heard = await caller.call(raw);
        // A batch says of each event by itself what is wrong with it.
        if (heard.body?.object === 'kontor.usage_batch' && heard.body.refused > 0 && heard.body.accepted + heard.body.duplicates === 0) return;
        if (heard.status < 400) return tell(`accepted with ${heard.status}`);
        if (heard.status >= 500) return tell(`failed with ${heard.status}: ${heard.text.slice(0, 200)}`);
        for (const each of violations(raw.method, raw.path, heard.status, heard.body)) tell(`${heard.status}: ${each.pointer} is ${each.problem}`);
        if (!heard.body?.error?.message) tell(`${heard.status}: an error without a message`);
      } catch (error) {
        tell(String(error));
      }
    });
    const later = await contents();
    for (const [table, sum] of later) if (earlier.get(table) !== sum) found.push(`${table} has changed`);
    assert.equal(found.length, 0, `${found.length} findings:\n  ${found.slice(0, 20).join('\n  ')}`);
  });
}
