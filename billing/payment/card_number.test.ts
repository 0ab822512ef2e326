import { test } from 'node:test';
import assert from 'node:assert/strict';
import { faultInExpiry, fullYear, passesLuhn, withoutCardNumbers } from './card_number.ts';

test('the check digit finds a digit that is wrong', () => {
  for (const number of ['4242424242424242', '378282246310005', '36227206271667', '6205500000000000004']) {
    assert.ok(passesLuhn(number), number);
    assert.ok(passesLuhn(Uint8Array.from(number, (digit) => digit.charCodeAt(0))), number);
    for (let place = 0; place < number.length; place += 1) assert.ok(!passesLuhn(number.slice(0, place) + ((Number(number[place]) + 1) % 10) + number.slice(place + 1)), `${number} at ${place}`);
  }
});

test('an expiry is good to the end of its month', () => {
  const today = { year: 2027, month: 5 };
  const table: [number, number, string | null][] = [
    [5, 2027, null], [12, 2077, null], [1, 2028, null], [4, 2027, 'exp_month'], [12, 2026, 'exp_year'], [1, 2078, 'exp_year'], [0, 2030, 'exp_month'], [13, 2030, 'exp_month'], [1.5, 2030, 'exp_month'],
  ];
  for (const [exp_month, exp_year, param] of table) assert.equal(faultInExpiry({ exp_month, exp_year }, today)?.param ?? null, param, `${exp_month}/${exp_year}`);
  assert.deepEqual([fullYear(34), fullYear(2034), fullYear(0)], [2034, 2034, 2000]);
});

test('a card number in a text is hidden however it is written, and nothing else is', () => {
  const table: [string, string][] = [
    ["No such customer: '4242424242424242'", "No such customer: '[card number]'"],
    ['4242 4242 4242 4242, 3782-822463-10005', '[card number], [card number]'],
    ['card=4242+4242+4242+4242&cvc=', 'card=[card number]&cvc='],
    ['/v1/customers/4242%204242%204242%204242', '/v1/customers/[card number]'],
    // Mistyped, too long, a moment in milliseconds, an amount, an id.
    ['4242424242424241', '4242424242424241'],
    ['42424242424242424242', '42424242424242424242'],
    ['1795838400000', '1795838400000'],
    ['1795838400009', '1795838400009'],
    ['100.000.000.000', '100.000.000.000'],
    ['in_0VbhN7nc000K', 'in_0VbhN7nc000K'],
  ];
  for (const [text, told] of table) assert.equal(withoutCardNumbers(text), told);
});
