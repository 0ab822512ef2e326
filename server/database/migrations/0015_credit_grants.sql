-- Credit grants: money that is set against the usage of a customer before tax.

create table credit_grants (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  updated timestamptz not null,
  customer text collate "C" not null,
  test_clock text collate "C",
  name text,
  currency text not null,
  -- Minor units: what was granted, and what is left of it.
  amount bigint not null check (amount > 0),
  balance bigint not null check (balance >= 0 and balance <= amount),
  category text not null check (category in ('paid', 'promotional')),
  priority integer not null,
  -- The prices that it is for, as a list of ids; null for all metered ones.
  prices jsonb,
  effective_at timestamptz not null,
  expires_at timestamptz,
  voided_at timestamptz,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers on delete cascade
);
create index credit_grants_listed on credit_grants (world, created desc, id desc);
create index credit_grants_of_customer on credit_grants (world, customer, created desc, id desc);
create index credit_grants_left on credit_grants (world, customer) where balance > 0;

-- What moved the balance of a grant. Only ever added to.
create table credit_balance_transactions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  effective_at timestamptz not null,
  customer text collate "C" not null,
  test_clock text collate "C",
  credit_grant text collate "C" not null,
  type text not null check (type in ('credits_granted', 'credits_application_invoice_voided', 'credits_applied', 'credits_expired', 'credits_voided')),
  -- Above zero where the balance grows, below where it falls.
  amount bigint not null check (amount <> 0),
  currency text not null,
  invoice text collate "C",
  invoice_line_item text collate "C",
  primary key (world, id),
  foreign key (world, credit_grant) references credit_grants on delete cascade,
  foreign key (world, invoice) references invoices
);
create index credit_balance_transactions_of_grant on credit_balance_transactions (world, credit_grant, created desc, id desc);
create index credit_balance_transactions_of_customer on credit_balance_transactions (world, customer, created desc, id desc);
create index credit_balance_transactions_of_invoice on credit_balance_transactions (world, invoice) where invoice is not null;

do $$
declare name text;
begin
  foreach name in array array['credit_grants', 'credit_balance_transactions'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;

-- What credits were set against a line, `{credit_grant, transaction, amount, name}` each, and against the whole invoice.
alter table invoice_lines add column credits jsonb not null default '[]';
alter table invoices add column credits_applied bigint not null default 0;
-- Of a line's credits, what a credit note takes back with it.
alter table credit_note_lines add column credits_taken bigint not null default 0;
alter table invoice_lines alter column credits drop default;
alter table invoices alter column credits_applied drop default;
alter table credit_note_lines alter column credits_taken drop default;
