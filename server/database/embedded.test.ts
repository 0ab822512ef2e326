import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { StartRefused } from '../refused.ts';
import { isAlive } from './claim.ts';
import { lend } from './database.ts';
import { startEmbedded, type Embedded } from './embedded.ts';

const home = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kontor-embedded-'));
await chmod(home, 0o711);
const data = join(home, 'data');
after(() => rm(home, { recursive: true, force: true }));

const start = (told: string[] = []): Promise<Embedded> => startEmbedded({ data, durable: false, say: (sentence) => told.push(sentence) });
const superuser = <Result>(embedded: Pick<Embedded, 'connection'>, sql: string): Promise<Result[]> =>
  lend(embedded.connection('postgres', 'postgres'), async (client) => (await client.query(sql)).rows as Result[]);

/** Another process that runs PostgreSQL on the directory, as Kontor does, and tells its number when it is ready. */
async function startProcess(): Promise<{ kontor: ChildProcess; postgres: number }> {
  const program = `
    const { startEmbedded } = await import(${JSON.stringify(import.meta.resolve('./embedded.ts'))});
    const embedded = await startEmbedded({ data: ${JSON.stringify(data)}, durable: false });
    setInterval(() => undefined, 1000);
    process.on('SIGTERM', () => embedded.stop().then(() => process.exit(0)));
    process.on('SIGHUP', () => process.exit(0));
    console.log(embedded.pid());`;
  const kontor = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(kontor.stdout!, 'data') as [Buffer];
  return { kontor, postgres: Number(String(line)) };
}

async function ends(pid: number): Promise<void> {
  for (let n = 0; n < 1000 && isAlive(pid); n += 1) await wait(10);
  assert.ok(!isAlive(pid), `process ${pid} still runs`);
}

