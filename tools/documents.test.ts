import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operations, shapeOf } from '../resources/operations.ts';
import { LACKING } from '../resources/payment_methods/params.ts';
import { rooms } from '../resources/register.ts';
import { refusals } from './documents.ts';

/** The `url` of Stripe's files, which its description of the API does not list. */
const UNLISTED = ['GET /v1/files/:file/contents'];

test('a route is one of Stripe’s, or is under /v1/kontor', () => {
  const stripes = new Set(operations().map(({ method, path }) => `${method} ${shapeOf(path)}`));
  const ours = rooms.flatMap((room) => room.routes ?? []).filter(({ method, path }) => !path.startsWith('/v1/kontor/') && !stripes.has(`${method} ${shapeOf(path)}`));
  assert.deepEqual(ours.map(({ method, path }) => `${method} ${path}`), UNLISTED);
});

test('what is refused for one reason is said together, and the types of payment methods that Kontor lacks by their list', () => {
  const of = (at: string, reason: string, ...fields: readonly string[]) => fields.map((field) => ({ at, field, reason }));
  const none = 'no such type';
  assert.equal(refusals([...of('', 'none yet', 'hooks'), ...of('options[card]', 'not yet', 'moto', 'network'), ...of('options[link]', 'not yet', 'token')]), '`hooks` (none yet); `options[card][moto, network]`, `options[link][token]` (not yet)');
  const list = '[types that Kontor lacks](#payment-method-types-that-kontor-lacks)';
  assert.equal(refusals(of('data', none, ...LACKING, 'custom')), `\`data[…]\` of the ${list}, \`data[custom]\` (${none})`);
  assert.equal(refusals(of('', none, ...LACKING)), `the ${list} (${none})`);
  assert.equal(refusals(of('data', none, 'alipay', 'zip')), `\`data[alipay, zip]\` (${none})`);
});
