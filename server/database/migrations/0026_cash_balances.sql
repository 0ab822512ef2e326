-- Money that customers have sent by bank transfer and that is not applied to a payment yet.

create table cash_balances (
  world integer not null default kontor_world(),
  -- `customer:currency`
  id text collate "C" not null,
  customer text collate "C" not null,
  currency text not null,
  amount bigint not null check (amount >= 0),
  primary key (world, id),
  unique (world, customer, currency),
  foreign key (world, customer) references customers
);

-- How it is applied, where a customer has its own way.
create table cash_settings (
  world integer not null default kontor_world(),
  -- The customer.
  id text collate "C" not null,
  reconciliation_mode text not null check (reconciliation_mode in ('automatic', 'manual')),
  primary key (world, id),
  foreign key (world, id) references customers on delete cascade
);

create table cash_balance_transactions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  type text not null check (type in ('funded', 'applied_to_payment')),
  currency text not null,
  net_amount bigint not null,
  ending_balance bigint not null,
  -- The transfer, as the API shows it.
  bank_transfer jsonb,
  payment_intent text collate "C",
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, payment_intent) references payment_intents
);
create index cash_balance_transactions_of_customer on cash_balance_transactions (world, customer, created desc, id desc);
create index cash_balance_transactions_of_intent on cash_balance_transactions (world, payment_intent) where payment_intent is not null;

do $$
declare
  name text;
begin
  foreach name in array array['cash_balances', 'cash_settings', 'cash_balance_transactions'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
