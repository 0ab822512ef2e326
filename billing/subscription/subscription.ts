/** A subscription as it is stored, and the facts with which it is decided. */
import type { Period, Recurrence } from '../calendar.ts';
import type { DiscountWhole, Metadata, PriceRow, TaxRateRow } from '../catalog.ts';
import type { LeftOfEarly } from '../correction/early.ts';
import type { CustomField, CustomerWhole } from '../customer/customer.ts';
import type { Instant } from '../decision.ts';
import type { InvoiceItemWhole, InvoiceRow, InvoiceWhole, StoredDiscountAmount } from '../invoice/invoice.ts';
import type { Withholding } from '../invoice/withhold.ts';
import type { Metering, Used } from '../metering.ts';
import type { PaymentMethodRow } from '../payment/payment.ts';
import type { ProrationUnit } from '../proration.ts';
import type { PhaseTerms } from '../schedule/enter.ts';
import type { ScheduleWhole } from '../schedule/schedule.ts';
import type { NextPrice } from './next_price.ts';

export type SubscriptionStatus = 'incomplete' | 'incomplete_expired' | 'trialing' | 'active' | 'past_due' | 'canceled' | 'unpaid' | 'paused';

/** In these it is over: it bills nothing and has no timers. */
const ENDED: readonly SubscriptionStatus[] = ['canceled', 'incomplete_expired'];

export const hasEnded = (subscription: Pick<SubscriptionRow, 'status'>): boolean => ENDED.includes(subscription.status);

export type PauseReason = 'pause_requested' | 'trial_end_without_payment_method';

/** `resume_on_payment_attempt`: the first attempt to pay resumes it, late where that fails; the request makes none. `resume_on_payment_success`: nothing less than the payment does, which is tried at once, and again by itself. */
export type ResumeBehavior = 'resume_on_payment_attempt' | 'resume_on_payment_success';

export type SubscriptionRow = {
  id: string;
  created: Instant;
  customer: string;
  test_clock: string | null;
  status: SubscriptionStatus;
  currency: string;
  collection_method: 'charge_automatically' | 'send_invoice';
  days_until_due: number | null;
  start_date: Instant;
  billing_cycle_anchor: Instant;
  billing_cycle_anchor_config: {
    day_of_month: number;
    hour: number | null;
    minute: number | null;
    month: number | null;
    second: number | null;
  } | null;
  billing_mode: { type: 'flexible'; flexible: { proration_discounts: 'included' | 'itemized' }; updated_at: Instant | null };
  trial_start: Instant | null;
  trial_end: Instant | null;
  trial_settings: { end_behavior: { missing_payment_method: 'cancel' | 'create_invoice' | 'pause'; /** Whether the end of a trial moves the anchor there; left out, it does. */ billing_cycle_anchor?: 'now' | 'unchanged' } };
  cancel_at: Instant | null;
  cancel_at_period_end: boolean;
  /** Its end was asked for then with `none`: of the periods that had begun by then it gives nothing back. Null where it gives back what is not used. */
  ends_unprorated_since: Instant | null;
  canceled_at: Instant | null;
  cancellation_details: { comment: string | null; feedback: string | null; reason: string | null };
  ended_at: Instant | null;
  default_payment_method: string | null;
  /** Tax rate ids. */
  default_tax_rates: string[];
  description: string | null;
  invoice_settings: { custom_fields: CustomField[] | null; description: string | null; footer: string | null };
  /** By what its invoices can be paid, and whether what paid the first one becomes its own. */
  payment_settings: InvoiceRow['payment_settings'] & { save_default_payment_method: 'off' | 'on_subscription' };
  latest_invoice: string | null;
  /** The usage at which it is billed before its periods end. */
  billing_thresholds: { amount_gte: number | null; reset_billing_cycle_anchor: boolean | null } | null;
  /** What its usage comes to at least in each period, before discounts and tax; minor units as a decimal string, since it lives in a JSON column. */
  commitment: { amount: string; name: string | null } | null;
  /** Whether it, or one of its items, has a threshold. */
  watched: boolean;
  /** While the invoices that it makes are not collected: what becomes of them, and until when. */
  pause_collection: { behavior: Withholding; resumes_at: Instant | null } | null;
  /** While it is paused: since when, and why. */
  status_details: { paused: { subscription: { type: PauseReason }; transitioned_at: Instant; type: 'subscription' } } | null;
  /** While it is paused and the payment that resumes it is awaited. */
  resumption: { invoice: string; payment_behavior: ResumeBehavior; /** The invoice items that were made for it. */ made: string[] } | null;
  resumed_at: Instant | null;
  /** How often what waits for it is billed, beside its renewals. */
  pending_invoice_item_interval: Recurrence | null;
  /** When that is next. */
  next_pending_invoice_item_invoice: Instant | null;
  /** A change that waits for its payment. */
  pending_update: PendingUpdate | null;
  /** The setup of a method for what it will want, until that has succeeded or was canceled. */
  pending_setup_intent: string | null;
  /** The schedule that manages it. */
  schedule: string | null;
  metadata: Metadata;
};

/** What was charged for an item's current period and is not credited yet: the net after discounts, before tax, over `[start, end)`. */
export type Debit = {
  /** Minor units as a decimal string, since it lives in a JSON column. */
  amount: string;
  /** What discounts took off: with them `amount` is the gross. None where it is left out. */
  discounts?: StoredDiscountAmount[];
  start: Instant;
  end: Instant;
  /** The tax rate ids with which it was charged; a credit carries the same. */
  tax_rates: string[];
  /** What was charged for, which the item may have left behind since by a change without proration. */
  price: string;
  product: string;
  product_name: string;
  quantity: string;
  /** Where it stands: a line of an invoice, or an invoice item. */
  invoice: string | null;
  line: string | null;
  invoice_item: string | null;
};

