-- Prices by the values of a meter's dimensions: usage is counted, reserved and put right by them.

-- An entry has `name`, `dimensions` (the values of each dimension that it is for), its amounts, and `currency_options`. Null where all usage costs the same.
alter table prices add column dimension_prices jsonb;

-- What a correction changes of each group of such a price: `name`, `before`, `after`.
alter table invoice_corrections add column quantity_groups jsonb;

-- The values of the meter's dimensions with which what is reserved will be recorded.
alter table usage_reservations add column dimensions jsonb not null default '{}';
