-- Files that were uploaded, and apart from them what is in them.
create table files (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  purpose text not null,
  filename text not null,
  -- By what is in it: `pdf`, `png`, `jpg`.
  type text not null,
  size bigint not null check (size > 0),
  primary key (world, id)
);
create index files_listed on files (world, created desc, id desc);

create table file_contents (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  bytes bytea not null,
  primary key (world, id),
  foreign key (world, id) references files
);
alter table file_contents alter column bytes set storage external;

do $$
declare name text;
begin
  foreach name in array array['files', 'file_contents'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert on %I to kontor_app', name);
  end loop;
end $$;
