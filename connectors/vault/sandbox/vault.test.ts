import { test } from 'node:test';
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openVault, vaultDirectory, vaultHere } from '../../../tests/vault.ts';
import { KEY_LEVELS, type Kept, type Vault } from '../vault.ts';

const WORLD = 7;
const AT = 1_800_000_000;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const keep = (vault: Vault, number = '4242 4242 4242 4242', cvc: string | null = '123', world = WORLD) => vault.keep({ world, number: bytes(number), cvc: cvc === null ? null : bytes(cvc), at: AT });

async function kept(vault: Vault, number?: string, cvc?: string | null, world?: number): Promise<Kept> {
  const answer = await keep(vault, number, cvc, world);
  assert.ok(answer.kind === 'kept', JSON.stringify(answer));
  return answer;
}

test('a card goes in as a number and comes out as what a processor made of it, once with its security code', async (t) => {
  const vault = vaultHere(vaultDirectory());
  t.after(() => vault.close());
  const card = await kept(vault);
  assert.match(card.token, /^vlt_[0-9a-f]{32}$/);
  assert.equal(card.last4, '4242');
  const entry = { world: WORLD, token: card.token };
  assert.deepEqual(await vault.provision(entry, 'sandbox'), { kind: 'provisioned', reference: 'visa' });
  // The code was for the first use.
  assert.deepEqual(await vault.provision(entry, 'sandbox'), { kind: 'provisioned', reference: 'visa.no_cvc' });
  assert.deepEqual(await vault.provision(entry, 'prc_other'), { kind: 'absent' });
  assert.deepEqual(await vault.provision({ world: WORLD + 1, token: card.token }, 'sandbox'), { kind: 'absent' });
  const [again, elsewhere, amex] = [await kept(vault, '4242-4242-4242-4242', null), await kept(vault, '4242424242424242', null, WORLD + 1), await kept(vault, '378282246310005', '1234')];
  assert.equal(again.fingerprint, card.fingerprint);
  assert.notEqual(again.token, card.token);
  assert.equal(new Set([card.fingerprint, elsewhere.fingerprint, amex.fingerprint]).size, 3);
  assert.deepEqual(await vault.list(WORLD, AT), { kind: 'listed', tokens: [card.token, again.token, amex.token].sort() });
  assert.deepEqual(await vault.list(WORLD, AT - 1), { kind: 'listed', tokens: [] });
  assert.deepEqual(await vault.shred(entry), { kind: 'shredded' });
  assert.deepEqual([await vault.shred(entry), await vault.provision(entry, 'sandbox')], [{ kind: 'absent' }, { kind: 'absent' }]);
  assert.deepEqual(await vault.check(), { cards: 3, findings: [] });
});

test('what is mistyped or could be a real card is refused with a sentence that does not repeat it, and nothing is kept', async (t) => {
  const vault = vaultHere(vaultDirectory());
  t.after(() => vault.close());
  const table: [string, string | null, string, string, string | null][] = [
    ['4242424242424241', null, 'incorrect_number', 'number', null],
    ['4242', null, 'invalid_number', 'number', null],
    ['4242 4242 4242 424x', null, 'invalid_number', 'number', null],
    ['', null, 'invalid_number', 'number', null],
    // Well formed and not in the table: somebody's card, as far as we can know.
    ['4539578763621486', null, 'card_declined', 'number', 'test_mode_live_card'],
    ['5425233430109903', null, 'card_declined', 'number', 'test_mode_live_card'],
    ['374245455400126', null, 'card_declined', 'number', 'test_mode_live_card'],
    ['4242424242424242', '99', 'invalid_cvc', 'cvc', null],
    ['4242424242424242', '1234', 'invalid_cvc', 'cvc', null],
    ['4242424242424242', '12a', 'invalid_cvc', 'cvc', null],
    ['378282246310005', '12', 'invalid_cvc', 'cvc', null],
  ];
  for (const [number, cvc, code, param, decline_code] of table) {
    const refused = await keep(vault, number, cvc);
    assert.ok(refused.kind === 'refused', number);
    assert.deepEqual([refused.code, refused.param, refused.decline_code], [code, param, decline_code]);
    assert.match(refused.message, /^[A-Z].*\.$/);
    assert.doesNotMatch(refused.message, /4539|5425|3742/);
  }
  assert.equal((await keep(vault, '4'.repeat(41))).kind, 'down');
  assert.deepEqual(await vault.check(), { cards: 0, findings: [] });
});

