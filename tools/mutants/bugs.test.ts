import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { bugs, disturbed } from './bugs.ts';

const root = join(import.meta.dirname, '..', '..');
const tests = globSync('**/*.test.ts', { cwd: root, exclude: ['node_modules/**'] }).map((file) => file.replaceAll('\\', '/'));

test('every seeded bug can still be made in the source as it is, and is still a program', () => {
  for (const { name, edits } of bugs) {
    for (const [path, own] of Map.groupBy(edits, (edit) => edit.path)) {
      const text = readFileSync(join(root, path), 'utf8');
      const wrong = disturbed(text, own);
      assert.notEqual(wrong, text, name);
      assert.doesNotThrow(() => stripTypeScriptTypes(wrong), `${name}: ${path} is no program any more`);
    }
  }
});

test('every seeded bug has a name of its own, and tests that there are', () => {
  assert.equal(new Set(bugs.map((bug) => bug.name)).size, bugs.length);
  for (const bug of bugs) for (const path of bug.tests) assert.ok(tests.some((file) => file.startsWith(path)), `${bug.name}: no test begins with ${path}`);
});

test('a bug that cannot be made is told', () => {
  const edit = { path: 'a.ts', from: 'x', to: 'y' };
  assert.equal(disturbed('a x b', [edit]), 'a y b');
  assert.throws(() => disturbed('a b', [edit]), /a\.ts has no “x”/);
  assert.throws(() => disturbed('x x', [edit]), /more than one “x”/);
});
