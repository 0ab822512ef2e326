import assert from 'node:assert/strict';
import { test } from 'node:test';
import Stripe from 'stripe';
import { Refusal, refuse } from '../../billing/decision.ts';
import { answerTo, forbidden, keyInUse, keyMismatch, missing, unauthorized, unrecognized } from './errors.ts';

function answerOf(act: () => never) {
  try {
    return act();
  } catch (error) {
    return answerTo(error);
  }
}

test('a refusal is told in its own words, with the status that Stripe gives it', () => {
  assert.deepEqual(answerOf(() => refuse('parameter_missing', 'Missing required param: currency.', 'currency')), {
    status: 400,
    headers: {},
    body: { error: { type: 'invalid_request_error', message: 'Missing required param: currency.', code: 'parameter_missing', doc_url: '/docs/errors#parameter_missing', param: 'currency' } },
    ours: false,
  });
  const cases: [() => never, number, string][] = [
    [() => missing('customer', 'cus_x'), 404, 'invalid_request_error'],
    [() => missing('customer', 'cus_x', 'customer'), 400, 'invalid_request_error'],
    [() => refuse('resource_missing', 'No such price', 'items[0][price]'), 400, 'invalid_request_error'],
    [() => unrecognized('GET', '/v1/nothing'), 404, 'invalid_request_error'],
    [() => unauthorized(), 401, 'invalid_request_error'],
    [() => forbidden('This key may not.'), 403, 'invalid_request_error'],
    [() => keyInUse('k'), 409, 'idempotency_error'],
    [() => keyMismatch('k'), 400, 'idempotency_error'],
    [() => refuse('card_declined', 'Your card was declined.', undefined, { type: 'card_error', decline_code: 'generic_decline' }), 402, 'card_error'],
  ];
  for (const [act, status, type] of cases) {
    const answer = answerOf(act);
    assert.deepEqual([answer.status, answer.body.error.type, answer.ours], [status, type, false], answer.body.error.message);
  }
  assert.deepEqual(answerOf(() => missing('customer', 'cus_x')).body.error.message, "No such customer: 'cus_x'");
  assert.equal(answerOf(cases[8]![0]).body.error.decline_code, 'generic_decline');
});

test('what is not a refusal is told without a word of it', () => {
  const secret = Object.assign(new Error('select * from keys where secret = hunter2'), { detail: 'hunter2', query: 'hunter2', table: 'hunter2', internalQuery: 'hunter2' });
  const thrown = [secret, 'hunter2', { message: 'hunter2' }, null, undefined, Object.assign(new Error('hunter2'), { statusCode: 413 }), Object.assign(new Error('hunter2'), { statusCode: 418 })];
  for (const code of ['40001', '40P01', '55P03', '57014', '53100', '53300', '08006', '57P01', '23505', '22021', '42P01', 'ECONNREFUSED', 'XX000']) thrown.push(Object.assign(new Error('hunter2'), { ...secret, code, syscall: 'connect' }));
  for (const error of thrown) {
    const answer = answerTo(error);
    assert.doesNotMatch(JSON.stringify(answer), /hunter2|select \*|\n/);
    assert.equal(answer.ours, answer.status >= 500);
    assert.ok(['api_error', 'invalid_request_error'].includes(answer.body.error.type));
  }
  const leaky = answerTo(new Refusal(undefined, 'No.', undefined, { sql: 'hunter2', stack: 'hunter2' }));
  assert.doesNotMatch(JSON.stringify(leaky), /hunter2/);
});

test('a contended or exhausted database is worth another try', () => {
  for (const [code, status, told] of [
    ['40001', 409, 'lock_timeout'],
    ['40P01', 409, 'lock_timeout'],
    ['55P03', 429, 'lock_timeout'],
    ['57014', 503, undefined],
    ['53100', 503, undefined],
    ['53300', 503, undefined],
    ['08006', 503, undefined],
    ['57P03', 503, undefined],
  ] as const) {
    const answer = answerTo(Object.assign(new Error('x'), { code }));
    assert.deepEqual([answer.status, answer.body.error.code, answer.headers['Stripe-Should-Retry']], [status, told, 'true'], code);
  }
  assert.deepEqual(answerTo(Object.assign(new Error('x'), { code: '23505' })).headers, {});
  assert.equal(answerTo(Object.assign(new Error('x'), { code: '23505' })).status, 500);
});

test('the official library takes each failure for what it is', () => {
  const cases: [() => never, string][] = [
    [() => missing('customer', 'cus_x'), 'StripeInvalidRequestError'],
    [() => refuse('parameter_unknown', 'x', 'x'), 'StripeInvalidRequestError'],
    [() => unauthorized(), 'StripeAuthenticationError'],
    [() => forbidden('x'), 'StripePermissionError'],
    [() => keyMismatch('k'), 'StripeIdempotencyError'],
    [() => refuse('card_declined', 'x', undefined, { type: 'card_error' }), 'StripeCardError'],
    [() => { throw new Error('x'); }, 'StripeAPIError'],
    [() => { throw Object.assign(new Error('x'), { code: '55P03' }); }, 'StripeRateLimitError'],
    [() => { throw Object.assign(new Error('x'), { code: '53100' }); }, 'StripeAPIError'],
  ];
  for (const [act, type] of cases) {
    const { status, body } = answerOf(act);
    const raw = { ...body.error, statusCode: status } as unknown as Parameters<typeof Stripe.errors.StripeError.generate>[0];
    assert.equal(Stripe.errors.StripeError.generate(raw).type, type, body.error.message);
  }
});

test('a refusal can say whether another try is worth it', () => {
  assert.deepEqual(answerOf(() => refuse(undefined, 'x', undefined, { status: 429, should_retry: true })).headers, { 'Stripe-Should-Retry': 'true' });
  assert.deepEqual(answerOf(() => refuse(undefined, 'x', undefined, { should_retry: false })).headers, { 'Stripe-Should-Retry': 'false' });
  assert.deepEqual(answerOf(() => refuse('lock_timeout', 'x')).headers, { 'Stripe-Should-Retry': 'true' });
});

test('a card number is never repeated to whoever has sent it in the wrong place', () => {
  const { body } = answerOf(() => refuse('resource_missing', "No such PaymentMethod: '4242 4242 4242 4242'", 'card[4242424242424242]'));
  assert.deepEqual([body.error.message, body.error.param], ["No such PaymentMethod: '[card number]'", 'card[[card number]]']);
});
