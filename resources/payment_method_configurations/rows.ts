import { refuse } from '../../billing/decision.ts';
import { METHODS } from '../../billing/payment/offer.ts';
import type { Context } from '../../server/context.ts';
import { rowsById } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';

export type Preference = 'on' | 'off';
export type ConfigurationRow = { id: string; created: number; name: string; active: boolean; is_default: boolean; preferences: Record<string, Preference> };

/** What holds where nothing was said: all types but transfers, which are offered by request. */
export const USUAL: Record<string, Preference> = Object.fromEntries(Object.entries(METHODS).map(([type, { flow }]) => [type, flow === 'push' ? 'off' : 'on']));

/** The configuration of an account that has not changed it. */
export const UNCHANGED: ConfigurationRow = { id: 'pmc_default', created: 0, name: 'Default', active: true, is_default: true, preferences: {} };

export async function configurationsById(tx: Tx, ids: readonly string[], lock = false): Promise<ConfigurationRow[]> {
  const found = await rowsById<ConfigurationRow>(tx, 'payment_method_configurations', ids, lock);
  return ids.includes(UNCHANGED.id) && !found.some((each) => each.id === UNCHANGED.id) ? [...found, UNCHANGED] : found;
}

/** The types that are switched on: by the configuration that is named, or by the default one. Null where nobody has said anything. One that a request names, `chosen`, must be active. */
export async function enabledTypes(ctx: Context, id: string | undefined, chosen = true): Promise<readonly string[] | null> {
  const [found] = await configurationsById(ctx.tx, [id ?? UNCHANGED.id]);
  if (!found) return missing('payment_method_configuration', id!, 'payment_method_configuration');
  if (chosen && !found.active) refuse(undefined, `The payment method configuration ${found.id} is not active.`, 'payment_method_configuration');
  if (found === UNCHANGED) return null;
  const preferences = { ...USUAL, ...found.preferences };
  return Object.keys(preferences).filter((type) => preferences[type] === 'on');
}
