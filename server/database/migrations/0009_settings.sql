-- What an account decides for itself, in each mode. Without a row all is as it is by default.

create table settings (
  world integer not null default kontor_world(),
  id text collate "C" not null check (id = 'settings'),
  -- `{unit}`: whether parts of periods are counted by the second or by the day.
  proration jsonb not null,
  primary key (world, id)
);

alter table settings enable row level security, force row level security;
create policy own_world on settings using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update, delete on settings to kontor_app;
