/** Commitments in the reference model: what makes the usage of a period up to what was agreed, by the spans and the amounts of all lines of usage in the journal. */
import type { Book, Draft, Entry } from './book.ts';
import { sameRecurrence, spanAround, type Span } from './calendar.ts';
import type { Course } from './course.ts';
import { round, total } from './exact.ts';
import type { Price } from './history.ts';
import { isLicensed, type Terms } from './terms.ts';

/** What was agreed for a span, on the line that makes its usage up to that. */
export type Agreed = { amount: bigint; span: Span };

type Usage = Pick<Draft, 'kind' | 'period'>;
const isWithin = ({ kind, period }: Usage, { start, end }: Span): boolean => kind === 'metered' && start <= period.start && period.end <= end;

/** One period for all usage, or none. */
export function isOfOneInterval(prices: readonly Price[]): boolean {
  const [first, ...others] = prices.filter((price) => price.meter !== null);
  return first !== undefined && others.every((price) => sameRecurrence(price.recurrence, first.recurrence));
}

export const isMixed = (prices: readonly Price[]): boolean => prices.some((price) => price.meter !== null) && !isOfOneInterval(prices);

/** Seconds that lie in at least one of the spans. */
function covered(spans: readonly Span[]): number {
  let [seconds, until] = [0, -Infinity];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    seconds += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return seconds;
}

/** What other bills have billed of usage in the span before its period ended. */
const billedBefore = (book: Book, span: Span, bill: Entry['on']): Entry[] =>
  book.journal.filter((entry) => isWithin(entry, span) && entry.on !== null && entry.on !== bill && (entry.waited || entry.on.reason === 'subscription_threshold'));

/** As long as they stand. */
const elsewhere = (book: Book, span: Span, bill: Entry['on']): bigint => total(billedBefore(book, span, bill).map(({ on, amount }) => (on!.status === 'void' ? 0n : amount)));

function missing(book: Book, { amount, span }: Agreed, own: readonly (Usage & { amount: bigint })[], bill: Entry['on']): bigint {
  const rest = amount - elsewhere(book, span, bill) - total(own.filter((line) => isWithin(line, span)).map((line) => line.amount));
  return rest > 0n ? rest : 0n;
}

/** The line that makes the usage of the periods that end now up to what was agreed, where `drafts` and what waits bill some of it. `terms` are those that were in force until now; a renewal ends only whole periods. */
export function makeUp({ commitment, book }: Course, terms: Terms, drafts: readonly Draft[], at: number, renews: boolean): Draft[] {
  const metered = terms.items.filter((item) => !isLicensed(item));
  if (commitment === null || !isOfOneInterval(metered.map((item) => item.price))) return [];
  const full = spanAround(terms, metered[0]!.price.recurrence, at - 1);
  const within = { start: full.start, end: at };
  const billed = [...book.journal.filter((entry) => entry.on === null && entry.of === 'subscription'), ...drafts].filter((line) => isWithin(line, within));
  if (billed.length === 0 || (renews && full.end !== at)) return [];
  const spans = [...billedBefore(book, within, null), ...billed].map((line) => line.period);
  const agreed: Agreed = { amount: round({ n: commitment * BigInt(covered(spans)), d: BigInt(full.end - full.start) }), span: { start: Math.min(...spans.map(({ start }) => start)), end: at } };
  return [{ key: 'commitment', kind: 'commitment', amount: missing(book, agreed, billed, null), period: agreed.span, quantity: '1', proration: false, discountable: false, product: null, price: null, rates: null, own: [], agreed }];
}

/** What a bill has to make up as other bills stand when it is finalized. Whether it makes up anything. */
export function makeUpAgain(book: Book, bill: NonNullable<Entry['on']>): boolean {
  const entry = bill.entries.find((one) => one.agreed !== undefined);
  if (entry === undefined) return false;
  entry.amount = missing(book, entry.agreed!, bill.entries, bill);
  entry.net = entry.amount;
  bill.lines[bill.entries.indexOf(entry)]!.amount = entry.amount;
  return true;
}
