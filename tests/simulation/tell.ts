/** Lives and their bills as text, so that two of them can be laid side by side. */
import type { Action, Coupon, Credited, Grant, GrantState, History, Invoice, Item, ItemChange, Line, Note, Once, Outcome, Phase, Price, Rate, Threshold } from './reference/history.ts';

/** Moments that were said before: both sides say the same ones, again and again. */
const said = new Map<number, string>();

function moment(at: number): string {
  let text = said.get(at);
  if (text === undefined) {
    if (said.size > 10_000) said.clear();
    said.set(at, (text = new Date(at * 1_000).toISOString().replace('T', ' ').slice(0, 19)));
  }
  return text;
}

const partsText = ({ discounts, taxes }: Pick<Line, 'discounts' | 'taxes'>): string =>
  discounts.map((each) => `, less ${each.amount} by ${each.id}`).join('') + taxes.map((each) => `, ${each.amount} ${each.inclusive ? 'in it' : 'on top'} by ${each.id}`).join('');

const creditsText = ({ credits }: Line): string => credits.map(({ id, amount }) => `, ${amount} by ${id}`).join('');

const lineText = (line: Line): string =>
  `    ${line.key} ${line.kind} ${line.amount} for ${line.quantity} (${moment(line.period.start)} to ${moment(line.period.end)})${line.proration ? ' prorated' : ''}${line.discountable ? '' : ' not discountable'}` +
  partsText(line) + creditsText(line);

const invoiceText = (invoice: Invoice): string[] => [
  `  ${moment(invoice.at)} ${invoice.reason}: ${invoice.total} (${invoice.total_excluding_tax} without tax; subtotal ${invoice.subtotal}, ${invoice.subtotal_excluding_tax} without tax), ${invoice.status}${invoice.remaining === null ? '' : `, ${invoice.remaining} to be paid`}`,
  ...invoice.lines.map(lineText),
];

const noteText = (note: Note): string[] => [
  `  ${moment(note.at)} note of invoice ${note.invoice}, ${note.status}: ${note.total} (${note.total_excluding_tax} without tax; subtotal ${note.subtotal}), ${note.pre_payment} off what is due, ${note.to_balance} to the balance, ${note.out_of_band} given back`,
  ...note.lines.map((line) => `    line ${line.line} ${line.amount}${line.units === null ? '' : ` for ${line.units}`}${partsText(line)}${line.credit === 0n ? '' : `, ${line.credit} of credit`}`),
];

const grantStateText = ({ id, expires_at, voided, movements }: GrantState): string[] => [
  `  ${id}${voided ? ', voided' : ''}${expires_at === null ? '' : `, expires ${moment(expires_at)}`}`,
  ...movements.map(({ at, kind, amount, invoice, line }) => `    ${moment(at)} ${kind} ${amount}${invoice === null ? '' : ` on invoice ${invoice}, line ${line}`}`),
];

/** A bill in each line, what waits, and the end. */
export function outcomeText(outcome: Outcome): string[] {
  return [
    ...outcome.invoices.flatMap(invoiceText),
    ...outcome.notes.flatMap(noteText),
    ...(outcome.pending.length > 0 ? ['  waiting', ...outcome.pending.map(lineText)] : []),
    ...(outcome.ended_at === null ? [] : [`  ended ${moment(outcome.ended_at)}`]),
    ...(outcome.paused ? ['  paused'] : []),
    ...(outcome.balance === 0n ? [] : [`  balance ${outcome.balance}`]),
    ...outcome.grants.flatMap(grantStateText),
    ...(outcome.refused.length === 0 ? [] : [`  refused: actions ${outcome.refused.join(', ')}`]),
  ];
}

const amountsText = ({ tiers, tiers_mode, unit_amount_decimal }: Pick<Price, 'tiers' | 'tiers_mode' | 'unit_amount_decimal'>): string =>
  tiers ? `${tiers_mode} ${tiers.map((tier) => `≤${tier.up_to ?? '∞'}: ${tier.unit_amount_decimal ?? 0}+${tier.flat_amount_decimal ?? 0}`).join(', ')}` : String(unit_amount_decimal);
