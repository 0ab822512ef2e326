/**
 * Races: 2 to 16 changes of one subscription, its first invoice and its customer's balance at once, by the official client, with the worker renewing it on its clock. What comes of it must be what comes of the same changes, one after the
 * other, in the order in which the events say that they happened: the same rows in every table, the same events, the same answers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import Stripe from 'stripe';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { runDueTimers } from '../../server/timers.ts';
import { seeded, type Random } from '../conformance/random.ts';
import { DAY } from '../days.ts';
import type { Kontor } from '../kontor.ts';
import { paysBy } from '../shop.ts';
import { canonical, stateOf } from './race_state.ts';

/** Real time, as a server without workers of its own is told it: in seconds. The race then takes place at the end of the period, and workers come while it goes on. */
export type Wall = { now: number };

/** What all races of a server buy: made once. */
type Stock = { prices: string[]; coupons: string[]; rate: string };

export async function stock({ stripe }: Kontor): Promise<Stock> {
  const amounts = [1_000, 3_333, 77, 10_001, 4_999, 1];
  const coupons = await Promise.all([stripe.coupons.create({ percent_off: 33.3, duration: 'forever' }), stripe.coupons.create({ amount_off: 501, currency: 'usd', duration: 'forever' }), stripe.coupons.create({ percent_off: 10, duration: 'once' })]);
  const prices = await Promise.all(amounts.map((unit_amount) => stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month' }, product_data: { name: `Seat at ${unit_amount}` } })));
  const rate = await stripe.taxRates.create({ display_name: 'Tax', percentage: 7.7, inclusive: false });
  return { prices: prices.map(({ id }) => id), coupons: coupons.map(({ id }) => id), rate: rate.id };
}

/** A subscription in mid-period, made twice: once to race for, once for the serial order. */
type Terms = { start: number; /** How long it has run when the race begins, in seconds. */ ran: number; items: { price: string; quantity: number }[]; coupon: string | null; rate: string | null; card: boolean; trial_days: number; /** Where a schedule says what it sells from the next period on: that. */ next: { price: string; quantity: number } | null };
type Target = { stripe: Stripe; clock: string | null; customer: string; subscription: string; items: string[]; /** The first one, of the start. */ invoice: string; schedule: string | null; period_end: number; prefix: string };

type Answer = Stripe.Response<object>;
/** One request. `twice`: it is sent two times at once with the same idempotency key, which counts for what is posted. */
type Change = { words: string; twice?: boolean; /** It sends the clock on its way. */ advances?: true; send(target: Target, options: Stripe.RequestOptions): Promise<Answer> };

type Race = { seed: number; terms: Terms; changes: Change[] };

const BEHAVIORS = ['create_prorations', 'always_invoice', 'none'] as const;

function randomTerms(random: Random, { prices, coupons, rate }: Stock): Terms {
  const month = random.int(0, 11);
  const start = Date.UTC(2026, month, random.chance(0.4) ? random.int(28, 31) : random.int(1, 27), random.int(0, 23), 30) / 1_000;
  return {
    start, ran: random.chance(0.3) ? 0 : random.int(1, 26 * DAY),
    items: Array.from({ length: random.int(1, 3) }, (_, n) => ({ price: prices[n]!, quantity: random.int(1, 9) })),
    coupon: random.chance(0.3) ? random.pick(coupons) : null, rate: random.chance(0.3) ? rate : null, card: random.chance(0.5), trial_days: random.chance(0.15) ? 27 : 0,
    next: random.chance(0.2) ? { price: random.pick(prices), quantity: random.int(1, 9) } : null,
  };
}

type Update = Stripe.SubscriptionUpdateParams;

/** A change of the subscription by itself: each leaves its name in the metadata, so that none is lost unseen. */
const update = (words: string, n: number, given: (target: Target) => Update): Change =>
  ({ words, send: (target, options) => target.stripe.subscriptions.update(target.subscription, { ...given(target), metadata: { [`change_${n}`]: 'made' } }, options) });

type Kind = [weight: number, make: () => Change];
type Drawn = { n: number; item: number; quantity: number; price: string; coupon: string; proration_behavior: (typeof BEHAVIORS)[number] };

const ofSubscription = ({ n, item, quantity, price, coupon, proration_behavior }: Drawn): Kind[] => {
  const billed = `(${proration_behavior})`;
  return [
    [6, () => update(`item ${item} to ${quantity} ${billed}`, n, ({ items }) => ({ items: [{ id: items[item]!, quantity }], proration_behavior }))],
    [3, () => update(`item ${item} to ${price} ${billed}`, n, ({ items }) => ({ items: [{ id: items[item]!, price }], proration_behavior }))],
    [2, () => update(`${quantity} of ${price} added ${billed}`, n, () => ({ items: [{ price, quantity }], proration_behavior }))],
    [1, () => update(`item ${item} removed, ${price} added ${billed}`, n, ({ items }) => ({ items: [{ id: items[item]!, deleted: true }, { price, quantity }], proration_behavior }))],
    [2, () => update(`discount ${coupon}`, n, () => ({ discounts: [{ coupon }] }))],
    [1, () => update('no discounts', n, () => ({ discounts: '' }))],
    [1, () => update(`collection paused`, n, () => ({ pause_collection: { behavior: 'void' } }))],
    [1, () => update('collection resumed', n, () => ({ pause_collection: '' }))],
    [1, () => update('to end with the period', n, () => ({ cancel_at_period_end: true }))],
    [1, () => update('not to end', n, () => ({ cancel_at_period_end: false }))],
    [1, () => update(`a new anchor ${billed}`, n, () => ({ billing_cycle_anchor: { type: 'now' }, proration_behavior }))],
  ];
};

const ofItems = ({ n, item, quantity, price, proration_behavior }: Drawn): Kind[] => {
  const billed = `(${proration_behavior})`;
  return [
    [2, () => ({ words: `item ${item} by itself to ${quantity} ${billed}`, send: ({ stripe, items }, options) => stripe.subscriptionItems.update(items[item]!, { quantity, proration_behavior, metadata: { [`change_${n}`]: 'made' } }, options) })],
    [1, () => ({ words: `${quantity} of ${price} added by itself ${billed}`, send: ({ stripe, subscription }, options) => stripe.subscriptionItems.create({ subscription, price, quantity, proration_behavior }, options) })],
    [1, () => ({ words: `item ${item} by itself removed ${billed}`, twice: false, send: ({ stripe, items }, options) => stripe.subscriptionItems.del(items[item]!, { proration_behavior }, options) })],
  ];
};

const ofLife = (random: Random): Kind[] => {
  const [prorate, invoice_now] = [random.chance(0.5), random.chance(0.5)];
  return [
    [1, () => ({ words: 'paused', send: ({ stripe, subscription }, options) => stripe.subscriptions.pause(subscription, { type: 'subscription' }, options) })],
    [1, () => ({ words: 'resumed', send: ({ stripe, subscription }, options) => stripe.subscriptions.resume(subscription, { billing_cycle_anchor: { type: 'unchanged' } }, options) })],
    [1, () => ({ words: 'resumed anew, and paid for', send: ({ stripe, subscription }, options) => stripe.subscriptions.resume(subscription, { payment_behavior: 'resume_on_payment_success' }, options) })],
    [1, () => ({ words: 'the customer deleted', twice: false, send: ({ stripe, customer }, options) => stripe.customers.del(customer, {}, options) })],
    [1, () => ({ words: `canceled (prorate ${prorate}, invoice_now ${invoice_now})`, twice: false, send: ({ stripe, subscription }, options) => stripe.subscriptions.cancel(subscription, { prorate, invoice_now }, options) })],
  ];
};

/** What is done about the first invoice, and about what the customer owes or has. */
const ofInvoices = ({ n }: Drawn): Kind[] => [
  [2, () => ({ words: 'an amount by hand', send: ({ stripe, customer, subscription }, options) => stripe.invoiceItems.create({ customer, subscription, amount: 10 + n, currency: 'usd' }, options) })],
  [1, () => ({ words: 'the first invoice finalized', send: ({ stripe, invoice }, options) => stripe.invoices.finalizeInvoice(invoice, {}, options) })],
  [1, () => ({ words: 'the first invoice paid elsewhere', send: ({ stripe, invoice }, options) => stripe.invoices.pay(invoice, { paid_out_of_band: true }, options) })],
  [2, () => ({ words: 'the first invoice paid by card', send: ({ stripe, invoice }, options) => stripe.invoices.pay(invoice, { payment_method: 'pm_card_visa' }, options) })],
  [1, () => ({ words: 'the first invoice not paid by card', send: ({ stripe, invoice }, options) => stripe.invoices.pay(invoice, { payment_method: 'pm_card_chargeDeclined' }, options) })],
  [1, () => ({ words: 'the first invoice voided', send: ({ stripe, invoice }, options) => stripe.invoices.voidInvoice(invoice, {}, options) })],
  [1, () => ({ words: 'the first invoice written off', send: ({ stripe, invoice }, options) => stripe.invoices.markUncollectible(invoice, {}, options) })],
  [1, () => ({ words: 'the first invoice deleted', twice: false, send: ({ stripe, invoice }, options) => stripe.invoices.del(invoice, {}, options) })],
  [1, () => ({ words: 'the first invoice credited', send: ({ stripe, invoice }, options) => stripe.creditNotes.create({ invoice, amount: 1 + n }, options) })],
  [1, () => ({ words: 'a balance', send: ({ stripe, customer }, options) => stripe.customers.createBalanceTransaction(customer, { amount: -500 - n, currency: 'usd' }, options) })],
];

const ofSchedule = ({ n, proration_behavior }: Drawn, invoice_now: boolean): Kind[] => [
  [2, () => ({ words: 'the schedule released', send: ({ stripe, schedule }, options) => stripe.subscriptionSchedules.release(schedule!, {}, options) })],
  [2, () => ({ words: `the schedule canceled (invoice_now ${invoice_now})`, send: ({ stripe, schedule }, options) => stripe.subscriptionSchedules.cancel(schedule!, { invoice_now }, options) })],
  [4, () => ({ words: `the schedule to end by canceling (${proration_behavior})`, send: ({ stripe, schedule }, options) => stripe.subscriptionSchedules.update(schedule!, { end_behavior: 'cancel', metadata: { [`change_${n}`]: 'made' }, proration_behavior }, options) })],
];

function randomChange(random: Random, n: number, terms: Terms, { prices, coupons }: Stock): Change {
  const drawn = { n, item: random.int(0, terms.items.length - 1), quantity: random.int(0, 20), price: random.pick(prices), coupon: random.pick(coupons), proration_behavior: random.pick(BEHAVIORS) };
  const kinds = [...ofSubscription(drawn), ...ofItems(drawn), ...ofLife(random), ...ofInvoices(drawn), ...(terms.next ? ofSchedule(drawn, random.chance(0.5)) : [])];
  let place = random.int(1, kinds.reduce((sum, [weight]) => sum + weight, 0));
  return kinds.find(([weight]) => (place -= weight) <= 0)![1]();
}

/** The clock moves past the period's end and past the draft's hour. */
const advance = (further: number): Change => ({
  words: `the clock goes ${further} s past the period’s end`, advances: true,
  send: ({ stripe, clock, period_end }, options) => stripe.testHelpers.testClocks.advance(clock!, { frozen_time: period_end + further }, options),
});

/** On a test clock, or where a moment is given, in real time from then on. */
export function randomRace(seed: number, stock: Stock, start?: number): Race {
  const random = seeded(seed);
  const drawn = randomTerms(random, stock);
  const terms = start === undefined ? drawn : { ...drawn, start };
  const changes = Array.from({ length: random.int(2, 16) }, (_, n): Change => ({ twice: random.chance(0.15), ...randomChange(random, n, terms, stock) }));
  if (random.chance(0.5) && start === undefined) changes[random.int(0, changes.length - 1)] = advance(random.pick([0, 1_800, 2 * 3_600]));
  return { seed, terms, changes };
}

async function settle(kontor: Kontor, { start, ran, items, coupon, rate, card, trial_days, next }: Terms, wall?: Wall): Promise<Target> {
  const { stripe } = kontor;
  if (wall) wall.now = start;
  const clock = wall ? null : (await stripe.testHelpers.testClocks.create({ frozen_time: start })).id;
  const customer = await stripe.customers.create({ ...(clock && { test_clock: clock }), ...(card && paysBy()) });
  const made = await stripe.subscriptions.create({
    customer: customer.id, items, ...(card ? {} : { collection_method: 'send_invoice', days_until_due: 30 }), ...(coupon && { discounts: [{ coupon }] }), ...(rate && { default_tax_rates: [rate] }),
    ...(trial_days > 0 && { trial_period_days: trial_days }),
  });
  const schedule = next && (await plan(stripe, made, next));
  const period_end = made.items.data[0]!.current_period_end;
  if (wall) {
    wall.now = period_end - 1;
    await work(kontor);
    wall.now = period_end;
  } else if (ran > 0) await kontor.advance(clock!, start + ran);
  return { stripe, clock, customer: customer.id, subscription: made.id, items: made.items.data.map(({ id }) => id), invoice: made.latest_invoice as string, schedule, period_end, prefix: customer.invoice_prefix! };
}

/** Two workers, who do what is due until nothing is. */
async function work({ app }: Kontor): Promise<Answer> {
  await Promise.all([1, 2].map(async () => { while (await runDueTimers(app)); }));
  return { lastResponse: { requestId: '' } } as Answer;
}

/** The schedule of a subscription: as it is until its period ends, then something else for a month. */
async function plan(stripe: Stripe, { id, items, default_tax_rates }: Stripe.Subscription, next: NonNullable<Terms['next']>): Promise<string> {
  const made = await stripe.subscriptionSchedules.create({ from_subscription: id });
  const { start_date, end_date } = made.phases[0]!;
  const now = { items: items.data.map(({ price, quantity }) => ({ price: price.id, quantity })), start_date, end_date, ...(made.phases[0]!.trial_end !== null && { trial_end: made.phases[0]!.trial_end }), default_tax_rates: default_tax_rates!.map((rate) => rate.id) };
  await stripe.subscriptionSchedules.update(made.id, { phases: [now, { items: [next], duration: { interval: 'month', interval_count: 1 } }] });
  return made.id;
}

/** What came of a request: the answer, or the refusal in a word. */
type Said = { refusal: string | null; answer: object | null; request: string | undefined };

/** Asks until it is no longer told to try again. A failure of the server's is no answer. */
async function ask(send: () => Promise<Answer>): Promise<Said> {
  for (;;) {
    try {
      const answer = await send();
      return { refusal: null, answer, request: answer.lastResponse.requestId };
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeError) || error.statusCode === undefined || error.statusCode >= 500) throw error;
      if (error.statusCode !== 409 && error.statusCode !== 429) return { refusal: `${error.statusCode} ${error.code ?? ''} ${canonical().name(error.message)}`, answer: null, request: error.requestId };
      await sleep(20);
    }
  }
}

