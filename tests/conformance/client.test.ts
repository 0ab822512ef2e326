/** The official client's own ways: pages, retries, idempotency, and which error becomes which class. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { startKontor } from '../kontor.ts';
import { untyped } from '../refused.ts';

const kontor = await startKontor({ works: false });
after(() => kontor.close());

const all = async <T>(list: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const each of list) found.push(each);
  return found;
};

test('all pages of a list come one after the other, in both directions, each object once', async () => {
  const { stripe } = await kontor.another();
  const made: string[] = [];
  for (let n = 0; n < 57; n += 1) made.push((await stripe.customers.create({ name: `C${n}` })).id);
  const newestFirst = made.toReversed();
  assert.deepEqual((await all(stripe.customers.list({ limit: 10 }))).map((each) => each.id), newestFirst);
  assert.deepEqual((await stripe.customers.list({ limit: 100 }).autoPagingToArray({ limit: 1_000 })).map((each) => each.id), newestFirst);
  const backwards = await all(stripe.customers.list({ limit: 10, ending_before: newestFirst.at(-1)! }));
  assert.deepEqual(backwards.map((each) => each.id), newestFirst.slice(0, -1).toReversed());
  const page = await stripe.customers.list({ limit: 57 });
  assert.equal(page.has_more, false);
  assert.equal((await stripe.customers.list({ limit: 56 })).has_more, true);
  assert.equal((await stripe.customers.list()).data.length, 10);
});

test('whoever deletes what a list names, page after page, deletes all of it', async () => {
  const { stripe } = await kontor.another();
  const { testClocks } = stripe.testHelpers;
  const { id: customer } = await stripe.customers.create();
  for (let n = 0; n < 5; n += 1) {
    await testClocks.create({ frozen_time: 1_767_225_600 + n });
    await stripe.invoiceItems.create({ customer, amount: 100, currency: 'usd' });
    await stripe.invoices.create({ customer, auto_advance: false });
    await stripe.customers.createTaxId(customer, { type: 'eu_vat', value: `DE12345678${n}` });
    await stripe.coupons.create({ percent_off: 5 });
    await stripe.products.create({ name: 'Seat' });
  }
  for await (const { id } of testClocks.list({ limit: 2 })) await testClocks.del(id);
  for await (const { id } of stripe.invoiceItems.list({ limit: 2 })) await stripe.invoiceItems.del(id);
  for await (const { id } of stripe.invoices.list({ limit: 2 })) await stripe.invoices.del(id);
  for await (const { id } of stripe.customers.listTaxIds(customer, { limit: 2 })) await stripe.customers.deleteTaxId(customer, id);
  for await (const { id } of stripe.coupons.list({ limit: 2 })) await stripe.coupons.del(id);
  for await (const { id } of stripe.products.list({ limit: 2 })) await stripe.products.del(id);
  const left = await Promise.all([testClocks.list(), stripe.invoiceItems.list(), stripe.invoices.list(), stripe.customers.listTaxIds(customer), stripe.coupons.list(), stripe.products.list()]);
  assert.deepEqual(left.map(({ data }) => data.length), [0, 0, 0, 0, 0, 0]);
  await assert.rejects(testClocks.list({ starting_after: 'clock_nobody' }), { code: 'resource_missing', param: 'starting_after' });
});

test('the same request sixty-four times at once is executed once', async () => {
  const { stripe } = await kontor.another();
  const asked = await Promise.allSettled(Array.from({ length: 64 }, () => stripe.customers.create({ name: 'Once' }, { idempotencyKey: 'at-once' })));
  const ids = new Set(asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value.id] : [])));
  for (const each of asked) if (each.status === 'rejected') assert.deepEqual([each.reason.statusCode, each.reason.code, each.reason.rawType], [409, 'idempotency_key_in_use', 'idempotency_error']);
  assert.equal(ids.size, 1);
  assert.deepEqual((await stripe.customers.list()).data.map((each) => each.id), [...ids]);
});

test('the client tries again by itself where the key is in use, and all sixty-four get the one answer', async () => {
  const { key } = await kontor.another();
  const stripe = new Stripe(key, { httpClient: kontor.judge.httpClient, host: '127.0.0.1', port: new URL(kontor.url).port, protocol: 'http', telemetry: false, maxNetworkRetries: 8 });
  const asked = await Promise.all(Array.from({ length: 64 }, () => stripe.customers.create({ name: 'Once' }, { idempotencyKey: 'again' })));
  assert.equal(new Set(asked.map((each) => each.id)).size, 1);
  assert.equal((await stripe.customers.list()).data.length, 1);
});

test('an answer is given again byte for byte, a refusal too, and it is said that it is a repetition', async () => {
  const { stripe } = kontor;
  const first = await stripe.customers.create({ name: 'Again' }, { idempotencyKey: 'again-1' });
  await stripe.customers.update(first.id, { name: 'Changed' });
  const second = await stripe.customers.create({ name: 'Again' }, { idempotencyKey: 'again-1' });
  assert.equal(second.name, 'Again');
  assert.deepEqual([second.lastResponse.headers['idempotent-replayed'], second.lastResponse.headers['original-request']], ['true', first.lastResponse.requestId]);
  const refusal = () => stripe.customers.update('cus_unknown', { name: 'x' }, { idempotencyKey: 'again-2' });
  const one = await refusal().catch((error) => error);
  const two = await refusal().catch((error) => error);
  assert.deepEqual([one.message, one.headers['idempotent-replayed']], [two.message, undefined]);
  assert.equal(two.headers['idempotent-replayed'], 'true');
});

test('a key that was used for something else is an error of its own class', async () => {
  const { stripe } = kontor;
  await stripe.customers.create({ name: 'A' }, { idempotencyKey: 'other' });
  await assert.rejects(stripe.customers.create({ name: 'B' }, { idempotencyKey: 'other' }), Stripe.errors.StripeIdempotencyError);
});

test('keys of two accounts do not meet', async () => {
  const { stripe } = await kontor.another();
  const theirs = await stripe.customers.create({ name: 'Same' }, { idempotencyKey: 'shared' });
  const ours = await kontor.stripe.customers.create({ name: 'Same' }, { idempotencyKey: 'shared' });
  assert.notEqual(theirs.id, ours.id);
});

test('what was not understood did not use up its key', async () => {
  const { stripe } = kontor;
  await assert.rejects(stripe.customers.create({ email: 'nobody' }, { idempotencyKey: 'unread' }), { code: 'email_invalid' });
  assert.equal((await stripe.customers.create({ email: 'somebody@example.com' }, { idempotencyKey: 'unread' })).email, 'somebody@example.com');
});

const { errors } = Stripe;
for (const [what, ask, kind, expected] of [
  ['an unknown object', (stripe: Stripe) => stripe.customers.retrieve('cus_unknown'), errors.StripeInvalidRequestError, { statusCode: 404, code: 'resource_missing', param: 'id' }],
  ['an unknown parameter', (stripe: Stripe) => stripe.customers.create({ nmae: 'x' } as object), errors.StripeInvalidRequestError, { statusCode: 400, code: 'parameter_unknown', param: 'nmae' }],
  ['a parameter that is missing', (stripe: Stripe) => stripe.testHelpers.testClocks.create(untyped({})), errors.StripeInvalidRequestError, { statusCode: 400, code: 'parameter_missing', param: 'frozen_time' }],
  ['an unknown object in a parameter', (stripe: Stripe) => stripe.customers.list({ starting_after: 'cus_unknown' }), errors.StripeInvalidRequestError, { statusCode: 400, code: 'resource_missing', param: 'starting_after' }],
  ['an unknown key', () => kontor.client(`sk_test_${'0'.repeat(32)}`).customers.list(), errors.StripeAuthenticationError, { statusCode: 401 }],
] as const) {
  test(`${what} is a ${kind.name} for the client`, async () => {
    const error = await ask(kontor.stripe).then(() => assert.fail('it was accepted'), (reason: Stripe.errors.StripeError) => reason);
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
    assert.partialDeepStrictEqual({ ...error }, expected);
    assert.match(error.requestId!, /^req_/);
  });
}

test('a key without permission is a StripePermissionError for the client', async () => {
  const stripe = kontor.client(await kontor.newKey({ kind: 'restricted', permissions: { events: 'read' } }));
  await assert.rejects(stripe.customers.list(), (error) => error instanceof errors.StripePermissionError && error.statusCode === 403);
});
