import type { Metadata } from '../../billing/catalog.ts';
import { refuse, type Instant } from '../../billing/decision.ts';
import type { Context } from '../../server/context.ts';
import { row, rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { checkUrl } from '../../server/webhooks/destination.ts';

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
  /** Whether it is an event destination: thin events are sent there, and no others. Then it has a name, and the moment of its last change. */
  thin: boolean;
  name: string | null;
  updated: Instant | null;
};

export function endpointsById(tx: Tx, ids: readonly string[], lock = false): Promise<WebhookEndpointRow[]> {
  return rowsById<WebhookEndpointRow>(tx, 'webhook_endpoints', ids, lock);
}

/** An endpoint of events, or one of thin events. */
export async function findEndpoint(ctx: Context, id: string, { thin = false, lock = false }: { thin?: boolean; lock?: boolean } = {}): Promise<WebhookEndpointRow> {
  const [found] = await endpointsById(ctx.tx, [id], lock);
  return found?.thin === thin ? found : missing(thin ? 'event destination' : 'webhook endpoint', id);
}

/** Each event costs a delivery for each endpoint. */
const MOST = 16;

/** Refuses one more than there may be. Who asks holds the number until the transaction ends. */
export async function refuseMore({ tx }: Context): Promise<void> {
  await rows(tx, sql`select pg_advisory_xact_lock(hashtextextended('webhook_endpoints', kontor_world()))`);
  const { count } = (await row<{ count: number }>(tx, sql`select count(*)::int as count from webhook_endpoints`))!;
  if (count >= MOST) refuse(undefined, `There are ${MOST} webhook endpoints and event destinations already. Delete one that is not needed any more.`);
}

export function refuseUrl({ app }: Context, url: string, param: string): void {
  const checked = checkUrl(url, { allowLoopback: app.allowLoopback });
  if ('refused' in checked) refuse('url_invalid', checked.refused, param);
}
