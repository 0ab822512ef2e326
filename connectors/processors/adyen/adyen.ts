/**
 * Adyen as a processor, by Adyen's library. Every operation carries its `op_id` as the idempotency key, which Adyen knows again for seven days at least, and as our reference, which its webhooks give back.
 *
 * A stored method is `shopper/token`: the reference under which Adyen has the shopper, and the id of the stored payment method. A method that needs no token is only its type.
 */
import type * as Library from '@adyen/api-library';
import { METHODS } from '../../../billing/payment/offer.ts';
import type { Capabilities, CaptureRequest, ChargeRequest, Configuration, DetachRequest, Found, HandledOutcome, MethodSource, OtherSource, Outcome, Processor, ProcessorKind, RefundOutcome, RefundRequest, SaveRequest, Setting, Sought, Tokenized } from '../processor.ts';
import { load } from './library.ts';
import { receive } from './webhooks.ts';
import { toldWith, untold, isRaisable } from './told.ts';
import { amountOf, foundBy, outcomeOfPayment, unknown, wordOfError } from './words.ts';

export type AdyenOptions = {
  /** What sends requests; by default the library's own client. */
  httpClient?: ConstructorParameters<typeof Library.Client>[1];
  /** After how long an answer that has not come is unknown. */
  timeout_ms?: number;
};

/** Adyen's names of the types that it takes for us. */
const TYPES: Readonly<Record<string, string>> = { card: 'scheme', ideal: 'ideal', klarna: 'klarna', paypal: 'paypal', sepa_debit: 'sepadirectdebit' };

const CAPABILITIES: Capabilities = {
  // Several captures, and more than was reserved, are settings of a merchant account, which a payment cannot ask for.
  methods: Object.fromEntries(Object.entries(METHODS).filter(([type]) => TYPES[type] !== undefined).map(([type, facts]) => [type, { ...facts, multicapture: false, overcapture_percent: 0 }])), idempotency: 'header', ttl_hours: 7 * 24, lookup: [], settles_in_s: 0, gives_up: false, at_once: 25,
};

const SETTINGS: Record<'api_key' | 'merchant_account' | 'hmac_key' | 'live_endpoint_prefix', Setting> = {
  api_key: { about: 'the API key of a web service user that may take payments.', secret: true, required: true },
  merchant_account: { about: 'the merchant account that takes the payments.', secret: false, required: true },
  hmac_key: { about: 'the HMAC key of the standard webhook that leads to `webhook_url`.', secret: true, required: false, pattern: /^[0-9A-Fa-f]{64}$/, shape: 'be the HMAC key of a webhook, 64 hexadecimal digits' },
  live_endpoint_prefix: { about: 'the prefix of your live endpoints, from the API URLs of your Customer Area.', secret: false, required: false, pattern: /^[0-9a-f]+-[0-9A-Za-z]+$/, shape: 'be a prefix such as `1797a841fbb37ca7-AdyenDemo`' },
};

const partsOf = (reference: string): { shopper: string; token: string } | null => {
  const [shopper = '', token] = reference.split('/');
  return token === undefined ? null : { shopper, token };
};

/** What the API shows of a method that needs no token, before it has paid. */
function shownOf({ type, fields }: OtherSource): Record<string, unknown> {
  if (type === 'ideal') return { bank: fields.bank ?? null, bic: null };
  return type === 'klarna' ? { dob: fields.dob ?? null } : { country: null, payer_email: null, payer_id: null };
}

const refused = (param: string, message: string): Tokenized => ({ kind: 'refused', code: 'payment_method_invalid_parameter', decline_code: null, message, param, type: 'invalid_request_error' });
const UNKEPT = { kind: 'failed', code: 'payment_method_not_available', message: 'Such a method is kept for later by Adyen\'s own fields: give the token of the stored payment method.' } as const;
const UNSAYABLE = { kind: 'failed', code: 'amount_too_small', message: 'Adyen has no amount as small as this in the currency.' } as const;

