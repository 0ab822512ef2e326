/**
 * What must always be true of what is stored. Each invariant is a query over one world that returns what breaks it: the object, and a sentence about it. `$1` is the moment of the check,
 * `$2` how many seconds something may be late. Where things live on a test clock, its time counts; while it is being advanced, nothing on it is late.
 */
import { books } from './ledger/invariants.ts';
import { COUNTS_TEXT } from './usage/cells.ts';
import { LEVELS_BY_HOUR } from './usage/levels.ts';
import { DAYS_OF_HOURS } from './usage/tallies.ts';

export type Invariant = {
  /** The short name, as in docs/operating. */
  id: string;
  /** What is always true. */
  about: string;
  query: string;
};

/** The moment up to which things on this row's clock should be done; null while the clock is on its way. */
const LIMIT = (row: string) => `case when ${row}.test_clock is null then to_timestamp($1::bigint - $2::bigint)
  else (select c.frozen_time from test_clocks c where c.id = ${row}.test_clock and c.status = 'ready') end`;

const debts: Invariant[] = [
  {
    id: 'I1',
    about: 'What is owed is billed once: one invoice that is not void for each obligation.',
    query: `select max(i.id) as object, format('%s invoices discharge %s', count(*), i.obligation) as sentence
      from invoices i where i.obligation is not null and i.status <> 'void' group by i.obligation having count(*) > 1`,
  },
  {
    id: 'I1',
    about: 'A subscription is renewed once at a moment.',
    query: `select max(i.id) as object, format('%s invoices renew %s at %s', count(*), i.subscription, i.created) as sentence
      from invoices i where i.billing_reason = 'subscription_cycle' and i.status <> 'void' group by i.subscription, i.created having count(*) > 1`,
  },
  {
    id: 'I2',
    about: 'A period that is over has been followed by the next one.',
    query: `select s.id as object, format('the period of %s ended at %s, and nothing has followed', it.id, it.current_period_end) as sentence
      from subscriptions s join subscription_items it on it.subscription = s.id and not it.deleted
      where s.status in ('active', 'trialing', 'past_due', 'unpaid') and it.current_period_end <= ${LIMIT('s')}
        and not exists (select from timers t where t.subject = s.id and t.failures > 0)`,
  },
  {
    id: 'I2',
    about: 'A living subscription knows when it goes on.',
    query: `select s.id as object, format('it is %s and no timer will renew it', s.status) as sentence from subscriptions s
      where s.status in ('active', 'trialing', 'past_due', 'unpaid') and exists (select from subscription_items it where it.subscription = s.id and not it.deleted)
        and not exists (select from timers t where t.kind = 'subscription.renew' and t.subject = s.id)`,
  },
  {
    id: 'I2',
    about: 'A schedule that waits knows when it starts.',
    query: `select s.id as object, 'no timer will start it' as sentence from subscription_schedules s
      where s.status = 'not_started' and not exists (select from timers t where t.kind = 'subscription_schedule.advance' and t.subject = s.id)`,
  },
  {
    id: 'I2',
    about: 'A schedule that runs and its subscription, which goes on, name each other, in a phase that is not over.',
    query: `select s.id as object, format('it runs until %s, and manages %s, which is %s and has the schedule %s', s.current_phase->>'end_date', u.id, u.status, coalesce(u.schedule, 'none')) as sentence
      from subscription_schedules s join subscriptions u on u.id = s.subscription
      where s.status = 'active' and (u.schedule is distinct from s.id or u.status in ('canceled', 'incomplete_expired') or to_timestamp((s.current_phase->>'end_date')::bigint) <= ${LIMIT('s')}
          and not exists (select from timers t where t.subject = u.id and t.failures > 0))`,
  },
  {
    id: 'I2',
    about: 'A subscription waits for no setup that is over, nor for another customer\'s.',
    query: `select s.id as object, format('it waits for the setup %s of %s, which is %s', i.id, i.customer, i.status) as sentence
      from subscriptions s join setup_intents i on i.id = s.pending_setup_intent where i.status in ('succeeded', 'canceled') or i.customer is distinct from s.customer`,
  },
  {
    id: 'I2',
    about: 'A draft that finalizes by itself has a timer that does it.',
    query: `select i.id as object, format('it is to be finalized at %s and no timer will do it', i.automatically_finalizes_at) as sentence from invoices i
      where i.status = 'draft' and i.automatically_finalizes_at is not null and not exists (select from timers t where t.kind = 'invoice.finalize' and t.subject = i.id)`,
  },
  {
    id: 'I2',
    about: 'What is due has been done.',
    query: `select t.subject as object, format('%s was due at %s', t.kind, t.at) as sentence from timers t where t.failures = 0 and t.at <= ${LIMIT('t')}`,
  },
  {
    id: 'I2',
    about: 'What failed and was set aside is looked at.',
    query: `select t.subject as object, format('%s failed: %s', t.kind, t.error) as sentence from timers t where t.error is not null`,
  },
  {
    id: 'I3',
    about: 'The periods for which a subscription item is billed in advance follow each other without overlap or gap, but for a pause and a trial whose end was moved.',
    query: `with billed as (
        select l.subscription_item as item, l.invoice, l.period_start, l.period_end, i.billing_reason, i.status, i.subscription
        from invoice_lines l join invoices i on i.id = l.invoice join prices p on p.id = l.price
        where l.subscription_item is not null and l.invoice_item is null and not l.proration and p.recurring->>'usage_type' = 'licensed' and i.status <> 'void'),
      pairs as (
        select item, invoice, subscription, billing_reason, period_start, lag(period_end) over successive as before, lag(period_start) over successive as since from billed
        window successive as (partition by item order by period_start, invoice))
      select item as object, format('%s bills from %s on, and what was billed before ends at %s', invoice, period_start, before) as sentence
      from pairs where before is not null and billing_reason = 'subscription_cycle'
        and not exists (select from events e where e.object_id = pairs.subscription and e.type = 'customer.subscription.updated' and e.previous_attributes::jsonb->>'trial_end' = extract(epoch from before)::bigint::text)
        and ((period_start < before and not exists (select from subscriptions s where s.id = pairs.subscription and s.trial_end between since and least(before, period_start)))
        or (period_start > before and not exists (
        select from invoice_lines v join invoices vi on vi.id = v.invoice where v.subscription_item = pairs.item and vi.status = 'void' and v.period_start >= before and v.period_end <= pairs.period_start)
        and not exists (select from subscriptions s where s.id = pairs.subscription and s.resumed_at > before)
        and not exists (select from invoice_lines r where r.subscription_item = pairs.item and r.proration and r.invoice_item is null and r.period_start = before and r.period_end = pairs.period_start)))`,
  },
  {
    id: 'I4',
    about: 'Each finalized invoice has a number, and no number is given twice.',
    query: `select max(i.id) as object, case when i.number is null then format('%s finalized invoices have no number', count(*)) else format('%s invoices have the number %s', count(*), i.number) end as sentence
      from invoices i where i.finalized_at is not null group by i.number having i.number is null or count(*) > 1`,
  },
  {
    id: 'I4',
    about: 'The numbers of a customer have no gaps, but where the next one was set by hand.',
    query: `with numbers as (
        select i.customer, substring(i.number from '^(.*)-[0-9]+$') as prefix, substring(i.number from '([0-9]+)$')::bigint as n from invoices i where i.number is not null)
      select n.customer as object, format('%s numbers of the series %s end at %s', count(*), n.prefix, max(n.n)) as sentence
      from numbers n join customers c on c.id = n.customer
      where not exists (select from events e where e.object_id = n.customer and e.type = 'customer.updated' and e.previous_attributes::jsonb ?| array['next_invoice_sequence', 'invoice_prefix'])
      group by n.customer, n.prefix, c.next_invoice_sequence
      having count(*) <> max(n.n) - min(n.n) + 1 or c.next_invoice_sequence <> max(n.n) + 1`,
  },
];

