/** Credits meet an invoice (docs/concepts/bill.md, "Credits"): each grant in its order takes of the lines that it is for, in their order, what discounts and earlier grants have left; before tax. */
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from '../decision.ts';
import { meetLines, putDrawn, roomsOf, type LateLines } from '../correction/late.ts';
import { afterCredits, type InvoiceLineRow, type InvoiceWhole, type StoredCredit } from '../invoice/invoice.ts';
import { backOf } from '../metering.ts';
import { least, minor, takeInTurn } from '../money.ts';
import { inOrder, isUsable, moveCredit, hasExpired, withGrants, type CreditGrantRow, type CreditMovement } from './grant.ts';

/** What a grant gives to a line; `above` where that bills late usage. */
type CreditTaken = { grant: CreditGrantRow; line: InvoiceLineRow; amount: bigint; above?: number };

const NONE: LateLines = new Map();

/**
 * What grants give to the usage on an invoice at a moment, late usage among it: those that were in force by the end of its period, as at Stripe, so that what is granted while it is a draft is for later ones. A
 * negative line of usage is met by the credits of the others, so that no credit becomes money; a correction that gives back is not, nor what gives back what was billed early: that was paid.
 */
export function creditsFor(invoice: Pick<InvoiceWhole, 'lines' | 'currency' | 'period_end'>, grants: readonly CreditGrantRow[], at: Instant, late = NONE): CreditTaken[] {
  const rooms = roomsOf(invoice.lines, late);
  const usage = invoice.lines.filter((line) => (line.metering !== null && backOf(line) === null) || rooms.has(line.id));
  const left = new Map(usage.map((line) => [line.id, rooms.get(line.id)?.room ?? afterCredits(line)]));
  const usable = grants.filter((grant) => grant.currency === invoice.currency && grant.effective_at <= invoice.period_end && isUsable(grant, at)).sort(inOrder);
  return usable.flatMap((grant) => {
    const lines = usage.filter((line) => grant.prices === null || grant.prices.includes(line.price ?? ''));
    const open = lines.map((line) => left.get(line.id)!);
    const amounts = takeInTurn(least(open.reduce((sum, each) => sum + each, 0n), grant.balance), open);
    return lines.flatMap((line, n): CreditTaken[] => {
      const amount = amounts[n]!;
      if (amount === 0n) return [];
      left.set(line.id, open[n]! - amount);
      const room = rooms.get(line.id);
      return [{ grant, line, amount, ...(room && { above: minor(room.above) }) }];
    });
  });
}

/** What a grant gives as a line keeps it; without a transaction where it is only worked out. */
export const storedCredit = ({ grant: { id, name }, amount, above }: CreditTaken, transaction: string | null): StoredCredit => ({ credit_grant: id, transaction, amount: minor(amount), name, ...(above !== undefined && { above }) });

/** Credits by the line that each of `taken` is for. */
function byLine(taken: readonly CreditTaken[], credits: readonly StoredCredit[]): Map<string, StoredCredit[]> {
  const found = new Map<string, StoredCredit[]>(taken.map(({ line }) => [line.id, []]));
  for (const [n, { line }] of taken.entries()) found.get(line.id)!.push(credits[n]!);
  return found;
}

/** The lines as they would be met by the customer's credits at a moment; the same ones where none meets them. */
export function previewCredits(invoice: InvoiceWhole, { grants = [], late = NONE }: CustomerWhole, at: Instant): InvoiceLineRow[] {
  const taken = creditsFor(invoice, grants, at, late);
  if (taken.length === 0) return invoice.lines;
  return meetLines(invoice.lines, byLine(taken, taken.map((each) => storedCredit(each, null))), late).lines;
}

/** By id, as they are now. */
const grantsKnown = (invoice: InvoiceWhole, customer: CustomerWhole): Map<string, CreditGrantRow> => new Map([...(invoice.grant_rows ?? []), ...(customer.grants ?? [])].map((grant) => [grant.id, grant]));

/** What an invoice takes of a grant is set against it, also where that is taken again; what it adds to a grant is given back. */
const byInvoice = (amount: bigint): CreditMovement => (amount < 0n ? 'credits_applied' : 'credits_application_invoice_voided');

