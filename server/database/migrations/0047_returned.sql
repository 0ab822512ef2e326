-- What a customer has sent, and nothing was paid with, is sent back by a refund of no charge.
alter table refunds
  alter column charge drop not null,
  alter column payment_intent drop not null,
  add check ((charge is null) = (payment_intent is null));
alter table cash_balance_transactions
  drop constraint cash_balance_transactions_type_check,
  add check (type in ('funded', 'applied_to_payment', 'refunded_from_payment', 'return_initiated', 'return_canceled'));
