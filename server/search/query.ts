/**
 * Stripe's query language: clauses `field:"value"`, `field~"part"`, `field>1`, each with a `-` before it for its opposite, joined by `AND` or by `OR` and never by both. A query becomes a condition of SQL, in
 * which every value is a parameter.
 */
import { refuse } from '../../billing/decision.ts';
import { join, raw, sql, type Sql } from '../database/sql.ts';

/**
 * What can be searched for: `id` as it is, `token` as a whole, `text` by words and by parts of them, whatever the case of its letters; `number` and `time` (Unix seconds) by size, `boolean` as "true" or "false". `column` is
 * SQL of ours. Texts are in quotation marks; of numbers, also those that are no amount, such as the last digits of a card, they may be left out.
 */
type Field = { of: 'id' | 'token' | 'text' | 'number' | 'time' | 'boolean'; column: string };
export type Fields = Readonly<Record<string, Field>>;

type Operator = ':' | '~' | '>' | '<' | '>=' | '<=';
/** `value` is null where a field is to have none. */
type Clause = { negated: boolean; field: string; key: string | null; operator: Operator; value: string | null; at: string };

const MOST_CLAUSES = 10;

const wrong = (why: string): never => refuse(undefined, `The query cannot be read: ${why} Write clauses such as \`email:"jenny@example.com"\` or \`metadata["order"]:"6735"\`, joined by AND or by OR.`, 'query');

const CLAUSE = /^(-?)\s*([a-z_][a-z_0-9.]*)\s*(?:\[\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\])?\s*(:|~|>=|<=|>|<)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?[0-9]+(?:\.[0-9]+)?|null)(?=\s|$)/is;
const unquoted = (text: string) => text.slice(1, -1).replaceAll(/\\(.)/gs, '$1');

function valueOf(text: string): string | null {
  if (text.toLowerCase() === 'null') return null;
  return /^["']/.test(text) ? unquoted(text) : text;
}

/** The clauses of a query and how they are joined. */
export function parseQuery(query: string): { clauses: Clause[]; joined: 'and' | 'or' } {
  const clauses: Clause[] = [];
  let joined: 'and' | 'or' | null = null;
  let rest = query.trim();
  if (rest === '') wrong('it is empty.');
  while (rest !== '') {
    const found = CLAUSE.exec(rest);
    if (!found) return wrong(`this is no clause: \`${rest.slice(0, 60)}\`.`);
    const [at, minus, field, key, operator, value] = found as unknown as [string, string, string, string | undefined, Operator, string];
    clauses.push({ negated: minus === '-', field, key: key === undefined ? null : unquoted(key), operator, value: valueOf(value), at });
    rest = rest.slice(at.length).trim();
    const word = /^(and|or)(?=\s)/i.exec(rest)?.[1]?.toLowerCase() as 'and' | 'or' | undefined;
    if (rest === '') break;
    if (joined !== null && joined !== (word ?? 'and')) wrong('AND and OR are not mixed in one query.');
    joined = word ?? 'and';
    rest = rest.slice(word?.length ?? 0).trim();
    if (rest === '') wrong('a clause is missing at its end.');
  }
  if (clauses.length > MOST_CLAUSES) wrong(`it has ${clauses.length} clauses, and may have ${MOST_CLAUSES}.`);
  return { clauses, joined: joined ?? 'and' };
}

const likely = (part: string) => `%${part.replaceAll(/[\\%_]/g, '\\$&')}%`;

/** That all words are in the text, one after the other: "one two" is in "Number one two three". */
const inWords = (column: Sql, value: string): Sql => sql`' ' || regexp_replace(lower(trim(${column})), '[[:space:]]+', ' ', 'g') || ' ' like lower(${likely(` ${value.trim().split(/\s+/).join(' ')} `)})`;

function fieldOf({ field, key }: Clause, fields: Fields): { of: Field['of'] | 'metadata'; column: Sql } {
  if (field === 'metadata') return key === null ? wrong('say which key of the metadata is meant: `metadata["key"]:"value"`.') : { of: 'metadata', column: sql`(metadata ->> ${key})` };
  const known = Object.hasOwn(fields, field) ? fields[field]! : null;
  if (!known || key !== null) return wrong(`\`${field}\` cannot be searched for here, as can ${[...Object.keys(fields), 'metadata'].join(', ')}.`);
  return { of: known.of, column: raw(known.column) };
}

function condition(clause: Clause, fields: Fields): Sql {
  const { of, column } = fieldOf(clause, fields);
  const { operator, value, at } = clause;
  if (value === null) return operator === ':' ? sql`${column} is null` : wrong(`\`${at}\`: nothing is only compared by \`:\`.`);
  switch (of) {
    case 'id':
    case 'token':
    case 'text':
    case 'metadata': {
      const hasParts = of === 'text' || of === 'metadata';
      if (operator === '~' && hasParts) return value.length < 3 ? wrong(`\`${at}\`: a part has three letters or more.`) : sql`${column} ilike ${likely(value)}`;
      if (operator !== ':') return wrong(`\`${at}\`: it is compared by \`:\`${hasParts ? ' or `~`' : ''}.`);
      if (of === 'text') return inWords(column, value);
      return of === 'id' ? sql`${column} = ${value}` : sql`lower(${column}) = lower(${value})`;
    }
    case 'boolean':
      if (operator !== ':' || !/^(?:true|false)$/i.test(value)) return wrong(`\`${at}\`: it is \`:"true"\` or \`:"false"\`.`);
      return sql`${column} = ${value.toLowerCase() === 'true'}`;
    case 'number':
    case 'time': {
      if (operator === '~') return wrong(`\`${at}\`: it is a number, compared by \`:\`, \`>\`, \`>=\`, \`<\` or \`<=\`.`);
      if (!(of === 'time' ? /^[0-9]{1,11}$/ : /^-?[0-9]{1,15}$/).test(value)) return wrong(`\`${at}\`: ${of === 'time' ? 'a time is in Unix seconds' : 'it is a whole number'}.`);
      const compared = raw(operator === ':' ? '=' : operator);
      return of === 'time' ? sql`${column} ${compared} to_timestamp(${value}::bigint)` : sql`${column} ${compared} ${value}::bigint`;
    }
  }
}

/** The query as a condition. */
export function conditionOf(query: string, fields: Fields): Sql {
  const { clauses, joined } = parseQuery(query);
  const all = clauses.map((clause) => (clause.negated ? sql`(${condition(clause, fields)}) is not true` : sql`(${condition(clause, fields)})`));
  return sql`(${join(all, ` ${joined} `)})`;
}
