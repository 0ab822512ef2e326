import type { Metadata } from '../../billing/catalog.ts';
import type { Instant } from '../../billing/decision.ts';
import type { Context } from '../../server/context.ts';
import { row, rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';

export type WebhookEndpointRow = {
  id: string;
  created: Instant;
  url: string;
  enabled_events: string[];
  description: string | null;
  metadata: Metadata;
  status: 'enabled' | 'disabled';
  /** The version in which events are sent; null is the one that Kontor speaks. */
  api_version: string | null;
  secret: string;
  /** The secret before the last rolling, which signs too until it expires. */
  previous_secret: string | null;
  previous_secret_expires_at: Instant | null;
};

export function endpointsById(tx: Tx, ids: readonly string[], lock = false): Promise<WebhookEndpointRow[]> {
  return rows<WebhookEndpointRow>(tx, sql`select * from webhook_endpoints where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

export async function lockEndpoint(ctx: Context, id: string): Promise<WebhookEndpointRow> {
  const [found] = await endpointsById(ctx.tx, [id], true);
  return found ?? missing('webhook endpoint', id);
}

/** How many there are. Who asks holds the number until the transaction ends. */
export async function countEndpoints(tx: Tx): Promise<number> {
  await rows(tx, sql`select pg_advisory_xact_lock(hashtextextended('webhook_endpoints', kontor_world()))`);
  return (await row<{ count: number }>(tx, sql`select count(*)::int as count from webhook_endpoints`))!.count;
}
