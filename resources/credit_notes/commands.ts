import type { TaxRateRow } from '../../billing/catalog.ts';
import { updateCreditNote, voidCreditNote } from '../../billing/credit_note/change.ts';
import { createCreditNote, draftCreditNote, refuseParts, type CreditFacts, type CreditOrder } from '../../billing/credit_note/create.ts';
import type { CreditNoteRow, CreditNoteWhole } from '../../billing/credit_note/credit_note.ts';
import type { CreditLineOrder } from '../../billing/credit_note/lines.ts';
import { assert, refuse, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { commit } from '../../server/commit.ts';
import type { Context, Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { equal, page, renderList, slice, within, type Page } from '../../server/lists.ts';
import { ratesGiven } from '../invoiceitems/rows.ts';
import { lockInvoice } from '../invoices/rows.ts';
import { leftOfCorrected } from '../kontor/invoice_corrections/rows.ts';
import { intentsById } from '../payment_intents/rows.ts';
import { lockRefundableOf, refundsById } from '../refunds/rows.ts';
import type * as params from './params.ts';
import { linesOf, renderCreditNote, renderLine } from './resource.ts';
import { creditNotesById, creditNotesOf, wholeCreditNotes } from './rows.ts';

type Given = Params<typeof params.createCreditNote>;
type Path = { credit_note: string };

/** The invoice with all whom it concerns, locked, its credit notes, and the moment at which its customer lives. */
async function lockCredited(ctx: Context, invoice: string, param?: string, refunding = false): Promise<CreditFacts & { moment: Moment }> {
  const found = await lockInvoice(ctx, invoice, param);
  const charges = refunding ? await lockRefundableOf(ctx, invoice) : [];
  return { ...found, charges, earlier: await creditNotesOf(ctx.tx, invoice), left: await leftOfCorrected(ctx.tx, found.invoice) };
}

/** The lines in the words of the core, with the tax rates that they name: one read for all of them. */
async function linesGiven(ctx: Context, lines: NonNullable<Given['lines']>): Promise<CreditLineOrder[]> {
  const at = (n: number) => (name: string) => `lines[${n}][${name}]`;
  const named = lines.flatMap((line, n) => [
    ...(line.tax_rates ?? []).map((id, m) => ({ id, param: `${at(n)('tax_rates')}[${m}]` })),
    ...(line.tax_amounts ?? []).map(({ tax_rate: id }, m) => ({ id, param: `${at(n)('tax_amounts')}[${m}][tax_rate]` })),
  ]);
  // What was billed by a rate that is archived since is credited by it.
  const ids = named.map((each) => each.id);
  const rates = new Map<string, TaxRateRow>((await ratesGiven(ctx.tx, ids, { spelt: (n) => named[n]!.param, kept: ids })).map((rate) => [rate.id, rate]));
  return lines.map((line, n): CreditLineOrder => {
    const { type, tax_amounts } = line;
    const taxes = tax_amounts?.map((tax) => ({ ...tax, tax_rate: rates.get(tax.tax_rate)! })) ?? null;
    const rest = { metadata: mergeMetadata({}, line.metadata), taxes, at: at(n) };
    if (type === 'invoice_line_item') {
      assert(line.invoice_line_item !== undefined, 'the schema wants the line of the invoice');
      return { ...rest, type, invoice_line_item: line.invoice_line_item, amount: line.amount ?? null, quantity: line.quantity ?? null };
    }
    const unit_amount_decimal = line.unit_amount_decimal ?? String(line.unit_amount);
    return { ...rest, type, description: line.description ?? null, unit_amount_decimal, quantity: line.quantity ?? 1, rates: (line.tax_rates ?? []).map((id) => rates.get(id)!) };
  });
}

/** Refunds that were made before, of payments of the invoice. */
async function refundsGiven(ctx: Context, { invoice, refunds = [] }: Given): Promise<CreditOrder['refunds']> {
  const found = new Map((await refundsById(ctx.tx, refunds.map((each) => each.refund))).map((refund) => [refund.id, refund]));
  const intents = new Map((await intentsById(ctx.tx, [...found.values()].flatMap((each) => each.payment_intent ?? []))).map((intent) => [intent.id, intent]));
  return refunds.map(({ refund: id, amount_refunded }, n) => {
    const param = `refunds[${n}][refund]`;
    const refund = found.get(id) ?? missing('refund', id, param);
    if (intents.get(refund.payment_intent ?? '')?.invoice !== invoice) refuse(undefined, `The refund ${id} is not of a payment of the invoice ${invoice}.`, param);
    return { refund, amount: amount_refunded ?? refund.amount, param };
  });
}

async function orderOf(ctx: Context, given: Given): Promise<CreditOrder> {
  const { amount, lines, credit_amount = null, out_of_band_amount = null, refund_amount = null, effective_at = null, memo = null, reason = null, metadata } = given;
  const credited = amount === undefined ? { lines: await linesGiven(ctx, lines ?? []) } : { amount };
  return { credited, credit_amount, out_of_band_amount, refund_amount, refunds: await refundsGiven(ctx, given), effective_at, memo, reason, metadata: mergeMetadata({}, metadata) };
}

export async function create(ctx: Context, given: Given): Promise<Answer> {
  const { moment, ...facts } = await lockCredited(ctx, given.invoice, 'invoice', given.refund_amount !== undefined);
  const made = createCreditNote(await orderOf(ctx, given), facts, moment);
  await commit(ctx, made);
  return made.calls.length > 0 ? { ref: { object: 'credit_note', id: made.credit_note.id } } : renderCreditNote(made.credit_note, ctx.world);
}

/** The note as it would be. How much is to be given back need not be said yet: that is what a preview is asked for. */
async function previewed(ctx: Context, given: Given): Promise<CreditNoteWhole> {
  const { moment, ...facts } = await lockCredited(ctx, given.invoice, 'invoice');
  const order = await orderOf(ctx, given);
  let ids = 0;
  // The same ids whenever it is asked for, so that its lines can be had page by page.
  const note = draftCreditNote(order, facts, { ...moment, newId: (prefix) => `${prefix}_preview${String(++ids).padStart(4, '0')}` });
  if (order.credit_amount !== null || order.out_of_band_amount !== null || order.refund_amount !== null || order.refunds.length > 0) refuseParts(order, note, facts.customer);
  return note;
}

const PREVIEWED = '/v1/credit_notes/preview/lines';

export async function preview(ctx: Context, given: Given): Promise<Json> {
  return renderCreditNote(await previewed(ctx, given), ctx.world, PREVIEWED);
}

/** A page of a note's lines, in their order. */
function pageOfLines(ctx: Context, note: CreditNoteWhole, given: Page, url: string): Json {
  const { data, has_more } = slice(linesOf(note), 'credit note line item', given);
  return renderList(url, data.map((line) => renderLine(line, ctx.world)), has_more);
}

export async function previewLines(ctx: Context, given: Params<typeof params.previewLines>): Promise<Json> {
  const { limit, starting_after, ending_before, ...order } = given;
  return pageOfLines(ctx, await previewed(ctx, order), { limit, starting_after, ending_before }, PREVIEWED);
}

async function existing(ctx: Context, id: string): Promise<CreditNoteWhole> {
  const [found] = await creditNotesById(ctx.tx, [id]);
  return found ?? missing('credit note', id);
}

/** The note as it is once its invoice is locked: nobody changes it any more until the transaction ends. */
async function locked(ctx: Context, id: string) {
  const facts = await lockCredited(ctx, (await existing(ctx, id)).invoice);
  return { ...facts, note: facts.earlier.find((each) => each.id === id)! };
}

export async function update(ctx: Context, given: Params<typeof params.updateCreditNote>, path: Path): Promise<Json> {
  const { note, moment } = await locked(ctx, path.credit_note);
  const made = updateCreditNote(note, given, moment);
  await commit(ctx, made);
  return renderCreditNote(made.credit_note, ctx.world);
}

export async function voidNote(ctx: Context, _given: object, path: Path): Promise<Json> {
  const { note, moment, ...facts } = await locked(ctx, path.credit_note);
  const made = voidCreditNote(note, facts, moment);
  await commit(ctx, made);
  return renderCreditNote(made.credit_note, ctx.world);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return renderCreditNote(await existing(ctx, path.credit_note), ctx.world);
}

export async function listLines(ctx: Context, given: Page, path: Path): Promise<Json> {
  const note = await existing(ctx, path.credit_note);
  return pageOfLines(ctx, note, given, `/v1/credit_notes/${note.id}/lines`);
}

export async function list(ctx: Context, given: Params<typeof params.listCreditNotes>): Promise<Json> {
  const { customer, invoice } = given;
  const conditions = [
    ...equal('customer', customer),
    ...equal('invoice', invoice),
    ...within('created', given.created),
    // What lives on test clocks is listed by its customer or invoice only.
    ...(customer === undefined && invoice === undefined ? equal('test_clock', null) : []),
  ];
  const { data, has_more } = await page<CreditNoteRow>(ctx, 'credit_notes', 'credit note', conditions, given);
  return renderList('/v1/credit_notes', (await wholeCreditNotes(ctx.tx, data)).map((note) => renderCreditNote(note, ctx.world)), has_more);
}
