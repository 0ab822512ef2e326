-- Payments by any method: what is asked of processors, intents in full, methods that are no cards.

-- An operation of a processor's, written before it is asked. Whatever is heard of it is merged into this row.
create table payment_attempts (
  world integer not null default kontor_world(),
  -- The op_id: deterministic from the subject, the number of the attempt and the verb.
  id text collate "C" not null,
  created timestamptz not null,
  verb text not null check (verb in ('charge', 'save', 'capture', 'cancel', 'increment', 'refund')),
  -- The intent or refund that it is for.
  subject text collate "C" not null,
  processor text not null,
  state text not null check (state in ('sending', 'unknown', 'requires_action', 'pending', 'authorized', 'failed', 'declined', 'canceled', 'succeeded')),
  reference text,
  -- The word of the processor that stands, as the port spells it.
  word jsonb,
  heard timestamptz,
  test_clock text collate "C",
  primary key (world, id),
  foreign key (world, test_clock) references test_clocks on delete cascade
);
create index payment_attempts_of_subject on payment_attempts (world, subject);
create index payment_attempts_open on payment_attempts (world, created, id) where state in ('sending', 'unknown', 'pending');
create index payment_attempts_of_reference on payment_attempts (world, processor, reference) where reference is not null;
create index payment_attempts_of_clock on payment_attempts (world, test_clock) where test_clock is not null;


do $$
declare
  name text;
begin
  foreach name in array array['payment_attempts'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;

alter table payment_methods
  -- What the API shows under its type, where that is not `card`.
  add column details jsonb;

alter table payment_intents
  add column amount_capturable bigint not null default 0,
  add column capture_method text not null default 'automatic_async' check (capture_method in ('automatic', 'automatic_async', 'manual'));
alter table payment_intents
  alter column amount_capturable drop default,
  alter column capture_method drop default;

alter table charges
  add column attempt text collate "C",
  add column captured boolean not null default true,
  -- Until when what is reserved can be captured.
  add column capture_before timestamptz;
update charges set captured = (status = 'succeeded');
alter table charges alter column captured drop default;
create unique index charges_of_attempt on charges (world, attempt) where attempt is not null;
