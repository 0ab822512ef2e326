-- A change that waits for its payment, with all that is needed to apply it or to discard it (`PendingUpdate` in billing/subscription/subscription.ts).

alter table subscriptions add column pending_update jsonb;
