-- Invoices before a period ends: where usage reaches a threshold.

alter table subscriptions
  -- `{amount_gte, reset_billing_cycle_anchor}`; null for none.
  add column billing_thresholds jsonb,
  -- Whether it, or one of its items, has a threshold: then it is looked at when usage comes.
  add column watched boolean not null default false;
-- What was billed of the usage since the item's period began: `{start, quantity, amount}`. It counts while `start` is the period's.
alter table subscription_items add column billed jsonb;

create index subscriptions_watched on subscriptions (world, customer) where watched;