async function ready({ stripe, clock }: Target): Promise<void> {
  for (;;) {
    const { status } = await stripe.testHelpers.testClocks.retrieve(clock!);
    if (status === 'ready') return;
    if (status === 'internal_failure') throw new Error('The test clock ended in an internal failure.');
    await sleep(10);
  }
}

/** A request of a race, and where it came: by the first event that it told, or where it told none, by how many others had been answered before it. */
type Run = { change: Change; key: string; said: Said; /** Answered as the how many-th. */ answered: number; told: string | null };

/** What a worker tells when a period ends; where a request was the first to come, it tells it. */
const RENEWING = ['invoice.created', 'customer.subscription.updated', 'customer.subscription.deleted', 'subscription_schedule.updated', 'subscription_schedule.completed'];

async function run(kontor: Kontor, { seed, changes }: Race, target: Target): Promise<{ runs: Run[]; findings: string[] }> {
  const random = seeded(seed + 1_000_000);
  const findings: string[] = [];
  let answered = 0;
  const worked = target.clock === null ? ask(() => work(kontor)) : null;
  const runs = await Promise.all(changes.map(async (change, n): Promise<Run> => {
    const key = `${target.subscription} ${n}`;
    await sleep(random.int(0, 12));
    const [said, again] = await Promise.all(Array.from({ length: change.twice ? 2 : 1 }, () => ask(() => change.send(target, { idempotencyKey: key }))));
    if (again && JSON.stringify([said!.refusal, said!.answer]) !== JSON.stringify([again.refusal, again.answer])) findings.push(`“${change.words}” was answered in two ways: ${JSON.stringify(said)} and ${JSON.stringify(again)}`);
    return { change, key, said: said!, answered: answered++, told: null };
  }));
  if (changes.some((change) => change.advances)) await ready(target);
  const { keys, requests } = { keys: runs.map((each) => each.key), requests: runs.map((each) => each.said.request ?? '') };
  const told = await inWorld(kontor.database.pool, kontor.world, (tx) => rows<{ key: string | null; request: string; event: string }>(tx, sql`select idempotency_key as key, request_id as request, min(id) as event from events
    where idempotency_key = any(${keys}::text[]) or request_id = any(${requests}::text[]) group by 1, 2`));
  for (const each of runs) each.told = told.find(({ key, request }) => key === each.key || request === each.said.request)?.event ?? null;
  // A card that is declined is refused, and has an effect.
  for (const { change, said, told } of runs) if (!said.refusal?.startsWith('402') && (said.refusal === null) !== (told !== null)) findings.push(`“${change.words}” was ${said.refusal === null ? 'accepted and told nothing' : `refused (${said.refusal}) and told something`}`);
  if (worked) {
    const said = await worked;
    await work(kontor);
    const [renewed] = await inWorld(kontor.database.pool, kontor.world, (tx) => rows<{ event: string | null }>(tx, sql`select min(id) as event from events where request_id is null and created = to_timestamp(${target.period_end}::bigint)
      and (data->>'customer' = ${target.customer}) and type = any(${RENEWING}::text[])`));
    // Where a request was there before them, and has renewed, they found nothing to do: as if they had come last.
    runs.push({ change: { words: 'the workers come', send: () => work(kontor) }, key: '', said, answered: renewed?.event ? 0 : Infinity, told: renewed?.event ?? null });
  }
  return { runs, findings };
}

