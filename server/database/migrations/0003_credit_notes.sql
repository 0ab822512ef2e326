-- Credit notes: what is taken back of an invoice that was finalised.

alter table invoices
  -- Of its credit notes that are not void: what came off before it was paid, what is given back after, and how much of both is tax.
  add column pre_payment_credit_notes_amount bigint not null default 0,
  add column post_payment_credit_notes_amount bigint not null default 0,
  add column credit_notes_tax bigint not null default 0;
alter table invoices
  alter column pre_payment_credit_notes_amount drop default,
  alter column post_payment_credit_notes_amount drop default,
  alter column credit_notes_tax drop default;

create table credit_notes (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  invoice text collate "C" not null,
  test_clock text collate "C",
  number text collate "C" not null,
  status text not null check (status in ('issued', 'void')),
  type text not null check (type in ('pre_payment', 'post_payment', 'mixed')),
  currency text not null,
  subtotal bigint not null,
  subtotal_excluding_tax bigint not null,
  total bigint not null,
  total_excluding_tax bigint not null,
  discount_amounts jsonb not null,
  total_taxes jsonb not null,
  pre_payment_amount bigint not null,
  post_payment_amount bigint not null,
  -- The part of post_payment_amount that was given back another way, e.g. in cash.
  out_of_band_amount bigint,
  -- By which the rest of it was put to the customer's balance.
  customer_balance_transaction text collate "C",
  effective_at timestamptz not null,
  memo text,
  reason text check (reason in ('duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory')),
  metadata jsonb not null,
  voided_at timestamptz,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, invoice) references invoices,
  foreign key (world, test_clock) references test_clocks,
  foreign key (world, customer_balance_transaction) references customer_balance_transactions,
  check (total = pre_payment_amount + post_payment_amount)
);
create index credit_notes_listed on credit_notes (world, created desc, id desc);
create index credit_notes_of_customer on credit_notes (world, customer, created desc, id desc);
create index credit_notes_of_invoice on credit_notes (world, invoice, created desc, id desc);
create index credit_notes_of_clock on credit_notes (world, test_clock) where test_clock is not null;
create index credit_notes_of_balance_transaction on credit_notes (world, customer_balance_transaction) where customer_balance_transaction is not null;
create unique index credit_notes_number on credit_notes (world, number);

create table credit_note_lines (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  credit_note text collate "C" not null,
  position integer not null,
  type text not null check (type in ('invoice_line_item', 'custom_line_item')),
  -- The line of the invoice of which this takes something back.
  invoice_line_item text collate "C",
  amount bigint not null,
  currency text not null,
  description text,
  discount_amounts jsonb not null,
  quantity integer,
  unit_amount_decimal text,
  tax_rates jsonb not null,
  taxes jsonb not null,
  metadata jsonb not null,
  primary key (world, id),
  unique (world, credit_note, position),
  foreign key (world, credit_note) references credit_notes on delete cascade,
  foreign key (world, invoice_line_item) references invoice_lines,
  check ((type = 'invoice_line_item') = (invoice_line_item is not null))
);
create index credit_note_lines_of_line on credit_note_lines (world, invoice_line_item) where invoice_line_item is not null;

-- Deferred, since each of the two names the other.
alter table customer_balance_transactions add column credit_note text collate "C", add foreign key (world, credit_note) references credit_notes deferrable initially deferred;
create index customer_balance_transactions_of_credit_note on customer_balance_transactions (world, credit_note) where credit_note is not null;

do $$
declare
  name text;
begin
  foreach name in array array['credit_notes', 'credit_note_lines'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
