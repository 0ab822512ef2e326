/** How the types of npm `stripe` look on the wire: decimals are strings there. Renderers return these, so that the compiler holds our shapes to Stripe's. */
import type Stripe from 'stripe';

/** `T` as JSON: each `Decimal` a string, in all depths. */
export type Wire<T> = T extends Stripe.Decimal ? string : T extends (infer Item)[] ? Wire<Item>[] : T extends object ? { [field in keyof T]: Wire<T[field]> } : T;

/** Minor units on the wire: a whole number that JSON and the SDKs hold exactly. */
export function minor(amount: bigint): number {
  const number = Number(amount);
  if (!Number.isSafeInteger(number)) throw new Error('An amount is too large for the wire.');
  return number;
}
