/** The worker: what happens without a request. Any number of processes may run it on one database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { performDueCalls } from './calls.ts';
import type { App } from './context.ts';
import { sealLedger } from './ledger/seal.ts';
import { told } from './log.ts';
import { prune } from './prune.ts';
import { advanceClocks, runDueTimers } from './timers.ts';
import { IntakeWorkers } from './usage/intake/workers.ts';
import { turnSlots } from './usage/slots.ts';
import { addTallies } from './usage/tallies.ts';
import { Courier } from './webhooks/deliver.ts';

/** How long a worker that found nothing waits, unless it is nudged. Usage that is recorded nudges nobody: it comes so often that to look each time would cost more than the half second for which a webhook about it may wait. */
const IDLE_MS = 500;
const HOUR_MS = 3_600_000;
/** What is posted is sealed after so long. */
const SEAL_MS = 5_000;
/** What is recorded is added to its hours after so long. */
const TALLY_MS = 1_000;
/** A lease on a partition of usage is renewed after so long. */
const TEND_MS = 1_500;

type Workers = { nudge(): void; stop(): Promise<void> };

/** One job in its own loop: again at once while there is work, else after a nudge, which the job may give itself, or a while. */
function loop(app: App, name: string, work: (nudge: () => void) => Promise<boolean>, idle_ms: number): Workers {
  let stopping = false;
  let wake = new AbortController();
  const nudge = () => wake.abort();
  const run = async () => {
    while (!stopping) {
      let more = false;
      const woken = wake.signal;
      try {
        more = await work(nudge);
      } catch (error) {
        if (!stopping) app.log.error(`The ${name} worker stumbled and goes on.`, told(error));
      }
      if (more || stopping) continue;
      if (!woken.aborted) await sleep(idle_ms, undefined, { signal: woken }).catch(() => undefined);
      wake = new AbortController();
    }
  };
  const done = run();
  return {
    nudge,
    async stop() {
      stopping = true;
      wake.abort();
      await done;
    },
  };
}

/** Starts what counts usage: it adds what was recorded to its hours, and records what JetStream holds. */
export function startCounting(app: App): Pick<Workers, 'stop'> {
  const tallies = loop(app, 'usage tallies', () => addTallies(app), TALLY_MS);
  const intake = app.intake && new IntakeWorkers(app, app.intake);
  const tending = intake && loop(app, 'usage partitions', () => intake.tend(), TEND_MS);
  return {
    async stop() {
      await tending?.stop();
      await intake?.stop();
      await tallies.stop();
    },
  };
}

/** Starts all jobs. `nudge` wakes them after a commit, so that a clock, a call or a webhook does not wait. */
export function startWorkers(app: App): Workers {
  const courier = new Courier(app);
  const counting = startCounting(app);
  const jobs = [
    loop(app, 'timers', () => runDueTimers(app), IDLE_MS),
    loop(app, 'test clocks', () => advanceClocks(app), IDLE_MS),
    loop(app, 'calls', () => performDueCalls(app), IDLE_MS),
    loop(app, 'webhooks', (back) => courier.deliverDue(back), IDLE_MS),
  ];
  const regular = [loop(app, 'ledger', () => sealLedger(app), SEAL_MS), loop(app, 'pruning', () => prune(app), HOUR_MS), loop(app, 'usage slots', () => turnSlots(app), HOUR_MS)];
  return {
    nudge: () => jobs.forEach((job) => job.nudge()),
    async stop() {
      await Promise.all([...jobs, ...regular].map((job) => job.stop()).concat(courier.stop()));
      await counting.stop();
    },
  };
}
