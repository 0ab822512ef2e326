-- What a processor calls a refund that somebody has made there.
alter table refunds add column processor_reference text collate "C";
create unique index refunds_by_reference on refunds (world, charge, processor_reference) where processor_reference is not null;
