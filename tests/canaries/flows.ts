/** What is done with a canary: a life of a card, with everything that can go wrong with it. */
import { CANARY, CONTROL, LONG_CODE, numberOf, STRANGER } from './numbers.ts';

export type Said = { status: number; body: Record<string, unknown> & { id?: string } };
/** Sends a request as a form. A body may also be given as it is. */
export type Send = (method: 'GET' | 'POST' | 'DELETE', path: string, form?: Record<string, string> | { raw: string; type: string }, key?: string) => Promise<Said>;

const card = (number: string, cvc: string, more: Record<string, string> = {}): Record<string, string> => ({ type: 'card', 'card[number]': number, 'card[exp_month]': '12', 'card[exp_year]': '2034', 'card[cvc]': cvc, ...more });
const payment = (more: Record<string, string>) => ({ amount: '1900', currency: 'usd', confirm: 'true', return_url: 'https://example.com/done', ...more });

const idOf = ({ body }: Said): string => body.id ?? (body.error as { payment_intent?: { id: string } } | undefined)?.payment_intent?.id ?? 'none';

type Flow = (send: Send, n: number) => Promise<void>;

const cvcOf = (n: number): string => String(100 + (n % 900));

const paidOnce: Flow = async (send, n) => {
  const method = await send('POST', '/v1/payment_methods', card(numberOf(CANARY, n), cvcOf(n)));
  const intent = await send('POST', '/v1/payment_intents', payment({ payment_method: idOf(method) }));
  await send('POST', '/v1/refunds', { payment_intent: idOf(intent) });
};

const kept: Flow = async (send, n) => {
  const customer = idOf(await send('POST', '/v1/customers', { name: 'Ada Lovelace', 'metadata[note]': numberOf(CONTROL, n) }));
  const method = idOf(await send('POST', '/v1/payment_methods', card(numberOf(CANARY, n).replace(/(.{4})/g, '$1 ').trim(), cvcOf(n), { 'billing_details[address][postal_code]': '94107' })));
  await send('POST', `/v1/payment_methods/${method}/attach`, { customer });
  const intent = await send('POST', '/v1/payment_intents', payment({ customer, payment_method: method, off_session: 'true' }));
  await send('POST', `/v1/payment_intents/${idOf(intent)}/confirm`, { payment_method: method, return_url: 'https://example.com/done' });
  await send('POST', `/v1/payment_methods/${method}`, { 'card[exp_year]': '2035' });
  await (n % 2 === 0 ? send('POST', `/v1/payment_methods/${method}/detach`) : send('DELETE', `/v1/customers/${customer}`));
};

const setUp: Flow = async (send, n) => {
  const customer = idOf(await send('POST', '/v1/customers', {}));
  const method = idOf(await send('POST', '/v1/payment_methods', card(numberOf(CANARY, n), cvcOf(n))));
  await send('POST', '/v1/setup_intents', { customer, payment_method: method, confirm: 'true', usage: 'off_session', return_url: 'https://example.com/done' });
  await send('GET', `/v1/customers/${customer}/payment_methods`);
};

const repeated: Flow = async (send, n) => {
  const key = `canary ${n}`;
  for (let times = 0; times < 2; times += 1) await send('POST', '/v1/payment_methods', card(numberOf(CANARY, n), cvcOf(n)), key);
  await send('POST', '/v1/payment_methods', card(numberOf(STRANGER, n), cvcOf(n)), key);
  for (let times = 0; times < 2; times += 1) await send('POST', '/v1/payment_methods', card(numberOf(STRANGER, n), cvcOf(n)), `${key} refused`);
};

const refused: Flow = async (send, n) => {
  const number = numberOf(CANARY, n);
  await send('POST', '/v1/payment_methods', card(numberOf(STRANGER, n), cvcOf(n)));
  await send('POST', '/v1/payment_methods', card(`${number.slice(0, -1)}${(Number(number.at(-1)) + 1) % 10}`, cvcOf(n)));
  await send('POST', '/v1/payment_methods', card(`${number}${number}`, cvcOf(n)));
  await send('POST', '/v1/payment_methods', card(`${number}${number}${number}`, cvcOf(n)));
  await send('POST', '/v1/payment_methods', card(number, `${LONG_CODE}${cvcOf(n)}`));
  await send('POST', '/v1/payment_methods', card(number, cvcOf(n), { 'card[exp_year]': '2001' }), `canary ${n} expired`);
};

/** Numbers where none belongs. What names nothing is not kept, and told without it. */
const misplaced: Flow = async (send, n) => {
  const number = numberOf(CANARY, n);
  await send('POST', '/v1/payment_intents', payment({ payment_method: number }), `canary ${n} misplaced`);
  await send('POST', '/v1/payment_intents', payment({ 'payment_method_data[type]': 'card', 'payment_method_data[card][number]': number }));
  await send('POST', '/v1/payment_intents', payment({ customer: number, payment_method: 'pm_card_visa' }));
  await send('POST', '/v1/payment_intents', payment({ currency: number }));
  await send('POST', '/v1/payment_intents', payment({ [`card_${number}`]: '1', [number]: 'x' }));
  await send('POST', '/v1/setup_intents', { confirm: 'true', 'payment_method_data[type]': number });
  await send('POST', '/v1/payment_methods', card(number, cvcOf(n), { 'card[exp_month]': number }));
  await send('POST', '/v1/payment_methods', { type: 'card', 'card[token]': number });
  await send('POST', `/v1/payment_methods/${number}/attach`, { customer: number });
  await send('POST', '/v1/tokens', { 'card[number]': number });
  await send('POST', '/v1/test_helpers/confirmation_tokens', { 'payment_method_data[type]': 'card', 'payment_method_data[card][number]': number });
  for (const path of [`/v1/customers/${number}`, `/v1/cards/${number}`, `/v1/customers?email=${number}`, `/v1/payment_methods?customer=${number}`, `/v1/customers?limit=${number}`]) await send('GET', path);
};

const malformed: Flow = async (send, n) => {
  const number = numberOf(CANARY, n);
  const form = 'application/x-www-form-urlencoded';
  for (const [raw, type] of [
    [JSON.stringify({ type: 'card', card: { number, cvc: cvcOf(n) } }), 'application/json'], [`type=card&card[number]=${number}&card[number]=${number}`, form], [`type=card&card[number]=%${number}`, form],
    [`type=card&card[number][]=${number}&card[exp_month]=1`, form], [`type=card&card=${number}`, form], [`type=card&card[number]=${number}\0&card[exp_month]=12&card[exp_year]=2034`, form], [`card[number=${number}`, form], ['x'.repeat(100) + number, 'text/plain'],
  ] as const) await send('POST', '/v1/payment_methods', { raw, type });
  await send('POST', `/v1/payment_methods?type=card&card[number]=${number}&card[exp_month]=12&card[exp_year]=2034&card[cvc]=${cvcOf(n)}`);
};

export const FLOWS: readonly Flow[] = [paidOnce, kept, setUp, repeated, refused, misplaced, malformed];
