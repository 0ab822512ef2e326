/**
 * Bugs that somebody could write: each is a change of the source's text, to be found by the tests. Of each `from` there is exactly one in its file; a test says so, and whoever changes that line
 * changes it here, too, to a bug of the same kind.
 */

type Edit = { readonly path: string; readonly from: string; readonly to: string };

export type Bug = {
  /** What goes wrong, in a few words. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The tests that are meant to find it: paths, or their beginnings. */
  readonly tests: readonly string[];
};

const bug = (name: string, path: string, from: string, to: string, ...tests: string[]): Bug => ({ name, edits: [{ path, from, to }], tests });

const money: Bug[] = [
  bug('half a cent is rounded down', 'billing/money.ts', '(numerator * 2n + denominator) / doubled', 'numerator / denominator', 'billing/money'),
  bug('equal remainders go to the later one', 'billing/money.ts', 'a.remainder < b.remainder ? 1 : a.index - b.index', 'a.remainder < b.remainder ? 1 : b.index - a.index', 'billing/money'),
  bug('each tier is rounded instead of the line', 'billing/pricing/amount.ts', 'sum = add(sum, add(multiply(part.unit_amount, part.quantity), part.flat_amount))', 'sum = add(sum, { digits: roundDecimal(add(multiply(part.unit_amount, part.quantity), part.flat_amount)), scale: 0 })', 'billing/pricing'),
  bug('the last unit of a graduated tier opens the next one', 'billing/pricing/graduated.ts', 'compare(quantity, below) <= 0', 'compare(quantity, below) < 0', 'billing/pricing'),
  bug('the last unit of a volume tier belongs to the next one', 'billing/pricing/volume.ts', 'compare(quantity, each.up_to) <= 0', 'compare(quantity, each.up_to) < 0', 'billing/pricing'),
  bug('a credit is put to the balance twice', 'billing/invoice/totals.ts', 'total < 0n || sum < 0n ? 0n : sum', 'sum < 0n ? 0n : sum', 'billing/invoice'),
  bug('what a customer was owed is lost with a voided invoice', 'billing/invoice/void.ts', 'balance: before.balance - applied', 'balance: before.balance + applied', 'billing/invoice'),
  bug('a credit note forgets the earlier ones', 'billing/credit_note/lines.ts', 'taken.get(line.id) ?? []', '[]', 'billing/credit_note'),
];

const discounts: Bug[] = [
  bug('a second discount is taken of what the first one left untouched', 'billing/discount.ts', 'left[index]! -= amount;', '', 'billing/discount'),
  bug('a coupon for one product is given on all', 'billing/discount.ts', "applies_to === null ? among : among.filter((index) => applies_to.includes(lines[index]!.product ?? ''))", 'among', 'billing/discount'),
  bug('a discount is in force at the moment of its end', 'billing/discount.ts', 'at < discount.end', 'at <= discount.end', 'billing/discount'),
  bug('a discount for once is given at every renewal', 'billing/invoice/draft.ts', "discount.source.duration === 'once' && !discount.ended", "discount.source.duration === 'never' && !discount.ended", 'billing/subscription'),
  bug('a proration is discounted once more on its invoice', 'billing/subscription/prorate.ts', 'discountable: false,', 'discountable: true,', 'billing/subscription'),
  bug('a proration gets the whole of an amount off', 'billing/proration.ts', 'const part = partOf(full, period, at, unit);', 'const part = full;', 'billing/proration'),
  bug('a coupon is redeemed once more than it may be', 'billing/coupon.ts', 'coupon.max_redemptions === null || coupon.times_redeemed < coupon.max_redemptions', 'coupon.max_redemptions === null || coupon.times_redeemed <= coupon.max_redemptions', 'resources/coupons'),
];

const credits: Bug[] = [
  bug('a grant that comes while an invoice is a draft is set against it', 'billing/credit/apply.ts', 'grant.effective_at <= invoice.period_end && ', '', 'tests/simulation/engine'),
  bug('a line is taxed on what a grant gives to it', 'billing/invoice/totals.ts', 'amount - credit);', 'amount);', 'tests/simulation/engine'),
  bug('a grant that has expired keeps what a voided invoice gives back to it', 'billing/credit/apply.ts', 'return hasExpired(grant, moment.now) && ', 'return hasExpired(grant, 0) && ', 'tests/simulation/engine'),
];

