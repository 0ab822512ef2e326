/** What `npm start` puts into a new account, so that there is something to look at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type Stripe from 'stripe';
import { seed } from '../../examples/helpdesk/seed.ts';
import { at } from '../../examples/helpdesk/time.ts';
import { verify } from '../../server/verify.ts';
import { startKontor, type Kontor } from '../kontor.ts';

async function seeded({ stripe }: Kontor) {
  const { data: clocks } = await stripe.testHelpers.testClocks.list({});
  const { data: customers } = await stripe.customers.list({ test_clock: clocks[0]!.id });
  const invoices: Stripe.Invoice[] = [];
  for (const { id } of customers) invoices.push(...(await stripe.invoices.list({ customer: id })).data);
  return { clocks: clocks.map((clock) => clock.frozen_time), customers: customers.map((customer) => customer.id), invoices: invoices.map((invoice) => `${invoice.number} ${invoice.status} ${invoice.total}`).sort() };
}

test('a new account has two customers with a month behind them; what was interrupted is made again, and what is there is left alone', async () => {
  const kontor = await startKontor();
  try {
    const interrupted = await kontor.stripe.testHelpers.testClocks.create({ name: 'The helpdesk company', frozen_time: at('2026-01-15T10:00') });
    const half = await kontor.stripe.customers.create({ name: 'Lumen Coffee', test_clock: interrupted.id });
    await seed(kontor.url, kontor.key);
    const made = await seeded(kontor);
    assert.deepEqual(made.clocks, [at('2026-02-15T12:00')]);
    assert.equal(made.customers.length, 2);
    assert.equal(made.customers.includes(half.id), false);
    // As in the README; the last invoice of each is to be paid.
    assert.deepEqual(made.invoices, ['LUMEN-0001 paid 53893', 'LUMEN-0002 open 154628', 'NORTHWIND-0001 paid 310962', 'NORTHWIND-0002 open 668037']);
    await seed(kontor.url, kontor.key);
    assert.deepEqual(await seeded(kontor), made);
    assert.deepEqual(await verify(kontor.database, () => undefined), []);
  } finally {
    await kontor.close();
  }
});
