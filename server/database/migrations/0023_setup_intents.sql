-- Setting methods up, and what a browser has collected for a confirmation.

create table setup_intents (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C",
  test_clock text collate "C",
  status text not null check (status in ('requires_payment_method', 'requires_confirmation', 'requires_action', 'processing', 'canceled', 'succeeded')),
  usage text not null check (usage in ('on_session', 'off_session')),
  client_secret text not null,
  payment_method text collate "C",
  attempts integer not null,
  latest_attempt text collate "C",
  mandate text collate "C",
  last_setup_error jsonb,
  next_action jsonb,
  automatic_payment_methods jsonb,
  payment_method_types jsonb not null,
  allowed_payment_method_types jsonb,
  excluded_payment_method_types jsonb,
  payment_method_configuration text collate "C",
  payment_method_options jsonb not null,
  description text,
  cancellation_reason text,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, test_clock) references test_clocks,
  foreign key (world, payment_method) references payment_methods,
  foreign key (world, mandate) references mandates
);
create index setup_intents_listed on setup_intents (world, created desc, id desc);
create index setup_intents_of_customer on setup_intents (world, customer, created desc, id desc);
create index setup_intents_of_method on setup_intents (world, payment_method, created desc, id desc);
create index setup_intents_of_clock on setup_intents (world, test_clock) where test_clock is not null;
create index setup_intents_of_mandate on setup_intents (world, mandate) where mandate is not null;

create table setup_attempts (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  setup_intent text collate "C" not null,
  customer text collate "C",
  payment_method text collate "C" not null,
  status text not null check (status in ('requires_action', 'processing', 'succeeded', 'failed', 'abandoned')),
  usage text not null check (usage in ('on_session', 'off_session')),
  setup_error jsonb,
  payment_method_details jsonb not null,
  primary key (world, id),
  foreign key (world, setup_intent) references setup_intents on delete cascade,
  foreign key (world, customer) references customers,
  foreign key (world, payment_method) references payment_methods
);
create index setup_attempts_of_intent on setup_attempts (world, setup_intent, created desc, id desc);
create index setup_attempts_of_customer on setup_attempts (world, customer) where customer is not null;
create index setup_attempts_of_method on setup_attempts (world, payment_method);

create table confirmation_tokens (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  expires_at timestamptz not null,
  payment_method text collate "C" not null,
  mandate_data jsonb,
  return_url text,
  setup_future_usage text check (setup_future_usage in ('on_session', 'off_session')),
  shipping jsonb,
  use_stripe_sdk boolean not null,
  -- The intent for which it was used, which is once.
  payment_intent text collate "C",
  setup_intent text collate "C",
  primary key (world, id),
  foreign key (world, payment_method) references payment_methods,
  foreign key (world, payment_intent) references payment_intents on delete cascade,
  foreign key (world, setup_intent) references setup_intents on delete cascade
);
create index confirmation_tokens_of_method on confirmation_tokens (world, payment_method);
create index confirmation_tokens_of_payment on confirmation_tokens (world, payment_intent) where payment_intent is not null;
create index confirmation_tokens_of_setup on confirmation_tokens (world, setup_intent) where setup_intent is not null;

do $$
declare
  name text;
begin
  foreach name in array array['setup_intents', 'setup_attempts', 'confirmation_tokens'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
-- Refunds by which a credit note has given money back: `[{refund, amount_refunded}]`.
alter table credit_notes add column refunds jsonb not null default '[]';
alter table credit_notes alter column refunds drop default;