/** A refusal as it is compared: while the processor thinks, an invoice that will be paid is open, which no order of the requests shows. */
const shownOf = ({ refusal }: Said): string | null => refusal && refusal.replace(/\bis (open|paid)\b/, 'is open or paid');

/** The requests, one after the other, for the twin; null where one that was refused in the race is not refused here in the same way. */
async function replay(kontor: Kontor, race: Race, order: readonly Run[], wall?: Wall): Promise<{ target: Target; differs: { run: Run; said: Said } | null }> {
  const target = await settle(kontor, race.terms, wall);
  for (const each of order) {
    const said = await ask(() => each.change.send(target, {}));
    if (each.change.advances) await ready(target);
    if (shownOf(said) !== shownOf(each.said)) return { target, differs: { run: each, said } };
  }
  return { target, differs: null };
}

/** The order of what had an effect, with those that were refused between: each at the place that it was given. */
function ordered(effective: readonly Run[], refused: ReadonlyMap<Run, number>): Run[] {
  const at = (place: number) => [...refused].filter(([, wanted]) => wanted === place).map(([run]) => run);
  return [...at(0), ...effective.flatMap((run, n) => [run, ...at(n + 1)])];
}

/** Runs a race, and tells what of it no order of its changes explains; null where there is nothing to tell. */
export async function judgeRace(kontor: Kontor, race: Race, wall?: Wall): Promise<string | null> {
  const target = await settle(kontor, race.terms, wall);
  const { runs, findings } = await run(kontor, race, target);
  const effective = runs.filter(({ told }) => told !== null).sort((a, b) => (a.told! < b.told! ? -1 : 1));
  // What was refused had no effect, and may have come anywhere: most likely where it was answered, else before or after that.
  const places = new Map(runs.filter(({ told }) => told === null).map((each): [Run, number[]] => {
    const likely = effective.filter((other) => other.answered < each.answered).length;
    return [each, Array.from({ length: effective.length + 1 }, (_, n) => n).sort((a, b) => Math.abs(a - likely) - Math.abs(b - likely))];
  }));
  for (;;) {
    const order = ordered(effective, new Map([...places].map(([each, [place]]) => [each, place!])));
    const { target: twin, differs } = await replay(kontor, race, order, wall);
    const rest = differs === null ? undefined : places.get(differs.run);
    if (rest !== undefined && rest.length > 1) {
      rest.shift();
      continue;
    }
    if (differs) findings.push(`“${differs.run.change.words}” was answered ${differs.run.said.refusal ?? 'with success'}, and one after the other: ${differs.said.refusal ?? 'with success'}`);
    else findings.push(...(await differences(kontor, target, twin)));
    return findings.length === 0 ? null : [`Race ${race.seed} is explained by no order of its changes. Once more: KONTOR_TEST_RACES=1 KONTOR_TEST_SEED=${race.seed} npm test -- tests/simulation/races`, `  ${JSON.stringify(race.terms)}`, ...order.map(({ change, said }) => `  ${change.words}${change.twice ? ', twice' : ''}${said.refusal === null ? '' : `: ${said.refusal}`}`), ...findings.map((each) => `- ${each}`)].join('\n');
  }
}