/** A grant after something was given back to it or taken again: what was used in between stays used, and what has expired since is lost at once. */
function settled(made: Decision, grant: CreditGrantRow, moment: Moment): CreditGrantRow {
  if (grant.balance < 0n) return moveCredit(made, grant, -grant.balance, 'credits_application_invoice_voided', null, moment).grant;
  return hasExpired(grant, moment.now) && grant.balance > 0n ? moveCredit(made, grant, -grant.balance, 'credits_expired', null, moment).grant : grant;
}

/** Gives back what corrections on the invoice, and lines that give back what was billed early, give back of credits, and takes again what they undo of that. */
function givenBack(made: Decision, invoice: InvoiceWhole, customer: CustomerWhole, grants: Map<string, CreditGrantRow>, moment: Moment): InvoiceLineRow[] {
  const known = grantsKnown(invoice, customer);
  const lines = invoice.lines.map((line) => {
    if (line.credits.length === 0) return line;
    const credits = line.credits.map((credit) => {
      const { credit_grant, amount } = credit;
      const moved = moveCredit(made, grants.get(credit_grant) ?? known.get(credit_grant)!, BigInt(-amount), byInvoice(BigInt(-amount)), { invoice: invoice.id, invoice_line_item: line.id }, moment);
      grants.set(credit_grant, moved.grant);
      return { ...credit, transaction: moved.transaction.id };
    });
    return { ...line, credits };
  });
  for (const [id, grant] of grants) grants.set(id, settled(made, grant, moment));
  return lines;
}

/** Sets the customer's credits against the usage on an invoice that is finalized: the lines with them, what is left of the grants, and the transactions that say so. */
export function applyCredits(invoice: InvoiceWhole, customer: CustomerWhole, moment: Moment): Decision & { lines: InvoiceLineRow[]; customer: CustomerWhole } {
  const made = decision();
  const { late = NONE } = customer;
  const taken = creditsFor(invoice, customer.grants ?? [], moment.now, late);
  const grants = new Map<string, CreditGrantRow>();
  const lines = givenBack(made, invoice, customer, grants, moment);
  const credits = taken.map((each) => {
    const { grant, line, amount } = each;
    const moved = moveCredit(made, grants.get(grant.id) ?? grant, -amount, 'credits_applied', { invoice: invoice.id, invoice_line_item: line.id }, moment);
    grants.set(grant.id, moved.grant);
    return storedCredit(each, moved.transaction.id);
  });
  const met = meetLines(lines, byLine(taken, credits), late);
  putDrawn(made, invoice, met.drawn, moment);
  return { ...made, lines: met.lines, customer: { ...withGrants(customer, [...grants.values()]), ...(late.size > 0 && { late: met.late }) } };
}

/** Refuses to take credit back that a correction on the invoice gave back and that was used since. */
export function refuseSpent(invoice: InvoiceWhole, customer: CustomerWhole): void {
  const left = new Map([...grantsKnown(invoice, customer)].map(([id, { balance }]) => [id, balance]));
  for (const { credit_grant, amount } of invoice.lines.flatMap((line) => line.credits)) left.set(credit_grant, left.get(credit_grant)! + BigInt(amount));
  const spent = [...left].find(([, balance]) => balance < 0n)?.[0];
  if (spent !== undefined) refuse('status_transition_invalid', `The invoice ${invoice.id} gave credit back to the grant ${spent}, and that has been used since: it cannot be taken back. Mark the invoice uncollectible, or credit it.`);
}

/** Gives back what was set against an invoice that is void now, and takes back what its corrections gave back. */
export function returnCredits(invoice: InvoiceWhole, customer: CustomerWhole, moment: Moment): Decision & { customer: CustomerWhole } {
  const made = decision();
  const grants = grantsKnown(invoice, customer);
  const touched = new Set<string>();
  for (const line of invoice.lines) {
    for (const { credit_grant, amount } of line.credits) {
      touched.add(credit_grant);
      grants.set(credit_grant, moveCredit(made, grants.get(credit_grant)!, BigInt(amount), byInvoice(BigInt(amount)), { invoice: invoice.id, invoice_line_item: line.id }, moment).grant);
    }
  }
  for (const id of touched) grants.set(id, settled(made, grants.get(id)!, moment));
  return { ...made, customer: withGrants(customer, [...touched].map((id) => grants.get(id)!)) };
}
