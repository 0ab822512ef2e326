import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DiscountWhole, PriceRow, TaxRateRow } from '../catalog.ts';
import { applyCredits } from '../credit/apply.ts';
import type { CreditGrantRow } from '../credit/grant.ts';
import { CUSTOMER, discount, grant, moment, perCall, taxRate, tier, tiered } from '../examples.ts';
import { previewInvoice, workOut } from '../invoice/draft.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../invoice/invoice.ts';
import { recount } from '../subscription/lines.ts';
import { correctInvoice } from './correct.ts';
import { combine, moneyOf, NOTHING, totalOf, type CorrectionRow, type Money } from './correction.ts';
import { leftEarly, type EarlyLine } from './early.ts';

const HOUR = 3_600;
const MONTH = 30 * 86_400;

const CALL = perCall('call', '100');
const VOLUME = tiered('volume', 'volume', tier(4, '200'), tier(9, '150', '50'), tier(null, '40'));
const PRICES: PriceRow[] = [
  CALL, perCall('thirds', '33.3333'), { ...CALL, unit_amount_decimal: '500', transform_quantity: { divide_by: 3, round: 'up' } },
  tiered('graduated', 'graduated', tier(4, '199.5'), tier(9, '149', '77'), tier(null, '99.9')), VOLUME,
];

const FOUR = discount('four', { amount_off: 400n, currency: 'usd' });
const HALF = discount('half', { percent_off: '50' });
const COUPONS = [FOUR, discount('third', { percent_off: '33.33' }), HALF, discount('little', { amount_off: 77n, currency: 'usd', applies_to: ['prod_call'] }), discount('others', { percent_off: '10', applies_to: ['prod_seat'] })];
const SALES = taxRate('sales', '8.875', false);
const RATES = [SALES, taxRate('vat', '19', true), taxRate('city', '2', false)];

/** What counts when usage is billed: by then other coupons and rates may be in force. */
type Then = { own: DiscountWhole[]; whole: DiscountWhole[]; rates: TaxRateRow[] };
const PLAIN: Then = { own: [], whole: [], rates: [] };

const usageOf = ({ lines: [line] }: InvoiceWhole): InvoiceLineRow => line!;

/** A period of one item: what thresholds billed of it, and what its end did. */
class Period {
  readonly terms: PriceRow;
  readonly early: InvoiceWhole[] = [];
  grants: CreditGrantRow[];
  constructor(terms: PriceRow, grants: readonly bigint[] = []) {
    this.terms = terms;
    this.grants = grants.map((balance, n) => grant(`credgr_${n}`, n, balance));
  }

  /** Bills all usage so far, less what was billed before. */
  bill(used: number, then: Then, reason: 'subscription_threshold' | 'subscription_cycle'): InvoiceWhole {
    const before = this.early.map(usageOf);
    const units = before.reduce((sum, line) => sum + Number(line.quantity_decimal), 0);
    const end = reason === 'subscription_cycle' ? MONTH : HOUR * (1 + before.length);
    const draft = previewInvoice(
      {
        customer: CUSTOMER, subscription: null, account: { business_name: 'Kontor', country: 'US' }, tax_ids: [], billing_reason: reason, obligation: null, currency: 'usd', collection_method: 'charge_automatically', days_until_due: null,
        period: { start: 0, end }, pending: [], discounts: then.whole, default_rates: then.rates, auto_advance: true,
        lines: [{
          amount: 0n, description: '0 × Call', discountable: true, period: { start: 0, end }, price: this.terms.id, product: this.terms.product, unit_amount_decimal: null, quantity_decimal: '0.5', subscription: 'sub_1', subscription_item: 'si_u',
          proration: false, proration_details: null, metadata: {}, discounts: then.own, rates: [],
          metering: { meter: 'mtr_1', allowance: null, billed: before.length === 0 ? null : { quantity: String(units), amount: before.reduce((sum, line) => sum + line.amount, 0n).toString() } },
        }],
      },
      moment(end),
    );
    const counted = workOut({ ...draft, lines: this.recounted(draft, used), grant_rows: this.grants });
    const met = applyCredits(counted, { ...CUSTOMER, grants: this.grants }, moment(end));
    this.grants = this.grants.map((grant) => met.customer.grants!.find(({ id }) => id === grant.id)!);
    const invoice: InvoiceWhole = { ...workOut({ ...counted, lines: met.lines }), status: 'paid', amount_remaining: 0n, number: 'KON-1' };
    if (reason === 'subscription_threshold') this.early.push(invoice);
    return invoice;
  }

  recounted(invoice: InvoiceWhole, used: number): InvoiceLineRow[] {
    const before = this.early.filter((each) => each.id !== invoice.id);
    const early = before.map((each): EarlyLine => ({ invoice: each, line: usageOf(each), notes: [] }));
    return invoice.lines.map((line) => recount(line, { terms: this.terms, product_name: 'Call' }, String(used), early.length === 0 ? null : leftEarly(early)));
  }

  /** What puts an invoice right, after earlier corrections of it. */
  correct(invoice: InvoiceWhole, used: number, earlier: Money): Money {
    const facts = { invoice, recounted: this.recounted(invoice, used), earlier: new Map([[usageOf(invoice).id, earlier]]), reached: new Map(), left: new Map(), held: new Map(), waiting: new Map(), customer: CUSTOMER, goes_on: true };
    const made = correctInvoice(facts, null, moment(2 * MONTH)).puts.flatMap(({ table, after }) => (table === 'invoice_corrections' ? [moneyOf(after as CorrectionRow)] : []));
    return made.reduce((sum, each) => combine(sum, each, 1), NOTHING);
  }
}