const prepaid: Bug[] = [
  bug('a second that was billed twice is committed for twice', 'billing/subscription/committed.ts', 'seconds += Math.max(0, end - Math.max(start, until));', 'seconds += end - start;', 'tests/simulation/engine'),
  bug('usage is made up to a commitment where its period goes on', 'billing/subscription/committed.ts', '(renews && full.end !== at)', '(renews && full.end < 0)', 'tests/simulation/engine'),
  bug('what waits of an earlier period meets a commitment', 'billing/commitment.ts', 'line.metering && isWithin({ start: line.period_start, end: line.period_end }, { start, end })', 'line.metering && start < end', 'billing/commitment', 'tests/simulation/committed'),
  bug('credit is bought while some waits to be paid', 'billing/credit/top_up.ts', '!active || waits || left', '!active || left', 'tests/simulation/engine'),
  bug('credit that a draft will take is left to be spent', 'billing/credit/top_up.ts', 'granted - lately - waiting)', 'granted - lately)', 'tests/simulation/engine'),
];

const taxes: Bug[] = [
  bug('tax is put on the undiscounted amount', 'billing/invoice/totals.ts', 'taxes: taxLine(taxable, ', 'taxes: taxLine(amount, ', 'billing/invoice'),
  bug('an inclusive tax is worked out as an exclusive one', 'billing/tax.ts', 'if (rate.inclusive) whole = add(', 'if (rate.inclusive && whole.digits < 0n) whole = add(', 'billing/tax'),
];

const time: Bug[] = [
  bug('a short month pulls the later ones with it', 'billing/calendar.ts', 'const day = dayOfMonth ?? anchorDay - firstDay(anchorMonth) + 1;', 'const day = dayOfMonth ?? Math.min(28, anchorDay - firstDay(anchorMonth) + 1);', 'billing/calendar'),
  bug('a period does not hold its first second', 'billing/calendar.ts', 'if (start <= t) return', 'if (start < t) return', 'billing/calendar'),
  bug('the configured day of a month is forgotten after the start', 'billing/subscription/periods.ts', ', at, grid.billing_cycle_anchor_config?.day_of_month)', ', at)', 'billing/subscription', 'tests/simulation/engine'),
  bug('a part of a period is counted by months of 30 days', 'billing/proration.ts', 'BigInt(part), BigInt(whole))', 'BigInt(part), BigInt(30 * 86_400))', 'billing/proration'),
  bug('what is asked for at a boundary comes before the renewal', 'billing/subscription/renew.ts', 'next !== null && next <= at', 'next !== null && next < at', 'resources/subscriptions/boundary'),
  bug('a timer runs at the moment the worker woke, not at its own', 'resources/invoices/timers.ts', 'momentAt(ctx, at)', 'momentAt(ctx, ctx.app.clock.now())', 'tests/stories/lives'),
  bug('a period closes before its usage is counted', 'server/timers.ts', 'app.intake === null || (await app.intake.settle(USAGE_MS))', 'app.intake !== undefined', 'server/usage/intake/intake'),
  bug('real time reaches the customers on test clocks', 'server/timers.ts', "sql`test_clock is null and at <= to_timestamp", 'sql`at <= to_timestamp', 'server/timers'),
  bug('a later timer of a customer overtakes an earlier one', 'server/timers.ts', 'e.at < t.at and e.failures = 0', 'e.at < t.at and e.failures < 0', 'server/timers'),
  bug('a failed payment is tried again on the wrong day', 'billing/dunning.ts', 'const next = RETRY_DAYS[attempt_count - 1];', 'const next = RETRY_DAYS[attempt_count];', 'billing/dunning'),
];

