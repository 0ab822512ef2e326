-- What holders of cards and accounts contest at their banks.
create table disputes (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  charge text collate "C" not null,
  payment_intent text collate "C" not null,
  customer text collate "C",
  test_clock text collate "C",
  status text not null check (status in ('warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', 'under_review', 'won', 'lost')),
  reason text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  -- Whether the amount was taken from us: an inquiry takes nothing.
  withdrawn boolean not null,
  -- What the bank charges for it, line by line, as the processor said.
  fees jsonb not null,
  -- The type of the method, and under it what of the dispute is special to it.
  payment_method_details jsonb not null,
  -- What was given as evidence, by the names of the API.
  evidence jsonb not null,
  due_by timestamptz,
  submission_count integer not null,
  -- How the bank will decide, which a sandbox knows from the evidence.
  verdict text check (verdict in ('won', 'lost', 'escalated')),
  intended_submission_method text,
  processor text not null,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, charge) references charges,
  foreign key (world, payment_intent) references payment_intents,
  foreign key (world, customer) references customers
);
create index disputes_listed on disputes (world, created desc, id desc);
create index disputes_of_charge on disputes (world, charge);
create index disputes_of_intent on disputes (world, payment_intent);
create index disputes_of_customer on disputes (world, customer) where customer is not null;
alter table disputes enable row level security, force row level security;
create policy own_world on disputes using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update, delete on disputes to kontor_app;

alter table charges
  add column disputed boolean not null default false,
  -- Taken by disputes that are not won, so that it cannot be refunded.
  add column amount_disputed bigint not null default 0 check (amount_disputed >= 0);
alter table charges alter column disputed drop default, alter column amount_disputed drop default;
