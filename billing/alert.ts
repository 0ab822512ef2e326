/** Alerts: they tell, once, that a customer has used as much of a meter as they wait for, as soon as it was counted. */
import { decision, refuse, type Decision, type Instant, type Moment } from './decision.ts';
import { compare, parseDecimal } from './money.ts';

export type AlertRow = {
  id: string;
  created: Instant;
  title: string;
  status: 'active' | 'inactive' | 'archived';
  meter: string;
  /** Whose usage is watched; null for that of every customer. */
  customer: string | null;
  /** A plain decimal. */
  gte: string;
  /** `recurring` tells once in each period, `one_time` once at all. */
  recurrence: 'one_time' | 'recurring';
  /** From when on usage counts: when it was made, or activated again. */
  since: Instant;
};

type AlertTrigger = { id: string; alert: string; customer: string; counted_from: Instant; triggered_at: Instant; value: string };

/** What the event of a triggered alert shows. */
export type Triggered = { alert: AlertRow; trigger: AlertTrigger };

const put = (before: AlertRow | null, alert: AlertRow): Decision & { alert: AlertRow } => ({ ...decision(), puts: [{ table: 'billing_alerts', before, after: alert }], alert });

export function createAlert(given: Pick<AlertRow, 'title' | 'meter' | 'customer' | 'gte' | 'recurrence'>, moment: Moment): Decision & { alert: AlertRow } {
  return put(null, { ...given, id: moment.newId('alrt'), created: moment.now, status: 'active', since: moment.now });
}

/** It can trigger again, by usage from now on. */
export function activateAlert(before: AlertRow, moment: Moment): Decision & { alert: AlertRow } {
  if (before.status === 'active') refuse(undefined, `The alert ${before.id} is active already.`);
  return put(before, { ...before, status: 'active', since: moment.now });
}

export function deactivateAlert(before: AlertRow): Decision & { alert: AlertRow } {
  if (before.status === 'inactive') refuse(undefined, `The alert ${before.id} is inactive already.`);
  return put(before, { ...before, status: 'inactive' });
}

/** It is not seen any more, and cannot be brought back. */
export const archiveAlert = (before: AlertRow): Decision & { alert: AlertRow } => put(before, { ...before, status: 'archived' });

/** Tells that a customer's usage since `counted_from` has reached the alert, unless that was told already, or has not. */
export function triggerAlert(alert: AlertRow, customer: string, usage: { counted_from: Instant; value: string; told: boolean }, moment: Moment): Decision {
  const made = decision();
  const { counted_from, value, told } = usage;
  if (alert.status !== 'active' || told || compare(parseDecimal(value)!, parseDecimal(alert.gte)!) < 0) return made;
  const trigger: AlertTrigger = { id: moment.newId('altr'), alert: alert.id, customer, counted_from, triggered_at: moment.now, value };
  made.puts.push({ table: 'billing_alert_triggers', before: null, after: trigger });
  const room = alert.recurrence === 'one_time' ? 'billing' : 'kontor';
  made.facts.push({ type: `${room}.alert.triggered`, object: `${room}.alert_triggered`, whole: { alert, trigger } satisfies Triggered, at: moment.now });
  return made;
}
