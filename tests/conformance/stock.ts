/** A little of everything that the rooms can make, so that requests have something to be about. */
import type Stripe from 'stripe';
import { runDueTimers } from '../../server/timers.ts';
import type { Kontor } from '../kontor.ts';
import { own } from '../own.ts';

/** Ids by the prefix of the kind (`cus`) and by the collection in the path (`customers`). What is due at once is run, as there may be no worker. */
export async function stock({ app }: Kontor, stripe: Stripe): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  const put = (collection: string, { id }: { id: string }): string => {
    ids.set(collection, id);
    const prefix = /^[a-z_]+(?=_)/.exec(id)?.[0];
    if (prefix && !ids.has(prefix)) ids.set(prefix, id);
    return id;
  };
  const made = async (path: string, params: object) => put(`kontor/${path}`, await own<{ id: string }>(stripe, 'POST', path, params));
  put('test_helpers/test_clocks', await stripe.testHelpers.testClocks.create({ frozen_time: 1_767_225_600 }));
  const file = put('files', await stripe.files.create({ purpose: 'dispute_evidence', file: { data: Buffer.from('%PDF-1.7'), name: 'receipt.pdf', type: 'application/pdf' } }));
  put('file_links', await stripe.fileLinks.create({ file }));
  put('webhook_endpoints', await stripe.webhookEndpoints.create({ url: 'https://example.com/hooks', enabled_events: ['*'] }));
  const webhook_endpoint = { url: 'https://example.com/thin' };
  put('kontor/event_destinations', await stripe.v2.core.eventDestinations.create({ name: 'Thin', type: 'webhook_endpoint', event_payload: 'thin', enabled_events: ['v1.billing.meter.no_meter_found'], webhook_endpoint }));
  const customer = put('customers', await stripe.customers.create({ name: 'Jenny', email: 'jenny@example.com' }));
  const payment_method = put('payment_methods', await stripe.paymentMethods.attach('pm_card_visa', { customer }));
  ids.set('customers/payment_methods', payment_method);
  put('customers/tax_ids', await stripe.customers.createTaxId(customer, { type: 'eu_vat', value: 'DE123456789' }));
  put('customers/balance_transactions', await stripe.customers.createBalanceTransaction(customer, { amount: -500, currency: 'usd' }));
  const product = put('products', await stripe.products.create({ name: 'Seat' }));
  const price = put('prices', await stripe.prices.create({ product, currency: 'usd', unit_amount: 1_500, recurring: { interval: 'month' } }));
  const coupon = put('coupons', await stripe.coupons.create({ percent_off: 25, duration: 'once' }));
  put('promotion_codes', await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon } }));
  put('tax_rates', await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false }));
  put('billing/meters', await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'calls', default_aggregation: { formula: 'sum' } }));
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price }], collection_method: 'send_invoice', days_until_due: 30 });
  put('subscriptions', subscription);
  put('subscription_items', subscription.items.data[0]!);
  const later = (await stripe.prices.create({ currency: 'usd', unit_amount: 900, recurring: { interval: 'month' }, product_data: { name: 'After the trial' } })).id;
  put('product_catalog/trial_offers', await stripe.productCatalog.trialOffers.create({ price, duration: { type: 'relative', relative: { iterations: 1 } }, end_behavior: { transition: { price: later } } }));
  put('subscription_schedules', await stripe.subscriptionSchedules.create({ customer, start_date: 4_102_444_800, phases: [{ items: [{ price }], duration: { interval: 'month' } }] }));
  put('invoiceitems', await stripe.invoiceItems.create({ customer, amount: 700, currency: 'usd' }));
  const invoice = put('invoices', await stripe.invoices.create({ customer, collection_method: 'send_invoice', days_until_due: 30, auto_advance: false }));
  await stripe.invoiceItems.create({ customer, invoice, amount: 300, currency: 'usd' });
  const paid = await stripe.invoices.create({ customer, auto_advance: false, default_payment_method: payment_method });
  await stripe.invoiceItems.create({ customer, invoice: paid.id, amount: 9_900, currency: 'usd' });
  await stripe.invoices.pay(paid.id);
  put('credit_notes', await stripe.creditNotes.create({ invoice: paid.id, amount: 900, credit_amount: 900 }));
  put('invoices/lines', (await stripe.invoices.listLineItems(invoice)).data[0]!);
  put('invoice_payments', (await stripe.invoicePayments.list({ invoice: paid.id })).data[0]!);
  put('payment_intents', (await stripe.paymentIntents.list({ customer, limit: 1 })).data[0]!);
  put('charges', (await stripe.charges.list({ customer, limit: 1 })).data[0]!);
  put('balance_transactions', (await stripe.balanceTransactions.list({ limit: 1 })).data[0]!);
  const contested = await stripe.paymentIntents.create({ amount: 2_000, currency: 'usd', payment_method: 'pm_card_createDispute', confirm: true });
  while (await runDueTimers(app));
  put('disputes', (await stripe.disputes.list({ payment_intent: contested.id })).data[0]!);
  put('payment_method_domains', await stripe.paymentMethodDomains.create({ domain_name: 'shop.example.com' }));
  await made('bank_accounts', { country: 'US', currency: 'usd', account_number: '000123456789' });
  await stripe.paymentIntents.create({ amount: 9_000, currency: 'usd', payment_method: 'pm_card_bypassPending', confirm: true });
  put('payouts', await stripe.payouts.create({ amount: 1_000, currency: 'usd' }));
  put('events', (await stripe.events.list({ limit: 1 })).data[0]!);
  const deliveries = await own(stripe, 'GET', 'webhook_deliveries');
  put('kontor/webhook_deliveries', deliveries.data[0]);
  const dearer = await stripe.prices.create({ product, currency: 'usd', unit_amount: 1_800, recurring: { interval: 'month' } });
  await made('price_moves', { from_price: price, to_price: dearer.id, proration_behavior: 'none' });
  await stripe.billing.meterEvents.create({ event_name: 'calls', identifier: 'wrong', payload: { stripe_customer_id: customer, value: '5' } });
  await made('usage/corrections', { type: 'amend', amend: { event_name: 'calls', identifier: 'wrong', payload: { stripe_customer_id: customer, value: '4' } } });
  const threshold = { gte: 5_000_000, meter: ids.get('billing/meters')!, recurrence: 'one_time' as const };
  put('billing/alerts', await stripe.billing.alerts.create({ alert_type: 'usage_threshold', title: 'Many calls', usage_threshold: threshold }));
  await made('alerts', { alert_type: 'usage_threshold', title: 'Many calls each month', usage_threshold: { ...threshold, recurrence: 'recurring' } });
  put('billing/credit_grants', await stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value: 400 } }, applicability_config: { scope: { price_type: 'metered' } } }));
  put('billing/credit_balance_transactions', (await stripe.billing.creditBalanceTransactions.list({ customer })).data[0]!);
  await made('caps', { customer, amount: 90_000, currency: 'usd' });
  await made('usage/reservations', { customer, event_name: 'calls' });
  await made('credit_top_ups', { customer, amount: 500, currency: 'usd', threshold: 1 });
  await stockPayments(stripe, customer, put);
  const processor = await made('processors', { type: 'stripe', settings: { secret_key: 'sk_test_0123456789' } });
  // Nobody is asked anything there.
  await own(stripe, 'POST', `processors/${processor}`, { status: 'inactive' });
  put('kontor/payment_attempts', (await own(stripe, 'GET', 'payment_attempts')).data[0]);
  await stockOutcomes(stripe, put);
  ids.set('test_helpers/customers', customer);
  ids.set('kontor/invoices/lines', ids.get('invoices/lines')!);
  ids.set('kontor/meters', ids.get('billing/meters')!);
  ids.set('kontor/customers', customer);
  ids.set('kontor/subscriptions', subscription.id);
  ids.set('kontor/prices', price);
  ids.set('kontor/invoices', invoice);
  ids.set('kontor/ledger/documents', invoice);
  ids.set('kontor/payment_intents', ids.get('payment_intents')!);
  ids.set('kontor/setup_intents', ids.get('setup_intents')!);
  ids.set('kontor/webhook_endpoints', ids.get('webhook_endpoints')!);
  return ids;
}