class AdyenProcessor implements Processor {
  readonly name: string;
  readonly #library: typeof Library;
  readonly #checkout: Library.CheckoutAPI;
  readonly #settings: { livemode: boolean; hmac_key: string | undefined; merchant_account: string };

  constructor(library: typeof Library, { id, livemode, settings: { api_key, merchant_account, hmac_key, live_endpoint_prefix } }: Configuration, options: AdyenOptions) {
    this.name = id;
    this.#library = library;
    this.#settings = { livemode, hmac_key, merchant_account: merchant_account! };
    const { LIVE, TEST } = library.EnvironmentEnum;
    // A request is repeated by Kontor, which knows what became of it, and never by the library.
    const config = new library.Config({ apiKey: api_key!, environment: livemode ? LIVE : TEST, ...(live_endpoint_prefix && { liveEndpointUrlPrefix: live_endpoint_prefix }), connectionTimeoutMillis: options.timeout_ms ?? 30_000, enable308Redirect: false, applicationName: 'Kontor' });
    this.#checkout = new library.CheckoutAPI(new library.Client(config, options.httpClient));
  }

  capabilities(): Capabilities {
    return CAPABILITIES;
  }

  async account(): Promise<{ kind: 'account'; id: string }> {
    return { kind: 'account', id: this.#settings.merchant_account };
  }

  async tokenize(source: MethodSource): Promise<Tokenized> {
    if ('type' in source) {
      if (source.type === 'sepa_debit') return refused('sepa_debit[iban]', 'Adyen keeps the bank account: give the token of the stored payment method, as `shopper/token`.');
      return { kind: 'other', type: source.type, method: { type: source.type, reference: source.type, set_up: false }, details: shownOf(source) };
    }
    const parts = partsOf(source.token);
    if (!parts) return { kind: 'absent' };
    try {
      const stored = await this.#stored(parts);
      return stored ? this.#kept(source.token, stored) : { kind: 'absent' };
    } catch (error) {
      const word = wordOfError(error);
      return word.kind === 'failed' && !word.technical ? { kind: 'absent' } : { kind: 'down', message: word.kind === 'failed' ? word.message : 'Adyen has not answered what the payment method is. Nothing has been changed; try again.' };
    }
  }

  async #stored({ shopper, token }: { shopper: string; token: string }): Promise<Library.Types.checkout.StoredPaymentMethodResource | undefined> {
    const { storedPaymentMethods = [] } = await this.#checkout.RecurringApi.getTokensForStoredPaymentDetails(shopper, this.#settings.merchant_account);
    return storedPaymentMethods.find(({ id }) => id === token);
  }

