/** What may come over the wire and never from the official client: other spellings of a form, and all that is hardly a request. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { startKontor } from '../kontor.ts';
import { violations } from './openapi.ts';
import { rawCaller, type Heard } from './raw.ts';

const kontor = await startKontor({ works: false });
const caller = rawCaller(kontor.url, kontor.key);
after(async () => {
  caller.close();
  await kontor.close();
});

const create = (body: string | Buffer, headers: Record<string, string> = {}) => caller.call({ method: 'POST', path: '/v1/customers', body, headers });

/** The error of an answer, which must be one as Stripe's schema says. */
function refused(heard: Heard, status: number): { code?: string; param?: string; type: string } {
  assert.equal(heard.status, status, heard.text.slice(0, 300));
  assert.deepEqual(violations('POST', '/v1/customers', heard.status, heard.body), []);
  return heard.body.error;
}

for (const [what, form, field, value] of [
  ['brackets as they are', 'metadata[a]=1&metadata[b]=2', 'metadata', { a: '1', b: '2' }],
  ['escaped brackets', 'metadata%5Ba%5D=1&metadata%5bb%5d=2', 'metadata', { a: '1', b: '2' }],
  ['a list without numbers', 'preferred_locales[]=de&preferred_locales[]=en', 'preferred_locales', ['de', 'en']],
  ['a numbered list', 'preferred_locales[0]=de&preferred_locales[1]=en', 'preferred_locales', ['de', 'en']],
  ['a numbered list in another order, with gaps', 'preferred_locales[7]=en&preferred_locales[2]=de', 'preferred_locales', ['de', 'en']],
  ['escaped brackets of a list', 'preferred_locales%5B%5D=de', 'preferred_locales', ['de']],
  ['a plus for a blank', 'name=Jenny+Rosen', 'name', 'Jenny Rosen'],
  ['an escaped plus', 'name=1%2B1', 'name', '1+1'],
  ['letters of all the world, escaped', `name=${encodeURIComponent('Żółć 東京 🧾')}`, 'name', 'Żółć 東京 🧾'],
  ['letters of all the world, as bytes', 'name=Żółć 東京 🧾', 'name', 'Żółć 東京 🧾'],
  ['maps in maps', 'shipping[name]=J&shipping[address][line1]=Main+St', 'shipping', { name: 'J', phone: null, carrier: null, tracking_number: null, address: { city: null, country: null, line1: 'Main St', line2: null, postal_code: null, state: null } }],
  ['an empty value unsets', 'name=', 'name', null],
] as const) {
  test(`a form is understood: ${what}`, async () => {
    const heard = await create(form);
    assert.equal(heard.status, 200, heard.text);
    const { carrier: _, tracking_number: __, ...expected } = (field === 'shipping' ? value : {}) as Record<string, unknown>;
    if (field === 'shipping') assert.partialDeepStrictEqual(heard.body.shipping, expected);
    else assert.deepEqual(heard.body[field], value);
  });
}

test('a form may name its type with or without a charset, or not at all', async () => {
  for (const type of ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded; charset=utf-8', 'APPLICATION/X-WWW-FORM-URLENCODED']) {
    assert.equal((await create('name=J', { 'content-type': type })).status, 200);
  }
});

test('parameters of a POST may stand in its query', async () => {
  const heard = await caller.call({ method: 'POST', path: '/v1/customers?name=Query&metadata[a]=1', body: 'email=q@example.com' });
  assert.deepEqual([heard.body.name, heard.body.email, heard.body.metadata], ['Query', 'q@example.com', { a: '1' }]);
});

test('beside a JSON body no parameters stand in the query', async () => {
  const { message } = refused(await caller.call({ method: 'POST', path: '/v2/core/event_destinations?name=Query', body: '{"name":"Body"}', headers: { 'content-type': 'application/json' } }), 400) as { message?: string };
  assert.match(message!, /in the URL are not read/);
});

