/**
 * The words of the reference model: a history is what is asked of one subscription and its customer, an outcome is what must come of it, to the minor unit. All times are seconds UTC. Within one second
 * the order is: what the clock does by itself, pending invoice items, actions in the order of the list. An action that is not possible is refused, and changes nothing.
 */

export type Recurrence = { interval: 'day' | 'week' | 'month' | 'year'; interval_count: number };
/** `up_to: null` is `inf`. Amounts are decimals of the minor unit; null is none. */
type Tier = { up_to: number | null; unit_amount_decimal: string | null; flat_amount_decimal: string | null };
export type Price = {
  id: string;
  product: string;
  currency: string;
  recurrence: Recurrence;
  usage_type: 'licensed' | 'metered';
  /** What counts the usage of a metered price. */
  meter: string | null;
  billing_scheme: 'per_unit' | 'tiered';
  unit_amount_decimal: string | null;
  tiers: Tier[] | null;
  tiers_mode: 'graduated' | 'volume' | null;
  transform_quantity: { divide_by: number; round: 'up' | 'down' } | null;
  /** What usage is free in each period: so many units, or so many for each seat, which are all licensed items or those of a product. */
  allowance?: { quantity: number; per: 'subscription' | 'seat'; product: string | null };
  /** What usage costs that has one of the values; what is for none of them costs what the price itself says. */
  dimension_prices?: DimensionPrice[];
};
/** In tiers of its own, or in the price's packages. */
export type DimensionPrice = Pick<Price, 'unit_amount_decimal' | 'tiers' | 'tiers_mode'> & { values: string[] };
export type Rate = { id: string; percentage: string; inclusive: boolean };
/** A discount as it is given: each place in a history has a coupon (and an id) of its own, but for a coupon that goes on from one phase to the next. */
export type Coupon = {
  id: string;
  percent_off?: string;
  amount_off?: bigint;
  currency?: string;
  currency_options?: Record<string, bigint>;
  duration: 'once' | 'repeating' | 'forever';
  duration_in_months?: number;
  products?: string[];
};
/** A key names one item for ever; it is not used again after removal. `quantity` is 0 for a metered item. `usage_gte`: at which usage it is billed early. No two items of a subscription have the same price. */
export type Item = { key: string; price: Price; quantity: number; tax_rates: Rate[]; discounts: Coupon[]; usage_gte?: number };
/** The usage, in money, at which a subscription is billed before its periods end. `reset`: all of them begin anew then. */
export type Threshold = { amount_gte: bigint | null; reset: boolean };
/** Something that is billed once, beside the items. The key is its price's, too; its period is what the items have in common. */
export type Once = { key: string; product: string; unit_amount_decimal: string; quantity: number; discountable: boolean; tax_rates: Rate[]; discounts: Coupon[] };
/** An invoice item made by hand; `of` says whether it names the subscription or only the customer. */
export type PendingItem = {
  key: string;
  at: number;
  of: 'subscription' | 'customer';
  amount: bigint;
  discountable: boolean;
  product: string | null;
  tax_rates: Rate[];
  discounts: Coupon[];
};

export type ProrationBehavior = 'create_prorations' | 'always_invoice' | 'none';
/** One of: a whole item to add; `remove: true`; or a new quantity and/or price. A key stands at most once in a change. */
export type ItemChange = { key: string; quantity?: number; price?: Price; remove?: true; add?: Item };
/** What the subscription is from `start` to `end`. The keys of its items do not count. `default_tax_rates: null` leaves them. */
export type Phase = {
  start: number;
  end: number;
  items: Item[];
  /** What is billed once when it begins. */
  once?: Once[];
  discounts: Coupon[];
  default_tax_rates: Rate[] | null;
  trial_end: number | null;
  anchored: boolean;
  proration_behavior: ProrationBehavior;
};
export type Attempt = 'pay' | 'fail';
export type EndBehavior = 'cancel' | 'release';
/** What is given back of an invoice: an amount of the whole, or parts of lines named by their position: an amount of the line, or so many of its units. */
export type Credited = { amount: bigint } | { lines: { line: number; amount?: bigint; quantity?: number }[] };

