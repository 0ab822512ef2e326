-- Prepaid credit that is bought again by itself when it runs low.

create table credit_top_ups (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  test_clock text collate "C",
  active boolean not null,
  name text,
  currency text not null,
  -- Minor units: below which credit so much is bought.
  threshold bigint not null check (threshold > 0),
  amount bigint not null check (amount > 0),
  priority integer not null,
  -- How many days what is bought lasts; null for ever.
  expires_in_days integer,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers on delete cascade
);
create index credit_top_ups_listed on credit_top_ups (world, created desc, id desc);
create index credit_top_ups_of_customer on credit_top_ups (world, customer, created desc, id desc);
create unique index credit_top_ups_active on credit_top_ups (world, customer, currency) where active;

alter table credit_top_ups enable row level security, force row level security;
create policy own_world on credit_top_ups using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update, delete on credit_top_ups to kontor_app;

-- What an invoice buys once it is paid: `{credit_top_up, amount, name, priority, expires_in_days}`. Of each top-up at most one waits to be paid.
alter table invoices add column top_up jsonb;
create unique index invoices_of_top_up on invoices (world, (top_up ->> 'credit_top_up')) where top_up is not null and status in ('draft', 'open');
