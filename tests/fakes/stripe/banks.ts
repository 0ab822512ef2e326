/** What banks do to a fake Stripe account, from the public reference of disputes, payouts and balance transactions: they contest payments, decide on evidence, and take what is paid out. */
import { refuse, type Given } from './params.ts';

type Thing = { id: string; [field: string]: any };
/** What the fake makes ids and tells the time with, and by what it tells what has happened. */
type Fake = { id(prefix: string): string; now(): number; tell(type: string, thing: Thing): void };

/** In what the account is settled where that is not the currency of a payment; `rate` of its minor units are one of the payment's. */
type Settling = { currency: string; rate: number };

const DISPUTE_FEE = 1_500;
const FIELDS = ['uncategorized_text', 'customer_name', 'product_description', 'receipt'];

export class FakeBanks {
  readonly disputes = new Map<string, Thing>();
  readonly payouts = new Map<string, Thing>();
  /** All balance transactions, in the order in which they were made. */
  readonly movements: Thing[] = [];
  readonly files = new Map<string, Thing>();
  settling: Settling | null = null;
  /** What has moved is written down only later. */
  late = false;
  readonly #coming: (() => void)[] = [];
  readonly #fake: Fake;

  constructor(fake: Fake) {
    this.#fake = fake;
  }

  /** A balance transaction, in the currency in which the account is settled. */
  moved(amount: number, currency: string, fee: { description: string; amount: number } | null, more: object = {}): Thing {
    const { currency: into, rate } = this.settling ?? { currency, rate: 1 };
    const [came, kept] = [Math.round(amount * rate), Math.round((fee?.amount ?? 0) * rate)];
    const fee_details = fee ? [{ type: 'stripe_fee', description: fee.description, amount: kept, currency: into, application: null }] : [];
    const now = this.#fake.now();
    const movement = { id: this.#fake.id('txn'), object: 'balance_transaction', created: now, available_on: now + 172_800, amount: came, net: came - kept, fee: kept, currency: into, exchange_rate: into === currency ? null : rate, fee_details, ...more };
    if (this.late) this.#coming.push(() => this.movements.push(movement));
    else this.movements.push(movement);
    return movement;
  }

  /** What a thing has moved is shown with it: at once or, where movements are late, once they come. */
  show(thing: Thing, movement: Thing, type: string): Thing {
    if (!this.late) return Object.assign(thing, { balance_transaction: movement });
    this.#coming.push(() => { thing.balance_transaction = movement; this.#fake.tell(type, thing); });
    return Object.assign(thing, { balance_transaction: null });
  }

  /** What was late comes. */
  come(): void {
    for (const each of this.#coming.splice(0)) each();
  }

  /** The holder of a payment contests it, or asks about it first. */
  contest(intent: Thing, { amount = intent.amount_received, reason = 'fraudulent', inquiry = false }: { amount?: number; reason?: string; inquiry?: boolean } = {}): string {
    const dispute: Thing = {
      id: this.#fake.id('du'), object: 'dispute', amount, currency: intent.currency, created: this.#fake.now(), charge: intent.latest_charge.id, payment_intent: intent.id, reason, network_reason_code: '10.4', livemode: false, metadata: {},
      status: inquiry ? 'warning_needs_response' : 'needs_response', balance_transactions: [], evidence: {}, is_charge_refundable: inquiry, payment_method_details: { type: 'card', card: { brand: 'visa', case_type: inquiry ? 'inquiry' : 'chargeback', network_reason_code: '10.4' } },
      evidence_details: { due_by: this.#fake.now() + 9 * 86_400, has_evidence: false, past_due: false, submission_count: 0 },
    };
    this.disputes.set(dispute.id, dispute);
    if (inquiry) this.#fake.tell('charge.dispute.created', dispute);
    else this.#withdraw(dispute, 'charge.dispute.created');
    return dispute.id;
  }

  /** An inquiry becomes a chargeback of so much. */
  escalate(id: string, amount: number): void {
    const dispute = this.dispute(id);
    Object.assign(dispute, { amount, status: 'needs_response', is_charge_refundable: false });
    this.#withdraw(dispute, 'charge.dispute.updated');
  }

  #withdraw(dispute: Thing, type: string): void {
    dispute.balance_transactions.push(this.moved(-dispute.amount, dispute.currency, { description: 'Dispute fee', amount: DISPUTE_FEE }));
    this.#fake.tell(type, dispute);
    this.#fake.tell('charge.dispute.funds_withdrawn', dispute);
  }

  /** The bank decides. What is won comes back, without the fee. */
  decide(id: string, status: 'won' | 'lost' | 'warning_closed'): void {
    const dispute = this.dispute(id);
    dispute.status = status;
    this.#fake.tell('charge.dispute.closed', dispute);
    if (status !== 'won') return;
    dispute.balance_transactions.push(this.moved(dispute.amount, dispute.currency, null));
    this.#fake.tell('charge.dispute.funds_reinstated', dispute);
  }

  /** The requests that are about disputes and payouts; null for all others. */
  perform(name: string, id: string, given: Given): Thing | null {
    switch (name) {
      case 'POST files': return this.#file(given);
      case 'GET disputes/:id': return this.dispute(id);
      case 'POST disputes/:id': return this.respond(id, given);
      case 'POST disputes/:id/close': return this.accept(id);
      case 'GET payouts/:id': return this.payout(id);
      default: return null;
    }
  }

  #file({ purpose, file }: Given): Thing {
    if (purpose !== 'dispute_evidence' || !['application/pdf', 'image/jpeg', 'image/png'].includes(file?.type)) refuse(400, undefined, 'This fake takes evidence of disputes, as PDF, JPEG or PNG.', { param: 'file' });
    const made = { id: this.#fake.id('file'), object: 'file', purpose, ...file };
    this.files.set(made.id, made);
    return made;
  }

  dispute(id: string): Thing {
    return this.disputes.get(id) ?? refuse(404, 'resource_missing', `No such dispute: '${id}'`, { param: 'dispute' });
  }

  respond(id: string, { evidence = {}, submit = 'true' }: Given): Thing {
    const dispute = this.dispute(id);
    const foreign = Object.keys(evidence).find((each) => !FIELDS.includes(each));
    if (foreign) refuse(400, 'parameter_unknown', `Received unknown parameter: evidence[${foreign}]`, { param: `evidence[${foreign}]` });
    if (dispute.status !== 'needs_response' && dispute.status !== 'warning_needs_response') refuse(400, undefined, 'This dispute has already been answered, and takes no evidence any more.');
    if (evidence.receipt !== undefined && !this.files.has(evidence.receipt)) refuse(400, 'resource_missing', `No such file upload: '${evidence.receipt}'`, { param: 'evidence[receipt]' });
    Object.assign(dispute.evidence, evidence);
    if (submit !== 'true') return dispute;
    dispute.evidence_details = { ...dispute.evidence_details, has_evidence: true, submission_count: dispute.evidence_details.submission_count + 1 };
    dispute.status = dispute.status === 'needs_response' ? 'under_review' : 'warning_under_review';
    this.#fake.tell('charge.dispute.updated', dispute);
    return dispute;
  }

  accept(id: string): Thing {
    const dispute = this.dispute(id);
    if (dispute.status !== 'needs_response') refuse(400, undefined, 'This dispute cannot be closed.');
    this.decide(id, 'lost');
    return dispute;
  }

  /** The account is paid out. */
  payOut(amount: number, currency: string, method: 'standard' | 'instant' = 'standard'): string {
    const now = this.#fake.now();
    const destination = { id: 'ba_fake000000000001', object: 'bank_account', account_holder_name: null, account_holder_type: null, bank_name: 'STRIPE TEST BANK', country: 'US', last4: '6789', routing_number: '110000000', fingerprint: 'fakebank', currency };
    const balance_transaction = { id: this.#fake.id('txn'), object: 'balance_transaction', created: now, amount: -amount, currency, exchange_rate: null, fee_details: method === 'instant' ? [{ type: 'stripe_fee', description: 'Instant payout', amount: Math.round(amount / 100), currency, application: null }] : [] };
    const payout: Thing = {
      id: this.#fake.id('po'), object: 'payout', amount, currency, created: now, arrival_date: now + 86_400, automatic: method === 'standard', method, status: 'pending', description: 'STRIPE PAYOUT', statement_descriptor: null, failure_code: null, failure_message: null,
      failure_balance_transaction: null, balance_transaction, destination, livemode: false, metadata: {}, type: 'bank_account', source_type: 'card',
    };
    this.payouts.set(payout.id, payout);
    this.#fake.tell('payout.created', payout);
    return payout.id;
  }

  /** Tells of something once more, as it is by now. */
  touch(thing: Thing): void {
    this.#fake.tell(thing.object === 'dispute' ? 'charge.dispute.updated' : thing.object === 'refund' ? 'refund.updated' : 'payment_intent.succeeded', thing);
  }

  /** What was given back does not arrive, and has come back. */
  bounce(refund: Thing): void {
    Object.assign(refund, { status: 'failed', failure_reason: 'expired_or_canceled_card', failure_balance_transaction: this.moved(refund.amount, refund.currency, null) });
    this.#fake.tell('refund.failed', refund);
  }

  /** What becomes of a payout. */
  proceed(id: string, status: 'in_transit' | 'paid' | 'failed' | 'canceled'): void {
    const payout = this.payout(id);
    Object.assign(payout, { status, ...(status === 'failed' && { failure_code: 'account_closed', failure_message: 'The bank account has been closed.' }) });
    this.#fake.tell(status === 'in_transit' ? 'payout.updated' : `payout.${status}`, payout);
  }

  payout(id: string): Thing {
    return this.payouts.get(id) ?? refuse(404, 'resource_missing', `No such payout: '${id}'`, { param: 'payout' });
  }
}
