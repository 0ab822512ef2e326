/**
 * Somebody with every right in the database falsifies the ledger after it was sealed: each time `kontor verify` finds it. `KONTOR_TEST_TAMPERINGS=1000` tries as many; by default a sample of each kind.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { types } from '../../server/database/parse.ts';
import type { Database } from '../../server/database/database.ts';
import { verify, type Finding } from '../../server/verify.ts';
import { sealed } from '../awaited.ts';
import { START } from '../days.ts';
import { startKontor } from '../kontor.ts';
import { seatPrice } from '../shop.ts';

const kontor = await startKontor();
const { stripe } = kontor;
const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser, types });
await superuser.connect();
const clock = await stripe.testHelpers.testClocks.create({ frozen_time: START });
const price = await seatPrice(stripe, 1_500);
const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
for (const balance of [0, -700, 300]) {
  const customer = await stripe.customers.create({ test_clock: clock.id, balance });
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id, quantity: 2 }], default_payment_method: method.id, default_tax_rates: [rate.id] });
  await kontor.advance(clock.id, (await stripe.testHelpers.testClocks.retrieve(clock.id)).frozen_time + 40 * 86_400);
}
await sealed(kontor);
after(async () => {
  await superuser.end();
  await kontor.close();
});

async function verifyWith(falsify: () => Promise<void>): Promise<Finding[]> {
  await superuser.query('begin; set local session_replication_role = replica');
  try {
    await falsify();
    await superuser.query('set local role kontor_owner');
    const query = (text: string | { text: string; values?: unknown[] }, values?: unknown[]) => {
      if (typeof text !== 'string') return superuser.query(text.text, text.values);
      const world = /^begin.*kontor\.world = '([0-9]+)'/.exec(text)?.[1];
      return superuser.query(world ? `set local kontor.world = '${world}'` : text === 'rollback' ? 'select' : text, values);
    };
    const asOwner: Database['asOwner'] = (work) => work({ query } as unknown as pg.Client);
    return await verify({ asOwner }, () => undefined, undefined, { audits: [], sign: kontor.app.sign });
  } finally {
    await superuser.query('rollback');
  }
}

const nth = (n: number) => `(select ctid from ledger_entries order by id offset ${n} % (select count(*) from ledger_entries) limit 1)`;
const set = (change: string) => (n: number) => superuser.query(`update ledger_entries set ${change} where ctid = ${nth(n)}`).then(() => undefined);
const at = (n: number) => `e where e.ctid = ${nth(n)}`;

/** The whole chain computed again, as Kontor computes it, without the secret. */
async function reseal(): Promise<void> {
  await superuser.query(`
    do $$ declare s record; last bytea := ''; own bytea; n bigint; begin
      for s in select * from ledger_seals order by world, number loop
        if s.number = 1 then last := ''; end if;
        select count(*), sha256(string_agg(ledger_digest(e), ''::bytea order by position, id)) into n, own from ledger_entries e where e.world = s.world and position >= s.since and position < s.upto;
        last := sha256(last || convert_to(format(E'%s %s %s %s\\n', s.number, s.since, s.upto, n), 'UTF8') || own);
        update ledger_seals set entries = n, digest = own, hash = last where world = s.world and number = s.number;
      end loop;
    end $$`);
}

const kinds: Record<string, (n: number) => Promise<void>> = {
  'a changed amount': set('amount = amount + 1'),
  'a changed sign': set('amount = -amount'),
  'another account': set(`ledger_account = case ledger_account when 'bad_debt' then 'revenue' else 'bad_debt' end`),
  'another date': set(`at = at + interval '1 second'`),
  'another customer': set(`customer = 'cus_other'`),
  'another document': set(`document = 'in_other'`),
  'another period': set(`period_start = coalesce(period_start, at) - interval '1 day', period_end = coalesce(period_end, at + interval '1 day')`),
  'another position': set('position = position + 1'),
  'a leg that is gone': async (n) => void (await superuser.query(`delete from ledger_entries where ctid = ${nth(n)}`)),
  'a transaction that is gone': async (n) => void (await superuser.query(`delete from ledger_entries where transaction = (select transaction from ledger_entries ${at(n)})`)),
  'two accounts that were swapped': async (n) =>
    void (await superuser.query(`with legs as (select min(id) as one, max(id) as other from ledger_entries where transaction = (select transaction from ledger_entries ${at(n)}))
      update ledger_entries l set ledger_account = o.ledger_account from legs join ledger_entries o on o.id in (one, other) where l.id in (one, other) and l.id <> o.id`)),
  'a balanced pair that was put in': async (n) =>
    void (await superuser.query(`insert into ledger_entries (world, id, transaction, ledger_account, currency, amount, document, customer, at, position)
      select world, transaction || '/9' || s, transaction, case s when 1 then 'revenue' else 'receivable' end, currency, case s when 1 then -100 else 100 end, document, customer, at, position from ledger_entries e, generate_series(1, 2) s where e.ctid = ${nth(n)}`)),
  'a changed amount on both sides, with the sums of the day': async (n) =>
    void (await superuser.query(`update ledger_entries set amount = amount + sign(amount) where transaction = (select transaction from ledger_entries ${at(n)}) and id in (
      select (array_agg(id))[1] from ledger_entries group by transaction, sign(amount)); delete from ledger_days; insert into ledger_days select world, date_trunc('day', at, 'UTC'), ledger_account, coalesce(processor, ''), currency,
      coalesce(sum(amount) filter (where amount > 0), 0), coalesce(-sum(amount) filter (where amount < 0), 0) from ledger_entries group by 1, 2, 3, 4, 5`)),
  'a changed document whose seals were hashed again': async (n) => {
    await superuser.query(`update ledger_entries set document = 'in_other' where ctid = ${nth(n)}`);
    await reseal();
  },
  'a moved date whose seals were hashed again': async (n) => {
    await superuser.query(`update ledger_entries set at = at + interval '1 hour' where ctid = ${nth(n)}`);
    await reseal();
  },
  'a seal that is gone': async (n) => void (await superuser.query(`delete from ledger_seals where ctid = (select ctid from ledger_seals order by world, number offset ${n} % greatest((select count(*) from ledger_seals) - 1, 1) limit 1)`)),
  'a changed seal': async (n) => void (await superuser.query(`update ledger_seals set hash = sha256(hash) where ctid = (select ctid from ledger_seals order by world, number offset ${n} % (select count(*) from ledger_seals) limit 1)`)),
  'changed sums of a day': async (n) => void (await superuser.query(`update ledger_days set debit = debit + 1 where ctid = (select ctid from ledger_days order by day, ledger_account offset ${n} % (select count(*) from ledger_days) limit 1)`)),
};

const each = Math.ceil(Number(process.env['KONTOR_TEST_TAMPERINGS'] ?? 18) / Object.keys(kinds).length);

test('a ledger that nobody has touched holds together', async () => assert.deepEqual(await verifyWith(async () => undefined), []));

for (const [what, falsify] of Object.entries(kinds)) {
  test(`found, ${each} times of ${each}: ${what}`, async () => {
    for (let n = 0; n < each; n += 1) {
      const found = await verifyWith(() => falsify(n * 7 + 3));
      assert.ok(found.some((finding) => finding.invariant === 'I6'), `${what}, ${n}: found only ${JSON.stringify(found)}`);
    }
  });
}
