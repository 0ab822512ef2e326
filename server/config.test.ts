import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { readConfig, settings } from './config.ts';
import { Secret, secretFile } from './secret.ts';

const directories: string[] = [];
after(() => Promise.all(directories.map((each) => rm(each, { recursive: true }))));

async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kontor-secret-'));
  directories.push(directory);
  return directory;
}

test('nothing needs to be set', () => {
  const config = readConfig({}, '/srv');
  assert.deepEqual({ ...config, pool: 0 }, {
    host: '127.0.0.1', port: 4242, url: null, data: '/srv/data', database_url: null, app_database_url: null, pool: 0, statement_timeout: 30, usage_days: 455, usage_archive: null, nats: null, pepper_file: '/srv/data/pepper', vault_key_file: '/srv/data/vault.key', log: 'info', webhook_loopback: true,
  });
});

test('everything can be set, and an empty variable is one that is not set', () => {
  const config = readConfig({
    KONTOR_PORT: '0', KONTOR_HOST: '0.0.0.0', KONTOR_DATA: '/d', DATABASE_URL: 'postgres://a:b@db/kontor', KONTOR_APP_DATABASE_URL: 'postgresql://c:d@db/kontor', KONTOR_POOL: '50',
    KONTOR_URL: 'https://billing.example.com:8443/', KONTOR_STATEMENT_TIMEOUT: '5', KONTOR_PEPPER_FILE: 'p', KONTOR_LOG: 'warn', KONTOR_WEBHOOK_LOOPBACK: '', PATH: '/bin', KONTOR_TEST_ANYTHING: 'x',
  }, '/srv');
  assert.equal(config.database_url?.reveal(), 'postgres://a:b@db/kontor');
  assert.equal(config.app_database_url?.reveal(), 'postgresql://c:d@db/kontor');
  assert.deepEqual([config.port, config.host, config.data, config.pool, config.statement_timeout, config.pepper_file, config.log], [0, '0.0.0.0', '/d', 50, 5, '/srv/p', 'warn']);
  assert.equal(config.url, 'https://billing.example.com:8443');
  assert.equal(config.webhook_loopback, false, 'on a database of the operator webhooks do not reach this machine unless asked to');
});

test('NATS is set by its servers, and refused where the rest is set without them', () => {
  const { nats } = readConfig({ KONTOR_NATS_URL: 'nats://u:secret@a:4222, nats://b:4222', KONTOR_NATS_MONITOR_URL: 'http://a:8222', KONTOR_NATS_CREDS: 'kontor.creds', KONTOR_NATS_STREAM: 'SHOP_USAGE' }, '/srv');
  assert.deepEqual({ ...nats, url: nats?.url.reveal() }, { url: 'nats://u:secret@a:4222,nats://b:4222', monitors: ['http://a:8222'], creds_file: '/srv/kontor.creds', stream: 'SHOP_USAGE' });
  const refused = (environment: Record<string, string>) => { try { readConfig(environment); } catch (error) { return (error as Error).message; } return ''; };
  assert.equal(refused({ KONTOR_NATS_URL: 'http://u:secret@a:4222' }), 'KONTOR_NATS_URL is not a list of addresses. Write nats://user:password@host:4222, and a comma before each further one.');
  assert.equal(refused({ KONTOR_NATS_URL: 'nats://a', KONTOR_NATS_STREAM: 'my.stream' }), "KONTOR_NATS_STREAM is 'my.stream'. Write up to 32 capital letters, digits and underscores, such as KONTOR_USAGE.");
  assert.match(refused({ KONTOR_NATS_MONITOR_URL: 'http://a:8222' }), /^KONTOR_NATS_MONITOR_URL is set and KONTOR_NATS_URL is not\./);
});

test('all mistakes are told at once, each with what to write instead', () => {
  const environment = { KONTOR_PORT: '70000', KONTOR_POOL: 'many', KONTOR_LOG: 'loud', DATABASE_URL: 'db.example.com', KONTOR_APP_DATABASE_URL: 'postgres://a@b/c', KONTOR_WEBHOOK_LOOPBACK: 'true', KONTOR_PROT: '1', KONTOR_URL: 'billing.example.com/kontor' };
  assert.throws(() => readConfig(environment), (error: Error) => {
    assert.deepEqual(error.message.split('\n'), [
      'KONTOR_PROT is not a setting of Kontor. Did you mean KONTOR_PORT?',
      'DATABASE_URL is not the address of a database. Write postgres://user:password@host:5432/name.',
      'KONTOR_APP_DATABASE_URL is set and DATABASE_URL is not. Set both, or neither for the embedded PostgreSQL.',
      "KONTOR_PORT is '70000'. Write a whole number from 0 to 65535.",
      "KONTOR_URL is 'billing.example.com/kontor'. Write the address at which others reach Kontor, such as https://billing.example.com, without a path.",
      "KONTOR_POOL is 'many'. Write a whole number from 2 to 1000.",
      "KONTOR_LOG is 'loud'. Write one of: silent, error, warn, info.",
      "KONTOR_WEBHOOK_LOOPBACK is 'true'. Write one of: yes, no.",
    ]);
    return true;
  });
});

test('an address that is wrong is not repeated, since it may hold a password', () => {
  assert.throws(() => readConfig({ DATABASE_URL: 'mysql://u:hunter2@db/x' }), (error: Error) => !error.message.includes('hunter2'));
});

test('the table of settings has each variable once, with a meaning', () => {
  assert.equal(new Set(settings.map((setting) => setting.variable)).size, settings.length);
  for (const { variable, meaning } of settings) assert.ok(meaning.endsWith('.') || meaning.endsWith('`.'), variable);
});

test('a secret shows itself only when asked to', () => {
  const secret = new Secret('hunter2');
  for (const shown of [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret }, { showHidden: true, depth: 9 }), inspect(new Error('x', { cause: secret }))]) assert.ok(!shown.includes('hunter2'), shown);
  assert.equal(secret.reveal(), 'hunter2');
});

test('a file for a secret is made once, for its owner only, also by many at once', async () => {
  const directory = await freshDirectory();
  const path = join(directory, 'pepper');
  const secrets = await Promise.all(Array.from({ length: 8 }, () => secretFile(path, 'the pepper')));
  assert.equal(new Set(secrets.map((secret) => secret.reveal())).size, 1);
  assert.equal((await readFile(path, 'utf8')).trim(), secrets[0]!.reveal());
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(directory), ['pepper']);
});

test('a file with a secret that was cut is not replaced by another secret', async () => {
  const path = join(await freshDirectory(), 'pepper');
  await writeFile(path, 'short');
  await assert.rejects(secretFile(path, 'the pepper'), /fewer than 32 characters. Restore it/);
  await assert.rejects(secretFile('/proc/nowhere/pepper', 'the pepper'), /cannot be made/);
});
