/** Who may do what: every route and every kind of key. A parameter that no route knows is refused only after the key was accepted, so that asking does nothing. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { rooms } from '../../resources/register.ts';
import { createKey, listWorlds, revokeKey } from '../../server/accounts.ts';
import { machineClock } from '../../server/clock.ts';
import type { Permissions } from '../../server/http/keys.ts';
import { describe as about } from '../../server/http/params.ts';
import { areaOf, type Route } from '../../server/http/route.ts';
import { PEPPER, startKontor, type Kontor } from '../kontor.ts';
import { badParameters, written } from './bad.ts';
import { violations } from './openapi.ts';
import { rawCaller } from './raw.ts';
import { pathWith, stock } from './stock.ts';

const routes = rooms.flatMap((room) => room.routes ?? []);
const areas = [...new Set(routes.map(areaOf))];

let ahead_ms = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead_ms), works: false });
const caller = rawCaller(kontor.url, kontor.key);
const own = await stock(kontor, kontor.stripe);
after(async () => {
  caller.close();
  await kontor.close();
});

const isJson = (route: Route) => route.path.startsWith('/v2/');

/** What the key makes of the route: `may` where only the parameter is wrong. */
async function ask(route: Route, key: string | null): Promise<'may' | 'may not' | 'who?' | string> {
  const path = route.path.replace(/:[a-z_]+/g, 'zzz_1');
  const heard = await caller.call(
    route.method === 'POST'
      ? { method: 'POST', path, key, ...(isJson(route) ? { body: '{"zzz_unknown":1}', headers: { 'content-type': 'application/json' } } : { body: 'zzz_unknown=1' }) }
      : { method: route.method, path: `${path}?zzz_unknown=1`, key });
  const wrong = violations(route.method, path, heard.status, heard.body);
  if (wrong.length > 0) return JSON.stringify(wrong);
  if (heard.status === 400 && heard.body.error.code === 'parameter_unknown') return 'may';
  return heard.status === 403 ? 'may not' : heard.status === 401 ? 'who?' : `${heard.status}: ${heard.text}`;
}

/** Every route with this key, and what it should come to. */
async function matrix(key: string | null, expected: (route: Route) => 'may' | 'may not' | 'who?'): Promise<void> {
  const found: string[] = [];
  for (const route of routes) {
    const answer = await ask(route, key);
    if (answer !== expected(route)) found.push(`${route.method} ${route.path}: ${answer} instead of ${expected(route)}`);
  }
  assert.deepEqual(found, []);
}

test('a secret key may do everything', () => matrix(kontor.key, () => 'may'));

test('a publishable key may only make the requests that are meant for a browser', async () => {
  await matrix(await kontor.newKey({ kind: 'publishable' }), (route) => (route.publishable ? 'may' : 'may not'));
});

test('a restricted key without permissions may do nothing', async () => matrix(await kontor.newKey({ kind: 'restricted' }), () => 'may not'));

test('a restricted key may read what it was given to read, and nothing else', async () => {
  for (const area of areas) {
    const key = await kontor.newKey({ kind: 'restricted', permissions: { [area]: 'read' } });
    await matrix(key, (route) => (areaOf(route) === area && route.method === 'GET' ? 'may' : 'may not'));
  }
});

test('a restricted key may write what it was given to write, and nothing else', async () => {
  for (const area of areas) {
    const key = await kontor.newKey({ kind: 'restricted', permissions: { [area]: 'write' } });
    await matrix(key, (route) => (areaOf(route) === area ? 'may' : 'may not'));
  }
});

test('a restricted key may read everything where it was given everything to read', async () => {
  await matrix(await kontor.newKey({ kind: 'restricted', permissions: { '*': 'read' } }), (route) => (route.method === 'GET' ? 'may' : 'may not'));
});

test('a restricted key reads by expansion what it may read by itself, and nothing else', async () => {
  const { stripe } = kontor;
  const { id: customer } = await stripe.customers.create({ payment_method: 'pm_card_visa', tax_id_data: [{ type: 'eu_vat', value: 'DE123456789' }] });
  const { data: [method] } = await stripe.customers.listPaymentMethods(customer);
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method!.id } });
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 0, recurring: { interval: 'month' }, product_data: { name: 'Free' } });
  await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
  const expanded = async (permissions: Permissions, path: string) => {
    const key = await kontor.newKey({ kind: 'restricted', permissions: { customers: 'read', ...permissions } });
    const { status, body } = await caller.call({ method: 'GET', path: `/v1/customers/${customer}?expand[]=${path}`, key });
    return status === 200 ? 200 : [status, body.error.param, /`(\w+)=read`/.exec(body.error.message)?.[1]];
  };
  for (const path of ['tax_ids', 'cash_balance', 'sources']) assert.equal(await expanded({}, path), 200, path);
  for (const [path, area] of [['invoice_settings.default_payment_method', 'payment_methods'], ['subscriptions', 'subscriptions']] as const) {
    assert.deepEqual(await expanded({}, path), [403, 'expand', area]);
    assert.equal(await expanded({ [area]: 'read' }, path), 200);
    assert.equal(await expanded({ '*': 'read' }, path), 200);
  }
  assert.deepEqual(await expanded({ subscriptions: 'write' }, 'subscriptions.data.latest_invoice'), [403, 'expand', 'invoices']);
});

