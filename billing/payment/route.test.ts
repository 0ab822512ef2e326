import { test } from 'node:test';
import assert from 'node:assert/strict';
import { METHODS } from './offer.ts';
import { countryOf, faultInRule, route, type Routed, type RoutingRule } from './route.ts';

const rule = (processor: string, given: Partial<RoutingRule> = {}): RoutingRule => ({ currency: null, country: null, payment_method_type: null, processor, ...given });
const PROCESSORS = ['sandbox', 'a', 'b', 'c'].map((name) => ({ name }));
const RULES = [
  rule('b', { currency: 'eur', payment_method_type: 'ideal' }),
  rule('gone', { currency: 'eur' }),
  rule('c', { country: 'DE', payment_method_type: 'klarna' }),
  rule('a', { currency: 'eur' }),
  rule('b', { payment_method_type: 'card' }),
  rule('c', { currency: 'usd', country: 'US', payment_method_type: 'card' }),
];

const EXAMPLES: [Routed, string][] = [
  [{ type: 'ideal', currency: 'eur', country: 'NL' }, 'b a sandbox c'],
  // Without a payment no currency is known, and rules of one do not match.
  [{ type: 'ideal', currency: null, country: 'NL' }, 'sandbox a b c'],
  [{ type: 'klarna', currency: 'eur', country: 'DE' }, 'c a sandbox b'],
  [{ type: 'klarna', currency: 'eur', country: null }, 'a sandbox b c'],
  [{ type: 'klarna', currency: 'usd', country: 'DE' }, 'c sandbox a b'],
  [{ type: 'card', currency: 'eur', country: 'DE' }, 'a b sandbox c'],
  // The first that matches counts, though a later one says more.
  [{ type: 'card', currency: 'usd', country: 'US' }, 'b c sandbox a'],
  [{ type: 'paypal', currency: 'gbp', country: 'GB' }, 'sandbox a b c'],
];

for (const [what, order] of EXAMPLES) {
  test(`${what.type} in ${what.currency ?? 'no currency'} from ${what.country ?? 'anywhere'} is asked for at ${order}`, () => {
    assert.equal(route(RULES, what, PROCESSORS).map(({ name }) => name).join(' '), order);
  });
}

test('a rule without conditions is for all, and one that is alone changes nothing else', () => {
  assert.deepEqual(route([rule('c')], EXAMPLES[0]![0], PROCESSORS).map(({ name }) => name), ['c', 'sandbox', 'a', 'b']);
  assert.deepEqual(route([], EXAMPLES[0]![0], PROCESSORS), PROCESSORS);
});

test('the country is that of the account, of the type, or of the billing address', () => {
  assert.deepEqual(
    [countryOf('sepa_debit', { iban: 'at611904300234573201' }, 'DE'), countryOf('ideal', {}, 'DE'), countryOf('us_bank_account', {}, null), countryOf('klarna', {}, 'FR'), countryOf('card', {}, null), countryOf('sepa_debit', { iban: 7 }, null)],
    ['AT', 'NL', 'US', 'FR', null, null],
  );
});

const { card, ideal, sepa_debit, klarna } = METHODS;
const FAULTS: [Partial<RoutingRule>, string | null][] = [
  [{}, null],
  [{ payment_method_type: 'ideal', currency: 'eur', country: 'NL' }, null],
  [{ payment_method_type: 'paypal' }, 'payment_method_type'],
  [{ payment_method_type: 'ideal', currency: 'usd' }, 'currency'],
  [{ payment_method_type: 'ideal', country: 'DE' }, 'country'],
  [{ payment_method_type: 'sepa_debit', country: 'US' }, 'country'],
  [{ country: 'US' }, null],
];
for (const [given, field] of FAULTS) {
  test(`a rule for ${JSON.stringify(given)} ${field === null ? 'is taken' : `is refused for its ${field}`}`, () => {
    assert.equal(faultInRule(rule('a', given), { card, ideal, sepa_debit, klarna })?.field ?? null, field);
  });
}

test('what no method of a processor takes together is refused', () => {
  assert.equal(faultInRule(rule('a', { currency: 'usd' }), { ideal, sepa_debit })!.field, 'currency');
  assert.match(faultInRule(rule('a', { currency: 'eur', country: 'US' }), { ideal, sepa_debit })!.message, /no payments from US by any method that it has in eur/);
});
