import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operations as stripes, shapeOf } from '../../resources/operations.ts';
import { rooms } from '../../resources/register.ts';
import { operationOf, operations, violations } from './openapi.ts';

const rate = {
  id: 'txr_1', object: 'tax_rate', active: true, country: null, created: 1, description: null, display_name: 'VAT', effective_percentage: null, flat_amount: null, inclusive: false, jurisdiction: null,
  jurisdiction_level: null, livemode: false, metadata: {}, percentage: 19, rate_type: 'percentage', state: null, tax_type: 'vat',
};
const judged = (change: object, path = '/v1/tax_rates/txr_1') => violations('GET', path, 200, { ...rate, ...change });

test('the judge knows the operations of the API, and a literal name wins over a placeholder', () => {
  assert.ok(operations.length > 250);
  assert.equal(operationOf('GET', '/v1/tax_rates/txr_1')?.id, 'GetTaxRatesTaxRate');
  assert.equal(operationOf('GET', '/v1/invoices/in_1?expand[]=customer')?.id, 'GetInvoicesInvoice');
  assert.equal(operationOf('POST', '/v1/invoices/create_preview')?.id, 'PostInvoicesCreatePreview');
  assert.equal(operationOf('POST', '/v1/test_helpers/test_clocks/:clock/advance')?.id, 'PostTestHelpersTestClocksTestClockAdvance');
  assert.equal(operationOf('GET', '/v1/prizes'), undefined);
});

test('no request that Stripe has and Kontor has not is taken for one about an object of that name', () => {
  const routes = rooms.flatMap((room) => room.routes ?? []).map(({ method, path }) => `${method} ${shapeOf(path)}`);
  const lacking = stripes().map(({ method, path }) => `${method} ${shapeOf(path)}`).filter((request) => !routes.includes(request));
  const taken = lacking.flatMap((request) => routes.filter((route) => new RegExp(`^${route.replaceAll('*', '[^/]+')}$`).test(request)).map((route) => `${request} by ${route}`));
  assert.deepEqual(taken, []);
});

test('an answer as the types say passes', () => assert.deepEqual(judged({}), []));

for (const [what, change, found] of [
  ['a field that Stripe does not have', { colour: 'red' }, { pointer: '/colour', problem: 'unknown' }],
  ['a field that is missing', { inclusive: undefined }, { pointer: '/inclusive', problem: 'missing' }],
  ['null where there never is null', { created: null }, { pointer: '/created', problem: 'null, which it never is' }],
  ['text for an integer', { created: '1' }, { pointer: '/created', problem: '"1" instead of an integer' }],
  ['a fraction for an integer', { created: 1.5 }, { pointer: '/created', problem: '1.5 instead of an integer' }],
  ['a number for a text', { display_name: 3 }, { pointer: '/display_name', problem: '3 instead of a string' }],
  ['a number in metadata', { metadata: { a: 1 } }, { pointer: '/metadata/a', problem: '1 instead of a string' }],
] as const) {
  test(`${what} is told with its place`, () => assert.deepEqual(judged(change), [found]));
}

test('a word outside of an enumeration is told, even where the types leave it open', () => {
  assert.match(judged({ tax_type: 'beer_tax' })[0]!.problem, /"beer_tax", which is none of/);
});

test('each element of a list is judged, and so is the object in an event', () => {
  const list = { object: 'list', url: '/v1/tax_rates', has_more: false, data: [rate, { ...rate, active: 1 }] };
  assert.deepEqual(violations('GET', '/v1/tax_rates', 200, list), [{ pointer: '/data/1/active', problem: '1 instead of a boolean' }]);
  const event = { id: 'evt_1', object: 'event', api_version: null, created: 1, livemode: false, pending_webhooks: 0, request: null, type: 'tax_rate.created', data: { object: { ...rate, active: 1 } } };
  assert.deepEqual(violations('GET', '/v1/events/evt_1', 200, event), [{ pointer: '/data/object/active', problem: '1 instead of a boolean' }]);
});

test('an expanded field is judged by the object in it', () => {
  const item = { expanded: { id: 'cus_1', object: 'customer', deleted: true } };
  assert.deepEqual(violations('GET', '/v1/unknown', 200, item.expanded), []);
  assert.deepEqual(violations('GET', '/v1/unknown', 200, { ...item.expanded, deleted: false }).some((each) => each.pointer === '/deleted'), true);
});

test('an error is judged by the schema of errors', () => {
  assert.deepEqual(violations('GET', '/v1/customers/x', 404, { error: { type: 'invalid_request_error', code: 'resource_missing', message: 'No.', param: 'id' } }), []);
  assert.deepEqual(violations('GET', '/v1/customers/x', 404, { statusCode: 404 }).map((each) => each.pointer), ['/error', '/statusCode']);
});
