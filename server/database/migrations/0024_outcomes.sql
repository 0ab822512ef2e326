-- Outcomes: what a success is, what has become of each unit of work, and what is put right of invoices afterwards.

create table outcome_definitions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  updated timestamptz not null,
  display_name text not null,
  -- The keys of an event's payload that say which unit of work it is about, and whom it is charged to.
  subject_key text not null,
  customer_key text not null,
  archived_at timestamptz,
  metadata jsonb not null,
  -- The number of the newest version.
  version integer not null,
  primary key (world, id)
);
create index outcome_definitions_listed on outcome_definitions (world, created desc, id desc);

-- A version never changes.
create table outcome_definition_versions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  definition text collate "C" not null,
  version integer not null,
  -- Null: since ever.
  effective_from timestamptz,
  timing text not null check (timing in ('occurred_at', 'settled_at')),
  -- The dearest first: `name`, `meter`.
  outcomes jsonb not null,
  rules jsonb not null,
  primary key (world, id),
  unique (world, definition, version),
  foreign key (world, definition) references outcome_definitions
);

create table outcomes (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  updated timestamptz not null,
  definition text collate "C" not null,
  -- The number of the version that judges it.
  version integer,
  customer text collate "C" not null,
  test_clock text collate "C",
  subject text collate "C" not null,
  state text not null check (state in ('new', 'open', 'succeeded', 'contested', 'failed', 'reversed', 'ignored')),
  outcome text,
  basis text check (basis in ('confirmed', 'assumed')),
  -- The timestamp of its earliest event.
  began_at timestamptz,
  occurred_at timestamptz,
  settled_at timestamptz,
  reversed_at timestamptz,
  reversed_by text check (reversed_by in ('event', 'contest')),
  -- When silence next decides something.
  due_at timestamptz,
  -- What is on a meter for it, and when.
  meter text collate "C",
  counted_at timestamptz,
  -- How often something was put on a meter for it.
  counts integer not null,
  -- The meter that would count it if nothing else happened.
  provisional_meter text collate "C",
  -- All that it is judged from.
  events json not null,
  contests jsonb not null,
  primary key (world, id),
  unique (world, definition, customer, subject),
  foreign key (world, definition) references outcome_definitions,
  foreign key (world, customer) references customers,
  check ((meter is null) = (counted_at is null)),
  check (state in ('succeeded', 'contested') or meter is null),
  check ((state in ('succeeded', 'contested')) = (outcome is not null))
) with (fillfactor = 70);
create index outcomes_listed on outcomes (world, created desc, id desc);
create index outcomes_of_customer on outcomes (world, customer, created desc, id desc);
create index outcomes_counted on outcomes (world, meter, customer, counted_at) where meter is not null;
create index outcomes_provisional on outcomes (world, provisional_meter, customer) where provisional_meter is not null;
create index outcomes_begun on outcomes (world, definition, began_at);

-- A line or an item that puts an earlier invoice right: what it corrects, and its discounts and taxes, which are given.
alter table invoice_lines add column correction jsonb;
alter table invoice_items add column correction jsonb;
create index invoice_items_that_correct on invoice_items (world, (correction ->> 'line')) where correction is not null and invoice is null;

alter table settings add column corrections text not null default 'next_invoice' check (corrections in ('next_invoice', 'credit_note'));

create table invoice_corrections (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  -- What it corrects.
  invoice text collate "C" not null,
  line text collate "C" not null,
  currency text not null,
  quantity_before numeric,
  quantity_after numeric,
  amount bigint not null,
  discount_amounts jsonb not null,
  taxes jsonb not null,
  credits jsonb not null,
  -- The inclusive tax in the amount before discounts.
  contained bigint not null,
  total bigint not null,
  -- How it reaches the customer. Neither where that was undone: then it counts as not made.
  invoice_item text collate "C",
  credit_note text collate "C",
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, invoice) references invoices,
  foreign key (world, line) references invoice_lines,
  foreign key (world, invoice_item) references invoice_items on delete set null (invoice_item),
  foreign key (world, credit_note) references credit_notes
);
create index invoice_corrections_listed on invoice_corrections (world, created desc, id desc);
create index invoice_corrections_of_customer on invoice_corrections (world, customer, created desc, id desc);
create index invoice_corrections_of_invoice on invoice_corrections (world, invoice, created desc, id desc);
create index invoice_corrections_of_line on invoice_corrections (world, line);
create index invoice_corrections_by_item on invoice_corrections (world, invoice_item) where invoice_item is not null;
create index invoice_corrections_by_note on invoice_corrections (world, credit_note) where credit_note is not null;

-- For each success that was billed, and each that was taken back after its invoice, in one chain for each customer.
create table outcome_receipts (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  -- 1 for the customer's first.
  sequence bigint not null,
  outcome text collate "C" not null,
  -- What was billed on this line, or taken back of it.
  invoice text collate "C" not null,
  line text collate "C" not null,
  kind text not null check (kind in ('billed', 'taken_back')),
  -- What the hash is made of, to the byte.
  body text not null,
  previous_hash text not null,
  hash text not null,
  primary key (world, id),
  unique (world, customer, sequence),
  foreign key (world, customer) references customers,
  foreign key (world, outcome) references outcomes,
  foreign key (world, invoice) references invoices,
  foreign key (world, line) references invoice_lines
);
create index outcome_receipts_listed on outcome_receipts (world, created desc, id desc);
create index outcome_receipts_of_outcome on outcome_receipts (world, outcome);
create index outcome_receipts_of_line on outcome_receipts (world, line, outcome, sequence desc);
create index outcome_receipts_of_invoice on outcome_receipts (world, invoice);

do $$
declare
  name text;
begin
  foreach name in array array['outcome_definitions', 'outcome_definition_versions', 'outcomes', 'invoice_corrections', 'outcome_receipts'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
  end loop;
end $$;
grant select, insert, update on outcome_definitions to kontor_app;
grant select, insert on outcome_definition_versions to kontor_app;
-- What lives on a test clock goes with it.
grant select, insert, update, delete on outcomes, invoice_corrections to kontor_app;
-- A receipt is never changed; to lock its row, a column has to be granted.
grant select, insert, update (id), delete on outcome_receipts to kontor_app;
