-- Lines whose usage came to more than a line may are found among all others.
create index invoice_lines_held on invoice_lines (world, invoice) where metering ? 'held';
