/** Credit in the reference model: worked examples. A subscription of calls at 10 cents each, billed by the month from 1 January; its invoices are drafts for an hour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action, Grant, History, Item } from './reference/history.ts';
import { recompute } from './reference/recompute.ts';

const at = (text: string): number => Date.parse(`${text}Z`) / 1000;
const metered = (key: string): Item => ({
  key, quantity: 0, tax_rates: [], discounts: [],
  price: { id: key, product: 'prod', currency: 'usd', recurrence: { interval: 'month', interval_count: 1 }, usage_type: 'metered', meter: key, billing_scheme: 'per_unit', unit_amount_decimal: '10', tiers: null, tiers_mode: null, transform_quantity: null },
});
const [calls, mails] = [metered('calls'), metered('mails')];
const FEBRUARY = at('2025-02-01T00:00');

const grant = (id: string, amount: number, made = '2025-01-01T00:00', more: Partial<Grant> = {}): Action =>
  ({ at: at(made), kind: 'grant', grant: { id, amount: BigInt(amount), currency: 'usd', priority: 50, category: 'paid', effective_at: at(made), expires_at: null, prices: null, ...more } });

/** 100 calls and 20 mails in January: $10.00 and $2.00. What grants give to each line of February's invoice, and its total; then what is left of the grants. */
function february(actions: Action[], more: Partial<History> = {}) {
  const history: History = {
    currency: 'usd', tax_exempt: 'none', start: at('2025-01-01T00:00'), proration_behavior: 'create_prorations', items: [calls, mails], discounts: [], default_tax_rates: [], pending: [], until: at('2025-02-20T00:00'),
    usage: [{ meter: 'calls', at: at('2025-01-10T00:00'), value: '100' }, { meter: 'mails', at: at('2025-01-11T00:00'), value: '20' }], actions: actions.toSorted((a, b) => a.at - b.at), ...more,
  };
  const { invoices: [invoice], grants } = recompute(history);
  const given = invoice!.lines.map((line) => line.credits.map(({ id, amount }) => `${id} ${amount}`).join(' '));
  return [given, invoice!.total, grants.map(({ movements }) => movements.reduce((sum, { amount }) => sum + amount, 0n))];
}

const rows: [what: string, actions: Action[], given: string[], total: bigint, left: bigint[]][] = [
  ['goes to the lines in their order', [grant('a', 1_100)], ['a 1000', 'a 100'], 100n, [0n]],
  ['is used by priority, then as it expires, then promotional first', [
    grant('d', 500), grant('c', 500, undefined, { category: 'promotional' }), grant('b', 300, undefined, { expires_at: at('2025-03-01T00:00') }), grant('a', 300, undefined, { priority: 1 }),
  ], ['a 300 b 300 c 400', 'c 100 d 100'], 0n, [400n, 0n, 0n, 0n]],
  ['is for the prices that it names', [grant('a', 5_000, undefined, { prices: [mails.price] })], ['', 'a 200'], 1_000n, [4_800n]],
  ['that is effective as the period ends counts', [grant('a', 5_000, '2025-02-01T00:00')], ['a 1000', 'a 200'], 0n, [3_800n]],
  ['that comes while the invoice is a draft is for later ones', [grant('a', 5_000, '2025-02-01T00:30')], ['', ''], 1_200n, [5_000n]],
  ['that expires while the invoice is a draft is lost', [grant('a', 5_000, undefined, { expires_at: FEBRUARY + 3_600 })], ['', ''], 1_200n, [0n]],
  ['that was expired, or voided, is lost', [grant('a', 500), grant('b', 500), { at: FEBRUARY - 1, kind: 'expire_grant', grant: 'a' }, { at: FEBRUARY - 1, kind: 'void_grant', grant: 'b' }], ['', ''], 1_200n, [0n, 0n]],
  ['comes back from a voided invoice, and is lost where it has expired since', [grant('a', 300, undefined, { expires_at: at('2025-02-05T00:00') }), grant('b', 400), { at: at('2025-02-10T00:00'), kind: 'void', invoice: 0 }], ['a 300 b 400', ''], 500n, [0n, 400n]],
  ['does not come back by a credit note', [grant('a', 600), { at: at('2025-02-10T00:00'), kind: 'credit', invoice: 0, credited: { lines: [{ line: 0, amount: 1_000n }] }, to: 'balance' }], ['a 600', ''], 600n, [0n]],
];
for (const [what, actions, given, total, left] of rows) test(`credit ${what}`, () => assert.deepEqual(february(actions), [given, total, left]));

test('credit comes after discounts and before tax', () => {
  const more = { discounts: [{ id: 'di', percent_off: '50', duration: 'forever' as const }], default_tax_rates: [{ id: 'txr', percentage: '20', inclusive: false }] };
  // Of $10.00 and $2.00 half is left; $4.00 less, $2.00 are taxed.
  assert.deepEqual(february([grant('a', 400)], more), [['a 400', ''], 240n, [0n]]);
});
