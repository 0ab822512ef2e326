import assert from 'node:assert/strict';
import { test } from 'node:test';
import { safe, Secret } from './secret.ts';

const ours = safe('a pepper of thirty-two characters or more');

test('a sealed secret opens for what it belongs to, and nowhere else', () => {
  const sealed = ours.seal(new Secret('sk_live_1'), '1 prc_1 secret_key');
  assert.equal(ours.open(sealed, '1 prc_1 secret_key').reveal(), 'sk_live_1');
  assert.doesNotMatch(sealed, /sk_live/);
  assert.notEqual(ours.seal(new Secret('sk_live_1'), '1 prc_1 secret_key'), sealed);
  assert.throws(() => ours.open(sealed, '2 prc_1 secret_key'), /does not open/);
  assert.throws(() => safe('another pepper of thirty-two characters').open(sealed, '1 prc_1 secret_key'), /does not open/);
  for (const n of [5, 20, 30, sealed.length - 2]) {
    const changed = `${sealed.slice(0, n)}${sealed[n] === 'A' ? 'B' : 'A'}${sealed.slice(n + 1)}`;
    assert.throws(() => ours.open(changed, '1 prc_1 secret_key'), Error);
  }
  assert.throws(() => ours.open('sk_live_1', '1 prc_1 secret_key'), /form that this version knows/);
});
