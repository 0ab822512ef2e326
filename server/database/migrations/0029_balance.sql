-- What has moved the account's balance with its processors: written once, as the ledger, and kept when a test clock is deleted with its customers.
create table balance_transactions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  type text not null,
  reporting_category text not null,
  -- What it is about: a charge, a refund, a dispute, a payout.
  source text collate "C" not null,
  description text,
  amount bigint not null,
  fee bigint not null,
  net bigint not null check (net = amount - fee),
  currency text not null,
  -- The fee line by line, as the API shows it.
  fee_details jsonb not null,
  exchange_rate numeric,
  available_on timestamptz not null,
  -- By which clock it becomes available; one that was deleted has come to its end.
  test_clock text collate "C",
  processor text not null,
  -- The payout that carried it to the bank.
  payout text collate "C",
  primary key (world, id)
);
create index balance_transactions_listed on balance_transactions (world, created desc, id desc);
create index balance_transactions_of_source on balance_transactions (world, source);
create index balance_transactions_to_come on balance_transactions (world, available_on) where test_clock is null;
create index balance_transactions_of_clock on balance_transactions (world, test_clock, available_on) where test_clock is not null;
create index balance_transactions_of_payout on balance_transactions (world, payout, created desc, id desc) where payout is not null;
alter table balance_transactions enable row level security, force row level security;
create policy own_world on balance_transactions using (world = kontor_world()) with check (world = kontor_world());
create policy all_worlds on balance_transactions for select using (kontor_world() = 0);
grant select, insert, update on balance_transactions to kontor_app;

alter table charges add column balance_transaction text collate "C";
alter table refunds add column balance_transaction text collate "C", add column failure_balance_transaction text collate "C";

-- What was paid and given back before, as the ledger has it.
do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    with paid as (
      select c.*, i.test_clock as clock, coalesce((select sum(amount) from ledger_entries l where l.transaction = c.id || ':fees' and l.ledger_account = 'processor_fees'), 0)::bigint as kept
      from charges c join payment_intents i on i.id = c.payment_intent where c.status = 'succeeded' and c.captured)
    insert into balance_transactions (world, id, created, type, reporting_category, source, description, amount, fee, net, currency, fee_details, available_on, test_clock, processor)
    select each, 'txn_' || substr(p.id, 4), p.created, case when p.payment_method_details->>'type' = 'card' then 'charge' else 'payment' end, 'charge', p.id, p.description, p.amount_captured, p.kept, p.amount_captured - p.kept, p.currency,
      case when p.kept = 0 then '[]' else jsonb_build_array(jsonb_build_object('amount', p.kept, 'application', null, 'currency', p.currency, 'description', 'Processing', 'type', 'stripe_fee')) end,
      date_trunc('day', p.created, 'UTC') + interval '2 days', p.clock, m.processor
    from paid p join payment_methods m on m.id = p.payment_method;
    update charges c set balance_transaction = t.id from balance_transactions t where t.source = c.id and t.world = each;
    insert into balance_transactions (world, id, created, type, reporting_category, source, description, amount, fee, net, currency, fee_details, available_on, test_clock, processor)
    select each, 'txn_' || substr(r.id, 4), r.created, case when r.destination->>'type' = 'card' then 'refund' else 'payment_refund' end, 'refund', r.id, 'Refund of ' || r.charge, -r.amount, 0, -r.amount, r.currency, '[]', r.created, r.test_clock, m.processor
    from refunds r join charges c on c.id = r.charge join payment_methods m on m.id = c.payment_method where r.sent;
    update refunds r set balance_transaction = t.id from balance_transactions t where t.source = r.id and t.world = each;
  end loop;
  perform set_config('kontor.world', '', true);
end $$;
