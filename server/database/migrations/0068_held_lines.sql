-- Lines of finalized invoices of which there is more usage than may be billed, until it is put right.
create table held_lines (
  world integer not null default kontor_world(),
  -- The line's.
  id text collate "C" not null,
  created timestamptz not null,
  invoice text collate "C" not null,
  -- Whether the line had been billed without what came to be too much.
  late boolean not null,
  quantity_decimal text not null,
  comes_to text not null,
  primary key (world, id),
  foreign key (world, id) references invoice_lines,
  foreign key (world, invoice) references invoices
);
create index held_lines_of_invoice on held_lines (world, invoice);
alter table held_lines enable row level security, force row level security;
create policy own_world on held_lines using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update, delete on held_lines to kontor_app;

insert into held_lines (world, id, created, invoice, late, quantity_decimal, comes_to)
select l.world, l.id, i.finalized_at, l.invoice, false, l.quantity_decimal, l.metering ->> 'held'
from invoice_lines l join invoices i on i.world = l.world and i.id = l.invoice and i.finalized_at is not null and i.status <> 'void'
where l.metering ? 'held' and not exists (select from invoice_corrections c where c.world = l.world and c.line = l.id);
