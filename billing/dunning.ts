/** Asking again: when a payment that failed is tried again, and when it is given up. */
import { DAY_S } from './calendar.ts';
import type { Instant } from './decision.ts';

/** The automatic retries, in days after the first attempt. */
const RETRY_DAYS: readonly number[] = [3, 5, 7];

/** When to try again after the attempt at `at`, the `attempt_count`-th one by the schedule; null when that was the last. */
export function nextAttempt(attempt_count: number, at: Instant): Instant | null {
  const next = RETRY_DAYS[attempt_count - 1];
  if (next === undefined) return null;
  return at + (next - (RETRY_DAYS[attempt_count - 2] ?? 0)) * DAY_S;
}

/** Where the issuer has said that a card must not be tried again, automatic retries wait for another one. */
export function mayRetry(error: { advice_code: string | null; payment_method: string | null } | null, payment_method: string): boolean {
  return error === null || error.advice_code !== 'do_not_try_again' || error.payment_method !== payment_method;
}
