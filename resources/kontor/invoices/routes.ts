/** Why an invoice is as it is, and why it is not as another one: every amount computed again from stored facts. Nothing is written. */
import { refuse } from '../../../billing/decision.ts';
import { compareInvoices } from '../../../billing/explain/compare.ts';
import { explainInvoice } from '../../../billing/explain/explain.ts';
import type { InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { Context, Json, Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { byDefault, choice, doc, fields, id, type Params } from '../../../server/http/params.ts';
import { get } from '../../../server/http/route.ts';
import { invoicesById } from '../../invoices/rows.ts';
import { renderComparison, renderExplanation } from './resource.ts';
import { explainFacts, previousInvoice, pricesOf } from './rows.ts';

const language = doc('The language of the sentences.', byDefault(choice('en', 'de'), 'en'));
const explainParams = fields({ language });
const compareParams = fields({ language, with: doc('The invoice to compare with, of the same customer and in the same currency. By default the one of the same subscription before this one.', id('in')) });

type Path = { invoice: string };

async function explain(ctx: Context, given: Params<typeof explainParams>, path: Path): Promise<Json> {
  const [invoice] = await invoicesById(ctx.tx, [path.invoice]);
  if (!invoice) return missing('invoice', path.invoice);
  return renderExplanation(explainInvoice(invoice, await explainFacts(ctx.tx, invoice)), given.language, ctx.world);
}

/** The invoice to compare with: the one that is named, or the one before. */
async function otherOf(ctx: Context, invoice: InvoiceWhole, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  if (invoice.subscription === null) refuse('parameter_missing', `The invoice ${invoice.id} is of no subscription: name the invoice to compare it with.`, 'with');
  return (await previousInvoice(ctx.tx, invoice)) ?? refuse('parameter_missing', `The invoice ${invoice.id} is the first one of its subscription: name another one to compare it with.`, 'with');
}

async function compare(ctx: Context, given: Params<typeof compareParams>, path: Path): Promise<Json> {
  const [invoice] = await invoicesById(ctx.tx, [path.invoice]);
  if (!invoice) return missing('invoice', path.invoice);
  const wanted = await otherOf(ctx, invoice, given.with);
  const [other] = await invoicesById(ctx.tx, [wanted]);
  if (!other) return missing('invoice', wanted, 'with');
  const prices = await pricesOf(ctx.tx, [...invoice.lines, ...other.lines]);
  return renderComparison(compareInvoices(invoice, other, prices), given.language, ctx.world);
}

export const invoiceExplanations: Room = {
  routes: [get('/v1/kontor/invoices/:invoice/explanation', explainParams, explain), get('/v1/kontor/invoices/:invoice/comparison', compareParams, compare)],
};