export type SubscriptionItemRow = {
  id: string;
  created: Instant;
  subscription: string;
  price: string;
  /** Since when it has this price. */
  price_since: Instant;
  /** The plan by which it goes to another price when its period ends. */
  price_move: string | null;
  /** While it is in a trial offer: until when, and at which price it goes on. */
  current_trial: { trial_offer: string; iterations: number; transition_price: string; start_date: Instant; end_date: Instant } | null;
  /** Null for a metered price. */
  quantity: bigint | null;
  current_period_start: Instant;
  current_period_end: Instant;
  /** Tax rate ids; empty means the subscription's default ones. */
  tax_rates: string[];
  metadata: Metadata;
  billing_thresholds: { usage_gte: number | null } | null;
  /** What was billed of the usage since its period began, a decimal and minor units; it counts while `start` is the period's. */
  billed: ({ start: Instant } & NonNullable<Metering['billed']>) | null;
  debits: Debit[];
  deleted: boolean;
};

/** An item's row as it lives in a JSON column. */
export type StoredItem = Omit<SubscriptionItemRow, 'quantity'> & { quantity: string | null };

/** A change that waits for its payment: all that is needed to apply it, or to discard it. */
export type PendingUpdate = {
  invoice: string;
  /** The latest invoice before it, which is the latest one again where it is discarded. */
  replaces: string | null;
  /** When it is discarded. */
  expires_at: Instant;
  /** Where the first attempt fails: it waits on, or is taken back at once. */
  unpaid: 'pending' | 'error';
  /** An attempt in the request itself mostly settles it before anybody hears of it. */
  told: boolean;
  /** What of the subscription itself changes. */
  terms: Partial<SubscriptionRow>;
  /** What callers see of that: null is what was not asked for. */
  shown: { billing_cycle_anchor: Instant | null; cancel_at_period_end: boolean | null; metadata: Metadata | null; trial_end: Instant | null };
  /** The items that change or come, as they will be. */
  items: StoredItem[];
  /** The ids of all items that there will be, in their order. */
  order: string[];
  /** The subscription's own discounts that its invoice uses up: they end with its payment. */
  used: string[];
  /** The invoice items that were made for it. */
  made: string[];
};

/** An item with its price and the one that it goes to, its product's name, its discounts and its tax rates. */
export type SubscriptionItemWhole = SubscriptionItemRow & {
  terms: PriceRow;
  product_name: string;
  next?: NextPrice | null;
  /** What it goes to once its trial offer is over. */
  transition?: { terms: PriceRow; product_name: string } | null;
  /** What is left of the lines that billed its usage before its period ends; left out where there are none. */
  early?: LeftOfEarly;
  discounts: DiscountWhole[];
  rates: TaxRateRow[];
};

/** A subscription with all that its rendering and its decisions read. Items are in the order of their creation, deleted ones left out. */
export type SubscriptionWhole = SubscriptionRow & {
  items: SubscriptionItemWhole[];
  discounts: DiscountWhole[];
  default_rates: TaxRateRow[];
  scheduled: ScheduleWhole | null;
  /** The items of its pending update. */
  updating: SubscriptionItemWhole[];
};

/** What an invoice of a customer reads beside what it is for. */
export type Surroundings = {
  customer: CustomerWhole;
  account: { business_name: string; country: string; proration: ProrationUnit };
  tax_ids: readonly { type: string; value: string }[];
  /** Which method would be charged: the subscription's own, or its customer's. */
  payment_method: PaymentMethodRow | null;
};

/** What counts of the usage of the period that was billed apart, with its corrections, in minor units, before discounts, credits and tax; and for which periods it was, also where it counts no more. */
export type BilledUsage = { amount: bigint; periods: readonly Period[] };

/** All that a decision about a subscription reads, as it is at one moment. */
export type SubscriptionFacts = Surroundings & {
  subscription: SubscriptionWhole;
  /** What waits for an invoice of the subscription, and of its customer without naming a subscription, in the order of creation. */
  pending: readonly InvoiceItemWhole[];
  /** By item: the usage within `[current_period_start, moment)`; see `usageAsked`. An item that is left out has none. */
  usage: ReadonlyMap<string, Used>;
  /** By item: the usage that is known of its period, that of the present second as well, which counts for who goes on; read only for previews. */
  so_far?: ReadonlyMap<string, Used>;
  /** By price: the usage of the present second, which is of what begins in it; read only for previews of changes. */
  this_second?: ReadonlyMap<string, Used>;
  /** As it was used until now, where a phase of its schedule has just changed it: its seats count for what is included in the usage. */
  seated?: SubscriptionWhole;
  /** What of its usage was billed at once, at a change; read only where usage was agreed to. */
  billed_usage?: BilledUsage;
  /** By id: the tax rates that the debits of the items name. */
  rates: ReadonlyMap<string, TaxRateRow>;
  /** The phases of its schedule that have not begun, with what they name; read only where there are some. */
  phases?: readonly PhaseTerms[];
  /** Its drafts and open invoices; read only where it ends. */
  unpaid?: readonly InvoiceWhole[];
};
