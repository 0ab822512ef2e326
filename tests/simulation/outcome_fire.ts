/**
 * Outcomes under fire: a server that judges, bills and corrects in a process of its own is killed again and again, while it is sent the events of many subjects, some of them late by a month. Afterwards
 * each outcome, and the money that was billed for all of a customer's, corrections included, is compared with what the independent reference makes of the same events.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type Stripe from 'stripe';
import pg from 'pg';
import { machineClock } from '../../server/clock.ts';
import { verify, type Finding } from '../../server/verify.ts';
import { until } from '../awaited.ts';
import { seeded, type Random } from '../conformance/random.ts';
import { DAY, HOUR, START } from '../days.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { own } from '../own.ts';
import { deliver, Fire, type Sent } from './ingestion.ts';
import { verdict, type Definition, type Event, type Rule } from './outcome_reference.ts';

type Plan = { customers: number; kills: number; seed: number };
type Outcome = {
  findings: Finding[];
  /** Subjects that ended otherwise than the reference says, with both. */
  misjudged: string[];
  /** Customers who were billed something else than the final truth costs, with both. */
  misbilled: string[];
  events: number;
  corrections: number;
  reversed: number;
  /** How many kills came while something was to be done. */
  busy_kills: number;
};

/** Time passes in steps of so many days; then all periods that were billed may have changed for the last time. */
const STEP = 28 * DAY;
const STEPS = 4;
const SUBJECTS = 24;
/** How late an event is at most; later ones are refused. */
const LATEST = 34 * DAY;

const rule = (event_name: string, effect: Rule['effect'], more: Partial<Rule> = {}): Rule => ({ event_name, effect, conditions: [], outcome: null, quiet_for: null, within: null, requires_open: false, final: false, ...more });
const RULES = [rule('answered', 'open', { quiet_for: '1d' }), rule('confirmed', 'succeed', { requires_open: true }), rule('asked', 'fail'), rule('handed_over', 'fail', { final: true }), rule('reopened', 'reverse', { within: '30d' })];
const NAMES = ['answered', 'answered', 'answered', 'confirmed', 'asked', 'handed_over', 'reopened', 'reopened'];
const TIERS = [{ up_to: 2, unit: 199 }, { up_to: 5, unit: 149 }, { up_to: Infinity, unit: 99 }];

/** What so many successes cost, unit by unit. */
const costOf = (count: number, tiered: boolean): number => Array.from({ length: count }, (_, n) => (tiered ? TIERS.find((tier) => n < tier.up_to)!.unit : 99)).reduce((sum, unit) => sum + unit, 0);

type Customer = { id: string; tiered: boolean; subjects: Map<string, Sent[]> };

/** The events of each step. One is sent when it has happened and is not too late; where several steps are left to it, mostly in the last, so that much comes after its bill. */
function shipments(customers: readonly Customer[], random: Random): Sent[][] {
  const steps: Sent[][] = Array.from({ length: STEPS }, () => []);
  for (const event of customers.flatMap(({ subjects }) => [...subjects.values()].flat())) {
    const possible = steps.flatMap((_, n) => (START + (n + 1) * STEP >= event.timestamp && START + (n + 1) * STEP - event.timestamp <= LATEST ? [n] : []));
    const chosen = steps[random.pick([possible[0]!, possible.at(-1)!, possible.at(-1)!, possible.at(-1)!])]!;
    chosen.splice(random.int(0, chosen.length), 0, event);
    // Some are sent twice.
    if (random.int(1, 5) === 1) chosen.push(event);
  }
  return steps;
}

function scripted(customer: string, random: Random): Map<string, Sent[]> {
  return new Map(Array.from({ length: SUBJECTS }, (_, n) => {
    const conversation = `c${n}`;
    const events = Array.from({ length: random.int(1, 5) }, (_, m): Sent => {
      const timestamp = START + random.int(0, 80 * 24) * HOUR;
      return { event_name: random.pick(NAMES), identifier: `${customer}-${conversation}-${m}`, timestamp, payload: { stripe_customer_id: customer, conversation } };
    });
    return [conversation, events];
  }));
}

async function prepare(kontor: Kontor, plan: Plan, random: Random): Promise<{ customers: Customer[]; meter: string }> {
  const { stripe } = kontor;
  const rules = RULES.map((each) => Object.fromEntries(Object.entries(each).filter(([name, value]) => value !== null && value !== false && name !== 'conditions')));
  const made = await own<{ outcomes: { meter: string }[] }>(stripe, 'POST', 'outcome_definitions', { display_name: 'Agent', subject_key: 'conversation', timing: 'occurred_at', rules });
  const { meter } = made.outcomes[0]!;
  const recurring: Stripe.PriceCreateParams.Recurring = { interval: 'month', usage_type: 'metered', meter };
  const tiers = TIERS.map(({ up_to, unit }): Stripe.PriceCreateParams.Tier => ({ up_to: up_to === Infinity ? 'inf' : up_to, unit_amount: unit }));
  const each = await stripe.prices.create({ currency: 'usd', unit_amount: 99, recurring, product_data: { name: 'Resolution' } });
  const inTiers = await stripe.prices.create({ currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'graduated', tiers, recurring, product_data: { name: 'Resolution' } });
  const customers = await Promise.all(Array.from({ length: plan.customers }, async (_, n): Promise<Customer> => {
    const { id } = await stripe.customers.create({});
    const tiered = n % 2 === 1;
    await stripe.subscriptions.create({ customer: id, items: [{ price: tiered ? inTiers.id : each.id }], collection_method: 'send_invoice', days_until_due: 30 });
    return { id, tiered, subjects: scripted(id, random) };
  }));
  return { customers, meter };
}

