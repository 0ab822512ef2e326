import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Refusal, refuse } from '../../billing/decision.ts';
import { decodeForm, decodeJson } from './forms.ts';
import {
  amount, boolean, byDefault, check, choice, clearable, currency, decimal, describe, doc, email, exclusive, fields, id, instant, integer, list, listParams, map, metadata, oneOf, percent, range, read, required,
  text, timestamp, unsupported, url,
} from './params.ts';
import type { Params, Schema } from './params.ts';

const address = fields({ line1: clearable(text()), country: clearable(text({ max: 2 })) });
const everything = fields(
  {
    customer: required(id('cus')),
    name: doc("The customer's name.", text({ max: 10 })),
    note: text({ blank: true }),
    secret: text({ max: 4, secret: true }),
    currency: currency(),
    email: email(),
    site: url(),
    unit_amount: amount({ min: 0 }),
    balance: amount(),
    unit_amount_decimal: decimal({ min: 0 }),
    percent_off: percent({ places: 2 }),
    auto: boolean(),
    interval: choice('day', 'week', 'month', 'year'),
    at: timestamp(),
    quantity: byDefault(integer({ min: 0 }), 1),
    trial_end: oneOf(choice('now'), timestamp()),
    address: clearable(address),
    items: list(fields({ price: required(id('price')), quantity: integer({ min: 0 }), tags: list(text()) }), { max: 3 }),
    options: map(fields({ unit_amount: amount() }), { names: currency() }),
    metadata: metadata(),
    created: range(),
    coupon: id(),
    promotion_code: id(),
    application_fee_percent: unsupported('there are no connected accounts'),
  },
  exclusive(['coupon', 'promotion_code']),
  check((params, at) => {
    if (params.interval === 'day' && params.auto) refuse(undefined, 'Not daily.', at('interval'));
  }),
);

function readForm<T, F extends Schema<T, any, any>>(schema: F, form: string) {
  return read(schema as never, decodeForm(form)) as { params: Params<F>; expand: string[] };
}

function refusalOf(schema: Schema<any, any, any>, form: string): Refusal {
  try {
    readForm(schema, form);
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    return error;
  }
  return assert.fail(`${form} was not refused`);
}

test('a form is read into typed values', () => {
  const { params, expand } = read(
    everything,
    decodeForm(
      'customer=cus_1&name=Jenny&note=&currency=USD&email=a%40b.co&site=https://x.test/a&unit_amount=999999999999&balance=-5&unit_amount_decimal=0.500000000001&percent_off=12.5&auto=true&interval=month&at=0' +
        '&trial_end=now&address[line1]=&address[country]=DE&items[5][price]=price_b&items[2][price]=price_a&items[2][quantity]=0&items[2][tags][]=x&items[2][tags][]=y&options[EUR][unit_amount]=7' +
        '&metadata[order]=1&metadata[gone]=&created[gte]=5&created[lt]=9&coupon=c&expand[]=a.b&expand[]=a.b&expand[]=c',
    ),
  );
  assert.deepEqual(expand, ['a.b', 'c']);
  const { options, metadata: data, ...rest } = params;
  assert.deepEqual({ ...options }, { eur: { unit_amount: 7n } });
  assert.deepEqual({ ...(data as object) }, { order: '1', gone: '' });
  assert.deepEqual(rest, {
    customer: 'cus_1', name: 'Jenny', note: '', currency: 'usd', email: 'a@b.co', site: 'https://x.test/a', unit_amount: 999_999_999_999n, balance: -5n, unit_amount_decimal: '0.500000000001', percent_off: 12.5,
    auto: true, interval: 'month', at: 0, quantity: 1, trial_end: 'now', address: { line1: null, country: 'DE' },
    items: [{ price: 'price_a', quantity: 0, tags: ['x', 'y'] }, { price: 'price_b' }], created: { gte: 5, lt: 9 }, coupon: 'c',
  });
  const typed: { customer: string; quantity: number; unit_amount?: bigint; trial_end?: number | 'now'; address?: { line1?: string | null } | null; metadata?: Record<string, string> | '' } = params;
  assert.ok(typed);
  assert.equal(readForm(everything, 'customer=cus_1&address=').params.address, null);
  assert.equal(readForm(everything, 'customer=cus_1&metadata=').params.metadata, '');
  assert.equal(readForm(everything, 'customer=cus_1&trial_end=12').params.trial_end, 12);
  assert.equal(readForm(everything, 'customer=cus_1&created=12').params.created, 12);
});

