-- Since when a subscription is to end without giving anything back for the periods that had begun by then.
alter table subscriptions add ends_unprorated_since timestamptz;
