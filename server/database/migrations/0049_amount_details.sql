-- What an amount is made of, and by what who buys and who sells know the payment.
alter table payment_intents add column amount_details jsonb, add column payment_details jsonb;
