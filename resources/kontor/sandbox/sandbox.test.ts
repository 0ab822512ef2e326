import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import decode from 'qr/decode.js';
import type Stripe from 'stripe';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';

let kontor: Kontor;
let stripe: Stripe;
before(async () => { kontor = await startKontor({ works: false }); stripe = kontor.stripe; });
after(() => kontor.close());

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
