-- Alerts: what tells when a customer has used so much.

create table billing_alerts (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  title text not null,
  status text not null check (status in ('active', 'inactive', 'archived')),
  meter text collate "C" not null,
  -- Whose usage is watched; null for that of every customer.
  customer text collate "C",
  gte numeric not null check (gte > 0),
  -- `recurring` tells once in each period, `one_time` once at all.
  recurrence text not null check (recurrence in ('one_time', 'recurring')),
  -- From when on usage counts: when it was made, or activated again.
  since timestamptz not null,
  primary key (world, id),
  foreign key (world, meter) references meters,
  foreign key (world, customer) references customers on delete cascade
);
create index billing_alerts_listed on billing_alerts (world, created desc, id desc);
create index billing_alerts_of_customer on billing_alerts (world, customer);
create index billing_alerts_of_meter on billing_alerts (world, meter, status);

-- What was told: of each alert, customer and span once.
create table billing_alert_triggers (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  alert text collate "C" not null,
  customer text collate "C" not null,
  -- From when on usage counted.
  counted_from timestamptz not null,
  triggered_at timestamptz not null,
  value numeric not null,
  primary key (world, id),
  unique (world, alert, customer, counted_from),
  foreign key (world, alert) references billing_alerts on delete cascade,
  foreign key (world, customer) references customers on delete cascade
);
create index billing_alert_triggers_of_customer on billing_alert_triggers (world, customer);

do $$
declare name text;
begin
  foreach name in array array['billing_alerts', 'billing_alert_triggers'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
