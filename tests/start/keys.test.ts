import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import Stripe from 'stripe';
import { when } from '../awaited.ts';
import { client, freshDirectory, kontor, refusal, start, type Started } from './process.ts';

let server: Started;
let data: string;

before(async () => {
  data = await freshDirectory();
  server = await start(data);
});
after(async () => {
  assert.equal((await server.stop()).code, 0);
});

/** Runs a command of `kontor keys` beside the server. */
async function keys(...words: string[]): Promise<string> {
  const { code, out, err } = await kontor(['keys', ...words, '--data', data]);
  assert.equal(code, 0, err);
  return out.trim();
}

type Listed = { id: string; kind: string; hint: string; name: string | null; livemode: boolean; account: string; permissions: object; expires_at: number | null; revoked_at: number | null };
const listed = async (...words: string[]): Promise<Listed[]> => (await keys('list', '--json', ...words)).split('\n').filter(Boolean).map((line) => JSON.parse(line) as Listed);
const made = async (...words: string[]): Promise<{ id: string; key: string }> => JSON.parse(await keys('create', '--json', ...words)) as { id: string; key: string };
const customersOf = (key: string) => client(server.url, key).customers.list({ limit: 1 });

/** Waits until the key is refused, which a server that has just let it in does a little later. */
async function over(key: string): Promise<void> {
  const answer = await when(() => customersOf(key).catch((error: unknown) => error), (found) => found instanceof Error);
  assert.ok(answer instanceof Stripe.errors.StripeAuthenticationError);
  assert.equal(answer.code, 'api_key_expired');
}

test('a key that is made beside a running server opens it, and is shown once', async () => {
  const key = await keys('create', '--name', 'night shift');
  assert.match(key, /^sk_test_\w{32}$/);
  assert.equal((await customersOf(key)).object, 'list');
  const all = await keys('list');
  assert.ok(!all.includes(key), 'a list shows no key');
  assert.match(all, new RegExp(`key_\\w+  test  secret +${key.slice(0, 8)}\\*{8}${key.slice(-4)}  night shift +\\S+Z  good`));
});

test('a restricted key may do what it is allowed, and is told what it lacks', async () => {
  const key = await keys('create', '--kind', 'restricted', '--allow', 'customers=read', '--allow', 'test_helpers=write');
  assert.match(key, /^rk_test_/);
  const stripe = client(server.url, key);
  assert.equal((await stripe.customers.list()).object, 'list');
  assert.equal((await stripe.testHelpers.testClocks.create({ frozen_time: 1_767_268_800 })).status, 'ready');
  assert.equal((await stripe.testHelpers.testClocks.list()).data.length, 1, 'write includes read');
  const write = await refusal(stripe.customers.create({ name: 'Ada' }));
  assert.equal(write.status, 403);
  assert.match(write.message, /no permission to write `customers`\. Give it `customers=write`/);
  assert.equal((await refusal(stripe.events.list())).status, 403);
  const reader = client(server.url, await keys('create', '--kind', 'restricted', '--allow', '*=read'));
  assert.equal((await reader.customers.list()).object, 'list');
  assert.equal((await refusal(reader.customers.create({}))).status, 403);
});

test('a publishable key makes no request that is meant for a secret one', async () => {
  for (const key of [server.publishable_key!, await keys('create', '--kind', 'publishable')]) {
    const refused = await refusal(customersOf(key));
    assert.equal(refused.status, 403);
    assert.match(refused.message, /needs a secret key/);
  }
});

test('a rolled key and its successor are both good for a while, and only for a while', async () => {
  const old = await made('--kind', 'restricted', '--allow', 'customers=read', '--name', 'shop');
  const next = await keys('roll', old.id, '--overlap', '1h');
  assert.equal((await customersOf(old.key)).object, 'list');
  assert.equal((await customersOf(next)).object, 'list');
  assert.equal((await refusal(client(server.url, next).customers.create({}))).status, 403, 'the successor may do no more');
  const [first, second] = (await listed()).filter((key) => key.name === 'shop');
  assert.deepEqual([first!.id, second!.kind, second!.permissions, second!.expires_at], [old.id, 'restricted', { customers: 'read' }, null]);
  assert.ok(first!.expires_at! > 0);

  const short = await made();
  await customersOf(short.key);
  const successor = await keys('roll', short.id, '--overlap', '0s');
  await over(short.key);
  assert.equal((await customersOf(successor)).object, 'list');
  const { code, err } = await kontor(['keys', 'roll', short.id, '--data', data]);
  assert.equal(code, 1);
  assert.match(err, /has ended already, so there is nothing to roll/);
});

