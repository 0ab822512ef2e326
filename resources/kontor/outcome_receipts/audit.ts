/** What `kontor verify` asks of receipts: that each customer's chain holds. */
import { checkChain, type ReceiptRow } from '../../../billing/outcome/receipt.ts';
import type { Audit, Audited } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { hashOf } from './write.ts';

async function* chains(tx: Tx): AsyncGenerator<Audited> {
  const customers = await rows<{ customer: string }>(tx, sql`select distinct customer from outcome_receipts order by customer`);
  for (const { customer } of customers) {
    const chain = await rows<ReceiptRow>(tx, sql`select * from outcome_receipts where customer = ${customer} order by sequence`);
    const wrong = checkChain(chain, hashOf);
    yield { looked: chain.length, findings: wrong === null ? [] : [{ object: wrong.receipt, sentence: wrong.sentence }] };
  }
}

export const receiptAudits: readonly Audit[] = [{ id: 'I25', about: "Each customer's receipts of outcomes are a chain without a gap.", things: 'receipts', look: chains }];