test('a page of any origin may send requests with a key of its own, and see their ids', async () => {
  const origin = 'https://shop.example';
  const may = await caller.call({ method: 'OPTIONS', path: '/v1/payment_intents/pi_1/confirm', key: null, headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,idempotency-key' } });
  assert.deepEqual([may.status, may.text, may.headers['access-control-allow-origin'], may.headers['access-control-allow-headers']], [204, '', '*', 'authorization,idempotency-key']);
  assert.match(String(may.headers['access-control-allow-methods']), /POST/);
  assert.equal((await caller.call({ method: 'GET', path: '/v1/customers', key: null })).headers['www-authenticate'], 'Basic realm="Kontor"');
  for (const key of [undefined, null]) {
    const heard = await caller.call({ method: 'GET', path: '/v1/customers', key, headers: { origin } });
    assert.deepEqual([heard.status, heard.headers['access-control-allow-origin']], [key === null ? 401 : 200, '*']);
    assert.match(String(heard.headers['access-control-expose-headers']), /Request-Id/);
  }
  assert.equal((await caller.call({ method: 'GET', path: '/v1/customers' })).headers['access-control-allow-origin'], undefined);
});

test('the key may come as the user of Basic authentication', async () => {
  const heard = await caller.call({ method: 'GET', path: '/v1/customers?limit=1', key: null, headers: { authorization: `Basic ${Buffer.from(`${kontor.key}:`).toString('base64')}` } });
  assert.equal(heard.status, 200);
});

for (const [what, body, headers, status, error] of [
  ['JSON on a path under /v1', '{"name":"J"}', { 'content-type': 'application/json' }, 415, {}],
  ['a multipart form', '--x\r\n\r\n--x--', { 'content-type': 'multipart/form-data; boundary=x' }, 415, {}],
  ['plain text', 'name=J', { 'content-type': 'text/plain' }, 415, {}],
  ['escaped bytes that are no UTF-8', 'name=%FF', {}, 400, { code: 'invalid_characters', param: 'name' }],
  ['bytes that are no UTF-8', Buffer.from([...Buffer.from('name='), 0xc3, 0x28]), {}, 400, { code: 'invalid_characters', param: 'name' }],
  ['NUL', 'name=a%00b', {}, 400, { code: 'invalid_characters', param: 'name' }],
  ['2,000 parameters', Array.from({ length: 2_000 }, (_, n) => `metadata[k${n}]=1`).join('&'), {}, 400, {}],
  ['a parameter twice', 'name=a&name=b', {}, 400, { code: 'parameters_exclusive', param: 'name' }],
  ['a value that is a map, too', 'metadata=a&metadata[b]=c', {}, 400, { code: 'parameters_exclusive' }],
  ['brackets that do not match', 'metadata[a=1', {}, 400, { code: 'parameter_unknown' }],
  ['a name of a hundred parts', `metadata${'[a]'.repeat(100)}=1`, {}, 400, { code: 'parameter_unknown' }],
  ['ten megabytes', `name=${'x'.repeat(10_000_000)}`, {}, 413, {}],
  ['an idempotency key of 256 characters', 'name=J', { 'idempotency-key': 'k'.repeat(256) }, 400, {}],
] as const) {
  test(`refused: ${what}`, async () => {
    const found = refused(await create(body as string, headers as Record<string, string>), status);
    assert.partialDeepStrictEqual(found, error);
  });
}

test('a path and a method that nobody knows are told so', async () => {
  for (const [method, path] of [['GET', '/'], ['GET', '/v1/prizes'], ['DELETE', '/v1/customers'], ['PUT', '/v1/customers'], ['PATCH', '/v1/customers/cus_1'], ['GET', '/v1/customers/'], ['GET', '//v1/customers']] as const) {
    refused(await caller.call({ method, path }), 404);
  }
});

test('a version that is not understood is refused, and the version that is spoken is told', async () => {
  const asked = (version: string) => caller.call({ method: 'GET', path: '/v1/customers', headers: { 'stripe-version': version } });
  for (const version of ['2024-06-20', '2019-01-01', 'latest', '2026-10-28.endive; beta=v1']) refused(await asked(version), 400);
  assert.equal((await asked('2025-09-30.clover')).headers['stripe-version'], '2025-09-30.clover');
  assert.equal((await caller.call({ method: 'GET', path: '/v1/customers' })).headers['stripe-version'], '2026-10-28.endive');
});

test('a request that speaks for another account is not answered for this one', async () => {
  const asked = (name: string, account: string) => caller.call({ method: 'GET', path: '/v1/customers', headers: { [name]: account } });
  for (const name of ['stripe-account', 'stripe-context']) {
    refused(await asked(name, 'acct_other'), 403);
    assert.equal((await asked(name, kontor.world.account)).status, 200);
  }
});

/** What comes back for bytes. */
function said(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(new URL(kontor.url).port), '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(60_000, () => socket.destroy(new Error('No answer.')));
    socket.on('data', (part) => (text += part));
    socket.on('error', (error) => (text === '' ? reject(error) : undefined));
    socket.on('close', () => resolve(text));
  });
}

for (const [what, bytes, status] of [
  ['bytes that are no request', 'hello\r\n\r\n', 400],
  ['headers that never end', `GET /v1/customers HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['two lengths', 'POST /v1/customers HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx', 400],
  ['a length and chunks', 'POST /v1/customers HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
] as const) {
  test(`what is hardly a request is refused in Stripe's shape: ${what}`, async () => {
    const [head, body] = (await said(bytes)).split('\r\n\r\n');
    assert.match(head!, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.deepEqual(violations('GET', '/', status, JSON.parse(body!)), []);
  });
}

test('the list of a customer that does not exist is refused, whatever it lists; that of one who was deleted is not', async () => {
  // The ledger keeps the entries of customers who went with their test clocks.
  const routes = kontor.app.register.routes.filter(({ method, path, schema }) => method === 'GET' && !/:|ledger/.test(path) && schema.about.fields?.['customer'] !== undefined && schema.about.fields['limit'] !== undefined);
  assert.ok(routes.length > 15);
  const { id } = await kontor.stripe.customers.create();
  await kontor.stripe.customers.del(id);
  for (const { path, schema } of routes) {
    const more = Object.entries(schema.about.fields!).filter(([name, field]) => field.required && name !== 'customer').map(([name, { prefix = '' }]) => `&${name}=${prefix}_x`).join('');
    const heard = await caller.call({ method: 'GET', path: `${path}?customer=cus_nope${more}` });
    assert.deepEqual([heard.status, heard.body.error?.code, heard.body.error?.param], [400, 'resource_missing', 'customer'], `${path}: ${heard.text}`);
  }
  for (const path of ['/v1/invoices', '/v1/subscriptions']) assert.deepEqual((await caller.call({ method: 'GET', path: `${path}?customer=${id}` })).body.data, [], path);
});

test('a request that Stripe has and Kontor has not is told so, and an id may be a word', async () => {
  for (const path of ['/v1/apple_pay/domains', '/v1/quotes', '/v1/quotes/qt_1']) {
    const response = await fetch(`${kontor.url}${path}?query=x`, { headers: { authorization: `Bearer ${kontor.key}` } });
    const { error } = (await response.json()) as { error: { message: string } };
    assert.equal(response.status, 404, path);
    assert.match(error.message, /^Kontor does not support GET /, path);
  }
  const coupon = await kontor.stripe.coupons.create({ id: 'search_me', percent_off: 10 });
  assert.equal((await kontor.stripe.coupons.retrieve(coupon.id)).id, 'search_me');
});
