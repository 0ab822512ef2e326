import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { inWorld } from '../../server/database/world.ts';
import { startKontor } from '../../tests/kontor.ts';
import { refused } from '../../tests/refused.ts';
import { customerAt, paysBy } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());

test('a customer is created, read, changed and listed', async () => {
  const { stripe } = kontor;
  const made = await stripe.customers.create({ email: 'jenny@example.com', name: 'Jenny', metadata: { plan: 'gold', seat: '3' } });
  assert.match(made.id, /^cus_[0-9A-Za-z]{14,}$/);
  assert.equal(made.object, 'customer');
  assert.equal(made.balance, 0);
  const changed = await stripe.customers.update(made.id, { metadata: { plan: '' }, address: { country: 'DE', city: 'Berlin' } });
  assert.deepEqual(changed.metadata, { seat: '3' });
  assert.equal(changed.address?.city, 'Berlin');
  const listed = await stripe.customers.list({ email: 'jenny@example.com' });
  assert.deepEqual(listed.data.map((each) => each.id), [made.id]);
});

test('the same idempotency key gives the same answer, and another request with it is refused', async () => {
  const { stripe } = kontor;
  const first = await stripe.customers.create({ name: 'Once' }, { idempotencyKey: 'k1' });
  const again = await stripe.customers.create({ name: 'Once' }, { idempotencyKey: 'k1' });
  assert.equal(again.id, first.id);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  await assert.rejects(stripe.customers.create({ name: 'Twice' }, { idempotencyKey: 'k1' }), { type: 'StripeIdempotencyError' });
});

test('another account sees nothing of it', async () => {
  const { stripe } = await kontor.another();
  const made = await kontor.stripe.customers.create({});
  await assert.rejects(stripe.customers.retrieve(made.id), { code: 'resource_missing', statusCode: 404 });
  assert.equal((await stripe.customers.list()).data.length, 0);
});

test('a test clock advances and says so', async () => {
  const clock = await kontor.stripe.testHelpers.testClocks.create({ frozen_time: 1_767_225_600 });
  await kontor.advance(clock.id, 1_767_225_600 + 86_400);
  const moved = await kontor.stripe.testHelpers.testClocks.retrieve(clock.id);
  assert.equal(moved.frozen_time, 1_767_312_000);
});

const listening = () => { const heard = listen(kontor); return { skip: heard, types: async () => typesOf(await heard()) }; };

test('a customer is made with a card, its default, and its tax ids', async () => {
  const { stripe } = kontor;
  const heard = listening();
  await heard.skip();
  const made = await stripe.customers.create({
    ...paysBy(), tax_id_data: [{ type: 'eu_vat', value: 'DE123456789' }, { type: 'us_ein', value: '12-3456789' }],
    expand: ['tax_ids', 'sources', 'subscriptions', 'invoice_credit_balance', 'invoice_settings.default_payment_method'],
  });
  assert.deepEqual(await heard.types(), ['customer.created', 'payment_method.attached', 'customer.tax_id.created', 'customer.tax_id.created']);
  const method = made.invoice_settings.default_payment_method as Stripe.PaymentMethod;
  assert.equal(method.customer, made.id);
  assert.deepEqual((await stripe.customers.listPaymentMethods(made.id)).data.map((each) => each.id), [method.id], 'one name in one request is one card');
  assert.deepEqual(made.tax_ids?.data.map((each) => [each.type, each.value, each.country]), [['us_ein', '12-3456789', 'US'], ['eu_vat', 'DE123456789', 'DE']]);
  assert.deepEqual([made.tax_ids?.url, made.tax_ids?.has_more], [`/v1/customers/${made.id}/tax_ids`, false]);
  assert.deepEqual([made.sources?.data, made.subscriptions?.data, made.invoice_credit_balance], [[], [], {}]);
});

test('a card that was made before becomes the customer\'s at its creation', async () => {
  const { stripe } = kontor;
  const method = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } });
  const made = await stripe.customers.create({ payment_method: method.id });
  assert.equal((await stripe.paymentMethods.retrieve(method.id)).customer, made.id);
  assert.equal(made.invoice_settings.default_payment_method, null);
});

test('how tax is shown on invoices is said whole', async () => {
  const { stripe } = kontor;
  const { id, invoice_settings } = await stripe.customers.create({ invoice_settings: { rendering_options: { amount_tax_display: 'exclude_tax' } } });
  assert.deepEqual(invoice_settings.rendering_options, { amount_tax_display: 'exclude_tax', template: null });
  assert.equal((await stripe.customers.update(id, { invoice_settings: { rendering_options: '' } })).invoice_settings.rendering_options, null);
});