/** The lines of each invoice, summed. */
const LINES = `select i.id, coalesce(sum(l.amount), 0) as amount,
    coalesce(sum((select sum((d->>'amount')::bigint) from jsonb_array_elements(l.discount_amounts) d)), 0) as discount,
    coalesce(sum((select sum((c->>'amount')::bigint) from jsonb_array_elements(l.credits) c)), 0) as credit,
    coalesce(sum((select sum((t->>'amount')::bigint) from jsonb_array_elements(l.taxes) t where t->>'tax_behavior' = 'exclusive')), 0) as exclusive,
    coalesce(sum((select sum((t->>'amount')::bigint) from jsonb_array_elements(l.taxes) t where t->>'tax_behavior' = 'inclusive')), 0) as inclusive
  from invoices i left join invoice_lines l on l.invoice = i.id group by i.id`;

const sums: Invariant[] = [
  {
    id: 'I5',
    about: 'The lines, their discounts and their taxes come to the totals.',
    query: `with lines as (${LINES})
      select i.id as object, format('its lines come to %s, less %s and credits of %s, and %s of tax on top and %s inside; it says subtotal %s, total %s, %s without tax', l.amount, l.discount, l.credit, l.exclusive, l.inclusive, i.subtotal, i.total, i.total_excluding_tax) as sentence
      from invoices i join lines l on l.id = i.id
      where i.subtotal <> l.amount or i.total <> l.amount - l.discount - l.credit + l.exclusive or i.total_excluding_tax <> l.amount - l.discount - l.credit - l.inclusive or i.credits_applied <> l.credit
        or l.discount <> coalesce((select sum((d->>'amount')::bigint) from jsonb_array_elements(i.total_discount_amounts) d), 0)
        or l.exclusive + l.inclusive <> coalesce((select sum((t->>'amount')::bigint) from jsonb_array_elements(i.total_taxes) t), 0)`,
  },
  {
    id: 'I5',
    about: 'What is due, with what credit notes took off it, is the total and what the customer owed or had before, less what remains of that.',
    query: `select i.id as object, format('due %s, %s credited and a balance of %s afterwards, but a total of %s and a balance of %s before', i.amount_due, i.pre_payment_credit_notes_amount, i.ending_balance, i.total, i.starting_balance) as sentence
      from invoices i where i.finalized_at is not null and i.amount_due + i.pre_payment_credit_notes_amount + i.ending_balance is distinct from i.total + i.starting_balance`,
  },
  {
    id: 'I5',
    about: 'What is credited of an invoice is what its credit notes come to, and no more than it came to.',
    query: `select i.id as object, format('it says %s and %s credited, %s of it tax; its credit notes say %s, %s and %s', i.pre_payment_credit_notes_amount, i.post_payment_credit_notes_amount, i.credit_notes_tax, coalesce(n.pre, 0), coalesce(n.post, 0), coalesce(n.tax, 0)) as sentence
      from invoices i left join (
        select invoice, sum(pre_payment_amount) as pre, sum(post_payment_amount) as post, sum(total - total_excluding_tax) as tax from credit_notes where status = 'issued' group by invoice) n on n.invoice = i.id
      where i.pre_payment_credit_notes_amount <> coalesce(n.pre, 0) or i.post_payment_credit_notes_amount <> coalesce(n.post, 0) or i.credit_notes_tax <> coalesce(n.tax, 0)
        or coalesce(n.pre + n.post, 0) > greatest(i.total, 0)`,
  },
  {
    id: 'I5',
    about: 'No more is credited of a line than it came to, nor of its discounts and taxes.',
    query: `with taken as (
        select l.invoice_line_item as line, sum(l.amount) as amount,
          sum((select coalesce(sum((d->>'amount')::bigint), 0) from jsonb_array_elements(l.discount_amounts) d)) as discount,
          sum((select coalesce(sum((t->>'amount')::bigint), 0) from jsonb_array_elements(l.taxes) t)) as tax
        from credit_note_lines l join credit_notes n on n.id = l.credit_note where n.status = 'issued' and l.invoice_line_item is not null group by l.invoice_line_item),
      lines as (
        select l.id, l.amount, (select coalesce(sum((d->>'amount')::bigint), 0) from jsonb_array_elements(l.discount_amounts) d) as discount,
          (select coalesce(sum((t->>'amount')::bigint), 0) from jsonb_array_elements(l.taxes) t) as tax from invoice_lines l where l.id in (select line from taken))
      select l.id as object, format('%s of %s credited, with %s of %s off and %s of %s of tax', t.amount, l.amount, t.discount, l.discount, t.tax, l.tax) as sentence
      from taken t join lines l on l.id = t.line where abs(t.amount) > abs(l.amount) or abs(t.discount) > abs(l.discount) or abs(t.tax) > abs(l.tax)`,
  },
  {
    id: 'I5',
    about: 'What is paid and what remains are what is due.',
    query: `select i.id as object, format('%s paid and %s remaining of %s', i.amount_paid, i.amount_remaining, i.amount_due) as sentence
      from invoices i where i.finalized_at is not null and i.status <> 'void' and i.amount_paid + i.amount_remaining <> i.amount_due`,
  },
  {
    id: 'I5',
    about: 'A paid invoice leaves nothing to pay.',
    query: `select i.id as object, format('it is paid, and %s remains', i.amount_remaining) as sentence from invoices i where i.status = 'paid' and i.amount_remaining <> 0`,
  },
  {
    id: 'I5',
    about: 'What credits gave to the lines of an invoice is what the transactions of the grants say, and nothing where it is void.',
    query: `with given as (
        select l.id as line, c->>'credit_grant' as credit_grant, sum((c->>'amount')::bigint) filter (where i.status <> 'void') as amount
        from invoice_lines l join invoices i on i.id = l.invoice cross join jsonb_array_elements(l.credits) c group by 1, 2),
      moved as (select invoice_line_item as line, credit_grant, -sum(amount) as amount from credit_balance_transactions where invoice_line_item is not null group by 1, 2)
      select coalesce(g.line, m.line) as object, format('%s of the grant %s are on it, and its transactions say %s', coalesce(g.amount, 0), coalesce(g.credit_grant, m.credit_grant), coalesce(m.amount, 0)) as sentence
      from given g full join moved m on m.line = g.line and m.credit_grant = g.credit_grant where coalesce(g.amount, 0) <> coalesce(m.amount, 0)`,
  },
  {
    id: 'I6',
    about: 'What is left of a credit grant is the sum of its transactions, and nothing where it was voided or has expired.',
    query: `select g.id as object, format('%s are left, its transactions come to %s', g.balance, coalesce(t.amount, 0)) as sentence
      from credit_grants g left join (select credit_grant, sum(amount) as amount from credit_balance_transactions group by credit_grant) t on t.credit_grant = g.id
      where g.balance <> coalesce(t.amount, 0) or (g.voided_at is not null and g.balance <> 0)`,
  },
];

