-- Where a shop shows methods of payment, and what a shop has said of a charge.
create table payment_method_domains (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  domain_name text not null,
  enabled boolean not null,
  primary key (world, id),
  unique (world, domain_name)
);
create index payment_method_domains_listed on payment_method_domains (world, created desc, id desc);
alter table payment_method_domains enable row level security, force row level security;
create policy own_world on payment_method_domains using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update, delete on payment_method_domains to kontor_app;

alter table charges add column fraud_details jsonb not null default '{}';
alter table charges alter column fraud_details drop default;
