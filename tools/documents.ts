/** docs/compatibility.md and docs/reference.md, made from the rooms as they are. What is there for a reason is in docs/deviations.md, which people write. */
import { operations, shapeOf, type Operation } from '../resources/operations.ts';
import { rooms } from '../resources/register.ts';
import { describe, type Description } from '../server/http/params.ts';
import type { Route } from '../server/http/route.ts';
import { NATIVE_VERSION, VERSIONS } from '../server/http/versions.ts';

const routes = rooms.flatMap((room) => room.routes ?? []);
const byShape = new Map(routes.map((route) => [`${route.method} ${shapeOf(route.path)}`, route]));

/** The names of a schema that are supported or not, in all depths: `items[][price]`. */
function names(about: Description, at = ''): { supported: string[]; unsupported: { name: string; reason: string }[] } {
  const found = { supported: [] as string[], unsupported: [] as { name: string; reason: string }[] };
  for (const [field, inner] of Object.entries(about.fields ?? {})) {
    const name = at ? `${at}[${field}]` : field;
    if (inner.unsupported !== undefined) found.unsupported.push({ name, reason: inner.unsupported });
    else {
      found.supported.push(name);
      for (const part of partsOf(inner)) {
        const deeper = names(part, inner.kind === 'list' ? `${name}[]` : name);
        found.unsupported.push(...deeper.unsupported);
      }
    }
  }
  return found;
}

const partsOf = (about: Description): Description[] => [about, ...(about.of ? partsOf(about.of) : []), ...(about.options ?? []).flatMap(partsOf)];

function supportOf(operation: Operation): string {
  const route = byShape.get(`${operation.method} ${shapeOf(operation.path)}`);
  if (!route) return `| \`${operation.method} ${operation.path}\` | no | |`;
  const { unsupported } = names(describe(route.schema));
  const left = unsupported.map(({ name, reason }) => `\`${name}\` (${reason})`).join('; ');
  return `| \`${operation.method} ${operation.path}\` | yes | ${left} |`;
}

const TIERS: [Operation['tier'], string][] = [
  ['1', 'The loop of billing'],
  ['2', 'Parity'],
  ['3', 'Later'],
];

export function compatibility(): string {
  const all = operations();
  const sections = TIERS.map(([tier, title]) => {
    const of = all.filter((operation) => operation.tier === tier);
    const supported = of.filter((operation) => byShape.has(`${operation.method} ${shapeOf(operation.path)}`)).length;
    const areas = [...Map.groupBy(of, (operation) => operation.area)].map(
      ([area, list]) => `### ${area}\n\n| operation | supported | parameters that are refused by name |\n|---|---|---|\n${list.map(supportOf).join('\n')}\n`,
    );
    return `## ${title}: ${supported} of ${of.length} operations\n\n${areas.join('\n')}`;
  });
  const changes = rooms.flatMap((room) => room.versions ?? []);
  return `# Compatibility with Stripe's API

<!-- Generated: npm run generate. Do not edit. -->

Kontor speaks version \`${NATIVE_VERSION}\` and understands ${VERSIONS.length} versions from \`${VERSIONS[0]}\` on. An operation that is not supported answers 404 and says so; a parameter that is not supported
answers 400 and names it; nothing is accepted and ignored. Every parameter that is not listed as refused is supported. Where Kontor behaves differently on purpose, [deviations](deviations.md) says so.

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

function parameters(about: Description, at = ''): string[] {
  return Object.entries(about.fields ?? {}).flatMap(([field, inner]) => {
    const name = at ? `${at}[${field}]` : field;
    if (inner.unsupported !== undefined) return [];
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

Shapes of objects are those of npm \`stripe\` for version \`${NATIVE_VERSION}\`. All requests take \`expand\` (up to four levels); all POST requests take an \`Idempotency-Key\`; all lists take \`limit\`, \`starting_after\` and \`ending_before\`.

${[...groups].map(([name, list]) => `## ${name}\n\n${list.map(entry).join('\n')}`).join('\n')}`;
}