/** The invoice of a line, had it come to so much: each grant gives at most what it gave. */
function hadItBeen(invoice: InvoiceWhole, amount: bigint): InvoiceWhole {
  const bare = workOut({ ...invoice, lines: [{ ...usageOf(invoice), metering: null, amount, credits: [] }] });
  let open = usageOf(bare).discount_amounts.reduce((rest, each) => rest - BigInt(each.amount), amount);
  const credits = usageOf(invoice).credits.map((credit) => {
    const kept = BigInt(credit.amount) < open ? credit.amount : Number(open);
    open -= BigInt(kept);
    return { ...credit, amount: kept };
  });
  return workOut({ ...bare, lines: [{ ...usageOf(bare), credits }] });
}

/** What so much usage costs. */
const costOf = (terms: PriceRow, used: number): bigint => usageOf(new Period(terms).bill(used, PLAIN, 'subscription_cycle')).amount;

const back = (terms: PriceRow, then: Then, grants: readonly bigint[], before: number, after: number) => {
  const period = new Period(terms, grants);
  const early = period.bill(before, then, 'subscription_threshold');
  const last = period.bill(after, PLAIN, 'subscription_cycle');
  return [early.total, last.total, last.lines[0]!.credits.map((credit) => credit.amount)];
};

describe('ten calls for $10.00 that were billed early, of which four turn out to be none,', () => {
  test('with $4.00 off: $6.00 were charged, and $2.00 are the truth', () => assert.deepEqual(back(CALL, { ...PLAIN, whole: [FOUR] }, [], 10, 6), [600n, -400n, []]));
  // 8.875 % of $6.00 are 53 cents, of $2.00 are 18.
  test('and with tax', () => assert.deepEqual(back(CALL, { ...PLAIN, own: [FOUR], rates: [SALES] }, [], 10, 6), [653n, -435n, []]));
  test('at half the price', () => assert.deepEqual(back(CALL, { ...PLAIN, whole: [HALF] }, [], 10, 6), [500n, -200n, []]));
  // A grant met $4.00 of $10.00, and would have met $4.00 of $6.00.
  test('with credit: what was paid goes back first', () => assert.deepEqual(back(CALL, PLAIN, [400n], 10, 6), [600n, -400n, []]));
  // $10.00 less $4.00 were met by $5.00 of credit; $2.00 would have been met whole.
  test('with $4.00 off and credit: the credit that is too much goes back to its grant', () => assert.deepEqual(back(CALL, { ...PLAIN, whole: [FOUR] }, [500n], 10, 6), [100n, -100n, [-300]]));
});

describe('usage that makes what was billed early cheaper', () => {
  // Four at $2.00 were $8.00, less $4.00; ten at 40 cents are $4.00, less $4.00.
  test('gives back what was charged beyond that', () => assert.deepEqual(back(VOLUME, { ...PLAIN, whole: [FOUR] }, [], 4, 10), [400n, -400n, []]));
});

test('whatever is billed early, the period comes to what its bills would have been with the final truth', () => {
  const subset = fc.subarray(COUPONS, { maxLength: 2 });
  const then = fc.record({ own: subset, whole: subset, rates: fc.subarray(RATES) }).map((each): Then => ({ ...each, whole: each.whole.filter((discount) => !each.own.includes(discount)) }));
  fc.assert(
    fc.property(fc.constantFrom(...PRICES), fc.array(fc.tuple(fc.nat({ max: 14 }), then), { minLength: 1, maxLength: 3 }), fc.tuple(fc.nat({ max: 14 }), then), fc.array(fc.nat({ max: 14 }), { maxLength: 2 }), fc.array(fc.constantFrom(100n, 333n, 5_000n), { maxLength: 2 }), (terms, bills, [used, at_end], later, grants) => {
      const period = new Period(terms, grants);
      /** What is left of each bill that charged something, the oldest first. */
      const charged: { invoice: InvoiceWhole; amount: bigint }[] = [];
      const take = (over: bigint): void => {
        let rest = over;
        for (const each of charged.toReversed()) {
          const part = each.amount < rest ? each.amount : rest;
          each.amount -= part;
          rest -= part;
        }
      };
      let [sum, cost] = [0n, 0n];
      for (const [units, at] of bills) {
        const invoice = period.bill(units, at, 'subscription_threshold');
        const more = costOf(terms, units) - cost;
        cost += more;
        sum += invoice.total;
        if (more < 0n) take(-more);
        else charged.push({ invoice, amount: more });
      }
      const last = period.bill(used, at_end, 'subscription_cycle');
      const before = charged.map((each) => ({ ...each }));
      const truth = (units: number): { total: bigint; credits: bigint } => {
        charged.splice(0, charged.length, ...before.map((each) => ({ ...each })));
        const rest = costOf(terms, units) - cost;
        if (rest < 0n) take(-rest);
        const final = [...charged.map(({ invoice, amount }) => hadItBeen(invoice, amount)), ...(rest > 0n ? [hadItBeen(last, rest)] : [])];
        return { total: final.reduce((all, each) => all + each.total, 0n), credits: final.reduce((all, each) => all + each.credits_applied, 0n) };
      };
      sum += last.total;
      const was = truth(used);
      assert.equal(sum, was.total);
      assert.equal(period.grants.reduce((all, grant) => all + grant.amount - grant.balance, 0n), was.credits);
      // What has gone back to a grant stays there, and what counts again meets credit as late usage does.
      if (grants.length > 0) return;
      let earlier = NOTHING;
      for (const units of later) {
        const money = period.correct(last, units, earlier);
        earlier = combine(earlier, money, 1);
        sum += totalOf(money);
        assert.equal(sum, truth(units).total);
      }
    }),
    { numRuns: Number(process.env['KONTOR_TEST_CORRECTIONS'] ?? 1_000) },
  );
});
