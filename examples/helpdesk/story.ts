/**
 * Three months of a helpdesk company and two of its customers, by the official client against a running Kontor.
 *
 * `npm run example` runs it on a Kontor of its own; `npm run example -- --url http://127.0.0.1:4242 --key sk_test_…` on one that runs. README.md works out every amount by hand.
 */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Stripe from 'stripe';
import { catalog } from './catalog.ts';
import { itemOf, lumenCoffee, northwindLogistics, priceIds, type Buyer } from './customers.ts';
import { receive } from './receiver.ts';
import { onOwnKontor } from './own.ts';
import { statement } from './statement.ts';
import { advance, at, dateAndTime, dayAndTime } from './time.ts';
import { converse, reopen, report } from './usage.ts';

const BEGINNING = at('2026-01-15T10:00');
/** Where `firstMonth` leaves the clock. */
export const END_OF_FIRST_MONTH = at('2026-02-15T12:00');

/** Where the story is played: its clock, and who is in it. */
type Scene = { stripe: Stripe; say: (text: string) => void; clock: string; lumen: Buyer; northwind: Buyer };

/** What became of it: the invoices of each customer in their order, and the webhooks as they were received. */
type Ending = { clock: string; lumen: Stripe.Invoice[]; northwind: Stripe.Invoice[]; events: Stripe.Event[]; refused: number };

/** The whole story. What is told is given to `say`, a line or a few at a time. */
export async function run(stripe: Stripe, { say }: { say: (text: string) => void }): Promise<Ending> {
  const { data: earlier } = await stripe.events.list({ limit: 1 });
  const receiver = await receive(stripe);
  try {
    await catalog(stripe);
    const scene = await open(stripe, 'The helpdesk story', say);
    await firstMonth(scene);
    await thirdMonth(scene, await secondMonth(scene));
    const lumen = await invoicesOf(scene, scene.lumen);
    const northwind = await invoicesOf(scene, scene.northwind);
    for (const invoice of [...lumen, ...northwind]) say(['', ...(await statement(stripe, invoice.id))].join('\n'));
    for await (const { id } of stripe.events.list({ limit: 100 })) {
      if (id === earlier[0]?.id) break;
      await receiver.arrived(id);
    }
    const events = receiver.events();
    say(`\n${events.length} webhooks were received, each with a good signature. What they tell of the two customers:\n`);
    for (const event of events.filter(({ type }) => !OF_THE_HOUSE.test(type))) say(`${dateAndTime(event.created).padEnd(20)}${event.type.padEnd(36)}${subjectOf(event)}`.trimEnd());
    return { clock: scene.clock, lumen, northwind, events, refused: receiver.refused() };
  } finally {
    await receiver.close();
  }
}

/** Events about what is sold, about the clock, and about each conversation that was resolved. */
const OF_THE_HOUSE = /^(billing|coupon|price|product|tax_rate|test_helpers|kontor\.outcome_definition|kontor\.outcome\.settled)\b/;

/** 15 January: a clock, and the two customers on it. */
export async function open(stripe: Stripe, name: string, say: (text: string) => void): Promise<Scene> {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ name, frozen_time: BEGINNING });
  say(`${dayAndTime(BEGINNING)}  Lumen Coffee signs up on the web site: five Advanced seats, by card.`);
  const lumen = await lumenCoffee(stripe, clock);
  say(`${dayAndTime(BEGINNING)}  Northwind Logistics signs its contract: 40 Expert seats, 15 % off them, billed on the first of each month.`);
  const northwind = await northwindLogistics(stripe, clock);
  return { stripe, say, clock, lumen, northwind };
}

/** Moves the clock, and says what happens then. */
async function until(scene: Scene, moment: string, what: string): Promise<void> {
  await advance(scene.stripe, scene.clock, at(moment));
  scene.say(`${dayAndTime(at(moment))}  ${what}`);
}

