/**
 * A fake of Adyen's Checkout API, version 72, from its public API explorer and its pages on idempotency, modifications and webhooks: as much of it as the adapter needs, refusing everything else. Adyen's own library is its
 * judge: it is called through it, and its webhooks are verified by it.
 */
import { createHmac } from 'node:crypto';
import { request as plainRequest, type ClientRequest, type RequestOptions } from 'node:http';
import { HttpURLConnectionClient } from '@adyen/api-library';
import { Herald, listen, type Asked, type Fault, type Plan, type Told } from '../server.ts';

type Thing = { pspReference: string; [field: string]: any };
type Given = { [name: string]: any };

const MERCHANT = 'KontorFake';
const HMAC_KEY = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056';

class FakeError extends Error {
  readonly status: number;
  readonly errorCode: string;
  constructor(status: number, errorCode: string, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}
const refuse = (status: number, errorCode: string, message: string): never => {
  throw new FakeError(status, errorCode, message);
};

/** What a card does, by its name: the id of the stored payment method. */
const CARDS: Readonly<Record<string, { lastFour: string; refusal?: [code: string, reason: string, raw: string]; asks?: boolean }>> = {
  good: { lastFour: '1111' },
  declined: { lastFour: '0002', refusal: ['2', 'Refused', '05 : Do not honor'] },
  poor: { lastFour: '9995', refusal: ['12', 'Not enough balance', '51 : Insufficient funds'] },
  lost: { lastFour: '9987', refusal: ['5', 'Blocked Card', '41 : Lost card'] },
  asks: { lastFour: '3184', asks: true },
};

/** Which fields each request takes. */
const TAKES: Readonly<Record<string, readonly string[]>> = {
  'payments': ['merchantAccount', 'amount', 'reference', 'returnUrl', 'channel', 'paymentMethod', 'shopperInteraction', 'shopperReference', 'recurringProcessingModel', 'additionalData', 'captureDelayHours', 'shopperEmail', 'countryCode', 'authenticationData', 'threeDS2RequestData', 'applicationInfo', 'shopperStatement', 'metadata', 'deliveryAddress', 'telephoneNumber', 'shopperLocale'],
  'payments/details': ['details'],
  'captures': ['merchantAccount', 'amount', 'reference'],
  'cancels': ['merchantAccount', 'reference'],
  'refunds': ['merchantAccount', 'amount', 'reference'],
  'amountUpdates': ['merchantAccount', 'amount', 'reference', 'industryUsage'],
};

export class FakeAdyen {
  /** The key that is in force. */
  key = 'AQEfake-api-key-0123456789';
  readonly hmac_key = HMAC_KEY;
  readonly merchant_account = MERCHANT;
  readonly herald: Herald;
  /** By their psp references: payments, of whatever status. */
  readonly payments = new Map<string, Thing>();
  /** As `shopper/card`. */
  readonly #deleted = new Set<string>();
  readonly #keys = new Map<string, { print: string; told: Told }>();
  readonly #plan: Plan & { live?: boolean };
  #made = 0;
  #server: Awaited<ReturnType<typeof listen>> | null = null;

  constructor(plan: Plan & { live?: boolean } = {}) {
    this.#plan = plan;
    this.herald = new Herald(plan);
  }

  async start(): Promise<this> {
    this.#server = await listen((asked, fault) => this.#answer(asked, fault), this.#plan);
    return this;
  }

  async close(): Promise<void> {
    this.herald.stop();
    await this.#server!.close();
  }

  /** The library's own client, whose connections come here instead of to Adyen. */
  get httpClient(): HttpURLConnectionClient {
    const { port } = this.#server!;
    const client = new HttpURLConnectionClient();
    const createRequest = (endpoint: string, { headers = {}, method = 'POST', timeout, ...options }: RequestOptions & { idempotencyKey?: string; params?: Record<string, string> }): ClientRequest => {
      const query = options.params ? `?${new URLSearchParams(options.params)}` : '';
      const request = plainRequest({ host: '127.0.0.1', port, path: `${new URL(endpoint).pathname}${query}`, method, headers: { ...headers, ...(options.idempotencyKey && { 'idempotency-key': options.idempotencyKey }) } });
      if (timeout) request.setTimeout(timeout);
      return request;
    };
    return Object.assign(client, { createRequest });
  }

  /** Whether a shopper has a card stored. */
  hasStored(reference: string): boolean {
    const [shopper = '', card] = reference.split('/');
    return this.#cardsOf(shopper).some(([id]) => id === card);
  }

  /** A bank says something about a payment: an event of a dispute, under the dispute's own reference. */
  contest(payment: string, eventCode: string, dispute = this.#id()): string {
    const { reference, amount } = this.payments.get(payment)!;
    this.#tell(eventCode, dispute, reference, amount, true, 'Fraudulent Card-Not-Present Transactions', payment, { chargebackReasonCode: '10.4', defensePeriodEndsAt: '2026-12-15T08:00:00+01:00' });
    return dispute;
  }

