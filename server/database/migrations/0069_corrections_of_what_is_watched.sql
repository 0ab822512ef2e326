-- What no meter counts and outcomes follow from can be corrected, too: there is nothing that it had counted, and comes to.
alter table usage_corrections alter column meter drop not null, alter column before drop not null, alter column after drop not null, add column event_name text collate "C",
  add constraint usage_corrections_counted check ((meter is null) = (before is null) and (meter is null) = (after is null));
update usage_corrections c set event_name = m.event_name from meters m where m.world = c.world and m.id = c.meter;
alter table usage_corrections alter column event_name set not null;
