import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import type { InvoiceWhole } from '../../billing/invoice/invoice.ts';
import type { Context, Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderList } from '../../server/lists.ts';
import { renderInvoicePayment } from '../invoice_payments/resource.ts';
import { paymentsOfInvoices } from '../invoice_payments/rows.ts';
import { refuseDeclined, shown } from '../payment_intents/resource.ts';
import { intentsById } from '../payment_intents/rows.ts';
import { renderTaxRate } from '../tax_rates/resource.ts';
import { renderMethodOptions } from '../payment_methods/resource.ts';
import { renderLine, renderPretaxCredits, renderTaxes } from './line_item.ts';
import { confirmationSecrets, defaultIntentOf, invoicesById } from './rows.ts';

export { renderPretaxCredits, renderTaxes };

type Invoice = Wire<Stripe.Invoice>;

/** So many lines stand on the invoice itself; the others are listed. */
const SHOWN = 10;

function renderParent(invoice: InvoiceWhole): Invoice['parent'] {
  if (invoice.subscription === null) return null;
  const { subscription, subscription_metadata, subscription_proration_date: date } = invoice;
  return {
    type: 'subscription_details',
    quote_details: null,
    subscription_details: { metadata: subscription_metadata, subscription, ...(date !== null && { subscription_proration_date: date }) },
  };
}

function renderCustomer(invoice: InvoiceWhole) {
  const { address, email, name, phone, shipping, tax_exempt, tax_ids } = invoice.customer_snapshot;
  return {
    customer: invoice.customer,
    customer_account: null,
    customer_address: address,
    customer_email: email,
    customer_name: name,
    customer_phone: phone,
    customer_shipping: shipping,
    customer_tax_exempt: tax_exempt,
    customer_tax_ids: tax_ids,
  };
}

function renderAmounts(invoice: InvoiceWhole) {
  const { total_discount_amounts, total_taxes, ending_balance } = invoice;
  return {
    amount_due: minor(invoice.amount_due),
    amount_overpaid: minor(invoice.amount_overpaid),
    amount_paid: minor(invoice.amount_paid),
    amount_paid_off_stripe: minor(invoice.amount_paid_off_stripe),
    amount_remaining: minor(invoice.amount_remaining),
    amount_shipping: 0,
    ending_balance: ending_balance === null ? null : minor(ending_balance),
    post_payment_credit_notes_amount: minor(invoice.post_payment_credit_notes_amount),
    pre_payment_credit_notes_amount: minor(invoice.pre_payment_credit_notes_amount),
    starting_balance: minor(invoice.starting_balance),
    subtotal: minor(invoice.subtotal),
    subtotal_excluding_tax: minor(invoice.subtotal_excluding_tax),
    total: minor(invoice.total),
    total_discount_amounts,
    total_excluding_tax: minor(invoice.total_excluding_tax),
    total_pretax_credit_amounts: renderPretaxCredits(total_discount_amounts, invoice.lines.flatMap((line) => line.credits)),
    total_taxes: renderTaxes(total_taxes),
  };
}

