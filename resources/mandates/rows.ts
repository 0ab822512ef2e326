import { refuse } from '../../billing/decision.ts';
import type { Acceptance, MandateRow } from '../../billing/payment/payment.ts';
import type { Context } from '../../server/context.ts';
import { rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';

/** Mandates, in the order of their ids. */
export function mandatesById(tx: Tx, ids: readonly string[]): Promise<MandateRow[]> {
  return rowsById<MandateRow>(tx, 'mandates', ids);
}

/** The mandates of payment methods that are in force, locked. */
export function lockMandatesOf(tx: Tx, methods: readonly string[]): Promise<MandateRow[]> {
  return rows<MandateRow>(tx, sql`select * from mandates where payment_method = any(${methods}::text[]) and status = 'active' order by id for update`);
}

/** The mandate that a parameter names. */
export async function mandateNamed(ctx: Context, id: string | undefined): Promise<MandateRow | null> {
  if (id === undefined) return null;
  const [found] = await mandatesById(ctx.tx, [id]);
  return found ?? missing('mandate', id, 'mandate');
}

type Given = '' | { customer_acceptance: { type: 'online' | 'offline'; accepted_at?: number; online?: { infer_from_client?: boolean; ip_address?: string; user_agent?: string } } } | null | undefined;

/** How the holder agreed. A browser's address and name are seen; whoever asks for it has to tell them. */
export function acceptanceOf(ctx: Context, given: Given): Acceptance | null {
  if (!given) return null;
  const { type, accepted_at = null, online = {} } = given.customer_acceptance;
  if (type === 'offline') return { type, accepted_at };
  const seen = ctx.request?.publishable ? ctx.request.client : { ip_address: null, user_agent: null };
  const ip_address = online.ip_address ?? seen.ip_address;
  const user_agent = online.user_agent ?? seen.user_agent;
  for (const [name, value] of Object.entries({ ip_address, user_agent })) {
    if (value === null) refuse('parameter_missing', `A mandate that was accepted online says from where and with what: give \`mandate_data[customer_acceptance][online][${name}]\`.`, `mandate_data[customer_acceptance][online][${name}]`);
  }
  return { type, accepted_at, online: { ip_address, user_agent } };
}
