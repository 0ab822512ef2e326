-- What waits for a subscription may be billed at an interval of its own.

alter table subscriptions
  -- `{interval, interval_count}`; null where what waits goes onto the next invoice that the subscription makes.
  add column pending_invoice_item_interval jsonb,
  -- When what waits is billed next by that interval.
  add column next_pending_invoice_item_invoice timestamptz;
