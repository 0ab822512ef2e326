/** Finalised invoices are put right where what they billed has turned out to be otherwise. */
import { correctInvoice } from '../../../billing/correction/correct.ts';
import type { CustomerWhole } from '../../../billing/customer/customer.ts';
import type { Instant } from '../../../billing/decision.ts';
import { correction, USAGE_S } from '../../../billing/invoice/finalize.ts';
import { hasEnded } from '../../../billing/subscription/subscription.ts';
import { usesIn } from '../../../billing/usage.ts';
import { commit } from '../../../server/commit.ts';
import { momentAt, type Context, type UsageBatch, type UsageObserver } from '../../../server/context.ts';
import { lockLanes } from '../../../server/lanes.ts';
import { creditNotesOf } from '../../credit_notes/rows.ts';
import { lockInvoices, recounted } from '../../invoices/rows.ts';
import { settingsOf } from '../settings/rows.ts';
import { writeReceipts } from '../outcome_receipts/rows.ts';
import { timesOf } from '../price_moves/rows.ts';
import { billedAfter, billedWith, earlierOf, heldOn, leftOfNoted, madeUpBeside, waitingFor, type Touched } from './rows.ts';

/** Puts invoices right, each at a moment of its customer's, with those that took off what they had billed, and after them those that make up what they billed. Where nothing has changed, nothing happens. */
export async function correctInvoices(ctx: Context, given: readonly string[], momentOfGiven: (invoice: string) => Instant): Promise<void> {
  const after = new Map((await billedAfter(ctx.tx, given)).map((each) => [each.invoice, each.beside]));
  const asked = new Set([...given, ...after.keys()]);
  const ids = [...asked];
  const momentOf = (id: string) => momentOfGiven(given.includes(id) ? id : after.get(id)!);
  const beside = new Map((await madeUpBeside(ctx.tx, ids)).map((each) => [each.invoice, each.beside]));
  await correctEach(ctx, ids.filter((id) => !beside.has(id)), momentOf);
  await correctEach(ctx, [...beside.keys()], (id) => momentOf(asked.has(id) ? id : beside.get(id)!));
}

async function correctEach(ctx: Context, ids: readonly string[], momentOf: (invoice: string) => Instant): Promise<void> {
  const found = (await lockInvoices(ctx.tx, ids)).filter(({ invoice }) => invoice.status !== 'draft');
  if (found.length === 0) return;
  const linesOf = await recounted(ctx.tx, found.map(({ invoice }) => invoice), 'all');
  const locked = found.map(({ invoice }) => invoice.id);
  const { earlier, items, reached } = await earlierOf(ctx.tx, locked);
  const left = await leftOfNoted(ctx.tx, found.map(({ invoice }) => invoice), items);
  const held = await heldOn(ctx.tx, locked);
  const waiting = await waitingFor(ctx.tx, found.flatMap(({ invoice }) => invoice.lines.map((line) => line.id)));
  const byNote = (await settingsOf(ctx.tx)).corrections === 'credit_note';
  const customers = new Map<string, CustomerWhole>();
  for (const facts of found) {
    const { invoice, subscription } = facts;
    const customer = customers.get(facts.customer.id) ?? facts.customer;
    // Of what was written off, nothing is given back as money that nobody has paid: it is less that is owed.
    const credit = (byNote && invoice.status !== 'void') || invoice.status === 'uncollectible' ? { ...facts, customer, earlier: await creditNotesOf(ctx.tx, invoice.id), charges: [] } : null;
    const made = correctInvoice({ invoice, recounted: linesOf(invoice), earlier, reached, left, held, waiting, customer, goes_on: subscription !== null && !hasEnded(subscription) }, credit, momentAt(ctx, momentOf(invoice.id)));
    if (made.issued) customers.set(customer.id, made.issued.customer);
    // What is looked at early, since something came late, is looked at again in its time.
    const later = invoice.finalized_at! + USAGE_S;
    await commit(ctx, { ...made, timers: [...made.timers, ...(later > momentOf(invoice.id) ? [correction(invoice, invoice.id, later)] : [])] });
  }
}

/** Usage that is more than five minutes late may have been billed without it. How late an event is does not rest on when it was accepted alone: what was kept in a stream, or what a timer counts that had to wait, may be counted after its invoice. */
const touchedBy = ({ recorded, canceled, restored }: UsageBatch, now: Instant): Touched[] => {
  // A test clock that is ahead may have gone on since; what its time is by now is looked up with the invoices.
  const late = recorded.filter((event) => event.created > now || event.timestamp < now - USAGE_S);
  return [...usesIn(late).map((use) => ({ ...use, new: true })), ...usesIn([...canceled, ...restored]).map((use) => ({ ...use, new: false }))];
};

/** Late usage is put right by the worker; for customers on test clocks at once, since nothing happens there by itself. */
async function observe(ctx: Context, batch: UsageBatch): Promise<void> {
  const now = ctx.app.clock.now();
  const touched = touchedBy(batch, now);
  if (touched.length === 0) return;
  const found = await billedWith(ctx.tx, touched, USAGE_S, now);
  if (found.length === 0) return;
  lockLanes(ctx.tx, found.map((each) => each.customer));
  const onClocks = found.filter((each) => each.test_clock !== null);
  await commit(ctx, {
    puts: [], facts: [], postings: [], calls: [],
    timers: found.filter((each) => each.test_clock === null).map((each) => correction(each, each.id, now)),
  });
  if (onClocks.length === 0) return;
  const times = await timesOf(ctx.tx, [...new Set(onClocks.map((each) => each.test_clock!))], false);
  const clockOf = new Map(onClocks.map((each) => [each.id, times.get(each.test_clock!)!]));
  const momentOf = (invoice: string) => clockOf.get(invoice)!;
  await correctInvoices(ctx, [...clockOf.keys()], momentOf);
  await writeReceipts(ctx, [...clockOf.keys()], momentOf);
}

export const correctionObserver: UsageObserver = { watches: async () => new Map(), observe };
