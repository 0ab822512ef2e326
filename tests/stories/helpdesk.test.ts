/** The example as the end-to-end test: three months by the official client, held against the tables that its README works out by hand. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type Stripe from 'stripe';
import { run } from '../../examples/helpdesk/story.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { verify } from '../../server/verify.ts';
import { startKontor, type Kontor } from '../kontor.ts';

type Line = { line: string; amount: number; discount: number; tax: number };
type Bill = { lines: Line[]; subtotal: number; discount: number; tax: number; total: number };

/** `−20,326` in a table: an amount in cents; an empty cell is 0. */
const cents = (cell: string): number => (cell === '' ? 0 : Number(cell.replace('−', '-').replaceAll(',', '')));

/** The invoices of the README by their numbers. */
async function byHand(): Promise<Map<string, Bill>> {
  const readme = await readFile(join(import.meta.dirname, '../../examples/helpdesk/README.md'), 'utf8');
  const sections = readme.split(/^### /m).slice(1);
  return new Map(sections.map((section) => {
    const cells = [...section.matchAll(/^\| (?!line|---)(.*) \|$/gm)].map((match) => match[1]!.split('|').map((cell) => cell.trim()));
    const lines = cells.map(([line, , amount, discount, tax]): Line => ({ line: line!, amount: cents(amount!), discount: cents(discount!), tax: cents(tax!) }));
    const sums = lines.pop()!;
    assert.equal(sums.line, '**total**');
    const total = cents(/^\*\*Total \$(.*)\*\*$/m.exec(section)![1]!.replace('.', ''));
    return [section.split('\n', 1)[0]!, { lines, subtotal: sums.amount, discount: sums.discount, tax: sums.tax, total }];
  }));
}

const sumOf = (amounts: readonly { amount: number }[] | null): number => (amounts ?? []).reduce((sum, each) => sum + each.amount, 0);

/** An invoice as the README's tables say it. What a price costs, in brackets, and from when time is counted are not in the tables. */
function billOf(invoice: Stripe.Invoice): Bill {
  return {
    lines: invoice.lines.data.map((line) => ({ line: line.description!.replace(/ (\(.*\)|after .*)$/, ''), amount: line.amount, discount: sumOf(line.discount_amounts), tax: sumOf(line.taxes) })),
    subtotal: invoice.subtotal,
    discount: sumOf(invoice.total_discount_amounts),
    tax: sumOf(invoice.total_taxes),
    total: invoice.total,
  };
}

async function receivables(kontor: Kontor): Promise<{ document: string; amount: bigint }[]> {
  return inWorld(kontor.database.pool, kontor.world, (tx) =>
    rows(tx, sql`select document, sum(amount)::bigint as amount from ledger_entries where ledger_account = 'receivable' group by document`));
}

test('three months of a helpdesk company: every invoice is as worked out by hand, and everything is told', async (t) => {
  const kontor = await startKontor();
  try {
    const said: string[] = [];
    const { lumen, northwind, events, refused } = await run(kontor.stripe, { say: (text) => said.push(text) });
    const invoices = [...lumen, ...northwind];

    const bills = await byHand();
    assert.deepEqual(invoices.map((invoice) => invoice.number), [...bills.keys()]);
    for (const invoice of invoices) assert.deepEqual(billOf(invoice), bills.get(invoice.number!), invoice.number!);

    const told: string[] = [];
    for await (const event of kontor.stripe.events.list({ limit: 100 })) told.unshift(event.id);
    assert.deepEqual(events.map((event) => event.id), told);
    assert.equal(refused, 0);

    assert.deepEqual(invoices.map((invoice) => [invoice.status, invoice.amount_remaining]), invoices.map(() => ['paid', 0]));
    const receivable = await receivables(kontor);
    assert.deepEqual(receivable.map((each) => [each.document, each.amount]).sort(), invoices.map((invoice) => [invoice.id, 0n]).sort());
    assert.deepEqual(await verify(kontor.database, () => undefined), []);

    t.assert.fileSnapshot(`${said.join('\n')}\n`, join(import.meta.dirname, 'goldens/helpdesk.txt'), { serializers: [String] });
  } finally {
    await kontor.close();
  }
});
