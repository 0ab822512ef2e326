-- Caps: how much a customer may use before it is told no, and what is reserved of it.

create table usage_caps (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  test_clock text collate "C",
  name text,
  status text not null check (status in ('active', 'archived')),
  -- Either units of a meter, or minor units of a currency over all that is metered.
  meter text collate "C",
  quantity numeric,
  currency text,
  amount bigint,
  period text not null check (period in ('billing_period', 'day', 'month', 'lifetime')),
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers on delete cascade,
  foreign key (world, meter) references meters,
  check ((meter is null) = (quantity is null) and (currency is null) = (amount is null) and (meter is null) <> (currency is null))
);
create index usage_caps_listed on usage_caps (world, created desc, id desc);
create index usage_caps_of_customer on usage_caps (world, customer, created desc, id desc);
create index usage_caps_of_meter on usage_caps (world, meter);

-- Usage that may come: it counts for the caps until it is recorded, given up, or its time is over.
create table usage_reservations (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  test_clock text collate "C",
  meter text collate "C" not null,
  quantity numeric not null check (quantity > 0),
  status text not null check (status in ('reserved', 'finalized', 'released', 'expired')),
  expires_at timestamptz not null,
  -- What was recorded in the end, and as which event.
  finalized_quantity numeric,
  identifier text,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers on delete cascade,
  foreign key (world, meter) references meters
);
create index usage_reservations_listed on usage_reservations (world, created desc, id desc);
create index usage_reservations_of_customer on usage_reservations (world, customer, created desc, id desc);
create index usage_reservations_open on usage_reservations (world, customer) where status = 'reserved';
create index usage_reservations_of_meter on usage_reservations (world, meter);

do $$
declare name text;
begin
  foreach name in array array['usage_caps', 'usage_reservations'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