async function inBatches(fire: Fire, events: readonly Sent[], random: Random): Promise<void> {
  const refused = new Set<string>();
  for (let from = 0; from < events.length; ) {
    const size = random.int(5, 60);
    await deliver(fire, events.slice(from, from + size), refused);
    from += size;
  }
  if (refused.size > 0) throw new Error(`Events were refused: ${[...refused].slice(0, 5).join(', ')}`);
}

/** Kills the server so often within a step, each time after a moment in which it may have come far or not. */
async function harm(fire: Fire, kills: number, random: Random, due: () => Promise<number>): Promise<number> {
  let busy = 0;
  for (let n = 0; n < kills; n += 1) {
    await fire.url();
    await sleep(random.int(0, 400));
    if ((await due()) > 0) busy += 1;
    await fire.kill();
    fire.now! += 60;
    fire.start();
  }
  return busy;
}

function truthOf(customers: readonly Customer[], meter: string, now: number): { states: Map<string, string>; owed: Map<string, number> } {
  const definition: Definition = { archived_at: null, versions: [{ version: 1, effective_from: null, timing: 'occurred_at', outcomes: [{ name: 'success', meter }], rules: RULES }] };
  const states = new Map<string, string>();
  const owed = new Map<string, number>();
  const months = [0, 31, 59, 90].map((days) => START + days * DAY);
  for (const { id, tiered, subjects } of customers) {
    const counts = months.slice(1).map(() => 0);
    for (const [conversation, events] of subjects) {
      const { state, counted } = verdict(definition, events.map(({ event_name: name, identifier, timestamp: at, payload }): Event => ({ name, identifier, at, payload })), [], now);
      states.set(`${id} ${conversation}`, `${state} ${counted?.at ?? null}`);
      const month = counted ? months.findLastIndex((start) => start <= counted.at) : -1;
      if (month >= 0 && month < counts.length) counts[month]! += 1;
    }
    owed.set(id, counts.reduce((sum, count) => sum + costOf(count, tiered), 0));
  }
  return { states, owed };
}

export async function judgeUnderFire(plan: Plan): Promise<Outcome> {
  const kontor = await startKontor({ works: false, clock: machineClock(() => START * 1_000) });
  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  await superuser.connect();
  const fire = new Fire(kontor, null);
  const all = async <Row extends object>(query: string): Promise<Row[]> => (await superuser.query<Row>(query)).rows;
  try {
    const random = seeded(plan.seed);
    const { customers, meter } = await prepare(kontor, plan, random);
    const steps = shipments(customers, random);
    // The server's clock has gone on since it was started.
    const due = async () => (await all<{ n: number }>(`select count(*)::integer as n from timers where at <= to_timestamp(${fire.now! + 30})`))[0]!.n;
    let busy_kills = 0;
    let harmed = 0;
    for (const [n, events] of steps.entries()) {
      await fire.kill();
      fire.now = START + (n + 1) * STEP + HOUR / 2;
      fire.start();
      // Half of a step's events come while its bills are made; the others come to bills that are made, however fast or slow the machine is.
      const half = Math.floor(events.length / 2);
      for (const [part, sent] of [events.slice(0, half), events.slice(half)].entries()) {
        const by_now = Math.ceil((plan.kills * (2 * n + part + 1)) / (2 * STEPS));
        const [, busy] = await Promise.all([inBatches(fire, sent, random), harm(fire, by_now - harmed, random, due)]);
        harmed = by_now;
        busy_kills += busy;
        await until(async () => (await due()) === 0);
      }
    }
    await fire.kill();
    const now = fire.now!;
    const { states, owed } = truthOf(customers, meter, now);
    const found = new Map((await all<{ customer: string; subject: string; said: string }>(`select customer, subject, state || ' ' || coalesce(extract(epoch from counted_at)::bigint::text, 'null') as said from outcomes`)).map((row) => [`${row.customer} ${row.subject}`, row.said]));
    const billed = new Map((await all<{ customer: string; amount: string }>(
      `select customer, sum(amount)::text as amount from (
        select i.customer, l.amount from invoice_lines l join invoices i on i.world = l.world and i.id = l.invoice where i.status in ('open', 'paid')
        union all select customer, amount from invoice_items where invoice is null) all_lines group by customer`)).map((row) => [row.customer, Number(row.amount)]));
    const findings = await verify(kontor.database, () => undefined, machineClock(() => now * 1_000), { audits: kontor.app.register.audits, sign: kontor.app.sign });
    return {
      findings,
      misjudged: [...states].filter(([subject, said]) => found.get(subject) !== said).map(([subject, said]) => `${subject} is ${found.get(subject)} instead of ${said}`),
      misbilled: [...owed].filter(([customer, amount]) => (billed.get(customer) ?? 0) !== amount).map(([customer, amount]) => `${customer} was billed ${billed.get(customer)} instead of ${amount}`),
      events: steps.reduce((sum, events) => sum + events.length, 0),
      corrections: (await all<{ n: number }>('select count(*)::integer as n from invoice_corrections'))[0]!.n,
      reversed: [...states.values()].filter((said) => said.startsWith('reversed')).length,
      busy_kills,
    };
  } finally {
    await fire.kill().catch(() => undefined);
    await superuser.end();
    await kontor.close().catch(() => undefined);
  }
}
