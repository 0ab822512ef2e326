-- How usage is priced beside the price itself.

-- What a price includes: `{quantity, per, seat_product}`; null for nothing.
alter table prices add column allowance jsonb;

-- How a line of usage came to its amount, so that it can be counted again: its meter, the allowance, and what was billed of the same period before. Null for what is not usage.
alter table invoice_lines add column metering jsonb;
alter table invoice_items add column metering jsonb;
update invoice_lines l set metering = jsonb_build_object('meter', p.meter, 'allowance', null, 'billed', null)
  from prices p where p.world = l.world and p.id = l.price and p.meter is not null and not l.proration;
update invoice_items i set metering = jsonb_build_object('meter', p.meter, 'allowance', null, 'billed', null)
  from prices p where p.world = i.world and p.id = i.price and p.meter is not null and not i.proration;
