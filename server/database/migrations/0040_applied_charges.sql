-- Whether the money of a charge was put to an invoice, by its own payment or by being attached to one: else it is kept apart, and comes out of what is kept when it is given back or lost.
alter table charges add column applied boolean not null default false;

do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    update charges c set applied = true
    where c.world = each and c.status = 'succeeded' and c.captured and (
      not exists (select from ledger_entries l where l.world = each and l.id >= c.id || ':captured/' and l.id < c.id || ':captured0' and l.ledger_account = 'unapplied_payments')
      or exists (select from payment_intents i join invoice_payments p on p.world = each and p.payment_intent = i.id and p.status = 'paid' where i.world = each and i.latest_charge = c.id));
  end loop;
  perform set_config('kontor.world', '', true);
end $$;
alter table charges alter column applied drop default;