test('a declined card makes no customer', async () => {
  const { stripe } = kontor;
  const count = async () => (await stripe.customers.list({ limit: 100 })).data.length;
  const before = await count();
  await assert.rejects(stripe.customers.create({ payment_method: 'pm_card_chargeDeclined' }), { statusCode: 402, code: 'card_declined', param: 'payment_method' });
  assert.equal(await count(), before);
});

test('the default payment method is one of the customer\'s own, or a new test card', async () => {
  const { stripe } = kontor;
  const [mine, theirs] = [await stripe.customers.create(), await stripe.customers.create()];
  const foreign = await stripe.paymentMethods.attach('pm_card_visa', { customer: theirs.id });
  const choose = (default_payment_method: string) => stripe.customers.update(mine.id, { invoice_settings: { default_payment_method } });
  await assert.rejects(choose(foreign.id), { code: 'resource_missing', param: 'invoice_settings[default_payment_method]', statusCode: 400 });
  await assert.rejects(choose('pm_nobody'), { code: 'resource_missing', param: 'invoice_settings[default_payment_method]', statusCode: 400 });
  const chosen = await choose('pm_card_mastercard');
  const { data } = await stripe.customers.listPaymentMethods(mine.id);
  assert.deepEqual(data.map((each) => each.id), [chosen.invoice_settings.default_payment_method]);
  assert.equal((await choose('')).invoice_settings.default_payment_method, null);
});

test('a deleted customer leaves a tombstone, and nothing of it goes on', async () => {
  const { stripe } = kontor;
  const made = await stripe.customers.create({ name: 'Jenny', email: 'gone@example.com', ...paysBy(), tax_id_data: [{ type: 'eu_vat', value: 'DE123456789' }] });
  const heard = listening();
  await heard.skip();
  assert.deepEqual(await stripe.customers.del(made.id), { id: made.id, object: 'customer', deleted: true });
  const told = await heard.skip();
  assert.deepEqual(typesOf(told), ['payment_method.detached', 'customer.tax_id.deleted', 'customer.deleted']);
  assert.deepEqual(told.at(-1)!.data, JSON.parse(JSON.stringify(made)), 'the event shows the customer as it was');
  assert.deepEqual(await stripe.customers.retrieve(made.id), { id: made.id, object: 'customer', deleted: true });
  assert.deepEqual((await stripe.customers.list({ email: 'gone@example.com' })).data, []);
  for (const request of [() => stripe.customers.update(made.id, { name: 'x' }), () => stripe.customers.del(made.id), () => stripe.customers.listTaxIds(made.id), () => stripe.customers.listPaymentMethods(made.id)]) {
    await assert.rejects(request, { code: 'resource_missing', statusCode: 404 });
  }
});

test('the subscriptions of a deleted customer are canceled at once, and nothing is billed any more', async () => {
  const { stripe } = kontor;
  const product = await stripe.products.create({ name: 'Desk' });
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 500, recurring: { interval: 'month' } });
  const { clock, customer } = await customerAt(stripe, 1_767_225_600);
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
  const whole = (await stripe.customers.retrieve(customer, { expand: ['subscriptions'] })) as Stripe.Customer;
  assert.deepEqual(whole.subscriptions?.data.map((each) => [each.id, each.status]), [[subscription.id, 'active']]);
  const heard = listening();
  await heard.skip();
  await stripe.customers.del(customer);
  assert.deepEqual(await heard.types(), ['customer.subscription.deleted', 'payment_method.detached', 'customer.deleted']);
  const ended = await stripe.subscriptions.retrieve(subscription.id);
  assert.deepEqual([ended.status, ended.canceled_at, ended.ended_at, ended.cancellation_details?.reason], ['canceled', 1_767_225_600, 1_767_225_600, 'cancellation_requested']);
  await kontor.advance(clock, 1_767_225_600 + 40 * 86_400);
  assert.deepEqual((await stripe.invoices.list({ customer })).data.map((each) => each.billing_reason), ['subscription_create']);
});

