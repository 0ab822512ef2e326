/** What is wrong with events whose senders do not wait for an answer: gathered by meter and kind of mistake, and reported a minute after the first of them, in one thin event for each meter. */
import type { Instant, Refusal } from '../../billing/decision.ts';
import type { UsageGiven } from '../../billing/usage.ts';
import type { App, Context, Json, TimerCommand, World } from '../context.ts';
import { arrayText, row, rows, sql } from '../database/sql.ts';
import { inWorld, type Tx } from '../database/world.ts';
import { tellThin } from '../webhooks/thin.ts';

/** Errors of this long come together in one report. */
const WINDOW_S = 60;
const MOST_SAMPLES = 5;

const TIMER = 'meter_event_errors.report';

type Wrong = { refusal: Refusal; given: UsageGiven };
type Sample = { error_message: string; request: { identifier: string } };

/** Keeps the errors and sees to it that they are reported, in a transaction of its own. */
export async function keepErrors(app: App, world: World, wrong: readonly Wrong[]): Promise<void> {
  if (wrong.length > 0) await inWorld(app.database.pool, world, (tx) => writeErrors(tx, app.clock.now(), wrong));
}

/** The same in the transaction of whoever found them. */
export async function writeErrors(tx: Tx, moment: Instant, wrong: readonly Wrong[]): Promise<void> {
  if (wrong.length === 0) return;
  const names = [...new Set(wrong.map(({ given }) => given.event_name))];
  const meters = await rows<{ id: string; event_name: string; status: string }>(
    tx,
    sql`select distinct on (event_name) id, event_name, status from meters where event_name = any(${arrayText(names, true)}::text[]) order by event_name, status, created desc`,
  );
  const meterOf = new Map(meters.map((meter) => [meter.event_name, meter]));
  const kinds = Map.groupBy(wrong, ({ refusal, given }) => {
    const meter = meterOf.get(given.event_name);
    return JSON.stringify([meter?.id ?? '', meter?.status === 'inactive' ? 'archived_meter' : (refusal.details.usage_error ?? 'invalid')]);
  });
  const sorted = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, all]) => {
    const [meter, code] = JSON.parse(kind) as [string, string];
    return { meter, code, errors: all.length, samples: JSON.stringify(all.slice(0, MOST_SAMPLES).map(sampleOf)) };
  });
  const texts = (field: 'meter' | 'code' | 'samples') => arrayText(sorted.map((each) => each[field]), true);
  const now = sql`to_timestamp(${moment}::bigint)`;
  // Their timers are locked first, as where they are reported.
  await row(
    tx,
    sql`insert into timers (kind, subject, at, lane) select ${TIMER}, subject, ${now} + make_interval(secs => ${WINDOW_S}), 'usage errors of ' || subject
        from unnest(${arrayText([...new Set(sorted.map(({ meter }) => meter || 'no meter'))], true)}::text[]) as r (subject) on conflict (world, kind, subject) do nothing`,
  );
  await row(
    tx,
    sql`insert into meter_event_errors as e (meter, code, errors, samples, since)
        select meter, code, errors, samples::jsonb, ${now}
        from unnest(${texts('meter')}::text[], ${texts('code')}::text[], ${arrayText(sorted.map(({ errors }) => errors))}::bigint[], ${texts('samples')}::text[]) as r (meter, code, errors, samples)
        on conflict (world, meter, code) do update set errors = e.errors + excluded.errors, samples = case when jsonb_array_length(e.samples) < ${MOST_SAMPLES} then e.samples || excluded.samples else e.samples end`,
  );
}

const sampleOf = ({ refusal, given }: Wrong): Sample => ({ error_message: refusal.message, request: { identifier: given.identifier ?? '' } });

/** Reports what has gathered, a thin event for each meter, and one for what has none. */
async function report(ctx: Context, due: readonly { subject: string; at: number }[]): Promise<void> {
  const subjects = due.map(({ subject }) => (subject === 'no meter' ? '' : subject));
  const found = await rows<{ meter: string; code: string; errors: bigint; samples: Sample[]; since: number }>(
    ctx.tx,
    sql`delete from meter_event_errors where meter = any(${subjects}::text[]) returning meter, code, errors, samples, since`,
  );
  const now = ctx.app.clock.now();
  for (const [meter, kinds] of Map.groupBy(found, (each) => each.meter)) {
    const count = kinds.reduce((sum, { errors }) => sum + Number(errors), 0);
    const data = {
      developer_message_summary: `There ${count === 1 ? 'is 1 invalid event' : `are ${count} invalid events`}.`,
      reason: { error_count: count, error_types: kinds.map(({ code, errors, samples }) => ({ code, error_count: Number(errors), sample_errors: samples.slice(0, MOST_SAMPLES) })) },
      validation_start: new Date(Math.min(...kinds.map(({ since }) => since)) * 1_000).toISOString(),
      validation_end: new Date(now * 1_000).toISOString(),
    } satisfies Json;
    const related = meter === '' ? null : { id: meter, type: 'billing.meter', url: `/v1/billing/meters/${meter}` };
    await tellThin(ctx, { type: meter === '' ? 'v1.billing.meter.no_meter_found' : 'v1.billing.meter.error_report_triggered', related_object: related, data });
  }
}

export const reportErrors: Record<string, TimerCommand> = { [TIMER]: report };
