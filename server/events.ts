/** What an event says beyond the object itself. */
import type { Json } from './context.ts';

const isPlain = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * The fields of `before` whose values differ in `after`, as Stripe gives them with `*.updated`: nested objects by their changed fields,
 * arrays whole, and null for a field that was not there. Null where nothing differs.
 */
export function previousAttributes(before: Json, after: Json): Json | null {
  const previous: Json = {};
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[field];
    const is = after[field];
    if (same(was, is)) continue;
    // A different object in the same place is given whole: its fields have nothing to do with each other.
    const sameThing = isPlain(was) && isPlain(is) && was.id === is.id;
    previous[field] = sameThing ? previousAttributes(was, is) : (was ?? null);
  }
  return Object.keys(previous).length > 0 ? previous : null;
}
