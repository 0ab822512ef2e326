-- Where a new payment method is kept, by the account's own rules; the first that matches counts.
alter table settings add column routing_rules jsonb not null default '[]';
