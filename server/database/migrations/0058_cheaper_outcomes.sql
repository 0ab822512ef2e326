-- What every outcome pays for. A definition is never removed, and whoever begins an outcome holds its customer where that can go (`clocksOf`): both keys cost a look-up for each row and kept nothing out.
alter table outcomes drop constraint outcomes_world_definition_fkey;
alter table outcomes drop constraint outcomes_world_customer_fkey;
-- Lists go by the ids, which are made in the order of time.
drop index outcomes_listed;
drop index outcomes_of_customer;
create index outcomes_of_customer on outcomes (world, customer, id);
-- What tells subjects apart comes first, and is found by itself.
alter table outcomes add unique (world, subject, definition, customer);
alter table outcomes drop constraint outcomes_world_definition_customer_subject_key;
