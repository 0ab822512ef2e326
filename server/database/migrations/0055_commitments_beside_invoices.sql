-- A line that makes usage up keeps all that was agreed for its period, and beside it what other invoices and their corrections had billed of that when it was counted: not what was left, since an invoice may be voided later.

alter table invoice_lines rename column commitment_corrected to commitment_billed;

do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    update invoice_lines m set commitment_billed = (b.amount + coalesce(m.commitment_billed, '0')::bigint)::text, commitment = (b.amount + coalesce(m.commitment_billed, '0')::bigint + m.commitment::bigint)::text
    from (
      select m.id, coalesce(sum(l.amount), 0) as amount
      from invoice_lines m join invoices r on r.world = each and r.id = m.invoice
      left join (subscription_items s join invoice_lines l on l.world = each and l.subscription_item = s.id and l.metering is not null join invoices i on i.world = each and i.id = l.invoice)
        on s.world = each and s.subscription = m.subscription and l.invoice <> m.invoice and l.period_start >= m.period_start and l.period_end <= m.period_end and (l.invoice_item is not null or (i.billing_reason = 'subscription_threshold' and i.period_start < i.period_end))
          and i.created <= r.created and (i.voided_at is null or i.voided_at > r.created)
      where m.world = each and m.commitment is not null group by m.id) b
    where m.world = each and m.id = b.id;
  end loop;
  perform set_config('kontor.world', '', true);
end $$;
