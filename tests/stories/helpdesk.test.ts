/** The example as the end-to-end test: three months by the official client, held against the tables that its README works out by hand, and each invoice explained. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type Stripe from 'stripe';
import { run } from '../../examples/helpdesk/story.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { verify } from '../../server/verify.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { own } from '../own.ts';

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

type Explained = { agrees: boolean; differences: unknown[]; lines: { amount: number; derivation: { amount: number | null } }[]; sentences: string[] };
type Compared = { difference: number; causes: { amount: number }[]; sentences: string[] };

/** Every invoice explains itself, and its difference from the one before to the cent. What is said of one of them is on paper, in both languages. */
async function explained(t: TestContext, { stripe }: Kontor, lives: readonly Stripe.Invoice[][], number: string): Promise<void> {
  const ask = <Answer>(path: string) => own<Answer>(stripe, 'GET', `invoices/${path}`);
  for (const [n, invoice] of lives.flatMap((life) => [...life.entries()])) {
    const { agrees, differences, lines } = await ask<Explained>(`${invoice.id}/explanation`);
    assert.deepEqual([agrees, differences], [true, []], invoice.number!);
    assert.deepEqual(lines.map((line) => line.derivation.amount), invoice.lines.data.map((line) => line.amount));
    if (n === 0) continue;
    const { difference, causes } = await ask<Compared>(`${invoice.id}/comparison`);
    assert.equal(difference, causes.reduce((sum, cause) => sum + cause.amount, 0), invoice.number!);
  }
  const { id } = lives.flat().find((invoice) => invoice.number === number)!;
  for (const language of ['en', 'de']) {
    const said = await Promise.all(['explanation', 'comparison'].map((what) => ask<Explained | Compared>(`${id}/${what}?language=${language}`)));
    const text = said.map(({ sentences }) => sentences.join('\n')).join('\n\n');
    t.assert.fileSnapshot(`${text}\n`, join(import.meta.dirname, `goldens/explanation.${language}.txt`), { serializers: [String] });
  }
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

    await explained(t, kontor, [lumen, northwind], 'NORTHWIND-0003');
    t.assert.fileSnapshot(`${said.join('\n')}\n`, join(import.meta.dirname, 'goldens/helpdesk.txt'), { serializers: [String] });
  } finally {
    await kontor.close();
  }
});
