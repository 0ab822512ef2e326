import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CouponRow, DiscountWhole, PriceRow } from '../catalog.ts';
import type { InvoiceLineRow } from '../invoice/invoice.ts';
import { exactMoney, fraction, fractionText, unitMoney } from './exact.ts';
import type { ExplainFacts, LineExplanation, Step, Usage } from './explanation.ts';
import { speaker, type LanguageName } from './language.ts';
import { deriveLine } from './line.ts';

const at = (text: string): number => Date.parse(`${text}Z`) / 1_000;
const [JAN_31, FEB_28, MAR_31] = [at('2026-01-31T10:00'), at('2026-02-28T10:00'), at('2026-03-31T10:00')];

const price = (more: Partial<PriceRow> = {}): PriceRow => ({
  id: 'price_1', created: 0, product: 'prod_1', active: true, type: 'recurring', billing_scheme: 'per_unit', currency: 'usd', unit_amount_decimal: '1000', tiers: null, tiers_mode: null,
  transform_quantity: null, custom_unit_amount: null, currency_options: null, recurring: { interval: 'month', interval_count: 1, usage_type: 'licensed', meter: null, trial_period_days: null }, meter: null,
  lookup_key: null, nickname: null, tax_behavior: 'unspecified', metadata: {}, allowance: null, dimension_prices: null, ...more,
});
const metered = (more: Partial<PriceRow> = {}) => price({ recurring: { interval: 'month', interval_count: 1, usage_type: 'metered', meter: 'mtr_1', trial_period_days: null }, meter: 'mtr_1', ...more });
const line = (more: Partial<InvoiceLineRow> = {}): InvoiceLineRow => ({
  id: 'il_1', invoice: 'in_1', position: 0, amount: 3_000n, currency: 'usd', description: '3 × Seat', discountable: true, discounts: [], discount_amounts: [], credits: [], tax_rates: [], taxes: [], period_start: FEB_28,
  period_end: MAR_31, price: 'price_1', product: 'prod_1', unit_amount_decimal: '1000', quantity_decimal: '3', subscription: 'sub_1', subscription_item: 'si_1', invoice_item: null, proration: false,
  proration_details: null, metering: null, correction: null, commitment: null, commitment_billed: null, metadata: {}, ...more,
});
const usage = (more: Partial<Usage> = {}): Usage => ({ meter: 'mtr_1', meter_name: 'Calls', formula: 'sum', window: null, events: 2, first: FEB_28, last: FEB_28 + 60, counted: '25', as_of: MAR_31, events_url: '/events', ...more });
const facts = (more: Partial<ExplainFacts> = {}): ExplainFacts => ({
  prices: new Map([['price_1', price()]]), usage: new Map(), made_up: new Map(), debits: new Map(), corrected: new Map(), discounts: new Map(),
  subscriptions: new Map([['sub_1', { start_date: JAN_31, billing_cycle_anchor: JAN_31, billing_cycle_anchor_config: null, trial_start: null, trial_end: null }]]), ...more,
});
const withPrice = (one: PriceRow, more: Partial<ExplainFacts> = {}) => facts({ prices: new Map([['price_1', one]]), ...more });
const tree = ({ kind, amount, exact, parts }: Step): unknown[] => [kind, amount, exact && fractionText(exact), ...parts.map(tree)];

function said(of: InvoiceLineRow, known: ExplainFacts, name: LanguageName = 'en'): string[] {
  const derivation = deriveLine(of, known);
  const explanation: LineExplanation = { line: of.id, description: of.description, amount: of.amount, period: { start: of.period_start, end: of.period_end }, derivation, discounts: [], credits: [], taxes: [], agrees: true };
  return speaker(name, of.currency).line(explanation).slice(1);
}

describe('an exact value', () => {
  const rows: [bigint, bigint, string, string, string][] = [
    [12_300n, 1n, 'usd', '12300', '$123.00'], [-1n, 3n, 'usd', '-1/3', '-$0.00333333…'], [12_301n, 2n, 'usd', '12301/2', '$61.505'], [5n, 2n, 'jpy', '5/2', '¥2.5'], [2n, 3n, 'jpy', '2/3', '¥0.666666…'],
    [1n, 10_000_000n, 'eur', '1/10000000', '€0.00000000…'], [4n, 2n, 'usd', '2', '$0.02'],
  ];
  for (const [numerator, denominator, currency, text, money] of rows) {
    it(`${numerator} ÷ ${denominator} ${currency} is written ${money}`, () => {
      const exact = fraction(numerator, denominator);
      assert.deepEqual([fractionText(exact), exactMoney(exact, currency)], [text, money]);
    });
  }
  it('of a unit is written with all its places', () => assert.equal(unitMoney('0.000000000001', 'usd'), '$0.00000000000001'));
});

