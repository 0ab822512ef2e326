-- What goes from processors to the account's bank.
create table bank_accounts (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  processor text not null,
  -- How the processor knows it; never the number.
  processor_reference text not null,
  account_holder_name text,
  account_holder_type text,
  bank_name text,
  country text not null,
  currency text not null,
  last4 text not null,
  routing_number text,
  fingerprint text not null,
  -- Where payouts in its currency go that name no other.
  default_for_currency boolean not null,
  status text not null check (status in ('new', 'errored')),
  deleted boolean not null,
  primary key (world, id)
);
create unique index bank_accounts_by_default on bank_accounts (world, currency) where default_for_currency and not deleted;

create table payouts (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  arrival_date timestamptz not null,
  automatic boolean not null,
  method text not null check (method in ('standard', 'instant')),
  status text not null check (status in ('pending', 'in_transit', 'paid', 'failed', 'canceled')),
  destination text collate "C" not null,
  balance_transaction text collate "C" not null,
  failure_balance_transaction text collate "C",
  failure_code text,
  failure_message text,
  description text,
  statement_descriptor text,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, destination) references bank_accounts,
  foreign key (world, balance_transaction) references balance_transactions,
  foreign key (world, failure_balance_transaction) references balance_transactions
);
create index payouts_listed on payouts (world, created desc, id desc);
create index payouts_to on payouts (world, destination);
create index payouts_by_transaction on payouts (world, balance_transaction);
create index payouts_by_failure on payouts (world, failure_balance_transaction) where failure_balance_transaction is not null;

create index balance_transactions_to_pay_out on balance_transactions (world, available_on) where payout is null;

-- `{interval, weekly_anchor, monthly_anchor}`: when what is available is paid out by itself.
alter table settings add column payouts jsonb not null default '{"interval": "manual", "monthly_anchor": null, "weekly_anchor": null}';

do $$
declare name text;
begin
  foreach name in array array['bank_accounts', 'payouts'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update on %I to kontor_app', name);
  end loop;
end $$;
