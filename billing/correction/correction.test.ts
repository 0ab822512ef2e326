import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DiscountWhole, PriceRow, TaxRateRow } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { CUSTOMER, discount, grant, moment, perCall, taxRate, tier, tiered } from '../examples.ts';
import { previewInvoice, workOut, type LineOrder } from '../invoice/draft.ts';
import type { InvoiceItemWhole, InvoiceLineRow, InvoiceWhole } from '../invoice/invoice.ts';
import type { Used } from '../metering.ts';
import type { OutcomeRule, VersionRow } from '../outcome/definition.ts';
import { judgeBy, type Contest, type SubjectEvent } from '../outcome/settle.ts';
import { recount } from '../subscription/lines.ts';
import { applyCredits } from '../credit/apply.ts';
import type { CreditGrantRow } from '../credit/grant.ts';
import { correctInvoice } from './correct.ts';
import { combine, isNothing, moneyOf, NOTHING, totalOf, type CorrectionRow, type Money } from './correction.ts';
import { lateLine, type LateLine } from './late.ts';

const HOUR = 3_600;
const DAY = 86_400;
const MONTH = 30 * DAY;

const RESOLUTION = perCall('u', '99');
const PRICES: PriceRow[] = [
  RESOLUTION,
  { ...RESOLUTION, unit_amount_decimal: '33.3333' },
  { ...RESOLUTION, unit_amount_decimal: '500', transform_quantity: { divide_by: 3, round: 'up' } },
  { ...RESOLUTION, unit_amount_decimal: '500', transform_quantity: { divide_by: 3, round: 'down' } },
  tiered('u', 'graduated', tier(2, '199.5'), tier(4, '149'), tier(null, '99.9')),
  tiered('u', 'graduated', tier(1, '0', '700'), tier(3, '120'), tier(null, '80', '333')),
  tiered('u', 'volume', tier(2, '200'), tier(4, '150', '50'), tier(null, '100')),
  tiered('u', 'volume', tier(3, '0', '999'), tier(null, '111')),
  { ...RESOLUTION, dimension_prices: [{ name: 'chat', dimensions: { channel: ['chat'] }, unit_amount_decimal: null, tiers_mode: 'volume', tiers: [tier(2, '150.5', '20'), tier(null, '75')], currency_options: null }] },
];

/** Of successes that are priced by the channel, every other one was by chat. */
const usedOf = ({ price: { dimension_prices } }: Billing, quantity: number): Used => (dimension_prices ? [String(Math.floor(quantity / 2)), String(Math.ceil(quantity / 2))] : String(quantity));

const COUPONS = [discount('third', { percent_off: '33.33' }), discount('five', { amount_off: 500n, currency: 'usd' }), discount('usage', { amount_off: 150n, currency: 'usd', applies_to: ['prod_u'] }), discount('seats', { percent_off: '12.5', applies_to: ['prod_s'] })];
const RATES = [taxRate('sales', '8.875', false), taxRate('vat', '19', true), taxRate('city', '2', false)];

const customer = (tax_exempt: CustomerWhole['tax_exempt']): CustomerWhole => ({ ...CUSTOMER, tax_exempt });

type Billing = { price: PriceRow; own: DiscountWhole[]; whole: DiscountWhole[]; rates: TaxRateRow[]; exempt: CustomerWhole['tax_exempt']; seats: bigint; /** What each grant has at the beginning, in the order in which they are used. */ grants: bigint[] };

let ids = 0;

const usageOrder = ({ price: terms, own, rates }: Billing, start: number): LineOrder => ({
  amount: 0n, description: '0 × Resolution', discountable: true, period: { start, end: start + MONTH }, price: terms.id, product: terms.product, unit_amount_decimal: null, quantity_decimal: '-1', subscription: 'sub_1',
  subscription_item: 'si_u', proration: false, proration_details: null, metering: { meter: 'mtr_1', allowance: null, billed: null }, metadata: {}, discounts: own, rates,
});
const seatOrder = ({ seats, rates }: Billing, start: number): LineOrder => ({
  amount: seats, description: '1 × Seat', discountable: true, period: { start: start + MONTH, end: start + 2 * MONTH }, price: 'price_s', product: 'prod_s', unit_amount_decimal: null, quantity_decimal: '1', subscription: 'sub_1',
  subscription_item: 'si_s', proration: false, proration_details: null, metadata: {}, discounts: [], rates,
});

