/** How the types of npm `stripe` look on the wire: decimals are strings there. Renderers return these, so that the compiler holds our shapes to Stripe's. */
import type Stripe from 'stripe';

/** `T` as JSON: each `Decimal` a string, in all depths. */
export type Wire<T> = T extends Stripe.Decimal ? string : T extends (infer Item)[] ? Wire<Item>[] : T extends object ? { [field in keyof T]: Wire<T[field]> } : T;

export { minor } from '../../billing/money.ts';

/** An instant as the paths under /v2 write it: `2026-10-28T12:00:00.000Z`. */
export const moment = (at: number): string => new Date(at * 1_000).toISOString();
