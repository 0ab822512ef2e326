/** What the documentation tells to type works as it is written, against a Kontor that was just started. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../awaited.ts';
import { client, freshDirectory, root, start } from './process.ts';

const kontor = await start(await freshDirectory(), []);
after(() => kontor.stop());
const stripe = client(kontor.url, kontor.secret_key!);

/** A page with the address and the key of this Kontor in the place of the printed ones. */
async function pageOf(path: string): Promise<string> {
  const text = await readFile(join(root, path), 'utf8');
  return text.replaceAll('http://127.0.0.1:4242', kontor.url).replaceAll('port: 4242', `port: ${new URL(kontor.url).port}`).replaceAll('sk_test_…', kontor.secret_key!);
}

const blocks = (language: string, text: string): string[] => [...text.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map((match) => match[1]!);

async function run(program: string, words: string[]): Promise<string> {
  const env = { ...process.env, KONTOR: kontor.url, KEY: kontor.secret_key!, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` };
  return (await promisify(execFile)(program, words, { cwd: root, env, timeout: 120_000 })).stdout;
}
const runShell = (text: string) => run('sh', ['-euc', text]);
const runModule = (text: string) => run('node', ['--input-type=module', '--eval', text]);

/** The commands of a page, one by one: what a backslash continues is one line, and what stands behind a # is said to people. */
const commands = (text: string): string[] => blocks('sh', text).flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n').map((line) => line.replace(/\s+#.*$/, '').trim()).filter((line) => line !== ''));

type Json = Record<string, any>;

/** Types a page's commands one after the other. An id that is left open, `cus_…`, is the one that was answered last, or of `known`; a clock is awaited. Returns what a command answered that has a part in it. */
async function follow(path: string, given: Record<string, string> = {}): Promise<(part: string) => Json> {
  const known = new Map(Object.entries(given));
  const said = new Map<string, string>();
  let defined = '';
  for (const written of commands(await pageOf(path))) {
    const command = written.replaceAll(/\b([a-z]+)_…/g, (blank, prefix: string) => known.get(prefix) ?? blank);
    if (/^(export |say\(\))/.test(command)) {
      defined += `${command}\n`;
      continue;
    }
    const answer = await runShell(`${defined}${command}`);
    assert.doesNotMatch(answer, /"error": ?\{/, written);
    said.set(written, answer);
    for (const [, prefix, rest] of [...answer.matchAll(/"([a-z]+)_([0-9A-Za-z]{14,})"/g)].reverse()) known.set(prefix!, `${prefix}_${rest}`);
    if (command.includes('/advance ')) await until(async () => (await stripe.testHelpers.testClocks.retrieve(known.get('clock')!)).status === 'ready');
  }
  return (part) => JSON.parse([...said].find(([command]) => command.includes(part))?.[1] ?? assert.fail(`${path} has no ${part}`)) as Json;
}

/** A customer with a card, who has three seats and calls at ten cents, counted on a meter of that name. */
async function callsOfSomebody() {
  const meter = (await stripe.rawRequest('POST', '/v1/kontor/meters', { display_name: 'Calls', event_name: 'calls', default_aggregation: { formula: 'sum' }, dimensions: ['model', 'region'] })) as unknown as { id: string };
  const calls = await stripe.prices.create({ currency: 'usd', unit_amount: 10, recurring: { interval: 'month', usage_type: 'metered', meter: meter.id }, product_data: { name: 'Calls' } });
  const seat = await stripe.prices.create({ currency: 'usd', unit_amount: 2_000, recurring: { interval: 'month' }, product_data: { name: 'Seat' } });
  const { id: customer } = await stripe.customers.create({ name: 'Ada', payment_method: 'pm_card_visa', invoice_settings: { default_payment_method: 'pm_card_visa' } });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: seat.id, quantity: 3 }, { price: calls.id }] });
  return { meter: meter.id, seat, customer, subscription };
}
const somebody = await callsOfSomebody();

test('the README: a customer with curl, and with Node', async () => {
  const readme = await pageOf('README.md');
  const [curl] = blocks('sh', readme).filter((block) => block.startsWith('curl '));
  assert.equal((JSON.parse(await runShell(curl!)) as Json)['name'], 'Ada Lovelace');
  assert.match(await runModule(`${blocks('js', readme)[0]!}\nconsole.log(customer.id);`), /^cus_/);
});

const NEWEST = /paid 29898\n[^]*paid 29700\n/;

test('the guide to a first invoice, with curl and with Node', async () => {
  const guide = await pageOf('docs/guides/first-invoice.md');
  const steps = blocks('sh', guide).filter((block) => !block.includes('npm start'));
  assert.match(await runShell(steps.join('\n')), new RegExp(`^paid 29700\\n[^]*${NEWEST.source}`));
  assert.match(await runModule(blocks('js', guide)[0]!), NEWEST);
});

test('the guide to webhooks', async () => {
  const receiver = createServer().listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = receiver.address() as AddressInfo;
  receiver.close();
  const script = blocks('js', await pageOf('docs/guides/webhooks.md'))[0]!.replaceAll('4000', String(port));
  const first = 'console.log = (...words) => process.stdout.write(`${words.join(" ")}\\n`, () => process.exit());';
  assert.match(await runModule(`${first}\n${script}\nawait stripe.customers.create({ name: 'Ada' });`), /^customer\.created cus_\w+\n$/);
});

test('the guide to an invoice that is questioned', async () => {
  const said = await runShell(blocks('sh', await pageOf('docs/guides/questioned-invoice.md')).join('\n'));
  assert.match(said, /^Every amount was computed again and agrees\.\n[^]*\n\$1,546\.28 remains to be paid\.\nOn LUMEN-0002 \$1,546\.28 is due, on LUMEN-0001 it was \$538\.93: \$1,007\.35 more\.\n/);
  const [test, done] = [...said.matchAll(/^\{"id":.*"object":"kontor\.usage_correction".*\}$/gm)].map(([line]) => JSON.parse(line) as Json);
  assert.deepEqual([test!['dry_run'], done!['dry_run'], test!['after']], [true, false, done!['after']]);
  assert.match(said, /"object":"kontor\.invoice_correction"[^]*\n1089\nLUMEN-0002-CN-01\nLumen Coffee\npaid\n$/);
});

test('the guide to charging by outcome', async () => {
  const answer = await follow('docs/guides/charge-by-outcome.md');
  const first = (part: string) => answer(part)['data'][0] as Json;
  assert.deepEqual(answer('/outcomes -u $KEY: -d customer')['data'].map((each: Json) => [each['subject'], each['state']]).sort(), [['c1', 'succeeded'], ['c2', 'open'], ['c3', 'failed']]);
  assert.deepEqual([first('/invoices -u')['total'], first('/invoices -u')['lines'].data[0].description], [198, '2 × AI resolution (at $0.99 / month)']);
  assert.deepEqual(answer('/lines/')['data'].map((each: Json) => each['subject']).sort(), ['c1', 'c2']);
  assert.equal(answer('/explanation')['agrees'], true);
  assert.deepEqual([first('/invoiceitems')['amount'], /^Correction of .*-0002: 0 instead of 1 × AI resolution/.test(first('/invoiceitems')['description'])], [-99, true]);
  assert.deepEqual([answer('/contest ')['state'], answer('/accept_contest')['state']], ['contested', 'reversed']);
  assert.deepEqual([answer('/preview')['object'], first('/preview')['count'], first('/preview')['amount']], ['kontor.outcome_preview', 1, 99]);
});

test('the guide to limits of usage', async () => {
  const answer = await follow('docs/guides/usage-limits.md', { cus: somebody.customer });
  assert.deepEqual([answer('/caps ')['object'], answer('/usage/check')['allowed'], answer('/finalize')['status'], answer('/credit_top_ups')['active']], ['kontor.cap', true, 'finalized', true]);
});

test('the guide to a new price, and to a change that is explained before it is made', async () => {
  const { seat, subscription } = somebody;
  const field = blocks('sh', await pageOf('docs/guides/first-invoice.md')).join('').match(/^field\(\).*$/m)![0];
  const said = await runShell([field, ...blocks('sh', await pageOf('docs/guides/new-price.md'))].join('\n').replace('price_…', seat.id));
  const [archived, subscribers, draft] = said.trim().split('\n').map((line) => JSON.parse(line) as Json);
  assert.deepEqual([archived!['active'], subscribers!['data'][0].subscription, draft!['totals']], [false, subscription.id, [{ currency: 'usd', subscriptions: 1, amount_now: 0, next_amount_before: 6_000, next_amount_after: 7_500 }]]);
  await until(async () => (await stripe.subscriptions.retrieve(subscription.id)).items.data.some((item) => item.price.unit_amount === 2_500));
  const explained = (await follow('docs/concepts/explanation.md', { sub: subscription.id, si: subscription.items.data[0]!.id }))('/create_preview/explanation');
  assert.deepEqual([explained['agrees'], explained['object']], [true, 'kontor.invoice_explanation']);
});

test('what the guides to payments and usage write in JavaScript', async () => {
  const { data: [price] } = await stripe.prices.list({ lookup_keys: ['advanced_monthly'] });
  const written = async (path: string) => blocks('js', await pageOf(path)).map((block) => block.replace(/^\/\/ There, [^]*/m, '').replaceAll(/\b(cus|mtr)_…/g, (_blank, prefix) => (prefix === 'cus' ? somebody.customer : somebody.meter)));
  const ours = `
    import Stripe from 'stripe';
    const stripe = new Stripe(process.env.KEY, { host: '127.0.0.1', port: ${new URL(kontor.url).port}, protocol: 'http' });
    const price = '${price!.id}';
    const meter = { id: '${somebody.meter}' };
    const events = [1, 2].map((n) => ({ event_name: 'calls', identifier: \`batch-\${n}\`, payload: { stripe_customer_id: '${somebody.customer}', value: '1' } }));`;
  const payments = (await written('docs/guides/payments.md')).join('\n');
  const usage = [...(await written('docs/guides/usage.md')), ...(await written('docs/guides/usage-limits.md'))].map((block) => `{ ${block} }`).join('\n');
  assert.equal(await runModule(`${ours}\n${payments}\nconsole.log(intent.status, subscription.status, typeof subscription.pending_setup_intent.client_secret);`), 'succeeded trialing string\n');
  assert.equal(await runModule(`${ours}\n${usage}\nconsole.log('done');`), 'done\n');
});
