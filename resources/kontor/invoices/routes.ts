/** Why an invoice is as it is, or would be, and why it is not as another one: every amount computed again from stored facts. Nothing is written. */
import { refuse } from '../../../billing/decision.ts';
import { compareInvoices } from '../../../billing/explain/compare.ts';
import { explainInvoice } from '../../../billing/explain/explain.ts';
import type { InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import { momentOn, type Context, type Json, type Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { byDefault, choice, doc, fields, id, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { renderPreview } from '../../invoices/resource.ts';
import { invoicesById } from '../../invoices/rows.ts';
import { previewFields, previewOf } from '../../subscriptions/rows.ts';
import { audits } from './audit.ts';
import { heldParams, listHeld } from './held.ts';
import { renderComparison, renderExplanation } from './resource.ts';
import { explainFacts, previousInvoice, pricesOf, quantitiesOf } from './rows.ts';

const language = doc('The language of the sentences.', byDefault(choice('en', 'de'), 'en'));
const other = doc('The invoice to compare with, of the same customer and in the same currency. By default the one of the same subscription before this one.', id('in'));
const explainParams = fields({ language });
const compareParams = fields({ language, with: other });
const explainPreviewParams = fields({ ...previewFields, language });
const comparePreviewParams = fields({ ...previewFields, language, with: other });

type Path = { invoice: string };

async function stored(ctx: Context, { invoice: id }: Path): Promise<InvoiceWhole> {
  const [invoice] = await invoicesById(ctx.tx, [id]);
  return invoice ?? missing('invoice', id);
}

async function explain(ctx: Context, given: Params<typeof explainParams>, path: Path): Promise<Json> {
  const invoice = await stored(ctx, path);
  const { now } = await momentOn(ctx, invoice.test_clock);
  const facts = { ...(await explainFacts(ctx.tx, [invoice], { now })), quantities: await quantitiesOf(ctx.tx, invoice) };
  return renderExplanation(explainInvoice(invoice, facts), given.language, ctx.world);
}

async function explainPreview(ctx: Context, { language: spoken, ...given }: Params<typeof explainPreviewParams>): Promise<Json> {
  const previewed = await previewOf(ctx, given);
  const preview = renderPreview(previewed.invoice, ctx.world);
  const facts = { ...(await explainFacts(ctx.tx, [previewed.invoice], { preview: previewed, now: previewed.at })), quantities: await quantitiesOf(ctx.tx, previewed.invoice) };
  const explanation = explainInvoice(previewed.invoice, facts);
  return renderExplanation({ ...explanation, invoice: preview.id }, spoken, ctx.world, preview);
}

/** The invoice to compare with: the one that is named, or the one before. */
async function otherOf(ctx: Context, invoice: InvoiceWhole, named: string | undefined): Promise<InvoiceWhole> {
  const wanted = named ?? (await beforeIt(ctx, invoice));
  const [found] = await invoicesById(ctx.tx, [wanted]);
  return found ?? missing('invoice', wanted, 'with');
}

async function beforeIt(ctx: Context, invoice: InvoiceWhole): Promise<string> {
  if (invoice.subscription === null) refuse('parameter_missing', `The invoice ${invoice.id} is of no subscription: name the invoice to compare it with.`, 'with');
  return (await previousInvoice(ctx.tx, invoice)) ?? refuse('parameter_missing', `The invoice ${invoice.id} is the first one of its subscription: name another one to compare it with.`, 'with');
}

async function compare(ctx: Context, given: Params<typeof compareParams>, path: Path): Promise<Json> {
  const invoice = await stored(ctx, path);
  const before = await otherOf(ctx, invoice, given.with);
  const prices = await pricesOf(ctx.tx, [...invoice.lines, ...before.lines]);
  return renderComparison(compareInvoices(invoice, before, prices), given.language, ctx.world);
}

async function comparePreview(ctx: Context, { language: spoken, with: named, ...given }: Params<typeof comparePreviewParams>): Promise<Json> {
  const previewed = await previewOf(ctx, given);
  const preview = renderPreview(previewed.invoice, ctx.world);
  const invoice = { ...previewed.invoice, id: preview.id };
  const before = await otherOf(ctx, invoice, named);
  const prices = await pricesOf(ctx.tx, [...invoice.lines, ...before.lines], previewed.prices);
  return renderComparison(compareInvoices(invoice, before, prices), spoken, ctx.world, preview);
}

export const invoiceExplanations: Room = {
  routes: [
    get('/v1/kontor/held_usage', heldParams, listHeld),
    get('/v1/kontor/invoices/:invoice/explanation', explainParams, explain),
    get('/v1/kontor/invoices/:invoice/comparison', compareParams, compare),
    post('/v1/kontor/invoices/create_preview/explanation', explainPreviewParams, explainPreview, { counts: true }),
    post('/v1/kontor/invoices/create_preview/comparison', comparePreviewParams, comparePreview, { counts: true }),
  ],
  audits,
};
