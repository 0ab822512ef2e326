import type { CapRow, CapState, ReservationRow } from '../../../billing/cap.ts';
import type { Json, Resource, World } from '../../../server/context.ts';
import { minor } from '../../../server/http/wire.ts';
import { capsById, reservationsById } from './rows.ts';

export const renderCap = (cap: CapRow, world: World): Json => ({
  id: cap.id,
  object: 'kontor.cap',
  amount: cap.amount === null ? null : minor(cap.amount),
  created: cap.created,
  currency: cap.currency,
  customer: cap.customer,
  livemode: world.livemode,
  metadata: cap.metadata,
  meter: cap.meter,
  name: cap.name,
  period: cap.period,
  quantity: cap.quantity,
  status: cap.status,
  test_clock: cap.test_clock,
});

/** Units as decimals, money as whole minor units. */
export function renderState({ cap, limit, used, reserved, remaining, allowed }: CapState): Json {
  const value = (text: string) => (cap.currency === null ? text : Number(text));
  return { allowed, cap: cap.id, currency: cap.currency, limit: value(limit), meter: cap.meter, name: cap.name, period: cap.period, remaining: value(remaining), reserved: value(reserved), used: value(used) };
}

export const renderReservation = (reservation: ReservationRow, world: World): Json => ({
  id: reservation.id,
  object: 'kontor.usage_reservation',
  created: reservation.created,
  customer: reservation.customer,
  dimensions: reservation.dimensions,
  expires_at: reservation.expires_at,
  finalized_quantity: reservation.finalized_quantity,
  identifier: reservation.identifier,
  livemode: world.livemode,
  metadata: reservation.metadata,
  meter: reservation.meter,
  quantity: reservation.quantity,
  status: reservation.status,
  test_clock: reservation.test_clock,
});

export const cap: Resource<CapRow> = { object: 'kontor.cap', prefix: 'cap', render: renderCap, load: (ctx, ids) => capsById(ctx.tx, ids), expands: { customer: 'customer', meter: 'billing.meter' } };
export const reservation: Resource<ReservationRow> = {
  object: 'kontor.usage_reservation', prefix: 'ures', render: renderReservation, load: (ctx, ids) => reservationsById(ctx.tx, ids), expands: { customer: 'customer', meter: 'billing.meter' },
};
