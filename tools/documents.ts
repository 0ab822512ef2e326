/** docs/compatibility.md and docs/reference.md, made from the rooms as they are. What is there for a reason is in docs/deviations.md, which people write. */
import { operations, shapeOf, type Operation } from '../resources/operations.ts';
import { LACKING } from '../resources/payment_methods/params.ts';
import { rooms } from '../resources/register.ts';
import { describe, type Description } from '../server/http/params.ts';
import type { Route } from '../server/http/route.ts';
import { NATIVE_VERSION, VERSIONS } from '../server/http/versions.ts';

const routes = rooms.flatMap((room) => room.routes ?? []);
const byShape = new Map(routes.map((route) => [`${route.method} ${shapeOf(route.path)}`, route]));

/** A parameter that is refused: `field` of what `at` names, e.g. `price` of `items[]`; `at` is empty where it is of the request itself. */
type Refused = { at: string; field: string; reason: string };

/** What a schema refuses by name, in all depths. */
function refused(about: Description, at = ''): Refused[] {
  return Object.entries(about.fields ?? {}).flatMap(([field, inner]): Refused[] => {
    if (inner.unsupported !== undefined) return [{ at, field, reason: inner.unsupported }];
    const name = at ? `${at}[${field}]` : field;
    return partsOf(inner).flatMap((part) => refused(part, inner.kind === 'list' ? `${name}[]` : name));
  });
}

const partsOf = (about: Description): Description[] => [about, ...(about.of ? partsOf(about.of) : []), ...(about.options ?? []).flatMap(partsOf)];

const LACKING_TITLE = 'Payment method types that Kontor lacks';
const LACKING_LINK = `[types that Kontor lacks](#${LACKING_TITLE.toLowerCase().replaceAll(' ', '-')})`;

/** Fields of one parent in one bracket, `card[moto, network]`; where all the types that Kontor lacks are among them, these are said by a link to their list. */
function together(at: string, fields: readonly string[]): string {
  const whole = LACKING.every((type) => fields.includes(type));
  const named = whole ? fields.filter((field) => !LACKING.some((type) => type === field)) : fields;
  const bracket = named.length === 0 ? [] : at ? [`\`${at}[${named.join(', ')}]\``] : [named.map((name) => `\`${name}\``).join(', ')];
  return [...(whole ? [`${at ? `\`${at}[…]\` of ` : ''}the ${LACKING_LINK}`] : []), ...bracket].join(', ');
}

/** Parameters that are refused, each reason said once with all for which it holds. */
export function refusals(parameters: readonly Refused[]): string {
  const reasons = [...Map.groupBy(parameters, ({ reason }) => reason)].map(([reason, list]) => {
    const parents = [...Map.groupBy(list, ({ at }) => at)].map(([at, of]) => together(at, [...new Set(of.map(({ field }) => field))]));
    return `${parents.join(', ')} (${reason})`;
  });
  return reasons.join('; ');
}

/** The names of all fields that a schema takes, in all depths. */
const taken = (about: Description): string[] =>
  Object.entries(about.fields ?? {}).flatMap(([field, inner]) => (inner.unsupported === undefined ? [field, ...partsOf(inner).flatMap(taken)] : []));

/** A reason that so many requests have is told once, for the parameters that no request takes. */
const OFTEN = 4;

/** What is refused by every request, and whether a parameter is among it. */
function everywhere(): { all: Refused[]; has(parameter: Refused): boolean } {
  const schemas = routes.map((route) => describe(route.schema));
  const known = new Set(schemas.flatMap(taken));
  const requests = Map.groupBy(schemas.flatMap((schema) => [...new Set(refused(schema).map(({ reason }) => reason))]), (reason) => reason);
  const has = ({ field, reason }: Refused) => requests.get(reason)!.length >= OFTEN && !known.has(field);
  return { all: schemas.flatMap((schema) => refused(schema)).filter(has), has };
}

function supportOf(operation: Operation, has: (parameter: Refused) => boolean): string {
  const route = byShape.get(`${operation.method} ${shapeOf(operation.path)}`);
  const support = route ? `yes | ${refusals(refused(describe(route.schema)).filter((each) => !has(each)))}` : 'no | ';
  return `| \`${operation.method} ${operation.path}\` | ${support} |`;
}

/** The parameters of each reason, whatever they are fields of. */
function reasons(parameters: readonly Refused[]): string {
  const of = [...Map.groupBy(parameters, ({ reason }) => reason)].sort(([a], [b]) => (a < b ? -1 : 1));
  return of.map(([reason, list]) => `| ${together('', [...new Set(list.map(({ field }) => field))].sort())} | ${reason} |`).join('\n');
}

const TIERS: [Operation['tier'], string][] = [
  ['1', 'The loop of billing'],
  ['2', 'Parity'],
  ['3', 'Later'],
];

export function compatibility(): string {
  const all = operations();
  const refusedEverywhere = everywhere();
  const sections = TIERS.map(([tier, title]) => {
    const of = all.filter((operation) => operation.tier === tier);
    const supported = of.filter((operation) => byShape.has(`${operation.method} ${shapeOf(operation.path)}`)).length;
    const areas = [...Map.groupBy(of, (operation) => operation.area)].map(
      ([area, list]) => `### ${area}\n\n| operation | supported | parameters that are refused by name |\n|---|---|---|\n${list.map((each) => supportOf(each, refusedEverywhere.has)).join('\n')}\n`,
    );
    return `## ${title}: ${supported} of ${of.length} operations\n\n${areas.join('\n')}`;
  });
  const changes = rooms.flatMap((room) => room.versions ?? []);
  return `# Compatibility with Stripe's API

<!-- Generated: npm run generate. Do not edit. -->

Kontor speaks version \`${NATIVE_VERSION}\` and understands ${VERSIONS.length} versions from \`${VERSIONS[0]}\` on. An operation that is not supported answers 404 and says so; a parameter that is not supported
answers 400 and names it; nothing is accepted and ignored. Every parameter that is not listed as refused, here or beside its operation, is supported. Parameters of one object share a bracket: \`card[moto, network]\` is
\`card[moto]\` and \`card[network]\`. Where Kontor behaves differently on purpose, [deviations](deviations.md) says so.

## ${LACKING_TITLE}

${LACKING.map((type) => `\`${type}\``).join(', ')}.

## Refused wherever Stripe has them

| parameters | why |
|---|---|
${reasons(refusedEverywhere.all)}

${sections.join('\n')}
## Older versions

| before | what is understood and rendered as it was |
|---|---|
${changes.map((change) => `| \`${change.before}\` | ${change.describes} |`).join('\n')}
`;
}

function told(about: Description): string {
  const bounds = [about.min !== undefined && `≥ ${about.min}`, about.max !== undefined && `≤ ${about.max}`, about.places !== undefined && `${about.places} places`, about.default !== undefined && `default ${JSON.stringify(about.default)}`];
  const kind = about.values ? about.values.map((value) => `\`${value}\``).join(', ') : about.of && about.kind !== 'fields' ? `${about.kind} of ${told(about.of)}` : about.options ? about.options.map(told).join(' or ') : about.kind;
  return [kind, ...bounds.filter(Boolean), about.clearable && 'empty unsets'].filter(Boolean).join(', ');
}

