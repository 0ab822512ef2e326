-- What was paid by transfer goes back to the customer's cash.
alter table cash_balance_transactions
  add column refund text collate "C",
  drop constraint cash_balance_transactions_type_check,
  add check (type in ('funded', 'applied_to_payment', 'refunded_from_payment')),
  add foreign key (world, refund) references refunds;
create index cash_balance_transactions_of_refund on cash_balance_transactions (world, refund) where refund is not null;