const priceText = ({ id, usage_type, recurrence, transform_quantity, product, allowance, dimension_prices = [], ...amounts }: Price): string =>
  `${id} (${usage_type}, ${amountsText(amounts)}${dimension_prices.map(({ values, ...entry }) => `, ${amountsText(entry)} for ${values.join(' or ')}`).join('')}` +
  `${transform_quantity ? ` per ${transform_quantity.divide_by} ${transform_quantity.round}` : ''} every ${recurrence.interval_count} ${recurrence.interval} of ${product}${allowance ? `, ${allowance.quantity} included for each ${allowance.per}${allowance.product ? ` of ${allowance.product}` : ''}` : ''})`;
const couponText = ({ id, percent_off, amount_off, currency, duration, duration_in_months, products, currency_options }: Coupon): string =>
  `${id} (${percent_off ? `${percent_off} %` : `${amount_off} ${currency}${currency_options ? ` or ${Object.entries(currency_options).join(' ')}` : ''}`} ${duration}${duration_in_months ? ` ${duration_in_months} months` : ''}${products ? ` for ${products.join(', ')}` : ''})`;
const itemText = (item: Item): string =>
  `${item.key}: ${item.quantity} at ${priceText(item.price)}${item.usage_gte === undefined ? '' : ` billed early at ${item.usage_gte}`}${item.discounts.map((each) => ` less ${couponText(each)}`).join('')}${item.tax_rates.map((rate) => ` taxed ${rate.id} ${rate.percentage} %${rate.inclusive ? ' inclusive' : ''}`).join('')}`;

const rateText = ({ id, percentage, inclusive }: Rate): string => `taxed ${id} ${percentage} %${inclusive ? ' inclusive' : ''}`;
const changeText = (each: ItemChange): string =>
  `    ${each.add ? `add ${itemText(each.add)}` : each.remove ? `remove ${each.key}` : `${each.key}${each.quantity === undefined ? '' : ` quantity ${each.quantity}`}${each.price ? ` price ${priceText(each.price)}` : ''}`}`;

const onceText = (once: Once): string =>
  `${once.key}: once ${once.quantity} at ${once.unit_amount_decimal} of ${once.product}${once.discountable ? '' : ' not discountable'}${once.discounts.map((each) => ` less ${couponText(each)}`).join('')}${once.tax_rates.map((rate) => ` ${rateText(rate)}`).join('')}`;

const thresholdText = (threshold: Threshold | null): string => (threshold ? `billed early at ${threshold.amount_gte}${threshold.reset ? ', and begins anew' : ''}` : 'not billed early');

const phaseText = (phase: Phase): string[] => [
  `    ${moment(phase.start)} phase until ${moment(phase.end)} ${phase.proration_behavior}${phase.trial_end === null ? '' : `, trial until ${moment(phase.trial_end)}`}${phase.anchored ? ', a new cycle' : ''}`,
  ...phase.discounts.map((each) => `      less ${couponText(each)}`),
  ...(phase.default_tax_rates ?? []).map((each) => `      ${rateText(each)}`),
  ...phase.items.map((each) => `      ${itemText(each)}`),
  ...(phase.once ?? []).map((each) => `      ${onceText(each)}`),
];

const creditedText = (credited: Credited): string =>
  'amount' in credited ? `${credited.amount}` : credited.lines.map(({ line, amount, quantity }) => `line ${line}: ${amount === undefined ? `${quantity} units` : amount}`).join(', ');

const grantText = ({ id, currency, amount, priority, category, effective_at, expires_at, prices }: Grant): string =>
  `${id}: ${amount} ${currency}, ${category}, priority ${priority}, from ${moment(effective_at)}${expires_at === null ? '' : ` until ${moment(expires_at)}`}${prices === null ? '' : ` for ${prices.map((price) => price.id).join(', ')}`}`;

/** The rest of what an action says, in the order of its fields. */
const detailsText = (action: Action): string =>
  Object.entries(action).flatMap(([name, value]) => (name === 'at' || name === 'kind' || typeof value === 'object' || value === undefined ? [] : [` ${name} ${typeof value === 'number' && value > 1e8 ? moment(value) : String(value)}`])).join('');

