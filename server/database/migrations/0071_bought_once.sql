-- While credit that was bought waits to be paid, its customer buys no more, whichever top-up bought it.
create index invoices_buying on invoices (world, customer, currency) where top_up is not null and status in ('draft', 'open');
drop index invoices_of_top_up;
