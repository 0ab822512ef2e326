-- When an event is taken back, and put back, has a place in the order of receipt as the event itself: what was known at a bill is told also within one second.

alter table meter_event_cancellations add column number bigint;
alter table meter_event_cancellations add column reverted_number bigint;

do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    -- Nobody knows it of those that are there: that of their event comes before all that follows.
    update meter_event_cancellations c set number = e.number from meter_events e where c.world = each and e.world = each and e.slot = c.slot and e.key = c.key;
    update meter_event_cancellations set number = coalesce(number, 0), reverted_number = case when reverted_at is not null then coalesce(number, 0) end where world = each;
  end loop;
  perform set_config('kontor.world', '', true);
end $$;

alter table meter_event_cancellations alter column number set not null;
alter table meter_event_cancellations add constraint meter_event_cancellations_reverted check ((reverted_at is null) = (reverted_number is null));
create index meter_event_cancellations_of_event on meter_event_cancellations (world, slot, key);
grant update (reverted_number) on meter_event_cancellations to kontor_app;
