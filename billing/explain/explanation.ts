/** What an explanation is made of: the facts that are read for it, and the tree that it is. Sentences are made of the tree by a language (`english.ts`, `german.ts`). */
import type { Period } from '../calendar.ts';
import type { Formula, DiscountWhole, PriceRow } from '../catalog.ts';
import type { Instant } from '../decision.ts';
import type { InvoiceLineRow, StoredDiscountAmount } from '../invoice/invoice.ts';
import type { Included } from '../metering.ts';
import type { DimensionTerms } from '../pricing/dimensions.ts';
import type { ProrationUnit } from '../proration.ts';
import type { SubscriptionRow } from '../subscription/subscription.ts';
import type { Fraction } from './exact.ts';

/** What a meter counted for a line, by its events as they were known when the line was counted. */
export type Usage = {
  meter: string;
  meter_name: string;
  formula: Formula;
  window: 'day' | 'hour' | null;
  /** How many, and when the first and the last one were. */
  events: number;
  /** Where they are not kept any more: it is told by what they added up to by the hour, or, where that does not tell it, as it was billed. */
  without_events?: 'by_hour' | 'billed';
  first: Instant | null;
  last: Instant | null;
  /** By the formula, an exact decimal; it may be negative. */
  counted: string;
  /** The same apart for the groups of its price, where that has several. */
  groups?: readonly string[];
  /** Up to when events were received and taken back that are counted here. */
  as_of: Instant;
  /** Where the events of the span are listed. */
  events_url: string;
};

/** What a credit gives back: a line of an invoice, or an invoice item, with its net amount over its period and what discounts took off before. */
export type CreditedDebit = { invoice: string | null; invoice_number: string | null; line: string | null; invoice_item: string | null; net: bigint; discounts: readonly StoredDiscountAmount[] } & Period;

/** That an item had a quantity from a moment on. */
export type QuantitySince = { quantity: string; since: Instant };

/** The line of an earlier invoice that is put right. */
export type CorrectedLine = { invoice: string; invoice_number: string | null; line: string; description: string | null };

export type Kept = { before: bigint | null; after: bigint | null };

/** What a line that makes usage up came to before it was put right, and the lines of usage beside it, each with what its meter had counted when it was. */
type MadeUp = { before: bigint; usage: readonly { row: InvoiceLineRow; usage: Usage | undefined }[] };

/** The stored facts from which invoices are computed again. What belongs to a line is found by the line's id. */
export type ExplainFacts = {
  prices: ReadonlyMap<string, PriceRow>;
  subscriptions: ReadonlyMap<string, Pick<SubscriptionRow, 'start_date' | 'billing_cycle_anchor' | 'billing_cycle_anchor_config' | 'trial_start' | 'trial_end'>>;
  /** Of lines that bill usage or put it right. */
  usage: ReadonlyMap<string, Usage>;
  /** Of lines that put right what makes usage up to a commitment. */
  made_up: ReadonlyMap<string, MadeUp>;
  debits: ReadonlyMap<string, CreditedDebit>;
  /** The quantities of licensed items, the first one first; a check of many invoices does without them. */
  quantities?: ReadonlyMap<string, readonly QuantitySince[]>;
  /** What lines put right, and the number of its invoice. */
  corrected: ReadonlyMap<string, { row: InvoiceLineRow; number: string | null }>;
  /** The discounts that prorations name. */
  discounts: ReadonlyMap<string, DiscountWhole>;
};

/** A part of a period and the whole of it. Counted by the day they are as many seconds as those days have. */
export type Counted = { unit: ProrationUnit; seconds: number; of_seconds: number };

/** In which way a quantity is priced. */
export type Scheme = { scheme: 'per_unit' | 'package' | 'graduated' | 'volume'; quantity: string; divide_by: number | null; round: 'up' | 'down' | null; tiers: PriceTier[] };