test('what the vault has written gives no number away, and only its owner may read it', async (t) => {
  const directory = vaultDirectory();
  const vault = openVault(directory);
  t.after(() => vault.close());
  await kept(vault, '4242424242424242', '973');
  for (const name of [...readdirSync(join(directory, 'vault')).map((file) => join('vault', file)), 'vault.key']) {
    assert.equal(statSync(join(directory, name)).mode & 0o077, 0, name);
    assert.equal(readFileSync(join(directory, name)).includes('4242424242424242'), false, name);
  }
});

/** Keeps so many cards, closes the vault and hands over its database. */
async function written(count: number): Promise<{ directory: string; tokens: string[]; database: DatabaseSync }> {
  const directory = vaultDirectory();
  const vault = vaultHere(directory);
  const cards = await Promise.all(Array.from({ length: count }, () => kept(vault, undefined, null)));
  await vault.close();
  return { directory, tokens: cards.map((card) => card.token), database: new DatabaseSync(join(directory, 'vault', 'vault.sqlite')) };
}

test('of a thousand cards whose numbers, keys or both were swapped, none opens', async () => {
  const { directory, tokens, database } = await written(1_000);
  const rows = database.prepare('select token, sealed_key, number from cards order by token').all() as { token: string; sealed_key: Uint8Array; number: Uint8Array }[];
  const put = database.prepare('update cards set sealed_key = ?, number = ? where token = ?');
  for (const swapped of [{ sealed_key: true, number: false }, { sealed_key: false, number: true }, { sealed_key: true, number: true }]) {
    database.exec('begin');
    rows.forEach(({ token, ...own }, n) => {
      const other = rows[(n + 1) % rows.length]!;
      put.run(swapped.sealed_key ? other.sealed_key : own.sealed_key, swapped.number ? other.number : own.number, token);
    });
    database.exec('commit');
    const vault = vaultHere(directory);
    const { cards, findings } = await vault.check();
    assert.deepEqual([cards, findings.length], [1_000, 1_000]);
    assert.match(findings[0]!, /^vlt_[0-9a-f]{32}: The (data key|number) does not open/);
    assert.equal((await vault.provision({ world: WORLD, token: tokens[0]! }, 'sandbox')).kind, 'down');
    await assert.rejects(vault.rotate('data'), /^Error: The card vlt_[0-9a-f]{32} stands in the way: The (data key|number) does not open/);
    await vault.close();
    // The rotation that stopped there has begun; what it had not reached is as it was.
    database.exec('begin');
    for (const { token, sealed_key, number } of rows) put.run(sealed_key, number, token);
    database.exec('commit');
  }
  // A card that is said to be of another world, and a fingerprint of another number.
  database.exec(`update cards set world = 8 where token = '${rows[0]!.token}'; update cards set fingerprint = x'00' where token = '${rows[1]!.token}'`);
  database.close();
  const vault = vaultHere(directory);
  assert.deepEqual((await vault.check()).findings.map((each) => each.split(':')[0]), [rows[0]!.token, rows[1]!.token]);
  await vault.close();
});

/** How often all keys are rotated, and how many cards there are: more of both by KONTOR_TEST_ROTATIONS and KONTOR_TEST_CARDS. */
const ROTATIONS = Number(process.env['KONTOR_TEST_ROTATIONS'] ?? 1);
const CARDS = Number(process.env['KONTOR_TEST_CARDS'] ?? 600);

