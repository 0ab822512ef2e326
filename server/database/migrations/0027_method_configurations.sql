-- By what types an account wants to be paid, and what a customer's browser may do with its methods.

create table payment_method_configurations (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  name text not null,
  active boolean not null,
  is_default boolean not null,
  -- `on` or `off` by type.
  preferences jsonb not null,
  primary key (world, id)
);
create unique index payment_method_configurations_default on payment_method_configurations (world) where is_default;
create index payment_method_configurations_listed on payment_method_configurations (world, created desc, id desc);

create table customer_sessions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  expires_at timestamptz not null,
  customer text collate "C" not null,
  -- The secret itself is not kept.
  secret_hash text collate "C" not null,
  components jsonb not null,
  primary key (world, id),
  unique (world, secret_hash),
  foreign key (world, customer) references customers on delete cascade
);
create index customer_sessions_of_customer on customer_sessions (world, customer);

do $$
declare
  name text;
begin
  foreach name in array array['payment_method_configurations', 'customer_sessions'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
