import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../../tests/kontor.ts';
import { customerAt } from '../../../tests/shop.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const EU = { type: 'eu_bank_transfer', eu_bank_transfer: { country: 'DE' } } as const;

async function person(): Promise<string> {
  return (await stripe.customers.create({ name: 'Jenny Rosen' })).id;
}

async function billed(customer: string, amount: number): Promise<Stripe.Invoice> {
  const draft = await stripe.invoices.create({ customer, currency: 'eur', collection_method: 'send_invoice', days_until_due: 30, payment_settings: { payment_method_types: ['customer_balance', 'card'] } });
  await stripe.invoiceItems.create({ customer, invoice: draft.id, amount, currency: 'eur' });
  return stripe.invoices.finalizeInvoice(draft.id);
}

const send = (customer: string, amount: number, reference?: string) => stripe.testHelpers.customers.fundCashBalance(customer, { amount, currency: 'eur', reference });
const held = async (customer: string) => (await stripe.customers.retrieveCashBalance(customer)).available?.eur ?? 0;
const statuses = async (...invoices: Stripe.Invoice[]) => Promise.all(invoices.map(async ({ id }) => (await stripe.invoices.retrieve(id)).status));

test('each customer has an account of its own, the same each time', async () => {
  const [first, second] = [await person(), await person()];
  const ask = (customer: string) => stripe.customers.createFundingInstructions(customer, { bank_transfer: EU, currency: 'eur', funding_type: 'bank_transfer' });
  const [one, again, other] = [await ask(first), await ask(first), await ask(second)];
  assert.deepEqual(one, again);
  assert.notEqual(one.bank_transfer.financial_addresses[0]!.iban!.iban, other.bank_transfer.financial_addresses[0]!.iban!.iban);
  assert.match(one.bank_transfer.financial_addresses[0]!.iban!.iban, /^DE[0-9]{20}$/);
  for (const [currency, type] of [['eur', 'eu_bank_transfer'], ['jpy', 'jp_bank_transfer']] as const) {
    assert.equal((await stripe.customers.createFundingInstructions(first, { bank_transfer: type === 'eu_bank_transfer' ? EU : { type }, currency, funding_type: 'bank_transfer' })).bank_transfer.type, type);
  }
  await assert.rejects(stripe.customers.createFundingInstructions(first, { bank_transfer: EU, currency: 'usd', funding_type: 'bank_transfer' }), { param: 'bank_transfer[type]' });
});

test('a payment by transfer waits, and is made when the money has come', async () => {
  const customer = await person();
  const made = await stripe.paymentIntents.create({
    amount: 1_000, currency: 'eur', customer, allowed_payment_method_types: ['customer_balance'], payment_method_data: { type: 'customer_balance' }, confirm: true,
    payment_method_options: { customer_balance: { funding_type: 'bank_transfer', bank_transfer: EU } },
  });
  const told = listen(kontor);
  const shown = made.next_action?.display_bank_transfer_instructions;
  assert.deepEqual([made.status, shown?.amount_remaining, shown?.type], ['requires_action', 1_000, 'eu_bank_transfer']);
  await told();
  await send(customer, 400, shown!.reference!);
  assert.deepEqual([(await stripe.paymentIntents.retrieve(made.id)).status, await held(customer)], ['requires_action', 400]);
  assert.deepEqual(typesOf(await told()), ['customer_cash_balance_transaction.created', 'cash_balance.funds_available']);
  await send(customer, 700, shown!.reference!);
  const paid = await stripe.paymentIntents.retrieve(made.id, { expand: ['latest_charge'] });
  assert.deepEqual([paid.status, (paid.latest_charge as Stripe.Charge).payment_method_details?.type, await held(customer)], ['succeeded', 'customer_balance', 100]);
  assert.deepEqual((await stripe.customers.listCashBalanceTransactions(customer)).data.map((each) => [each.type, each.net_amount, each.ending_balance]), [
    ['applied_to_payment', -1_000, 100], ['funded', 700, 1_100], ['funded', 400, 400],
  ]);
  await stripe.refunds.create({ payment_intent: made.id });
  assert.equal(await held(customer), 1_100);
});

test('a transfer pays the invoice that it names, or those that it is enough for', async () => {
  const customer = await person();
  const [first, second, third] = [await billed(customer, 1_000), await billed(customer, 2_000), await billed(customer, 3_000)];
  await send(customer, 2_000, `for ${second.number}`);
  assert.deepEqual(await statuses(first, second, third), ['open', 'paid', 'open']);
  await send(customer, 4_000);
  assert.deepEqual([await statuses(first, second, third), await held(customer)], [['paid', 'paid', 'paid'], 0]);
});

