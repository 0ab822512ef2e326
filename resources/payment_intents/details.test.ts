/** What the amount of a payment is made of, and by what who buys and who sells know the payment. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

type Details = Stripe.PaymentIntentCreateParams.AmountDetails;
const lines = [{ product_name: 'Desk', product_code: 'DESK', quantity: 2, unit_cost: 4_000, unit_of_measure: 'piece' }, { product_name: 'Lamp', quantity: 3, unit_cost: 500, payment_method_options: { card: { commodity_code: '39111600' }, klarna: { reference: 'lamp' } } }];
const make = (amount_details: Details, more: Partial<Stripe.PaymentIntentCreateParams> = {}) => stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', amount_details, ...more });

test('lines, tax, shipping and discount are the amount, and are shown as they were given', async () => {
  // 2 of $40.00, 3 of $5.00, $9.00 of tax and $6.00 of shipping, less $10.00.
  const shipping = { amount: 600, from_postal_code: '10115', to_postal_code: 'SW1A 1AA' };
  const made = await make({ line_items: lines, tax: { total_tax_amount: 900 }, shipping, discount_amount: 1_000 }, { payment_details: { order_reference: 'order-12' }, expand: ['amount_details.line_items'] });
  const { line_items, ...rest } = made.amount_details!;
  assert.deepEqual(rest, { discount_amount: 1_000, shipping, tax: { total_tax_amount: 900 }, tip: {} });
  assert.deepEqual(made.payment_details, { customer_reference: null, order_reference: 'order-12' });
  const [desk, lamp] = line_items!.data;
  assert.match(desk!.id, /^uli_/);
  assert.deepEqual({ ...desk, id: 'uli' }, { id: 'uli', object: 'payment_intent_amount_details_line_item', discount_amount: null, payment_method_options: null, product_code: 'DESK', product_name: 'Desk', quantity: 2, tax: null, unit_cost: 4_000, unit_of_measure: 'piece' });
  assert.deepEqual(lamp!.payment_method_options, { card: { commodity_code: '39111600' }, klarna: { image_url: null, product_url: null, reference: 'lamp', subscription_reference: null } });
  assert.equal('line_items' in (await stripe.paymentIntents.retrieve(made.id)).amount_details!, false);
  const first = await stripe.paymentIntents.listAmountDetailsLineItems(made.id, { limit: 1 });
  assert.deepEqual([first.data.map((each) => each.id), first.has_more], [[desk!.id], true]);
  const second = await stripe.paymentIntents.listAmountDetailsLineItems(made.id, { limit: 1, starting_after: desk!.id });
  assert.deepEqual([second.data.map((each) => each.id), second.has_more], [[lamp!.id], false]);
  await assert.rejects(stripe.paymentIntents.listAmountDetailsLineItems(made.id, { starting_after: 'uli_none' }), { code: 'resource_missing', param: 'starting_after' });
  await assert.rejects(stripe.paymentIntents.listAmountDetailsLineItems('pi_none'), { code: 'resource_missing' });
});

test('what does not come to the amount is refused, or said where that is wanted', async () => {
  await assert.rejects(make({ line_items: lines }), { code: 'payment_intent_invalid_parameter', param: 'amount_details' });
  const told = await make({ line_items: lines, enforce_arithmetic_validation: false });
  assert.equal(told.amount_details!.error!.code, 'amount_details_amount_mismatch');
  assert.match(told.amount_details!.error!.message!, /\$95\.00.*\$100\.00/);
  await assert.rejects(make({ tax: { total_tax_amount: 6_000 }, shipping: { amount: 4_001 } }), { param: 'amount_details' });
  assert.equal((await make({ tax: { total_tax_amount: 6_000 }, discount_amount: 4_001, enforce_arithmetic_validation: false })).amount_details!.error!.code, 'amount_details_tax_shipping_discount_greater_than_amount');
  assert.deepEqual((await make({ tax: { total_tax_amount: 6_000 }, shipping: { amount: 4_000 } })).amount_details, { shipping: { amount: 4_000, from_postal_code: null, to_postal_code: null }, tax: { total_tax_amount: 6_000 }, tip: {} });
});

test('details change with what is given, and are held against another amount', async () => {
  const { id } = await make({ line_items: lines, shipping: { amount: 500 } });
  // The shipping stays, and its discount is of the whole amount.
  const changed = await stripe.paymentIntents.update(id, { amount: 9_900, amount_details: { discount_amount: 100 } });
  assert.deepEqual(changed.amount_details, { discount_amount: 100, shipping: { amount: 500, from_postal_code: null, to_postal_code: null }, tip: {} });
  assert.equal((await stripe.paymentIntents.update(id, { amount: 9_000 })).amount_details!.error!.code, 'amount_details_amount_mismatch');
  await assert.rejects(stripe.paymentIntents.update(id, { amount_details: { line_items: [{ product_name: 'Desk', quantity: 1, unit_cost: 8_600, discount_amount: 5 }] } }), { code: 'parameters_exclusive', param: 'amount_details[discount_amount]' });
  const cleared = await stripe.paymentIntents.update(id, { amount_details: { line_items: '', discount_amount: '' } });
  assert.deepEqual(cleared.amount_details, { shipping: { amount: 500, from_postal_code: null, to_postal_code: null }, tip: {} });
  assert.deepEqual((await stripe.paymentIntents.update(id, { amount_details: '', payment_details: { customer_reference: 'PO 7' } })).amount_details, { tip: {} });
  assert.deepEqual((await stripe.paymentIntents.update(id, { payment_details: { order_reference: '12' } })).payment_details, { customer_reference: 'PO 7', order_reference: '12' });
  assert.equal((await stripe.paymentIntents.update(id, { payment_details: '' })).payment_details, undefined);
});

test('a capture says what is taken', async () => {
  const reserved = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, capture_method: 'manual' });
  const amount_details = { line_items: lines.slice(0, 1), tax: { total_tax_amount: 100 } };
  await assert.rejects(stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 8_000, amount_details }), { param: 'amount_details' });
  const done = await stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 8_100, amount_details, payment_details: { order_reference: '12' } });
  assert.deepEqual([done.status, done.amount_received, done.amount_details, done.payment_details!.order_reference], ['succeeded', 8_100, { tax: { total_tax_amount: 100 }, tip: {} }, '12']);
});

test('what is wrong with the details is said', async () => {
  const line = { product_name: 'Desk', quantity: 1, unit_cost: 10_000 };
  const table: [Details, string][] = [
    [{ line_items: [{ ...line, quantity: 0 }] }, 'amount_details[line_items][0][quantity]'],
    [{ line_items: [{ ...line, unit_cost: -1 }] }, 'amount_details[line_items][0][unit_cost]'],
    [{ line_items: [{ ...line, product_code: 'thirteen-long' }] }, 'amount_details[line_items][0][product_code]'],
    [{ line_items: [{ quantity: 1, unit_cost: 1 } as typeof line] }, 'amount_details[line_items][0][product_name]'],
    [{ line_items: Array.from({ length: 201 }, () => line) }, 'amount_details[line_items]'],
    [{ line_items: [{ ...line, payment_method_options: { paypal: { sold_by: 'acct_1' } } }] }, 'amount_details[line_items][0][payment_method_options][paypal][sold_by]'],
    [{ tax: { total_tax_amount: 1 }, line_items: [{ ...line, tax: { total_tax_amount: 1 } }] }, 'amount_details[tax]'],
    [{ shipping: { to_postal_code: '10115!' } }, 'amount_details[shipping][to_postal_code]'],
    [{ discount_amount: 0 }, 'amount_details[discount_amount]'],
  ];
  for (const [details, param] of table) await assert.rejects(make(details), { param, statusCode: 400 }, param);
});
