/** Moments of UTC in Unix seconds, for tests, and how long they are apart. */

/** `day('2026-01-31')` is that day's first moment, `day('2026-01-31T12:30')` one within it. */
export const day = (text: string): number => Date.parse(text.includes('T') && !text.endsWith('Z') ? `${text}Z` : text) / 1_000;

export const HOUR = 3_600;
export const DAY = 24 * HOUR;

/** When most of what tests tell begins, and a month later. */
export const START = day('2026-01-01');
export const FEBRUARY = day('2026-02-01');