test('a refusal has the code, the words and the parameter that Stripe has', () => {
  const cases: [form: string, code: string | undefined, param: string, message: string | RegExp][] = [
    ['customer=cus_1&foo=1', 'parameter_unknown', 'foo', 'Received unknown parameter: foo'],
    ['customer=cus_1&emial=1', 'parameter_unknown', 'emial', 'Received unknown parameter: emial. Did you mean email?'],
    ['customer=cus_1&item=1', 'parameter_unknown', 'item', 'Received unknown parameter: item. Did you mean items?'],
    ['customer=cus_1&foo=1&bar=2', 'parameter_unknown', 'foo', 'Received unknown parameters: foo, bar'],
    ['customer=cus_1&address[lime1]=1', 'parameter_unknown', 'address[lime1]', 'Received unknown parameter: address[lime1]. Did you mean address[line1]?'],
    ['customer=cus_1&__proto__=1', 'parameter_unknown', '__proto__', 'Received unknown parameter: __proto__'],
    ['customer=cus_1&constructor[name]=1', 'parameter_unknown', 'constructor', 'Received unknown parameter: constructor'],
    ['name=x', 'parameter_missing', 'customer', 'Missing required param: customer.'],
    ['customer=cus_1&items[0][quantity]=1', 'parameter_missing', 'items[0][price]', 'Missing required param: items[0][price].'],
    ['customer=', 'parameter_invalid_empty', 'customer', /^`customer` is empty\./],
    ['customer=cus_1&items=', 'parameter_invalid_empty', 'items', /./],
    ['customer=prod_1', 'resource_missing', 'customer', "No such customer: 'prod_1'"],
    ['customer=cus_1&items[0][price]=x', 'resource_missing', 'items[0][price]', "No such price: 'x'"],
    ['customer=cus_1&items[7][price]=price_1&items[7][quantity]=1.5', 'parameter_invalid_integer', 'items[7][quantity]', 'Invalid integer: 1.5'],
    ['customer=cus_1&items[a][price]=price_1', undefined, 'items', /^Invalid array/],
    ['customer=cus_1&items[0][price]=price_1&items[foo]=1', undefined, 'items', /^Invalid array/],
    ['customer=cus_1&items[10000][price]=price_1', undefined, 'items', /^Invalid array/],
    ['customer=cus_1&items=x', undefined, 'items', 'Invalid array: x'],
    ['customer=cus_1&items[]=x', undefined, 'items[0]', 'Invalid object: x'],
    ['customer=cus_1&address=x', undefined, 'address', 'Invalid object: x'],
    ['customer=cus_1&name[a]=x', undefined, 'name', 'Invalid string: {…}'],
    ['customer=cus_1&name=12345678901', undefined, 'name', 'Invalid string: 12345678901...12345678901; must be at most 10 characters'],
    ['customer=cus_1&secret=hunter2', undefined, 'secret', 'Invalid string: [hidden]; must be at most 4 characters'],
    ['customer=cus_1&unit_amount=1000000000000', 'amount_too_large', 'unit_amount', /no more than/],
    ['customer=cus_1&balance=-1000000000000', 'amount_too_large', 'balance', /no less than/],
    ['customer=cus_1&unit_amount=-1', 'parameter_invalid_integer', 'unit_amount', '`unit_amount` must be at least 0.'],
    ['customer=cus_1&percent_off=100.01', 'parameter_invalid_integer', 'percent_off', '`percent_off` must be at most 100.'],
    ['customer=cus_1&percent_off=1.234', undefined, 'percent_off', 'Invalid decimal: 1.234; must contain at maximum 2 decimal places.'],
    ['customer=cus_1&interval=hour', undefined, 'interval', 'Invalid interval: must be one of day, week, month, or year'],
    ['customer=cus_1&trial_end=soon', 'parameter_invalid_integer', 'trial_end', 'Invalid trial_end: must be one of now or a timestamp'],
    ['customer=cus_1&currency=xyz', undefined, 'currency', /^Invalid currency: xyz/],
    ['customer=cus_1&options[xyz][unit_amount]=1', undefined, 'options[xyz]', /^Invalid currency: xyz/],
    ['customer=cus_1&email=nobody', 'email_invalid', 'email', 'Invalid email address: nobody'],
    ['customer=cus_1&site=javascript:alert(1)', 'url_invalid', 'site', /^Invalid URL/],
    ['customer=cus_1&at=-1', 'parameter_invalid_integer', 'at', /^Invalid timestamp/],
    ['customer=cus_1&created[gte]=x', 'parameter_invalid_integer', 'created[gte]', 'Invalid integer: x'],
    ['customer=cus_1&created[after]=1', 'parameter_unknown', 'created[after]', /./],
    ['customer=cus_1&coupon=a&promotion_code=b', 'parameters_exclusive', 'coupon', 'Give only one of coupon, promotion_code.'],
    ['customer=cus_1&interval=day&auto=true', undefined, 'interval', 'Not daily.'],
    ['customer=cus_1&application_fee_percent=1', 'parameter_unknown', 'application_fee_percent', 'Kontor does not support `application_fee_percent` here yet: there are no connected accounts.'],
    ['customer=cus_1&metadata=x', undefined, 'metadata', 'Invalid object: x'],
    [`customer=cus_1&metadata[${'k'.repeat(41)}]=1`, undefined, `metadata[${'k'.repeat(41)}]`, /^Invalid metadata key/],
    [`customer=cus_1&metadata[k]=${'v'.repeat(501)}`, undefined, 'metadata[k]', /at most 500 characters; that of k has 501/],
    ['customer=cus_1&metadata[k][l]=1', undefined, 'metadata[k]', /is text/],
    [`customer=cus_1&${Array.from({ length: 51 }, (_, n) => `metadata[${n}]=1`).join('&')}`, undefined, 'metadata', 'An object has at most 50 metadata keys; these are 51.'],
    ['customer=cus_1&expand[]=a.b.c.d.e', undefined, 'expand[0]', /four levels deep at most/],
    ['customer=cus_1&expand=a', undefined, 'expand', 'Invalid array: a'],
  ];
  for (const [form, code, param, message] of cases) {
    const refusal = refusalOf(everything, form);
    assert.deepEqual([refusal.code, refusal.param], [code, param], `${form}: ${refusal.message}`);
    if (typeof message === 'string') assert.equal(refusal.message, message);
    else assert.match(refusal.message, message);
  }
});

