-- Processors are asked to let methods go.
alter table payment_attempts drop constraint payment_attempts_verb_check;
alter table payment_attempts add constraint payment_attempts_verb_check check (verb in ('charge', 'save', 'capture', 'cancel', 'increment', 'refund', 'detach'));
