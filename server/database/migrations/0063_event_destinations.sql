-- Endpoints of thin events, which are event destinations, and deliveries of these events.
alter table webhook_endpoints add column thin boolean not null default false, add column name text, add column updated timestamptz;
alter table webhook_endpoints add check (thin = (name is not null) and thin = (updated is not null));

alter table webhook_deliveries
  alter column event drop not null,
  add column thin_event text collate "C",
  add foreign key (world, thin_event) references thin_events on delete cascade,
  add unique (world, thin_event, webhook_endpoint),
  add check ((event is null) <> (thin_event is null));
