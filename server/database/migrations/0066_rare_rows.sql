-- What is looked for among much else: the last value of each combination of the dimensions' values, what waits for a person, what is not as nearly everything is.
create index meter_rollups_of_dimensions on meter_rollups (world, meter, customer, dimensions, hour desc) where dimensions <> '';
create index outcomes_taken_back on outcomes (world, state, id) where state in ('contested', 'reversed');
create index invoices_not_paid on invoices (world, status, created desc, id desc) where status <> 'paid';
create index subscriptions_not_active on subscriptions (world, status, created desc, id desc) where status <> 'active';
create index webhook_deliveries_given_up on webhook_deliveries (world, created desc, id desc) where state = 'given_up';

-- Thin events are pruned, for which somebody has to see in which worlds there are any.
create policy all_worlds on thin_events for select using (kontor_world() = 0);
