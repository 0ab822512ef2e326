/** All that is stored about a customer, in words that are the same for two customers who have lived the same. */
import { raw, rows, sql, type Sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import type { Kontor } from '../kontor.ts';

/** An id that was made: the prefix says what it is, the rest says when. */
const ID = /\b((?:[a-z]+_)+)[0-9A-Za-z]{20}(?:_secret_[0-9A-Za-z]+)?\b/g;

/** Replaces ids by numbers in the order in which they come, but for those that are known. Once it is `closed`, what has not come yet gets no number. */
export function canonical(known: ReadonlySet<string> = new Set()): { name(text: string): string; close(): void } {
  const names = new Map<string, string>();
  let closed = false;
  return {
    name: (text) => text.replaceAll(ID, (id, prefix: string) => {
      if (known.has(id)) return id;
      if (!names.has(id)) names.set(id, closed ? `${prefix}…` : `${prefix}${names.size}`);
      return names.get(id)!;
    }),
    close: () => { closed = true; },
  };
}

/**
 * The rows of each table that are about the customer, in the order in which they were made; what the sandbox's chance has put into them is left out. The events and the ledger are in no order: what
 * comes of a payment is told and posted when the processor has answered, whatever else has happened meanwhile. Whether an invoice that is being paid stopped to be collected before it was paid is left
 * out, too, and so is whether a customer who was deleted had stopped to be late before: of one who is gone nothing is told.
 */
export async function stateOf({ database, world }: Kontor, { customer, subscription, prefix }: { customer: string; subscription: string; prefix: string }): Promise<Map<string, string[]>> {
  const invoices = sql`select id from invoices where customer = ${customer}`;
  const items = sql`select id from subscription_items where subscription = ${subscription}`;
  const tables: [name: string, where: Sql, order: string, without?: string[]][] = [
    ['customers', sql`id = ${customer}`, 'id'],
    ['subscriptions', sql`customer = ${customer}`, 'id'],
    ['subscription_schedules', sql`customer = ${customer}`, 'id'],
    ['subscription_items', sql`subscription = ${subscription}`, 'id'],
    ['invoices', sql`customer = ${customer}`, 'id'],
    ['invoice_lines', sql`invoice in (${invoices})`, 'invoice, position'],
    ['invoice_items', sql`customer = ${customer}`, 'id'],
    ['discounts', sql`customer = ${customer} or subscription = ${subscription} or subscription_item in (${items}) or invoice in (${invoices})`, 'id'],
    ['credit_notes', sql`customer = ${customer}`, 'id'],
    ['credit_note_lines', sql`credit_note in (select id from credit_notes where customer = ${customer})`, 'id'],
    ['customer_balance_transactions', sql`customer = ${customer}`, 'id'],
    ['payment_intents', sql`customer = ${customer}`, 'id'],
    ['charges', sql`customer = ${customer}`, 'payment_intent, id', ['processor_reference', 'payment_method_details']],
    ['invoice_payments', sql`invoice in (${invoices})`, 'invoice, id'],
    ['timers', sql`lane = ${customer}`, 'kind, subject'],
    ['ledger_entries', sql`customer = ${customer}`, 'transaction, ledger_account, line', ['position']],
  ];
  return inWorld(database.pool, world, async (tx) => {
    const shared = new Set((await rows<{ id: string }>(tx, sql`select id from prices union all select id from products union all select id from coupons union all select id from tax_rates`)).map(({ id }) => id));
    const { name, close } = canonical(shared);
    const state = new Map<string, string[]>();
    for (const [table, where, order, without = []] of tables) {
      const found = await rows<{ row: Record<string, unknown> }>(tx, sql`select to_jsonb(t) as row from ${raw(table)} t where ${where} order by ${raw(order)}`);
      const texts = found.map(({ row }) => name(JSON.stringify(row, (key, value: unknown) => (without.includes(key) ? undefined : value)).replaceAll(prefix, 'PREFIX')));
      state.set(table, table === 'ledger_entries' ? texts.sort() : texts);
    }
    close();
    const told = await rows<{ type: string; object_id: string | null; previous: Record<string, unknown> | null }>(tx, sql`select type, object_id, previous_attributes as previous from events
      where data->>'customer' = ${customer} or object_id = ${customer}`);
    const isGone = told.some(({ type }) => type === 'customer.deleted');
    for (const { type, previous } of told) {
      if (type === 'invoice.updated') delete previous!['auto_advance'];
      if (type === 'customer.updated' && isGone) delete previous!['delinquent'];
    }
    state.set('events', told.filter(({ previous }) => previous === null || Object.keys(previous).length > 0).map(({ type, object_id, previous }) => name(`${type} ${object_id} ${JSON.stringify(previous)}`).replaceAll(prefix, 'PREFIX')).sort());
    return state;
  });
}