/** To 15 February: both begin to work, Lumen Coffee grows, and its card is declined. */
export async function firstMonth(scene: Scene): Promise<void> {
  const { stripe, lumen, northwind } = scene;
  await until(scene, '2026-01-26T09:00', 'Northwind pays its first invoice by bank transfer.');
  await payByTransfer(scene, northwind);
  await until(scene, '2026-01-31T23:00', 'The product has reported what Northwind used in January. Of 310 conversations the AI agent handed nine over.');
  await used(scene, northwind, '2026-01-15T10:00', '2026-01-31T23:00', { answered: 310, handedOver: 9, messages: 8_240, campaigns: 430 });
  await until(scene, '2026-02-02T16:30', 'Lumen Coffee adds three seats.');
  await stripe.subscriptions.update(lumen.subscription, { items: [{ id: await itemOf(stripe, lumen, 'advanced_monthly'), quantity: 8 }] });
  await until(scene, '2026-02-05T14:00', 'Lumen Coffee gives another card, which will be declined.');
  await giveCard(scene, lumen, 'pm_card_chargeCustomerFail');
  await until(scene, '2026-02-10T09:00', 'Lumen Coffee buys the copilot for its eight seats.');
  const price = await priceIds(stripe);
  await stripe.subscriptions.update(lumen.subscription, { items: [{ price: price('copilot_monthly'), quantity: 8 }] });
  await until(scene, '2026-02-14T20:00', 'The product has reported what Lumen Coffee used. Of 150 conversations the AI agent handed six over.');
  await used(scene, lumen, '2026-01-15T10:00', '2026-02-14T20:00', { answered: 150, handedOver: 6, messages: 3_350 });
  await until(scene, '2026-02-15T12:00', "Lumen Coffee's month was billed at 10:00, and its card declined at 11:00.");
}

/** To 15 March: a new card, more seats with a discount, and the copilot goes again. Returns the conversations that Lumen Coffee was billed for. */
async function secondMonth(scene: Scene): Promise<string[]> {
  const { stripe, lumen, northwind } = scene;
  await until(scene, '2026-02-17T08:00', 'Lumen Coffee gives a card that works; the next attempt, three days after the first, will find it.');
  await giveCard(scene, lumen, 'pm_card_visa');
  await until(scene, '2026-02-18T08:15', 'Northwind adds six seats; the discount is theirs, too.');
  await stripe.subscriptions.update(northwind.subscription, { items: [{ id: await itemOf(stripe, northwind, 'expert_monthly'), quantity: 46 }] });
  await until(scene, '2026-02-20T14:00', "Northwind pays February's invoice by card.");
  await payByCard(scene, northwind, 'pm_card_mastercard');
  await until(scene, '2026-02-28T23:00', 'The product has reported what Northwind used in February. Of 522 conversations the AI agent handed twelve over.');
  await used(scene, northwind, '2026-02-01T00:00', '2026-02-28T23:00', { answered: 522, handedOver: 12, messages: 15_377, campaigns: 1_260 });
  await until(scene, '2026-03-03T12:00', 'Lumen Coffee drops the copilot.');
  await stripe.subscriptions.update(lumen.subscription, { items: [{ id: await itemOf(stripe, lumen, 'copilot_monthly'), deleted: true }] });
  await until(scene, '2026-03-14T20:00', 'The product has reported what Lumen Coffee used. Of 212 conversations the AI agent handed five over.');
  const billed = await used(scene, lumen, '2026-02-15T10:00', '2026-03-14T20:00', { answered: 212, handedOver: 5, messages: 4_817 });
  await until(scene, '2026-03-15T12:00', "Lumen Coffee's month was billed, and paid by card.");
  return billed;
}

/** To 15 April: two seats are invoiced at once, and three resolutions come back after they were billed. */
async function thirdMonth(scene: Scene, billed: readonly string[]): Promise<void> {
  const { stripe, lumen, northwind } = scene;
  await until(scene, '2026-03-24T15:45', 'Lumen Coffee adds two seats, invoiced at once.');
  await stripe.subscriptions.update(lumen.subscription, { items: [{ id: await itemOf(stripe, lumen, 'advanced_monthly'), quantity: 10 }], proration_behavior: 'always_invoice' });
  await until(scene, '2026-03-25T09:00', "Northwind pays March's invoice by bank transfer.");
  await payByTransfer(scene, northwind);
  await until(scene, '2026-03-31T23:00', 'The product has reported what Northwind used in March. Of 610 conversations the AI agent handed eleven over.');
  await used(scene, northwind, '2026-03-01T00:00', '2026-03-31T23:00', { answered: 610, handedOver: 11, messages: 12_004, campaigns: 500 });
  await until(scene, '2026-04-09T09:00', "Northwind pays April's invoice by bank transfer.");
  await payByTransfer(scene, northwind);
  await until(scene, '2026-04-10T09:30', 'Three people come back to Lumen Coffee whose conversations were billed as resolved in March: that will be taken off.');
  await reopen(stripe, lumen.customer, billed.slice(-3), at('2026-04-10T09:30'));
  await until(scene, '2026-04-14T20:00', 'The product has reported what Lumen Coffee used.');
  await used(scene, lumen, '2026-03-15T10:00', '2026-04-14T20:00', { answered: 265, handedOver: 0, messages: 940 });
  await askForMailing(scene, lumen, 1_500);
  await until(scene, '2026-04-15T12:00', "Lumen Coffee's month was billed, and paid by card.");
}

