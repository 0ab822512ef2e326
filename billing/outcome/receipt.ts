/** Receipts: for each success that was billed, and for each that was taken back afterwards, in one chain for each customer (docs/concepts/outcomes.md, "Receipts"). */
import type { Instant } from '../decision.ts';
import type { EventName } from './settle.ts';

/** What a receipt says. It is kept as the text of its hash, to the byte. */
export type ReceiptBody = {
  customer: string;
  /** 1 for the customer's first. */
  sequence: number;
  /** The hash of the receipt before it; null for the first. */
  previous_hash: string | null;
  kind: 'billed' | 'taken_back';
  created: Instant;
  invoice: string;
  line: string;
  outcome: string;
  definition: string;
  version: number | null;
  subject: string;
  name: string;
  basis: 'confirmed' | 'assumed' | null;
  occurred_at: Instant | null;
  settled_at: Instant | null;
  counted_at: Instant | null;
  /** The events that made the success. */
  events: EventName[];
};

export type ReceiptRow = {
  id: string;
  created: Instant;
  customer: string;
  sequence: number;
  outcome: string;
  invoice: string;
  line: string;
  kind: ReceiptBody['kind'];
  body: string;
  previous_hash: string;
  hash: string;
};

/** JSON without spaces, the names of each object in the order of their code points: one text for one content. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join(',')}}`;
}

/** The first thing that is wrong with a customer's receipts, in the order of their sequence, or null. `hashOf` is SHA-256 over the text's UTF-8, as hexadecimal. */
export function checkChain(receipts: readonly Pick<ReceiptRow, 'id' | 'body' | 'hash'>[], hashOf: (text: string) => string): { receipt: string; sentence: string } | null {
  let previous: string | null = null;
  for (const [n, { id, body, hash }] of receipts.entries()) {
    const wrong = (sentence: string) => ({ receipt: id, sentence });
    if (hashOf(body) !== hash) return wrong('its hash is not that of its body');
    let said: Partial<ReceiptBody>;
    try {
      said = JSON.parse(body) as Partial<ReceiptBody>;
    } catch {
      return wrong('its body is no JSON');
    }
    if (said.sequence !== n + 1) return wrong(`it says that it is number ${said.sequence}, and it is number ${n + 1}`);
    if (said.previous_hash !== previous) return wrong('it does not name the hash of the receipt before it');
    previous = hash;
  }
  return null;
}
