-- What an invoice takes of a grant again, after a correction had given it back, is set against that invoice: a debit, as its amount says.

update credit_balance_transactions set type = 'credits_applied' where type = 'credits_application_invoice_voided' and amount < 0;
alter table credit_balance_transactions add constraint credit_balance_transactions_sign check ((amount > 0) = (type in ('credits_granted', 'credits_application_invoice_voided')));
