import type { Shipping } from '../../billing/customer/customer.ts';
import { decision, refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { countryOf } from '../../billing/payment/route.ts';
import { attachMethod, makeMethod, refuseAttaching } from '../../billing/payment/method.ts';
import type { Learned } from '../../billing/payment/outcome.ts';
import type { BillingDetails, HolderAnswer, MethodOptions, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { refuseKeeping } from '../../billing/payment/offer.ts';
import type { Payer, Processor } from '../../connectors/processors/processor.ts';
import type { Context } from '../../server/context.ts';
import { holdName } from '../../server/database/name.ts';
import { row, rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { processorNamed, processorsFor, saidBy } from '../kontor/processors/rows.ts';
import { askIssuer, keepMethod } from './processor.ts';

export function methodsById(tx: Tx, ids: readonly string[], lock = false): Promise<PaymentMethodRow[]> {
  return rowsById<PaymentMethodRow>(tx, 'payment_methods', ids, lock);
}

/** All payment methods that are attached to a customer, locked. */
export function lockMethodsOf(tx: Tx, customer: string): Promise<PaymentMethodRow[]> {
  return rows<PaymentMethodRow>(tx, sql`select * from payment_methods where customer = ${customer} order by id for update`);
}

/** The method that has what processors call so, locked; one that pays nothing any more has let its name go. */
async function methodKnownAs(tx: Tx, processors: readonly string[], identity: string): Promise<PaymentMethodRow | undefined> {
  return row<PaymentMethodRow>(tx, sql`select * from payment_methods where processor = any(${processors}::text[]) and processor_identity = ${identity} and not spent order by created limit 1 for update`);
}

/** The same of what a processor has just kept. Whoever makes a method of it holds its name, so that of two who do so at the same moment the second one sees what the first has made. */
export async function methodWith(ctx: Context, processor: string, identity: string | undefined): Promise<PaymentMethodRow | undefined> {
  if (identity === undefined) return undefined;
  await holdName(ctx.tx, 'payment_method', `${processor} ${identity}`);
  return methodKnownAs(ctx.tx, [processor], identity);
}

type Named = { token: string; metadata?: Record<string, string> | '' };

/** The payment method for a name that one of these processors knows: the id that it has given it, or a test name such as `pm_card_visa`; null where none does. It is a new one unless there is one already. */
export async function methodOfToken(ctx: Context, processors: readonly Processor[], { token, metadata }: Named, moment: Moment, param = 'token'): Promise<Resolved | null> {
  const known = await methodKnownAs(ctx.tx, processors.map((each) => each.name), token);
  const kept = known ? null : await keepMethod(ctx, processors, { token }, moment, () => param);
  const method = known ?? (kept && (await methodWith(ctx, kept.processor, kept.method.identity)));
  if (method) return metadata === undefined ? { method, decision: decision() } : described(method, metadata);
  if (!kept) return null;
  const made = makeMethod(kept, { billing_details: payingDetails(kept.payer), ...(metadata !== undefined && { metadata }) }, moment);
  return { method: made.method, decision: made };
}

function described(before: PaymentMethodRow, metadata: Record<string, string> | ''): Resolved {
  const method: PaymentMethodRow = { ...before, metadata: mergeMetadata(before.metadata, metadata) };
  return { method, decision: { ...decision(), puts: [{ table: 'payment_methods', before, after: method }] } };
}

/** As `methodOfToken`, at any processor of the account; null where the name is no id of a payment method. Until somebody knows it, it is taken for a card. */
async function methodOfName(ctx: Context, token: string, { moment, param, currency = null }: Pick<Wanted, 'moment' | 'param' | 'currency'>): Promise<Resolved | null> {
  const processors = token.startsWith('pm_') ? await processorsFor(ctx, { type: 'card', currency, country: null }) : [];
  const made = processors.length === 0 ? null : await methodOfToken(ctx, processors, { token }, moment, param);
  // What a processor has as somebody's is brought in by the account itself, which knows whose it is.
  if (made && made.method.customer === null && made.method.set_up && made.method.processor !== ctx.app.connectors.processors.test.name) {
    refuse('payment_method_unexpected_state', `The payment method ${token} belongs to somebody at its payment processor. Bring it in first, by POST /v1/kontor/processors/${made.method.processor}/payment_methods with a secret key.`, param);
  }
  return made;
}

const NOWHERE: BillingDetails['address'] = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };

type GivenShipping = { address: Partial<Shipping['address']>; name: string; phone?: string | null; carrier?: string | null; tracking_number?: string | null };

/** To whom something is sent, in the words of the core: an address is given whole. */
export function shippingOf(given: GivenShipping | null | undefined): Shipping | null | undefined {
  return given && { carrier: null, phone: null, tracking_number: null, ...given, address: { ...NOWHERE, ...given.address } };
}

/** The billing details in the words of the core: an address is given whole. */
export function detailsOf(given: GivenDetails | undefined): Partial<BillingDetails> {
  const { address, ...rest } = given ?? {};
  return { ...rest, ...(address !== undefined && { address: { ...NOWHERE, ...address } }) };
}

/** Who pays, as the details of a method say it. */
const payingDetails = ({ name, email, country }: Partial<Payer>): Partial<BillingDetails> => ({ ...(name && { name }), ...(email && { email }), ...(country && { address: { ...NOWHERE, country } }) });

type GivenDetails = Partial<Omit<BillingDetails, 'address'>> & { address?: Partial<BillingDetails['address']> | null };

type MethodData = { type: string; billing_details?: GivenDetails; allow_redisplay?: PaymentMethodRow['allow_redisplay']; metadata?: Record<string, string> | ''; [type: string]: unknown };

type MethodGiven = { type: string; billing_details?: Partial<BillingDetails>; allow_redisplay?: PaymentMethodRow['allow_redisplay']; metadata?: Record<string, string> | ''; [type: string]: unknown };

/** A new method of another type than `card`, as its fields say. `spelt` spells a parameter. */
export async function makeOther(ctx: Context, given: MethodGiven, moment: Moment, spelt: (name: string) => string, currency: string | null = null): Promise<Decision & { method: PaymentMethodRow }> {
  const { type, billing_details = {}, allow_redisplay, metadata } = given;
  const payer = { name: billing_details.name ?? null, email: billing_details.email ?? null, country: billing_details.address?.country ?? null };
  const fields = { ...(given[type] as object) };
  const processors = await processorsFor(ctx, { type, currency, country: countryOf(type, fields, payer.country) });
  const kept = await keepMethod(ctx, processors, { type, fields, payer }, moment, spelt, billing_details);
  return makeMethod(kept!, { billing_details, allow_redisplay, metadata }, moment);
}

type Resolved = { method: PaymentMethodRow; decision: Decision };

/** Attaches a stored payment method, or a new one of the sandbox's test names, to a customer; a card that may not be kept is refused in its issuer's words. Lock the customer first. */
export async function attachPaymentMethod(ctx: Context, id: string, { customer, moment, param }: { customer: string; moment: Moment; param?: string }): Promise<Resolved> {
  const [stored] = await methodsById(ctx.tx, [id], true);
  const made = stored ? null : ((await methodOfName(ctx, id, { moment, param: param ?? 'payment_method' })) ?? missing('PaymentMethod', id, param));
  const method = stored ?? made!.method;
  refuseAttaching(method, customer, param);
  refuseKeeping(method, param ?? 'payment_method');
  const reference = method.customer === null ? await askIssuer(ctx, method, customer, param) : method.processor_reference;
  const attached = attachMethod(method, customer, reference, moment);
  return { method: attached.method, decision: together([made?.decision, attached]) };
}

/** Whose the payment method is to be, when, and the parameter that names it. */
type Wanted = {
  customer: string | null;
  moment: Moment;
  param: string;
  /** One that belongs to nobody will do, and stays nobody's: it is used for one payment. Otherwise it must be the customer's. */
  once?: boolean;
  /** Of the payment that it is given for. */
  currency?: string | null;
};

/**
 * The payment method that a parameter names, and what must be committed for it to be there. One of the sandbox's test names makes a new payment method at each use,
 * attached to the customer unless it is wanted `once`. Lock the customer first.
 */
export async function resolvePaymentMethod(ctx: Context, id: string, { customer, moment, param, once = false, currency }: Wanted): Promise<Resolved> {
  const [method] = await methodsById(ctx.tx, [id]);
  if (method) {
    refuseUnusable(method, customer, param, once);
    return { method, decision: together([]) };
  }
  if (customer !== null && !once) return attachPaymentMethod(ctx, id, { customer, moment, param });
  const made = (await methodOfName(ctx, id, { moment, param, currency })) ?? missing('PaymentMethod', id, param);
  refuseUnusable(made.method, customer, param, once);
  return made;
}

/** Refuses a method that is used up, or somebody else's. */
export function refuseUnusable(method: PaymentMethodRow, customer: string | null, param: string, once: boolean): void {
  if (method.spent) refuse('payment_method_unexpected_state', `The payment method ${method.id} was detached from a customer, or used without one, and cannot be used again.`, param);
  if (method.customer === customer || (method.customer === null && once)) return;
  if (customer === null) refuse('payment_method_unexpected_state', `The payment method ${method.id} belongs to a customer. Name the customer, too.`, param);
  refuse('resource_missing', `The customer ${customer} has no payment method ${method.id}. Attach it to the customer first.`, param, { status: 400 });
}

/** The method that a request names or describes, if any; `currency` is of the payment that it is for. */
export async function methodGiven(ctx: Context, { payment_method, payment_method_data }: { payment_method?: string | null; payment_method_data?: MethodData }, customer: string | null, moment: Moment, currency: string | null = null): Promise<Resolved | null> {
  if (payment_method != null) return resolvePaymentMethod(ctx, payment_method, { customer, moment, param: 'payment_method', once: true, currency });
  if (payment_method_data === undefined) return null;
  const spelt = (name: string) => `payment_method_data[${name.replace('[', '][').replace(/\]$/, '')}]`;
  const made = await makeOther(ctx, { ...payment_method_data, billing_details: detailsOf(payment_method_data.billing_details) }, moment, spelt, currency);
  return { method: made.method, decision: made };
}

/** Asks whether these are the small amounts, or the code, that were sent to a method's account. Wrong ones are refused and may be tried again; after too many, or too late, it has `failed`, and `details` say why. */
export async function verifyDeposits(ctx: Context, method: PaymentMethodRow, reference: string, given: { amounts?: number[]; descriptor_code?: string }): Promise<Omit<HolderAnswer, 'reference'>> {
  const processor = await processorNamed(ctx.app, ctx.world, method.processor, ctx.tx);
  const { type, processor_reference, set_up } = method;
  const { verifyDeposits } = processor;
  if (!verifyDeposits) return refuse('payment_method_unexpected_state', 'The payment processor verifies this bank account itself: send its holder to the `hosted_verification_url` of the `next_action`.');
  const judged = await saidBy(ctx, processor, `deposits ${method.id}`, () => verifyDeposits({ method: { type, reference: processor_reference, set_up }, reference, ...given }));
  if (judged?.kind === 'verified') return { result: 'succeeded' };
  if (judged?.kind === 'refused') return judged.final ? { result: 'failed', details: { code: judged.code } } : refuse(judged.code, judged.message, given.amounts ? 'amounts' : 'descriptor_code');
  return refuse(undefined, 'The payment processor has not answered whether the bank account is verified. Nothing has been changed; try again.', undefined, { type: 'api_error', status: 503, should_retry: true });
}

/** Refuses to a browser what only the account decides: by what it is paid, and when it takes what is authorized. */
export function refuseToBrowser(ctx: Context, given: { allowed_payment_method_types?: unknown; excluded_payment_method_types?: unknown; capture_method?: unknown; payment_method_options?: object }): void {
  if (!ctx.request?.publishable) return;
  const captures = Object.entries(given.payment_method_options ?? {}).find(([, options]) => (options as { capture_method?: unknown } | null)?.capture_method !== undefined);
  const named = (['allowed_payment_method_types', 'excluded_payment_method_types', 'capture_method'] as const).find((name) => given[name] !== undefined) ?? (captures && `payment_method_options[${captures[0]}][capture_method]`);
  if (named) refuse(undefined, `\`${named}\` is decided by the account, with a secret key: leave it out where a browser confirms.`, named);
}

/** Options of single types as they are kept: what is cleared is none. */
export function optionsOf(given: object | null | undefined): MethodOptions | undefined {
  const said = (options: object | null) => Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== null));
  return given ? Object.fromEntries(Object.entries(given).map(([type, options]) => [type, said(options as object | null)])) : undefined;
}

/** Settings of payments as they are kept. */
export function settingsOf<S extends { payment_method_options?: object | null }>(given: S): Omit<S, 'payment_method_options'> & { payment_method_options?: MethodOptions | null } {
  const { payment_method_options: options, ...rest } = given;
  return { ...rest, ...(options !== undefined && { payment_method_options: optionsOf(options) ?? null }) };
}

/** A word about a method, where what it has left to be charged later is a method here already: without that. */
export async function withoutTwin<W extends { kind: string }>(ctx: Context, processor: string, word: W): Promise<W> {
  const { learned } = word as { learned?: Learned | null };
  const twin = learned?.reusable && (await methodWith(ctx, processor, learned.reusable.identity));
  if (!twin) return word;
  const { reusable: _, ...rest } = learned;
  return { ...word, learned: rest };
}