/** What only one of them has; of two rows in the same place only the columns that differ. */
async function differences(kontor: Kontor, raced: Target, twin: Target): Promise<string[]> {
  const [one, other] = [await stateOf(kontor, raced), await stateOf(kontor, twin)];
  return [...one.keys()].flatMap((table) => {
    const [here, there] = [one.get(table)!, other.get(table)!];
    if (here.join('\n') === there.join('\n')) return [];
    const pairs = Array.from({ length: Math.max(here.length, there.length) }, (_, n) => [here[n], there[n]] as const).filter(([a, b]) => a !== b);
    return [`${table} (${here.length}, and one after the other ${there.length})`, ...pairs.slice(0, 4).map(([a, b]) => `    ${apart(a, b)}`)].join('\n');
  });
}

function apart(one: string | undefined, other: string | undefined): string {
  if (!one?.startsWith('{') || !other?.startsWith('{')) return `${one ?? 'nothing'}; one after the other: ${other ?? 'nothing'}`;
  const [here, there] = [JSON.parse(one) as Record<string, unknown>, JSON.parse(other) as Record<string, unknown>];
  const text = (value: unknown) => JSON.stringify(value);
  return Object.keys(here).filter((key) => text(here[key]) !== text(there[key])).map((key) => `${key}: ${text(here[key])}; one after the other: ${text(there[key])}`).join(', ');
}
