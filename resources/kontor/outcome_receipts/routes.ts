/** Receipts of outcomes: a chain for each customer, which anybody can check who has it. */
import type { ReceiptBody, ReceiptRow } from '../../../billing/outcome/receipt.ts';
import type { Context, Json, Resource, Room, World } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { fields, id, listParams, required, type Params } from '../../../server/http/params.ts';
import { get } from '../../../server/http/route.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { receiptAudits } from './audit.ts';
import { receiptsById } from './rows.ts';

function render({ id: receipt, body, created, customer, hash, invoice, kind, line, outcome, previous_hash, sequence }: ReceiptRow, world: World): Json {
  const { name, subject } = JSON.parse(body) as ReceiptBody;
  return { id: receipt, object: 'kontor.outcome_receipt', body, created, customer, hash, invoice, kind, line, livemode: world.livemode, name, outcome, previous_hash: previous_hash === '' ? null : previous_hash, sequence: Number(sequence), subject };
}

const receipt: Resource<ReceiptRow> = {
  object: 'kontor.outcome_receipt',
  prefix: 'orcp',
  render,
  load: (ctx, ids) => receiptsById(ctx.tx, ids),
  expands: { customer: 'customer', invoice: 'invoice', outcome: 'kontor.outcome' },
};

const nothing = fields({});
const listReceipts = listParams({ customer: required(id('cus')), invoice: id('in'), outcome: id('outc') });

async function retrieve(ctx: Context, _given: object, path: { outcome_receipt: string }): Promise<Json> {
  const [found] = await receiptsById(ctx.tx, [path.outcome_receipt]);
  return render(found ?? missing('outcome receipt', path.outcome_receipt), ctx.world);
}

/** A customer's, the newest first. */
async function list(ctx: Context, given: Params<typeof listReceipts>): Promise<Json> {
  const { data, has_more } = await page<ReceiptRow>(ctx, 'outcome_receipts', 'outcome receipt', [...equal('customer', given.customer), ...equal('invoice', given.invoice), ...equal('outcome', given.outcome)], given, { created: 'sequence' });
  return renderList('/v1/kontor/outcome_receipts', data.map((each) => render(each, ctx.world)), has_more);
}

export const outcomeReceipts: Room = {
  resources: [receipt],
  routes: [get('/v1/kontor/outcome_receipts', listReceipts, list), get('/v1/kontor/outcome_receipts/:outcome_receipt', nothing, retrieve)],
  audits: receiptAudits,
};