const money: Invariant[] = [
  {
    id: 'I6',
    about: "A customer's cash is the sum of its transactions, and the ledger's.",
    query: `select b.id as object, format('%s of cash, transactions of %s, and %s in the ledger', b.amount, coalesce(t.amount, 0), coalesce(l.amount, 0)) as sentence
      from cash_balances b
      left join (select customer, currency, sum(net_amount) as amount from cash_balance_transactions group by customer, currency) t on t.customer = b.customer and t.currency = b.currency
      left join (select customer, currency, -sum(amount) as amount from ledger_entries where ledger_account = 'customer_cash' group by customer, currency) l on l.customer = b.customer and l.currency = b.currency
      where b.amount <> coalesce(t.amount, 0) or b.amount <> coalesce(l.amount, 0)`,
  },
  {
    id: 'I7',
    about: 'A payment is taken once.',
    query: `select payment_intent as object, format('%s charges of it succeeded', count(*)) as sentence from charges where status = 'succeeded' group by payment_intent having count(*) > 1`,
  },
  {
    id: 'I7',
    about: 'A payment has received what its charges have taken.',
    query: `select p.id as object, format('it is %s with %s received, and its charges took %s', p.status, p.amount_received, coalesce(c.captured, 0)) as sentence
      from payment_intents p left join (select payment_intent, sum(amount_captured) as captured from charges where status = 'succeeded' group by payment_intent) c on c.payment_intent = p.id
      where p.amount_received <> coalesce(c.captured, 0) or (p.status = 'succeeded' and p.amount_received = 0)`,
  },
  {
    id: 'I7',
    about: 'A payment has taken what it was asked for.',
    query: `select c.id as object, format('%s %s were taken, and asked for were %s %s', c.amount, c.currency, q.request->>'amount', q.request->>'currency') as sentence
      from charges c join calls q on q.id = c.attempt where c.status = 'succeeded' and q.request->>'capture' = 'automatic' and (c.amount <> (q.request->>'amount')::bigint or c.currency <> q.request->>'currency')`,
  },
  {
    id: 'I8',
    about: 'No more is given back than was taken.',
    query: `select id as object, format('%s of %s given back', amount_refunded, amount_captured) as sentence from charges where amount_refunded > case when captured then amount_captured else amount end`,
  },
  {
    id: 'I19',
    about: 'A question to the outside is asked again in time.',
    query: `select c.id as object, format('%s is %s since %s', c.kind, c.state, c.next_at) as sentence from calls c where c.state <> 'answered' and c.next_at <= to_timestamp($1::bigint - $2::bigint)`,
  },
  {
    id: 'I16',
    about: 'An idempotency key has an answer, or waits for one that can come.',
    query: `select k.key as object, case when k.continuation is null then 'it has neither an answer nor anything to wait for' else 'it waits for calls that do not exist' end as sentence
      from idempotency_keys k
      where (k.status is null or k.body is null) and (k.continuation is null
        or exists (select from jsonb_array_elements_text(k.continuation->'calls') as wanted (id) where not exists (select from calls c where c.id = wanted.id)))`,
  },
];

