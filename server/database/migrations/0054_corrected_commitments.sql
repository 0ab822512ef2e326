-- Of a line that makes usage up to a commitment, what of that corrections of other invoices' lines have come to, minor units as a decimal string.
alter table invoice_lines add column commitment_corrected text;
