-- Addresses at which files can be seen without a key, for as long as they last.
create table file_links (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  file text collate "C" not null,
  -- What only whoever was given the address knows.
  secret text not null,
  expires_at timestamptz,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, file) references files
);
create index file_links_listed on file_links (world, created desc, id desc);
create index file_links_of_file on file_links (world, file);
alter table file_links enable row level security, force row level security;
create policy own_world on file_links using (world = kontor_world()) with check (world = kontor_world());
create policy all_worlds on file_links for select using (kontor_world() = 0);
grant select, insert, update on file_links to kontor_app;