/** Every process of a PostgreSQL: its head and the head's children. */
function family(head: number): number[] {
  try {
    return [head, ...readFileSync(`/proc/${head}/task/${head}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)];
  } catch {
    return [head];
  }
}

test('the first start makes the directory, the next one finds what the first has left', async () => {
  const first = await start();
  await superuser(first, 'create table kept (id int)');
  await first.stop();
  const second = await start();
  assert.deepEqual(await superuser(second, 'select * from kept'), []);
  await second.stop();
  await ends(second.pid());
  assert.ok(!existsSync(join(data, 'kontor.pid')));
});

test('passwords are random and for their owner only, and no log knows them', async () => {
  const embedded = await start();
  const passwords = Object.values(embedded.passwords).map((secret) => secret.reveal());
  assert.equal(new Set(passwords).size, 3);
  assert.ok(passwords.every((password) => password.length >= 43));
  assert.equal(statSync(join(data, 'postgres.passwords')).mode & 0o777, 0o600);
  assert.equal(statSync(join(data, 'postgres')).mode & 0o777, 0o700);
  const log = await readFile(join(data, 'postgres.log'), 'utf8');
  assert.ok(passwords.every((password) => !log.includes(password)));
  await assert.rejects(lend({ ...embedded.connection('postgres', 'postgres'), password: 'password' }, () => Promise.resolve()), /password authentication failed/);
  assert.deepEqual(await superuser(embedded, `select distinct auth_method from pg_hba_file_rules`), [{ auth_method: 'scram-sha-256' }]);
  assert.deepEqual((await readdir(data)).filter((name) => name.endsWith('.password') || name.endsWith('.new')), []);
  await embedded.stop();
});

test('it is reached by a socket only, sorts by code point, and knows upper and lower case', async () => {
  const embedded = await start();
  const [row] = await superuser<object>(embedded, `
    select current_setting('listen_addresses') as tcp, current_setting('server_encoding') as encoding, lower('ÄÖ') as lower, 'a' > 'Z' as by_code_point, current_setting('jit') as jit`);
  assert.deepEqual(row, { tcp: '', encoding: 'UTF8', lower: 'äö', by_code_point: true, jit: 'off' });
  await embedded.stop();
});

test('a second Kontor on the same directory is refused, from this process and from another', async () => {
  const { kontor } = await startProcess();
  await assert.rejects(start(), (error: Error) => error instanceof StartRefused && error.message.includes(`Another Kontor, process ${kontor.pid},`));
  kontor.kill('SIGTERM');
  await once(kontor, 'exit');
  const embedded = await start();
  await assert.rejects(start(), /Another Kontor/);
  await embedded.stop();
});

test('a Kontor that leaves without a word takes PostgreSQL with it', async () => {
  const { kontor, postgres } = await startProcess();
  kontor.kill('SIGHUP');
  await once(kontor, 'exit');
  await ends(postgres);
});

test('after kill -9 of Kontor, the next start stops the PostgreSQL that was left behind', async () => {
  const { kontor, postgres } = await startProcess();
  kontor.kill('SIGKILL');
  await once(kontor, 'exit');
  assert.ok(isAlive(postgres));
  const told: string[] = [];
  const embedded = await start(told);
  assert.ok(!isAlive(postgres));
  assert.match(told.join(), /earlier run/);
  await embedded.stop();
});

test('after kill -9 of everything, the next start recovers', async () => {
  const { kontor, postgres } = await startProcess();
  for (const pid of [kontor.pid!, ...family(postgres)]) process.kill(pid, 'SIGKILL');
  await once(kontor, 'exit');
  assert.ok(existsSync(join(data, 'postgres', 'postmaster.pid')));
  const embedded = await start();
  assert.deepEqual(await superuser(embedded, 'select * from kept'), []);
  await embedded.stop();
});

test('a PostgreSQL that is killed is started again', async () => {
  const told: string[] = [];
  const embedded = await start(told);
  const killed = embedded.pid();
  process.kill(killed, 'SIGKILL');
  for (let n = 0; n < 1000 && embedded.pid() === killed; n += 1) await wait(10);
  assert.deepEqual(await superuser(embedded, 'select * from kept'), []);
  assert.match(told.join(), /started again/);
  await embedded.stop();
});

test('lock files that name a process which is no PostgreSQL do not keep it from starting', async () => {
  const content = `${process.pid}\n${join(data, 'postgres')}\n1\n5432\n`;
  for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) await writeFile(join(data, 'postgres', name), content);
  await writeFile(join(data, 'kontor.pid'), JSON.stringify({ pid: process.pid, started: 'another boot' }));
  await (await start()).stop();
});

test('a start that was killed while it made the database begins anew', async () => {
  const other = join(home, 'half');
  await (await startEmbedded({ data: other, durable: false })).stop();
  await rm(join(other, 'postgres', 'PG_VERSION'));
  await rename(join(other, 'postgres'), join(other, 'postgres.new'));
  await (await startEmbedded({ data: other, durable: false })).stop();
  assert.deepEqual((await readdir(other)).sort(), ['postgres', 'postgres.log', 'postgres.passwords']);
});

test('a path too long for a socket is served on the loopback', async () => {
  const embedded = await startEmbedded({ data: join(home, 'long'.repeat(30)), durable: false });
  assert.equal(embedded.connection('postgres').host, '127.0.0.1');
  assert.deepEqual(await superuser(embedded, 'select 1 as one'), [{ one: 1 }]);
  await embedded.stop();
});

test('a directory that cannot be used is refused with what to do', async () => {
  const file = join(home, 'file');
  await writeFile(file, '');
  await assert.rejects(startEmbedded({ data: file }), /is a file, and Kontor needs a directory/);
  for (const path of [join(file, 'below'), '/proc/nowhere/data']) await assert.rejects(startEmbedded({ data: path }), /Make the directory writable .* or set KONTOR_DATA/);
  await writeFile(join(data, 'postgres.passwords'), '{');
  await assert.rejects(start(), /passwords of the database cannot be read as JSON.*Restore/);
  await rm(join(data, 'postgres.passwords'));
  await assert.rejects(start(), /passwords of the database are missing.*Restore/);
});

test('where PostgreSQL\'s user cannot enter the data directory, its files are elsewhere, and beginning anew begins anew', { skip: process.getuid?.() !== 0 }, async () => {
  const closed = join(home, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const told: string[] = [];
  for (const round of [1, 2]) {
    const embedded = await startEmbedded({ data: join(closed, 'data'), durable: false, say: (sentence) => told.push(sentence) });
    assert.equal(told.length, round);
    const elsewhere = (await readFile(join(closed, 'data', 'postgres.at'), 'utf8')).trim();
    assert.ok(told.at(-1)!.endsWith(`so the database is kept in ${elsewhere}.`));
    assert.deepEqual(await superuser(embedded, `select count(*)::int as tables from pg_class where relname = 'kept'`), [{ tables: 0 }]);
    await superuser(embedded, 'create table kept (id int)');
    await embedded.stop();
    await (await startEmbedded({ data: join(closed, 'data'), durable: false })).stop();
    await rm(elsewhere, { recursive: true });
    await rm(join(closed, 'data'), { recursive: true });
  }
});
