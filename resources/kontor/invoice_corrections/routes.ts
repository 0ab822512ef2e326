/** What was put right of finalised invoices: usage that came late or was taken back, outcomes that were reversed. */
import type { CorrectionRow } from '../../../billing/correction/correction.ts';
import type { Context, Json, Room } from '../../../server/context.ts';
import { sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import { fields, id, listParams, type Params } from '../../../server/http/params.ts';
import { get } from '../../../server/http/route.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { correctionAudits } from './audit.ts';
import { correctionObserver } from './correct.ts';
import { invoiceCorrection, renderCorrection } from './resource.ts';
import { correctionsById } from './rows.ts';
import { correctDue } from './timers.ts';

const nothing = fields({});
const listCorrections = listParams({ customer: id('cus'), invoice: id('in') });

async function retrieve(ctx: Context, _given: object, path: { invoice_correction: string }): Promise<Json> {
  const [found] = await correctionsById(ctx.tx, [path.invoice_correction]);
  return renderCorrection(found ?? missing('invoice correction', path.invoice_correction), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listCorrections>): Promise<Json> {
  const { customer, invoice } = given;
  // What lives on test clocks is listed only by what it belongs to.
  const real = customer === undefined && invoice === undefined ? [sql`customer in (select c.id from customers c where c.test_clock is null)`] : [];
  const { data, has_more } = await page<CorrectionRow>(ctx, 'invoice_corrections', 'invoice correction', [...equal('customer', customer), ...equal('invoice', invoice), ...real], given);
  return renderList('/v1/kontor/invoice_corrections', data.map((each) => renderCorrection(each, ctx.world)), has_more);
}

export const invoiceCorrections: Room = {
  resources: [invoiceCorrection],
  routes: [get('/v1/kontor/invoice_corrections', listCorrections, list), get('/v1/kontor/invoice_corrections/:invoice_correction', nothing, retrieve)],
  timers: { 'invoice.correct': correctDue },
  usage: correctionObserver,
  audits: correctionAudits,
};
