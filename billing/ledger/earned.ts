/** When revenue is earned: in proportion to the seconds of its period. */
import type { Instant } from '../decision.ts';
import { roundDiv } from '../money.ts';

type Span = { start: Instant; end: Instant };

/**
 * What of an amount is earned before a moment. It is cumulative, so what is earned in a day is the difference between its end and its beginning, and the days of a period come to the amount exactly.
 * Without a period all of it is earned when it is posted. The amount is all that was posted for a line by then, so that what was taken back of it leaves nothing of a cent.
 */
export function earned(amount: bigint, period: Span | null, moment: Instant): bigint {
  if (period === null || moment >= period.end) return amount;
  if (moment <= period.start) return 0n;
  return roundDiv(amount * BigInt(moment - period.start), BigInt(period.end - period.start));
}
