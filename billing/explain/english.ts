/** Explanations in English. */
import { percentText } from './exact.ts';
import type { Counted, PriceTier, Scheme, Usage } from './explanation.ts';
import { calendarOf, countsOf, isPreview, quotient, type Language, type Say } from './language.ts';

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

function moment(at: number): string {
  const { day, month, year, time } = calendarOf(at);
  return `${day} ${MONTHS[month - 1]} ${year} ${time} UTC`;
}

/** An invoice by its number. A preview has none. */
const named = (number: string | null, id: string): string => number ?? (isPreview(id) ? 'the preview' : id);

const UNITS = { second: 'seconds', day: 'days' };

function length(counted: Counted): string {
  const { part, whole } = countsOf(counted);
  return `${part} of ${whole} ${UNITS[counted.unit]}`;
}

const span = ({ start, end }: { start: number; end: number }): string => `from ${moment(start)} up to, and not including, ${moment(end)}`;

function tier({ quantity, unit_amount_decimal: unit, flat_amount_decimal: flat, tier: n, from, up_to }: PriceTier, say: Say): string {
  const bounds = n === null ? '' : up_to === null ? (from === 0 ? '' : ` (above ${from})`) : from === 0 ? ` (up to ${up_to})` : ` (above ${from}, up to ${up_to})`;
  return `${quantity} × ${say.unit(unit)}${bounds}${flat === '0' ? '' : ` + ${say.unit(flat)} flat`}`;
}

/** By which scheme a quantity is priced, and its tiers. */
function scheme({ scheme: by, quantity, tiers, divide_by, round }: Scheme, say: Say): string {
  const sum = tiers.map((each) => tier(each, say)).join(' + ');
  if (by === 'package') return `${quantity} in packages of ${divide_by}, ${round === 'up' ? 'a begun one counting whole' : 'only full ones counting'}: ${sum}`;
  return by === 'volume' ? `The whole quantity is priced by its tier: ${sum}` : by === 'graduated' ? `Each tier prices its own part: ${sum}` : sum;
}

function counted({ formula, window, events }: Usage): string {
  const many = `${events} ${events === 1 ? 'event' : 'events'}`;
  const last = window === null ? '' : `, of which the last one of each ${window} counts`;
  return {
    sum: `the sum over ${many}${last}`, count: `the number of events${last}`, last: `the last value of ${many}`, max: `the largest value of ${many}${last}`, unique_count: `the different values of ${many}`,
    latest: 'the latest value until the end of the period', weighted_by_time: 'each level multiplied by the hours for which it held',
  }[formula];
}

const MISSING = { price: 'its price has no amount in this currency any more', usage: 'its usage is not known', debit: 'the charge that it gives back is not known', period: 'its period does not fit the price', corrected: 'the line that it corrects is not known' };

const FIELDS: Record<string, string> = {
  amount: 'amount', quantity: 'quantity', discount_amounts: 'discount', taxes: 'tax', subtotal: 'subtotal', subtotal_excluding_tax: 'subtotal without tax', discounts: 'sum of the discounts', credits: 'sum of the credits', exclusive_taxes: 'sum of the taxes',
  total: 'total', total_excluding_tax: 'total without tax', balance: 'ending balance', credit_notes: 'sum of the credit notes', amount_due: 'amount due', amount_paid: 'amount paid', amount_remaining: 'amount remaining',
};