test('cash that a refund brings back pays what waits for it, unless it is applied by hand', async () => {
  const pays = async (amount: number) => {
    const customer = await person();
    const paid = await billed(customer, amount);
    await send(customer, amount);
    const [{ payment }] = (await stripe.invoicePayments.list({ invoice: paid.id })).data as [Stripe.InvoicePayment];
    return { customer, payment_intent: payment.payment_intent as string, open: await billed(customer, 1_000) };
  };
  const [whole, part, manual] = [await pays(1_000), await pays(3_000), await pays(1_000)];
  const told = listen(kontor);
  await told();
  await stripe.refunds.create({ payment_intent: whole.payment_intent });
  assert.deepEqual([await statuses(whole.open), await held(whole.customer)], [['paid'], 0]);
  assert.equal(typesOf(await told()).includes('cash_balance.funds_available'), false);
  await stripe.refunds.create({ payment_intent: part.payment_intent, amount: 1_500 });
  assert.deepEqual([await statuses(part.open), await held(part.customer)], [['paid'], 500]);
  assert.equal(typesOf(await told()).includes('cash_balance.funds_available'), true);
  await stripe.customers.updateCashBalance(manual.customer, { settings: { reconciliation_mode: 'manual' } });
  await stripe.refunds.create({ payment_intent: manual.payment_intent });
  assert.deepEqual([await statuses(manual.open), await held(manual.customer)], [['open'], 1_000]);
});

test('what is refunded to a customer who was deleted meanwhile can be sent back', async () => {
  const customer = await person();
  await billed(customer, 1_000);
  await send(customer, 1_000);
  const [{ payment_intent }] = (await stripe.charges.list({ customer })).data as [Stripe.Charge];
  await stripe.customers.del(customer);
  await stripe.refunds.create({ payment_intent: payment_intent as string });
  assert.equal((await stripe.refunds.create({ customer, origin: 'customer_balance', currency: 'eur', amount: 1_000 })).amount, 1_000);
  await assert.rejects(stripe.refunds.create({ customer, origin: 'customer_balance', currency: 'eur', amount: 1 }), { code: 'amount_too_large' });
});

test('a transfer that comes while the worker looks for cash pays all the same', async () => {
  for (let n = 0; n < 4; n += 1) {
    const customer = await person();
    const invoice = await billed(customer, 1_000);
    await send(customer, 1_000);
    assert.deepEqual(await statuses(invoice), ['paid']);
  }
});

test('too little stays the customer\'s until the rest comes; too much stays for the next one', async () => {
  const customer = await person();
  const invoice = await billed(customer, 1_000);
  await send(customer, 999, invoice.number!);
  assert.deepEqual([await statuses(invoice), await held(customer)], [['open'], 999]);
  await send(customer, 51, invoice.number!);
  assert.deepEqual([await statuses(invoice), await held(customer)], [['paid'], 50]);
});

test('too much pays what it is enough for, the oldest first, whatever was there before', async () => {
  const customer = await person();
  const [first, second] = [await billed(customer, 1_000), await billed(customer, 300)];
  await send(customer, 200);
  assert.deepEqual([await statuses(first, second), await held(customer)], [['open', 'open'], 200]);
  await send(customer, 900);
  assert.deepEqual([await statuses(first, second), await held(customer)], [['paid', 'open'], 100]);
  const third = await billed(customer, 500);
  await send(customer, 750, third.number!);
  assert.deepEqual([await statuses(first, second, third), await held(customer)], [['paid', 'paid', 'paid'], 50]);
});

test('what was sent before pays what is confirmed, or billed, afterwards', async () => {
  const customer = await person();
  await assert.rejects(stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, payment_method_data: { type: 'customer_balance' }, confirm: true }), { code: 'payment_intent_incompatible_payment_method', message: /allowed_payment_method_types/ });
  await send(customer, 1_500);
  const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, allowed_payment_method_types: ['customer_balance'], payment_method_data: { type: 'customer_balance' }, confirm: true });
  assert.deepEqual([paid.status, await held(customer)], ['succeeded', 500]);
  const { clock, customer: other } = await customerAt(stripe, 1_767_225_600, {});
  await send(other, 1_200);
  const invoice = await billed(other, 1_000);
  await kontor.advance(clock, 1_767_225_601);
  assert.deepEqual([await statuses(invoice), await held(other)], [['paid'], 200]);
});

test('two payments that wait for one invoice take what it costs once', async () => {
  const customer = await person();
  const invoice = await billed(customer, 3_000);
  const own = await stripe.paymentIntents.create({ amount: 3_000, currency: 'eur', customer, allowed_payment_method_types: ['customer_balance'], payment_method_data: { type: 'customer_balance' }, confirm: true });
  await stripe.invoices.attachPayment(invoice.id, { payment_intent: own.id });
  await send(customer, 7_000, invoice.number!);
  assert.deepEqual([await statuses(invoice), await held(customer)], [['paid'], 4_000]);
  assert.deepEqual((await stripe.invoicePayments.list({ invoice: invoice.id })).data.map(({ status }) => status).toSorted(), ['canceled', 'paid']);
});

