import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import Stripe from 'stripe';
import { sign } from './signature.ts';

const stripe = new Stripe('sk_test_signature');
const NOW = 1_790_000_000;

const secret = fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 40 }).map((text) => `whsec_${text.replaceAll(/\s/g, '_')}`);
const payload = fc.record({ id: fc.string(), object: fc.constant('event'), data: fc.record({ object: fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()) }) }).map((event) => JSON.stringify(event));

/** As Stripe's own client verifies it, at the given second. */
function accepted(body: string, header: string, key: string, at = NOW): boolean {
  try {
    stripe.webhooks.constructEvent(body, header, key, 300, undefined, at * 1000);
    return true;
  } catch (cause) {
    if (cause instanceof Stripe.errors.StripeSignatureVerificationError) return false;
    throw cause;
  }
}

test('the official client accepts 1,000 signed payloads', () => {
  fc.assert(fc.property(payload, secret, (body, key) => accepted(body, sign(body, [key], NOW), key)), { numRuns: 1000, seed: 1 });
});

test('the official client refuses 1,000 payloads, signatures, times or secrets that were changed', () => {
  const changed = fc.record({ body: payload, key: secret, part: fc.constantFrom('body', 'signature', 'time', 'secret'), place: fc.nat() });
  let refused = 0;
  fc.assert(
    fc.property(changed, ({ body, key, part, place }) => {
      const header = sign(body, [key], NOW);
      const at = place % body.length;
      const [time, signature] = header.split(',') as [string, string];
      const digit = 'v1='.length + (place % 64);
      const otherDigit = ((Number.parseInt(signature[digit]!, 16) + 1 + (place % 15)) % 16).toString(16);
      const ok =
        part === 'body' ? accepted(`${body.slice(0, at)}${String.fromCharCode(body.charCodeAt(at) ^ 1)}${body.slice(at + 1)}`, header, key)
        : part === 'signature' ? accepted(body, `${time},${signature.slice(0, digit)}${otherDigit}${signature.slice(digit + 1)}`, key)
        : part === 'time' ? accepted(body, `t=${NOW - 1 - (place % 200)},${signature}`, key)
        : accepted(body, header, `${key}x`);
      refused += ok ? 0 : 1;
      return !ok;
    }),
    { numRuns: 1000, seed: 2 },
  );
  assert.equal(refused, 1000);
});

test('while a secret is rolled, receivers with the old and with the new secret accept the same header', () => {
  const header = sign('{}', ['whsec_new', 'whsec_old'], NOW);
  assert.match(header, /^t=1790000000,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/);
  assert.ok(accepted('{}', header, 'whsec_new') && accepted('{}', header, 'whsec_old'));
  assert.ok(!accepted('{}', header, 'whsec_other'));
});

test('a header is refused when it is older than five minutes', () => {
  const header = sign('{}', ['whsec_a'], NOW);
  assert.ok(accepted('{}', header, 'whsec_a', NOW + 300) && !accepted('{}', header, 'whsec_a', NOW + 301));
});

test('bytes and text of the same body are signed the same', () => {
  assert.equal(sign('{"é":1}', ['whsec_a'], NOW), sign(Buffer.from('{"é":1}'), ['whsec_a'], NOW));
});

test('nothing is signed without a secret, with a blank one, or at half a second', () => {
  assert.throws(() => sign('{}', [], NOW), /Assertion failed/);
  assert.throws(() => sign('{}', ['whsec_a', ' '], NOW), /Assertion failed/);
  assert.throws(() => sign('{}', ['whsec_a'], NOW + 0.5), /Assertion failed/);
});