test('a discount is taken away from a customer', async () => {
  const { stripe, world, database } = kontor;
  const made = await stripe.customers.create();
  await assert.rejects(stripe.customers.deleteDiscount(made.id), { code: 'resource_missing', statusCode: 404 });
  const coupon = await stripe.coupons.create({ percent_off: 20, duration: 'forever' });
  await inWorld(database.pool, world, (tx) => tx.query(
    `insert into discounts (id, coupon, customer, position, start, ended) values ('di_taken', $1, $2, 0, to_timestamp(1767225600), false)`, [coupon.id, made.id]));
  assert.equal(((await stripe.customers.retrieve(made.id)) as Stripe.Customer).discount?.source.coupon, coupon.id);
  const heard = listening();
  await heard.skip();
  const taken = await stripe.customers.deleteDiscount(made.id);
  assert.deepEqual([taken.id, taken.deleted, taken.customer, taken.start, 'end' in taken], ['di_taken', true, made.id, 1_767_225_600, false]);
  assert.deepEqual(await heard.types(), ['customer.discount.deleted', 'customer.updated']);
  assert.equal(((await stripe.customers.retrieve(made.id)) as Stripe.Customer).discount, null);
});

test('customers on a test clock are listed by their clock, and live at its time', async () => {
  const { stripe } = kontor;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_767_225_600 });
  const made = await stripe.customers.create({ test_clock: clock.id, name: 'On the clock' });
  assert.equal(made.created, 1_767_225_600);
  assert.deepEqual((await stripe.customers.list({ test_clock: clock.id })).data.map((each) => each.id), [made.id]);
  assert.equal((await stripe.customers.list({ limit: 100 })).data.some((each) => each.id === made.id), false);
  const expanded = (await stripe.customers.retrieve(made.id, { expand: ['test_clock'] })) as Stripe.Customer;
  assert.equal((expanded.test_clock as Stripe.TestHelpers.TestClock).frozen_time, 1_767_225_600);
});

test('two customers cannot take one invoice prefix at once', async () => {
  const { stripe } = kontor;
  const answers = await Promise.allSettled(Array.from({ length: 5 }, () => stripe.customers.create({ invoice_prefix: 'TWICE' })));
  assert.deepEqual(answers.map((each) => each.status).sort(), ['fulfilled', 'rejected', 'rejected', 'rejected', 'rejected']);
});

test('what is refused is refused by name', async () => {
  const { stripe } = kontor;
  const made = await stripe.customers.create({ invoice_prefix: 'TAKEN' });
  const create = (params: object) => () => stripe.customers.create(params as Stripe.CustomerCreateParams);
  await refused([
    [create({ email: 'nobody' }), 'email_invalid', 'email'],
    [create({ email: `${'x'.repeat(510)}@a.b` }), 'email_invalid', 'email'],
    [create({ phone: '1'.repeat(21) }), undefined, 'phone'],
    [create({ name: 'x'.repeat(257) }), undefined, 'name'],
    [create({ invoice_prefix: 'TAKEN' }), undefined, 'invoice_prefix'],
    [create({ invoice_prefix: 'ab' }), undefined, 'invoice_prefix'],
    [create({ test_clock: 'clock_nobody' }), 'resource_missing', 'test_clock'],
    [create({ payment_method: 'pm_nobody' }), 'resource_missing', 'payment_method'],
    [create({ invoice_settings: { default_payment_method: 'pm_nobody' } }), 'resource_missing', 'invoice_settings[default_payment_method]'],
    [create({ tax_id_data: [{ type: 'eu_vat', value: 'DE123456789' }, { type: 'gb_vat', value: '12' }] }), 'tax_id_invalid', 'tax_id_data[1][value]'],
    [create({ tax_id_data: [{ type: 'mars_vat', value: '1' }] }), undefined, 'tax_id_data[0][type]'],
    [create({ source: 'tok_visa' }), 'parameter_unknown', 'source'],
    [create({ tax: { ip_address: '1.2.3.4' } }), 'parameter_unknown', 'tax'],
    [create({ nickname: 'x' }), 'parameter_unknown', 'nickname'],
    [() => stripe.customers.update(made.id, { default_source: 'card_1' }), 'parameter_unknown', 'default_source'],
    [() => stripe.customers.retrieve(made.id, { expand: ['tax'] }), undefined, 'expand'],
    [() => stripe.customers.retrieve('cus_nobody'), 'resource_missing', 'id', 404],
    [() => stripe.customers.del('cus_nobody'), 'resource_missing', 'id', 404],
    [() => stripe.customers.list({ starting_after: 'cus_nobody' }), 'resource_missing', 'starting_after'],
  ]);
});