test('keys are rotated while cards are kept, whoever is killed meanwhile, and every card opens afterwards', async () => {
  const { directory, tokens, database } = await written(CARDS);
  database.close();
  const serving = openVault(directory);
  let stop = false;
  const load = (async () => {
    for (; !stop; await new Promise((resolve) => setTimeout(resolve, 20))) tokens.push((await kept(serving, '5555555555554444', null)).token);
  })();
  for (let n = 0; n < 3 * ROTATIONS; n += 1) {
    const level = KEY_LEVELS[n % 3]!;
    const killed = openVault(directory);
    await killed.list(WORLD, AT);
    const rotation = killed.rotate(level).catch(() => undefined);
    // Somewhere between its first step and its last.
    await new Promise((resolve) => setTimeout(resolve, 1 + ((n * 7) % 11)));
    process.kill(killed.pid()!, 'SIGKILL');
    await rotation;
    await serving.rotate(level);
    assert.deepEqual((await serving.check()).findings, []);
  }
  stop = true;
  await load;
  await serving.close();
  const vault = openVault(directory);
  assert.deepEqual(await vault.check(), { cards: tokens.length, findings: [] });
  for (const level of KEY_LEVELS) assert.equal((await vault.rotate(level)).resumed, false);
  assert.deepEqual(await vault.check(), { cards: tokens.length, findings: [] });
  assert.equal((await vault.provision({ world: WORLD, token: tokens[0]! }, 'sandbox')).kind, 'provisioned');
  assert.equal(readFileSync(join(directory, 'vault.key'), 'utf8').trim().split('\n').length, 1);
  await vault.close();
});

test('a backup opens elsewhere with its key; without it, or with another, the vault says which file it needs', async () => {
  const { directory, tokens, database } = await written(3);
  database.close();
  const elsewhere = vaultDirectory();
  cpSync(directory, elsewhere, { recursive: true });
  const restored = vaultHere(elsewhere);
  assert.deepEqual(await restored.check(), { cards: 3, findings: [] });
  assert.deepEqual(await restored.provision({ world: WORLD, token: tokens[0]! }, 'sandbox'), { kind: 'provisioned', reference: 'visa.no_cvc' });
  await restored.close();

  rmSync(join(elsewhere, 'vault.key'));
  const keyless = vaultHere(elsewhere);
  await assert.rejects(keyless.check(), /vault\.key is missing, and the vault is sealed with the root key that was in it\. Restore it from a backup/);
  assert.equal((await keep(keyless)).kind, 'down');
  assert.equal(existsSync(join(elsewhere, 'vault.key')), false);
  await keyless.close();

  for (const [text, sentence] of [[`v1 ${'A'.repeat(43)}\n`, /sealed with another root key/], ['secret\n', /does not hold a root key/]] as const) {
    writeFileSync(join(elsewhere, 'vault.key'), text);
    const wrong = vaultHere(elsewhere);
    await assert.rejects(wrong.check(), sentence);
    await wrong.close();
  }
  cpSync(join(directory, 'vault.key'), join(elsewhere, 'vault.key'));
  const mended = vaultHere(elsewhere);
  assert.deepEqual(await mended.check(), { cards: 3, findings: [] });
  await mended.close();
});

test('the process of the vault reads and writes nothing else, opens no connection and starts nothing; killed, it is started again by the next question', async (t) => {
  const directory = vaultDirectory();
  const vault = openVault(directory, { presenter: new URL('../../../tests/fakes/vault/prying.ts', import.meta.url) });
  t.after(() => vault.close());
  // This presenter tries what is forbidden, and says what it got.
  const { token } = await kept(vault, '4242424242424242', null);
  const tried = await vault.provision({ world: WORLD, token }, 'prying');
  assert.deepEqual(tried, { kind: 'provisioned', reference: 'read ERR_ACCESS_DENIED, write ERR_ACCESS_DENIED, connect ERR_ACCESS_DENIED, spawn ERR_ACCESS_DENIED, eval EvalError' });
  const before = vault.pid()!;
  process.kill(before, 'SIGKILL');
  const [first, second] = [await keep(vault), await keep(vault)];
  assert.ok([first.kind, second.kind].every((kind) => kind === 'kept' || kind === 'down'));
  assert.equal((await kept(vault)).kind, 'kept');
  assert.notEqual(vault.pid(), before);
});
