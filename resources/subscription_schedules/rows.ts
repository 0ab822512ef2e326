import type { TaxRateRow } from '../../billing/catalog.ts';
import type { ScheduleRow, ScheduleWhole } from '../../billing/schedule/schedule.ts';
import { rated } from '../../billing/schedule/start.ts';
import { row, rows, rowsById, sql, type Sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import type { Range } from '../../server/http/params.ts';
import { equal, within } from '../../server/lists.ts';
import { taxRatesById } from '../tax_rates/rows.ts';

/** Schedules with the tax rates that they name, in the order of their ids. `lock` keeps others from changing them until the transaction ends; lock their customers and subscriptions first. */
export async function schedulesById(tx: Tx, ids: readonly string[], lock = false): Promise<ScheduleWhole[]> {
  if (ids.length === 0) return [];
  return wholeSchedules(tx, await rowsById<ScheduleRow>(tx, 'subscription_schedules', ids, lock));
}

export async function wholeSchedules(tx: Tx, found: readonly ScheduleRow[]): Promise<ScheduleWhole[]> {
  const ids = found.flatMap(({ phases }) => phases.flatMap((phase) => [...(phase.default_tax_rates ?? []), ...[...phase.items, ...phase.add_invoice_items].flatMap((item) => item.tax_rates)]));
  const rates = new Map<string, TaxRateRow>(ids.length === 0 ? [] : (await taxRatesById(tx, [...new Set(ids)])).map((rate) => [rate.id, rate]));
  return found.map((schedule) => rated(schedule, rates));
}

/** Whose a schedule is, on which clock it lives and what it manages, before anything is locked. */
export function ownerOf(tx: Tx, id: string): Promise<{ customer: string; test_clock: string | null; subscription: string | null; status: string } | undefined> {
  return row(tx, sql`select customer, test_clock, subscription, status from subscription_schedules where id = ${id}`);
}

/** The customers of schedules. */
export async function customersOf(tx: Tx, ids: readonly string[]): Promise<string[]> {
  return (await rows<{ customer: string }>(tx, sql`select distinct customer from subscription_schedules where id = any(${ids}::text[])`)).map((each) => each.customer);
}

/** The customer's schedules that have not started, locked. */
export async function startingOf(tx: Tx, customer: string): Promise<ScheduleWhole[]> {
  return wholeSchedules(tx, await rows<ScheduleRow>(tx, sql`select * from subscription_schedules where customer = ${customer} and status = 'not_started' order by id for update`));
}

type Filters = { canceled_at?: Range; completed_at?: Range; created?: Range; customer?: string; released_at?: Range; scheduled?: boolean };

/** The conditions of a list. Those on test clocks are seen only with their customer. */
export function matching(filters: Filters): Sql[] {
  const { customer, scheduled } = filters;
  return [
    ...equal('customer', customer),
    ...equal('test_clock', customer === undefined ? null : undefined),
    ...(scheduled === undefined ? [] : [scheduled ? sql`status = 'not_started'` : sql`status <> 'not_started'`]),
    ...within('canceled_at', filters.canceled_at),
    ...within('completed_at', filters.completed_at),
    ...within('created', filters.created),
    ...within('released_at', filters.released_at),
  ];
}

/** What a schedule that is not made, or not changed yet, would bill is previewed by the room of subscriptions. */
export { changeAsked, newAsked } from './asked.ts';
export { lockSchedule, startFacts } from './facts.ts';
