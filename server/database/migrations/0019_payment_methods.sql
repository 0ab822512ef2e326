-- Methods that are no cards, mandates, amounts that are reserved, refunds.

alter table payment_methods
  -- Under which it is charged without its holder.
  add column mandate text collate "C";

create table mandates (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C",
  payment_method text collate "C" not null,
  type text not null check (type in ('multi_use', 'single_use')),
  status text not null check (status in ('active', 'inactive', 'pending')),
  customer_acceptance jsonb not null,
  payment_method_details jsonb not null,
  -- Of a mandate that is good for one payment.
  amount bigint,
  currency text,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, payment_method) references payment_methods
);
create index mandates_of_customer on mandates (world, customer) where customer is not null;
create index mandates_of_method on mandates (world, payment_method);

alter table payment_methods add foreign key (world, mandate) references mandates deferrable initially deferred;
create index payment_methods_of_mandate on payment_methods (world, mandate) where mandate is not null;

alter table payment_intents
  add column confirmation_method text not null default 'automatic' check (confirmation_method in ('automatic', 'manual')),
  -- By what it can be paid, in the order in which it is offered.
  add column payment_method_types jsonb not null default '["card"]',
  add column allowed_payment_method_types jsonb,
  add column excluded_payment_method_types jsonb,
  add column payment_method_configuration text collate "C",
  add column payment_method_options jsonb not null default '{}',
  -- The holder's word, where it is to be confirmed once more before it counts.
  add column authentication jsonb,
  add column shipping jsonb,
  add column statement_descriptor_suffix text;
alter table payment_intents
  alter column confirmation_method drop default,
  alter column payment_method_types drop default,
  alter column payment_method_options drop default;

alter table charges
  add column shipping jsonb,
  add column statement_descriptor text,
  add column statement_descriptor_suffix text;

create table refunds (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  charge text collate "C" not null,
  payment_intent text collate "C" not null,
  customer text collate "C",
  test_clock text collate "C",
  status text not null check (status in ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')),
  amount bigint not null,
  currency text not null,
  reason text check (reason in ('duplicate', 'fraudulent', 'requested_by_customer', 'expired_uncaptured_charge')),
  failure_reason text,
  destination jsonb not null,
  -- The money has left.
  sent boolean not null,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, charge) references charges,
  foreign key (world, payment_intent) references payment_intents,
  foreign key (world, customer) references customers,
  foreign key (world, test_clock) references test_clocks
);
create index refunds_listed on refunds (world, created desc, id desc);
create index refunds_of_charge on refunds (world, charge, created desc, id desc);
create index refunds_of_intent on refunds (world, payment_intent, created desc, id desc);
create index refunds_of_customer on refunds (world, customer) where customer is not null;
create index refunds_of_clock on refunds (world, test_clock) where test_clock is not null;

do $$
declare
  name text;
begin
  foreach name in array array['mandates', 'refunds'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
