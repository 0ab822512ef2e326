-- What silence will make a success is asked for by customer, each time that a cap is.
drop index outcomes_provisional;
create index outcomes_provisional on outcomes (world, customer, provisional_meter) where provisional_meter is not null;
