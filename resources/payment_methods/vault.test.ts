import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performCalls } from '../../server/calls.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { openLog } from '../../server/log.ts';
import { startKontor } from '../../tests/kontor.ts';
import { openVault, vaultDirectory } from '../../tests/vault.ts';

const directory = vaultDirectory();
const vault = openVault(directory);
const kontor = await startKontor({ vault });
after(async () => {
  await kontor.close();
  await vault.close();
});

const expiry = { exp_month: 12, exp_year: 2034 };
const typed = (number = '4242424242424242', cvc = '123') => kontor.stripe.paymentMethods.create({ type: 'card', card: { number, cvc, ...expiry } });

const query = <T extends object>(text: ReturnType<typeof sql>): Promise<T[]> => kontor.inside(({ tx }) => rows<T>(tx, text));
const tokenOf = async (id: string): Promise<string | null> => (await query<{ vault: string | null }>(sql`select vault from payment_methods where id = ${id}`))[0]!.vault;
const isKept = async (token: string): Promise<boolean> => {
  const listed = await vault.list(kontor.world.id, kontor.app.clock.now());
  return listed.kind === 'listed' && listed.tokens.includes(token);
};
const callsOf = async (subject: string): Promise<string[]> => (await query<{ id: string }>(sql`select id from calls where subject = ${subject}`)).map((each) => each.id);

test('a typed card is in the vault, and its payment method knows by which token; a named one is not', async () => {
  const [card, named] = [await typed('4000002500001001'), await kontor.stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } })];
  assert.deepEqual([card.card!.last4, card.card!.networks!.available, card.card!.checks!.cvc_check], ['1001', ['cartes_bancaires', 'visa'], 'unchecked']);
  const token = await tokenOf(card.id);
  assert.match(token!, /^vlt_/);
  assert.ok(await isKept(token!));
  assert.equal(JSON.stringify(card).includes('vlt_'), false);
  assert.equal(await tokenOf(named.id), null);
  // It can be presented once more, which is how another processor would come by it.
  assert.deepEqual(await vault.provision({ world: kontor.world.id, token: token! }, 'sandbox'), { kind: 'provisioned', reference: 'visa_cartesBancaires.no_cvc' });
});

test('a card that was used once without a customer is shredded with its payment, a detached one soon afterwards', async () => {
  const once = await typed();
  const token = (await tokenOf(once.id))!;
  await kontor.stripe.paymentIntents.create({ amount: 900, currency: 'usd', payment_method: once.id, confirm: true, return_url: 'https://example.com' });
  assert.equal(await tokenOf(once.id), null);
  assert.equal(await isKept(token), false);

  const customer = await kontor.stripe.customers.create();
  for (const end of [(id: string) => kontor.stripe.paymentMethods.detach(id), () => kontor.stripe.customers.del(customer.id)]) {
    const { id } = await typed();
    await kontor.stripe.paymentMethods.attach(id, { customer: customer.id });
    const kept = (await tokenOf(id))!;
    await end(id);
    assert.equal(await tokenOf(id), null);
    await performCalls(kontor.app, kontor.world, await callsOf(id));
    assert.equal(await isKept(kept), false);
  }
});

test('a declined card stays: it can be tried again', async () => {
  const { id } = await typed('4000000000000341');
  await assert.rejects(kontor.stripe.paymentIntents.create({ amount: 900, currency: 'usd', payment_method: id, confirm: true, return_url: 'https://example.com' }), { code: 'card_declined' });
  assert.ok(await isKept((await tokenOf(id))!));
});

test('a card that may be real is refused with a sentence that can be followed', async () => {
  for (const number of ['4539578763621486', '42424242']) {
    await assert.rejects(typed(number), ({ message }: Error) => /test card, such as the one whose number is 42, eight times over/.test(message) && !message.includes('[card number]'));
  }
});

test('a card whose payment method was never committed is shredded, and those that have one are not', async () => {
  const now = kontor.app.clock.now();
  const owned = (await tokenOf((await typed()).id))!;
  const [orphan, recent] = await Promise.all([7_200, 60].map((age) => vault.keep({ world: kontor.world.id, number: Buffer.from('4242424242424242'), cvc: null, at: now - age })));
  assert.ok(orphan?.kind === 'kept' && recent?.kind === 'kept');
  const [timer] = await query<{ at: number; kind: string }>(sql`select at from timers where kind = 'vault.sweep'`);
  const sweep = kontor.app.register.timers.get('vault.sweep')!;
  await kontor.inside(async (ctx) => {
    await ctx.tx.query(`delete from timers where kind = 'vault.sweep'`);
    await sweep(ctx, [{ subject: 'vault', at: timer!.at }]);
  });
  await performCalls(kontor.app, kontor.world, await callsOf('vault'));
  assert.deepEqual([await isKept(orphan.token), await isKept(recent.token), await isKept(owned)], [false, true, true]);
  // As long as there are cards, the vault is searched again.
  assert.equal((await query(sql`select at from timers where kind = 'vault.sweep'`)).length, 1);
});

test('a number is refused in live mode at every door, with a sentence that says why', async () => {
  const { stripe } = await kontor.another(true);
  const card = { number: '4242424242424242', cvc: '123', ...expiry };
  const customer = await stripe.customers.create();
  await assert.rejects(stripe.paymentMethods.create({ type: 'card', card }), { statusCode: 400, code: 'payment_method_invalid_parameter', param: 'card[number]', message: /not taken in live mode, where the vault is off\. Collect the card in the browser/ });
  const intent = await stripe.paymentIntents.create({ amount: 900, currency: 'usd', customer: customer.id }).catch(() => null);
  const data = { payment_method_data: { type: 'card', card } } as object;
  const doors: (() => Promise<unknown>)[] = [
    () => stripe.paymentIntents.create({ amount: 900, currency: 'usd', confirm: true, ...data }),
    ...(intent ? [() => stripe.paymentIntents.confirm(intent.id, data)] : []),
    () => stripe.setupIntents.create({ confirm: true, ...data }),
    () => stripe.testHelpers.confirmationTokens.create(data),
    () => stripe.tokens.create({ card: { ...card, exp_month: '12', exp_year: '2034' } }),
  ];
  for (const door of doors) {
    await assert.rejects(door, (error: Error & { statusCode: number }) => {
      assert.ok(error.statusCode >= 400 && error.statusCode < 500, error.message);
      assert.doesNotMatch(JSON.stringify(error), /4242/);
      return true;
    });
  }
});

test('where the vault is down, a typed number is answered with 503, and named cards go on', async (t) => {
  const directory = vaultDirectory();
  const broken = openVault(directory);
  t.after(() => broken.close());
  await broken.check();
  await broken.close();
  writeFileSync(join(directory, 'vault.key'), 'gone\n');
  const warned: string[] = [];
  const beside = await startKontor({ vault: openVault(directory, { warn: (sentence) => warned.push(sentence) }), log: openLog('silent') });
  t.after(() => beside.close());
  const { paymentMethods } = beside.stripe;
  await assert.rejects(paymentMethods.create({ type: 'card', card: { number: '4242424242424242', ...expiry } }), { statusCode: 503, type: 'StripeAPIError', message: /vault that keeps card numbers does not answer/ });
  assert.equal((await paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } })).card!.last4, '4242');
  assert.match(warned[0]!, /vault\.key does not hold a root key of the vault/);
});
