import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import { after, test } from 'node:test';
import decode from 'qr/decode.js';
import { startKontor } from '../../../tests/kontor.ts';

const kontor = await startKontor({ works: false });
after(() => kontor.close());
const { stripe } = kontor;

/** The pixels of a PNG of one bit of grey, as a camera would see them. */
function pixelsOf(png: Buffer): { width: number; height: number; data: Uint8Array } {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const start = png.indexOf('IDAT') + 4;
  const lines = inflateSync(png.subarray(start, start + png.readUInt32BE(start - 8)));
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const light = (lines[y * (width / 8 + 1) + 1 + (x >> 3)]! >> (7 - (x & 7))) & 1;
      if (light === 0) data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return { width, height, data };
}

test('the code of a payment leads to its page, as a bitmap and as a drawing, and nobody else gets one', async () => {
  const made = await stripe.paymentIntents.create({ amount: 1_299, currency: 'usd', payment_method: 'pm_cashapp', return_url: 'https://shop.example.com', confirm: true });
  const { hosted_instructions_url, qr_code } = made.next_action!.cashapp_handle_redirect_or_display_qr_code!;
  const png = await fetch(qr_code.image_url_png!);
  assert.deepEqual([png.status, png.headers.get('content-type')], [200, 'image/png']);
  assert.equal(decode(pixelsOf(Buffer.from(await png.arrayBuffer()))), hosted_instructions_url);
  const svg = await fetch(qr_code.image_url_svg!);
  assert.deepEqual([svg.headers.get('content-type'), /^<svg [^]*<\/svg>$/.test(await svg.text())], ['image/svg+xml', true]);
  assert.match(await (await fetch(hosted_instructions_url!)).text(), /\$12\.99[^]*<img src="[^"]*\/qr\.svg"[^]*Helpdesk Inc\.[^]*Cash App Pay/);
  for (const url of [qr_code.image_url_png!, qr_code.image_url_svg!]) assert.equal((await fetch(url.replace(/[^/]{8}\/qr/, 'someoneX/qr'))).status, 404);
});

test('a bank account is verified on its page by the code that came to it; another code is asked for again', async () => {
  const bank = { type: 'us_bank_account', us_bank_account: { account_number: '000123456789', routing_number: '110000000', account_holder_type: 'individual' }, billing_details: { name: 'Jenny Rosen' } } as const;
  const mandate_data = { customer_acceptance: { type: 'offline' } } as const;
  const send = (url: string, code: string) => fetch(url, { method: 'POST', body: new URLSearchParams({ code }), redirect: 'manual' });
  const ways = [
    [await stripe.paymentIntents.create({ amount: 1_299, currency: 'usd', payment_method_data: bank, mandate_data, confirm: true, return_url: 'https://shop.example.com' }), 'processing', 'payment_intent', (id: string) => stripe.paymentIntents.retrieve(id)],
    [await stripe.setupIntents.create({ payment_method_data: bank, mandate_data, confirm: true, return_url: 'https://shop.example.com' }), 'succeeded', 'setup_intent', (id: string) => stripe.setupIntents.retrieve(id)],
  ] as const;
  for (const [made, verified, name, read] of ways) {
    const url = made.next_action!.verify_with_microdeposits!.hosted_verification_url;
    assert.match(await (await fetch(url)).text(), /Verify a bank account[^]*<input name="code"/);
    const wrong = await send(url, 'SM99ZZ');
    assert.deepEqual([wrong.status, /role="alert">These are not the amounts or the code/.test(await wrong.text()), (await read(made.id)).status], [400, true, 'requires_action']);
    const right = await send(url, ' sm11aa');
    assert.deepEqual([right.status, new URL(right.headers.get('location')!).searchParams.get('redirect_status'), (await read(made.id)).status], [303, 'succeeded', verified], name);
    const again = await send(url, 'SM11AA');
    assert.deepEqual([again.status, /<h1>Verified already</.test(await again.text())], [200, true]);
  }
  const late = await stripe.paymentIntents.create({ amount: 1_299, currency: 'usd', payment_method_data: bank, mandate_data, confirm: true });
  assert.match(await (await send(late.next_action!.verify_with_microdeposits!.hosted_verification_url, 'SM44DD')).text(), /Not verified/);
  assert.equal((await stripe.paymentIntents.retrieve(late.id)).last_payment_error?.code, 'payment_method_microdeposit_verification_timeout');
});