/** An invoice with the usage of a month, worked out. */
function bill(billing: Billing, start: number, pending: InvoiceItemWhole[], quantity: number): InvoiceWhole {
  const draft = previewInvoice(
    {
      customer: customer(billing.exempt), subscription: null, account: { business_name: 'Kontor', country: 'US' }, tax_ids: [], billing_reason: 'subscription_cycle', obligation: null, currency: 'usd', collection_method: 'charge_automatically',
      days_until_due: null, period: { start, end: start + MONTH }, pending, lines: [usageOrder(billing, start), seatOrder(billing, start)], discounts: billing.whole, default_rates: [], auto_advance: true,
    },
    moment(start + MONTH),
  );
  return { ...workOut({ ...draft, lines: counted(draft, billing, quantity) }), status: 'open', number: `KON-${start}` };
}

const counted = (invoice: InvoiceWhole, billing: Billing, quantity: number): InvoiceLineRow[] =>
  invoice.lines.map((line) => (line.metering === null ? line : recount(line, { terms: billing.price, product_name: 'Resolution' }, usedOf(billing, quantity), null)));

/** What is held of credit by the usage of a month: by each grant, and of late usage, by what it had come to before that. */
type Held = { base: bigint[]; layers: { above: bigint; given: bigint[] }[] };

const net = (line: InvoiceLineRow): bigint => line.discount_amounts.reduce((sum, each) => sum - BigInt(each.amount), line.amount);
const usageOf = (invoice: InvoiceWhole): InvoiceLineRow => invoice.lines.find((each) => each.metering !== null)!;

/** Of each in turn at most what is left. */
function within(room: bigint, limits: readonly bigint[]): bigint[] {
  let rest = room > 0n ? room : 0n;
  return limits.map((limit) => {
    const amount = limit < rest ? limit : rest;
    rest -= amount;
    return amount;
  });
}

const whole = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, amount) => sum + amount, 0n);

/** What of it stays when the usage comes to so much after discounts: what met late usage as far as that is reached, of the rest each grant in turn. */
function keep({ base, layers }: Held, reached: bigint): Held {
  const kept = layers.map(({ above, given }) => ({ above, given: within(reached - above, given) }));
  return { base: within(reached - whole(kept.flatMap((layer) => layer.given)), base), layers: kept };
}

/** The invoice with what grants give to its line of usage. */
function credited(invoice: InvoiceWhole, { base, layers }: Held): InvoiceWhole {
  const line = usageOf(invoice);
  const entries = (amounts: readonly bigint[], above?: bigint) => amounts.map((amount, n) => ({ credit_grant: `credgr_${n}`, transaction: null, amount: Number(amount), name: null, ...(above !== undefined && { above: Number(above) }) })).filter((each) => each.amount > 0);
  const credits = [...entries(base), ...layers.flatMap(({ above, given }) => entries(given, above))];
  return workOut({ ...invoice, lines: invoice.lines.map((each) => (each === line ? { ...each, credits } : each)) });
}

/** What each of so many grants gives by credits. */
const sums = (credits: readonly { credit_grant: string; amount: number }[], count: number): bigint[] => Array.from({ length: count }, (_, n) => BigInt(credits.filter((each) => each.credit_grant === `credgr_${n}`).reduce((sum, each) => sum + each.amount, 0)));

/** Invoices, what waits for the next one, and all corrections. */
class Books {
  readonly invoices: { start: number; invoice: InvoiceWhole }[] = [];
  waiting: InvoiceItemWhole[] = [];
  readonly corrections: CorrectionRow[] = [];
  readonly billing: Billing;
  /** What is left of the grants. */
  balances: bigint[];
  /** What the usage of each month holds of credit, and will once what waits is billed. */
  readonly held = new Map<number, Held>();
  readonly pending = new Map<number, Held>();
  private billed = 0;
  constructor(billing: Billing) {
    this.billing = billing;
    this.balances = [...billing.grants];
  }

  grants(): CreditGrantRow[] {
    return this.balances.map((balance, n) => grant(`credgr_${n}`, n, balance));
  }

