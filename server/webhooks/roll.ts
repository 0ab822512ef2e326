/** A new secret for an endpoint, whose receiver may go on with the old one for a while. */
import { DAY_S } from '../../billing/calendar.ts';
import type { Instant, Moment } from '../../billing/decision.ts';
import { byDefault, doc, fields, integer } from '../http/params.ts';

export const rollParams = fields({
  overlap: doc('For how many seconds the old secret signs beside the new one, so that a receiver can change to the new one without losing an event.', byDefault(integer({ min: 0, max: 7 * DAY_S }), DAY_S)),
});

/** The endpoint with its new secret, as it is to be stored. */
export function rolled<Row extends { secret: string; previous_secret: string | null; previous_secret_expires_at: Instant | null }>(before: Row, overlap: number, { now, newSecret }: Moment): Row {
  return {
    ...before,
    secret: `whsec_${newSecret(32)}`,
    previous_secret: overlap > 0 ? before.secret : null,
    previous_secret_expires_at: overlap > 0 ? now + overlap : null,
  };
}
