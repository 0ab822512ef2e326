/** Tokens of meter event sessions: they say themselves, signed, which world they are for and until when, so that the stream asks nobody. */
import { refuse, type Instant } from '../../billing/decision.ts';
import type { App, World } from '../context.ts';
import { masked, type Key } from './keys.ts';
import { unauthorized } from './errors.ts';
import { isSecret } from './secrets.ts';

/** A session's token is valid for 15 minutes, as Stripe's. */
export const SESSION_S = 900;

type Said = World & { expires_at: Instant };

const PREFIX = /^mes_(?:test|live)_/;

export function sessionToken(app: App, world: World, expires_at: Instant): string {
  const said = Buffer.from(JSON.stringify({ id: world.id, account: world.account, livemode: world.livemode, expires_at } satisfies Said)).toString('base64url');
  return `mes_${world.livemode ? 'live' : 'test'}_${said}.${app.sign(`meter event session ${said}`)}`;
}

/** The key that an `Authorization` header with a session's token stands for; null where it holds no such token. Refuses with 401. */
export function keyOfSession(app: App, header: string | undefined): Key | null {
  const token = /^Bearer\s+(\S+)$/i.exec(header ?? '')?.[1] ?? '';
  if (!PREFIX.test(token)) return null;
  const [said = '', signature = ''] = token.replace(PREFIX, '').split('.');
  if (!isSecret(signature, app.sign(`meter event session ${said}`))) unauthorized(`Invalid token of a meter event session: ${masked(token)}`);
  const { expires_at, ...world } = JSON.parse(Buffer.from(said, 'base64url').toString()) as Said;
  if (expires_at <= app.clock.now()) {
    refuse('billing_meter_event_session_expired', 'The meter event session has expired. Create a new one, and send its token.', undefined, { type: 'temporary_session_expired', status: 401 });
  }
  return { id: 'session', kind: 'secret', permissions: {}, world, expires_at, revoked_at: null };
}
