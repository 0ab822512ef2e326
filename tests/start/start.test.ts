import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import type Stripe from 'stripe';
import { isAlive } from '../../server/database/claim.ts';
import { client, freshDirectory, kontor, postgresOf, root, start, startForPeople, type Announced } from './process.ts';

test('an installation lives through starts, Ctrl-C and kill -9 with its data and its keys', async (t) => {
  const data = await freshDirectory();
  let first: Announced;

  await t.test('the first start makes an account and prints one line of JSON', async () => {
    const kontor = await start(data);
    first = kontor;
    assert.match(kontor.url, /^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
    assert.match(kontor.secret_key!, /^sk_test_\w{32}$/);
    assert.match(kontor.publishable_key!, /^pk_test_\w{32}$/);
    assert.match(kontor.account, /^acct_/);
    await client(kontor.url, kontor.secret_key!).customers.create({ name: 'Ada Lovelace' });
    const { data: clocks } = await client(kontor.url, kontor.secret_key!).testHelpers.testClocks.list();
    assert.deepEqual(clocks, [], '--empty leaves out the example');

    const postgres = postgresOf(data)!;
    assert.ok(isAlive(postgres));
    const { code, out } = await kontor.stop('SIGINT');
    assert.equal(code, 0);
    assert.equal(out.split('\n').length, 2, 'one line and its end');
    assert.equal(isAlive(postgres), false, 'PostgreSQL is stopped');
    assert.equal(existsSync(join(data, 'kontor.pid')), false, 'the directory is free');
  });

  await t.test('only the owner may read what is secret in the data directory', async () => {
    for (const file of ['pepper', 'test.keys', 'postgres.passwords']) assert.equal((await stat(join(data, file))).mode & 0o777, 0o600, file);
    assert.doesNotMatch(await readFile(join(data, 'test.keys'), 'utf8'), /_live_/);
  });

  await t.test('the second start goes on with the same data and the same keys, and behind a proxy where it is told so', async () => {
    const kontor = await start(data, [], { KONTOR_URL: 'https://billing.example.com/' });
    assert.deepEqual([kontor.account, kontor.secret_key, kontor.publishable_key], [first.account, first.secret_key, first.publishable_key]);
    await servesBehindProxy(kontor);
    const { data: customers } = await client(kontor.url, kontor.secret_key!).customers.list();
    assert.deepEqual(customers.map((customer) => customer.name), ['Ada Lovelace']);
    assert.deepEqual((await client(kontor.url, kontor.secret_key!).testHelpers.testClocks.list()).data, [], 'what the first start was told about the example stands');

    const second = await start(data).then(() => 'started', (error: Error) => error.message);
    assert.match(second, new RegExp(`ended with 1 .*\\nAnother Kontor, process ${kontor.child.pid}, uses the data directory`));
    assert.equal((await kontor.stop('SIGTERM')).code, 0);
  });

  await t.test('after kill -9 the next start cleans up and goes on', async () => {
    const kontor = await start(data);
    const postgres = postgresOf(data)!;
    await client(kontor.url, kontor.secret_key!).customers.create({ name: 'Grace Hopper' });
    process.kill(kontor.child.pid!, 'SIGKILL');
    await kontor.ended;
    assert.ok(isAlive(postgres), 'a killed process cannot stop its PostgreSQL');

    const next = await start(data);
    assert.match(next.err(), /A PostgreSQL of an earlier run/);
    assert.equal(isAlive(postgres), false);
    const { data: customers } = await client(next.url, next.secret_key!).customers.list();
    assert.deepEqual(customers.map((customer) => customer.name), ['Grace Hopper', 'Ada Lovelace']);
    await next.stop();
  });

  await t.test('keys that are revoked are not shown again, and no others are made in their place', async () => {
    const { out } = await kontor(['keys', 'list', '--json', '--data', data]);
    const [secret] = out.trim().split('\n').map((line) => JSON.parse(line) as { id: string });
    assert.equal((await kontor(['keys', 'revoke', secret!.id, '--data', data])).code, 0);
    const next = await start(data);
    assert.deepEqual([next.account, next.secret_key, next.publishable_key], [first.account, null, null]);
    await next.stop();
  });

  await t.test('without the pepper no key would open, so nothing starts', async () => {
    const pepper = await readFile(join(data, 'pepper'), 'utf8');
    const { code, err } = await kontor(['start', '--port', '0', '--data', data], { KONTOR_PEPPER_FILE: join(data, 'other') });
    assert.deepEqual([code, existsSync(join(data, 'other'))], [1, false]);
    assert.match(err, /other is missing, and the keys in this database are hashed with what was in it/);
    assert.equal(await readFile(join(data, 'pepper'), 'utf8'), pepper);
  });
});

/** What it says to others names the address of the proxy, and who asks is whom the proxy names. */
async function servesBehindProxy({ url, secret_key, publishable_key }: Announced): Promise<void> {
  const health = await fetch(`${url}/health`);
  assert.deepEqual([health.status, await health.json()], [200, { status: 'ok' }]);
  const stripe = client(url, secret_key!);
  const { error } = (await (await fetch(`${url}/v1/customers/cus_nobody`, { headers: { authorization: `Bearer ${secret_key!}` } })).json()) as { error: { doc_url: string } };
  assert.equal(error.doc_url, 'https://billing.example.com/docs/errors#resource_missing');
  const { id, client_secret } = await stripe.setupIntents.create({ description: 'ours' });
  const accepted = 'mandate_data[customer_acceptance][type]=online&mandate_data[customer_acceptance][online][infer_from_client]=true';
  const iban = 'payment_method_data[type]=sepa_debit&payment_method_data[sepa_debit][iban]=AT611904300234573201&payment_method_data[billing_details][name]=Ada&payment_method_data[billing_details][email]=ada@example.com';
  const headers = { authorization: `Bearer ${publishable_key!}`, 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': '198.51.100.1, 203.0.113.7' };
  assert.equal((await fetch(`${url}/v1/setup_intents/${id}/confirm`, { method: 'POST', headers, body: `client_secret=${client_secret}&${iban}&${accepted}` })).status, 200);
  const { mandate } = await stripe.setupIntents.retrieve(id, { expand: ['mandate'] });
  assert.equal((mandate as Stripe.Mandate).customer_acceptance.online?.ip_address, '203.0.113.7', 'what a caller says of itself before the proxy is not believed');
}

test('a first start makes the example and suggests lines that work when they are pasted; the next one completes what was interrupted, and makes nothing twice', async () => {
  const data = await freshDirectory();
  const { out, stop } = await startForPeople(data);
  assert.match(out, /^Kontor is ready at http:/);
  const lines = out.split('\n');
  const curl = lines.find((line) => line.includes('/v1/customers -u '))!;
  const script = lines.slice(lines.findIndex((line) => line.includes('<<')), lines.indexOf('END') + 1).join('\n');
  const run = (text: string) => promisify(execFile)('sh', ['-c', text], { cwd: root, env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` } });
  assert.equal((JSON.parse((await run(curl)).stdout) as { name: string }).name, 'Ada Lovelace');
  assert.match((await run(script)).stdout, /^cus_\w+ Ada Lovelace\n$/);
  const key = / -u (sk_test_\w+):/.exec(curl)![1]!;
  const stripe = client(/http:\/\/[\d.:]+/.exec(out)![0], key);
  assert.equal((await stripe.customers.list({ email: 'ada@example.com' })).data.length, 2);
  const { data: prices } = await stripe.prices.list({ limit: 100 });
  assert.ok(prices.some((price) => price.lookup_key === 'advanced_monthly' && price.unit_amount === 9_900));
  const { code, err } = await stop();
  assert.deepEqual([code, err.includes('could not be made')], [0, false], err);
  // As a crash would have left it, had it come before the end of the example.
  const kept = JSON.parse(await readFile(join(data, 'test.keys'), 'utf8')) as object;
  await writeFile(join(data, 'test.keys'), JSON.stringify({ ...kept, example: 'wanted' }));
  const second = await start(data, []);
  const { data: again } = await client(second.url, second.secret_key!).prices.list({ limit: 100 });
  assert.deepEqual(again.map((price) => price.id), prices.map((price) => price.id));
  await second.stop();
  assert.match(await readFile(join(data, 'test.keys'), 'utf8'), /"example":"made"/);
});

test('what stands in the way of a start is told in a sentence', async (t) => {
  const data = await freshDirectory();
  const refused = async (words: readonly string[], sentence: RegExp, environment: Record<string, string> = {}) => {
    const { code, out, err } = await kontor(['start', ...words], environment);
    assert.deepEqual({ code, out }, { code: 1, out: '' }, err);
    const told = err.trim().split('\n').at(-1)!;
    assert.match(told, sentence);
    assert.doesNotMatch(err, /^ +at /m, 'no stack');
  };

  await t.test('a port in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await refused(['--port', String(port), '--data', data], new RegExp(`^Port ${port} is in use, perhaps by another Kontor\\. Stop what uses it, or take another: --port ${port + 1}, or --port 0`));
    other.close();
    assert.equal(existsSync(join(data, 'kontor.pid')), false);
    assert.equal(postgresOf(data), null, 'what was started is stopped');
  });

  await t.test('a directory that cannot be made, or is a file', async () => {
    await writeFile(join(data, 'file'), '');
    await refused(['--data', join(data, 'file')], /^.*\/file is a file, and Kontor needs a directory for its data\. Set KONTOR_DATA to one\.$/);
    await refused(['--data', join(data, 'file', 'below')], /^Kontor cannot keep its data in .*: ENOTDIR.*Make the directory writable/);
    // Root may write anywhere.
    if (process.getuid?.() !== 0) {
      await mkdir(join(data, 'closed'), { mode: 0o500 });
      await refused(['--data', join(data, 'closed')], /^Kontor cannot keep its data in .*: EACCES/);
    }
  });

  await t.test('a database that does not answer, or is no address', async () => {
    await refused(['--data', data], /^The database of DATABASE_URL cannot be used: .*Look whether PostgreSQL runs there and lets Kontor in\.$/, { DATABASE_URL: 'postgres://kontor:secret@127.0.0.1:1/kontor' });
    await refused(['--data', data], /^DATABASE_URL is not the address of a database\. Write postgres:\/\//, { DATABASE_URL: 'mysql://kontor' });
  });

  await t.test('settings that make no sense', async () => {
    await refused(['--port', '70000', '--data', data], /^--port is '70000'\. Write a whole number from 0 to 65535\.$/);
    await refused(['--data', data], /^KONTOR_PROT is not a setting of Kontor\. Did you mean KONTOR_PORT\?$/, { KONTOR_PROT: '1' });
    await refused(['--port', '0', '--data', data], /^KONTOR_HOST is '203\.0\.113\.7', which is no address of this machine\./, { KONTOR_HOST: '203.0.113.7' });
  });
});

test('what is not a command is answered with what was probably meant', async () => {
  const cases: [string[], RegExp][] = [
    [['strat'], /^There is no command 'kontor strat'\. Did you mean 'kontor start'\?\n\nCommands:\n/],
    [['keys', 'crate'], /^There is no command 'kontor keys crate'\. Did you mean 'kontor keys create'\?/],
    [['keys'], /^kontor keys needs one more word\.\n\nCommands:\n  kontor keys list /],
    [['start', '--prot', '1'], /^There is no flag --prot\. Did you mean --port\?\n\nkontor start \[flags\]\n/],
    [['start', '--port'], /^--port needs a value: --port N\./],
    [['start', '--json=1'], /^--json takes no value\./],
    [['start', 'now'], /^'now' is one word too many\./],
    [['keys', 'roll'], /^The KEY_ID is missing\./],
  ];
  await Promise.all(cases.map(async ([words, sentence]) => {
    const { code, out, err } = await kontor(words);
    assert.deepEqual({ code, out }, { code: 2, out: '' });
    assert.match(err, sentence);
  }));
});

test('help is printed as a result, also for one command', async () => {
  for (const words of [[], ['help'], ['--help']]) {
    const { code, out, err } = await kontor(words);
    assert.deepEqual({ code, err }, { code: 0, err: '' });
    assert.match(out, /\n  kontor start  +Start Kontor\./);
  }
  assert.match((await kontor(['help', 'keys', 'create'])).out, /^kontor keys create \[flags\]\n  Make a key[^]*--allow AREA=read\|write/);
  assert.match((await kontor(['keys', 'roll', '--help'])).out, /^kontor keys roll KEY_ID \[flags\]\n/);
  assert.match((await kontor(['--version'])).out, /^\d+\.\d+\.\d+\n$/);
});

test('a reader who leaves early, such as head, does not end what runs', async () => {
  const child = spawn(process.execPath, [join(root, 'kontor.ts'), 'help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString(); });
  assert.deepEqual([...await once(child, 'close') as unknown[], err], [0, null, '']);
});
