/** Whatever Stripe's types say can be expanded can be: every id in every answer, and the ids in what was expanded, four levels deep. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { rooms } from '../../resources/register.ts';
import { startKontor } from '../kontor.ts';
import { references, violations } from './openapi.ts';
import { rawCaller } from './raw.ts';
import { pathWith, stock } from './stock.ts';

const routes = rooms.flatMap((room) => room.routes ?? []).filter((route) => route.method === 'GET' && route.path.startsWith('/v1/'));

/** What Kontor has no objects for, wherever an answer names it. */
const NOTHING_BEHIND = new Set<string>([]);

const kontor = await startKontor({ works: false });
const caller = rawCaller(kontor.url, kontor.key);
const own = await stock(kontor, kontor.stripe);
after(async () => {
  caller.close();
  await kontor.close();
});

test('every event in its thin form leads to what it is about', async () => {
  const found: string[] = [];
  const types = new Set<string>();
  for await (const event of kontor.stripe.v2.core.events.list({ limit: 100 })) {
    const related = (event as { related_object?: { id?: string; type: string; url: string } }).related_object;
    if (!related) found.push(`${event.type} is about nothing`);
    else if (!types.has(event.type)) {
      const heard = await caller.call({ method: 'GET', path: related.url });
      if (heard.status !== 200 || heard.body.object !== related.type || heard.body.id !== related.id) found.push(`${event.type}: ${related.url}: ${heard.status} ${heard.text.slice(0, 100)}`);
    }
    types.add(event.type);
  }
  assert.deepEqual(found, []);
  assert.ok(types.size > 30, [...types].join(', '));
});

test('what cannot be expanded is refused by its whole path, also where every object inherits its name', async () => {
  const of = (collection: string) => `/v1/${collection}/${own.get(collection)}`;
  for (const [path, wrong, hint] of [
    [of('prices'), 'name', /not exist/], [of('prices'), 'product.name', /not exist/], [of('prices'), 'constructor', /not exist/], [of('prices'), 'product.__proto__', /not exist/], [of('customers'), 'metadata.toString', /not exist/],
    ['/v1/prices', 'product', /expand `data\.product` instead/], ['/v1/prices', 'data.product.valueOf', /not exist/],
  ] as const) {
    const { status, body } = await caller.call({ method: 'GET', path: `${path}?expand[]=${wrong}` });
    assert.deepEqual([status, body.error?.param], [400, 'expand'], `${path} ${wrong}`);
    assert.ok(body.error.message.startsWith(`This property cannot be expanded (${wrong}). `), body.error.message);
    assert.match(body.error.message, hint);
  }
});

/** What stands at a path; lists and arrays are passed through. */
function at(body: unknown, path: string): unknown[] {
  return path.split('.').reduce<unknown[]>((held, name) => held.flatMap((each) => (each as Record<string, unknown> | null)?.[name] ?? []).flat(), [body]);
}

for (const route of routes) {
  test(`GET ${route.path}: what may be expanded is`, async () => {
    const path = pathWith(route.path, (collection) => own.get(collection) ?? 'zzz_unknown');
    const found: string[] = [];
    const walk = async (paths: readonly string[], depth: number): Promise<void> => {
      const query = paths.map((each) => `expand[]=${each}`).join('&');
      const heard = await caller.call({ method: 'GET', path: query ? `${path}?${query}` : path });
      if (heard.status === 404 && depth === 0) return;
      if (heard.status === 400 && depth === 0) return;
      if (heard.status !== 200) return void found.push(`${path} with ${paths.join(', ')}: ${heard.status} ${heard.body?.error?.message}`);
      for (const { pointer, problem } of violations('GET', path, 200, heard.body)) found.push(`${paths.join(', ')}: ${pointer} is ${problem}`);
      const last = paths.at(-1);
      if (last !== undefined && at(heard.body, last).some((each) => typeof each === 'string')) found.push(`${path}: ${last} stays an id`);
      if (depth >= 4) return;
      const next = references('GET', path, heard.body).filter((each) => (last === undefined || each.startsWith(`${last}.`)) && each.split('.').length <= 4 && !NOTHING_BEHIND.has(each));
      for (const each of next) await walk([...paths, each], depth + 1);
    };
    await walk([], 0);
    assert.deepEqual(found, []);
  });
}
