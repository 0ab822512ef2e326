/** What must always be true of the ledger: in itself, and in what it says about documents. As `server/invariants.ts`. */
import type { Invariant } from '../invariants.ts';

const BILLED = `i.status in ('open', 'paid', 'uncollectible')`;

/** The captures of a charge after its first. */
const FURTHER = `select b.id, b.source, b.amount from balance_transactions b join charges c on c.id = b.source and c.balance_transaction <> b.id where b.type in ('charge', 'payment')`;

/** Each name that a ledger transaction may have, with the legs that say what its document says; a null amount is any. Where a test clock was deleted with its customers, the ledger stays, and nothing is left to compare it with. */
const DOCUMENTED = `
  select id || ':finalized' as transaction, 'customer_balance' as ledger_account, ending_balance - starting_balance as amount from invoices where finalized_at is not null
  union all select id || ':finalized', 'customer_credits', credits_applied from invoices where finalized_at is not null
  union all select id || ':voided', 'customer_balance', starting_balance - ending_balance from invoices where status = 'void'
  union all select id || ':uncollectible', null, null from invoices where marked_uncollectible_at is not null
  union all select id || ':paid_out_of_band', 'paid_out_of_band', amount_paid_off_stripe from invoices where amount_paid_off_stripe > 0
  union all select id || ':issued', null, null from credit_notes
  union all select id || ':voided', null, null from credit_notes where status = 'void'
  union all select id, 'customer_balance', amount from customer_balance_transactions where type in ('adjustment', 'initial')
  union all select id || ':moved', 'customer_credits', -amount from credit_balance_transactions where invoice is null
  union all select c.id || ':captured', case when payment_method_details->>'type' = 'customer_balance' then 'customer_cash' else 'cash_in_transit' end, coalesce(settled_amount, amount_captured) - coalesce(f.amount, 0)
    from charges c left join (select source, sum(amount) as amount from (${FURTHER}) t group by source) f on f.source = c.id where status = 'succeeded' and captured
  union all select id || ':captured', 'cash_in_transit', amount from (${FURTHER}) f
  union all select coalesce(f.id, b.source) || case when fee < 0 then ':fees_returned' else ':fees' end, 'processor_fees', fee from balance_transactions b left join (${FURTHER}) f on f.id = b.id where fee_details <> '[]'
  union all select id || ':withdrawn', 'disputed_payments', amount from disputes where withdrawn
  union all select id || ':reinstated', 'disputed_payments', -amount from disputes where status = 'won' and withdrawn
  union all select id || ':lost', 'disputed_payments', -amount from disputes where status = 'lost'
  union all select id || t.name, null, null from disputes, (values (':lost'), (':recovered')) t (name) where status = 'won' and processor_reference is not null
  union all select id || ':created', 'payouts_in_transit', amount from payouts
  union all select id || ':paid', 'bank', amount from payouts where status = 'paid'
  union all select id || t.name, null, null from payouts, (values (':paid'), (':bounced')) t (name) where status = 'failed' and processor_reference is not null
  union all select id || ':returned', 'payouts_in_transit', -amount from payouts where status in ('failed', 'canceled')
  union all select id || ':funded', 'customer_cash', -net_amount from cash_balance_transactions where type = 'funded'
  union all select id || t.name, null, null from refunds, (values (':refunded'), (':returned')) t (name)
  union all select id || ':applied', null, null from invoice_payments where status = 'paid'`;

