/** What the fake's requests may carry, as far as it implements them: anything else is refused, so that a caller cannot count on what is not there. */
import { createHmac } from 'node:crypto';
import { decodeForm, decodeQuery, type RawMap } from '../../../server/http/forms.ts';
import type { Asked } from '../server.ts';

export type Given = { [name: string]: any };

export class FakeError extends Error {
  readonly status: number;
  readonly error: Record<string, unknown>;
  constructor(status: number, error: Record<string, unknown>) {
    super(String(error.message));
    this.status = status;
    this.error = error;
  }
}

export const refuse = (status: number, code: string | undefined, message: string, more: object = {}): never => {
  throw new FakeError(status, { type: status === 402 ? 'card_error' : 'invalid_request_error', ...(code && { code }), message, ...more });
};

export const missing = (kind: string, id: string): never => refuse(404, 'resource_missing', `No such ${kind}: '${id}'`, { param: kind });

export function paramsOf({ method, query, body, headers }: Asked): Given {
  const [, boundary] = /^multipart\/form-data; boundary=(.+)$/.exec(headers['content-type'] ?? '') ?? [];
  if (boundary !== undefined) return partsOf(body.toString('latin1'), boundary);
  const raw: RawMap = method === 'GET' ? decodeQuery(query) : body.length > 0 ? decodeForm(body) : {};
  return JSON.parse(JSON.stringify(raw)) as Given;
}

/** The parts of an upload: of a file its name, its type and how many bytes it has. */
function partsOf(body: string, boundary: string): Given {
  return Object.fromEntries(body.split(`--${boundary}`).slice(1, -1).map((part) => {
    const [head = '', ...rest] = part.slice(2, -2).split('\r\n\r\n');
    const [, name = ''] = /name="([^"]+)"/.exec(head) ?? [];
    const value = rest.join('\r\n\r\n');
    const [, filename] = /filename="([^"]+)"/.exec(head) ?? [];
    return [name, filename === undefined ? value : { filename, type: /Content-Type: (.+)$/.exec(head)?.[1], size: value.length }];
  }));
}

/** Which parameters each request takes. */
const TAKES: Readonly<Record<string, readonly string[]>> = {
  'GET account': [],
  'POST customers': ['name', 'email', 'metadata'],
  'GET customers/:id': [],
  'DELETE customers/:id': [],
  'GET customers/:id/payment_methods': ['limit', 'starting_after'],
  'POST payment_methods': ['type', 'card', 'billing_details', 'ideal', 'sepa_debit', 'klarna', 'bancontact', 'paypal'],
  'GET payment_methods/:id': [],
  'POST payment_methods/:id/attach': ['customer'],
  'POST payment_methods/:id/detach': [],
  'POST payment_intents': ['amount', 'currency', 'customer', 'payment_method', 'allowed_payment_method_types', 'confirm', 'capture_method', 'metadata', 'description', 'off_session', 'return_url', 'setup_future_usage', 'payment_method_options', 'mandate_data', 'receipt_email', 'shipping', 'statement_descriptor', 'statement_descriptor_suffix', 'amount_details', 'payment_details'],
  'GET payment_intents/:id': [],
  'GET payment_intents/search': ['query', 'limit'],
  'POST payment_intents/:id/capture': ['amount_to_capture', 'final_capture', 'metadata', 'statement_descriptor', 'statement_descriptor_suffix', 'amount_details', 'payment_details'],
  'POST payment_intents/:id/cancel': ['cancellation_reason'],
  'POST payment_intents/:id/increment_authorization': ['amount', 'description', 'metadata', 'amount_details', 'payment_details'],
  'GET balance_transactions': ['source', 'limit'],
  'POST refunds': ['payment_intent', 'amount', 'reason', 'metadata'],
  'GET refunds/:id': [],
  'POST refunds/:id/cancel': [],
  'GET refunds': ['payment_intent', 'limit', 'starting_after'],
  'POST files': ['purpose', 'file'],
  'GET disputes/:id': [],
  'POST disputes/:id': ['evidence', 'submit'],
  'POST disputes/:id/close': [],
  'GET payouts/:id': [],
  'POST setup_intents': ['customer', 'payment_method', 'allowed_payment_method_types', 'confirm', 'usage', 'metadata', 'return_url', 'mandate_data', 'description', 'payment_method_options'],
  'GET setup_intents/:id': [],
  'POST setup_intents/:id/cancel': ['cancellation_reason'],
  'GET setup_intents': ['payment_method', 'limit', 'starting_after'],
};

/** The name of a request, e.g. `POST payment_intents/:id/capture`, and the id in its path. */
export function nameOf({ method, path }: Asked, given: Given): { name: string; id: string } {
  const [, version, first = '', second, third] = path.split('/');
  const fixed = second === 'search';
  const name = `${method} ${[first, ...(second === undefined ? [] : [fixed ? second : ':id']), ...(third === undefined ? [] : [third])].join('/')}`;
  const takes = version === 'v1' ? TAKES[name] : undefined;
  if (!takes) refuse(404, undefined, `Unrecognized request URL (${method}: ${path}).`);
  const foreign = Object.keys(given).find((each) => each !== 'expand' && !takes!.includes(each));
  if (foreign) refuse(400, 'parameter_unknown', `Received unknown parameter: ${foreign}`, { param: foreign });
  if (Object.keys(given.metadata ?? {}).length > 50) refuse(400, undefined, 'You can have at most 50 metadata keys.', { param: 'metadata' });
  return { name, id: second ?? '' };
}

/** A list, newest first, page by page. */
export function listed(url: string, things: readonly { id: string }[], { limit = '10', starting_after }: Given): object {
  const all = things.toReversed();
  const from = starting_after === undefined ? 0 : all.findIndex((each) => each.id === starting_after) + 1;
  return { object: 'list', data: all.slice(from, from + Number(limit)), has_more: all.length > from + Number(limit), url };
}

/** What Stripe does not let be paid like this. */
export function refusePaying(given: Given, method: Given): void {
  if (given.confirm !== 'true') refuse(400, undefined, 'This fake makes payment intents that are confirmed at once.');
  if (!/^[1-9][0-9]*$/.test(given.amount ?? '')) refuse(400, 'parameter_invalid_integer', 'This value must be greater than or equal to 1.', { param: 'amount' });
  if (method.customer !== null && method.customer !== given.customer) refuse(400, undefined, 'The payment method belongs to a customer. Please include the customer.', { param: 'customer' });
  if (method.customer === null && method.used) refuse(400, undefined, 'The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again.');
  if (given.setup_future_usage && given.off_session === 'true') refuse(400, undefined, 'You cannot confirm with `off_session=true` when `setup_future_usage` is also set on the PaymentIntent.');
  if (given.setup_future_usage && !given.customer) refuse(400, undefined, 'You must provide a customer to set up future usage.', { param: 'customer' });
  if (method.type === 'card' && given.statement_descriptor) refuse(400, 'parameter_unknown', 'The statement_descriptor parameter is not supported for the payment_method_type card.', { param: 'statement_descriptor' });
}

/** A refund that can be canceled. */
export function callingBack<R extends Given>(refund: R): R {
  return refund.status === 'requires_action' ? refund : refuse(400, undefined, `You cannot cancel a refund whose status is ${refund.status}.`);
}

/** A webhook as it is sent at a moment, in seconds. */
export function signed(event: string, at: number, secret: string): { body: string; headers: Record<string, string> } {
  return { body: event, headers: { 'stripe-signature': `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${event}`).digest('hex')}` } };
}
