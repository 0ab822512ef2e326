import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiscountWhole, PriceRow } from '../catalog.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../invoice/invoice.ts';
import { compareInvoices } from './compare.ts';
import { speaker } from './language.ts';

const price = (id: string, unit_amount_decimal: string, usage_type: 'licensed' | 'metered' = 'licensed') =>
  ({ id, currency: 'usd', billing_scheme: 'per_unit', unit_amount_decimal, tiers: null, tiers_mode: null, transform_quantity: null, currency_options: null, recurring: { interval: 'month', interval_count: 1, usage_type } }) as unknown as PriceRow;
const prices = new Map([['seat', price('seat', '1000')], ['desk', price('desk', '1500')], ['call', price('call', '10', 'metered')]].map(([id, row]) => [id as string, row as PriceRow]));

type Line = Partial<InvoiceLineRow> & { amount: bigint };
const line = (more: Line, n: number): InvoiceLineRow => ({
  id: `il_${n}`, description: `${more.quantity_decimal ?? 1} × ${more.price ?? 'work'}`, currency: 'usd', price: null, quantity_decimal: '1', subscription_item: null, invoice_item: null, proration: false, correction: null, ...more,
}) as InvoiceLineRow;
const seats = (quantity: number, more: Partial<InvoiceLineRow> = {}): Line => ({ amount: BigInt(quantity) * 1_000n, price: 'seat', quantity_decimal: String(quantity), subscription_item: 'si_1', ...more });
const calls = (quantity: number): Line => ({ amount: BigInt(quantity) * 10n, price: 'call', quantity_decimal: String(quantity), subscription_item: 'si_2' });

/** An invoice of lines, on which `due` is due and which has no tax. */
function invoice(id: string, lines: readonly Line[], more: Partial<InvoiceWhole> = {}): InvoiceWhole {
  const total = lines.reduce((sum, each) => sum + each.amount, 0n);
  return {
    id, number: id.toUpperCase(), customer: 'cus_1', currency: 'usd', total, amount_due: total > 0n ? total : 0n, pre_payment_credit_notes_amount: 0n, total_discount_amounts: [], credits_applied: 0n, total_taxes: [], discount_rows: [], rate_rows: [],
    lines: lines.map(line), ...more,
  } as unknown as InvoiceWhole;
}

const causes = (now: readonly Line[], before: readonly Line[], more: Partial<InvoiceWhole> = {}) => {
  const comparison = compareInvoices(invoice('b', now, more), invoice('a', before), prices);
  assert.equal(comparison.causes.reduce((sum, cause) => sum + cause.amount, 0n), comparison.difference);
  return comparison.causes.map(({ kind, amount }) => [kind, amount]);
};

describe('what makes two invoices differ', () => {
  const rows: [string, readonly Line[], readonly Line[], [string, bigint][]][] = [
    ['nothing', [seats(3)], [seats(3)], []],
    ['more seats', [seats(5)], [seats(3)], [['quantity', 2_000n]]],
    // 2 more at the old price, then 5 at 500 more.
    ['more seats at another price', [seats(5, { price: 'desk', amount: 7_500n })], [seats(3)], [['quantity', 2_000n], ['price', 2_500n]]],
    ['a trial that is over', [seats(3)], [seats(3, { amount: 0n })], [['trial', 3_000n]]],
    ['a first part of a period', [seats(3)], [seats(3, { amount: 1_200n, proration: true })], [['proration', 1_800n]]],
    ['usage', [seats(3), calls(40)], [seats(3), calls(70)], [['usage', -300n]]],
    ['usage where there was none', [seats(3), calls(40)], [seats(3)], [['usage', 400n]]],
    ['no usage any more', [seats(3)], [seats(3), calls(40)], [['usage', -400n]]],
    ['an item that comes, and one that goes', [seats(2, { subscription_item: 'si_3' })], [seats(3)], [['new_item', 2_000n], ['gone_item', -3_000n]]],
    ['a change within the period', [seats(3), { amount: -700n, subscription_item: 'si_1', invoice_item: 'ii_1', proration: true }], [seats(3)], [['proration', -700n]]],
    ['work that was billed once', [seats(3)], [seats(3), { amount: 900n, invoice_item: 'ii_1' }], [['gone_item', -900n]]],
    ['seats that are metered from now on', [{ ...calls(40), subscription_item: 'si_1' }], [seats(3)], [['price', -2_600n]]],
    ['a total below nothing', [{ amount: -900n, invoice_item: 'ii_1' }], [seats(3)], [['gone_item', -3_000n], ['new_item', -900n], ['balance', 900n]]],
  ];
  for (const [what, now, before, expected] of rows) it(`is ${what}`, () => assert.deepEqual(causes(now, before), expected));

  it('is a discount that is over, and since when', () => {
    const [march, april] = [Date.UTC(2026, 2, 1) / 1_000, Date.UTC(2026, 3, 1) / 1_000];
    const discount = (id: string, duration: string, end: number | null) => ({ id, end, source: { id: id.toUpperCase(), name: null, duration } }) as unknown as DiscountWhole;
    const given = [discount('di_1', 'repeating', march), discount('di_2', 'once', null), discount('di_3', 'forever', null), discount('di_4', 'repeating', april + 1)];
    const before = invoice('a', [seats(3)], { amount_due: 2_600n, total: 2_600n, discount_rows: given, total_discount_amounts: given.map(({ id }) => ({ discount: id, amount: 100 })) });
    const comparison = compareInvoices(invoice('b', [seats(3)], { created: april }), before, prices);
    assert.deepEqual(comparison.causes.map(({ about, amount, over }) => [about, amount, over]), [['DI_1', 100n, march], ['DI_2', 100n, 'once'], ['DI_3', 100n, null], ['DI_4', 100n, null]]);
    assert.deepEqual(comparison.causes.slice(0, 3).map((cause) => speaker('en', 'usd').cause(cause)), [
      'The discount DI_1 was over on 1 March 2026 00:00:00 UTC and went from $1.00 to $0.00: +$1.00.', 'The discount DI_2 was for one invoice and went from $1.00 to $0.00: +$1.00.', 'The discount DI_3 went from $1.00 to $0.00: +$1.00.',
    ]);
    assert.equal(speaker('de', 'usd').cause(comparison.causes[0]!), 'Der Rabatt DI_1 endete am 1. März 2026 00:00:00 UTC und ging von $1.00 auf $0.00: +$1.00.');
  });
  it('is what credit notes took off', () => assert.deepEqual(causes([seats(3)], [seats(3)], { amount_due: 2_500n, pre_payment_credit_notes_amount: 500n }), [['credit_notes', -500n]]));
  it('is told where nothing explains it', () => {
    assert.deepEqual(causes([seats(3)], [seats(3)], { total: 3_100n, amount_due: 3_100n }), [['rest', 100n]]);
    const comparison = compareInvoices(invoice('b', [seats(3)], { total: 3_100n, amount_due: 3_100n }), invoice('a', [seats(3)]), prices);
    assert.deepEqual(speaker('de', 'usd').comparison(comparison), ['Auf B sind $31.00 fällig, auf A waren es $30.00: $1.00 mehr.', 'ACHTUNG: Dieser Teil folgt aus nichts, was auf den beiden Rechnungen steht: +$1.00.']);
  });
});
