-- A subscription that wants nothing at first may wait for the setup of a method for later.
alter table subscriptions add pending_setup_intent text collate "C";
alter table subscriptions add foreign key (world, pending_setup_intent) references setup_intents deferrable initially deferred;
create unique index subscriptions_of_setup on subscriptions (world, pending_setup_intent) where pending_setup_intent is not null;