export function renderInvoice(invoice: InvoiceWhole, world: World, shown = SHOWN): Invoice {
  const rates = new Map(invoice.rate_rows.map((rate) => [rate.id, rate]));
  const lines = invoice.lines.slice(0, shown).map((line) => renderLine(line, world));
  const more = invoice.lines.length > shown;
  return {
    id: invoice.id,
    object: 'invoice',
    account_country: invoice.account_country,
    account_name: invoice.account_name,
    account_tax_ids: null,
    ...renderAmounts(invoice),
    ...renderCustomer(invoice),
    application: null,
    attempt_count: invoice.attempt_count,
    attempted: invoice.attempted,
    auto_advance: invoice.auto_advance,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: invoice.automatically_finalizes_at,
    billing_reason: invoice.billing_reason,
    collection_method: invoice.collection_method,
    created: invoice.created,
    currency: invoice.currency,
    custom_fields: invoice.custom_fields,
    default_payment_method: invoice.default_payment_method,
    default_source: null,
    default_tax_rates: invoice.default_tax_rates.flatMap((id) => rates.get(id) ?? []).map((rate) => renderTaxRate(rate, world)),
    description: invoice.description,
    discounts: invoice.discounts,
    due_date: invoice.due_date,
    effective_at: invoice.effective_at,
    footer: invoice.footer,
    from_invoice: invoice.from_invoice,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: invoice.latest_revision,
    lines: { object: 'list', data: lines, has_more: more, url: `/v1/invoices/${invoice.id}/lines` },
    livemode: world.livemode,
    metadata: invoice.metadata,
    next_payment_attempt: invoice.next_payment_attempt,
    number: invoice.number,
    on_behalf_of: null,
    parent: renderParent(invoice),
    payment_settings: { default_mandate: null, payment_method_types: null, ...invoice.payment_settings, payment_method_options: renderMethodOptions(invoice.payment_settings.payment_method_options) } as Wire<Stripe.Invoice.PaymentSettings>,
    period_end: invoice.period_end,
    period_start: invoice.period_start,
    receipt_number: null,
    rendering: invoice.rendering,
    shipping_cost: null,
    shipping_details: null,
    statement_descriptor: invoice.statement_descriptor,
    status: invoice.status,
    ...(invoice.status === 'uncollectible' && { status_details: { uncollectible: { reason: invoice.uncollectible_reason } } as Invoice['status_details'] }),
    status_transitions: {
      finalized_at: invoice.finalized_at,
      marked_uncollectible_at: invoice.marked_uncollectible_at,
      paid_at: invoice.paid_at,
      voided_at: invoice.voided_at,
    },
    test_clock: invoice.test_clock,
    webhooks_delivered_at: invoice.created,
  };
}

/** What would be billed is no invoice: its id is not found again, so that all of its lines are shown. */
export function renderPreview(preview: InvoiceWhole, world: World): Invoice {
  const id = `upcoming_${preview.id}`;
  return renderInvoice({ ...preview, id, lines: preview.lines.map((line) => ({ ...line, invoice: id })) }, world, preview.lines.length);
}

/** What is announced has no id at all. */
function renderUpcoming(preview: InvoiceWhole, world: World): Omit<Invoice, 'id'> {
  const { id: _id, lines, ...rest } = renderPreview(preview, world);
  return { ...rest, lines: { ...lines, url: '/v1/invoices/create_preview', data: lines.data.map((line) => ({ ...line, invoice: null })) } };
}

/** Refuses where the payment that was just tried did not succeed, as the caller expects of a request that pays. */
async function refuseUnpaid(ctx: Context, id: string): Promise<void> {
  const found = await defaultIntentOf(ctx.tx, id);
  const [intent] = found === null ? [] : await intentsById(ctx.tx, [found]);
  if (!intent) return;
  refuseDeclined(ctx, intent);
  if (intent.status !== 'requires_action') return;
  refuse('invoice_payment_intent_requires_action', 'The card issuer wants the card holder to confirm this payment. Let the customer confirm the payment intent of the invoice, then it is paid.', undefined, {
    type: 'card_error',
    payment_intent: shown(ctx, intent),
  });
}

async function renderPayments(ctx: Context, ids: readonly string[]): Promise<Map<string, unknown>> {
  const payments = await paymentsOfInvoices(ctx.tx, ids);
  return new Map(ids.map((id) => [id, renderList(`/v1/invoice_payments?invoice=${id}`, (payments.get(id) ?? []).map((each) => renderInvoicePayment(each, ctx.world)))]));
}

async function renderSecrets(ctx: Context, ids: readonly string[]): Promise<Map<string, unknown>> {
  const secrets = await confirmationSecrets(ctx.tx, ids);
  return new Map([...secrets].map(([id, client_secret]) => [id, { client_secret, type: 'payment_intent' }]));
}

export const invoice: Resource<InvoiceWhole> = {
  object: 'invoice',
  prefix: 'in',
  render: renderInvoice,
  load: (ctx, ids) => invoicesById(ctx.tx, ids),
  refuseUnpaid,
  expands: {
    customer: 'customer',
    default_payment_method: 'payment_method',
    discounts: 'discount',
    latest_revision: 'invoice',
    'from_invoice.invoice': 'invoice',
    'parent.subscription_details.subscription': 'subscription',
    test_clock: 'test_helpers.test_clock',
    'total_discount_amounts.discount': 'discount',
  },
  includes: { payments: renderPayments, confirmation_secret: renderSecrets },
};

/** The object of `invoice.upcoming`; it is never asked for. */
export const upcomingInvoice: Resource<InvoiceWhole> = { object: 'upcoming_invoice', prefix: 'upcoming_in', render: renderUpcoming };
