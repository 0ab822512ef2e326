/** Random lives whose prorations have their discounts beside them: each line, invoice and balance comes to what the book has, in which they are within. KONTOR_TEST_ITEMIZED sets how many, KONTOR_TEST_SEED where they begin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { live } from './engine.ts';
import type { History, Line, Outcome } from './reference/history.ts';
import { randomHistory } from './reference/random.ts';
import { recompute } from './reference/recompute.ts';

const COUNT = Number(process.env['KONTOR_TEST_ITEMIZED'] ?? 500);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

/** Without credit notes, which take parts of amounts before discounts. */
function lifeOf(seed: number): History {
  const history = randomHistory(seed);
  return { ...history, actions: history.actions.filter(({ kind }) => kind !== 'credit' && kind !== 'void_note') };
}

const sumOf = (discounts: Line['discounts']): bigint => discounts.reduce((sum, each) => sum + each.amount, 0n);

const netOf = ({ amount, discounts, ...line }: Line) => ({ ...line, net: amount - sumOf(discounts), discounts: line.kind === 'credit' || line.kind === 'debit' ? [] : discounts });

/** An outcome after discounts. */
function nets({ invoices, pending, ...rest }: Outcome) {
  return { ...rest, pending: pending.map(netOf), invoices: invoices.map(({ subtotal, subtotal_excluding_tax: _before_discounts, lines, ...invoice }) => ({ ...invoice, net: subtotal - sumOf(lines.flatMap((line) => line.discounts)), lines: lines.map(netOf) })) };
}

test(`${COUNT} random lives with itemized discounts come to the nets of the book`, () => {
  const itemized = { credit: 0, debit: 0 };
  for (let seed = SEED; seed < SEED + COUNT; seed += 1) {
    const history = lifeOf(seed);
    const outcome = live({ ...history, itemized: true });
    assert.deepEqual(nets(outcome), nets(recompute(history)), `life ${seed}`);
    for (const line of outcome.invoices.flatMap(({ lines }) => lines)) if ((line.kind === 'credit' || line.kind === 'debit') && line.discounts.length > 0) itemized[line.kind] += 1;
  }
  assert.ok(Math.min(itemized.credit, itemized.debit) > COUNT / 10, `only ${itemized.credit} credits and ${itemized.debit} debits have discounts beside them`);
});
