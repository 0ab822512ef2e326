-- What live processors say of disputes and payouts, by their own names of them.
alter table disputes add column processor_reference text collate "C";
create unique index disputes_by_reference on disputes (world, processor, processor_reference) where processor_reference is not null;

alter table payouts add column processor_reference text collate "C";
create unique index payouts_by_reference on payouts (world, processor_reference) where processor_reference is not null;
-- A processor may take from the bank what its balance lacks.
alter table payouts drop constraint payouts_amount_check, add check (amount <> 0);

create index charges_by_reference on charges (world, processor_reference) where processor_reference is not null;

-- What a charge came to in the currency in which its processor has settled it, where that is another.
alter table charges
  add column settled_amount bigint,
  add column settled_currency text,
  add check ((settled_amount is null) = (settled_currency is null));