/** One event, and one only, for each of these states of an object. */
const told = (table: string, condition: string, type: string): Invariant => ({
  id: 'I9',
  about: `Where it came about, \`${type}\` was told once.`,
  query: `select o.id as object, format('%s is told %s times', '${type}', count(e.id)) as sentence
    from ${table} o left join events e on e.object_id = o.id and e.type = '${type}' where ${condition} group by o.id having count(e.id) <> 1`,
});

const events: Invariant[] = [
  told('customers', 'true', 'customer.created'),
  told('subscriptions', 'true', 'customer.subscription.created'),
  told('subscriptions', `o.status = 'canceled'`, 'customer.subscription.deleted'),
  told('subscription_schedules', 'true', 'subscription_schedule.created'),
  told('subscription_schedules', `o.status = 'completed'`, 'subscription_schedule.completed'),
  told('subscription_schedules', `o.status = 'released'`, 'subscription_schedule.released'),
  told('invoices', 'true', 'invoice.created'),
  told('invoices', 'o.finalized_at is not null', 'invoice.finalized'),
  told('invoices', `o.status = 'paid'`, 'invoice.paid'),
  told('invoices', `o.status = 'void'`, 'invoice.voided'),
  told('credit_notes', 'true', 'credit_note.created'),
  told('credit_notes', `o.status = 'void'`, 'credit_note.voided'),
  told('setup_intents', 'true', 'setup_intent.created'),
  told('payment_intents', 'true', 'payment_intent.created'),
  told('payment_intents', `o.status = 'succeeded'`, 'payment_intent.succeeded'),
  told('charges', `o.status = 'succeeded'`, 'charge.succeeded'),
  {
    id: 'I9',
    about: 'What is to be delivered is tried in time.',
    query: `select d.id as object, format('%s has waited since %s', coalesce(d.event, d.thin_event), d.next_at) as sentence from webhook_deliveries d
      join webhook_endpoints w on w.id = d.webhook_endpoint and w.status = 'enabled'
      where d.state = 'pending' and coalesce(d.next_at, d.created) <= to_timestamp($1::bigint - $2::bigint)`,
  },
];

