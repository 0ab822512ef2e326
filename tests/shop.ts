/** What a test sells, and to whom, by the official client. */
import type Stripe from 'stripe';

/** The parameters of a customer who pays by this card. */
export const paysBy = (card = 'pm_card_visa') => ({ payment_method: card, invoice_settings: { default_payment_method: card } });

/** A customer on a test clock of its own, who pays by card unless it is said otherwise. */
export async function customerAt(stripe: Stripe, frozen_time: number, about: Stripe.CustomerCreateParams = paysBy()): Promise<{ clock: string; customer: string }> {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time });
  const { id: customer } = await stripe.customers.create({ test_clock: clock, ...about });
  return { clock, customer };
}

/** A meter that sums up the values of events of this name. */
export const meterOf = (stripe: Stripe, event_name: string): Promise<Stripe.Billing.Meter> =>
  stripe.billing.meters.create({ display_name: `${event_name[0]!.toUpperCase()}${event_name.slice(1)}`, event_name, default_aggregation: { formula: 'sum' } });

/** A price of so many cents a month for each seat. */
export const seatPrice = (stripe: Stripe, unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}): Promise<Stripe.Price> =>
  stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month' }, product_data: { name: 'Seat' }, ...more });

/** A price of so many cents for each unit of a meter, billed by the month. */
export const meteredPrice = (stripe: Stripe, meter: string, unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}): Promise<Stripe.Price> =>
  stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month', usage_type: 'metered', meter }, product_data: { name: 'Calls' }, ...more });

/** The invoices of a customer, oldest first. */
export const invoicesOf = async (stripe: Stripe, customer: string): Promise<Stripe.Invoice[]> => (await stripe.invoices.list({ customer, limit: 100 })).data.reverse();

/** Those invoices in short: status, reason and the amounts of the lines. */
export const billsOf = async (stripe: Stripe, customer: string): Promise<string[]> =>
  (await invoicesOf(stripe, customer)).map(({ status, billing_reason, lines }) => `${status} ${billing_reason} ${lines.data.map((line) => line.amount).join(' ')}`);

/** Reports an event of so many units; now, unless it has a timestamp. */
export const report = (stripe: Stripe, event_name: string, customer: string, value: number, timestamp?: number): Promise<Stripe.Billing.MeterEvent> =>
  stripe.billing.meterEvents.create({ event_name, timestamp, payload: { stripe_customer_id: customer, value: String(value) } });
