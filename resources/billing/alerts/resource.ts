import type Stripe from 'stripe';
import type { AlertRow, Triggered } from '../../../billing/alert.ts';
import type { Json, Resource, World } from '../../../server/context.ts';
import type { Wire } from '../../../server/http/wire.ts';
import { alertsById } from './rows.ts';

export function renderAlert(alert: AlertRow, world: World): Wire<Stripe.Billing.Alert> {
  const { customer, gte, meter } = alert;
  return {
    id: alert.id,
    object: 'billing.alert',
    alert_type: 'usage_threshold',
    livemode: world.livemode,
    status: alert.status,
    title: alert.title,
    usage_threshold: { filters: customer === null ? null : [{ customer, type: 'customer' }], gte: Number(gte), meter, recurrence: 'one_time' },
  };
}

/** An alert that tells once in each period, which Stripe's types do not know. */
export function renderRecurring(alert: AlertRow, world: World): Json {
  const { usage_threshold, ...rest } = renderAlert(alert, world);
  return { ...rest, object: 'kontor.alert', usage_threshold: { ...usage_threshold, recurrence: 'recurring' } };
}

const expands = { 'usage_threshold.meter': 'billing.meter' };

export const alert: Resource<AlertRow> = { object: 'billing.alert', prefix: 'alrt', render: renderAlert, load: (ctx, ids) => alertsById(ctx.tx, ids), expands };
export const recurringAlert: Resource<AlertRow> = { object: 'kontor.alert', prefix: 'alrt', render: renderRecurring, load: (ctx, ids) => alertsById(ctx.tx, ids), expands };

/** What an event tells; it has no id of its own. */
const triggered = (object: string, render: (alert: AlertRow, world: World) => Json): Resource<Triggered> => ({
  object,
  prefix: 'altr',
  render: ({ alert: of, trigger }, world) => ({ object, alert: render(of, world), created: trigger.triggered_at, customer: trigger.customer, livemode: world.livemode, value: Number(trigger.value) }),
});

export const alertTriggered = triggered('billing.alert_triggered', renderAlert);
export const recurringTriggered = triggered('kontor.alert_triggered', renderRecurring);
