-- A call names the test clock on which its payment is made: the clock does not go on before the answer, and takes the call with it when it is deleted.
alter table calls
  add column test_clock text collate "C",
  add foreign key (world, test_clock) references test_clocks on delete cascade;
create index calls_of_clock on calls (world, test_clock) where test_clock is not null;
