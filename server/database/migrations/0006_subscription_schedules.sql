-- Subscription schedules: what a subscription is to become, phase by phase.

create table subscription_schedules (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  test_clock text collate "C",
  status text not null check (status in ('not_started', 'active', 'completed', 'released', 'canceled')),
  subscription text collate "C",
  released_subscription text collate "C",
  end_behavior text not null check (end_behavior in ('cancel', 'release')),
  billing_mode jsonb not null,
  -- `{start_date, end_date}` while it is active: the phase that runs.
  current_phase jsonb,
  default_settings jsonb not null,
  -- In their order, each ending where the next one starts; prices, tax rates, coupons and payment methods by id.
  phases jsonb not null,
  metadata jsonb not null,
  canceled_at timestamptz,
  completed_at timestamptz,
  released_at timestamptz,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, test_clock) references test_clocks,
  foreign key (world, subscription) references subscriptions,
  foreign key (world, released_subscription) references subscriptions,
  check ((status = 'active') = (current_phase is not null)),
  check (status <> 'active' or subscription is not null)
);
create index subscription_schedules_listed on subscription_schedules (world, created desc, id desc);
create index subscription_schedules_of_customer on subscription_schedules (world, customer, created desc, id desc);
create index subscription_schedules_of_clock on subscription_schedules (world, test_clock) where test_clock is not null;
create index subscription_schedules_of_subscription on subscription_schedules (world, subscription) where subscription is not null;
create index subscription_schedules_released on subscription_schedules (world, released_subscription) where released_subscription is not null;

-- The schedule that manages a subscription; the two are made in one transaction, each naming the other.
alter table subscriptions add column schedule text collate "C";
alter table subscriptions add foreign key (world, schedule) references subscription_schedules deferrable initially deferred;
create index subscriptions_of_schedule on subscriptions (world, schedule) where schedule is not null;

alter table subscription_schedules enable row level security, force row level security;
create policy own_world on subscription_schedules using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update, delete on subscription_schedules to kontor_app;
