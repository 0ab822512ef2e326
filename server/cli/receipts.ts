import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { checkChain, type ReceiptRow } from '../../billing/outcome/receipt.ts';
import { StartRefused } from '../refused.ts';
import { command, type Command } from './command.ts';
import { print } from './terminal.ts';

type Receipt = Pick<ReceiptRow, 'id' | 'body' | 'hash' | 'customer'> & { sequence: number };

const isReceipt = (value: unknown): value is Receipt => typeof value === 'object' && value !== null && typeof (value as Receipt).body === 'string' && typeof (value as Receipt).hash === 'string';

/** The receipts in an answer of the API, a list of such answers, or a list of receipts. */
function receiptsIn(read: unknown): Receipt[] {
  if (Array.isArray(read)) return read.flatMap(receiptsIn);
  if (isReceipt(read)) return [read];
  return typeof read === 'object' && read !== null && 'data' in read ? receiptsIn(read.data) : [];
}

async function readReceipts(path: string): Promise<Receipt[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => { throw new StartRefused(`${path} cannot be read: ${error.message}`); });
  try {
    return receiptsIn(JSON.parse(text));
  } catch (error) {
    throw new StartRefused(`${path} is no JSON: ${(error as Error).message}`);
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** What a receipt says beside its body that its body does not say, as a sentence; null where there is nothing. Only the body is hashed, and the rest is what people read. */
function saidBeside({ body, ...beside }: Receipt): string | null {
  const wrong = Object.entries(JSON.parse(body) as Receipt).find(([name, value]) => {
    const said = (beside as Record<string, unknown>)[name];
    return said !== undefined && (typeof said !== 'object' || said === null) && said !== value;
  });
  return wrong ? `it says another \`${wrong[0]}\` beside its body` : null;
}

/** Of a receipt that is there twice, with another body, one is wrong. */
function twice(own: readonly Receipt[]): Receipt | undefined {
  const first = new Map(own.toReversed().map((receipt) => [receipt.sequence, receipt]));
  return own.find((receipt) => first.get(receipt.sequence)!.body !== receipt.body);
}

/** Needs no server and no database: whoever has the receipts can check them. */
const verifyReceipts = command({
  name: 'receipts verify',
  about: "Check a file of receipts of outcomes, as `GET /v1/kontor/outcome_receipts` answers them, without a server: that no receipt was changed, and that none of a customer's is missing before its last.",
  takes: 'FILE',
  flags: {},
  run: async (_flags, path) => {
    const receipts = await readReceipts(path);
    if (receipts.length === 0) throw new StartRefused(`There are no receipts in ${path}.`);
    for (const [customer, own] of Map.groupBy(receipts, (receipt) => receipt.customer)) {
      const chain = [...new Map(own.map((receipt) => [receipt.sequence, receipt])).values()].sort((a, b) => a.sequence - b.sequence);
      const lacking = chain.findIndex(({ sequence }, n) => sequence !== n + 1) + 1;
      if (lacking > 0) throw new StartRefused(`Of the receipts of ${customer}, number ${lacking} is not in ${path}. Save all pages of GET /v1/kontor/outcome_receipts, which has 100 at most in each, and put them into one list.`);
      const other = twice(own);
      const beside = () => chain.flatMap((receipt) => ({ receipt: receipt.id, sentence: saidBeside(receipt) })).find(({ sentence }) => sentence !== null);
      const wrong = other ? { receipt: other.id, sentence: `there is another one of the number ${other.sequence}` } : (checkChain(chain, hashOf) ?? beside());
      if (wrong) throw new StartRefused(`The receipts of ${customer} do not hold: of ${wrong.receipt}, ${wrong.sentence}.`);
      print(`${customer}: ${chain.length} receipts hold together; the hash of the last one is ${chain.at(-1)!.hash}.`);
    }
  },
});

export const receipts: readonly Command[] = [verifyReceipts];
