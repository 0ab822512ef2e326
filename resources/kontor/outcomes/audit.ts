/** What `kontor verify` asks of outcomes: that each is what its events make of it, and that what is on the meters is what counts. */
import { judge } from '../../../billing/outcome/settle.ts';
import type { OutcomeRow } from '../../../billing/outcome/outcome.ts';
import type { Audit, Audited } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { COUNTS_TEXT } from '../../../server/usage/cells.ts';
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
    about: 'What the meters that Kontor has made for outcomes have counted for a customer are the successes that count.',
    things: 'meters',
    look: query(`with counted as (select r.meter, r.customer, sum(r.sum) as units from (select meter, customer, sum from meter_rollups union all select meter, customer, sum from tallied_hours()) r where r.meter in (${OWN}) and exists (select from customers c where c.id = r.customer) group by 1, 2),
        successes as (select o.meter, o.customer, count(*) as units from outcomes o where o.meter in (${OWN}) group by 1, 2)
      select coalesce(c.meter, s.meter) as object, format('for %s it has counted %s, and %s successes count', coalesce(c.customer, s.customer), coalesce(c.units, 0), coalesce(s.units, 0)) as sentence
      from counted c full join successes s on s.meter = c.meter and s.customer = c.customer where coalesce(c.units, 0) <> coalesce(s.units, 0)`),
  },
  {
    id: 'I23',
    about: 'A meter of the account on which outcomes count has counted each of them as often as it counts now. Outcomes of which events have been dropped are passed over.',
    things: 'meters',
    look: query(`with units as (
        select e.meter, split_part(e.identifier, ':', 1) as outcome, e.value as counted, 0 as due from meter_events e
        where e.identifier like 'outc\\_%:%' and e.meter not in (${OWN}) and ${COUNTS_TEXT}
        union all select o.meter, o.id, 0, 1 from outcomes o where o.meter not in (${OWN}))
      select u.meter as object, format('it has counted the outcome %s %s times, and it counts %s times', u.outcome, sum(u.counted), sum(u.due)) as sentence
      from units u join outcomes o on o.id = u.outcome and o.created >= to_timestamp(meter_events_kept_from() / 1000000)
      group by u.meter, u.outcome having sum(u.counted) <> sum(u.due)`),
  },
];
