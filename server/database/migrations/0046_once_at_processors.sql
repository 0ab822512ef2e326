-- What a processor has taken is one charge, and what it keeps under a name of its own is one payment method. Of twins that are there already the first one has the name.
alter table charges add column processor text;
alter table payment_methods add column processor_identity text;

do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    update charges c set processor = t.processor
    from (select h.id, a.processor, row_number() over (partition by a.processor, h.processor_reference, h.status = 'failed' order by h.created, h.id) as n
          from charges h join payment_attempts a on a.world = each and a.id = h.attempt where h.world = each and h.processor_reference is not null) t
    where c.world = each and c.id = t.id and (t.n = 1 or c.status = 'failed');
    update payment_methods m set processor_identity = t.identity
    from (select k.id, k.identity, row_number() over (partition by k.processor, k.identity, k.spent order by k.created, k.id) as n
          from (select h.*, case p.type when 'stripe' then regexp_replace(h.processor_reference, '^.*/', '') when 'adyen' then nullif(h.processor_reference, h.type) end as identity
                from payment_methods h join processors p on p.world = each and p.id = h.processor where h.world = each) k where k.identity is not null) t
    where m.world = each and m.id = t.id and (t.n = 1 or m.spent);
  end loop;
  perform set_config('kontor.world', '', true);
end $$;

create unique index charges_once on charges (world, processor, processor_reference) where status <> 'failed' and processor is not null and processor_reference is not null;
create unique index payment_methods_once on payment_methods (world, processor, processor_identity) where processor_identity is not null and not spent;