function actionText(action: Action, n: number): string[] {
  const head = `  ${moment(action.at)} action ${n}: ${action.kind}${detailsText(action)}`;
  switch (action.kind) {
    case 'change': return [head, ...action.changes.map(changeText), ...(action.once ?? []).map((once) => `    ${onceText(once)}`)];
    case 'threshold': return [`${head} ${thresholdText(action.threshold)}`];
    case 'sweep': return [`${head} ${JSON.stringify(action.interval)}`];
    case 'move_price': return [head, `    to ${priceText(action.to)}`];
    case 'discount': return [head, ...action.discounts.map((each) => `    less ${couponText(each)}`)];
    case 'schedule': return [head, ...action.phases.flatMap(phaseText)];
    case 'grant': return [`${head} ${grantText(action.grant)}`];
    case 'credit': return [`${head}: ${creditedText(action.credited)}`];
    default: return [head];
  }
}

/** What was asked of a life. */
export function historyText(history: History): string[] {
  const { currency, tax_exempt, start, backdate, anchor, anchor_day_of_month, trial_end, missing_payment_method, until, items, discounts, default_tax_rates, usage, pending, actions, proration_behavior } = history;
  const at = (name: string, value: number | undefined) => (value === undefined ? '' : `, ${name} ${value > 31 ? moment(value) : value}`);
  return [
    `  ${currency}, ${tax_exempt},${history.by_day ? ' by the day,' : ''}${history.card ? ' by card,' : ''} start ${moment(start)}${at('backdated to', backdate)}${at('anchor', anchor)}${at('day', anchor_day_of_month)}${at('trial until', trial_end)}${missing_payment_method ? ` or ${missing_payment_method}` : ''}, ${proration_behavior}, until ${moment(until)}`,
    ...(history.threshold ? [`  ${thresholdText(history.threshold)}`] : []),
    ...(history.sweep ? [`  what waits is billed every ${history.sweep.interval_count} ${history.sweep.interval}`] : []),
    ...(history.once ?? []).map((once) => `  ${onceText(once)}`),
    ...discounts.map((each) => `  less ${couponText(each)}`),
    ...default_tax_rates.map((rate) => `  ${rateText(rate)}`),
    ...items.map((item) => `  ${itemText(item)}`),
    ...(history.scheduled ? [`  scheduled${history.scheduled.from_scratch === undefined ? '' : ` from scratch at ${moment(history.scheduled.from_scratch)}`} until ${moment(history.scheduled.end)}, then ${history.scheduled.end_behavior}`, ...history.scheduled.phases.flatMap(phaseText)] : []),
    ...actions.flatMap(actionText),
    ...pending.map((each) => `  ${moment(each.at)} item ${each.key} ${each.amount} of the ${each.of}${each.discountable ? '' : ' not discountable'} ${each.product ?? ''}${each.discounts.map((coupon) => ` less ${couponText(coupon)}`).join('')}`),
    ...usage.toSorted((a, b) => a.at - b.at).map((each) => `  ${moment(each.at)} usage ${each.meter} ${each.value}${each.model ? ` of ${each.model}` : ''}`),
  ];
}

/** Two texts as one: equal lines once, others as `book:` and `engine:`, by the longest common part. */
export function sideBySide(book: readonly string[], engine: readonly string[]): string[] {
  const common: number[][] = Array.from({ length: book.length + 1 }, () => Array.from({ length: engine.length + 1 }, () => 0));
  for (let i = book.length - 1; i >= 0; i -= 1) for (let j = engine.length - 1; j >= 0; j -= 1) common[i]![j] = book[i] === engine[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < book.length || j < engine.length) {
    if (i < book.length && j < engine.length && book[i] === engine[j]) lines.push(`        ${book[(j += 1, i++)]}`);
    else if (j >= engine.length || (i < book.length && common[i + 1]![j]! >= common[i]![j + 1]!)) lines.push(`book:   ${book[i++]}`);
    else lines.push(`engine: ${engine[j++]}`);
  }
  return lines;
}
