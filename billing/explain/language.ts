/** Explanations as sentences. A language says each step, total, difference and cause; this file says in which order. */
import { DAY_S } from '../calendar.ts';
import type { Instant } from '../decision.ts';
import { formatMoney } from '../money.ts';
import type { Cause, CauseKind, Comparison } from './compare.ts';
import { english } from './english.ts';
import { exactMoney, unitMoney, type Fraction } from './exact.ts';
import type { Counted, Difference, Explanation, LineExplanation, Step, StepKind, StepOf, Total, TotalKind } from './explanation.ts';
import { german } from './german.ts';

/** What is said beside a number: the currency in which amounts are. */
export type Say = {
  money(amount: bigint): string;
  /** A unit amount, which may be finer than the currency's minor unit. */
  unit(decimal: string): string;
  exact(exact: Fraction): string;
  /** The exact value and, where it is not whole, what it is rounded to. */
  rounded(exact: Fraction | null, amount: bigint): string;
  /** `$5.00 + $3.00 − $1.00`. */
  sum(amounts: readonly (bigint | null)[]): string;
  /** With a plus where it is one. */
  signed(amount: bigint): string;
};

export type Language = {
  moment(at: Instant): string;
  /** Between an exact value and the amount to which it is rounded. */
  rounded_to: string;
  /** What the explanation comes to in all. */
  verdict(explanation: Pick<Explanation, 'agrees'>): string;
  line(line: LineExplanation, say: Say): string;
  step: { [Kind in StepKind]: (step: StepOf<Kind>, say: Say) => string };
  total: { [Kind in TotalKind]: (total: Total, say: Say) => string };
  difference(difference: Difference, description: string | null, say: Say): string;
  comparison(comparison: Comparison, say: Say): string;
  cause: { [Kind in CauseKind]: (cause: Cause, say: Say) => string };
};

const LANGUAGES = { en: english, de: german } satisfies Record<string, Language>;
export type LanguageName = keyof typeof LANGUAGES;

/** An id of what would be billed, and is no invoice yet. */
export const isPreview = (id: string): boolean => id.startsWith('upcoming_');

/** `15 January 2026 10:00:00 UTC`: the day and month of a moment, and its time. */
export function calendarOf(at: Instant): { day: number; month: number; year: number; time: string } {
  const moment = Temporal.Instant.fromEpochMilliseconds(at * 1_000).toZonedDateTimeISO('UTC');
  return { day: moment.day, month: moment.month, year: moment.year, time: moment.toPlainTime().toString({ smallestUnit: 'second' }) };
}

/** A part of a period and the whole of it, in the unit in which they were counted. */
export function countsOf({ unit, seconds, of_seconds }: Counted): { part: number; whole: number } {
  const length = unit === 'day' ? DAY_S : 1;
  return { part: seconds / length, whole: of_seconds / length };
}

export function quotient(counted: Counted): string {
  const { part, whole } = countsOf(counted);
  return `${part} ÷ ${whole}`;
}

function saying(language: Language, currency: string): Say {
  const money = (amount: bigint) => formatMoney(amount, currency);
  const exact = (value: Fraction) => exactMoney(value, currency);
  return {
    money,
    exact,
    unit: (decimal) => unitMoney(decimal, currency),
    rounded: (value, amount) => (value === null || value.denominator === 1n ? money(amount) : `${exact(value)}, ${language.rounded_to} ${money(amount)}`),
    sum: (amounts) => amounts.map((amount) => money(amount ?? 0n)).join(' + ').replaceAll('+ -', '− '),
    signed: (amount) => (amount > 0n ? `+${money(amount)}` : money(amount)),
  };
}

/** Says explanations and comparisons of one currency in a language. */
export type Speaker = {
  step(step: Step): string;
  /** The line, how its amount came about from the facts up, its discounts and its taxes. */
  line(line: LineExplanation): string[];
  total(total: Total): string;
  difference(difference: Difference, description: string | null): string;
  explanation(explanation: Explanation): string[];
  cause(cause: Cause): string;
  comparison(comparison: Comparison): string[];
};

const fromFacts = (step: Step): Step[] => [...step.parts.flatMap(fromFacts), step];

export function speaker(name: LanguageName, currency: string): Speaker {
  const language: Language = LANGUAGES[name];
  const say = saying(language, currency);
  const step = (one: Step) => (language.step[one.kind] as (step: Step, say: Say) => string)(one, say);
  const line = (one: LineExplanation) => [language.line(one, say), ...[...fromFacts(one.derivation), ...one.discounts, ...one.credits, ...one.taxes].map(step)];
  const total = (one: Total) => language.total[one.kind](one, say);
  const difference = (one: Difference, description: string | null) => language.difference(one, description, say);
  const cause = (one: Cause) => language.cause[one.kind](one, say);
  return {
    step, line, total, difference, cause,
    explanation(explanation) {
      const descriptions = new Map(explanation.lines.map((each) => [each.line, each.description]));
      const differences = explanation.differences.map((each) => difference(each, descriptions.get(each.line ?? '') ?? null));
      return [language.verdict(explanation), ...differences, ...explanation.lines.flatMap(line), ...explanation.totals.filter(isWorthSaying).map(total)];
    },
    comparison: (comparison) => [language.comparison(comparison, say), ...comparison.causes.map(cause)],
  };
}

/** Of what is nothing, or as the sum before it, nobody needs to hear. */
function isWorthSaying({ kind, amount, from }: Total): boolean {
  if (kind === 'subtotal_excluding_tax') return from['inclusive_taxes'] !== 0n;
  if (kind === 'discounts' || kind === 'credits' || kind === 'exclusive_taxes' || kind === 'amount_paid') return amount !== 0n;
  if (kind === 'total_excluding_tax') return from['exclusive_taxes'] !== 0n || from['inclusive_taxes'] !== 0n;
  return kind !== 'balance' || from['starting_balance'] !== 0n || from['ending_balance'] !== 0n;
}
