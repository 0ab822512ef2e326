import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { refused } from '../../tests/refused.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const URL = 'https://shop.example/webhooks';

test('an endpoint is made with a secret that is told once', async () => {
  const made = await stripe.webhookEndpoints.create({ url: URL, enabled_events: ['invoice.paid', 'customer.created', 'invoice.paid'], api_version: '2026-03-25.dahlia', description: 'Shop', metadata: { a: '1' } });
  const { secret, ...shown } = made;
  assert.match(secret!, /^whsec_[0-9A-Za-z]{32}$/);
  assert.deepEqual(shown, {
    id: made.id, object: 'webhook_endpoint', api_version: '2026-03-25.dahlia', application: null, created: made.created, description: 'Shop', enabled_events: ['invoice.paid', 'customer.created'],
    livemode: false, metadata: { a: '1' }, status: 'enabled', url: URL,
  });
  assert.deepEqual(await stripe.webhookEndpoints.retrieve(made.id), shown);
  assert.deepEqual((await stripe.webhookEndpoints.list()).data, [shown]);
});

test('an endpoint is changed, disabled and deleted', async () => {
  const { id } = await stripe.webhookEndpoints.create({ url: URL, enabled_events: ['*'] });
  const changed = await stripe.webhookEndpoints.update(id, { url: 'https://shop.example/other', enabled_events: ['customer.updated'], description: '', disabled: true, metadata: { b: '2' } });
  assert.deepEqual([changed.url, changed.enabled_events, changed.description, changed.status, changed.metadata, changed.secret], ['https://shop.example/other', ['customer.updated'], null, 'disabled', { b: '2' }, undefined]);
  assert.equal((await stripe.webhookEndpoints.update(id, { disabled: false })).status, 'enabled');
  assert.deepEqual(await stripe.webhookEndpoints.del(id), { id, object: 'webhook_endpoint', deleted: true });
  await assert.rejects(stripe.webhookEndpoints.retrieve(id), { code: 'resource_missing', statusCode: 404 });
});

test('there are sixteen endpoints at most, also when they are made at once', async () => {
  const { stripe: theirs } = await kontor.another();
  const made = await Promise.allSettled(Array.from({ length: 18 }, () => theirs.webhookEndpoints.create({ url: URL, enabled_events: ['*'] })));
  assert.equal(made.filter((each) => each.status === 'fulfilled').length, 16);
  assert.equal((await theirs.webhookEndpoints.list({ limit: 100 })).data.length, 16);
});

test('what is refused is refused by name', async () => {
  const { id } = await stripe.webhookEndpoints.create({ url: URL, enabled_events: ['*'] });
  const create = (params: object) => () => stripe.webhookEndpoints.create({ url: URL, enabled_events: ['*'], ...params } as Stripe.WebhookEndpointCreateParams);
  await refused([
    [create({ url: undefined }), 'parameter_missing', 'url'],
    [create({ url: 'shop.example' }), 'url_invalid', 'url'],
    [create({ url: 'http://shop.example/webhooks' }), 'url_invalid', 'url'],
    [create({ url: 'https://10.0.0.1/' }), 'url_invalid', 'url'],
    [create({ url: 'https://me:secret@shop.example/' }), 'url_invalid', 'url'],
    [create({ enabled_events: undefined }), 'parameter_missing', 'enabled_events'],
    [create({ enabled_events: ['invoice.payed'] }), undefined, 'enabled_events[0]'],
    [create({ enabled_events: ['*', 'issuing_card.created'] }), undefined, 'enabled_events[1]'],
    [create({ api_version: '2020-08-27' }), undefined, 'api_version'],
    [create({ connect: true }), 'parameter_unknown', 'connect'],
    [() => stripe.webhookEndpoints.update(id, { url: 'ftp://shop.example' }), 'url_invalid', 'url'],
    [() => stripe.webhookEndpoints.update(id, { api_version: '2026-10-28.endive' } as object), 'parameter_unknown', 'api_version'],
    [() => stripe.webhookEndpoints.update('we_nobody', {}), 'resource_missing', 'id', 404],
    [() => stripe.webhookEndpoints.del('we_nobody'), 'resource_missing', 'id', 404],
    [() => own(stripe, 'POST', `webhook_endpoints/${id}/roll_secret`, { overlap: 700_000 }), 'parameter_invalid_integer', 'overlap'],
    [() => own(stripe, 'POST', 'webhook_endpoints/we_nobody/roll_secret', {}), 'resource_missing', 'id', 404],
  ]);
  await assert.rejects(create({ enabled_events: ['invoice.payed'] }), { message: /Did you mean invoice\.paid\?/ });
});
