/** Random lives: every line of every invoice explains itself, and the causes of every difference sum to it. KONTOR_TEST_EXPLANATIONS sets how many lives, KONTOR_TEST_SEED where they begin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareInvoices } from '../../billing/explain/compare.ts';
import { explainInvoice } from '../../billing/explain/explain.ts';
import type { StepKind } from '../../billing/explain/explanation.ts';
import { speaker, type LanguageName } from '../../billing/explain/language.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { previewRenewal } from '../../billing/subscription/preview.ts';
import { liveThrough, type Life } from './engine.ts';
import { countedOf, factsOf } from './explained.ts';
import { randomHistory } from './reference/random.ts';

const COUNT = Number(process.env['KONTOR_TEST_EXPLANATIONS'] ?? 1_000);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

/** Every third life has the discounts of its prorations beside their amounts. */
function explainLife(seed: number) {
  const life = liveThrough({ ...randomHistory(seed), ...(seed % 3 === 1 && { itemized: true }) });
  const invoices = life.store.invoices();
  const facts = factsOf(life, invoices.flatMap((invoice) => invoice.lines));
  return { life, invoices, facts, explanations: invoices.map((invoice) => explainInvoice(invoice, facts)) };
}

/** What the next renewal would bill, explained with the usage until now; null where there is none. */
function explainPreview(life: Life) {
  const now = life.store.moment(life.history.until);
  if (life.subscription.ended_at !== null) return null;
  const facts = life.facts(now.now);
  const preview = previewRenewal(facts, now);
  if (!preview) return null;
  const { invoice, subscription } = preview;
  const known = factsOf(life, invoice.lines, [...subscription.discounts, ...subscription.items.flatMap((item) => item.discounts), ...invoice.discount_rows]);
  const own = invoice.lines.filter((line) => line.invoice_item === null && known.usage.has(line.id));
  // Of a period that is to begin after a trial nothing was used yet.
  const used = (line: InvoiceLineRow) => countedOf((line.period_start < now.now && facts.usage.get(line.subscription_item!)) || '0');
  const counted = own.map((line) => [line.id, { ...known.usage.get(line.id)!, ...used(line) }] as const);
  return explainInvoice(invoice, { ...known, usage: new Map([...known.usage, ...counted]) });
}

/** Nothing in a sentence is left open. */
function assertSaid(sentences: readonly string[]): void {
  for (const sentence of sentences) assert.ok(/[.!]$/.test(sentence) && !/undefined|null|NaN|\[object/.test(sentence), sentence);
}

test(`${COUNT} random lives: every line of every invoice, and of the next one, agrees with its facts, and every difference has its causes`, () => {
  const met = new Set<StepKind>();
  let previews = 0;
  for (let seed = SEED; seed < SEED + COUNT; seed += 1) {
    const { life, invoices, facts, explanations } = explainLife(seed);
    const preview = explainPreview(life);
    previews += preview === null ? 0 : 1;
    assert.deepEqual(preview?.differences ?? [], [], `life ${seed}, the next invoice`);
    for (const [n, explanation] of explanations.entries()) {
      const invoice = invoices[n]!;
      assert.deepEqual(explanation.differences, [], `life ${seed}, invoice ${invoice.id}`);
      assert.ok(explanation.agrees && explanation.lines.length === invoice.lines.length);
      for (const step of explanation.lines.flatMap((line) => [line.derivation, ...line.derivation.parts, ...line.discounts, ...line.taxes])) met.add(step.kind);
      if (n === 0) continue;
      const comparison = compareInvoices(invoice, invoices[n - 1]!, facts.prices);
      assert.equal(comparison.causes.reduce((sum, cause) => sum + cause.amount, 0n), invoice.amount_due - invoices[n - 1]!.amount_due, `life ${seed}, invoice ${invoice.id}`);
      assert.ok(comparison.causes.every((cause) => cause.kind !== 'rest'), `life ${seed}, invoice ${invoice.id}: a part of the difference has no cause`);
      if (seed % 20 > 0) continue;
      for (const name of ['en', 'de'] satisfies LanguageName[]) {
        const speak = speaker(name, invoice.currency);
        assertSaid([...speak.explanation(explanation), ...speak.comparison(comparison)]);
      }
    }
  }
  if (COUNT >= 1_000) {
    const known: StepKind[] = ['allowance', 'billed_before', 'commitment', 'corrected', 'credit', 'credited_discount', 'discount', 'discount_in_proration', 'given', 'group', 'groups', 'net', 'part_of_period', 'price', 'quantity', 'sum', 'tax', 'trial', 'usage'];
    assert.deepEqual([...met].sort(), known);
    assert.ok(previews > COUNT / 2);
  }
});

/** Lives in which a disturbed line is told to be wrong; lines that the disturbance does not change are left out. */
function found(change: (line: InvoiceLineRow) => InvoiceLineRow): { told: number; missed: string[] } {
  const result = { told: 0, missed: [] as string[] };
  for (let seed = 0; seed < 60; seed += 1) {
    const { invoices, facts } = explainLife(seed);
    for (const invoice of invoices) {
      for (const [n, line] of invoice.lines.entries()) {
        const changed = change(line);
        if (changed === line) continue;
        const wrong: InvoiceWhole = { ...invoice, lines: invoice.lines.with(n, changed) };
        if (explainInvoice(wrong, facts).differences.some((each) => each.line === line.id)) result.told += 1;
        else result.missed.push(`${seed} ${line.id} ${line.description}`);
      }
    }
  }
  return result;
}

const byHand = (line: InvoiceLineRow) => line.price === null;
for (const [what, change] of [
  ['a minor unit more', (line) => (byHand(line) ? line : { ...line, amount: line.amount + 1n })],
  ['a minor unit less', (line) => (byHand(line) ? line : { ...line, amount: line.amount - 1n })],
  ['more of a tax', (line) => (line.taxes.length === 0 ? line : { ...line, taxes: line.taxes.map((tax, n) => (n === 0 ? { ...tax, amount: tax.amount + 1 } : tax)) })],
  ['a forgotten tax', (line) => (line.taxes.every((tax) => tax.amount === 0) ? line : { ...line, taxes: [] })],
  ['less of a discount', (line) => (line.discount_amounts.length === 0 ? line : { ...line, discount_amounts: line.discount_amounts.map((each, n) => (n === 0 ? { ...each, amount: each.amount - 1 } : each)) })],
] satisfies [string, (line: InvoiceLineRow) => InvoiceLineRow][]) {
  test(`it is told on every line: ${what}`, () => {
    const { told, missed } = found(change);
    assert.ok(told > 30);
    assert.deepEqual(missed, []);
  });
}
