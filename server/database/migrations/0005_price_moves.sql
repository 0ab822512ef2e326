-- Generations of prices: since when an item has its price, and plans that move subscriptions from one price to another.

alter table subscription_items add column price_since timestamptz;
update subscription_items set price_since = created;
alter table subscription_items alter column price_since set not null;

-- A price's subscribers are listed, the newest first.
drop index subscription_items_of_price;
create index subscription_items_of_price on subscription_items (world, price, created desc, id desc);

create table price_moves (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  from_price text collate "C" not null,
  to_price text collate "C" not null,
  proration_behavior text not null check (proration_behavior in ('create_prorations', 'always_invoice', 'none')),
  status text not null check (status in ('draft', 'applying', 'applied', 'canceled')),
  -- Of its entries, how many are in each state.
  pending integer not null,
  applied integer not null,
  skipped integer not null,
  failed integer not null,
  -- Subscribers that there were beyond the limit of this plan.
  left_out integer not null,
  -- What the dry run found, by currency: `currency`, `subscriptions`, `amount_now`, `next_amount_before`, `next_amount_after`.
  totals jsonb not null,
  started_at timestamptz,
  finished_at timestamptz,
  canceled_at timestamptz,
  primary key (world, id),
  foreign key (world, from_price) references prices,
  foreign key (world, to_price) references prices
);
create index price_moves_listed on price_moves (world, created desc, id desc);
create index price_moves_from on price_moves (world, from_price, created desc, id desc);
create index price_moves_to on price_moves (world, to_price, created desc, id desc);

create table price_move_entries (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  price_move text collate "C" not null,
  subscription text collate "C" not null,
  subscription_item text collate "C" not null,
  customer text collate "C" not null,
  state text not null check (state in ('pending', 'applied', 'skipped', 'failed')),
  reason text,
  currency text not null,
  -- The moment of the dry run, at the subscription's own time: the change is prorated as of it.
  planned_at timestamptz not null,
  -- What the dry run read of the subscription, by the name of the part: a part that differs later is a change.
  seen jsonb not null,
  -- What the change bills at once, and the next invoice without the change and with it; null where nothing is billed by it.
  amount_now bigint not null,
  next_amount_before bigint,
  next_amount_after bigint,
  next_at_before timestamptz,
  next_at_after timestamptz,
  -- At the subscription's own time.
  applied_at timestamptz,
  invoice text collate "C",
  primary key (world, id),
  unique (world, price_move, subscription),
  foreign key (world, price_move) references price_moves,
  foreign key (world, subscription) references subscriptions,
  foreign key (world, subscription_item) references subscription_items,
  foreign key (world, customer) references customers,
  foreign key (world, invoice) references invoices,
  check ((state = 'pending' or state = 'applied') = (reason is null)),
  check ((state = 'applied') = (applied_at is not null))
);
create index price_move_entries_listed on price_move_entries (world, price_move, created desc, id desc);
create index price_move_entries_pending on price_move_entries (world, price_move, customer, id) where state = 'pending';
create index price_move_entries_of_subscription on price_move_entries (world, subscription);
create index price_move_entries_of_item on price_move_entries (world, subscription_item);
create index price_move_entries_of_customer on price_move_entries (world, customer);
create index price_move_entries_of_invoice on price_move_entries (world, invoice) where invoice is not null;

do $$
declare
  name text;
begin
  foreach name in array array['price_moves', 'price_move_entries'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
end $$;
