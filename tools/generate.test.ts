import assert from 'node:assert/strict';
import { test } from 'node:test';
import { between, current, generated } from './generate.ts';

for (const [path, make] of Object.entries(generated)) {
  test(`${path} is what would be generated now`, async () => {
    const now = await current(path);
    assert.ok(await make(now) === now, `${path} is out of date. Run: node tools/run.mjs tools/generate.ts`);
  });
}

test('a generated part replaces only what is between its marks', () => {
  assert.equal(between('before\n<!-- generated: x -->\nold\n<!-- end -->\nafter', 'x', 'new'), 'before\n<!-- generated: x -->\nnew\n<!-- end -->\nafter');
  assert.throws(() => between('no marks here', 'x', 'new'), /marks/);
});
