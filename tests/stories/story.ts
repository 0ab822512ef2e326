/**
 * A life on a moved clock, and what is left of it on paper: what was done and told at which moment, each invoice, and what is owed in the end.
 *
 * The papers are in goldens/. Where a bill is to change, the change is seen there: `node_modules/.bin/node --test --test-update-snapshots tests/stories/` writes them anew.
 */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type Stripe from 'stripe';
import { money, statement } from '../../examples/helpdesk/statement.ts';
import { at, dayAndTime } from '../../examples/helpdesk/time.ts';
import type { Kontor } from '../kontor.ts';
import { explained } from '../own.ts';

type Story = {
  stripe: Stripe;
  customer: string;
  /** Does something, under a heading that says what; what that tells stands below it. */
  tells<T>(what: string, act: () => Promise<T>): Promise<T>;
  /** Moves the clock to `2026-02-15T10:00` (UTC). */
  until(moment: string): Promise<void>;
  /** Reports usage that happened at a moment, which may be past. */
  uses(event_name: string, value: number, moment: string): Promise<void>;
  /** The totals of the customer's invoices in their order, in minor units. */
  totals(): Promise<number[]>;
  /** Holds the whole paper against its golden, and each invoice against its explanation. */
  isTold(t: TestContext, name: string): Promise<void>;
};

type Person = Pick<Stripe.CustomerCreateParams, 'name' | 'invoice_prefix' | 'balance'>;

/** A customer on a clock of its own, with a card that is charged, or without one. */
export async function begin(kontor: Kontor, moment: string, person: Person, card: string | null = 'pm_card_visa'): Promise<Story> {
  const { stripe } = kontor;
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: at(moment) });
  const email = `${person.name!.toLowerCase().replaceAll(' ', '.')}@example.com`;
  const { id: customer } = await stripe.customers.create({ ...(card !== null && { payment_method: card, invoice_settings: { default_payment_method: card } }), ...person, email, test_clock: clock });
  const told = await listen(stripe);
  const paper: string[] = [];
  let now = at(moment);
  const tells: Story['tells'] = async (what, act) => {
    paper.push('', `${dayAndTime(now)}  ${what}`);
    const done = await act();
    paper.push(...(await told()));
    return done;
  };
  return {
    stripe,
    customer,
    tells,
    async until(to) {
      now = at(to);
      await tells('The clock is moved.', () => kontor.advance(clock, now));
    },
    async uses(event_name, value, happened) {
      await stripe.billing.meterEvents.create({ event_name, timestamp: at(happened), payload: { stripe_customer_id: customer, value: String(value) } });
    },
    totals: async () => (await invoicesOf(stripe, customer)).map((invoice) => invoice.total),
    async isTold(t, name) {
      const invoices = await invoicesOf(stripe, customer);
      for (const { id } of invoices) await explained(stripe, id);
      const statements = await Promise.all(invoices.map((invoice) => statement(stripe, invoice.id)));
      const text = [t.name, ...paper, ...statements.flatMap((lines) => ['', '', ...lines]), '', '', ...(await account(stripe, customer, invoices)), ''].join('\n');
      t.assert.fileSnapshot(text, join(import.meta.dirname, 'goldens', `${name}.txt`), { serializers: [String] });
    },
  };
}

/** Returns what was told since the last call, a line for each event. Events of clocks are left out: what a clock does is said by the headings. */
async function listen(stripe: Stripe): Promise<() => Promise<string[]>> {
  const { data } = await stripe.events.list({ limit: 1 });
  let last = data[0]!.id;
  return async () => {
    const events: Stripe.Event[] = [];
    for await (const event of stripe.events.list({ limit: 100 })) {
      if (event.id === last) break;
      events.unshift(event);
    }
    last = events.at(-1)?.id ?? last;
    return events.filter(({ type }) => !type.startsWith('test_helpers.')).map((event) => `  ${dayAndTime(event.created).padEnd(14)}${event.type.padEnd(39)} ${subjectOf(event)}`.trimEnd());
  };
}

/** What an event says about its object, as far as a person would ask. */
function subjectOf({ data }: Stripe.Event): string {
  const { object, number, status, amount, currency } = data.object as { object: string; number?: string | null; status?: string; amount?: number; currency?: string };
  if (object === 'credit_note') return `${number} ${money(amount!, currency!)}`;
  if (object === 'invoiceitem') return money(amount!, currency!);
  if (object === 'invoice') return [number, status].filter(Boolean).join(' ');
  return object === 'subscription' || object === 'payment_intent' || object === 'charge' ? status! : '';
}

async function invoicesOf(stripe: Stripe, customer: string): Promise<Stripe.Invoice[]> {
  const invoices: Stripe.Invoice[] = [];
  for await (const invoice of stripe.invoices.list({ customer, limit: 100 })) invoices.unshift(invoice);
  return invoices;
}

/** What was billed and paid in all, and what is owed by whom in the end. */
async function account(stripe: Stripe, customer: string, invoices: readonly Stripe.Invoice[]): Promise<string[]> {
  const { balance } = (await stripe.customers.retrieve(customer)) as Stripe.Customer;
  const said = (amount: number) => money(amount, invoices[0]?.currency ?? 'usd');
  const sum = (of: (invoice: Stripe.Invoice) => number) => invoices.reduce((all, invoice) => all + of(invoice), 0);
  const credited = sum((invoice) => invoice.pre_payment_credit_notes_amount + invoice.post_payment_credit_notes_amount);
  const { data: subscriptions } = await stripe.subscriptions.list({ customer, status: 'all' });
  const entries: [string, string][] = [
    ['Billed', said(sum((invoice) => invoice.total))],
    ...(credited === 0 ? [] : [['Credited', said(-credited)] as [string, string]]),
    ['Paid', said(sum((invoice) => invoice.amount_paid))],
    ['Still to be paid', said(sum((invoice) => (invoice.status === 'open' ? invoice.amount_remaining : 0)))],
    ['Balance', said(balance)],
    ['Subscriptions', subscriptions.map((each) => each.status).join(', ') || 'none'],
  ];
  return ['Statement of account', ...entries.map(([name, value]) => `  ${name.padEnd(18)}${value.padStart(12)}`)];
}
