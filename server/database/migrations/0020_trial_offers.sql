-- Trial offers: a price for a while, and another one after it.

create table trial_offers (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  active boolean not null,
  -- The price during the trial, for how many of its periods, and the price after it.
  price text collate "C" not null,
  iterations integer not null check (iterations > 0),
  transition_price text collate "C" not null,
  nickname text,
  primary key (world, id),
  foreign key (world, price) references prices,
  foreign key (world, transition_price) references prices
);
create index trial_offers_listed on trial_offers (world, created desc, id desc);
create index trial_offers_of_price on trial_offers (world, price, created desc, id desc);
create index trial_offers_to_price on trial_offers (world, transition_price);

alter table trial_offers enable row level security, force row level security;
create policy own_world on trial_offers using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update, delete on trial_offers to kontor_app;

-- `{trial_offer, iterations, transition_price, start_date, end_date}` while the item is in a trial offer.
alter table subscription_items add column current_trial jsonb;