test('nothing is coerced', () => {
  const one = fields({ integer: integer(), amount: amount(), decimal: decimal(), percent: percent(), boolean: boolean(), timestamp: timestamp() });
  for (const bad of ['1e3', ' 5', '5 ', '0x10', '+5', '1.0', '007', '-0', '1,000', '١', 'NaN', 'Infinity', 'null', 'true', '9007199254740993000', '--1', '1n', '']) {
    for (const kind of ['integer', 'amount', 'timestamp']) assert.ok(refusalOf(one, `${kind}=${encodeURIComponent(bad)}`), `${kind} ${bad}`);
  }
  for (const bad of ['1e3', ' 5', '.5', '5.', '0x10', '+5', '-0', '-0.0', '1,5', '0.1234567890123', '1000000000000', '00.5', 'NaN', '']) assert.ok(refusalOf(one, `decimal=${encodeURIComponent(bad)}`), bad);
  for (const [spelt, value] of [['true', true], ['True', true], ['false', false], ['False', false]]) assert.equal(readForm(one, `boolean=${spelt}`).params.boolean, value);
  for (const bad of ['1', '0', 'TRUE', 'yes', 'on', ' true', '']) assert.ok(refusalOf(one, `boolean=${encodeURIComponent(bad)}`), bad);
  for (const bad of ['9007199254740992', '-9007199254740992']) assert.ok(refusalOf(one, `integer=${bad}`), bad);
  assert.equal(readForm(one, 'integer=9007199254740991').params.integer, Number.MAX_SAFE_INTEGER);
  fc.assert(fc.property(fc.integer({ min: 0, max: 1_000_000 }), (n) => String(readForm(one, `percent=${n / 10_000}`).params.percent) === String(n / 10_000)));
});

test('JSON carries numbers, booleans and null, and its int64s and decimals as strings', () => {
  const meter = fields({ count: integer(), big: amount(), on: boolean(), decimal: decimal(), at: instant(), name: clearable(text()), tags: list(text()), payload: map(text()) });
  const raw = decodeJson('{"count":5,"big":"12345678901","on":true,"decimal":"0.10","at":"2026-10-28T12:00:00.999Z","name":null,"tags":["a"],"payload":{"value":"1"}}');
  const { params } = read(meter, raw, { wire: 'json' });
  assert.deepEqual({ ...params, payload: { ...params.payload } }, { count: 5, big: 12_345_678_901n, on: true, decimal: '0.10', at: 1_793_188_800, name: null, tags: ['a'], payload: { value: '1' } });
  for (const bad of ['{"count":1.5}', '{"count":1e99}', '{"on":"true"}', '{"on":1}', '{"on":null}', '{"decimal":0.1}', '{"at":5}', '{"at":"2026-13-28T12:00:00Z"}', '{"name":5}', '{"tags":{"0":"a"}}', '{"tags":[null]}', '{"expand":["a"]}']) {
    assert.throws(() => read(meter, decodeJson(bad), { wire: 'json' }), Refusal, bad);
  }
});

