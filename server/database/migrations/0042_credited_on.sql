-- Late usage draws credit when the invoice that bills it is finalised; the correction that says so counts as long as it stands on that invoice.
alter table invoice_corrections add column credited_on text collate "C", add foreign key (world, credited_on) references invoices (world, id);
create index invoice_corrections_of_credited_on on invoice_corrections (world, credited_on) where credited_on is not null;
create index invoice_items_of_corrected on invoice_items (world, customer) where correction is not null;