  #kept(reference: string, { type, brand = 'unknown', lastFour = '', expiryMonth, expiryYear, iban, ownerName, networkTxReference }: Library.Types.checkout.StoredPaymentMethodResource): Tokenized {
    const method = { reference, identity: reference, set_up: true, network_transaction_id: networkTxReference ?? null };
    if (type === 'sepadirectdebit') return { kind: 'other', type: 'sepa_debit', method: { ...method, type: 'sepa_debit' }, details: { bank_code: iban?.slice(4, 12) ?? null, branch_code: '', country: iban?.slice(0, 2) ?? null, fingerprint: null, generated_from: { charge: null, setup_attempt: null }, last4: iban?.slice(-4) ?? lastFour }, payer: { ...(ownerName && { name: ownerName }) } };
    const checks = { cvc_check: null, address_line1_check: null, address_postal_code_check: null };
    const name = brand === 'mc' ? 'mastercard' : brand;
    const card = {
      brand: name, country: '', display_brand: name, exp_month: Number(expiryMonth), exp_year: Number(expiryYear), fingerprint: '', funding: 'unknown', last4: lastFour, networks: { available: [name], preferred: null },
      regulated_status: 'unregulated', three_d_secure_usage: { supported: true }, checks,
    } as const;
    return { kind: 'card', method, card: { ...card, networks: { available: [name], preferred: null } }, verified: checks };
  }

  async charge(request: ChargeRequest): Promise<Outcome> {
    const { op_id, amount, currency, method, capture, authentication, setup_future_usage: future } = request;
    const about = { op_id, type: method.type ?? 'card', captured: capture === 'automatic', increment: isRaisable(request.options) };
    if (authentication) return this.#goOn(authentication, about);
    const value = amountOf(amount, currency);
    if (amount <= 0n || !value) return UNSAYABLE;
    if (future && !partsOf(method.reference)) return UNKEPT;
    const unsaid = untold(request);
    if (unsaid) return unsaid;
    return this.#heard(async () => outcomeOfPayment(await this.#checkout.PaymentsApi.payments(this.#paymentOf(request, value), { idempotencyKey: op_id }), about));
  }

  /** The holder is back: what came with it is what the payment goes on with. */
  async #goOn({ details }: NonNullable<ChargeRequest['authentication']>, about: Parameters<typeof outcomeOfPayment>[1]): Promise<Outcome> {
    if (!details) return { kind: 'failed', code: 'payment_intent_authentication_failure', message: 'Adyen has to be told what came back with who pays: give the `details`.' };
    return this.#heard(async () => outcomeOfPayment(await this.#checkout.PaymentsApi.paymentsDetails({ details }, { idempotencyKey: about.op_id }), about));
  }

  #paymentOf(request: Pick<ChargeRequest, 'op_id' | 'method'> & Partial<ChargeRequest>, amount: Library.Types.checkout.Amount): Library.Types.checkout.PaymentRequest {
    const { op_id, method, off_session = false, return_url, request_three_d_secure: ask, payer } = request;
    const stored = partsOf(method.reference);
    const type = TYPES[method.type ?? 'card']!;
    return {
      merchantAccount: this.#settings.merchant_account, amount, reference: op_id, returnUrl: return_url ?? 'https://example.com/', channel: 'Web',
      paymentMethod: { type, ...(stored && { storedPaymentMethodId: stored.token }) },
      shopperInteraction: stored ? 'ContAuth' : 'Ecommerce',
      ...(stored && { shopperReference: stored.shopper, recurringProcessingModel: off_session ? 'UnscheduledCardOnFile' : 'CardOnFile' }),
      ...(payer?.email && { shopperEmail: payer.email }),
      ...(payer?.country && { countryCode: payer.country }),
      ...toldWith(request),
      ...(ask && ask !== 'automatic' && { authenticationData: { attemptAuthentication: 'always' } }),
      ...(ask === 'challenge' && { threeDS2RequestData: { threeDSRequestorChallengeInd: '03' } }),
    } as Library.Types.checkout.PaymentRequest;
  }

  /** A token at Adyen may be kept; whether it can be charged is asked by a payment of nothing. */
  async save(request: SaveRequest): Promise<Outcome> {
    const { op_id, method, purpose, authentication } = request;
    const about = { op_id, type: method.type ?? 'card', captured: false };
    if (authentication) return this.#goOn(authentication, about);
    if (purpose === 'attach') return outcomeOfPayment({ resultCode: 'Authorised' as Library.Types.checkout.PaymentResponse.ResultCodeEnum, pspReference: method.reference }, about);
    if (!partsOf(method.reference)) return UNKEPT;
    return this.#heard(async () => outcomeOfPayment(await this.#checkout.PaymentsApi.payments(this.#paymentOf(request, { value: 0, currency: 'EUR' }), { idempotencyKey: op_id }), about));
  }

  async #heard<O>(work: () => Promise<O>): Promise<O | ReturnType<typeof wordOfError>> {
    try {
      return await work();
    } catch (error) {
      return wordOfError(error);
    }
  }

  /** Adyen takes it, and says by webhook what came of it. */
  async #handled(work: () => Promise<unknown>): Promise<HandledOutcome> {
    return this.#heard(async () => {
      await work();
      return unknown('Adyen has received it, and tells by webhook what came of it.');
    });
  }

  async capture({ op_id, charge, amount, currency }: CaptureRequest): Promise<HandledOutcome> {
    const value = amountOf(amount, currency);
    if (!value) return UNSAYABLE;
    return this.#handled(() => this.#checkout.ModificationsApi.captureAuthorisedPayment(charge, { merchantAccount: this.#settings.merchant_account, amount: value, reference: op_id }, { idempotencyKey: op_id }));
  }

  async cancel({ op_id, charge }: Parameters<Processor['cancel']>[0]): Promise<HandledOutcome> {
    return this.#handled(() => this.#checkout.ModificationsApi.cancelAuthorisedPaymentByPspReference(charge, { merchantAccount: this.#settings.merchant_account, reference: op_id }, { idempotencyKey: op_id }));
  }

  async increment({ op_id, charge, amount, currency }: Parameters<Processor['increment']>[0]): Promise<HandledOutcome> {
    const value = amountOf(amount, currency);
    if (!value) return UNSAYABLE;
    const { merchant_account: merchantAccount } = this.#settings;
    return this.#handled(() => this.#checkout.ModificationsApi.updateAuthorisedAmount(charge, { merchantAccount, amount: value, reference: op_id, industryUsage: 'delayedCharge' as Library.Types.checkout.PaymentAmountUpdateRequest['industryUsage'] }, { idempotencyKey: op_id }));
  }

  async refund({ op_id, charge, amount, currency }: RefundRequest): ReturnType<Processor['refund']> {
    const value = amountOf(amount, currency);
    if (!value) return UNSAYABLE;
    return this.#heard(async () => {
      const { pspReference } = await this.#checkout.ModificationsApi.refundCapturedPayment(charge, { merchantAccount: this.#settings.merchant_account, amount: value, reference: op_id }, { idempotencyKey: op_id });
      return { kind: 'pending', reference: pspReference, network_reference: null, foretold: [] } as const;
    });
  }

  /** None of Adyen's refunds waits for its receiver. */
  async cancelRefund(): Promise<RefundOutcome> {
    return { kind: 'failed', code: 'processing_error', message: 'Adyen does not call a refund back.' };
  }

  async detach({ method: { reference } }: DetachRequest): Promise<HandledOutcome> {
    const parts = partsOf(reference);
    const gone = { kind: 'succeeded', reference } as const;
    if (!parts) return gone;
    return this.#heard(async () => {
      await this.#checkout.RecurringApi.deleteTokenForStoredPaymentDetails(parts.token, parts.shopper, this.#settings.merchant_account).catch(async (error: unknown) => {
        // What is not stored any more cannot be deleted.
        const word = wordOfError(error);
        if (word.kind !== 'failed' || word.technical || (await this.#stored(parts))) throw error;
      });
      return gone;
    });
  }

  async lookup(sought: Sought): Promise<Found> {
    return foundBy(sought);
  }

  /** Adyen cannot be asked, and takes evidence in its Customer Area. */
  readonly disputes: NonNullable<Processor['disputes']> = { find: async ({ said }) => said ?? unknown('Adyen cannot be asked; it tells by webhook.') };

  async receive(delivery: Parameters<Processor['receive']>[0]): ReturnType<Processor['receive']> {
    return receive(new this.#library.hmacValidator(), delivery, this.#settings);
  }
}

export function adyenProcessor(options: AdyenOptions = {}): ProcessorKind {
  return {
    kind: 'adyen',
    owned_by: 'merchant_account',
    settings: SETTINGS,
    faultIn({ livemode, settings }) {
      if (!livemode || settings.live_endpoint_prefix) return null;
      return { setting: 'live_endpoint_prefix', code: 'parameter_missing', message: 'In live mode Adyen is reached at endpoints of your own: give the `live_endpoint_prefix`, from the API URLs of your Customer Area.' };
    },
    open: async (configuration) => new AdyenProcessor(await load(), configuration, options),
  };
}
