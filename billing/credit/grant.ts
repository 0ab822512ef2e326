/** A credit grant: money that is set against the usage of a customer, before tax. It is moved by transactions, and by nothing else. */
import type { Metadata } from '../catalog.ts';
import type { CustomerRow, CustomerWhole } from '../customer/customer.ts';
import { decision, refuse, type Decision, type Instant, type Moment, type Posting, type Timer } from '../decision.ts';
import type { PostedAccount } from '../ledger/accounts.ts';
import { mergeMetadata } from '../metadata.ts';

export type CreditGrantRow = {
  id: string;
  created: Instant;
  updated: Instant;
  customer: string;
  test_clock: string | null;
  name: string | null;
  currency: string;
  /** Minor units: what was granted, and what is left of it. */
  amount: bigint;
  balance: bigint;
  category: 'paid' | 'promotional';
  /** 0 to 100; the lower one is used first. */
  priority: number;
  /** The prices that it is for; null for all metered ones. */
  prices: string[] | null;
  effective_at: Instant;
  expires_at: Instant | null;
  voided_at: Instant | null;
  metadata: Metadata;
};

export type CreditMovement = 'credits_granted' | 'credits_application_invoice_voided' | 'credits_applied' | 'credits_expired' | 'credits_voided';

export type CreditTransactionRow = {
  id: string;
  created: Instant;
  effective_at: Instant;
  customer: string;
  test_clock: string | null;
  credit_grant: string;
  type: CreditMovement;
  /** Minor units, above zero where the balance grows. */
  amount: bigint;
  currency: string;
  invoice: string | null;
  invoice_line_item: string | null;
};

type GrantGiven = {
  currency: string;
  amount: bigint;
  category?: 'paid' | 'promotional';
  effective_at?: Instant;
  expires_at?: Instant;
  name?: string | null;
  priority?: number;
  prices: string[] | null;
  metadata?: Record<string, string> | '';
};

/** Whether something of it can be used at a moment. */
export const isUsable = (grant: CreditGrantRow, at: Instant): boolean => grant.balance > 0n && grant.voided_at === null && grant.effective_at <= at && !hasExpired(grant, at);

/** Has a top-up look, at a moment, whether the credit has run low. */
export const checking = ({ id, customer, test_clock }: { id: string; customer: string; test_clock: string | null }, at: Instant): Timer => ({ kind: 'credit_top_up.check', subject: id, at, lane: customer, test_clock });

export const hasExpired = ({ expires_at }: Pick<CreditGrantRow, 'expires_at'>, at: Instant): boolean => expires_at !== null && expires_at <= at;

/** In which order grants are used: by priority, then what expires first, promotional before paid, what is effective first, what was made first. */
export function inOrder(a: CreditGrantRow, b: CreditGrantRow): number {
  const category = (grant: CreditGrantRow) => (grant.category === 'promotional' ? 0 : 1);
  const keys = (grant: CreditGrantRow) => [grant.priority, grant.expires_at ?? Infinity, category(grant), grant.effective_at, grant.created];
  const [left, right] = [keys(a), keys(b)];
  const n = left.findIndex((key, at) => key !== right[at]);
  return n === -1 ? (a.id < b.id ? -1 : 1) : left[n]! < right[n]! ? -1 : 1;
}

/** Moves the balance of a grant. What is set against an invoice is in the ledger with that invoice; all else has a ledger transaction of its own: what we owe in usage, against what granting it costs. */
export function moveCredit(into: Decision, before: CreditGrantRow, amount: bigint, type: CreditMovement, of: { invoice: string; invoice_line_item: string } | null, moment: Moment): { grant: CreditGrantRow; transaction: CreditTransactionRow } {
  const { customer, test_clock, currency } = before;
  const grant = { ...before, balance: before.balance + amount };
  const transaction: CreditTransactionRow = {
    id: moment.newId('cbtxn'), created: moment.now, effective_at: type === 'credits_granted' ? before.effective_at : moment.now, customer, test_clock, credit_grant: before.id, type, amount, currency,
    invoice: of?.invoice ?? null,
    invoice_line_item: of?.invoice_line_item ?? null,
  };
  if (type !== 'credits_granted') into.puts.push({ table: 'credit_grants', before, after: grant });
  into.puts.push({ table: 'credit_balance_transactions', before: null, after: transaction });
  into.facts.push({ type: 'billing.credit_balance_transaction.created', object: 'billing.credit_balance_transaction', whole: transaction, at: moment.now });
  if (of === null) {
    const leg = (ledger_account: PostedAccount, sum: bigint): Posting => ({ transaction: `${transaction.id}:moved`, ledger_account, currency, amount: sum, document: before.id, customer, at: moment.now });
    into.postings.push(leg('customer_credits', -amount), leg('credits_granted', amount));
  }
  return { grant, transaction };
}

/** The timer at which what is left of a grant expires. */
const expiry = (grant: CreditGrantRow) => ({ kind: 'credit_grant.expire', subject: grant.id, at: grant.voided_at === null ? grant.expires_at : null, lane: grant.customer, test_clock: grant.test_clock });

