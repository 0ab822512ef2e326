/** Stripe as a processor: an account's money goes through its own Stripe account, by Stripe's library. Every operation carries its `op_id` as the idempotency key, and in its metadata, by which it is found again. */
import type Stripe from 'stripe';
import { minor } from '../../../billing/money.ts';
import type { AbandonRequest, CancelRefundRequest, ChargeRequest, Configuration, DetachRequest, Found, HandledOutcome, Outcome, Processor, ProcessorKind, RefundOutcome, RefundRequest, SaveRequest, Setting, Sought, StoredMethod } from '../processor.ts';
import { findDispute, findPayout, findRefund, respondTo } from './heard.ts';
import { CAPABILITIES, tokenize } from './methods.ts';
import { receive } from './webhooks.ts';
import { CAPTURE, detailsOf, INCREMENT, onStatement, OPERATION, optionsOf, pairs, toldWith } from './told.ts';
import { broughtIn, comesTo, idOf, inParts, outcomeOfHandling, outcomeOfIntent, outcomeOfRefund, outcomeOfSetup, partsOf, REFUND, UNSETTLED, unknown, wordOfError } from './words.ts';

export type StripeOptions = {
  /** Where Stripe is; by default where its library says. */
  address?: { host: string; port: number; protocol: 'http' | 'https' };
  /** After how long an answer that has not come is unknown. */
  timeout_ms?: number;
};

const SETTINGS: Record<'secret_key' | 'webhook_secret', Setting> = {
  secret_key: { about: 'the secret or restricted key of your Stripe account.', secret: true, required: true, pattern: /^(?:sk|rk)_(?:test|live)_[A-Za-z0-9_]{8,}$/, shape: 'be a secret or restricted key of Stripe, `sk_test_…` or `rk_live_…`' },
  webhook_secret: { about: 'the signing secret of the endpoint at Stripe that leads to `webhook_url`.', secret: true, required: false, pattern: /^whsec_[A-Za-z0-9+/=_-]{8,}$/, shape: 'be the signing secret of an endpoint, `whsec_…`' },
};

const EXPAND = ['latest_charge.balance_transaction'];
/** A charge is asked for together with its fees; after a word of the issuer's with its reasons. */
const CHARGE = { expand: EXPAND };

/** The first of a list, page by page, that an operation has made. */
async function named<T extends { metadata?: Stripe.Metadata | null }>(list: AsyncIterable<T>, op_id: string | undefined): Promise<T | undefined> {
  for await (const each of list) if (each.metadata?.[OPERATION] === op_id) return each;
  return undefined;
}

/** What continues at Stripe is asked for, and asking tells nothing of it where it does not come through. */
async function continued(work: () => Promise<Outcome>): Promise<Outcome> {
  const word = await heard(work);
  return word.kind === 'failed' && word.technical ? unknown(word.message) : word;
}

async function heard<O>(work: () => Promise<O>): Promise<O | ReturnType<typeof wordOfError>> {
  try {
    return await work();
  } catch (error) {
    return wordOfError(error);
  }
}

/** The holder's agreement to be debited, which Stripe wants with the first debit of a method. */
function mandateData({ method, acceptance }: Pick<ChargeRequest, 'method' | 'acceptance'>): Pick<Stripe.PaymentIntentCreateParams, 'mandate_data'> {
  if (!acceptance || method.set_up) return {};
  const online = acceptance.type === 'online' ? { ip_address: acceptance.online?.ip_address ?? '', user_agent: acceptance.online?.user_agent ?? '' } : null;
  return { mandate_data: { customer_acceptance: online ? { type: 'online', online } : { type: 'offline', offline: {} } } };
}

class StripeProcessor implements Processor {
  readonly name: string;
  readonly #stripe: Stripe;
  readonly #webhook_secret: string | undefined;

  constructor(name: string, stripe: Stripe, webhook_secret: string | undefined) {
    this.name = name;
    this.#stripe = stripe;
    this.#webhook_secret = webhook_secret;
  }