describe('a line', () => {
  const rest = { proration: true, invoice_item: 'ii_1', period_start: FEB_28 + 31 * 43_200, proration_details: { credited_items: null, discount_amounts: [] } };
  const coupon = (more: Partial<CouponRow>): DiscountWhole => ({
    id: 'di_1', coupon: 'co_1', promotion_code: null, customer: null, subscription: 'sub_1', subscription_item: null, invoice: null, invoice_item: null, position: 0, start: 0, end: null, ended: false,
    source: { id: 'co_1', created: 0, name: null, percent_off: null, amount_off: null, currency: null, currency_options: null, duration: 'forever', duration_in_months: null, applies_to: null, max_redemptions: null, redeem_by: null, times_redeemed: 0, metadata: {}, deleted: false, ...more },
  });

  it('of seats is their number at the price', () => assert.deepEqual(tree(deriveLine(line(), facts())), ['price', 3_000n, '3000', ['quantity', null, null]]));

  it('of usage is what was counted, and not less than nothing', () => {
    const known = (more: Partial<Usage>) => withPrice(metered({ unit_amount_decimal: '0.5' }), { usage: new Map([['il_1', usage(more)]]) });
    const billed = line({ unit_amount_decimal: '0.5' });
    assert.deepEqual(tree(deriveLine(billed, known({}))), ['price', 13n, '25/2', ['usage', null, null]]);
    assert.deepEqual(tree(deriveLine(billed, known({ counted: '-4' }))), ['price', 0n, '0', ['usage', null, null]]);
    assert.deepEqual(said(billed, known({ formula: 'count', first: null, last: null, events: 0, counted: '0' })), [
      'The meter “Calls” counted 0 from 28 February 2026 10:00:00 UTC up to, and not including, 31 March 2026 10:00:00 UTC: the number of events.', '0 × $0.005 = $0.00.',
    ]);
    assert.match(said(billed, known({ counted: '-4' }), 'de')[0]!, / Weniger als nichts wird als 0 berechnet\.$/);
  });

  it('of packages or tiers says how they are counted', () => {
    assert.deepEqual(said(line({ quantity_decimal: '12' }), withPrice(price({ transform_quantity: { divide_by: 10, round: 'up' } })))[1], '12 in packages of 10, a begun one counting whole: 2 × $10.00 = $20.00.');
    const tiers = [{ up_to: 10, unit_amount_decimal: '100', flat_amount_decimal: null }, { up_to: 20, unit_amount_decimal: '50', flat_amount_decimal: '500' }, { up_to: null, unit_amount_decimal: '0.25', flat_amount_decimal: null }];
    const tiered = (tiers_mode: 'volume' | 'graduated') => withPrice(price({ billing_scheme: 'tiered', tiers_mode, tiers, unit_amount_decimal: null }));
    const sold = line({ quantity_decimal: '22', unit_amount_decimal: null });
    assert.equal(said(sold, tiered('volume'))[1], 'The whole quantity is priced by its tier: 22 × $0.0025 (above 20) = $0.055, rounded to $0.06.');
    assert.equal(said(sold, tiered('graduated'))[1], 'Each tier prices its own part: 10 × $1.00 (up to 10) + 10 × $0.50 (above 10, up to 20) + $5.00 flat + 2 × $0.0025 (above 20) = $20.005, rounded to $20.01.');
    assert.equal(said(sold, tiered('graduated'), 'de')[1], 'Jede Stufe hat für ihren Teil ihren Preis: 10 × $1.00 (bis 10) + 10 × $0.50 (über 10, bis 20) + $5.00 pauschal + 2 × $0.0025 (über 20) = $20.005, gerundet $20.01.');
  });

  it('keeps the amount in another currency at which it was billed', () => {
    const options = (unit_amount_decimal: string) => withPrice(price({ currency_options: { eur: { unit_amount_decimal, tiers: null, custom_unit_amount: null, tax_behavior: 'unspecified' } } }));
    assert.equal(deriveLine(line({ currency: 'eur', unit_amount_decimal: '900' }), options('950')).amount, 2_700n);
  });

  it('of the rest of a period is a part of it', () => {
    // Half of 31 days of 3000.
    assert.deepEqual(tree(deriveLine(line({ ...rest, amount: 1_500n }), facts())), ['part_of_period', 1_500n, '1500', ['price', 3_000n, '3000', ['quantity', null, null]]]);
  });

  it('of a period that ends in a short month is counted from the day of the anchor', () => {
    // 28 February, 10:00 ends [31 January, 28 February) by an anchor on the 31st, and [28 January, 28 February) by one on the 28th.
    const short = line({ ...rest, period_start: FEB_28 - 14 * 86_400, period_end: FEB_28, amount: 1_500n });
    assert.equal(deriveLine(short, facts()).amount, 1_500n);
    const moved = facts({ subscriptions: new Map([['sub_1', { start_date: MAR_31, billing_cycle_anchor: at('2026-04-10T10:00'), billing_cycle_anchor_config: null, trial_start: null, trial_end: null }]]) });
    assert.deepEqual([deriveLine(short, moved).amount, deriveLine({ ...short, amount: 1_355n }, moved).amount], [1_500n, 1_355n]);
  });

  it('of the rest of a period has its part of the discounts, which an amount off gave by all items as they were', () => {
    const discounted = (amount: number) => line({ ...rest, amount: 1_500n - BigInt(amount), proration_details: { credited_items: null, discount_amounts: [{ discount: 'di_1', amount }] } });
    const half = facts({ discounts: new Map([['di_1', coupon({ percent_off: '33.33' })]]) });
    assert.deepEqual(tree(deriveLine(discounted(500), half)).slice(0, 2), ['net', 1_000n]);
    assert.equal(deriveLine(discounted(499), half).amount, 1_000n);
    const off = facts({ discounts: new Map([['di_1', coupon({ amount_off: 800n, currency: 'usd' })]]) });
    assert.equal(deriveLine(discounted(390), off).amount, 1_110n);
    assert.equal(deriveLine(discounted(401), off).amount, 1_100n); // at most half of 800
  });

  it('of a credit gives back what was not used', () => {
    const debit = { invoice: 'in_0', invoice_number: 'A-0001', line: 'il_0', invoice_item: null, discounts: [], net: 2_000n, start: FEB_28, end: MAR_31 };
    const credit = line({ ...rest, amount: -1_000n, period_start: rest.period_start, proration_details: { credited_items: { invoice: 'in_0', invoice_line_items: ['il_0'] }, discount_amounts: [] } });
    const known = facts({ debits: new Map([['il_1', debit]]) });
    assert.deepEqual(said(credit, known), [
      'The invoice A-0001 charged $20.00, after discounts, from 28 February 2026 10:00:00 UTC up to, and not including, 31 March 2026 10:00:00 UTC. ' +
        'What was not used from 15 March 2026 22:00:00 UTC on is given back, 1339200 of 2678400 seconds: -$20.00 × 1339200 ÷ 2678400 = -$10.00.',
    ]);
    assert.deepEqual(tree(deriveLine(credit, facts())), ['unknown', null, null]);
  });

  it('whose facts are gone says so', () => {
    assert.deepEqual(said(line(), facts({ prices: new Map() })), ['The amount cannot be computed again: its price has no amount in this currency any more.']);
    assert.deepEqual(said(line(), withPrice(metered()), 'de'), ['Der Betrag lässt sich nicht neu berechnen: ihr Verbrauch ist nicht bekannt.']);
  });

  it('of a trial is free', () => {
    const trial = new Map([['sub_1', { start_date: FEB_28, billing_cycle_anchor: MAR_31, billing_cycle_anchor_config: null, trial_start: FEB_28, trial_end: MAR_31 }]]);
    assert.deepEqual(tree(deriveLine(line({ amount: 0n }), facts({ subscriptions: trial }))), ['trial', 0n, null]);
    assert.equal(deriveLine(line({ amount: 0n }), facts()).amount, 3_000n);
  });
});