test('without a key, with an unknown one and with an expired one there is no answer', async () => {
  await matrix(null, () => 'who?');
  await matrix(`sk_test_${'0'.repeat(32)}`, () => 'who?');
  await matrix('sk_test_', () => 'who?');
  await matrix(await kontor.newKey({ kind: 'secret', expires_at: 1 }), () => 'who?');
});

test('a revoked key is refused after three seconds, also by a server that has just let it in', async () => {
  const { app: { clock }, database, world } = kontor;
  const { id, text: key } = await database.asOwner((owner) => createKey(owner, clock, PEPPER, world, { kind: 'secret' }));
  const route = routes[0]!;
  assert.equal(await ask(route, key), 'may');
  assert.ok(await database.asOwner((owner) => revokeKey(owner, clock, world, id)));
  ahead_ms += 3_000;
  assert.equal(await ask(route, key), 'who?');
});

test('what is there in the other mode is said to be, to its own account and to nobody else', async () => {
  const live = await kontor.newKey({ kind: 'secret' }, await liveWorld());
  const message = async (key: string, method: string, path: string, body?: string) => (await caller.call({ method, path, key, body })).body.error.message as string;
  const { id } = await kontor.stripe.coupons.create({ id: 'IN_TEST', percent_off: 5 });
  const hint = '; a similar object exists in test mode, but a live mode key was used to make this request.';
  for (const [collection, kind] of [['customers', 'customer'], ['subscription_schedules', 'subscription schedule'], ['payment_methods', 'PaymentMethod']]) {
    const named = own.get(collection!)!;
    assert.equal(await message(live, 'GET', `/v1/${collection}/${named}`), `No such ${kind}: '${named}'${hint}`);
    assert.equal(await message((await kontor.another()).key, 'GET', `/v1/${collection}/${named}`), `No such ${kind}: '${named}'`);
  }
  assert.equal(await message(live, 'GET', `/v1/coupons/${id}`), `No such coupon: '${id}'${hint}`);
  assert.equal(await message(live, 'POST', '/v1/invoiceitems', `customer=${own.get('customers')}&amount=1&currency=usd`), `No such customer: '${own.get('customers')}'${hint}`);
  assert.equal(await message(live, 'GET', '/v1/customers/cus_nobody'), "No such customer: 'cus_nobody'");
});

test('another account, and live mode of the same account, neither see nor touch anything', async () => {
  const ids = [...new Set(own.values())];
  const found: string[] = [];
  for (const key of [(await kontor.another()).key, await kontor.newKey({ kind: 'secret' }, await liveWorld())]) {
    for (const route of routes.filter((each) => !isJson(each))) {
      const path = pathWith(route.path, (collection) => own.get(collection) ?? 'zzz_1');
      const least = written(badParameters(about(route.schema), (prefix) => own.get(prefix ?? '') ?? 'zzz_1').find((bad) => bad.what === 'an unknown parameter')!.pairs.filter(([name]) => name !== 'zzz_unknown'));
      const heard = await caller.call(route.method === 'POST' ? { method: 'POST', path, key, body: least } : { method: route.method, path: least ? `${path}?${least}` : path, key });
      const named = path !== route.path && ids.some((id) => path.split('/').includes(id));
      if (named && (heard.status < 400 || heard.status >= 500)) found.push(`${route.method} ${path}: ${heard.status} ${heard.text.slice(0, 200)}`);
      if (heard.status < 400 && ids.some((id) => heard.text.includes(`"${id}"`))) found.push(`${route.method} ${path} shows what is not its own: ${heard.text.slice(0, 200)}`);
    }
  }
  assert.deepEqual(found, []);
});

/** The first account's other world. */
async function liveWorld(): Promise<Kontor['world']> {
  return (await kontor.database.asOwner((owner) => listWorlds(owner))).find((world) => world.account === kontor.world.account && world.livemode)!;
}
