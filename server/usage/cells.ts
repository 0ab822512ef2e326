/** Hours of a customer on a meter, which is what events are counted in. */
import type { Instant } from '../../billing/decision.ts';
import { parseDecimal, type Decimal } from '../../billing/money.ts';
import type { UsageEvent } from '../../billing/usage.ts';
import { instants } from '../database/arrays.ts';
import { arrayText, raw, sql, type Sql } from '../database/sql.ts';

export const HOUR_S = 3_600;
export const DAY_S = 24 * HOUR_S;

/** An hour of a customer on a meter, for one combination of the dimensions' values. */
export type Cell = { meter: string; customer: string; hour: Instant; dimensions: string };

export const cellOf = ({ meter, customer, timestamp, dimensions }: UsageEvent): Cell => ({ meter: meter!, customer, hour: timestamp - (timestamp % HOUR_S), dimensions });
export const nameOfCell = ({ meter, customer, hour, dimensions }: Cell): string => `${meter}\x1f${customer}\x1f${hour}\x1f${dimensions}`;

/** Cells as the relation `n (meter, customer, hour, dimensions, series)`. */
export const cellsOf = (cells: readonly (Cell & { series: bigint })[]): Sql => sql`unnest(${arrayText(cells.map((each) => each.meter))}::text[], ${arrayText(cells.map((each) => each.customer), true)}::text[],
  ${instants(cells.map((each) => each.hour))}::timestamptz[], ${arrayText(cells.map((each) => each.dimensions), true)}::text[], ${arrayText(cells.map((each) => each.series))}::bigint[]) as n (meter, customer, hour, dimensions, series)`;

/** A value of an event, which has been read before. */
export const decimal = (text: string): Decimal => (text.length < 16 && !text.includes('.') ? { digits: BigInt(text), scale: 0 } : parseDecimal(text)!);

/** An event `e` counts unless it was taken back: as text, for a query that is one, and as a part of others. */
export const COUNTS_TEXT = `not exists (select from meter_event_cancellations c where c.slot = e.slot and c.key = e.key and c.reverted_at is null)`;
export const COUNTS = raw(COUNTS_TEXT);
