/** Meters: which events count, for whom, and how they are added up. */
import type { MeterRow } from './catalog.ts';
import { decision, refuse, type Decision, type Moment } from './decision.ts';

type MeterGiven = Pick<MeterRow, 'display_name' | 'event_name' | 'default_aggregation'> & Partial<Pick<MeterRow, 'event_time_window' | 'customer_mapping' | 'value_settings' | 'dimensions'>>;

function put(type: string, before: MeterRow | null, meter: MeterRow, moment: Moment): Decision & { meter: MeterRow } {
  const made = decision();
  made.puts.push({ table: 'meters', before, after: meter });
  made.facts.push({ type, object: 'billing.meter', whole: meter, ...(before && type === 'billing.meter.updated' && { before }), at: moment.now });
  return { ...made, meter };
}

function refuseTaken(rival: MeterRow | null, param: string | undefined): void {
  if (rival) refuse('resource_already_exists', `The active meter ${rival.id} counts the events named ${rival.event_name}. Deactivate it, or choose another name.`, param);
}

/** A new meter. `rival` is the active meter that counts events of the same name: there can be one. */
export function createMeter(given: MeterGiven, rival: MeterRow | null, moment: Moment): Decision & { meter: MeterRow } {
  refuseTaken(rival, 'event_name');
  const { display_name, event_name, default_aggregation, event_time_window = null, dimensions = [] } = given;
  const { customer_mapping = { event_payload_key: 'stripe_customer_id', type: 'by_id' }, value_settings = { event_payload_key: 'value' } } = given;
  if (default_aggregation.formula !== 'count' && customer_mapping.event_payload_key === value_settings.event_payload_key) {
    refuse(undefined, `The key ${value_settings.event_payload_key} cannot hold both the customer and the value.`, given.value_settings ? 'value_settings[event_payload_key]' : 'customer_mapping[event_payload_key]');
  }
  return put('billing.meter.created', null, {
    id: moment.newId('mtr'),
    created: moment.now,
    updated: moment.now,
    display_name,
    event_name,
    event_time_window,
    customer_mapping,
    default_aggregation,
    value_settings,
    dimensions: [...dimensions].sort(),
    status: 'active',
    deactivated_at: null,
  }, moment);
}

export function renameMeter(before: MeterRow, display_name: string | undefined, moment: Moment): Decision & { meter: MeterRow } {
  const same = display_name === undefined || display_name === before.display_name;
  return put('billing.meter.updated', before, same ? before : { ...before, display_name, updated: moment.now }, moment);
}

/** From now on it takes no events and measures for no new prices. What it has counted stays, and is billed. `counter` is the outcome definition that counts on it. */
export function deactivateMeter(before: MeterRow, counter: string | null, moment: Moment): Decision & { meter: MeterRow } {
  if (counter !== null) refuse(undefined, `The outcome definition ${counter} counts its successes on the meter ${before.id}, and takes them back there. It stays active.`);
  if (before.status === 'inactive') refuse(undefined, `The meter ${before.id} is inactive already.`);
  return put('billing.meter.deactivated', before, { ...before, status: 'inactive', deactivated_at: moment.now, updated: moment.now }, moment);
}

export function reactivateMeter(before: MeterRow, rival: MeterRow | null, moment: Moment): Decision & { meter: MeterRow } {
  if (before.status === 'active') refuse(undefined, `The meter ${before.id} is active already.`);
  refuseTaken(rival, undefined);
  return put('billing.meter.reactivated', before, { ...before, status: 'active', deactivated_at: null, updated: moment.now }, moment);
}

/** Refuses a name that is none of a meter's dimensions. */
export function refuseNoDimension(meter: Pick<MeterRow, 'id' | 'dimensions'>, key: string, param: string): void {
  if (!meter.dimensions.includes(key)) refuse(undefined, `The meter ${meter.id} has no dimension ${key}; it has ${meter.dimensions.join(', ') || 'none'}.`, param);
}
