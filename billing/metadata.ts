/** Metadata: what the account remembers with an object. */
import { refuse } from './decision.ts';
import type { Metadata } from './catalog.ts';

const METADATA_KEYS = 50;

/** Merges as Stripe does: a key with an empty value goes away, `''` for all of it clears it, what is not named stays. */
export function mergeMetadata(before: Metadata, given: Record<string, string> | '' | undefined): Metadata {
  if (given === undefined) return before;
  if (given === '') return {};
  const after = Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => value !== ''));
  const count = Object.keys(after).length;
  if (count > METADATA_KEYS) refuse(undefined, `An object can have ${METADATA_KEYS} metadata keys; this would make ${count}.`, 'metadata');
  return after;
}
