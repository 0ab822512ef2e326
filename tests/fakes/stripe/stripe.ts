/**
 * A fake of Stripe, from its public API reference (payment intents, setup intents, refunds, idempotent requests, search, webhook signatures): as much of it as the adapter needs, refusing everything else. Stripe's own library
 * is its judge: it is called through it, and what it signs is verified by it.
 *
 * `recognises` makes it a processor of another kind: one that knows repeated requests by their idempotency key, one that only lets itself be searched, and one that does neither.
 */
import { Herald, listen, type Asked, type Fault, type Plan, type Told } from '../server.ts';
import { FakeBanks } from './banks.ts';
import { cardNamed, type FakeCard } from './cards.ts';
import { FakeCustomers } from './customers.ts';
import { callingBack, FakeError, listed, missing, nameOf, paramsOf, refuse, refusePaying, signed, type Given } from './params.ts';
import { captureOf, chargeOf, setupOf, unfinished, type Thing } from './things.ts';

type FakeStripePlan = Plan & { key?: string; recognises?: 'key' | 'search' | 'nothing'; /** In seconds. */ now?: () => number };

const KEY = 'sk_test_fake0123456789';
const WEBHOOK_SECRET = 'whsec_fake0123456789';
/** More than so much no card is good for, in minor units. */
const LIMIT = 1_000_000;