test('a revoked key is refused soon, also by a server that has just let it in', async () => {
  const { id, key } = await made('--mode', 'live');
  await customersOf(key);
  await keys('revoke', id);
  await over(key);
  assert.match((await kontor(['keys', 'revoke', id, '--data', data])).err, /was revoked before/);
});

test('a key may be given an end', async () => {
  const { id, key } = await made('--expires', '1s');
  await over(key);
  await made('--expires', '2099-12-31', '--name', 'long');
  assert.equal((await listed()).find((each) => each.name === 'long')!.expires_at, 4_102_358_400);
  assert.ok((await listed()).find((each) => each.id === id)!.expires_at! < 4_102_358_400);
});

test('test and live mode share nothing', async () => {
  const live = client(server.url, await keys('create', '--mode', 'live'));
  const inTest = client(server.url, server.secret_key!);
  const ada = await inTest.customers.create({ name: 'Ada' });
  const grace = await live.customers.create({ name: 'Grace' });
  assert.deepEqual([ada.livemode, grace.livemode], [false, true]);
  assert.equal((await refusal(live.customers.retrieve(ada.id))).status, 404);
  assert.equal((await refusal(inTest.customers.retrieve(grace.id))).code, 'resource_missing');
  assert.equal((await refusal(live.testHelpers.testClocks.create({ frozen_time: 1_767_268_800 }))).code, 'livemode_mismatch');
});

test('another account has keys and customers of its own', async () => {
  const { code, out, err } = await kontor(['accounts', 'create', '--name', 'Second Inc.', '--country', 'IE', '--currency', 'eur', '--data', data]);
  assert.equal(code, 0, err);
  const account = out.trim();
  const ambiguous = await kontor(['keys', 'create', '--data', data]);
  assert.equal(ambiguous.code, 1);
  assert.match(ambiguous.err, /^There are 2 accounts\. Say which with --account/);
  const theirs = client(server.url, await keys('create', '--account', account));
  const ours = client(server.url, server.secret_key!);
  const ada = await ours.customers.create({ name: 'Ada' });
  assert.equal((await refusal(theirs.customers.retrieve(ada.id))).status, 404);
  assert.deepEqual((await theirs.customers.list()).data, []);
  assert.deepEqual(new Set((await listed('--account', account)).map((key) => key.account)), new Set([account]));
  const accounts = (await kontor(['accounts', 'list', '--json', '--data', data])).out.trim().split('\n').map((line) => JSON.parse(line) as { name: string; country: string; currency: string });
  assert.deepEqual(accounts.map(({ name, country, currency }) => [name, country, currency]), [['My company', 'US', 'usd'], ['Second Inc.', 'IE', 'eur']]);
});

test('a key is taken as a bearer token or as the user of Basic, and nothing else is let in', async () => {
  const ask = (headers: Record<string, string>) => fetch(`${server.url}/v1/customers`, { headers });
  const key = server.secret_key!;
  assert.equal((await ask({ authorization: `Bearer ${key}` })).status, 200);
  assert.equal((await ask({ authorization: `Basic ${btoa(`${key}:`)}` })).status, 200);
  const strangers = [undefined, 'Bearer', `Bearer ${key.slice(0, -1)}x`, `Bearer ${key} `.replace('sk_test', 'sk_live'), `Basic ${btoa(`:${key}`)}`, `Digest ${key}`, 'Bearer sk_test_', "Bearer sk_test_' or '1'='1"];
  for (const authorization of strangers) {
    const answer = await ask(authorization === undefined ? {} : { authorization });
    const { error } = (await answer.json()) as { error: { type: string; message: string } };
    assert.deepEqual([answer.status, error.type], [401, 'invalid_request_error'], String(authorization));
    assert.ok(!error.message.includes(key), 'a key is never repeated in full');
  }
});