test('a moment of /v2 is read as the calendar has it, in whole seconds', () => {
  const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
  const spelt = fc.tuple(fc.constantFrom('0069', '1969', '1970', '2024', '2026', '2100', '9999'), two(13), two(32), fc.constantFrom('T', 't'), two(25), two(61), two(61), fc.constantFrom('', '.5', '.999999999'), fc.constantFrom('Z', 'z', '+00:00', '-09:30', '+25:00'));
  const right = (text: string): number | null => {
    try {
      const seconds = Math.floor(Temporal.Instant.from(text).epochMilliseconds / 1_000);
      return seconds >= 0 && seconds <= 253_402_300_799 ? seconds : null;
    } catch {
      return null;
    }
  };
  fc.assert(fc.property(spelt, ([year, month, day, t, hour, minute, second, fraction, zone]) => {
    const text = `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${zone}`;
    const seconds = right(text);
    if (seconds === null) assert.throws(() => instant().read(text, 'at', 'json'), Refusal, text);
    else assert.equal(instant().read(text, 'at', 'json'), seconds, text);
  }), { numRuns: 1_000 });
});

test('a list has a page of 10 unless the caller says otherwise', () => {
  const customers = listParams({ email: text(), created: range() });
  const { params } = read(customers, decodeForm(''));
  const typed: { limit: number; starting_after?: string; email?: string } = params;
  assert.deepEqual(typed, { limit: 10 });
  assert.equal(read(customers, decodeForm('limit=100&starting_after=cus_1')).params.starting_after, 'cus_1');
  for (const bad of ['limit=0', 'limit=101', 'starting_after=a&ending_before=b', 'starting_after=']) assert.ok(refusalOf(customers, bad));
});

test('a schema describes itself as data', () => {
  const about = describe(everything);
  assert.deepEqual(about.fields?.customer, { kind: 'id', prefix: 'cus', required: true });
  assert.deepEqual(about.fields?.name, { kind: 'text', max: 10, doc: "The customer's name." });
  assert.deepEqual(about.fields?.quantity, { kind: 'integer', min: 0, default: 1 });
  assert.equal(about.fields?.address?.clearable, true);
  assert.equal(about.fields?.items?.of?.fields?.price?.required, true);
  assert.equal(about.fields?.application_fee_percent?.unsupported, 'there are no connected accounts');
  assert.deepEqual(about.rules, ['at most one of coupon, promotion_code', 'further conditions']);
  assert.doesNotThrow(() => JSON.stringify(about));
});

test('10,000 bad inputs meet only refusals', () => {
  const names = ['customer', 'name', 'currency', 'email', 'unit_amount', 'percent_off', 'auto', 'interval', 'trial_end', 'address', 'address[line1]', 'items', 'items[]', 'items[0]', 'items[0][price]', 'items[][price]', 'items[0][tags][]', 'options[eur]', 'options[eur][unit_amount]', 'options[__proto__][unit_amount]', 'metadata', 'metadata[a]', 'metadata[__proto__]', 'metadata[__proto__][polluted]', '__proto__[polluted]', 'constructor[prototype][polluted]', 'created', 'created[gte]', 'expand', 'expand[]', 'expand[0]', 'application_fee_percent'];
  const values = ['', 'cus_1', 'price_1', 'now', '5', '-5', '1.5', '1e3', '99999999999999999999', 'true', 'usd', '__proto__', 'a.b', '%00', '%FF', '%F0%9F%98%80', '\u{1f600}', 'x'.repeat(6_000)];
  const pair = fc.tuple(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.string({ maxLength: 12 }) }), fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: fc.string({ maxLength: 12 }) }));
  let refused = 0;
  const attempt = (act: () => unknown): void => {
    try {
      act();
    } catch (error) {
      assert.ok(error instanceof Refusal, String(error));
      assert.doesNotThrow(() => JSON.stringify({ message: error.message, param: error.param }));
      refused += 1;
    }
  };
  fc.assert(fc.property(fc.array(pair, { maxLength: 12 }), (pairs) => attempt(() => read(everything, decodeForm(pairs.map(([name, value]) => `${name}=${value}`).join('&'))))), { numRuns: 10_000 });
  fc.assert(fc.property(fc.json({ maxDepth: 4 }), (json) => attempt(() => read(everything, decodeJson(json), { wire: 'json' }))), { numRuns: 2_000 });
  fc.assert(fc.property(fc.dictionary(fc.constantFrom('customer', 'items', 'metadata', 'options', 'address', 'created', 'trial_end', 'auto', '__proto__'), fc.jsonValue({ maxDepth: 3 })), (value) => attempt(() => read(everything, decodeJson(JSON.stringify(value)), { wire: 'json' }))), { numRuns: 2_000 });
  assert.ok(refused > 9_000, `${refused}`);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});
