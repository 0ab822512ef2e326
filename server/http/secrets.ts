import { timingSafeEqual } from 'node:crypto';

/** Whether a secret that was given is the right one, in a time that does not tell where it is not. */
export function isSecret(given: string, right: string): boolean {
  const [theirs, ours] = [Buffer.from(given), Buffer.from(right)];
  return theirs.length === ours.length && timingSafeEqual(theirs, ours);
}
