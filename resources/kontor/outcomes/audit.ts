/** What `kontor verify` asks of outcomes: that each is what its events make of it, and that what is on the meters is what counts. */
import { judge } from '../../../billing/outcome/settle.ts';
import type { OutcomeRow } from '../../../billing/outcome/outcome.ts';
import type { Audit, Audited } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { INTERIM } from '../invoice_corrections/rows.ts';
import { definitionsById } from '../outcome_definitions/rows.ts';

const BATCH = 1_000;

/** Each outcome judged again from what is kept; the moment is that at which it was judged last, since silence decides at its own. */
async function* judgeAll(tx: Tx): AsyncGenerator<Audited> {
  const definitions = new Map((await definitionsById(tx, (await rows<{ id: string }>(tx, sql`select id from outcome_definitions`)).map(({ id }) => id))).map((each) => [each.id, each]));
  for (let last = ''; ; ) {
    const found = await rows<OutcomeRow>(tx, sql`select * from outcomes where id > ${last} order by id limit ${BATCH}`);
    if (found.length === 0) return;
    last = found.at(-1)!.id;
    yield { looked: found.length, findings: found.flatMap((each) => contradiction(each, judge(definitions.get(each.definition)!, each.events, each.contests, each.updated))) };
  }
}

function contradiction(row: OutcomeRow, { state, success, counted, due_at, version }: ReturnType<typeof judge>) {
  const written = [row.version, row.state, row.outcome, row.settled_at, row.meter, row.counted_at, row.due_at];
  const judged = [version?.version ?? null, state, success?.outcome ?? null, success?.settled_at ?? null, counted?.meter ?? null, counted?.at ?? null, due_at];
  return written.every((value, n) => value === judged[n]) ? [] : [{ object: row.id, sentence: `it says ${written.join(' ')}; its events make it ${judged.join(' ')}` }];
}

type Finding = { object: string; sentence: string };

/** A check that is one query; it looks at as many things as it finds wrong. */
const query = (text: string) => async function* (tx: Tx): AsyncGenerator<Audited> {
  const { rows: findings } = await tx.query<Finding>(text);
  yield { looked: findings.length, findings };
};

const OWN = `select m.id from meters m where m.event_name like 'kontor.outcome.%'`;

export const outcomeAudits: readonly Audit[] = [
  { id: 'I22', about: 'Each outcome is what its events, its decisions and its definition make of it.', things: 'outcomes', look: judgeAll },
  {
    id: 'I23',
    about: 'What the meters of outcomes have counted for a customer are the successes that count.',
    things: 'meters',
    look: query(`with counted as (select r.meter, r.customer, sum(r.sum) as units from (select meter, customer, sum from meter_rollups union all select meter, customer, sum from tallied_hours()) r where r.meter in (${OWN}) and exists (select from customers c where c.id = r.customer) group by 1, 2),
        successes as (select o.meter, o.customer, count(*) as units from outcomes o where o.meter in (${OWN}) group by 1, 2)
      select coalesce(c.meter, s.meter) as object, format('for %s it has counted %s, and %s successes count', coalesce(c.customer, s.customer), coalesce(c.units, 0), coalesce(s.units, 0)) as sentence
      from counted c full join successes s on s.meter = c.meter and s.customer = c.customer where coalesce(c.units, 0) <> coalesce(s.units, 0)`),
  },
  {
    id: 'I24',
    about: 'The successes that count in the period of a billed line are those that it billed and those that were corrected since; what is being corrected is passed over.',
    things: 'lines',
    look: query(`with lines as (
        select l.id, l.invoice, i.customer, l.metering ->> 'meter' as meter, l.period_start, l.period_end, l.quantity_decimal::numeric as billed from invoice_lines l join invoices i on i.id = l.invoice
        where i.finalized_at is not null and i.status <> 'void' and not ${INTERIM} and l.metering ->> 'meter' in (${OWN}) and l.metering ->> 'billed' is null
          and not exists (select from timers t where t.kind = 'invoice.correct' and t.subject = i.id)),
      corrected as (
        select c.line, sum(c.quantity_after - c.quantity_before) as units from invoice_corrections c left join invoice_items t on t.id = c.invoice_item left join invoices i on i.id = t.invoice left join credit_notes n on n.id = c.credit_note
        where (t.id is not null and i.status is distinct from 'void') or n.status = 'issued' group by 1),
      counted as (select l.id, count(o.id) as units from lines l left join outcomes o on o.meter = l.meter and o.customer = l.customer and o.counted_at >= l.period_start and o.counted_at < l.period_end group by 1)
      select l.id as object, format('it billed %s, corrected by %s, and %s successes count', l.billed, coalesce(c.units, 0), n.units) as sentence
      from lines l join counted n on n.id = l.id left join corrected c on c.line = l.id where l.billed + coalesce(c.units, 0) <> n.units`),
  },
];