const usage: Invariant[] = [
  {
    id: 'I10',
    about: 'What a meter counted in an hour is what the events of that hour come to. Hours of which events have been dropped cannot be counted again, and have at least those that are kept.',
    query: `with counted as (
        select e.meter, e.customer, date_trunc('hour', e.timestamp, 'UTC') as hour, e.dimensions, count(*) as events, sum(e.value) as sum, max(e.value) as largest,
          (array_agg(e.value order by e.timestamp desc, e.number desc))[1] as last, max(e.timestamp) as last_at
        from meter_events e where e.meter is not null and ${COUNTS_TEXT} group by 1, 2, 3, 4)
      select coalesce(r.meter, u.meter) as object, format('for %s in the hour of %s it says %s events, %s in all, %s at most, %s at last; they are %s, %s, %s, %s', coalesce(r.customer, u.customer), coalesce(r.hour, u.hour),
        coalesce(r.events, 0), coalesce(r.sum, 0), r.largest, r.last, coalesce(u.events, 0), coalesce(u.sum, 0), u.largest, u.last) as sentence
      from (select h.meter, h.customer, h.hour, h.dimensions, sum(h.events) as events, sum(h.sum) as sum, max(h.largest) as largest, max(h.last) as last, max(h.last_at) as last_at, min(h.first_number) as first_number,
          bool_or(m.event_time_window is null and m.default_aggregation ->> 'formula' in ('sum', 'count', 'unique_count')) as adds_up
        from (select meter, customer, hour, dimensions, events, sum, largest, last, last_at, first_number from meter_rollups
          union all select meter, customer, hour, dimensions, events, sum, null, null, null, first_number from tallied_hours()) h join meters m on m.id = h.meter group by 1, 2, 3, 4) r
        full join counted u on u.meter = r.meter and u.customer = r.customer and u.hour = r.hour and u.dimensions = r.dimensions
      where case when r.first_number < meter_events_kept_from() then r.events < u.events else coalesce(r.events, 0) <> coalesce(u.events, 0) or coalesce(r.sum, 0) <> coalesce(u.sum, 0) or (coalesce(r.events, 0) > 0 and not r.adds_up and (r.largest is distinct from u.largest or r.last is distinct from u.last or r.last_at is distinct from u.last_at)) end`,
  },
  {
    id: 'I10',
    about: 'What a meter counted on a day is what it counted in its hours.',
    query: `select coalesce(d.meter, h.meter) as object, format('for %s on %s it says %s events, %s in all; its hours say %s, %s', coalesce(d.customer, h.customer), (coalesce(d.day, h.day) at time zone 'UTC')::date, coalesce(d.events, 0), coalesce(d.sum, 0), coalesce(h.events, 0), coalesce(h.sum, 0)) as sentence
      from meter_days d full join (${DAYS_OF_HOURS}) h on h.meter = d.meter and h.customer = d.customer and h.day = d.day and h.dimensions = d.dimensions
      where coalesce(d.events, 0) <> coalesce(h.events, 0) or coalesce(d.sum, 0) <> coalesce(h.sum, 0)`,
  },
  {
    id: 'I10',
    about: 'The different values that a meter counted in an hour are those of its events.',
    query: `select v.meter as object, format('for %s in the hour of %s it says %s events have the value %s', v.customer, v.hour, v.events, v.value) as sentence
      from meter_values v join meters m on m.id = v.meter join meter_rollups r on r.meter = v.meter and r.customer = v.customer and r.hour = v.hour and r.dimensions = v.dimensions
      where r.first_number >= meter_events_kept_from()
        and v.events <> (select count(*) from meter_events e
          where e.meter = v.meter and e.customer = v.customer and date_trunc('hour', e.timestamp, 'UTC') = v.hour and e.dimensions = v.dimensions and e.payload ->> (m.value_settings ->> 'event_payload_key') = v.value and ${COUNTS_TEXT})`,
  },
  {
    id: 'I10',
    about: 'The levels that a meter counted in an hour come to what its events say.',
    query: `select r.meter as object, format('for %s in the hour of %s it says that levels come to %s from %s on; they are %s from %s on', r.customer, r.hour, r.level_seconds, r.first_at, u.level_seconds, u.first_at) as sentence
      from meter_rollups r join (${LEVELS_BY_HOUR}) u on u.meter = r.meter and u.customer = r.customer and u.hour = r.hour and u.dimensions = r.dimensions
      where r.first_number >= meter_events_kept_from() and (r.level_seconds is distinct from u.level_seconds or r.first_at is distinct from u.first_at)`,
  },
];

