/**
 * Cards whose numbers are nowhere else go through every door, with all that can go wrong. Afterwards no number and no security code is anywhere but in the vault, and there it is sealed: not in answers, logs, tables,
 * the database's files and its log of changes, events, or what webhooks carry. KONTOR_TEST_CANARIES sets how many flows there are.
 */
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { globSync, openSync, readSync, closeSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { openLog } from '../../server/log.ts';
import { when } from '../awaited.ts';
import { startKontor } from '../kontor.ts';
import { openVault, vaultDirectory } from '../vault.ts';
import { FLOWS, type Said, type Send } from './flows.ts';
import { CANARY, CONTROL, formsOf, LONG_CODE, numberOf, STRANGER } from './numbers.ts';

const COUNT = Number(process.env['KONTOR_TEST_CANARIES'] ?? 42);
const AT_ONCE = 4;

const directory = vaultDirectory();
const vault = openVault(directory, { presenter: new URL('./present.ts', import.meta.url) });
const [answers, logged, delivered]: [string[], string[], string[]] = [[], [], []];

const kontor = await startKontor({ vault, log: openLog('info', (line) => logged.push(line)) });
const receiver = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => { body += chunk.toString(); }).on('end', () => { delivered.push(body + JSON.stringify(request.headers)); response.end(); });
}).listen(0, '127.0.0.1');
await new Promise((resolve) => receiver.once('listening', resolve));
await kontor.stripe.webhookEndpoints.create({ url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`, enabled_events: ['*'] });
after(async () => {
  receiver.close();
  receiver.closeAllConnections();
  await kontor.close();
  await vault.close();
});

const send: Send = async (method, path, form, key) => {
  const [body, type] = form === undefined ? [undefined, undefined] : 'raw' in form && 'type' in form && Object.keys(form).length === 2 ? [form.raw, form.type] : [new URLSearchParams(form as Record<string, string>).toString(), 'application/x-www-form-urlencoded'];
  const response = await fetch(`${kontor.url}${path}`, { method, ...(body !== undefined && { body }), headers: { authorization: `Bearer ${kontor.key}`, ...(type && { 'content-type': type }), ...(key && { 'idempotency-key': key }) } });
  const text = await response.text();
  answers.push(text + JSON.stringify([...response.headers]));
  assert.ok(response.status < 500, `${method} ${path.split('?')[0]!.slice(0, 30)}: ${response.status} ${text}`);
  return { status: response.status, body: JSON.parse(text) } as Said;
};

const SOUGHT = [CANARY, STRANGER, LONG_CODE].flatMap(formsOf);
/** A code of three or four digits is too short to be looked for by itself; where one is kept, its name is beside it. */
const NAMED_CODE = /cvc(?:%5D|[\]"':= ]){1,8}\d{3,4}(?!\d)/i;

function assertClean(where: string, text: string | Buffer): void {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (const form of SOUGHT) {
    const at = bytes.indexOf(form);
    assert.equal(at, -1, at < 0 ? '' : `${where} has a canary: …${bytes.subarray(Math.max(0, at - 80), at + 40).toString('latin1')}…`);
  }
  const code = NAMED_CODE.exec(bytes.toString('latin1'));
  assert.equal(code, null, `${where} has a security code: ${code?.[0]}`);
}

/** A file, piece by piece, each with the end of the one before. */
function* piecesOf(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  const piece = Buffer.alloc(1 << 22);
  try {
    for (let kept = 0; ; ) {
      const read = readSync(file, piece, kept, piece.length - kept, null);
      if (read === 0) return;
      const whole = kept + read;
      yield piece.subarray(0, whole);
      kept = Math.min(64, whole);
      piece.copy(piece, 0, whole - kept, whole);
    }
  } finally {
    closeSync(file);
  }
}

test('the search finds a number and a code however they are written', () => {
  for (const text of [...formsOf(numberOf(CANARY, 7)).map(String), `{"number":"${numberOf(STRANGER, 7)}"}`, `card%5Bcvc%5D=123`, '{"cvc": "1234"}', 'cvc=123']) assert.throws(() => assertClean('it', text), text);
  assertClean('it', '{"cvc_check":"pass","last4":"1234"}');
});

test(`after ${COUNT} flows with cards, their numbers and codes are in the vault and nowhere else`, async (t) => {
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let n = next++; n < COUNT; n = next++) await FLOWS[n % FLOWS.length]!(send, n);
  }));
  const kinds = new Set(answers.map((answer) => /"code":"(\w+)"/.exec(answer)?.[1]));
  for (const code of ['incorrect_number', 'invalid_number', 'invalid_cvc', 'invalid_expiry_year', 'card_declined', 'resource_missing']) assert.ok(kinds.has(code), `no flow was answered with ${code}`);

  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  await superuser.connect();
  t.after(() => superuser.end());
  const open = async () => (await superuser.query<{ what: string; next_at: Date | null }>(`select 'a delivery of ' || coalesce(event, thin_event) as what, next_at from webhook_deliveries where state = 'pending' union all select kind, next_at from calls where state = 'pending' and kind <> 'vault.shred'`)).rows;
  await when(open, ({ length }) => length === 0);
  answers.forEach((answer) => assertClean('an answer', answer));
  logged.forEach((line) => assertClean('the log', line));
  delivered.forEach((body) => assertClean('a webhook', body));
  assert.ok(delivered.length > 0);

  let control = 0;
  const { rows: tables } = await superuser.query<{ name: string }>(`select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`);
  for (const { name } of tables) {
    for (const { row } of (await superuser.query<{ row: string }>(`select t::text as row from ${name} t`)).rows) {
      assertClean(`the table ${name}`, row);
      if (row.includes(CONTROL)) control += 1;
    }
  }
  // What a caller writes about a customer is the caller's, and shows that this search finds what is there.
  assert.ok(control > 0);

  await superuser.query('checkpoint');
  const { rows: [place] } = await superuser.query<{ data: string; own: string }>(`select current_setting('data_directory') as data, (select oid::text from pg_database where datname = current_database()) as own`);
  const files = [...globSync(join(place!.data, 'base', place!.own, '*')), ...globSync(join(place!.data, 'pg_wal', '*')), ...globSync(join(dirname(place!.data), '*.log*'))].filter((path) => statSync(path).isFile());
  let found = 0;
  for (const path of files) {
    for (const piece of piecesOf(path)) {
      for (const form of SOUGHT) assert.equal(piece.indexOf(form), -1, `${path} has a canary`);
      if (piece.includes(CONTROL)) found += 1;
    }
  }
  assert.ok(found > 0, 'the files of the database do not even have what is meant to be there');

  for (const path of globSync(join(directory, '**/*')).filter((each) => statSync(each).isFile())) assertClean(path, Buffer.concat([...piecesOf(path)].map((piece) => Buffer.from(piece))));
  const { cards, findings } = await vault.check();
  assert.ok(cards > 0);
  assert.deepEqual(findings, []);
});