  /** The lines that what waits puts right. */
  private late(): Map<string, LateLine> {
    const lines = this.waiting.flatMap((item) => this.invoices.flatMap(({ invoice }) => invoice.lines.filter((line) => line.id === item.correction!.line && line.metering !== null)));
    const [all, billed] = [this.earlier(), this.earlier(this.billed)];
    return new Map(lines.map((line) => [line.id, lateLine(line, { all: all.get(line.id) ?? NOTHING, billed: billed.get(line.id) ?? NOTHING }, 'usd', this.billing.rates, this.billing.exempt)]));
  }

  /** What each grant gives to late usage, by month, and then to that of the month itself: in its turn to each of them in their order. */
  private given(usage: bigint): { rooms: { start: number; above: bigint; given: bigint[] }[]; own: bigint[] } {
    const rooms = this.waiting.flatMap((item) => {
      const at = this.invoices.find(({ invoice }) => usageOf(invoice).id === item.correction!.line);
      if (!at) return [];
      const more = item.amount - whole(item.correction!.discount_amounts.map((each) => BigInt(each.amount)));
      const back = whole(item.correction!.credits.map((each) => BigInt(each.amount)));
      const above = net(usageOf(at.invoice)) + whole(this.corrections.slice(0, this.billed).filter((each) => each.line === item.correction!.line).map((each) => each.amount - whole(each.discount_amounts.map((off) => BigInt(off.amount)))));
      return [{ start: at.start, above, room: back < 0n ? more : more - back, given: [] as bigint[] }];
    });
    const own: bigint[] = [];
    let left = usage;
    for (const balance of this.balances) {
      let rest = balance;
      for (const each of rooms) {
        const [amount] = within(each.room - whole(each.given), [rest]);
        each.given.push(amount!);
        rest -= amount!;
      }
      const [amount] = within(left, [rest]);
      own.push(amount!);
      left -= amount!;
    }
    return { rooms, own };
  }

  bill(start: number, quantity: number): void {
    const draft = bill(this.billing, start, this.waiting, quantity);
    const { rooms, own } = this.given(net(usageOf(draft)));
    const met = applyCredits({ ...draft, grant_rows: this.grants() }, { ...customer(this.billing.exempt), grants: this.grants(), late: this.late() }, moment(start + MONTH));
    const invoice = workOut({ ...draft, lines: met.lines, grant_rows: this.grants() });
    this.corrections.push(...met.puts.filter((put) => put.table === 'invoice_corrections').map((put) => put.after as CorrectionRow));
    this.billed = this.corrections.length;
    const moved = sums(invoice.lines.flatMap((line) => line.credits), this.balances.length);
    this.balances = this.balances.map((balance, n) => balance - moved[n]!);
    assert.deepEqual(this.balances, this.balances.map((_, n) => met.customer.grants!.find((grant) => grant.id === `credgr_${n}`)!.balance));
    for (const [month, held] of this.pending) this.held.set(month, held);
    this.pending.clear();
    for (const { start: month, above, given } of rooms) {
      const { base, layers } = this.held.get(month)!;
      this.held.set(month, { base, layers: whole(given) === 0n ? layers : [...layers, { above, given }] });
    }
    this.held.set(start, { base: own, layers: [] });
    this.invoices.push({ start, invoice });
    this.waiting = [];
  }

  correct(start: number, quantity: number, now: number): void {
    const { invoice } = this.invoices.find((each) => each.start === start)!;
    const made = correctInvoice(
      { invoice, recounted: counted(invoice, this.billing, quantity), earlier: this.earlier(), reached: new Map(this.corrections.filter((each) => each.quantity_after !== null).map((each) => [each.line, { quantity: each.quantity_after!, groups: each.quantity_groups?.map(({ name, after }) => ({ name, quantity: after })) ?? null, kept: each.kept }])), left: new Map(), held: new Map(), waiting: new Map(this.waiting.map((item) => [item.correction!.line, item])), customer: customer('none'), goes_on: true },
      null,
      moment(now),
    );
    if (this.held.has(start)) this.pending.set(start, keep(this.held.get(start)!, net(usageOf(bill(this.billing, start, [], quantity)))));
    for (const { table, before, after } of made.puts) {
      if (table === 'invoice_corrections') this.corrections.push(after as CorrectionRow);
      else this.waiting = [...this.waiting.filter((item) => item !== before), ...(after ? [after as InvoiceItemWhole] : [])];
    }
  }

