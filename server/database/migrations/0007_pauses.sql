-- Pausing: the collection of a subscription's invoices, or the subscription itself.

alter table subscriptions
  -- `{behavior, resumes_at}` while the invoices that it makes are not collected.
  add column pause_collection jsonb,
  -- `{paused: {subscription: {type}, transitioned_at, type}}` while its status is `paused`.
  add column status_details jsonb,
  -- `{invoice, payment_behavior}` while it is paused and the payment that resumes it is awaited.
  add column resumption jsonb,
  -- When it was last resumed: a gap in what is billed may end there.
  add column resumed_at timestamptz;
