/** Kontor's own requests, under `/v1/kontor/`, by the official client, which does not know them. */
import type Stripe from 'stripe';

/** An answer that no library has a type for: what a test expects of it, it asserts. */
export type Json = { [field: string]: any };

export const own = <T = Json>(stripe: Stripe, method: string, path: string, params?: object): Promise<T> => stripe.rawRequest(method, `/v1/kontor/${path}`, params) as unknown as Promise<T>;
