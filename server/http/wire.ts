/** How the types of npm `stripe` look on the wire: decimals are strings there. Renderers return these, so that the compiler holds our shapes to Stripe's. */
import type Stripe from 'stripe';

/** `T` as JSON: each `Decimal` a string, in all depths. */
export type Wire<T> = T extends Stripe.Decimal ? string : T extends (infer Item)[] ? Wire<Item>[] : T extends object ? { [field in keyof T]: Wire<T[field]> } : T;

export { minor } from '../../billing/money.ts';