test('what has paid nothing is sent back, and a customer is not deleted before', async () => {
  const { clock, customer } = await customerAt(stripe, 1_767_225_600, {});
  await send(customer, 1_200);
  const back = (more: object = {}) => stripe.refunds.create({ customer, origin: 'customer_balance', currency: 'eur', amount: 1_200, ...more });
  await assert.rejects(back({ amount: 1_201 }), { code: 'amount_too_large', param: 'amount' });
  await assert.rejects(back({ currency: 'usd' }), { code: 'amount_too_large' });
  await assert.rejects(back({ origin: undefined }), { code: 'parameter_missing', param: 'origin' });
  await assert.rejects(back({ payment_intent: 'pi_1' }), { code: 'parameters_exclusive', param: 'customer' });
  await assert.rejects(stripe.customers.del(customer), { message: /has sent €12.00 that paid nothing yet/ });
  const told = listen(kontor);
  await told();
  const refund = await back({ metadata: { why: 'too much' } });
  assert.deepEqual([refund.status, refund.amount, refund.charge, refund.customer, refund.destination_details?.type, await held(customer)], ['pending', 1_200, null, customer, 'eu_bank_transfer', 0]);
  assert.deepEqual((await stripe.customers.listCashBalanceTransactions(customer, { limit: 1 })).data.map(({ type, net_amount, ending_balance }) => [type, net_amount, ending_balance]), [['return_initiated', -1_200, 0]]);
  await assert.rejects(stripe.refunds.cancel(refund.id), { statusCode: 400 });
  await kontor.advance(clock, 1_767_225_600 + 2 * 86_400);
  const done = await stripe.refunds.retrieve(refund.id);
  assert.deepEqual([done.status, done.destination_details?.eu_bank_transfer?.reference_status], ['succeeded', 'available']);
  assert.deepEqual(typesOf(await told()).filter((type) => /refund|cash/.test(type)), ['refund.created', 'customer_cash_balance_transaction.created', 'refund.updated', 'refund.updated']);
  assert.equal((await stripe.customers.del(customer)).deleted, true);
});

test('by hand, cash is applied to the payment that is named', async () => {
  const customer = await person();
  assert.deepEqual((await stripe.customers.updateCashBalance(customer, { settings: { reconciliation_mode: 'manual' } })).settings, { reconciliation_mode: 'manual', using_merchant_default: false });
  const invoice = await billed(customer, 1_000);
  const transaction = await send(customer, 1_000, invoice.number!);
  assert.equal((await stripe.customers.retrieveCashBalanceTransaction(customer, transaction.id)).funded?.bank_transfer.reference, invoice.number);
  const intent = (await stripe.invoicePayments.list({ invoice: invoice.id })).data[0]!.payment.payment_intent as string;
  assert.equal((await stripe.paymentIntents.applyCustomerBalance(intent)).status, 'succeeded');
  assert.deepEqual(await statuses(invoice), ['paid']);
  await assert.rejects(stripe.paymentIntents.applyCustomerBalance(intent), { code: 'payment_intent_unexpected_state' });
  const other = await billed(customer, 500);
  await send(customer, 500);
  await stripe.customers.updateCashBalance(customer, { settings: { reconciliation_mode: 'automatic' } });
  assert.deepEqual(await statuses(other), ['paid']);
});

test('how cash is applied is said with the customer, too, and shown where it is asked for', async () => {
  const made = await stripe.customers.create({ cash_balance: { settings: { reconciliation_mode: 'manual' } }, expand: ['cash_balance'] });
  assert.deepEqual([made.cash_balance?.settings, made.cash_balance?.available], [{ reconciliation_mode: 'manual', using_merchant_default: false }, null]);
  const invoice = await billed(made.id, 1_000);
  await send(made.id, 1_000);
  assert.deepEqual([await statuses(invoice), (await stripe.customers.list({ limit: 1, expand: ['data.cash_balance'] })).data[0]?.cash_balance?.available], [['open'], { eur: 1_000 }]);
  const after = await stripe.customers.update(made.id, { name: 'Jenny', cash_balance: { settings: { reconciliation_mode: 'merchant_default' } }, expand: ['cash_balance'] });
  assert.deepEqual([after.name, after.cash_balance?.settings, after.cash_balance?.available, await statuses(invoice)], ['Jenny', { reconciliation_mode: 'automatic', using_merchant_default: true }, null, ['paid']]);
});

test('nobody is charged by transfer', async () => {
  const customer = await person();
  const invoice = await billed(customer, 1_000);
  const method = await stripe.paymentMethods.create({ type: 'customer_balance' });
  await assert.rejects(stripe.invoices.pay(invoice.id, { payment_method: method.id }));
  await assert.rejects(stripe.paymentMethods.attach(method.id, { customer }), { code: 'payment_method_not_available' });
});