const intake: Invariant[] = [
  {
    id: 'I28',
    about: 'Usage that was acknowledged and could not be counted is tried again.',
    query: `select s.id as object, format('no timer will count it again; it failed with: %s', s.error) as sentence from usage_set_aside s
      where not exists (select from timers t where t.kind = 'usage.fold_again' and t.subject = s.id)`,
  },
];

/** Of the installation as a whole, not of a world. */
export const ofTheHouse: readonly Invariant[] = [
  {
    id: 'I28',
    about: 'Usage that was acknowledged is counted within minutes.',
    query: `select 'partition ' || partition as object, format('what was acknowledged at %s is not counted yet', behind_since) as sentence from usage_leases where behind_since <= to_timestamp($1::bigint - $2::bigint)`,
  },
  {
    id: 'I28',
    about: 'Usage that was acknowledged is there to be counted.',
    query: `select 'partition ' || partition as object, case when stream like 'world %' then format('message %s is of the %s, which is not in this database', since, stream)
        when upto is null then format('its stream of %s was made anew, or lost its end: what it had acknowledged from message %s on and nobody had counted is gone', stream, since)
        else format('the messages from %s to %s were acknowledged, and its stream of %s had them no longer', since, upto - 1, stream) end as sentence from usage_losses`,
  },
];

export const invariants: readonly Invariant[] = [...debts, ...sums, ...books, ...money, ...events, ...usage, ...intake];