/** The customer has capped its messages. The product asks before it sends a mailing, and does not send it where it is told no. */
async function askForMailing({ stripe, say }: Scene, { customer }: Buyer, messages: number): Promise<void> {
  const { data } = await stripe.billing.meters.list({ limit: 100 });
  const meter = data.find((each) => each.event_name === 'message_sent')!.id;
  await stripe.rawRequest('POST', '/v1/kontor/caps', { customer, meter, quantity: 2_000, name: 'Messages' });
  const { allowed, message } = (await stripe.rawRequest('POST', '/v1/kontor/usage/check', { customer, event_name: 'message_sent', quantity: messages })) as { allowed: boolean; message: string | null };
  say(`                    It has capped its messages at 2,000 a month, and the product asks for a mailing of ${messages}: ${allowed ? 'it is sent' : `no. ${message}`}`);
}

type Used = { answered: number; handedOver: number; messages: number; campaigns?: number };

/** Conversations are told event by event; messages are counted four times a day, campaigns when they are sent. Returns the conversations. */
async function used({ stripe }: Scene, { customer }: Buyer, from: string, to: string, { answered, handedOver, messages, campaigns }: Used): Promise<string[]> {
  const span = { customer, from: at(from), to: at(to) };
  const conversations = await converse(stripe, { ...span, answered, handedOver });
  await report(stripe, { ...span, event: 'message_sent', total: messages, events: Math.ceil((span.to - span.from) / 21_600) });
  if (campaigns !== undefined) await report(stripe, { ...span, event: 'campaign_message_sent', total: campaigns, events: 5 });
  return conversations;
}

/** A new card for all invoices from now on. */
async function giveCard({ stripe }: Scene, { customer }: Buyer, card: string): Promise<void> {
  const method = await stripe.paymentMethods.attach(card, { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method.id } });
}

async function openInvoice({ stripe }: Scene, { customer }: Buyer): Promise<string> {
  const { data } = await stripe.invoices.list({ customer, status: 'open' });
  if (data.length !== 1) throw new Error(`The customer ${customer} has ${data.length} open invoices, not one.`);
  return data[0]!.id;
}

async function payByTransfer(scene: Scene, buyer: Buyer): Promise<void> {
  await scene.stripe.invoices.pay(await openInvoice(scene, buyer), { paid_out_of_band: true });
}

/** A card for this invoice only. */
async function payByCard(scene: Scene, buyer: Buyer, card: string): Promise<void> {
  const { stripe } = scene;
  const method = await stripe.paymentMethods.attach(card, { customer: buyer.customer });
  await stripe.invoices.pay(await openInvoice(scene, buyer), { payment_method: method.id });
}

async function invoicesOf({ stripe }: Scene, { customer }: Buyer): Promise<Stripe.Invoice[]> {
  const invoices: Stripe.Invoice[] = [];
  for await (const invoice of stripe.invoices.list({ customer, limit: 100 })) invoices.unshift(invoice);
  return invoices;
}

/** What an event is about, in words that a person knows: an invoice's number, a name, a description. */
function subjectOf({ data }: Stripe.Event): string {
  const { number, name, description, status, subject } = data.object as { number?: string | null; name?: string | null; description?: string | null; status?: string; subject?: string };
  return number ?? name ?? description ?? status ?? subject ?? '';
}

/** A client for a server's address. */
export function clientOf(url: string, key: string): Stripe {
  const { hostname, port, protocol } = new URL(url);
  return new Stripe(key, { host: hostname, port, protocol: protocol === 'https:' ? 'https' : 'http', telemetry: false });
}

if (resolve(process.argv[1] ?? '') === import.meta.filename) {
  const { values } = parseArgs({ options: { url: { type: 'string' }, key: { type: 'string' } } });
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const tell = (url: string, key: string) => run(clientOf(url, key), { say });
  if (values.url === undefined) await onOwnKontor(tell);
  else if (values.key !== undefined) await tell(values.url, values.key);
  else {
    process.stderr.write("Give the server's secret test key, too: --key sk_test_…\n");
    process.exitCode = 2;
  }
}
