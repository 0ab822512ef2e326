-- Outcomes are judged again, and held against previews, by the time in which they began or counted. They lie in its order, so that a summary of their pages finds them, and costs an outcome nothing.
drop index outcomes_begun;
create index outcomes_in_time on outcomes using brin (began_at, counted_at);
-- Events are told in the order of their ids, and an index that goes the same way grows at its ends instead of splitting in the middle.
drop index events_by_type;
create index events_by_type on events (world, type, id);