  earlier(until = this.corrections.length): Map<string, Money> {
    const sums = new Map<string, Money>();
    for (const each of this.corrections.slice(0, until)) sums.set(each.line, combine(sums.get(each.line) ?? NOTHING, moneyOf(each), 1));
    return sums;
  }

  /** What was billed or waits to be, in all. */
  total(): bigint {
    return this.invoices.reduce((sum, { invoice }) => sum + invoice.total, 0n) + this.waiting.reduce((sum, item) => sum + totalOf(moneyOf({ ...item.correction!, amount: item.amount })), 0n);
  }
}

const plain: Billing = { price: RESOLUTION, own: [], whole: [], rates: [], exempt: 'none', seats: 3_900n, grants: [] };

describe('three resolutions that are taken back after their invoice', () => {
  const taken = (billing: Billing, before: number, after: number) => {
    const books = new Books(billing);
    books.bill(0, before);
    books.correct(0, after, MONTH + DAY);
    return books.waiting.map((item) => [item.amount, totalOf(moneyOf({ ...item.correction!, amount: item.amount })), item.description]);
  };
  test('at a price for each', () => assert.deepEqual(taken(plain, 5, 2), [[-297n, -297n, 'Correction of KON-0: 2 instead of 5 × Resolution (at $0.99 / month)']]));
  // 4 and 5 cost 149 and 99.9, the third one 149: 199.5 × 2 + 149 × 2 + 99.9 = 796.9 → 797; 199.5 × 2 = 399.
  test('in graduated tiers from the top', () => assert.deepEqual(taken({ ...plain, price: PRICES[4]! }, 5, 2)[0]!.slice(0, 2), [399n - 797n, -398n]));
  // 5 × 100 = 500; 2 × 200 = 400.
  test('by volume, where fewer cost more each', () => assert.deepEqual(taken({ ...plain, price: PRICES[6]! }, 5, 2)[0]!.slice(0, 2), [-100n, -100n]));
  // 495 − 165 (33.33 % of 495 = 164.98) + 8.875 % of 330 = 29; 198 − 66 + 8.875 % of 132 = 12.
  test('with their part of the discount and of the tax', () => assert.deepEqual(taken({ ...plain, own: [COUPONS[0]!], rates: [RATES[0]!] }, 5, 2)[0]!.slice(0, 2), [-297n, (198n - 66n + 12n) - (495n - 165n + 29n)]));
  test('and an amount off is shared anew over what is left', () => {
    // 500 over 495 and 3900: 56 and 444; over 198 and 3900: 24 and 476.
    assert.deepEqual(taken({ ...plain, whole: [COUPONS[1]!] }, 5, 2).map((each) => each.slice(0, 2)), [[-297n, -297n + 56n - 24n], [0n, 444n - 476n]]);
  });
  test('give back the credit that met them, and the rest of the money', () => {
    const books = new Books({ ...plain, seats: 0n });
    books.bill(0, 5);
    const [first] = books.invoices;
    const given = grant('credgr_1', 50, 300n);
    const lines = first!.invoice.lines.map((line) => (line.metering ? { ...line, credits: [{ credit_grant: given.id, transaction: null, amount: 300, name: null }] } : line));
    first!.invoice = workOut({ ...first!.invoice, lines, grant_rows: [given] });
    assert.equal(first!.invoice.total, 195n);
    books.correct(0, 2, MONTH + DAY);
    // 198 is met by 198 of the 300: 102 of the credit go back, and the 195 that were paid.
    assert.deepEqual([books.waiting[0]!.amount, books.waiting[0]!.correction!.credits, books.corrections[0]!.total], [-297n, [{ credit_grant: given.id, name: null, amount: -102 }], -195n]);
  });
  test('take again the credit that waited to be given back, once they count again', () => {
    const books = new Books({ ...plain, seats: 0n, grants: [300n] });
    books.bill(0, 5);
    books.correct(0, 2, MONTH + DAY);
    books.correct(0, 5, MONTH + 2 * DAY);
    assert.deepEqual([books.waiting, books.balances], [[], [0n]]);
  });
  test('come back as nothing once they count again', () => {
    const books = new Books(plain);
    books.bill(0, 5);
    books.correct(0, 2, MONTH + DAY);
    books.correct(0, 5, MONTH + 2 * DAY);
    assert.deepEqual([books.waiting, books.corrections.map((each) => each.amount)], [[], [-297n, 297n]]);
  });
});