  capabilities(): typeof CAPABILITIES {
    return CAPABILITIES;
  }

  async account(): ReturnType<NonNullable<Processor['account']>> {
    const said = await heard(async () => ({ kind: 'account', id: (await this.#stripe.accounts.retrieveCurrent()).id }) as const);
    return said.kind === 'declined' ? unknown(said.message) : said;
  }

  tokenize(source: Parameters<Processor['tokenize']>[0]): ReturnType<Processor['tokenize']> {
    return tokenize(this.#stripe, source);
  }

  /** The Stripe customer that has a method which is to be kept; made where it has none. */
  async #ownerOf({ reference }: StoredMethod, op_id: string, payer: ChargeRequest['payer']): Promise<string> {
    const { customer } = partsOf(reference);
    if (customer !== null) return customer;
    const { name, email } = { ...payer };
    return (await this.#stripe.customers.create({ ...(name && { name }), ...(email && { email }), metadata: { [OPERATION]: op_id } }, { idempotencyKey: `${op_id}:customer` })).id;
  }

  /** Whose a method is once it is attached: where it was so by the same operation before, whose answer was lost long ago, it stays with the customer that was made then. */
  async #attach(method: string, customer: string, op_id: string): Promise<string> {
    try {
      await this.#stripe.paymentMethods.attach(method, { customer }, { idempotencyKey: op_id });
      return customer;
    } catch (error) {
      if ((error as Stripe.errors.StripeError).type !== 'StripeInvalidRequestError') throw error;
      const owner = idOf((await this.#stripe.paymentMethods.retrieve(method)).customer);
      const known = owner === null ? null : await this.#stripe.customers.retrieve(owner);
      if (!known || known.deleted || known.metadata[OPERATION] !== op_id) throw error;
      return known.id;
    }
  }

  async charge(request: ChargeRequest): Promise<Outcome> {
    const { op_id, method, authentication, off_session, setup_future_usage: future } = request;
    // The holder has been asked by Stripe about the payment that is there already.
    if (authentication) return continued(async () => outcomeOfIntent(await this.#stripe.paymentIntents.retrieve(authentication.reference, CHARGE)));
    return heard(async () => {
      const { customer: before, method: payment_method } = partsOf(method.reference);
      const customer = future ? await this.#ownerOf(method, op_id, request.payer) : before;
      // Nobody agrees to later payments who is absent: what is to be kept then is kept before.
      if (off_session && customer !== before) await this.#stripe.paymentMethods.attach(payment_method, { customer: customer! }, { idempotencyKey: `${op_id}:attach` });
      return outcomeOfIntent(await this.#stripe.paymentIntents.create(this.#paramsOf(request, payment_method, customer), { idempotencyKey: op_id }));
    });
  }

  #paramsOf(request: ChargeRequest, payment_method: string, customer: string | null): Stripe.PaymentIntentCreateParams {
    const { amount, currency, method, off_session, capture, return_url, setup_future_usage: future } = request;
    return {
      amount: minor(amount), currency, payment_method, allowed_payment_method_types: [method.type ?? 'card'], confirm: true, capture_method: capture,
      ...toldWith(request),
      ...(customer !== null && { customer }),
      ...(off_session && { off_session: true }),
      ...(!off_session && return_url && { return_url }),
      ...(future && !off_session && { setup_future_usage: future }),
      ...optionsOf(request),
      ...mandateData(request),
      ...CHARGE,
    };
  }

  async save(request: SaveRequest): Promise<Outcome> {
    const { op_id, method, purpose, usage, payer, return_url, authentication, description, metadata } = request;
    if (authentication) return continued(async () => outcomeOfSetup(await this.#stripe.setupIntents.retrieve(authentication.reference, { expand: ['latest_attempt'] })));
    return heard(async () => {
      const { customer: before, method: payment_method } = partsOf(method.reference);
      const customer = await this.#ownerOf(method, op_id, payer);
      if (purpose === 'attach') {
        const owner = customer === before ? customer : await this.#attach(payment_method, customer, op_id);
        return outcomeOfSetup({ id: payment_method, status: 'succeeded', customer: owner, payment_method } as Stripe.SetupIntent);
      }
      const intent = await this.#stripe.setupIntents.create(
        {
          customer, payment_method, allowed_payment_method_types: [method.type ?? 'card'], confirm: true, usage: usage ?? 'off_session', metadata: pairs(metadata, { [OPERATION]: op_id }), expand: ['latest_attempt'],
          ...(description && { description }), ...(return_url && { return_url }), ...(optionsOf(request) as Pick<Stripe.SetupIntentCreateParams, 'payment_method_options'>), ...mandateData(request),
        },
        { idempotencyKey: op_id },
      );
      return outcomeOfSetup(intent);
    });
  }

  async capture(request: Parameters<Processor['capture']>[0]): Promise<HandledOutcome> {
    const { op_id, charge, amount, final, metadata, method } = request;
    const params = { amount_to_capture: minor(amount), ...(final ? amount === 0n && { final_capture: true } : { final_capture: false }), ...onStatement(request, method), ...detailsOf(request), metadata: pairs(metadata, { [CAPTURE]: op_id }), ...CHARGE } as Stripe.PaymentIntentCaptureParams;
    return this.#handle('capture', { op_id, charge, amount }, () => this.#stripe.paymentIntents.capture(charge, params, { idempotencyKey: op_id }));
  }

  /** What was captured, with what has come of that. The newest movement is that of the capture once it is of its amount. */
  async #withBrought(intent: Stripe.PaymentIntent, outcome: HandledOutcome | null, verb: 'capture' | 'cancel' | 'increment', amount?: bigint): Promise<HandledOutcome | null> {
    if (verb !== 'capture' || outcome?.kind !== 'succeeded' || !inParts(intent)) return outcome;
    const read = await heard(async () => ({ kind: 'read', moved: (await this.#stripe.balanceTransactions.list({ source: idOf(intent.latest_charge)!, limit: 1 })).data[0] ?? null }) as const);
    // The capture is repeated by its name; what may not be read is never known.
    if (read.kind === 'unknown') return read;
    const moved = read.kind === 'read' ? read.moved : null;
    if (read.kind === 'read' && amount !== undefined && amount !== 0n && !(moved && comesTo(moved, amount))) return UNSETTLED;
    return { ...outcome, ...broughtIn(moved, intent.currency) };
  }

  async cancel({ op_id, charge, reason }: Parameters<Processor['cancel']>[0]): Promise<HandledOutcome> {
    const cancellation_reason = (['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned'] as const).find((each) => each === reason);
    return this.#handle('cancel', { op_id, charge }, () => this.#stripe.paymentIntents.cancel(charge, { ...(cancellation_reason && { cancellation_reason }) }, { idempotencyKey: op_id }));
  }

  /** What has gone on meanwhile is not given up, which its state tells. */
  async abandon({ op_id, setup }: AbandonRequest): Promise<HandledOutcome> {
    const said = await heard(async () => ({ kind: 'succeeded', reference: (await this.#stripe.setupIntents.cancel(setup, { cancellation_reason: 'abandoned' }, { idempotencyKey: op_id })).id }) as const);
    return said.kind === 'failed' && said.code === 'setup_intent_unexpected_state' ? { ...said, kind: 'declined', reference: setup } : said;
  }

  async increment(request: Parameters<Processor['increment']>[0]): Promise<HandledOutcome> {
    const { op_id, charge, amount, description, metadata } = request;
    const params = { amount: minor(amount), ...(description && { description }), ...detailsOf(request), metadata: pairs(metadata, { [INCREMENT]: op_id }), ...CHARGE } as Stripe.PaymentIntentIncrementAuthorizationParams;
    return this.#handle('increment', { op_id, charge }, () => this.#stripe.paymentIntents.incrementAuthorization(charge, params, { idempotencyKey: op_id }));
  }

  /** What is not as it would have to be was captured or given up before, which its state tells. */
  async #handle(verb: 'capture' | 'cancel' | 'increment', { op_id, charge, amount }: { op_id: string; charge: string; /** What is captured. */ amount?: bigint }, work: () => Promise<Stripe.PaymentIntent>): Promise<HandledOutcome> {
    const said = await heard(async () => {
      const intent = await work();
      return (await this.#withBrought(intent, outcomeOfHandling(intent, verb, op_id), verb, amount)) ?? unknown(`Stripe has taken the ${verb}, and shows none.`);
    });
    if (said.kind !== 'failed' || said.code !== 'payment_intent_unexpected_state') return said;
    const now = await heard(() => this.#stripe.paymentIntents.retrieve(charge, CHARGE));
    if ('kind' in now) return unknown(now.kind === 'unknown' ? now.reason : now.message);
    const state = await this.#withBrought(now, outcomeOfHandling(now, verb, op_id), verb, amount);
    return state ?? { kind: 'declined', reference: now.id, code: 'charge_already_captured', message: said.message };
  }

  async refund({ op_id, charge, amount, reason, metadata }: RefundRequest): Promise<RefundOutcome> {
    return this.#refunded(async () => outcomeOfRefund(await this.#stripe.refunds.create({ payment_intent: charge, amount: minor(amount), ...(reason && { reason }), metadata: pairs(metadata, { [OPERATION]: op_id }), ...REFUND }, { idempotencyKey: op_id })));
  }

  async #refunded(work: () => Promise<RefundOutcome>): Promise<RefundOutcome> {
    const said = await heard(work);
    return said.kind === 'declined' && 'code' in said ? { kind: 'declined', reference: said.reference, failure_reason: 'declined', message: said.message } : said;
  }

  async cancelRefund({ op_id, refund }: CancelRefundRequest): Promise<RefundOutcome> {
    return this.#refunded(async () => {
      try {
        return outcomeOfRefund(await this.#stripe.refunds.cancel(refund, REFUND, { idempotencyKey: op_id }));
      } catch (error) {
        // What cannot be canceled has gone on, or was canceled before, which its state tells.
        if ((error as Stripe.errors.StripeError).type !== 'StripeInvalidRequestError') throw error;
        return outcomeOfRefund(await this.#stripe.refunds.retrieve(refund, REFUND));
      }
    });
  }

  /** The Stripe customer that Kontor has made for a method goes with the last one that it has. */
  async detach({ method: { reference } }: DetachRequest): Promise<HandledOutcome> {
    const { customer, method } = partsOf(reference);
    const gone = { kind: 'succeeded', reference: method } as const;
    if (customer === null) return gone;
    return heard(async () => {
      await this.#stripe.paymentMethods.detach(method).catch(async (error: Stripe.errors.StripeError) => {
        // What is not attached cannot be detached.
        if (error.type !== 'StripeInvalidRequestError' || (await this.#stripe.paymentMethods.retrieve(method)).customer !== null) throw error;
      });
      const owner = await this.#stripe.customers.retrieve(customer);
      if (owner.deleted || owner.metadata[OPERATION] === undefined) return gone;
      const { data } = await this.#stripe.customers.listPaymentMethods(customer, { limit: 1 });
      if (data.length === 0) await this.#stripe.customers.del(customer);
      return gone;
    });
  }

  async lookup(sought: Sought): Promise<Found> {
    try {
      return await this.#find(sought);
    } catch (error) {
      // What Stripe has named itself and does not know any more is another account's: it says nothing about this one.
      const { message } = error as Error;
      return unknown(`Stripe has not said what became of it: ${message}`);
    }
  }

  async #find({ op_id, reference, verb = 'charge', charge, method }: Sought): Promise<Found> {
    switch (verb) {
      case 'charge': {
        const intent = reference !== undefined ? await this.#stripe.paymentIntents.retrieve(reference, CHARGE) : (await this.#stripe.paymentIntents.search({ query: `metadata['${OPERATION}']:'${op_id}'`, limit: 1, expand: EXPAND.map((each) => `data.${each}`) })).data[0];
        return intent ? { kind: 'charge', outcome: outcomeOfIntent(intent) } : { kind: 'absent' };
      }
      case 'save': {
        const intent = reference !== undefined
          ? await this.#stripe.setupIntents.retrieve(reference, { expand: ['latest_attempt'] })
          : await named(this.#stripe.setupIntents.list({ payment_method: partsOf(method?.reference ?? '').method, limit: 100, expand: ['data.latest_attempt'] }), op_id);
        return intent ? { kind: 'save', outcome: outcomeOfSetup(intent) } : { kind: 'absent' };
      }
      case 'refund': {
        const refund = reference !== undefined ? await this.#stripe.refunds.retrieve(reference, REFUND) : await named(this.#stripe.refunds.list({ payment_intent: charge!, limit: 100, expand: REFUND.expand.map((each) => `data.${each}`) }), op_id);
        return refund ? { kind: 'refund', outcome: outcomeOfRefund(refund) } : { kind: 'absent' };
      }
      case 'detach': {
        const { id, customer } = await this.#stripe.paymentMethods.retrieve(partsOf(method!.reference).method);
        return customer === null ? { kind: 'detach', outcome: { kind: 'succeeded', reference: id } } : { kind: 'absent' };
      }
      default: {
        const intent = await this.#stripe.paymentIntents.retrieve(charge ?? reference!, CHARGE);
        const outcome = await this.#withBrought(intent, outcomeOfHandling(intent, verb, op_id ?? ''), verb);
        return outcome ? { kind: verb, outcome } : { kind: 'absent' };
      }
    }
  }

  get disputes(): NonNullable<Processor['disputes']> {
    return { find: ({ reference }) => findDispute(this.#stripe, reference), respond: (answer) => respondTo(this.#stripe, answer) };
  }

  findPayout(reference: string): ReturnType<NonNullable<Processor['findPayout']>> {
    return findPayout(this.#stripe, reference);
  }

  findRefund(reference: string): ReturnType<NonNullable<Processor['findRefund']>> {
    return findRefund(this.#stripe, reference);
  }

  async receive(delivery: Parameters<Processor['receive']>[0]): ReturnType<Processor['receive']> {
    return receive(this.#stripe, delivery, this.#webhook_secret);
  }
}

/** A request is repeated by Kontor, which knows what became of it, and never by the library, which does so once where a connection was closed unless it does not see that it was. */
function sendingOnce(client: Stripe.HttpClient): Stripe.HttpClient {
  const send = client.makeRequest.bind(client);
  client.makeRequest = (...given) => send(...given).catch((error: Error & { code?: string }) => {
    throw error.code === 'ECONNRESET' || error.code === 'EPIPE' ? Object.assign(new Error(error.message), { code: 'CLOSED' }) : error;
  });
  return client;
}

export function stripeProcessor(options: StripeOptions = {}): ProcessorKind {
  return {
    kind: 'stripe',
    owned_by: 'secret_key',
    settings: SETTINGS,
    faultIn({ livemode, settings }) {
      const live = /^.._live_/.test(settings.secret_key!);
      if (live === livemode) return null;
      return { setting: 'secret_key', code: 'livemode_mismatch', message: live ? 'This is a live key of Stripe, and you are in test mode. Give a test key, or configure the processor with a live key of Kontor.' : 'This is a test key of Stripe, and you are in live mode: no money would move. Give a live key.' };
    },
    async open({ id, settings: { secret_key, webhook_secret } }: Configuration) {
      const { default: Library } = await import('stripe');
      const stripe = new Library(secret_key!, { httpClient: sendingOnce(Library.createNodeHttpClient()), maxNetworkRetries: 0, timeout: options.timeout_ms ?? 30_000, telemetry: false, appInfo: { name: 'Kontor' }, ...options.address });
      return new StripeProcessor(id, stripe, webhook_secret);
    },
  };
}
