/**
 * Random postings by many clients at once, some of which die at any moment, while others seal: no transaction is out of balance, every entry is sealed once, and what is stored of each account is what
 * its entries come to. `KONTOR_TEST_POSTINGS=100000` posts as many; by default a few hundred.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ACCOUNTS, type PostedAccount } from '../../billing/ledger/accounts.ts';
import { decision, type Posting } from '../../billing/decision.ts';
import { commit } from '../../server/commit.ts';
import { migrate } from '../../server/database/migrate.ts';
import { types } from '../../server/database/parse.ts';
import { sealLedger, type SealRow } from '../../server/ledger/seal.ts';
import { brokenSeals } from '../../server/ledger/chain.ts';
import { books } from '../../server/ledger/invariants.ts';
import { lend } from '../../server/database/database.ts';
import { sealed } from '../awaited.ts';
import { START } from '../days.ts';
import { startKontor } from '../kontor.ts';

const POSTINGS = Number(process.env['KONTOR_TEST_POSTINGS'] ?? 300);
const CLIENTS = 8;
const NAMES = (Object.keys(ACCOUNTS) as (keyof typeof ACCOUNTS)[]).filter((each): each is PostedAccount => each !== 'deferred_revenue');

const kontor = await startKontor({ works: false });
// Nothing happened for which all this was posted, and that is found.
after(() => assert.rejects(kontor.close(), /nothing happened that has this name/));

/** The same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A transaction of two to six legs in one or two currencies, each of which balances. */
function posting(transaction: string, pick: (below: number) => number): Posting[] {
  return ['usd', 'eur'].slice(0, 1 + pick(2)).flatMap((currency) => {
    const legs = Array.from({ length: 1 + pick(4) }, () => ({ ledger_account: NAMES[pick(NAMES.length)]!, amount: BigInt(pick(200_000) - 100_000) }));
    const last = { ledger_account: NAMES[pick(NAMES.length)]!, amount: -legs.reduce((sum, leg) => sum + leg.amount, 0n) };
    return [...legs, last].map((leg): Posting => ({ ...leg, transaction, currency, document: transaction, customer: null, at: START + pick(90 * 86_400) }));
  });
}

/** A transaction whose legs all cancel on their accounts leaves nothing. */
function leavesSomething(legs: readonly Posting[]): boolean {
  const sums = new Map<string, bigint>();
  for (const { ledger_account, currency, amount } of legs) sums.set(`${ledger_account} ${currency}`, (sums.get(`${ledger_account} ${currency}`) ?? 0n) + amount);
  return [...sums.values()].some((sum) => sum !== 0n);
}

test(`${POSTINGS} random postings from ${CLIENTS} clients with kills`, async () => {
  const done: string[] = [];
  let [lost, running] = [0, true];
  const client = async (n: number) => {
    const pick = random(n + 1);
    for (let i = n; i < POSTINGS; i += CLIENTS) {
      const name = `t${i}`;
      // A client whose connection was killed does not know what became of it, and posts the same again: it is there once.
      for (;;) {
        const legs = posting(name, random(i));
        try {
          await kontor.inside(async (ctx) => {
            await commit(ctx, { ...decision(), postings: legs });
            if (pick(10) === 0) await sleep(pick(5));
          });
          done.push(name);
          break;
        } catch (error) {
          if ((error as { code?: string }).code === '23505') {
            done.push(name);
            break;
          }
          lost += 1;
        }
      }
    }
  };
  const sealer = async () => {
    while (running) {
      await sealLedger(kontor.app).catch(() => undefined);
      await sleep(20);
    }
  };
  const killer = () => lend({ connectionString: kontor.database.urls.superuser }, async (superuser) => {
    const pick = random(99);
    while (running) {
      await sleep(100 + pick(200));
      await superuser.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'kontor_app' and datname = current_database() order by md5(pid::text || $1) limit 1`, [String(pick(1_000))]);
    }
  });
  const others = [sealer(), sealer(), killer()];
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)));
  running = false;
  await Promise.all(others);
  assert.equal(new Set(done).size, POSTINGS);
  await sealed(kontor);
  const checked = await lend({ connectionString: kontor.database.urls.owner, types }, async (owner) => {
    await owner.query(`begin; set local kontor.world = '${kontor.world.id}'`);
    const found: string[] = [];
    for (const { about, query } of books.filter((each) => /balances|Seals|sealed/.test(each.about))) found.push(...(await owner.query<{ object: string; sentence: string }>(query)).rows.map((each) => `${about} ${each.object} ${each.sentence}`));
    found.push(...(await brokenSeals(owner, kontor.world, kontor.app.sign)).map((each) => `${each.object} ${each.sentence}`));
    const { rows: [count] } = await owner.query<{ transactions: bigint; sealed: bigint; entries: bigint }>(
      'select count(distinct transaction) as transactions, count(*) as entries, (select sum(entries)::bigint from ledger_seals) as sealed from ledger_entries');
    return { found, count: count! };
  });
  assert.deepEqual(checked.found, []);
  assert.equal(checked.count.transactions, BigInt(Array.from({ length: POSTINGS }, (_, i) => posting(`t${i}`, random(i))).filter(leavesSomething).length));
  assert.equal(checked.count.sealed, checked.count.entries);
  if (process.env['KONTOR_TEST_POSTINGS']) console.log({ lost, ...checked.count });
});

test('what commits late is sealed late, and never lost between two seals', async () => {
  const legs = (name: string): Posting[] => [{ transaction: name, ledger_account: 'receivable', currency: 'usd', amount: 5n, document: name, customer: null, at: START }, { transaction: name, ledger_account: 'revenue', currency: 'usd', amount: -5n, document: name, customer: null, at: START }];
  const last = () => kontor.inside(async ({ tx }) => (await tx.query('select * from ledger_seals order by number desc limit 1')).rows[0] as SealRow);
  await sealed(kontor);
  await kontor.inside(async (ctx) => {
    await commit(ctx, { ...decision(), postings: legs('late') });
    // What is new travels with what comes next.
    await ctx.tx.query('select');
    await kontor.inside((other) => commit(other, { ...decision(), postings: legs('early') }));
    const before = await last();
    await sealLedger(kontor.app);
    // The early one has the higher number and waits, too.
    assert.equal((await last()).number, before.number);
  });
  await sealed(kontor);
  const { rows } = await kontor.inside(({ tx }) => tx.query<{ transaction: string; seals: bigint }>(
    `select transaction, count(distinct s.number) as seals from ledger_entries e join ledger_seals s on e.position >= s.since and e.position < s.upto where transaction in ('late', 'early') group by 1 order by 1`));
  assert.deepEqual(rows, [{ transaction: 'early', seals: 1n }, { transaction: 'late', seals: 1n }]);
});

test('in a cluster whose transactions are numbered anew, positions go on after the last one', async () => {
  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser, types });
  await superuser.connect();
  await superuser.query(`set session_replication_role = replica; update ledger_seals set upto = upto + 1000000000 where number = (select max(number) from ledger_seals); set session_replication_role = origin`);
  const { upto } = (await superuser.query<{ upto: bigint }>('select max(upto) as upto from ledger_seals')).rows[0]!;
  await kontor.database.asOwner((owner) => migrate(owner));
  await kontor.database.asOwner((owner) => migrate(owner));
  const { position } = (await superuser.query<{ position: bigint }>('select ledger_position(pg_current_xact_id()) as position')).rows[0]!;
  assert.ok(position >= upto && position < upto + 1_000n, `${position} after ${upto}`);
  await superuser.end();
});