/** A refund, a method that was set up under a mandate, and what a customer has sent. */
async function stockPayments(stripe: Stripe, customer: string, put: (collection: string, thing: { id: string }) => string): Promise<void> {
  const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true });
  put('refunds', await stripe.refunds.create({ payment_intent: paid.id, amount: 100 }));
  const setup = await stripe.setupIntents.create({ customer, payment_method: 'pm_sepaDebit_success_at', mandate_data: { customer_acceptance: { type: 'offline' } }, confirm: true });
  put('setup_intents', setup);
  put('mandates', { id: setup.mandate as string });
  put('confirmation_tokens', await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa' }));
  put('payment_method_configurations', await stripe.paymentMethodConfigurations.create({ name: 'Another' }));
  put('customers/cash_balance_transactions', await stripe.testHelpers.customers.fundCashBalance(customer, { amount: 300, currency: 'eur' }));
}

/** An outcome that was billed, its receipt, and what was put right of its invoice since; on a clock, where that needs no worker. */
async function stockOutcomes(stripe: Stripe, put: (collection: string, thing: { id: string }) => string): Promise<void> {
  const raw = (method: string, path: string, body?: object) => own<any>(stripe, method, path, body);
  const start = 1_767_225_600;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: start });
  const { id: customer } = await stripe.customers.create({ test_clock: clock.id });
  const definition = await raw('POST', 'outcome_definitions', { display_name: 'Agent', subject_key: 'conversation', rules: [{ event_name: 'solved', effect: 'succeed' }] });
  put('kontor/outcome_definitions', definition);
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 99, recurring: { interval: 'month', usage_type: 'metered', meter: definition.outcomes[0].meter }, product_data: { name: 'Resolution' } });
  const { id: subscription } = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], backdate_start_date: start - 10 * 86_400, collection_method: 'send_invoice', days_until_due: 30 });
  const solve = (conversation: string) => stripe.billing.meterEvents.create({ event_name: 'solved', timestamp: start - 86_400, payload: { stripe_customer_id: customer, conversation } });
  await solve('one');
  const { latest_invoice } = await stripe.subscriptions.cancel(subscription, { invoice_now: true });
  await stripe.invoices.finalizeInvoice(latest_invoice as string);
  await solve('two');
  put('kontor/outcomes', (await raw('GET', `outcomes?customer=${customer}`)).data[0]);
  put('kontor/outcome_receipts', (await raw('GET', `outcome_receipts?customer=${customer}`)).data[0]);
  put('kontor/invoice_corrections', (await raw('GET', `invoice_corrections?customer=${customer}`)).data[0]);
}

/** The collection that the last name of a route's path is of: `/v1/customers/:customer/tax_ids/:id` → `customers/tax_ids`. */
const collectionOf = (parts: readonly string[]): string => parts.filter((each) => !each.startsWith(':')).join('/');

/** A route's path with an id in each place. */
export const pathWith = (path: string, id: (collection: string) => string): string =>
  path.split('/').map((part, n, parts) => (part.startsWith(':') ? id(collectionOf(parts.slice(2, n))) : part)).join('/');
