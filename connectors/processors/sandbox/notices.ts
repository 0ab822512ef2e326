/** The sandbox's webhooks: what it says that happened, signed as `t=<seconds>,v1=<HMAC-SHA-256 of "<seconds>.<body>">`. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Delivery, Notice, Received } from '../processor.ts';

export const SIGNATURE_HEADER = 'kontor-sandbox-signature';

const signature = (at: string, body: string, secret: string) => createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');

/** A webhook as the sandbox sends it. `at` is in Unix seconds. */
export function writeNotices(notices: readonly Notice[], secret: string, at: number): Delivery {
  const body = JSON.stringify({ notices });
  return { body: Buffer.from(body), headers: { [SIGNATURE_HEADER]: `t=${at},v1=${signature(String(at), body, secret)}` } };
}

const refused = (message: string): Received => ({ kind: 'refused', message });

/** The signature first: what is not signed is not read. A notice that comes again is harmless, so its age does not matter. */
export function readNotices({ body, headers }: Delivery, secret: string | undefined): Received {
  if (secret === undefined) return refused('The sandbox has no secret for webhooks, so it believes none.');
  const [, at = '', given = ''] = /^t=([0-9]{1,12}),v1=([0-9a-f]{64})$/.exec(headers[SIGNATURE_HEADER] ?? '') ?? [];
  const text = Buffer.from(body).toString('utf8');
  if (given === '' || !timingSafeEqual(Buffer.from(signature(at, text, secret)), Buffer.from(given))) return refused('The signature of the webhook is missing or wrong.');
  return { kind: 'notices', notices: (JSON.parse(text) as { notices: Notice[] }).notices };
}
