import assert from 'node:assert/strict';
import { test } from 'node:test';
import type Stripe from 'stripe';
import { Refusal } from '../../billing/decision.ts';
import { decodeForm } from './forms.ts';
import { downgrade, NATIVE_VERSION, upgradeRequest, versionOf, VERSIONS, wanting, type Version, type VersionChange } from './versions.ts';

type Theirs = Extract<Stripe.WebhookEndpointCreateParams.ApiVersion, `${string}.${'basil' | 'clover' | 'dahlia' | 'endive'}`>;
// Both directions: a version that the official library adds or drops does not compile.
VERSIONS satisfies readonly Theirs[];
(null as Theirs | null) satisfies Version | null;

/** A pear was a `fruit: { kind }` from clover on; from dahlia on its `weight` is in `grams`. */
const changes: VersionChange[] = [
  {
    before: '2026-03-25.dahlia',
    describes: '`weight` is `grams`.',
    object: 'pear',
    response: ({ grams, ...rest }) => (grams === undefined ? rest : { ...rest, weight: grams }),
    request: {
      path: ['POST /v1/pears', /^POST \/v1\/pears\/[^/]+$/],
      up(raw) {
        if (raw.weight !== undefined) raw.grams = raw.weight;
        delete raw.weight;
      },
    },
  },
  {
    before: '2025-09-30.clover',
    describes: '`kind` is `fruit.kind`, and `mass` is `weight`.',
    object: 'pear',
    whole: ['fruit.kind'],
    expand: (path) => path.replace(/^kind\b/, 'fruit.kind'),
    response({ fruit, weight, ...rest }) {
      return { ...rest, ...(fruit !== undefined && { kind: (fruit as { kind: unknown }).kind }), ...(weight !== undefined && { mass: weight }) };
    },
    request: {
      path: 'POST /v1/pears/:anything',
      up(raw) {
        if (raw.mass !== undefined) raw.weight = raw.mass;
        delete raw.mass;
      },
    },
  },
];

const pear = { id: 'pear_1', object: 'pear', fruit: { kind: 'kind_1' }, grams: 5, metadata: { object: 'pear', grams: 'mine' } };

test('the native version costs nothing', () => {
  const body = { object: 'list', data: [pear] };
  const raw = decodeForm('mass=1');
  assert.equal(downgrade(NATIVE_VERSION, body, changes), body);
  assert.equal(upgradeRequest(NATIVE_VERSION, 'POST /v1/pears/:pear', raw, changes), raw);
  assert.deepEqual({ ...raw }, { mass: '1' });
  assert.deepEqual(wanting(NATIVE_VERSION, body, changes), []);
});

test('an answer is lowered from the newest change to the oldest that the caller does not know', () => {
  const { metadata } = pear;
  assert.deepEqual(downgrade('2026-08-26.dahlia', pear, changes), pear);
  assert.deepEqual(downgrade('2026-03-25.dahlia', pear, changes), pear);
  assert.deepEqual(downgrade<unknown>('2026-02-25.clover', pear, changes), { id: 'pear_1', object: 'pear', fruit: { kind: 'kind_1' }, weight: 5, metadata });
  assert.deepEqual(downgrade<unknown>('2025-03-31.basil', pear, changes), { id: 'pear_1', object: 'pear', kind: 'kind_1', mass: 5, metadata });
  const nested = { object: 'list', data: [{ object: 'basket', pears: [pear, 'pear_2'], best: pear, none: null }], has_more: false };
  const before = structuredClone(nested);
  assert.deepEqual(downgrade<unknown>('2025-08-27.basil', nested, changes), {
    object: 'list',
    data: [{ object: 'basket', pears: [{ id: 'pear_1', object: 'pear', kind: 'kind_1', mass: 5, metadata }, 'pear_2'], best: { id: 'pear_1', object: 'pear', kind: 'kind_1', mass: 5, metadata }, none: null }],
    has_more: false,
  });
  assert.deepEqual(nested, before, 'what was rendered is not changed');
});

test('an event says its version, and its previous attributes are lowered too', () => {
  const event = { id: 'evt_1', object: 'event', api_version: NATIVE_VERSION, data: { object: pear, previous_attributes: { grams: 4 } } };
  assert.deepEqual(downgrade<unknown>('2025-08-27.basil', event, changes), {
    id: 'evt_1', object: 'event', api_version: '2025-08-27.basil',
    data: { object: { id: 'pear_1', object: 'pear', kind: 'kind_1', mass: 5, metadata: pear.metadata }, previous_attributes: { mass: 4 } },
  });
});

test('a request is lifted from the oldest change to the newest, on the routes that changed', () => {
  const lifted = (version: string, route: string, form: string) => ({ ...upgradeRequest(version, route, decodeForm(form), changes) });
  assert.deepEqual(lifted('2025-03-31.basil', 'POST /v1/pears/:pear', 'mass=1'), { grams: '1' });
  assert.deepEqual(lifted('2025-09-30.clover', 'POST /v1/pears/:pear', 'mass=1'), { mass: '1' });
  assert.deepEqual(lifted('2025-09-30.clover', 'POST /v1/pears', 'weight=1'), { grams: '1' });
  assert.deepEqual(lifted('2025-09-30.clover', 'POST /v1/apples', 'weight=1'), { weight: '1' });
  assert.deepEqual(lifted('2026-03-25.dahlia', 'POST /v1/pears', 'weight=1'), { weight: '1' });
  assert.deepEqual({ ...(lifted('2025-03-31.basil', 'GET /v1/pears/:pear', 'expand[0]=kind.name&expand[1]=other').expand as object) }, { 0: 'fruit.kind.name', 1: 'other' });
  assert.deepEqual(lifted('2025-03-31.basil', 'GET /v1/pears/:pear', 'expand[]=kind').expand, ['fruit.kind']);
  assert.deepEqual(lifted('2026-03-25.dahlia', 'GET /v1/pears/:pear', 'expand[]=kind').expand, ['kind']);
});

test('what an older shape has as a whole object is asked for before it is lowered', () => {
  const other = { ...pear, id: 'pear_2' };
  const body = { object: 'list', data: [pear, { object: 'basket', best: other, part: { object: 'pear' }, metadata: { object: 'pear', fruit: { kind: 'x' } } }] };
  assert.deepEqual(wanting('2025-03-31.basil', body, changes), [{ data: [pear, other], paths: ['data.fruit.kind'] }]);
  assert.deepEqual(wanting('2025-09-30.clover', body, changes), []);
});

test('versions before basil, previews and unknown versions are refused by a sentence', () => {
  assert.equal(versionOf(undefined), NATIVE_VERSION);
  assert.equal(versionOf(undefined, '2025-08-27.basil'), '2025-08-27.basil');
  for (const version of VERSIONS) assert.equal(versionOf(version), version);
  for (const [bad, says] of [
    ['2024-06-20', /does not understand the API version 2024-06-20.*Update your Stripe library/],
    ['2025-02-24.acacia', /does not understand/],
    ['2026-10-28.preview', /previews/],
    ['2026-10-28.endive; some_beta=v1', /betas/],
    ['2026-11-25.endive', /Invalid Stripe API version/],
    ['2025-03-31', /./],
    ['latest', /Invalid Stripe API version: latest/],
    ['__proto__', /Invalid/],
    ['x'.repeat(10_000), /Invalid/],
  ] as const) {
    assert.throws(() => versionOf(bad), (error) => error instanceof Refusal && says.test(error.message) && error.message.length < 500, bad);
  }
});