const lives: Bug[] = [
  bug('more is credited than was debited', 'billing/invoice/invoice.ts', 'amount - sumOf(discount_amounts)', 'amount', 'billing/subscription'),
  bug('a debit stays open after it was given back', 'billing/subscription/change.ts', 'prorated.debits.set(later.id, each.debits)', 'prorated.debits.set(later.id, [...later.debits, ...each.debits])', 'billing/subscription'),
  bug('what waits for a customer is billed by each of its subscriptions', 'billing/subscription/renew.ts', 'facts.pending.filter((item) => !gone.items.has(item.id))', 'facts.pending', 'billing/subscription', 'resources/subscriptions/boundary'),
  bug('usage that is billed early keeps only a part of an amount off where it becomes less', 'billing/correction/early.ts', 'least(BigInt(has), rest);', 'roundDiv(BigInt(has) * amount, money.amount);', 'billing/correction/early'),
  bug('what is held is told of again whenever more comes', 'billing/correction/held.ts', 'made.puts.some((put) => put.before === null)', 'made.puts.length > 0', 'resources/kontor/invoices/held'),
  bug('usage in a trial is billed', 'billing/subscription/lines.ts', "|| (subscription.trial_end !== null && start < subscription.trial_end)", '', 'billing/subscription', 'tests/simulation/engine'),
  bug('an end within a period gives nothing back', 'billing/subscription/renew.ts', 'item.current_period_start > (before.ends_unprorated_since ?? -Infinity)', 'item.current_period_start > Infinity', 'billing/subscription'),
];

const concurrency: Bug[] = [
  {
    name: 'nothing is locked when a subscription is changed',
    edits: [
      { path: 'resources/subscriptions/facts.ts', from: '[...new Set(owners.map((each) => each.customer))], true)', to: '[...new Set(owners.map((each) => each.customer))], false)' },
      { path: 'resources/subscriptions/facts.ts', from: 'owners.map((each) => each.id), true)', to: 'owners.map((each) => each.id), false)' },
    ],
    tests: ['resources/subscriptions/boundary', 'tests/simulation/races'],
  },
  bug('two requests with one idempotency key both take effect', 'server/http/idempotency.ts', 'pg_try_advisory_xact_lock(hashtextextended(${`key ${kept}`}, ${ctx.world.id})) as locked', 'true as locked', 'server/http/idempotency', 'tests/simulation/races'),
  bug('an idempotency key answers another request', 'server/http/idempotency.ts', 'if (!found.fingerprint.equals(print)) keyMismatch(key);', '', 'server/http/idempotency'),
  {
    name: 'a payment is begun while another one is under way',
    edits: [
      { path: 'billing/invoice/pay.ts', from: "if (payments.some(({ intent }) => intent.status === 'processing')) {", to: 'if (payments.length < 0) {' },
      { path: 'billing/payment/confirm.ts', from: "if (intent.status === 'processing') {", to: 'if (intent.amount < 0n) {' },
    ],
    tests: ['resources/invoices/paying'],
  },
  bug('a timer runs while somebody else is at work in its lane', 'server/lanes.ts', 'w where pg_try_advisory_xact_lock(${LOCK}) limit', 'w limit', 'server/timers'),
  bug('a clock arrives before a timer on its way', 'server/timers.ts', 'if (left?.failures === 0) return false;', '', 'server/timers'),
];

const told: Bug[] = [
  bug('usage that has the name of other usage is dropped in silence', 'server/usage/intake/fold.ts', "each?.status === 'refused' ? [{", "each === null ? [{", 'server/usage/intake/intake'),
  bug('an update does not say what was before', 'server/commit.ts', 'previous_attributes: previous,', 'previous_attributes: null,', 'resources/events'),
  bug('a write-off has the signs of its opposite', 'billing/invoice/ledger.ts', 'bad_debt: invoice.amount_remaining, receivable: -invoice.amount_remaining', 'bad_debt: -invoice.amount_remaining, receivable: invoice.amount_remaining', 'billing/invoice', 'resources/invoices/payment'),
  bug('a webhook is signed with a secret that was rolled', 'server/webhooks/deliver.ts', '[order.secret, order.previous_secret!] : [order.secret]', '[order.previous_secret!] : [order.secret]', 'resources/kontor/webhook_deliveries'),
  bug('a list says that there is no more', 'server/lists.ts', 'id ${direction}`, limit + 1)', 'id ${direction}`, limit)', 'resources/events'),
];

export const bugs: readonly Bug[] = [...money, ...discounts, ...credits, ...prepaid, ...taxes, ...time, ...lives, ...concurrency, ...told];

/** The text with the edits made. Throws where what an edit replaces is not there exactly once. */
export function disturbed(text: string, edits: readonly Edit[]): string {
  return edits.reduce((whole, { path, from, to }) => {
    const [before, after, ...more] = whole.split(from);
    if (after === undefined || more.length > 0) throw new Error(`${path} has ${after === undefined ? 'no' : 'more than one'} “${from}”. Seed the same kind of bug where that is decided now.`);
    return `${before}${to}${after}`;
  }, text);
}
