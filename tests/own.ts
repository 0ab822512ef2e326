/** Kontor's own requests, under `/v1/kontor/`, by the official client, which does not know them. */
import assert from 'node:assert/strict';
import type Stripe from 'stripe';
import { invoicesOf } from './shop.ts';

/** An answer that no library has a type for: what a test expects of it, it asserts. */
export type Json = { [field: string]: any };

export const own = <T = Json>(stripe: Stripe, method: string, path: string, params?: object): Promise<T> => stripe.rawRequest(method, `/v1/kontor/${path}`, params) as Promise<T>;

/** An invoice's explanation, which follows from the facts and agrees with what is billed. */
export async function explained(stripe: Stripe, invoice: string, language: 'en' | 'de' = 'en'): Promise<Json> {
  const told = await own(stripe, 'GET', `invoices/${invoice}/explanation?language=${language}`);
  assert.deepEqual([told.differences, told.agrees], [[], true], invoice);
  return told;
}

/** The amounts of the lines of a customer's invoices, oldest first, once each is found to follow from what happened. */
export async function explainedBills(stripe: Stripe, customer: string): Promise<string[]> {
  const invoices = await invoicesOf(stripe, customer);
  for (const { id } of invoices) await explained(stripe, id);
  return invoices.map(({ lines }) => lines.data.map((line) => line.amount).join(' '));
}
