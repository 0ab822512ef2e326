-- Whose money goes through a processor, as it says itself: a key of another account does not take its place.
alter table processors add column account text;
