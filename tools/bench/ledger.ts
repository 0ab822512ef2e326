/** The ledger: postings a second that are balanced, committed and sealed, against PostgreSQL taking the same entries by COPY into a table with the same keys and indexes. */
import { decision, type Posting } from '../../billing/decision.ts';
import { commit } from '../../server/commit.ts';
import { inContext } from '../../server/context.ts';
import { sealLedger } from '../../server/ledger/seal.ts';
import type { Line } from './bench.ts';
import { copySeconds, type House } from './house.ts';

const CLIENTS = 2;
const COMMITS = 100;
const TRANSACTIONS = 500;

/** An invoice's sale with its tax. */
function sale(transaction: string, customer: string, at: number): Posting[] {
  const leg = (ledger_account: 'receivable' | 'revenue' | 'tax_payable', amount: bigint): Posting => ({ transaction, ledger_account, amount, currency: 'usd', document: transaction, customer, at });
  return [leg('receivable', 1_190n), leg('revenue', -1_000n), leg('tax_payable', -190n)];
}

export async function measureLedger(house: House): Promise<Line> {
  const { app } = house.running;
  const commits = Array.from({ length: COMMITS }, (_, n) => Array.from({ length: TRANSACTIONS }, (_none, m) => sale(`sale ${n} ${m}`, `cus_${String((n * TRANSACTIONS + m) % 10_000).padStart(20, '0')}`, app.clock.now())).flat()).values();
  const started = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    for (const postings of commits) await inContext(app, house.world, (ctx) => commit(ctx, { ...decision(), postings }));
  }));
  while (await sealLedger(app));
  const seconds = (performance.now() - started) / 1_000;
  const copy = await copySeconds(house, [['ledger_entries', `transaction like 'sale %'`]]);
  const entries = COMMITS * TRANSACTIONS * 3;
  if (copy.rows !== entries) throw new Error(`${copy.rows} entries were posted in place of ${entries}.`);
  return { name: 'Ledger entries, sealed ÷ COPY', ratio: copy.seconds / seconds, target: 0.3, detail: `${Math.round(entries / seconds)} entries/s in transactions of three; COPY ${Math.round(entries / copy.seconds)} rows/s` };
}