test('versions from basil on are understood, and others are refused with what to do', async () => {
  const at = (version: string) => client(server.url, server.secret_key!, version).customers.list();
  assert.equal((await at('2025-03-31.basil')).object, 'list');
  for (const [version, told] of [['2024-06-20', /understands the versions from 2025-03-31\.basil/], ['2026-13-01.nonsense', /Invalid Stripe API version/], ['2026-10-28.preview', /previews/]] as const) {
    const refused = await refusal(at(version));
    assert.equal(refused.status, 400);
    assert.match(refused.message, told);
  }
});

test('an error leads to a page that explains it, without a key', async () => {
  const refused = await fetch(`${server.url}/v1/customers/cus_nobody`, { headers: { authorization: `Bearer ${server.secret_key!}` } });
  const { error } = (await refused.json()) as { error: { doc_url: string } };
  const page = await fetch(new URL(error.doc_url, server.url));
  assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  assert.match(page.headers.get('content-security-policy')!, /^default-src 'none'; style-src 'sha256-/);
  assert.match(await page.text(), /<section id="resource_missing">/);
});

test('what makes no sense is told in a sentence', async () => {
  const cases: [string[], RegExp][] = [
    [['keys', 'create', '--kind', 'master'], /^--kind is 'master'\. Write one of: secret, publishable, restricted\.$/],
    [['keys', 'create', '--mode', 'prod'], /^--mode is 'prod'\. Write test or live\.$/],
    [['keys', 'create', '--kind', 'restricted'], /^A restricted key may do only what it is allowed: name it/],
    [['keys', 'create', '--allow', 'customers=read'], /^--allow is for restricted keys/],
    [['keys', 'create', '--kind', 'restricted', '--allow', 'customer=read'], /^There is nothing under \/v1\/customer to allow\. Did you mean customers\?$/],
    [['keys', 'create', '--kind', 'restricted', '--allow', 'customers'], /^--allow is 'customers'\. Write an area and read or write/],
    [['keys', 'create', '--expires', 'tomorrow'], /^--expires is 'tomorrow'\. Write a time such as 90d/],
    [['keys', 'create', '--expires', '2020-01-01'], /^--expires is '2020-01-01', which is over already/],
    [['keys', 'create', '--account', 'acct_nobody'], /^There is no account acct_nobody\. The accounts are acct_/],
    [['keys', 'roll', 'key_nobody'], /^There is no key with the id key_nobody\. kontor keys list shows the ids\.$/],
    [['keys', 'revoke', server.secret_key!], /^There is no key with the id that you wrote: it is the key itself\./],
    [['keys', 'roll', 'key_nobody', '--overlap', '8d'], /^--overlap is '8d'\. Write a time from 0s to 7d/],
    [['accounts', 'create', '--currency', 'XYZ'], /^--currency is 'XYZ'\./],
    [['accounts', 'create', '--country', 'Ireland'], /^--country is 'Ireland'\./],
  ];
  await Promise.all(cases.map(async ([words, sentence]) => {
    const { code, out, err } = await kontor([...words, '--data', data]);
    assert.deepEqual({ code, out }, { code: 1, out: '' }, words.join(' '));
    assert.match(err.trim(), sentence);
  }));
  for (const words of [['keys', 'list'], ['verify']]) {
    const nowhere = await kontor([...words, '--data', `${data}/none`]);
    assert.deepEqual([nowhere.code, nowhere.err.trim()], [1, `There is no Kontor in ${data}/none yet. Run kontor start, or name another data directory with --data.`]);
  }
});

test('the commands work as well while no server runs, and leave none behind', async () => {
  await server.stop();
  const key = await keys('create', '--account', server.account);
  assert.match((await kontor(['migrate', '--data', data])).out, /^The database is up to date\.$/m);
  server = await start(data);
  assert.equal((await customersOf(key)).object, 'list');
});
