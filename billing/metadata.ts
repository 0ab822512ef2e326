/** What a change names of an object, its metadata among it: what is left out stays as it is. */
import { refuse } from './decision.ts';
import type { Metadata } from './catalog.ts';

/** The fields that are given. */
export const defined = <Change extends object>(change: Change): Change => Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Change;

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