  /** How often money was taken, or reserved, under one of our references. */
  taken(reference: string): number {
    return [...this.payments.values()].filter((each) => each.reference === reference && each.status === 'authorised').length;
  }

  #id(): string {
    this.#made += 1;
    return `FAKE${String(this.#made).padStart(12, '0')}`;
  }

  #answer(asked: Asked, fault: Fault): Told {
    try {
      const told = this.#once(asked);
      return fault === 'error_after' ? { status: 500, body: { status: 500, errorCode: '905', message: 'Payment details are not supported', errorType: 'internal' } } : told;
    } catch (error) {
      if (error instanceof FakeError) return { status: error.status, body: { status: error.status, errorCode: error.errorCode, message: error.message, errorType: 'validation' } };
      throw error;
    }
  }

  #once(asked: Asked): Told {
    if (asked.headers['x-api-key'] !== this.key) refuse(401, '000', 'HTTP Status Response - Unauthorized');
    const key = asked.headers['idempotency-key'];
    if (asked.method === 'GET') return { status: 200, body: this.#stored(new URLSearchParams(asked.query)) };
    if (asked.method === 'DELETE') return { status: 204, body: this.#forget(asked.path.split('/').at(-1)!, new URLSearchParams(asked.query)) };
    if (key !== undefined && key.length > 64) refuse(422, '706', 'The idempotency key is too long.');
    const print = `${asked.path} ${asked.body}`;
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known && known.print !== print) return refuse(422, '704', 'Request already processed or in progress');
    if (known) return known.told;
    const told: Told = { status: 200, body: structuredClone(this.#perform(asked)) };
    if (key !== undefined) this.#keys.set(key, { print, told });
    return told;
  }

  /** What a shopper has stored: every card that it has not had deleted. */
  #cardsOf(shopper: string | null): [id: string, card: (typeof CARDS)[string]][] {
    return Object.entries(CARDS).filter(([id]) => !this.#deleted.has(`${shopper}/${id}`));
  }

  #forget(id: string, query: URLSearchParams): object {
    if (query.get('merchantAccount') !== MERCHANT) refuse(403, '901', 'Invalid Merchant Account');
    const shopper = query.get('shopperReference');
    if (!this.#cardsOf(shopper).some(([known]) => known === id)) refuse(422, '800', 'Contract not found');
    this.#deleted.add(`${shopper}/${id}`);
    return {};
  }

  #stored(query: URLSearchParams): object {
    if (query.get('merchantAccount') !== MERCHANT) refuse(403, '901', 'Invalid Merchant Account');
    const storedPaymentMethods = this.#cardsOf(query.get('shopperReference')).map(([id, { lastFour }]) => ({ id, type: 'scheme', brand: 'visa', lastFour, expiryMonth: '03', expiryYear: '2030', holderName: 'J. Rosen', supportedShopperInteractions: ['Ecommerce', 'ContAuth'] }));
    return { merchantAccount: MERCHANT, shopperReference: query.get('shopperReference'), storedPaymentMethods };
  }

  #perform({ path, body }: Asked): object {
    const [, version, first, second, third] = path.replace(/^\/checkout/, '').split('/');
    const given = JSON.parse(body.toString()) as Given;
    const name = second === undefined || second === 'details' ? [first, second].filter(Boolean).join('/') : third!;
    const takes = version === 'v72' && first === 'payments' ? TAKES[name] : undefined;
    if (!takes) return refuse(404, '000', `This fake has no ${path}.`);
    const foreign = Object.keys(given).find((each) => !takes.includes(each));
    if (foreign) refuse(422, '702', `This fake does not take ${foreign}.`);
    if (name !== 'payments/details' && given.merchantAccount !== MERCHANT) refuse(403, '901', 'Invalid Merchant Account');
    if (name === 'payments') return this.#pay(given);
    if (name === 'payments/details') return this.#details(given);
    const payment = this.payments.get(second!) ?? refuse(422, '167', 'Original pspReference required for this operation');
    return this.#modify(name, payment, given);
  }

  #pay(given: Given): object {
    const { amount, paymentMethod, reference } = given;
    if (!Number.isInteger(amount?.value) || amount.value < 0) refuse(422, '137', 'Invalid amount specified');
    for (const [name, value] of Object.entries(given.metadata ?? {})) if (name.length > 20 || String(value).length > 80) refuse(422, '177', 'Metadata size exceeds limit');
    if (given.deliveryAddress && ['city', 'country', 'houseNumberOrName', 'postalCode', 'street'].some((name) => !given.deliveryAddress[name])) refuse(422, '171', 'Required field in delivery address missing');
    const payment: Thing = { pspReference: this.#id(), reference, amount, status: 'refused', captured: 0, refunded: 0, manual: given.additionalData?.manualCapture === 'true', given };
    this.payments.set(payment.pspReference, payment);
    if (paymentMethod.type !== 'scheme') return this.#ask(payment, paymentMethod.type);
    const [, card] = this.#cardsOf(given.shopperReference).find(([id]) => id === paymentMethod.storedPaymentMethodId) ?? refuse(422, '800', 'Contract not found');
    if (card.refusal) return this.#refused(payment, ...card.refusal);
    const absent = given.recurringProcessingModel === 'UnscheduledCardOnFile';
    if (card.asks && absent) return this.#refused(payment, '38', 'Authentication required', '1A : Authentication required');
    return card.asks ? this.#ask(payment, 'scheme') : this.#authorised(payment);
  }

  /** The shopper is sent to a page, from which it comes back with a result. */
  #ask(payment: Thing, paymentMethodType: string): object {
    payment.status = 'asked';
    return { pspReference: payment.pspReference, resultCode: 'RedirectShopper', action: { type: 'redirect', method: 'GET', paymentMethodType, url: `https://checkoutshopper-test.adyen.com/fake/${payment.pspReference}` } };
  }

  /** What comes back with the shopper. */
  static resultOf(reference: string, result: 'succeeded' | 'failed'): Record<string, string> {
    return { redirectResult: `${result}!${reference}` };
  }

  #details({ details }: Given): object {
    const [result, reference] = String(details.redirectResult).split('!');
    const payment = this.payments.get(reference ?? '') ?? refuse(422, '14_006', 'The redirectResult is not known.');
    if (result === 'succeeded') return this.#authorised(payment, { threeDAuthenticated: 'true', threeDSVersion: '2.2.0' });
    return this.#refused(payment, '11', '3D Not Authenticated', '');
  }

  #authorised(payment: Thing, more: object = {}): object {
    payment.status = 'authorised';
    payment.captured = payment.manual ? 0 : payment.amount.value;
    this.#tell('AUTHORISATION', payment.pspReference, payment.reference, payment.amount, true);
    return { pspReference: payment.pspReference, resultCode: 'Authorised', amount: payment.amount, merchantReference: payment.reference, additionalData: { authCode: '059430', networkTxReference: `NET${payment.pspReference.slice(-9)}`, ...more } };
  }

  #refused(payment: Thing, refusalReasonCode: string, refusalReason: string, refusalReasonRaw: string): object {
    payment.status = 'refused';
    this.#tell('AUTHORISATION', payment.pspReference, payment.reference, payment.amount, false, refusalReason);
    return { pspReference: payment.pspReference, resultCode: 'Refused', refusalReason, refusalReasonCode, merchantReference: payment.reference, additionalData: { refusalReasonRaw } };
  }

  /** What is asked about a payment is received, and a webhook says what came of it. */
  #modify(name: string, payment: Thing, { amount = payment.amount, reference }: Given): object {
    const pspReference = this.#id();
    const said = (event: string, why: string | null): object => {
      this.#tell(event, pspReference, reference, amount, why === null, why ?? undefined, payment.pspReference);
      return { merchantAccount: MERCHANT, paymentPspReference: payment.pspReference, pspReference, reference, status: 'received', ...(name !== 'cancels' && { amount }) };
    };
    const reserved = payment.status === 'authorised' && payment.manual && payment.captured === 0;
    switch (name) {
      case 'captures': {
        const why = reserved && amount.value <= payment.amount.value ? null : 'Insufficient balance on payment';
        if (why === null) payment.captured = amount.value;
        return said('CAPTURE', why);
      }
      case 'cancels': {
        const why = reserved ? null : 'Transaction is not in a state that can be cancelled';
        if (why === null) payment.status = 'cancelled';
        return said('CANCELLATION', why);
      }
      case 'amountUpdates': {
        const why = reserved && payment.given.additionalData?.authorisationType === 'PreAuth' ? null : 'Transaction is not in a state that can be adjusted';
        if (why === null) payment.amount = amount;
        return said('AUTHORISATION_ADJUSTMENT', why);
      }
      default: {
        const why = payment.refunded + amount.value <= payment.captured ? null : 'Insufficient balance on payment';
        if (why === null) payment.refunded += amount.value;
        return said('REFUND', why);
      }
    }
  }

  #tell(eventCode: string, pspReference: string, merchantReference: string, amount: { value: number; currency: string }, success: boolean, reason = '', originalReference = '', shown: Record<string, string> = {}): void {
    const signed = [pspReference, originalReference, MERCHANT, merchantReference, amount.value, amount.currency, eventCode, success].join(':');
    const hmacSignature = createHmac('sha256', Buffer.from(HMAC_KEY, 'hex')).update(signed).digest('base64');
    const item = { pspReference, originalReference, merchantAccountCode: MERCHANT, merchantReference, amount, eventCode, success: String(success), reason, eventDate: '2026-11-28T08:00:00+01:00', additionalData: { ...shown, hmacSignature } };
    const body = JSON.stringify({ live: String(this.#plan.live ?? false), notificationItems: [{ NotificationRequestItem: item }] });
    this.herald.send(() => ({ body, headers: {} }));
  }
}
