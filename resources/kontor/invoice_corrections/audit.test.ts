import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { verify } from '../../../server/verify.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { customerAt, meterOf, report } from '../../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());

test('a line that bills other usage than its meter counts by now is found, and usage that costs nothing more is not', async () => {
  const { stripe } = kontor;
  const { clock, customer } = await customerAt(stripe, Date.UTC(2026, 0, 1) / 1_000, {});
  const meter = await meterOf(stripe, 'calls');
  const price = await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month', usage_type: 'metered', meter: meter.id }, product_data: { name: 'Calls' }, unit_amount: 100, transform_quantity: { divide_by: 5, round: 'up' } });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], collection_method: 'send_invoice', days_until_due: 30 });
  await report(stripe, 'calls', customer, 8, Date.UTC(2026, 0, 1) / 1_000);
  await kontor.advance(clock, Date.UTC(2026, 1, 1, 2) / 1_000);
  const { data: [january] } = await stripe.invoices.list({ subscription: subscription.id });
  await kontor.counted();
  const found = async (more: number) => {
    const falsify = (by: number) => kontor.database.inWorld(kontor.world, (tx) => tx.query(`update meter_days set sum = sum + ${by}`));
    await falsify(more);
    const findings = await verify(kontor.database, () => undefined, kontor.app.clock, { audits: kontor.app.register.audits });
    await falsify(-more);
    return findings.filter(({ invariant }) => invariant === 'I24').map(({ object, sentence }) => [object, sentence]);
  };
  assert.deepEqual(await found(3), [[january!.lines.data[0]!.id, `on ${january!.id} it billed 200, corrected by 0, and 11 are counted now, which cost 300`]]);
  assert.deepEqual(await found(2), []);
});
