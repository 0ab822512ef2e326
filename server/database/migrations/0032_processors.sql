-- Processors that an account has configured, and what a person has decided about an operation of which no word came.

create table processors (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  type text not null,
  status text not null check (status in ('active', 'inactive')),
  name text,
  -- What is no secret, by name.
  settings jsonb not null,
  -- Sealed with the installation's pepper, by name, each with the end by which a person knows it: `{sealed, hint}`.
  secrets jsonb not null,
  metadata jsonb not null,
  primary key (world, id)
);
create index processors_listed on processors (world, created desc, id desc);
alter table processors enable row level security, force row level security;
create policy own_world on processors using (world = kontor_world()) with check (world = kontor_world());
-- A webhook of a processor's names the processor only.
create policy all_worlds on processors for select using (kontor_world() = 0);
grant select, insert, update, delete on processors to kontor_app;

alter table payment_attempts
  -- `{outcome, reference, evidence, at}`.
  add column decided jsonb;
create index payment_attempts_listed on payment_attempts (world, created desc, id desc);
