/** Explanations and comparisons as the API shows them: each step with its amount and its sentence. */
import type Stripe from 'stripe';
import type { Cause, Comparison } from '../../../billing/explain/compare.ts';
import { fractionText } from '../../../billing/explain/exact.ts';
import type { Explanation, LineExplanation, Step } from '../../../billing/explain/explanation.ts';
import { speaker, type LanguageName, type Speaker } from '../../../billing/explain/language.ts';
import type { Json, World } from '../../../server/context.ts';
import { minor, type Wire } from '../../../server/http/wire.ts';

type Invoice = Wire<Stripe.Invoice>;

/** Amounts as whole numbers of minor units, in all depths. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return minor(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, plain(inner)]));
}

function renderStep(step: Step, speak: Speaker): Json {
  const { kind, amount, exact, parts, ...details } = step;
  return {
    kind,
    amount: amount === null ? null : minor(amount),
    exact: exact === null ? null : fractionText(exact),
    sentence: speak.step(step),
    ...(plain(details) as Json),
    parts: parts.map((part) => renderStep(part, speak)),
  };
}

function renderLine(line: LineExplanation, speak: Speaker): Json {
  return {
    object: 'kontor.invoice_line_explanation',
    agrees: line.agrees,
    amount: minor(line.amount),
    derivation: renderStep(line.derivation, speak),
    description: line.description,
    credits: line.credits.map((step) => renderStep(step, speak)),
    discounts: line.discounts.map((step) => renderStep(step, speak)),
    line: line.line,
    period: { end: line.period.end, start: line.period.start },
    sentences: speak.line(line),
    taxes: line.taxes.map((step) => renderStep(step, speak)),
  };
}

/** `preview` is what is explained where that is no invoice yet. */
export function renderExplanation(explanation: Explanation, name: LanguageName, world: World, preview: Invoice | null = null): Json {
  const speak = speaker(name, explanation.currency);
  const descriptions = new Map(explanation.lines.map((line) => [line.line, line.description]));
  return {
    object: 'kontor.invoice_explanation',
    agrees: explanation.agrees,
    currency: explanation.currency,
    differences: explanation.differences.map((each) => ({ ...(plain(each) as Json), sentence: speak.difference(each, descriptions.get(each.line ?? '') ?? null) })),
    invoice: explanation.invoice,
    language: name,
    lines: explanation.lines.map((line) => renderLine(line, speak)),
    livemode: world.livemode,
    number: explanation.number,
    preview,
    sentences: speak.explanation(explanation),
    totals: explanation.totals.map((total) => ({ ...(plain(total) as Json), sentence: speak.total(total) })),
  };
}

export function renderComparison(comparison: Comparison, name: LanguageName, world: World, preview: Invoice | null = null): Json {
  const speak = speaker(name, comparison.currency);
  return {
    object: 'kontor.invoice_comparison',
    amount_due: minor(comparison.amount_due),
    causes: comparison.causes.map((cause: Cause) => ({ ...(plain(cause) as Json), sentence: speak.cause(cause) })),
    currency: comparison.currency,
    difference: minor(comparison.difference),
    invoice: comparison.invoice,
    language: name,
    livemode: world.livemode,
    number: comparison.number,
    preview,
    sentences: speak.comparison(comparison),
    with: comparison.with,
    with_amount_due: minor(comparison.with_amount_due),
    with_number: comparison.with_number,
  };
}