export const english: Language = {
  moment,
  rounded_to: 'rounded to',
  verdict: ({ agrees }) => (agrees ? 'Every amount was computed again and agrees.' : 'ATTENTION: what is written here is not what the facts come to.'),
  line: ({ description, amount, period }, say) => `${description ?? 'A line'}, ${period.start === period.end ? `for ${moment(period.start)}` : span(period)}: ${say.money(amount)}.`,
  step: {
    quantity: ({ quantity, source, history }) =>
      ({
        licensed: `The quantity is ${quantity}, as it was subscribed to${history.length < 2 ? '' : `: ${history.map((each) => `${each.quantity} from ${moment(each.since)}`).join(', ')}`}.`,
        given: `The quantity is ${quantity}, as it was given.`,
        billed: `The quantity that was billed is ${quantity}.`,
      })[source],
    usage: ({ quantity, usage, period }) =>
      `The meter “${usage.meter_name}” counted ${usage.counted} ${span(period)}: ${counted(usage)}` +
      (usage.first === null ? '.' : `, the first at ${moment(usage.first)}, the last at ${moment(usage.last!)}.`) +
      (usage.without_events === undefined ? '' : ` The events themselves are not kept any more: ${usage.without_events === 'by_hour' ? 'this is what they added up to by the hour' : 'this is what was billed'}.`) +
      (quantity === usage.counted ? '' : ` Less than nothing is billed as ${quantity}.`),
    allowance: ({ quantity, allowance: { included, quantity: each, per, seats, seconds, of_seconds } }) =>
      `Included are ${each} ${per === 'seat' ? `for each of ${seats} seats` : 'in each period'}${seconds === of_seconds ? '' : `, of which the part of ${seconds} of ${of_seconds} seconds counts`}, that is ${included}: ${quantity} are charged.`,
    billed_before: ({ billed, billed_quantity, amount, left }, say) =>
      left === null
        ? `Of that, ${say.money(billed)} for ${billed_quantity} units was billed before: ${say.money(amount!)} is left.`
        : `${say.money(billed)} for ${billed_quantity} units was billed before. Credit notes, or an invoice that was voided or written off, have left ${say.money(left)} of it, and no more is given back: ${say.money(amount!)}.`,
    held: ({ comes_to, largest, amount }, say) => `At its price that comes to ${say.money(BigInt(comes_to))}, more than the ${say.money(largest)} that a line may come to: it is held, and ${say.money(amount!)} is charged until the usage is put right.`,
    commitment: ({ commitment, used, elsewhere, amount }, say) =>
      `At least ${say.money(commitment)} of usage was agreed, and it came to ${say.money(used)}${elsewhere !== 0n ? `, of which ${say.money(elsewhere)} stand on other invoices` : ''}: ${say.money(amount!)} ${amount === 0n ? 'is' : 'more is'} charged.`,
    price: (step, say) => `${scheme(step, say)} = ${say.rounded(step.exact, step.amount!)}.`,
    group: (step, say) => `Of ${step.dimensions === null ? 'the rest' : `“${step.name}”`} ${step.used} ${step.used === '1' ? 'was' : 'were'} used${step.used === step.quantity ? '' : `, of which ${step.quantity} ${step.quantity === '1' ? 'is' : 'are'} charged`}. ${scheme(step, say)} = ${say.exact(step.exact!)}.`,
    groups: ({ exact, amount }, say) => `Together they come to ${say.rounded(exact, amount!)}.`,
    given: ({ amount }, say) => `The amount of ${say.money(amount!)} was given as it is.`,
    trial: ({ period, amount }, say) => `The trial ${span(period)} is free: ${say.money(amount!)}.`,
    sum: ({ parts, amount }, say) => `${parts.length} periods together: ${say.sum(parts.map((part) => part.amount))} = ${say.money(amount!)}.`,
    part_of_period: ({ of, unit, seconds, of_seconds, period, full_period, exact, amount }, say) =>
      seconds === of_seconds
        ? `The full period ${span(full_period)} is charged: ${say.money(amount!)}.`
        : `Of the full period ${span(full_period)}, the time from ${moment(period.start)} on is charged, ${length({ unit, seconds, of_seconds })}: ${say.money(of)} × ${quotient({ unit, seconds, of_seconds })} = ${say.rounded(exact, amount!)}.`,
    net: ({ parts, amount }, say) => `That comes to ${say.sum(parts.map((part) => part.amount))} = ${say.money(amount!)}.`,
    discount_in_proration: ({ coupon, coupon_name, percent_off, recomputed, unit, seconds, of_seconds, exact, amount }, say) =>
      recomputed
        ? `The coupon “${coupon_name ?? coupon}” takes ${percentText(percent_off!)} % of a full period, of which ${length({ unit, seconds, of_seconds })} count here: ${say.rounded(exact, amount!)}.`
        : `The coupon “${coupon_name ?? coupon ?? 'unknown'}” takes the part that was recorded at the change, ${say.money(amount!)}: its share of all items as they were then, for ${length({ unit, seconds, of_seconds })}.`,
    credit: ({ debit, unit, seconds, of_seconds, from, of, before_discounts, exact, amount }, say) =>
      `${debit.invoice === null ? `The item ${debit.invoice_item}` : `The invoice ${debit.invoice_number ?? debit.invoice}`} charged ${say.money(of)}, ${before_discounts ? 'before' : 'after'} discounts, ${span(debit)}. ` +
      `What was not used from ${moment(from)} on is given back, ${length({ unit, seconds, of_seconds })}: ${say.money(-of)} × ${quotient({ unit, seconds, of_seconds })} = ${say.rounded(exact, amount!)}.`,
    credited_discount: ({ coupon, coupon_name, discount, took, of, shared, exact, amount }, say) =>
      `The coupon “${coupon_name ?? coupon ?? discount}” took ${say.money(took)} of the ${say.money(of)} that discounts took off that charge. ` +
      `What is given back is ${say.money(shared)} less after discounts than before, of which its part to the last unit is ${exact === null ? '' : `${say.exact(exact)}, that is `}${say.money(amount!)}.`,
    discount({ coupon, coupon_name, order, scope, percent_off, of, exact, amount, amount_off, shared, over, lines }, say) {
      const head = `Discount ${order} is by the coupon “${coupon_name ?? coupon}”, ${scope === 'line' ? 'of this line' : 'of the whole invoice'}`;
      if (percent_off !== null) return `${head}: ${percent_off} % of ${say.money(of)} = ${say.rounded(exact, amount!)}.`;
      if (lines === 1) return `${head}: ${say.money(amount_off!)} off, of which ${say.money(-amount!)} can be taken from ${say.money(of)}.`;
      return `${head}: of ${say.money(amount_off!)} off, ${say.money(shared!)} are shared over ${lines} lines of ${say.money(over!)} together, in proportion and to the last unit; ${say.money(of)} have ${exact === null ? '' : `${say.exact(exact)}, that is `}${say.money(amount!)}.`;
    },
    credit_grant: ({ name, credit_grant, amount }, say) => `The credit grant “${name ?? credit_grant}” gives ${say.money(amount!)}, before tax.`,
    tax({ name, percentage, inclusive, all_inclusive, of, exact, amount, reason }, say) {
      if (reason === 'customer_exempt') return `${name} ${percentage} % is not charged: the customer is exempt from taxes.`;
      if (reason === 'reverse_charge') return `${name} ${percentage} % is not charged: the customer owes it itself (reverse charge).`;
      if (inclusive) return `${name} ${percentage} % is contained in ${say.money(of)}: ${say.money(of)} × ${percentage} ÷ ${all_inclusive} = ${say.rounded(exact, amount!)}.`;
      return `${name} ${percentage} % is put on ${say.money(of)}: ${say.rounded(exact, amount!)}.`;
    },
    correction({ corrected, before, after, parts, amount, kept, billed }, say) {
      const line = `The line “${corrected.description}” of the invoice ${corrected.invoice_number}`;
      if (before === null && after === null) return `${line} has another part of a discount, since another line of it was put right.`;
      const now = billed ?? kept.after ?? parts[0]!.amount!;
      const was = now - amount!;
      const change = billed !== null ? `The invoice ${corrected.invoice_number} was voided, so that what put it right is taken back` : before === null ? `${line} made usage up by ${say.money(was)} before that usage was put right` : `The invoice ${corrected.invoice_number} billed ${before} where it is ${after} now`;
      const counted = kept.before === null ? '' : `. It counted as ${say.money(kept.before)} before, since credit notes gave that back`;
      const limit = kept.after === null ? '' : `. Credit notes gave back ${say.money(kept.after)} of it, so that it is put right down to ${say.money(kept.after)} only`;
      return `${change}${counted}${limit}: ${say.sum([now, -was])} = ${say.money(amount!)}.`;
    },
    corrected: ({ of, corrected, amount }, say) => `The ${of} of the invoice ${corrected.invoice_number} changes with it: ${say.signed(amount!)}.`,
    unknown: ({ missing }) => `The amount cannot be computed again: ${MISSING[missing]}.`,
  },
  total: {
    subtotal: ({ amount }, say) => `The lines come to a subtotal of ${say.money(amount)}.`,
    subtotal_excluding_tax: ({ amount, from }, say) => `Without the taxes that are contained in them, ${say.money(from['inclusive_taxes']!)}, they come to ${say.money(amount)}.`,
    discounts: ({ amount }, say) => `Discounts take off ${say.money(amount)}.`,
    credits: ({ amount }, say) => `Credit grants take off ${say.money(amount)}.`,
    exclusive_taxes: ({ amount }, say) => `Taxes put on ${say.money(amount)}.`,
    total({ amount, from }, say) {
      const parts = [from['subtotal']!, -from['discounts']!, -from['credits']!, from['exclusive_taxes']!].filter((each, n) => n === 0 || each !== 0n);
      return `The total is ${parts.length === 1 ? '' : `${say.sum(parts)} = `}${say.money(amount)}.`;
    },
    total_excluding_tax: ({ amount }, say) => `Without any tax it is ${say.money(amount)}.`,
    balance({ from }, say) {
      const { starting_balance: start, ending_balance: end } = from;
      return `The customer's balance was ${say.money(start!)} before and is ${say.money(end!)} after this invoice (negative: the customer has credit).`;
    },
    credit_notes: ({ from }, say) => `Credit notes took off ${say.money(from['before_payment']!)} before it was paid, and gave back ${say.money(from['after_payment']!)} afterwards.`,
    amount_due({ amount, from }, say) {
      const { balance, credit_notes: credited } = from;
      if (balance === 0n && credited === 0n) return `${say.money(amount)} is due.`;
      const parts = [...(balance === 0n ? [] : [`the balance ${say.money(balance!)}`]), ...(credited === 0n ? [] : [`credit notes ${say.money(-credited!)}`])];
      return `To the total come ${parts.join(' and ')}: ${say.money(amount)} is due.`;
    },
    amount_paid: ({ amount, from }, say) => `${say.money(amount)} is paid${from['off_stripe'] === 0n ? '' : `, of which ${say.money(from['off_stripe']!)} came another way, such as by bank transfer`}.`,
    amount_remaining: ({ amount }, say) => `${say.money(amount)} remains to be paid.`,
  },
  difference({ line, field, stated, recomputed, difference }, description, say) {
    const said = (value: bigint | string | null) => (value === null ? 'nothing' : typeof value === 'bigint' ? say.money(value) : value);
    const where = line === null ? 'The invoice' : `The line “${description ?? line}”`;
    return `${where} says ${said(stated)} as its ${FIELDS[field.split('[')[0]!]}; the facts come to ${said(recomputed)}${difference === null ? '' : `, a difference of ${say.money(difference)}`}.`;
  },
  comparison: ({ number, invoice, with_number, with: other, amount_due, with_amount_due, difference }, say) =>
    difference === 0n
      ? `On ${named(number, invoice)} as much is due as on ${named(with_number, other)}: ${say.money(amount_due)}.`
      : `On ${named(number, invoice)} ${say.money(amount_due)} is due, on ${named(with_number, other)} it was ${say.money(with_amount_due)}: ${say.money(difference < 0n ? -difference : difference)} ${difference > 0n ? 'more' : 'less'}.`,
  cause: {
    quantity: ({ about, before, after, amount }, say) => `${about}: the quantity went from ${before} to ${after}: ${say.signed(amount)}.`,
    usage: ({ about, before, after, amount }, say) => `${about}: the usage went from ${before ?? 'none'} to ${after ?? 'none'}: ${say.signed(amount)}.`,
    price: ({ about, before, after, amount }, say) => (before === after ? `${about} is priced differently: ${say.signed(amount)}.` : `${about}: the price went from ${before} to ${after}: ${say.signed(amount)}.`),
    trial: ({ about, amount }, say) => `${about}: only one of the two was billed in a trial: ${say.signed(amount)}.`,
    proration: ({ about, line, with_line, amount }, say) =>
      `${about}: ${line !== null && with_line !== null ? 'another part of a period is billed' : line !== null ? 'a change within a period is on this invoice only' : 'a change within a period was on the earlier invoice only'}: ${say.signed(amount)}.`,
    new_item: ({ about, amount }, say) => `${about ?? 'An item'} is on this invoice only: ${say.signed(amount)}.`,
    gone_item: ({ about, amount }, say) => `${about ?? 'An item'} was on the other invoice only: ${say.signed(amount)}.`,
    discount: ({ about, before, after, amount, over }, say) =>
      `The discount ${about ?? ''} ${over === null ? '' : over === 'once' ? 'was for one invoice and ' : `was over on ${moment(over)} and `}went from ${say.money(BigInt(before!))} to ${say.money(BigInt(after!))}: ${say.signed(amount)}.`,
    tax: ({ about, before, after, amount }, say) => `${about ?? 'Tax'} went from ${say.money(BigInt(before!))} to ${say.money(BigInt(after!))}: ${say.signed(amount)}.`,
    allowance: ({ about, before, after, amount }, say) => `${about}: what is included went from ${before} to ${after}: ${say.signed(amount)}.`,
    credit: ({ before, after, amount }, say) => `Credit grants gave ${say.money(BigInt(before!))} then and ${say.money(BigInt(after!))} now: ${say.signed(amount)}.`,
    balance: ({ before, after, amount }, say) => `The customer's balance changed what was due by ${say.signed(BigInt(before!))} then and by ${say.signed(BigInt(after!))} now: ${say.signed(amount)}.`,
    credit_notes: ({ before, after, amount }, say) => `Credit notes took off ${say.money(BigInt(before!))} then and ${say.money(BigInt(after!))} now: ${say.signed(amount)}.`,
    rest: ({ amount }, say) => `ATTENTION: this part does not follow from what is on the two invoices: ${say.signed(amount)}.`,
  },
};
