-- `{currency, rates}`: in what the sandbox settles what is charged in other currencies, and at which rates.
alter table settings add column settlement jsonb;
