/** Prepaid credit: where it runs low, more of it is invoiced, and granted once that is paid. */
import type { Metadata } from '../catalog.ts';
import { unbilledOf } from '../correction/late.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { advanceInvoice } from '../invoice/advance.ts';
import { draftInvoice } from '../invoice/draft.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { formatMoney } from '../money.ts';
import { LARGEST_AMOUNT } from '../pricing/amount.ts';
import type { ItemCost } from '../subscription/cost.ts';
import type { Surroundings } from '../subscription/subscription.ts';
import { isUsable } from './grant.ts';

export type TopUpRow = {
  id: string;
  created: Instant;
  customer: string;
  test_clock: string | null;
  active: boolean;
  name: string | null;
  currency: string;
  /** Minor units: below which credit so much is bought. */
  threshold: bigint;
  amount: bigint;
  priority: number;
  expires_in_days: number | null;
  metadata: Metadata;
};

/** What is left of a customer's credit in a currency once the usage that no invoice has billed yet is set against it: that of periods which run, late usage, and `waiting`, which is on drafts or waits for one. It may be less than nothing. */
export function creditLeft({ grants = [], late }: CustomerWhole, costs: readonly ItemCost[], waiting: bigint, currency: string, at: Instant): bigint {
  const granted = grants.filter((grant) => grant.currency === currency && isUsable(grant, at)).reduce((sum, grant) => sum + grant.balance, 0n);
  const lately = [...(late?.values() ?? [])].filter((line) => line.currency === currency).reduce((sum, line) => sum + unbilledOf(line), 0n);
  return costs.filter((cost) => cost.currency === currency).reduce((rest, cost) => rest - cost.unbilled_amount, granted - lately - waiting);
}

/** How often `amount` is bought so that no less than the threshold is left, as far as one line can say it. 0 where that is so, or where something waits to be paid that would raise it, whichever top-up bought it. */
export function timesDue({ active, threshold, amount }: TopUpRow, left: bigint, waits: boolean): bigint {
  if (!active || waits || left >= threshold) return 0n;
  const [missing, most] = [(threshold - left + amount - 1n) / amount, LARGEST_AMOUNT / amount];
  return missing < most ? missing : most;
}

/** The invoice by which more is bought, finalized and charged at once. While it is open, its customer buys nothing else. */
export function buyCredit(top_up: TopUpRow, times: bigint, around: Surroundings, moment: Moment): Decision & { invoice: InvoiceWhole; customer: CustomerWhole } {
  const { customer, account, tax_ids, payment_method } = around;
  const { id, amount: each, name, priority, expires_in_days, currency } = top_up;
  const amount = each * times;
  const at = { start: moment.now, end: moment.now };
  const draft = draftInvoice(
    {
      customer, account, tax_ids, currency, subscription: null, billing_reason: 'manual', obligation: null, collection_method: 'charge_automatically', days_until_due: null, period: at, pending: [], discounts: [],
      default_rates: [], auto_advance: true,
      words: { top_up: { credit_top_up: id, amount: amount.toString(), name, priority, expires_in_days } },
      lines: [{
        amount, description: `${times === 1n ? '' : `${times} × `}${name ?? 'Prepaid credit'} (${formatMoney(each, currency)})`, discountable: false, period: at, price: null, product: null, unit_amount_decimal: each.toString(), quantity_decimal: times.toString(),
        subscription: null, subscription_item: null, proration: false, proration_details: null, metadata: {}, discounts: [], rates: [],
      }],
    },
    moment,
  );
  const advanced = advanceInvoice({ invoice: draft.invoice, customer, subscription: null }, payment_method, tax_ids, moment);
  return { ...together([draft, advanced]), invoice: advanced.invoice, customer: advanced.customer };
}

export function putTopUp(before: TopUpRow | null, after: TopUpRow): Decision {
  return { ...decision(), puts: [{ table: 'credit_top_ups', before, after }] };
}
