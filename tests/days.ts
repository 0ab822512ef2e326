/** A moment of UTC in Unix seconds, for tests: `day('2026-01-31')` is that day's first one, `day('2026-01-31T12:30')` one within it. */
export const day = (text: string): number => Date.parse(text.includes('T') && !text.endsWith('Z') ? `${text}Z` : text) / 1_000;