export class FakeStripe {
  /** The key that is in force, and whose it is. */
  key: string;
  account = 'acct_fake';
  readonly webhook_secret = WEBHOOK_SECRET;
  readonly herald: Herald;
  /** All payment intents, in the order in which they were made. */
  readonly intents = new Map<string, Thing>();
  readonly setups: Thing[] = [];
  readonly refunds = new Map<string, Thing>();
  readonly customers = new FakeCustomers({ id: (prefix) => this.#id(prefix), now: () => this.#now() });
  readonly banks = new FakeBanks({ id: (prefix) => this.#id(prefix), now: () => this.#now(), tell: (type, thing) => this.#tell(type, thing) });
  /** Whoever is to get a refund is asked where to. */
  asks_receivers = false;
  /** What the next payment is other than was asked for. */
  mistake: { amount?: number; currency?: string } | null = null;
  readonly #keys = new Map<string, { print: string; told: Told }>();
  readonly #plan: FakeStripePlan;
  #made = 0;
  #server: Awaited<ReturnType<typeof listen>> | null = null;

  constructor(plan: FakeStripePlan = {}) {
    this.#plan = plan;
    this.key = plan.key ?? KEY;
    this.herald = new Herald(plan);
  }

  async start(): Promise<this> {
    this.#server = await listen((asked, fault) => this.#answer(asked, fault), this.#plan);
    return this;
  }

  get address(): { host: string; port: number; protocol: 'http' } {
    return { host: '127.0.0.1', port: this.#server!.port, protocol: 'http' };
  }

  async close(): Promise<void> {
    this.herald.stop();
    await this.#server!.close();
  }

  /** When no request is under way. */
  idle(): Promise<void> {
    return this.#server!.idle();
  }

  /** How often the intents of a metadata value have taken money. */
  captured(field: string, value: string): number {
    return [...this.intents.values()].filter((each) => each.metadata[field] === value && each.status === 'succeeded').length;
  }

  /** The holder answers on the bank's page. */
  act(intent: string, result: 'succeeded' | 'failed'): void {
    const thing = this.intents.get(intent) ?? this.#setup(intent);
    if (thing.status !== 'requires_action') throw new Error(`${intent} is ${thing.status}: nobody is asked.`);
    thing.next_action = null;
    const failure = { type: 'card_error', code: 'payment_intent_authentication_failure', message: 'We are unable to authenticate your payment method.' };
    if (result === 'failed') Object.assign(thing, { status: 'requires_payment_method', [thing.object === 'setup_intent' ? 'last_setup_error' : 'last_payment_error']: failure });
    else if (thing.object === 'setup_intent') this.customers.keepFor(Object.assign(thing, { status: 'succeeded' }));
    else this.#take(thing, true);
    this.#tell(result === 'succeeded' ? `${thing.object}.succeeded` : thing.object === 'setup_intent' ? 'setup_intent.setup_failed' : 'payment_intent.payment_failed', thing);
  }

  /** A day later: no idempotency key is known any more. */
  forgetKeys(): void {
    this.#keys.clear();
  }

  /** Somebody gives a payment up in the dashboard, or Stripe does after its time. */
  cancel(intent: string): void {
    this.#change(this.#intent(intent), { status: 'canceled', amount_capturable: 0, next_action: null }, 'payment_intent.canceled');
  }

  /** Somebody captures in the dashboard. */
  capture(intent: string, amount: number): void {
    this.#capture(this.#reserved(intent), { amount_to_capture: amount });
  }

  /** A debit that was under way is known to have come, or not. */
  settle(intent: string, decline: { code: string; message: string } | null): void {
    const thing = this.intents.get(intent)!;
    if (decline) Object.assign(thing, { status: 'requires_payment_method', last_payment_error: { type: 'card_error', ...decline } });
    else this.#take(thing, false);
    this.#tell(decline ? 'payment_intent.payment_failed' : 'payment_intent.succeeded', thing);
  }

  #now(): number {
    return this.#plan.now?.() ?? Math.floor(Date.now() / 1_000);
  }

  #id(prefix: string): string {
    this.#made += 1;
    return `${prefix}_fake${String(this.#made).padStart(12, '0')}`;
  }

  #answer(asked: Asked, fault: Fault): Told {
    try {
      if (asked.headers.authorization !== `Bearer ${this.key}`) refuse(401, undefined, 'Invalid API Key provided.');
      const given = paramsOf(asked);
      const { name, id } = nameOf(asked, given);
      const key = this.#plan.recognises === undefined || this.#plan.recognises === 'key' ? asked.headers['idempotency-key'] : undefined;
      if (asked.method !== 'POST' || key === undefined) return fault === 'error_after' ? (this.#run(name, id, given), this.#broken()) : this.#run(name, id, given);
      const print = `${asked.path}?${JSON.stringify(given)}`;
      const known = this.#keys.get(key);
      if (known && known.print !== print) return { status: 400, body: { error: { type: 'idempotency_error', message: 'Keys for idempotent requests can only be used with the same parameters they were first used with.' } } };
      if (known) return known.told;
      const told = this.#run(name, id, given);
      // The answer to a request that failed on Stripe's side is kept, too.
      const kept = fault === 'error_after' ? this.#broken() : told;
      if (kept.status !== 401 && kept.status !== 404) this.#keys.set(key, { print, told: kept });
      return kept;
    } catch (error) {
      if (error instanceof FakeError) return { status: error.status, body: { error: error.error } };
      throw error;
    }
  }

  #broken(): Told {
    return { status: 500, body: { error: { type: 'api_error', message: 'An unknown error occurred.' } } };
  }

  /** As `#perform`, where a card error is an answer that is kept. */
  #run(name: string, id: string, given: Given): Told {
    try {
      return { status: 200, body: this.#shown(this.banks.perform(name, id, given) ?? this.customers.perform(name, id, given) ?? this.#perform(name, id, given)) };
    } catch (error) {
      if (error instanceof FakeError && error.status !== 404) return { status: error.status, body: { error: error.error } };
      throw error;
    }
  }

  /** A copy, as it is now. */
  #shown(thing: object): object {
    return structuredClone(thing);
  }

  #perform(name: string, id: string, given: Given): object {
    switch (name) {
      case 'GET account':
        return { id: this.account, object: 'account' };
      case 'POST payment_intents':
        return this.#pay(given);
      case 'GET payment_intents/:id':
        return this.#intent(id);
      case 'GET payment_intents/search':
        return this.#search(given.query);
      case 'POST payment_intents/:id/capture':
        return this.#capture(this.#reserved(id), given);
      case 'POST payment_intents/:id/cancel':
        return this.#change(this.#reserved(id), { status: 'canceled', amount_capturable: 0, cancellation_reason: given.cancellation_reason ?? null }, 'payment_intent.canceled');
      case 'POST payment_intents/:id/increment_authorization':
        return this.#increment(this.#reserved(id), given);
      case 'GET balance_transactions':
        return listed('/v1/balance_transactions', this.banks.movements.filter((each) => each.source === given.source), given);
      case 'POST refunds':
        return this.refund(given);
      case 'GET refunds/:id':
        return this.refunds.get(id) ?? missing('refund', id);
      case 'POST refunds/:id/cancel':
        return this.#change(callingBack(this.refunds.get(id) ?? missing('refund', id)), { status: 'canceled' }, 'refund.updated');
      case 'GET refunds':
        return listed('/v1/refunds', [...this.refunds.values()].filter((each) => each.payment_intent === given.payment_intent), given);
      case 'POST setup_intents':
        return this.#setUp(given);
      case 'GET setup_intents/:id':
        return this.#setup(id);
      case 'POST setup_intents/:id/cancel':
        return this.#change(unfinished(this.#setup(id)), { status: 'canceled', cancellation_reason: given.cancellation_reason, next_action: null }, 'setup_intent.canceled');
      default:
        return listed('/v1/setup_intents', this.setups.filter((each) => each.payment_method === given.payment_method), given);
    }
  }

