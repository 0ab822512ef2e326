-- What an object was is asked of few events: of all others the index was paid for, and never read.
drop index events_of_object;
create index events_of_object on events (world, object_id, id) where type in ('coupon.updated', 'customer.updated', 'customer.subscription.created', 'customer.subscription.updated', 'price.updated');
-- A customer's outcomes count on few meters.
drop index outcomes_counted;
create index outcomes_counted on outcomes (world, customer, counted_at) where counted_at is not null;