describe('three resolutions that come after their invoice', () => {
  const billing = { ...plain, seats: 0n, rates: [RATES[0]!] };
  const bills = (books: Books) => books.invoices.map(({ invoice }) => [invoice.credits_applied, invoice.total]);
  test('draw the credit that there is when they are billed, before tax', () => {
    const books = new Books(billing);
    books.bill(0, 2);
    books.correct(0, 5, MONTH + DAY);
    books.balances = [200n];
    books.bill(MONTH, 1);
    // 8.875 % of 198 are 18. Of January's 495 are then 200 credit: 8.875 % of 295 are 26, 8 more than were billed. 8.875 % of February's 99 are 9.
    assert.deepEqual(bills(books), [[0n, 198n + 18n], [200n, 97n + 8n + 99n + 9n]]);
    assert.deepEqual(books.corrections.map((each) => [each.amount, each.credits, each.total, each.credited_on]), [
      [297n, [], 297n + 26n, null], [0n, [{ credit_grant: 'credgr_0', name: null, amount: 200, above: 198 }], -200n - 18n, books.invoices[1]!.invoice.id],
    ]);
  });
  test('and give it back once they do not count, where what was paid before them stays paid', () => {
    const books = new Books(billing);
    books.bill(0, 2);
    books.correct(0, 5, MONTH + DAY);
    books.balances = [500n];
    books.bill(MONTH, 0);
    assert.deepEqual([bills(books)[1], books.balances], [[297n, 0n], [203n]]);
    books.correct(0, 3, 2 * MONTH + DAY);
    assert.deepEqual([books.waiting[0]!.amount, books.waiting[0]!.correction!.credits], [-198n, [{ credit_grant: 'credgr_0', name: null, amount: -198, above: 198 }]]);
    books.correct(0, 2, 2 * MONTH + 2 * DAY);
    books.bill(2 * MONTH, 0);
    assert.deepEqual([bills(books)[2], books.balances], [[-297n, 0n], [500n]]);
  });
});