export const books: readonly Invariant[] = [
  {
    id: 'I6',
    about: 'Each transaction of the ledger balances.',
    query: `select transaction as object, format('it is out of balance by %s %s', sum(amount), currency) as sentence from ledger_entries group by transaction, currency having sum(amount) <> 0`,
  },
  {
    id: 'I6',
    about: 'What the ledger expects to get for an invoice is what remains to be paid on it.',
    query: `select i.id as object, format('the ledger expects %s, and %s remains', coalesce(l.amount, 0), case when ${BILLED} then i.amount_remaining else 0 end) as sentence
      from invoices i left join (select document, sum(amount) as amount from ledger_entries where ledger_account = 'receivable' group by document) l on l.document = i.id
      where coalesce(l.amount, 0) <> case i.status when 'open' then i.amount_remaining when 'uncollectible' then coalesce(l.amount, 0) else 0 end
        or (i.status = 'uncollectible' and coalesce(l.amount, 0) not in (0, i.amount_remaining))`,
  },
  {
    id: 'I6',
    about: 'A finalized invoice is in the ledger as it was billed.',
    query: `select i.id as object, format('billed %s without tax and %s of tax; the ledger has %s and %s', i.total_excluding_tax + i.credits_applied, i.total - i.total_excluding_tax, -coalesce(l.revenue, 0), -coalesce(l.tax, 0)) as sentence
      from invoices i left join (
        select transaction, sum(amount) filter (where ledger_account = 'revenue') as revenue, sum(amount) filter (where ledger_account = 'tax_payable') as tax,
          sum(amount) filter (where ledger_account = 'receivable') as receivable from ledger_entries group by transaction) l on l.transaction = i.id || ':finalized'
      where i.finalized_at is not null
        and (coalesce(l.revenue, 0) <> -i.total_excluding_tax - i.credits_applied or coalesce(l.tax, 0) <> i.total_excluding_tax - i.total or coalesce(l.receivable, 0) <> i.amount_due + i.pre_payment_credit_notes_amount)`,
  },
  {
    id: 'I6',
    about: 'A credit note is in the ledger as it was issued, and twice where it was voided: there and back.',
    query: `select n.id as object, format('%s without tax and %s of tax; the ledger has %s and %s', n.total_excluding_tax, n.total - n.total_excluding_tax, coalesce(l.revenue, 0), coalesce(l.tax, 0)) as sentence
      from credit_notes n cross join lateral (values (n.id || ':issued', 1), (n.id || ':voided', -1)) as t (transaction, sign) left join (
        select transaction, sum(amount) filter (where ledger_account = 'revenue') as revenue, sum(amount) filter (where ledger_account = 'tax_payable') as tax from ledger_entries group by transaction) l on l.transaction = t.transaction
      where (t.sign = 1 or n.status = 'void') and (coalesce(l.revenue, 0) <> t.sign * n.total_excluding_tax or coalesce(l.tax, 0) <> t.sign * (n.total - n.total_excluding_tax))`,
  },
  {
    id: 'I6',
    about: 'What we owe a customer in usage is what is left of its credit grants.',
    query: `select coalesce(g.customer, l.customer) as object, format('%s are left, and the ledger has %s', coalesce(g.amount, 0), -coalesce(l.amount, 0)) as sentence
      from (select customer, sum(balance) as amount from credit_grants group by customer) g
      full join (select customer, sum(amount) as amount from ledger_entries where ledger_account = 'customer_credits' and customer in (select id from customers) group by customer) l on l.customer = g.customer
      where coalesce(g.amount, 0) <> -coalesce(l.amount, 0)`,
  },
  {
    id: 'I6',
    about: "A customer's balance is the sum of its transactions, and the ledger's.",
    query: `select c.id as object, format('a balance of %s, transactions of %s, and %s in the ledger', c.balance, coalesce(t.amount, 0), coalesce(l.amount, 0)) as sentence
      from customers c
      left join (select customer, sum(amount) as amount from customer_balance_transactions group by customer) t on t.customer = c.id
      left join (select customer, sum(amount) as amount from ledger_entries where ledger_account = 'customer_balance' group by customer) l on l.customer = c.id
      where not c.deleted and (c.balance <> coalesce(t.amount, 0) or c.balance <> coalesce(l.amount, 0))`,
  },
  {
    id: 'I6',
    about: 'Whatever is in the ledger happened, and is there as it happened.',
    query: `with documented as materialized (${DOCUMENTED}),
      posted as materialized (select transaction, ledger_account, sum(amount) as amount, min(document) as document from ledger_entries group by 1, 2),
      owners as materialized (select document, max(customer) as customer from ledger_entries group by 1)
      select p.transaction as object, 'nothing happened that has this name' as sentence from (select transaction, max(customer) as customer from posted join owners using (document) group by 1) p
      where not exists (select from documented d where d.transaction = p.transaction) and (p.customer is null or p.customer in (select id from customers))
      union all
      select d.transaction, format('it came to %s, and the ledger has %s on %s', d.amount, coalesce(p.amount, 0), d.ledger_account) from documented d left join posted p using (transaction, ledger_account)
      where d.amount is not null and coalesce(p.amount, 0) <> d.amount`,
  },
  {
    id: 'I26',
    about: 'What processors have for us is what our balance transactions come to, less what customers have sent and not applied yet; and each fee is the sum of its lines.',
    query: `select 'the balance in ' || coalesce(l.currency, t.currency) as object, format('balance transactions come to %s, and the ledger has %s', coalesce(t.net, 0), coalesce(l.amount, 0)) as sentence
      from (select currency, sum(amount) as amount from ledger_entries where ledger_account in ('cash_in_transit', 'customer_cash') group by currency) l
      full join (select currency, sum(net) as net from balance_transactions group by currency) t using (currency) where coalesce(t.net, 0) <> coalesce(l.amount, 0)
      union all
      select id, format('its fee is %s, and its lines come to %s', fee, coalesce(lines, 0)) from balance_transactions, lateral (select sum((d->>'amount')::bigint) as lines from jsonb_array_elements(fee_details) d) s where fee <> coalesce(lines, 0)`,
  },
  {
    id: 'I26',
    about: "A customer's cash is the sum of its transactions, and the ledger's.",
    query: `select b.id as object, format('%s are left, its transactions come to %s, and the ledger has %s', b.amount, coalesce(t.amount, 0), -coalesce(l.amount, 0)) as sentence
      from cash_balances b
      left join (select customer, currency, sum(net_amount) as amount from cash_balance_transactions group by 1, 2) t using (customer, currency)
      left join (select customer, currency, sum(amount) as amount from ledger_entries where ledger_account = 'customer_cash' group by 1, 2) l using (customer, currency)
      where b.amount <> coalesce(t.amount, 0) or b.amount <> -coalesce(l.amount, 0)`,
  },
  {
    id: 'I27',
    about: 'What disputes have taken of a charge is what they took and did not give back, and in the sandbox no more than it brought.',
    query: `select c.id as object, format('disputes have taken %s, it says %s, of %s less %s', coalesce(d.amount, 0), c.amount_disputed, c.amount_captured, c.amount_refunded) as sentence
      from charges c left join (select charge, sum(amount) as amount, bool_or(processor_reference is not null) as live from disputes where withdrawn and status <> 'won' group by charge) d on d.charge = c.id
      where c.amount_disputed <> coalesce(d.amount, 0) or (c.amount_disputed > 0 and not d.live and c.amount_disputed + c.amount_refunded > c.amount_captured)`,
  },
  {
    id: 'I6',
    about: 'What was paid and put to no invoice is kept apart, less what was given back or lost of it; of what was put to one nothing is.',
    query: `with moved as (
        select id as charge, id || ':captured' as transaction from charges where status = 'succeeded' and captured
        union all select source, id || ':captured' from (${FURTHER}) f
        union all select i.latest_charge, p.id || ':applied' from invoice_payments p join payment_intents i on i.id = p.payment_intent where p.status = 'paid'
        union all select r.charge, r.id || t.name from refunds r, (values (':refunded'), (':returned')) t (name)
        union all select d.charge, d.id || t.name from disputes d, (values (':lost'), (':recovered')) t (name)),
      kept as (select m.charge, sum(l.amount) as amount from moved m join ledger_entries l on l.transaction = m.transaction and l.ledger_account = 'unapplied_payments' group by m.charge)
      select c.id as object, format('%s of it are kept apart, not %s', -coalesce(k.amount, 0), s.amount) as sentence from charges c left join kept k on k.charge = c.id, lateral (
        select case when c.applied or not c.captured or c.status <> 'succeeded' then 0
          else c.amount_captured - coalesce((select sum(amount) from refunds r where r.charge = c.id and r.sent), 0) - coalesce((select sum(amount) from disputes d where d.charge = c.id and d.status = 'lost'), 0) end as amount) s
      where -coalesce(k.amount, 0) <> s.amount`,
  },
  {
    id: 'I6',
    about: 'A refund that has left has left the ledger, too, and one that came back is there again.',
    query: `select r.id as object, format('%s of %s have left the ledger', coalesce(l.amount, 0), r.amount) as sentence
      from refunds r cross join lateral (select -sum(amount) as amount from ledger_entries where document = r.id and (ledger_account = 'cash_in_transit' or (ledger_account = 'customer_cash' and r.charge is not null))) l
        left join balance_transactions t on t.id = r.balance_transaction left join balance_transactions f on f.id = r.failure_balance_transaction
      where (r.charge is not null and (coalesce(l.amount, 0) <> -coalesce(t.amount, 0) - coalesce(f.amount, 0) or (r.sent and (t.id is null or f.id is not null)) or (not r.sent and (t.id is null) <> (f.id is null))))
        or (coalesce(t.exchange_rate, f.exchange_rate) is null and coalesce(l.amount, 0) <> case when r.sent then r.amount else 0 end)`,
  },
  {
    id: 'I6',
    about: 'Seals follow each other without a gap, and are on the entries on which they were put.',
    query: `with sealed as (
        select e.number, count(*) as entries, sha256(string_agg(e.digest, ''::bytea order by e.position, e.id)) as digest from (
          select (select s.number from ledger_seals s where s.since <= l.position order by s.since desc limit 1) as number, l.position, l.id, ledger_digest(l) as digest
          from ledger_entries l where l.position < (select max(upto) from ledger_seals)) e group by e.number)
      select 'seal ' || s.number as object, case when s.number <> s.before + 1 or s.since <> s.reached then format('it follows the seal %s, and begins at %s, not at %s', s.before, s.since, s.reached)
        else format('%s entries were sealed, and %s are there, or say something else', s.entries, coalesce(c.entries, 0)) end as sentence
      from (select *, lag(number, 1, 0::bigint) over (order by number) as before, lag(upto, 1, 0::bigint) over (order by number) as reached from ledger_seals) s left join sealed c on c.number = s.number
      where s.number <> s.before + 1 or s.since <> s.reached or s.entries <> coalesce(c.entries, 0) or s.digest is distinct from c.digest`,
  },
  {
    id: 'I6',
    about: 'What the sealed entries of a day come to is what is kept of it.',
    query: `with recomputed as (
        select date_trunc('day', at, 'UTC') as day, ledger_account, coalesce(processor, '') as processor, currency, coalesce(sum(amount) filter (where amount > 0), 0) as debit, coalesce(-sum(amount) filter (where amount < 0), 0) as credit
        from ledger_entries where position < (select max(upto) from ledger_seals) group by 1, 2, 3, 4)
      select format('%s %s', coalesce(d.day, r.day), coalesce(d.ledger_account, r.ledger_account)) as object, format('debits of %s and credits of %s are kept, the entries come to %s and %s', coalesce(d.debit, 0), coalesce(d.credit, 0), coalesce(r.debit, 0), coalesce(r.credit, 0)) as sentence
      from ledger_days d full join recomputed r using (day, ledger_account, processor, currency) where coalesce(d.debit, 0) <> coalesce(r.debit, 0) or coalesce(d.credit, 0) <> coalesce(r.credit, 0)`,
  },
];
