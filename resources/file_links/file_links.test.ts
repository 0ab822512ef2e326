import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { startKontor } from '../../tests/kontor.ts';

let ahead_s = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead_s * 1_000) });
after(() => kontor.close());
const { stripe } = kontor;

const now = () => Math.floor(Date.now() / 1_000) + ahead_s;
const PDF = Buffer.from('%PDF-1.7\nseats and lamps\n%%EOF');
const uploaded = () => stripe.files.create({ purpose: 'dispute_evidence', file: { data: PDF, name: 'Beleg "A".pdf', type: 'application/pdf' } });

test('whoever has the address of a file sees it, without a key', async () => {
  const { id: file } = await uploaded();
  const link = await stripe.fileLinks.create({ file, metadata: { dispute: 'first' } });
  assert.deepEqual([link.object, link.file, link.expired, link.expires_at, link.livemode, link.metadata], ['file_link', file, false, null, false, { dispute: 'first' }]);
  const answer = await fetch(link.url!);
  assert.deepEqual([answer.status, answer.headers.get('content-type'), answer.headers.get('x-content-type-options'), answer.headers.get('cache-control')], [200, 'application/pdf', 'nosniff', 'no-store']);
  assert.match(answer.headers.get('content-disposition')!, /^inline; filename\*=UTF-8''Beleg%20/);
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(PDF));
  assert.deepEqual(await stripe.fileLinks.retrieve(link.id), link);
  assert.equal(((await stripe.fileLinks.retrieve(link.id, { expand: ['file'] })).file as Stripe.File).filename, 'Beleg "A".pdf');
  const other = await stripe.fileLinks.create({ file });
  assert.notEqual(other.url, link.url);
  for (const wrong of [link.url!.slice(0, -1), `${link.url}x`, link.url!.replace(link.id, other.id), link.url!.replace(link.id, 'link_none')]) assert.equal((await fetch(wrong)).status, 404);
});

test('a link lasts as long as it says, and is over for good', async () => {
  const { id: file } = await uploaded();
  const link = await stripe.fileLinks.create({ file, expires_at: now() + 3_600 });
  assert.equal((await fetch(link.url!)).status, 200);
  const longer = await stripe.fileLinks.update(link.id, { expires_at: now() + 7_200, metadata: { kept: 'longer' } });
  assert.deepEqual([longer.url, longer.metadata], [link.url, { kept: 'longer' }]);
  ahead_s += 7_300;
  assert.equal((await fetch(link.url!)).status, 404);
  const over = await stripe.fileLinks.retrieve(link.id);
  assert.deepEqual([over.expired, over.url], [true, null]);
  await assert.rejects(stripe.fileLinks.update(link.id, { expires_at: '' }), { statusCode: 400 });
  const kept = await stripe.fileLinks.create({ file, expires_at: now() + 60 });
  assert.equal((await stripe.fileLinks.update(kept.id, { expires_at: '' })).expires_at, null);
  const idsOf = async (params: Stripe.FileLinkListParams) => (await stripe.fileLinks.list({ file, ...params })).data.map(({ id }) => id);
  assert.deepEqual([await idsOf({}), await idsOf({ expired: true }), await idsOf({ expired: false })], [[kept.id, link.id], [link.id], [kept.id]]);
  const ended = await stripe.fileLinks.update(kept.id, { expires_at: 'now' });
  assert.deepEqual([ended.expired, (await fetch(kept.url!)).status], [true, 404]);
});

test('a link to nothing, to what is another account\'s, or into the past is refused', async () => {
  const { id: file } = await uploaded();
  await assert.rejects(stripe.fileLinks.create({ file: 'file_none' }), { code: 'resource_missing', param: 'file' });
  await assert.rejects(stripe.fileLinks.create({ file, expires_at: now() - 1 }), { statusCode: 400, param: 'expires_at' });
  const other = await kontor.another();
  await assert.rejects(other.stripe.fileLinks.create({ file }), { code: 'resource_missing', param: 'file' });
  const { id } = await stripe.fileLinks.create({ file });
  await assert.rejects(other.stripe.fileLinks.retrieve(id), { statusCode: 404 });
});