export type Action =
  /** `date`: from when on it is prorated. `waits`: for its payment, by what the first attempt at it comes to. */
  | { at: number; kind: 'change'; changes: ItemChange[]; proration_behavior: ProrationBehavior; date?: number; once?: Once[]; waits?: Attempt }
  /** A reviewed plan that moves whoever has the price, now or when the item's period ends. */
  | { at: number; kind: 'move_price'; from: string; to: Price; proration_behavior: ProrationBehavior; when: 'now' | 'period_end' }
  | { at: number; kind: 'anchor_now'; proration_behavior: ProrationBehavior; waits?: Attempt }
  | { at: number; kind: 'trial'; until: number | 'now'; proration_behavior: ProrationBehavior; waits?: Attempt }
  | { at: number; kind: 'discount'; discounts: Coupon[] }
  | { at: number; kind: 'cancel_now'; prorate: boolean; invoice_now: boolean }
  | { at: number; kind: 'cancel_at_period_end' }
  | { at: number; kind: 'cancel_at'; moment: number }
  | { at: number; kind: 'uncancel' }
  | { at: number; kind: 'pause_collection'; behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void'; resumes_at: number | null }
  | { at: number; kind: 'collect' }
  | { at: number; kind: 'pause'; unused_time_from: 'item_current_period_start' | 'none' | 'now'; outstanding_usage_through: 'none' | 'now'; invoicing_behavior: 'invoice' | 'pending_invoice_item' }
  /** `then`: what becomes of the invoice that it may need, in the same second. */
  | { at: number; kind: 'resume'; anchor: 'now' | 'unchanged'; proration_behavior: ProrationBehavior; date?: number; then: 'pay' | 'fail' | 'void' }
  | { at: number; kind: 'threshold'; threshold: Threshold | null }
  /** To what usage comes at least in each period; null: to nothing. */
  | { at: number; kind: 'commitment'; amount: bigint | null }
  /** How often what waits is billed, beside the renewals. */
  | { at: number; kind: 'sweep'; interval: Recurrence | null }
  /** Puts the subscription under a schedule: as it is until `end`, then by phases, one after the other. */
  | { at: number; kind: 'schedule'; end: number; phases: Phase[]; end_behavior: EndBehavior }
  /** What becomes of a change that waits. */
  | { at: number; kind: 'settle'; how: 'pay' | 'void' }
  | { at: number; kind: 'release'; preserve_cancel_date: boolean }
  /** Of the n-th invoice (0 is the first). */
  | { at: number; kind: 'pay' | 'void'; invoice: number }
  | { at: number; kind: 'credit'; invoice: number; credited: Credited; to: 'balance' | 'out_of_band' }
  | { at: number; kind: 'void_note'; note: number }
  | { at: number; kind: 'grant'; grant: Grant }
  /** Of the grant with that id. */
  | { at: number; kind: 'expire_grant' | 'void_grant'; grant: string }
  | { at: number; kind: 'move_grant'; grant: string; expires_at: number | null }
  /** From then on credit is bought where it runs low, by other terms than before, or not any more. */
  | { at: number; kind: 'top_up'; top_up: TopUp | null };

/** Billing credits, to be used from `effective_at` until before `expires_at`; for usage at the prices, or at any (null). */
export type Grant = {
  id: string;
  currency: string;
  amount: bigint;
  priority: number;
  category: 'paid' | 'promotional';
  effective_at: number;
  expires_at: number | null;
  prices: Price[] | null;
};

/** So much credit is bought where less than the threshold is left. It expires so many days after it was paid. */
export type TopUp = { amount: bigint; threshold: bigint; priority: number; expires_in_days: number | null };

export type History = {
  seed?: number;
  currency: string;
  tax_exempt: 'none' | 'exempt' | 'reverse';
  /** Parts of periods are counted by the day, in UTC. */
  by_day?: true;
  /** The moment of creation. `backdate` is earlier, `anchor` and `trial_end` are later; a trial stands with neither of the others. */
  start: number;
  backdate?: number;
  anchor?: number;
  trial_end?: number;
  /** What becomes of it where there is nothing to charge when a trial ends. Without it, it is billed. */
  missing_payment_method?: 'pause' | 'cancel';
  /** It is charged automatically, by a card that always pays in the same second but where an attempt is said to fail. */
  card?: true;
  /** `billing_cycle_anchor_config.day_of_month`; `anchor` is then the moment that it results in, which may be the start itself. */
  anchor_day_of_month?: number;
  proration_behavior: 'create_prorations' | 'none';
  /** Discounts stand beside the amounts of prorations. The book has them within, which comes to the same nets. */
  itemized?: true;
  items: Item[];
  once?: Once[];
  discounts: Coupon[];
  default_tax_rates: Rate[];
  threshold?: Threshold;
  /** How often what waits is billed, from the start on. */
  sweep?: Recurrence;
  /** Where a schedule begins it: what comes after the first phase, which is the start itself until the first of these. */
  scheduled?: { end: number; phases: Phase[]; end_behavior: EndBehavior; /** There is no subscription before it: when it is made, at the start or earlier. */ from_scratch?: number };
  /** `value` is a decimal; in any order. `model`: its value of the one dimension that every meter has, if any. `reported`: when it is told of, where that is later; the model knows it in time. */
  usage: { meter: string; at: number; value: string; model?: string; reported?: number }[];
  pending: PendingItem[];
  actions: Action[];
  /** The clock is run to here, inclusive. */
  until: number;
};

export type LineKind = 'licensed' | 'metered' | 'credit' | 'debit' | 'pending' | 'commitment' | 'top_up';
/** `key` is the item's, or the pending item's; of what is of neither, its kind. `discounts` leaves out those of 0; `taxes` shows every rate. `quantity` is a plain decimal. Waiting lines have no discounts, credits and taxes yet. */
export type Line = {
  key: string;
  kind: LineKind;
  amount: bigint;
  period: { start: number; end: number };
  quantity: string;
  proration: boolean;
  discountable: boolean;
  discounts: { id: string; amount: bigint }[];
  /** What grants give, once it is finalised. */
  credits: { id: string; amount: bigint }[];
  taxes: { id: string; amount: bigint; inclusive: boolean }[];
};
/** `subscription_cancel` is the last invoice, at once or at the period's end. */
export type Reason = 'subscription_create' | 'subscription_cycle' | 'subscription_update' | 'subscription_threshold' | 'subscription_cancel' | 'manual';
/** `units`: how many were credited, where it was asked for so many. */
export type NoteLine = { line: number; units: number | null; amount: bigint; discounts: Line['discounts']; /** What goes with it of what grants gave. */ credit: bigint; taxes: Line['taxes'] };
export type Note = { invoice: number; at: number; status: 'issued' | 'void'; lines: NoteLine[]; subtotal: bigint; total: bigint; total_excluding_tax: bigint; pre_payment: bigint; to_balance: bigint; out_of_band: bigint };
export type Invoice = {
  at: number;
  reason: Reason;
  lines: Line[];
  subtotal: bigint;
  total: bigint;
  total_excluding_tax: bigint;
  subtotal_excluding_tax: bigint;
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
  /** What remains to be paid; null for a draft. */
  remaining: bigint | null;
};
/** What was put to a grant (> 0) or taken of it, `invoice` and `line` by their positions. */
export type Movement = { at: number; kind: 'granted' | 'applied' | 'given back' | 'expired' | 'voided'; amount: bigint; invoice: number | null; line: number | null };
/** A grant at `until`, one that was bought as `bought` on the invoice; what is left of it is the sum of its movements. */
export type GrantState = { id: string; expires_at: number | null; voided: boolean; movements: Movement[] };
/** `pending`: what waits at `until`, in the order of creation. `refused`: which actions were, by their positions. `balance` < 0: the customer has credit. */
export type Outcome = { invoices: Invoice[]; notes: Note[]; pending: Line[]; ended_at: number | null; paused: boolean; balance: bigint; grants: GrantState[]; refused: number[] };
