import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operations, shapeOf } from '../resources/operations.ts';
import { rooms } from '../resources/register.ts';

/** The `url` of Stripe's files, which its description of the API does not list. */
const UNLISTED = ['GET /v1/files/:file/contents'];

test('a route is one of Stripe’s, or is under /v1/kontor', () => {
  const stripes = new Set(operations().map(({ method, path }) => `${method} ${shapeOf(path)}`));
  const ours = rooms.flatMap((room) => room.routes ?? []).filter(({ method, path }) => !path.startsWith('/v1/kontor/') && !stripes.has(`${method} ${shapeOf(path)}`));
  assert.deepEqual(ours.map(({ method, path }) => `${method} ${path}`), UNLISTED);
});
