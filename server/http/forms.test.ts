import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Refusal } from '../../billing/decision.ts';
import { decodeForm, decodeJson, decodeQuery, type Raw, type RawMap } from './forms.ts';

// The official client's own encoder; the package does not export it.
const { queryStringifyRequestData } = (await import(new URL('../../node_modules/stripe/esm/utils.js', import.meta.url).href)) as { queryStringifyRequestData(data: unknown): string };

/** With prototypes, for comparison. */
function plain(raw: Raw): unknown {
  return JSON.parse(JSON.stringify(raw));
}

function refusalOf(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    return error;
  }
  return assert.fail('nothing was refused');
}

test('a form is a tree of strings, whether its brackets are encoded or raw', () => {
  for (const [form, tree] of [
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1&&b=2&', { a: '1', b: '2' }],
    ['a', { a: '' }],
    ['a=b=c', { a: 'b=c' }],
    ['a[b][c]=x', { a: { b: { c: 'x' } } }],
    ['a%5Bb%5D%5Bc%5D=x', { a: { b: { c: 'x' } } }],
    ['a[]=x&a[]=y', { a: ['x', 'y'] }],
    ['a[1]=y&a[0]=x', { a: { 0: 'x', 1: 'y' } }],
    ['a[][p]=1&a[][q]=2&a[][p]=3', { a: [{ p: '1', q: '2' }, { p: '3' }] }],
    ['a[][p][x]=1&a[][p][y]=2&a[][p][x]=3', { a: [{ p: { x: '1', y: '2' } }, { p: { x: '3' } }] }],
    ['name=J%C3%BCrgen+M%C3%BCller%2B', { name: 'Jürgen Müller+' }],
    ['v=[x]', { v: '[x]' }],
  ] as const) {
    assert.deepEqual(plain(decodeForm(form)), tree, form);
    assert.deepEqual(plain(decodeForm(Buffer.from(form))), tree, form);
  }
  assert.deepEqual(plain(decodeForm(Buffer.from('name=Müller'))), { name: 'Müller' });
  assert.deepEqual(plain(decodeQuery(Buffer.from('name=Müller').toString('latin1'))), { name: 'Müller' });
});

test('a form that contradicts itself is refused and names the parameter', () => {
  for (const [form, param] of [
    ['a=1&a=2', 'a'],
    ['a[b]=1&a[b]=2', 'a[b]'],
    ['a=1&a[b]=2', 'a[b]'],
    ['a[b]=2&a=1', 'a'],
    ['a[]=1&a[0]=2', 'a[0]'],
    ['a[0]=1&a[]=2', 'a[]'],
    ['a[]=1&a=2', 'a'],
    ['=1', undefined],
    ['[a]=1', '[a]'],
    ['a]=1', 'a]'],
    ['a[b=1', 'a[b'],
    ['a[b]c=1', 'a[b]c'],
    ['a[[b]]=1', 'a[[b]]'],
    ['a[][]=1', 'a[][]'],
    ['a=%', 'a'],
    ['a=%zz', 'a'],
    ['a=%C3', 'a'],
    ['a=%C0%80', 'a'],
    ['a=%ED%A0%80', 'a'],
    ['%FF=1', '%FF'],
    ['a=x%00y', 'a'],
    [`a${'[b]'.repeat(12)}=1`, `a${'[b]'.repeat(12)}`],
  ] as const) {
    assert.equal(refusalOf(() => decodeForm(form)).param, param, form);
  }
  assert.equal(refusalOf(() => decodeForm(Buffer.from([...Buffer.from('a=1&b='), 0xff]))).param, 'b');
  assert.match(refusalOf(() => decodeForm('a[]=1&'.repeat(1_001))).message, /at most 1000/);
});

test('names that JavaScript knows are only names', () => {
  const tree = decodeForm('__proto__[polluted]=1&constructor[prototype][polluted]=1&toString=x&a[__proto__][polluted]=1&a[hasOwnProperty]=1');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.deepEqual(Object.keys(tree), ['__proto__', 'constructor', 'toString', 'a']);
  assert.deepEqual([tree.valueOf, Object.keys(Object.getPrototypeOf(tree) as object), Object.getPrototypeOf(Object.getPrototypeOf(tree))], [undefined, [], null]);
  const json = decodeJson('{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}}');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.deepEqual(Object.keys(json), ['__proto__', 'a']);
  assert.equal((json.a as RawMap).polluted, undefined);
});

const name = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((each) => !/[[\]\0]/.test(each) && each.isWellFormed());
const leaf = fc.oneof(
  fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('\0') && each.isWellFormed()),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const { tree } = fc.letrec<{ tree: unknown; node: unknown }>((tie) => ({
  tree: fc.dictionary(name, tie('node'), { maxKeys: 6 }),
  node: fc.oneof({ depthSize: 'small', maxDepth: 5 }, leaf, fc.array(tie('node'), { minLength: 1, maxLength: 4 }), fc.dictionary(name, tie('node'), { minKeys: 1, maxKeys: 4 })),
}));

/** What the encoder means: strings at the leaves, lists as maps of their indexes. */
function meant(value: unknown): unknown {
  if (value === null) return '';
  if (typeof value !== 'object') return String(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, meant(each)]));
}

test('what the official client encodes is decoded to the same tree', () => {
  fc.assert(
    fc.property(tree, (data) => {
      assert.deepEqual(plain(decodeForm(queryStringifyRequestData(data))), meant(data));
    }),
    { numRuns: 2_000 },
  );
});

test('no text makes the decoder do anything but decode or refuse', () => {
  const piece = fc.constantFrom('a', 'b', '[', ']', '[]', '[0]', '[1]', '=', '&', '%', '%5B', '%5D', '%00', '%C3', '%F0%9F%98%80', '+', '__proto__', 'constructor', '\u{1f600}', '\ud800', '0', '-');
  const text = fc.oneof(fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')), fc.string({ unit: 'binary', maxLength: 100 }));
  fc.assert(
    fc.property(text, (input) => {
      for (const act of [() => decodeForm(input), () => decodeForm(Buffer.from(input, 'latin1')), () => decodeQuery(input), () => decodeJson(input)]) {
        try {
          act();
        } catch (error) {
          assert.ok(error instanceof Refusal, `${String(error)} at ${JSON.stringify(input)}`);
          assert.ok(error.message.isWellFormed() && (error.param ?? '').isWellFormed());
        }
      }
    }),
    { numRuns: 5_000 },
  );
  assert.equal(({} as Record<string, unknown>).a, undefined);
});

test('JSON is a map within limits', () => {
  assert.deepEqual(plain(decodeJson('{"a":[1,"2",null,true]}')), { a: [1, '2', null, true] });
  assert.deepEqual(plain(decodeJson('')), {});
  for (const bad of ['[]', '1', 'null', '{', '{"a":1}x', '['.repeat(100_000), `{"a":${'['.repeat(20)}${']'.repeat(20)}}`, '{"a":"\\u0000"}', '{"a":"\\ud800"}', `{"a":[${'1,'.repeat(30_000)}1]}`]) {
    refusalOf(() => decodeJson(bad));
  }
  assert.equal(refusalOf(() => decodeJson('{"a":[{"b":"\\ud800"}]}')).param, 'a[0][b]');
  assert.equal(refusalOf(() => decodeJson('{"a":{"\\u0000":1}}')).message, 'Invalid characters in the name a[\ufffd].');
});
