-- Commitments: what the usage of a subscription comes to at least in each period.

-- `{amount, name}`, minor units as a decimal string; null for none.
alter table subscriptions add column commitment jsonb;
-- Of a line that makes usage up to a commitment, the part of it that falls on its period, minor units as a decimal string.
alter table invoice_lines add column commitment text;