describe('whatever becomes known, and whenever', () => {
  const rule = (event_name: string, effect: OutcomeRule['effect'], more: Partial<OutcomeRule> = {}): OutcomeRule => ({ event_name, effect, conditions: [], outcome: null, quiet_for: null, within: null, requires_open: false, final: false, ...more });
  const version = (timing: VersionRow['timing']): VersionRow => ({
    id: 'odv_1', created: 0, definition: 'odef_1', version: 1, effective_from: null, timing, outcomes: [{ name: 'resolution', meter: 'mtr_1' }],
    rules: [rule('answered', 'open', { quiet_for: '1d' }), rule('confirmed', 'succeed', { requires_open: true }), rule('asked', 'fail'), rule('handed_over', 'fail', { final: true }), rule('reopened', 'reverse', { within: '30d' })],
  });

  const VERSIONS = { occurred_at: version('occurred_at'), settled_at: version('settled_at') };

  type Arriving = { event: SubjectEvent; received: number; canceled: number | null };
  const arriving = fc.record({ at: fc.integer({ min: 0, max: 75 * 4 }), delay: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 35 * 4 })), name: fc.constantFrom('answered', 'answered', 'confirmed', 'asked', 'handed_over', 'reopened'), canceled: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 4 })) })
    .map(({ at, delay, name, canceled }, ): Arriving => ({ event: { identifier: `e${(ids += 1)}`, name, at: at * 6 * HOUR, payload: {} }, received: (at + delay) * 6 * HOUR, canceled: canceled && (at + delay + canceled) * 6 * HOUR }));
  const contested = fc.record({ at: fc.integer({ min: 0, max: 90 }), after: fc.integer({ min: 1, max: 40 }), accepted: fc.boolean() });
  const subject = fc.record({ events: fc.array(arriving, { minLength: 1, maxLength: 5 }), contest: fc.option(contested, { nil: null, freq: 8 }) });
  const billing = fc.record({ price: fc.constantFrom(...PRICES), own: fc.subarray(COUPONS, { maxLength: 2 }), whole: fc.subarray(COUPONS, { maxLength: 2 }), rates: fc.subarray(RATES), exempt: fc.constantFrom<CustomerWhole['tax_exempt']>('none', 'none', 'none', 'exempt', 'reverse'), seats: fc.constantFrom(0n, 3_900n), grants: fc.array(fc.constantFrom(100n, 333n, 5_000n), { maxLength: 2 }) })
    .map((each): Billing => ({ ...each, grants: [...each.grants, 0n], whole: each.whole.filter((discount) => !each.own.includes(discount)) }));

  /** How many successes each month has, as it is known at a moment. */
  const successes = (subjects: { events: Arriving[]; contest: { at: number; after: number; accepted: boolean } | null }[], timing: VersionRow['timing'], now: number): number[] => {
    const months = [0, 0, 0, 0];
    for (const { events, contest } of subjects) {
      const known = events.filter((each) => each.received <= now).map(({ event, canceled }): SubjectEvent => (canceled !== null && canceled <= now ? { ...event, canceled: true } : event));
      const contests: Contest[] = contest === null || contest.at * DAY > now ? [] : [{ outcome: 'resolution', at: contest.at * DAY, reason: '', by: 'customer', held: false, resolution: (contest.at + contest.after) * DAY > now ? null : { accepted: contest.accepted, at: (contest.at + contest.after) * DAY, reason: null } }];
      const { counted: on } = judgeBy(VERSIONS[timing], known, contests, now);
      if (on !== null) months[Math.floor(on.at / MONTH)]! += 1;
    }
    return months;
  };

  test('charges and corrections come to what the final truth costs', () => {
    fc.assert(
      fc.property(fc.array(subject, { minLength: 1, maxLength: 4 }), billing, fc.constantFrom<VersionRow['timing']>('occurred_at', 'settled_at'), fc.array(fc.integer({ min: 31, max: 150 }), { maxLength: 2 }), fc.constantFrom(0n, 120n, 400n), (subjects, terms, timing, looks, granted) => {
        const books = new Books(terms);
        const END = 999 * DAY;
        const moments = [...[1, 2, 3].map((month) => ({ at: month * MONTH + HOUR, month })), ...looks.map((day) => ({ at: day * DAY, month: null })), { at: END, month: null }].sort((a, b) => a.at - b.at);
        for (const { at, month } of moments) {
          const known = successes(subjects, timing, at);
          // The last grant comes after the first invoice.
          if (month === 2) books.balances = books.balances.with(-1, granted);
          if (month !== null) books.bill((month - 1) * MONTH, known[month - 1]!);
          else for (const { start } of [...books.invoices]) books.correct(start, known[start / MONTH]!, at);
        }
        const known = successes(subjects, timing, END);
        const earlier = books.earlier();
        let [truth, left] = [0n, terms.grants.with(-1, granted)];
        for (const { start, invoice } of books.invoices) {
          const bare = bill(terms, start, [], known[start / MONTH]!);
          const final = credited(bare, keep(books.held.get(start)!, net(usageOf(bare))));
          const given = sums(final.lines.flatMap((line) => line.credits), terms.grants.length);
          left = left.map((balance, n) => balance - given[n]!);
          truth += final.total;
          for (const line of final.lines) {
            const was = invoice.lines.find((each) => each.subscription_item === line.subscription_item && each.correction === null)!;
            const rest = combine(combine(moneyOf({ ...was, contained: 0 }), earlier.get(was.id) ?? NOTHING, 1), moneyOf({ ...line, contained: 0 }), -1);
            assert.equal(isNothing(rest), true);
          }
        }
        // What is left of the grants, once what waits is billed.
        const waiting = sums(books.waiting.flatMap((item) => item.correction!.credits), terms.grants.length);
        assert.deepEqual(books.balances.map((balance, n) => balance - waiting[n]!), left);
        assert.equal(books.total(), truth);
      }),
      { numRuns: Number(process.env['KONTOR_TEST_CORRECTIONS'] ?? 5_000) },
    );
  });
});