  #setup(id: string): Thing {
    return this.setups.find((each) => each.id === id) ?? missing('setup_intent', id);
  }

  #intent(id: string): Thing {
    return this.intents.get(id) ?? missing('payment_intent', id);
  }

  #search(query: string): object {
    const [, field = '', value = ''] = /^metadata\['([^']+)'\]:'([^']+)'$/.exec(query) ?? refuse(400, undefined, 'This fake searches by one value of the metadata.');
    if (this.#plan.recognises === 'nothing') refuse(400, undefined, 'Search is not available in your region.');
    return { object: 'search_result', data: [...this.intents.values()].filter((each) => each.metadata[field] === value), has_more: false, url: '/v1/payment_intents/search', next_page: null };
  }

  #pay(given: Given): Thing {
    const method = this.customers.method(given.payment_method);
    refusePaying(given, method);
    const intent: Thing = {
      id: this.#id('pi'), object: 'payment_intent', created: this.#now(), amount: Number(given.amount), amount_capturable: 0, amount_received: 0, currency: given.currency, status: 'processing', livemode: false,
      capture_method: given.capture_method ?? 'automatic', customer: given.customer ?? null, payment_method: method.id, payment_method_types: given.allowed_payment_method_types, metadata: given.metadata ?? {},
      last_payment_error: null, latest_charge: null, next_action: null, asked: given,
    };
    this.intents.set(intent.id, Object.assign(intent, this.mistake));
    this.mistake = null;
    const card = cardNamed(method.behind ?? '');
    if (method.type === 'card') return this.#charge(intent, method, card!, given);
    if (method.type === 'sepa_debit') return this.#change(intent, { latest_charge: this.#chargeOf(intent, method) }, 'payment_intent.processing');
    if (!given.return_url) refuse(400, 'parameter_missing', 'You must provide a return_url.', { param: 'return_url' });
    return this.#change(intent, { status: 'requires_action', next_action: this.#redirect(intent, given) }, 'payment_intent.requires_action');
  }

  #redirect({ id }: Thing, { return_url }: Given): object {
    return return_url ? { type: 'redirect_to_url', redirect_to_url: { url: `http://127.0.0.1:${this.#server!.port}/authenticate/${id}`, return_url } } : { type: 'use_stripe_sdk', use_stripe_sdk: {} };
  }

  #charge(intent: Thing, method: Thing, card: FakeCard, given: Given): Thing {
    if (card.decline) return this.#decline(intent, method, { ...card.decline, message: 'Your card was declined.' });
    const asks = card.asks === 'always' || (card.asks === 'unless_set_up' && !(given.off_session && method.set_up));
    if (asks && given.off_session) return this.#decline(intent, method, { code: 'authentication_required', decline_code: 'authentication_required', message: 'Your card was declined. This transaction requires authentication.' });
    if (asks) return this.#change(intent, { status: 'requires_action', next_action: this.#redirect(intent, given) }, 'payment_intent.requires_action');
    this.#take(intent, false);
    this.#tell(intent.status === 'succeeded' ? 'payment_intent.succeeded' : 'payment_intent.amount_capturable_updated', intent);
    return intent;
  }

  #decline(intent: Thing, method: Thing, said: Record<string, string>): never {
    const outcome = { type: 'issuer_declined', network_status: 'declined_by_network', reason: said.decline_code, risk_level: 'normal', risk_score: 20, seller_message: 'The bank returned a decline.' };
    const error = { type: 'card_error', ...said, payment_method: method };
    this.#change(intent, { status: 'requires_payment_method', payment_method: null, last_payment_error: error, latest_charge: { ...this.#chargeOf(intent, method), status: 'failed', outcome } }, 'payment_intent.payment_failed');
    return refuse(402, said.code, said.message!, { ...said, payment_intent: this.#shown(intent) });
  }

  /** `amount` is what has come; of a charge that is captured in parts, now. */
  #chargeOf(intent: Thing, method: Thing, amount: number = intent.amount): Thing {
    const id = intent.latest_charge?.id ?? this.#id('ch');
    const settled = this.banks.moved(amount, intent.currency, { description: 'Stripe processing fees', amount: Math.min(Math.round(amount * 0.029) + 30, amount) }, { source: id });
    return this.banks.show(chargeOf(intent, method, id), settled, 'charge.updated');
  }

  /** The money comes, or is reserved. */
  #take(intent: Thing, secured: boolean): void {
    const method = this.customers.method(intent.payment_method);
    const charge = this.#chargeOf(intent, method);
    if (secured && charge.payment_method_details.card) charge.payment_method_details.card.three_d_secure = { result: 'authenticated', authentication_flow: 'challenge', version: '2.2.0' };
    const reserved = intent.capture_method === 'manual';
    if (intent.asked.setup_future_usage) this.customers.keepFor(intent);
    method.used = true;
    if (method.type === 'ideal' && intent.asked.setup_future_usage) {
      charge.payment_method_details.ideal = { bank: 'rabobank', generated_sepa_debit: Object.assign(this.customers.makeMethod({ type: 'sepa_debit', sepa_debit: { iban: 'NL39RABO0300065264' } }), { customer: intent.customer }) };
    }
    Object.assign(intent, reserved ? { status: 'requires_capture', amount_capturable: intent.amount, latest_charge: { ...charge, balance_transaction: null } } : { status: 'succeeded', amount_received: intent.amount, latest_charge: charge });
  }

  #change(thing: Thing, change: object, type: string): Thing {
    Object.assign(thing, change);
    this.#tell(type, thing);
    return thing;
  }

  #reserved(id: string): Thing {
    const intent = this.#intent(id);
    if (intent.status === 'requires_capture' || intent.status === 'requires_action') return intent;
    return refuse(400, 'payment_intent_unexpected_state', `This PaymentIntent's status is ${intent.status}.`);
  }

  #capture(intent: Thing, given: Given): Thing {
    const method = this.customers.method(intent.payment_method);
    const { amount, change } = captureOf(intent, method, given);
    const latest_charge = amount === 0 ? intent.latest_charge : this.#chargeOf(intent, method, amount);
    return this.#change(intent, { ...change, latest_charge }, change.status === 'succeeded' ? 'payment_intent.succeeded' : 'payment_intent.amount_capturable_updated');
  }

  #increment(intent: Thing, { amount, metadata }: Given): Thing {
    if (intent.asked.payment_method_options?.card?.request_incremental_authorization !== 'if_available') refuse(400, undefined, 'This payment intent does not support incremental authorization.');
    if (Number(amount) > LIMIT) refuse(402, 'card_declined', 'Your card has insufficient funds.', { decline_code: 'insufficient_funds' });
    return this.#change(intent, { amount: Number(amount), amount_capturable: Number(amount), metadata: { ...intent.metadata, ...metadata } }, 'payment_intent.amount_capturable_updated');
  }

  /** Of a request, or by somebody in the dashboard. */
  refund({ payment_intent, amount, reason, metadata }: Given): Thing {
    const intent = this.#intent(payment_intent);
    const before = [...this.refunds.values()].filter((each) => each.payment_intent === intent.id && each.status !== 'failed' && each.status !== 'canceled').reduce((sum, each) => sum + each.amount, 0);
    if (before + Number(amount) > intent.amount_received) refuse(400, 'charge_already_refunded', 'The refund is more than is left of the charge.', { param: 'amount' });
    const debit = intent.latest_charge.payment_method_details.type === 'sepa_debit';
    const refund: Thing = { id: this.#id('re'), object: 'refund', amount: Number(amount), currency: intent.currency, created: this.#now(), payment_intent: intent.id, reason: reason ?? null, metadata: metadata ?? {}, status: this.asks_receivers ? 'requires_action' : debit ? 'pending' : 'succeeded', destination_details: debit ? null : { type: 'card', card: { reference: '74850120752', reference_status: 'available' } } };
    this.refunds.set(refund.id, this.banks.show(refund, this.banks.moved(-Number(amount), intent.currency, null), 'refund.updated'));
    this.#tell('refund.created', refund);
    return refund;
  }

  #setUp(given: Given): Thing {
    const method = this.customers.method(given.payment_method);
    const card = cardNamed(method.behind ?? '');
    const intent = setupOf(given, method, { id: this.#id('seti'), now: this.#now() });
    this.setups.push(intent);
    if (card?.decline) {
      this.#change(intent, { status: 'requires_payment_method', last_setup_error: { type: 'card_error', ...card.decline, message: 'Your card was declined.' } }, 'setup_intent.setup_failed');
      return refuse(402, card.decline.code, 'Your card was declined.', { ...card.decline, setup_intent: this.#shown(intent) });
    }
    if (card?.asks || (method.type !== 'card' && method.type !== 'sepa_debit')) return this.#change(intent, { status: 'requires_action', next_action: this.#redirect(intent, given) }, 'setup_intent.requires_action');
    this.customers.keepFor(intent);
    this.#tell('setup_intent.succeeded', intent);
    return intent;
  }

  /** Tells what has become of a thing, as it is now. */
  #tell(type: string, thing: Thing): void {
    const event = JSON.stringify({ id: this.#id('evt'), object: 'event', type, created: this.#now(), livemode: false, api_version: '2026-10-28.endive', data: { object: thing } });
    this.herald.send(() => signed(event, this.#now(), WEBHOOK_SECRET));
  }
}