/** A step from the facts to an amount. `parts` are the steps that it is made of; `exact` is the value before it was rounded to `amount`. */
export type Step = { amount: bigint | null; exact: Fraction | null; parts: Step[] } & (
  | { kind: 'quantity'; quantity: string; source: 'licensed' | 'given' | 'billed'; /** How it came to be that, the first one first; empty where nobody knows. */ history: readonly QuantitySince[] }
  | { kind: 'usage'; quantity: string; usage: Usage; period: Period }
  | { kind: 'allowance'; quantity: string; allowance: Included }
  | { kind: 'billed_before'; quantity: string; billed: bigint; billed_quantity: string; /** What of it can still be given back, where that is what the line comes to: credit notes gave the rest back. */ left: bigint | null }
  | { kind: 'held'; /** In minor units, as a decimal string: it is more than an amount may be. */ comes_to: string; largest: bigint }
  | { kind: 'commitment'; commitment: bigint; used: bigint; /** What of the usage stands on other invoices. */ elsewhere: bigint }
  | (Scheme & { kind: 'price'; price: string | null })
  | (Scheme & { kind: 'group'; name: string; dimensions: DimensionTerms['dimensions'] | null; /** What was used; `quantity` of it is charged. */ used: string })
  | { kind: 'groups'; price: string | null }
  | { kind: 'given' }
  | { kind: 'trial'; period: Period }
  | { kind: 'sum' }
  | ({ kind: 'part_of_period'; of: bigint; period: Period; full_period: Period } & Counted)
  | { kind: 'net' }
  | (Counted & {
      kind: 'discount_in_proration'; discount: string; coupon: string | null; coupon_name: string | null; percent_off: string | null;
      /** Whether it follows from the facts; else it is as it was recorded, and not more than it may be. */
      recomputed: boolean;
    })
  | ({ kind: 'credit'; debit: CreditedDebit; from: Instant; /** What of the debit is given back in part: its net, or where discounts stand beside it, its gross. */ of: bigint; before_discounts: boolean } & Counted)
  | {
      kind: 'credited_discount'; discount: string; coupon: string | null; coupon_name: string | null;
      /** What it took of the debit, and all discounts did. */
      took: bigint; of: bigint;
      /** What lies between the credit before and after discounts. */
      shared: bigint;
    }
  | {
      kind: 'discount'; discount: string; coupon: string; coupon_name: string | null; percent_off: string | null; amount_off: bigint | null; order: number; of: bigint; scope: 'line' | 'invoice';
      /** For an amount off: what is shared, over how many lines with which sum. */
      shared: bigint | null; over: bigint | null; lines: number;
    }
  | { kind: 'credit_grant'; credit_grant: string; name: string | null }
  | { kind: 'tax'; tax_rate: string; name: string; percentage: string; inclusive: boolean; all_inclusive: string; of: bigint; taxable_amount: bigint; reason: string }
  | {
      kind: 'correction'; corrected: CorrectedLine; before: string | null; after: string | null;
      /** What the line came and comes to where that is not what its quantity says, since credit notes have given the rest back. */
      kept: Kept;
      /** What the line was billed, where its invoice was voided and what put it right is taken back. */
      billed: bigint | null;
    }
  | { kind: 'corrected'; of: 'discount' | 'tax'; id: string; corrected: CorrectedLine }
  | { kind: 'unknown'; missing: 'price' | 'usage' | 'debit' | 'period' | 'corrected' }
);
export type StepKind = Step['kind'];
export type StepOf<Kind extends StepKind> = Extract<Step, { kind: Kind }>;

/** One addend of a price: so many units at a unit amount, and a flat amount. `from` and `up_to` bound the tier. */
export type PriceTier = { quantity: string; unit_amount_decimal: string; flat_amount_decimal: string; tier: number | null; from: number; up_to: number | null };

/** Where what is written differs from what the facts come to. */
export type Difference = { line: string | null; field: string; stated: bigint | string; recomputed: bigint | string | null; difference: bigint | null };

export type LineExplanation = {
  line: string;
  description: string | null;
  /** As it stands on the invoice. */
  amount: bigint;
  period: Period;
  derivation: Step;
  discounts: (StepOf<'discount'> | StepOf<'discount_in_proration'> | StepOf<'credited_discount'> | StepOf<'corrected'>)[];
  credits: StepOf<'credit_grant'>[];
  taxes: (StepOf<'tax'> | StepOf<'corrected'>)[];
  agrees: boolean;
};

export type TotalKind = 'subtotal' | 'subtotal_excluding_tax' | 'discounts' | 'credits' | 'exclusive_taxes' | 'total' | 'total_excluding_tax' | 'balance' | 'credit_notes' | 'amount_due' | 'amount_paid' | 'amount_remaining';

/** A sum of the invoice as the facts have it. `from` are the amounts of which it is the sum. */
export type Total = { kind: TotalKind; amount: bigint; agrees: boolean; from: { [part: string]: bigint } };

export type Explanation = { invoice: string; number: string | null; currency: string; agrees: boolean; differences: Difference[]; lines: LineExplanation[]; totals: Total[] };
