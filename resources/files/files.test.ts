import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { customerAt } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const PDF = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.from([0, 1, 2, 253, 254, 255, 13, 10]), Buffer.from('--\r\n%%EOF')]);
const sized = (bytes: number) => Buffer.concat([PDF, Buffer.alloc(bytes - PDF.length)]);
const uploaded = (data: Buffer, name = 'receipt.pdf', type = 'application/pdf') => stripe.files.create({ purpose: 'dispute_evidence', file: { data, name, type } });
const read = (path: string, key = kontor.key) => fetch(`${kontor.url}${path}`, { headers: { authorization: `Bearer ${key}` } });

test('a file is uploaded by the official client, and comes back byte for byte, to its account only', async () => {
  const file = await uploaded(PDF, 'Quittung "März".pdf');
  assert.deepEqual([file.object, file.purpose, file.size, file.type, file.expires_at, file.url], ['file', 'dispute_evidence', PDF.length, 'pdf', null, `${kontor.url}/v1/files/${file.id}/contents`]);
  assert.deepEqual(await stripe.files.retrieve(file.id), file);
  const { data: [told] } = await stripe.events.list({ type: 'file.created' });
  assert.deepEqual(told!.data.object, file);
  const answer = await read(`/v1/files/${file.id}/contents`);
  assert.deepEqual([answer.status, answer.headers.get('content-type'), answer.headers.get('x-content-type-options')], [200, 'application/pdf', 'nosniff']);
  assert.match(answer.headers.get('content-disposition')!, /^attachment; filename\*=UTF-8''Quittung%20/);
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(PDF));
  const other = await kontor.another();
  await assert.rejects(other.stripe.files.retrieve(file.id), { statusCode: 404 });
  assert.equal((await read(`/v1/files/${file.id}/contents`, other.key)).status, 404);
  const png = await uploaded(Buffer.from('89504e470d0a1a0a00', 'hex'), 'a.png', 'image/png');
  assert.deepEqual((await stripe.files.list({ purpose: 'dispute_evidence' })).data.map(({ id, type }) => [id, type]), [[png.id, 'png'], [file.id, 'pdf']]);
});

test('what a file is, is told by what is in it; and what is too large, empty or no file is refused', async () => {
  assert.equal((await uploaded(PDF, 'a.jpg', 'image/jpeg')).type, 'pdf');
  await assert.rejects(uploaded(Buffer.from('<html>')), { statusCode: 400, param: 'file' });
  await assert.rejects(uploaded(Buffer.alloc(0)), { statusCode: 400, param: 'file' });
  await assert.rejects(uploaded(sized(5 * 1_048_576 + 1)), { statusCode: 400, param: 'file' });
  await assert.rejects(uploaded(sized(6 * 1_048_576)), { statusCode: 413 });
  await assert.rejects(stripe.files.create({ purpose: 'business_logo', file: { data: PDF, name: 'a.pdf', type: 'application/pdf' } }), { statusCode: 400, param: 'purpose' });
  await assert.rejects(stripe.rawRequest('POST', '/v1/files', { purpose: 'dispute_evidence', file: 'receipt.pdf' }), { statusCode: 400, param: 'file' });
  const post = (body: Buffer | string, type: string) => fetch(`${kontor.url}/v1/files`, { method: 'POST', body, headers: { authorization: `Bearer ${kontor.key}`, 'content-type': type } }).then(async (answer) => [answer.status, ((await answer.json()) as { error: { param?: string } }).error.param]);
  assert.deepEqual(await post('nothing', 'multipart/form-data; boundary=limit'), [400, undefined]);
  const part = (name: string, more = '', value = 'x') => `--limit\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  assert.deepEqual(await post(`${part('file', '; filename="a"', '%PDF-')}${part('file', '; filename="b"', '%PDF-')}--limit--\r\n`, 'multipart/form-data; boundary=limit'), [400, 'file']);
  assert.deepEqual(await post(`${part('purpose', '; filename="a"')}${part('file', '; filename="b"', '%PDF-')}--limit--\r\n`, 'multipart/form-data; boundary=limit'), [400, 'purpose']);
  assert.deepEqual(await post(`${part('purpose', '', 'dispute_evidence')}${part('file', '; filename="b"', '%PDF-')}${part('zzz')}--limit--\r\n`, 'multipart/form-data; boundary=limit'), [400, 'zzz']);
  assert.equal((await fetch(`${kontor.url}/v1/customers`, { method: 'POST', body: `${part('name')}--limit--`, headers: { authorization: `Bearer ${kontor.key}`, 'content-type': 'multipart/form-data; boundary=limit' } })).status, 415);
});

test('files are evidence of a dispute: they are there, are shown whole where that is asked for, and have a limit together', async () => {
  const { clock, customer } = await customerAt(stripe, START, {});
  const paid = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', customer, payment_method: 'pm_card_createDispute', confirm: true });
  await kontor.advance(clock, START + 8 * DAY);
  const [made] = (await stripe.disputes.list({ payment_intent: paid.id })).data;
  const [receipt, large] = [await uploaded(PDF), await uploaded(sized(4 * 1_048_576))];
  await assert.rejects(stripe.disputes.update(made!.id, { evidence: { receipt: 'file_none' } }), { code: 'resource_missing', param: 'evidence[receipt]' });
  const kept = await stripe.disputes.update(made!.id, { evidence: { receipt: receipt.id, service_documentation: large.id }, submit: false, expand: ['evidence.receipt'] });
  assert.deepEqual([(kept.evidence.receipt as Stripe.File).filename, kept.evidence.service_documentation, kept.evidence_details.has_evidence], ['receipt.pdf', large.id, true]);
  const more = await uploaded(sized(1_048_576));
  await assert.rejects(stripe.disputes.update(made!.id, { evidence: { uncategorized_file: more.id }, submit: false }), { statusCode: 400, param: 'evidence[uncategorized_file]' });
  const sent = await stripe.disputes.update(made!.id, { evidence: { service_documentation: '', uncategorized_file: more.id, uncategorized_text: 'winning_evidence' } });
  assert.deepEqual([sent.status, sent.evidence.receipt, sent.evidence.service_documentation, sent.evidence.uncategorized_file], ['under_review', receipt.id, null, more.id]);
});