const MOST_GRANTS = 100;

/** Grants credit. `open` is how many grants the customer has of which something is left. */
export function createGrant(given: GrantGiven, customer: Pick<CustomerRow, 'id' | 'test_clock' | 'currency'>, open: number, moment: Moment): Decision & { grant: CreditGrantRow } {
  const { effective_at = moment.now, expires_at = null } = given;
  if (expires_at !== null && expires_at <= moment.now) refuse(undefined, 'A grant expires in the future.', 'expires_at');
  if (expires_at !== null && expires_at <= effective_at) refuse(undefined, 'A grant expires after it became effective.', 'expires_at');
  if (customer.currency !== null && customer.currency !== given.currency) refuse(undefined, `This customer is billed in ${customer.currency}; credit in ${given.currency} could never be used.`, 'amount[monetary][currency]');
  if (open >= MOST_GRANTS) refuse(undefined, `A customer has at most ${MOST_GRANTS} grants of which something is left.`, 'customer');
  const blank: CreditGrantRow = {
    id: moment.newId('credgr'), created: moment.now, updated: moment.now, customer: customer.id, test_clock: customer.test_clock,
    name: given.name ?? null, currency: given.currency, amount: given.amount, balance: 0n, category: given.category ?? 'paid', priority: given.priority ?? 50, prices: given.prices,
    effective_at, expires_at, voided_at: null,
    metadata: mergeMetadata({}, given.metadata),
  };
  const made = decision();
  const { grant } = moveCredit(made, blank, given.amount, 'credits_granted', null, moment);
  made.puts.unshift({ table: 'credit_grants', before: null, after: grant });
  made.facts.unshift({ type: 'billing.credit_grant.created', object: 'billing.credit_grant', whole: grant, at: moment.now });
  if (expires_at !== null) made.timers.push(expiry(grant));
  return { ...made, grant };
}

function refuseOver(grant: CreditGrantRow, moment: Moment): void {
  if (grant.voided_at !== null) refuse(undefined, `The credit grant ${grant.id} was voided.`);
  if (hasExpired(grant, moment.now)) refuse(undefined, `The credit grant ${grant.id} has expired.`);
}

function put(before: CreditGrantRow, after: CreditGrantRow, moment: Moment): Decision & { grant: CreditGrantRow } {
  const made = decision();
  made.puts.push({ table: 'credit_grants', before, after });
  made.facts.push({ type: 'billing.credit_grant.updated', object: 'billing.credit_grant', whole: after, before, at: moment.now });
  made.timers.push(expiry(after));
  return { ...made, grant: after };
}

/** Takes what is left of a grant, after it was changed to what it is now. */
function close(before: CreditGrantRow, changed: CreditGrantRow, type: 'credits_expired' | 'credits_voided', moment: Moment): Decision & { grant: CreditGrantRow } {
  const made = put(before, changed, moment);
  if (changed.balance === 0n) return made;
  const { grant } = moveCredit(made, changed, -changed.balance, type, null, moment);
  return { ...made, grant };
}

export function changeGrant(before: CreditGrantRow, change: { expires_at?: Instant | null; metadata?: Record<string, string> | '' }, moment: Moment): Decision & { grant: CreditGrantRow } {
  if (change.expires_at !== undefined) refuseOver(before, moment);
  const { expires_at = before.expires_at } = change;
  if (change.expires_at != null && (change.expires_at <= moment.now || change.expires_at <= before.effective_at)) refuse(undefined, 'A grant expires in the future, after it became effective. To end it now, expire it.', 'expires_at');
  return put(before, { ...before, expires_at, updated: moment.now, metadata: mergeMetadata(before.metadata, change.metadata) }, moment);
}

/** Ends a grant now: what is left of it is lost. */
export function expireGrant(before: CreditGrantRow, moment: Moment): Decision & { grant: CreditGrantRow } {
  refuseOver(before, moment);
  return close(before, { ...before, expires_at: moment.now, updated: moment.now }, 'credits_expired', moment);
}

/** Takes back a grant that was never used. */
export function voidGrant(before: CreditGrantRow, moment: Moment): Decision & { grant: CreditGrantRow } {
  refuseOver(before, moment);
  if (before.balance !== before.amount) refuse(undefined, `Something of the credit grant ${before.id} has been used, so it cannot be voided. Expire it instead.`);
  return close(before, { ...before, voided_at: moment.now, updated: moment.now }, 'credits_voided', moment);
}

/** Its time is over: what is left is lost. */
export function endGrant(before: CreditGrantRow, moment: Moment): Decision {
  const made = decision();
  if (before.balance > 0n && before.voided_at === null && hasExpired(before, moment.now)) moveCredit(made, before, -before.balance, 'credits_expired', null, moment);
  return made;
}

/** The customer with its grants as they are now. */
export function withGrants(customer: CustomerWhole, changed: readonly CreditGrantRow[]): CustomerWhole {
  if (changed.length === 0) return customer;
  const byId = new Map([...(customer.grants ?? []), ...changed].map((grant) => [grant.id, grant]));
  return { ...customer, grants: [...byId.values()] };
}