/** What every list takes is said once, at the top. */
const PAGING = ['limit', 'starting_after', 'ending_before'];

function parameters(about: Description, at = ''): string[] {
  const given = about.fields ?? {};
  const paged = PAGING.every((field) => Object.hasOwn(given, field));
  return Object.entries(given).flatMap(([field, inner]) => {
    const name = at ? `${at}[${field}]` : field;
    if (inner.unsupported !== undefined || (paged && PAGING.includes(field) && inner.doc === undefined)) return [];
    const line = `| \`${name}\`${inner.required ? ' (required)' : ''} | ${told(inner)} | ${inner.doc ?? ''} |`;
    return [line, ...partsOf(inner).flatMap((part) => (part.fields ? parameters(part, inner.kind === 'list' ? `${name}[]` : name) : []))];
  });
}

function entry(route: Route): string {
  const lines = [...new Set(parameters(describe(route.schema)))];
  const table = lines.length > 0 ? `\n| parameter | kind | |\n|---|---|---|\n${lines.join('\n')}\n` : '';
  return `### ${route.method} ${route.path}\n${route.publishable ? '\nA publishable key may make this request, with the client secret.\n' : ''}${table}`;
}

export function reference(): string {
  const sorted = routes.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.method < b.method ? -1 : 1));
  const groups = Map.groupBy(sorted, (route) => (route.path.startsWith('/v1/kontor/') ? 'What Stripe lacks: /v1/kontor' : route.path.split('/').slice(0, 3).join('/')));
  return `# API reference

<!-- Generated: npm run generate. Do not edit. -->

Shapes of objects are those of npm \`stripe\` for version \`${NATIVE_VERSION}\`. All requests take \`expand\` (up to four levels); all POST requests take an \`Idempotency-Key\`; all lists take \`limit\` (1 to 100, 10 by default), and \`starting_after\` or \`ending_before\`, the last or the first
id of a page. An \`amount\` is in the minor units of its currency, a \`timestamp\` in Unix seconds; the parts of \`fields\` are in the rows that follow; where \`empty unsets\`, an empty value takes away what is set.

${[...groups].map(([name, list]) => `## ${name}\n\n${list.map(entry).join('\n')}`).join('\n')}`;
}
