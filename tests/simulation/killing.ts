/** A billing run whose workers are killed at random: two processes on one database, each restarted at once at a later moment, until all is done. What is stored afterwards must hold together. */
import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { machineClock } from '../../server/clock.ts';
import { verify, type Finding } from '../../server/verify.ts';
import { seeded, type Random } from '../conformance/random.ts';
import { DAY, START } from '../days.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { populate } from './town.ts';
import type { WorkerOrder } from './worker.ts';

/** `step_s`: how far the clock of a worker is ahead of that of the one before. */
type Plan = { subscriptions: number; kills: number; step_s: number; naive?: boolean; seed: number };
type Outcome = { findings: Finding[]; /** Renewals that were due and have no invoice, or have more than one. */ miscounted: string[]; /** Payments that the processor took more than once. */ charged_twice: string[]; invoices: number; busy_kills: number };

/** One answer of the processor in so many is lost. */
const LOST = 10;

class Town {
  readonly kontor: Kontor;
  readonly superuser: pg.Client;
  readonly random: Random;
  readonly naive: boolean;
  now = START + DAY;
  constructor(kontor: Kontor, superuser: pg.Client, { seed, naive = false }: Plan) {
    this.kontor = kontor;
    this.superuser = superuser;
    this.random = seeded(seed);
    this.naive = naive;
  }

  /** Resolves when the worker is at work. */
  async hire(): Promise<ChildProcess> {
    const order: WorkerOrder = { urls: this.kontor.database.urls, now: this.now, naive: this.naive, lost: LOST };
    const child = fork(new URL('worker.ts', import.meta.url), [JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new Error(`A worker ended with ${code} before it began.`)));
    });
    child.removeAllListeners('exit');
    return child;
  }

  async count(query: string): Promise<number> {
    const { rows } = await this.superuser.query<{ n: number }>(`select count(*)::integer as n from ${query}`);
    return rows[0]!.n;
  }

  /** What is to be done up to the moment. */
  due(): Promise<number> {
    return this.count(`(select from timers where at <= to_timestamp(${this.now}) union all select from calls where state <> 'answered' and next_at <= to_timestamp(${this.now})) as due`);
  }
}

async function dismiss(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}

/** One of the two places of a worker: hired, killed after a moment, hired again. A worker that was through when it died shows nothing, so the next one dies sooner: how soon is the machine's to say. */
async function place(town: Town, kills: number, step_s: number, busy: { kills: number }): Promise<void> {
  let most_ms = 600;
  for (let n = 0; n < kills; n += 1) {
    const child = await town.hire();
    await sleep(town.random.int(0, Math.round(most_ms)));
    const is_busy = (await town.due()) > 0;
    if (is_busy) busy.kills += 1;
    most_ms = is_busy ? Math.min(most_ms * 1.25, 600) : most_ms / 2;
    await dismiss(child);
    town.now += step_s;
  }
}

/** The last worker does what is left. Where nothing more gets done, what is left is given up: the auditors will tell. */
async function finish(town: Town, patience_ms: number): Promise<void> {
  const child = await town.hire();
  let least = Infinity;
  for (let end = Infinity; least > 0 && Date.now() < end; await sleep(100)) {
    const left = await town.due();
    if (left >= least) continue;
    least = left;
    end = Date.now() + patience_ms;
  }
  await dismiss(child);
}

/** Each subscription, and how many of its renewals have come, by its own days. */
async function miscounted({ superuser, now }: Town): Promise<string[]> {
  const { rows } = await superuser.query<{ id: string; invoices: number; days: number }>(`
    select s.id, count(i.id)::integer as invoices, (floor(extract(epoch from least(to_timestamp(${now}), coalesce(s.ended_at - interval '1 second', to_timestamp(${now}))) - s.trial_end) / ${DAY}) + 1)::integer as days
    from subscriptions s left join invoices i on i.subscription = s.id and i.billing_reason = 'subscription_cycle' and i.status <> 'void'
    group by s.world, s.id, s.trial_end, s.ended_at`);
  return rows.filter(({ invoices, days }) => invoices !== days).map(({ id, invoices, days }) => `${id} has ${invoices} invoices for ${days} days`);
}

/** What the processor's own book says: every operation is one question, and a payment succeeds once. */
async function chargedTwice({ superuser }: Town): Promise<string[]> {
  const { rows } = await superuser.query<{ intent: string; times: number }>(`
    select c.subject as intent, count(*)::integer as times from processor_book b join calls c on c.id = b.op_id
    where b.entry::jsonb->'answer'->'outcome'->>'kind' = 'succeeded' group by c.world, c.subject having count(*) > 1`);
  return rows.map(({ intent, times }) => `${intent} was charged ${times} times`);
}

export async function killWorkers(plan: Plan): Promise<Outcome> {
  const clock = machineClock(() => START * 1_000);
  const kontor = await startKontor({ works: false, clock });
  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  await superuser.connect();
  try {
    await superuser.query('create table processor_book (op_id text primary key, entry text not null); grant select, insert on processor_book to kontor_app');
    await populate(kontor, plan.subscriptions, START + DAY - plan.step_s);
    // As autovacuum does where it is on: plans for empty tables would make of a billing run a standstill.
    await superuser.query('analyze');
    const town = new Town(kontor, superuser, plan);
    const busy = { kills: 0 };
    await Promise.all([place(town, Math.ceil(plan.kills / 2), plan.step_s, busy), place(town, Math.floor(plan.kills / 2), plan.step_s, busy)]);
    await finish(town, plan.naive ? 3_000 : 60_000);
    const findings = await verify(kontor.database, () => undefined, machineClock(() => town.now * 1_000));
    return { findings, miscounted: await miscounted(town), charged_twice: await chargedTwice(town), invoices: await town.count('invoices'), busy_kills: busy.kills };
  } finally {
    await superuser.end();
    // What was found is told by the outcome.
    await kontor.close().catch(() => undefined);
  }
}
