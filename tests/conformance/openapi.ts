/**
 * What Stripe's types say about an answer, held against an answer. `stripe-openapi.json` is reconstructed from npm stripe 23.1.0: the answers of its operations, without descriptions.
 * The check is stricter than a client would be: an unknown field is a violation, a value outside of an enumeration is one even where the types leave the enumeration open.
 */
import { readFileSync } from 'node:fs';

type Schema = {
  $ref?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  enum?: unknown[];
  nullable?: boolean;
  anyOf?: Schema[];
  allOf?: Schema[];
  format?: string;
};
type Stored = { operationId: string; 'x-tier': string; 'x-area': string; 'x-sdk': string; responses: { 200: { content: { 'application/json': { schema: Schema } } } } };
type Document = { paths: Record<string, Record<string, Stored>>; components: { schemas: Record<string, Schema> } };

type Operation = { id: string; method: string; path: string; tier: string; area: string; sdk: string; answer: Schema };
/** `pointer` is a JSON pointer into the body. */
type Violation = { pointer: string; problem: string };

const document = JSON.parse(readFileSync(new URL('stripe-openapi.json', import.meta.url), 'utf8')) as Document;
const schemas = new Map(Object.entries(document.components.schemas));

export const operations: readonly Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, stored]) => ({
    id: stored.operationId,
    method: method.toUpperCase(),
    path,
    tier: stored['x-tier'],
    area: stored['x-area'],
    sdk: stored['x-sdk'],
    answer: stored.responses[200].content['application/json'].schema,
  })),
);

const isName = (part: string) => part.startsWith('{') || part.startsWith(':');
const byShape = Map.groupBy(operations, (operation) => `${operation.method} ${operation.path.split('/').length}`);

/** The operation of a path, be it one that was requested or a route's (`/v1/customers/:customer`). A name that stands there literally wins over one that a placeholder takes. */
export function operationOf(method: string, path: string): Operation | undefined {
  const parts = path.split('?', 1)[0]!.split('/');
  const score = (operation: Operation): number =>
    operation.path.split('/').reduce((sum, part, n) => (part === parts[n] || (isName(part) && isName(parts[n]!)) ? sum * 2 + 1 : isName(part) && !isName(parts[n]!) ? sum * 2 : NaN), 0);
  const fitting = (byShape.get(`${method} ${parts.length}`) ?? []).map((operation) => ({ operation, score: score(operation) })).filter((each) => !Number.isNaN(each.score));
  return fitting.sort((a, b) => b.score - a.score)[0]?.operation;
}

/** Paths under /v2 have kinds of errors that the document, which has those of /v1, does not know. */
function inKnownWords(body: unknown): unknown {
  const expired = isObject(body) && isObject(body.error) && body.error.type === 'temporary_session_expired' ? body.error : null;
  return expired ? { error: { ...expired, type: 'invalid_request_error', code: 'api_key_expired' } } : body;
}

/** What is wrong with the body of an answer. Operations that the document does not have are judged by the objects in their answers alone. */
export function violations(method: string, path: string, status: number, body: unknown): Violation[] {
  if (status >= 400) return check(path.startsWith('/v2/') ? inKnownWords(body) : body, schemas.get('error')!, '');
  const operation = operationOf(method, path);
  return operation ? check(body, operation.answer, '') : checkByName(body, '');
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schemas of an object's name: the whole one and the deleted one. */
function checkByName(value: unknown, pointer: string): Violation[] {
  if (!isObject(value) || typeof value.object !== 'string') return [];
  if (value.object === 'list') return Array.isArray(value.data) ? value.data.flatMap((each, n) => checkByName(each, `${pointer}/data/${n}`)) : [{ pointer, problem: 'a list without data' }];
  const named = [schemas.get(value.object), schemas.get(`deleted_${value.object}`)].filter((each) => each !== undefined);
  // The types give every invoice an id. The one that `invoice.upcoming` announces has none, as its documentation says.
  const announced = value.object === 'invoice' && value.billing_reason === 'upcoming' && value.id === undefined;
  return named.length > 0 ? checkAny(announced ? { ...value, id: '' } : value, named, pointer) : [];
}

function resolve(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = schemas.get(schema.$ref.split('/').at(-1)!);
  if (!found) throw new Error(`There is no ${schema.$ref}.`);
  return found;
}

const allowsNull = (schema: Schema): boolean => schema.nullable === true || (schema.anyOf ?? schema.allOf ?? []).some((each) => each.nullable === true);

/** What Stripe does not have is told and refused under names of our own, which its lists of events and error codes do not know. */
const isOwn = (value: unknown, names: readonly unknown[]): boolean =>
  typeof value === 'string' && ((value.startsWith('kontor.') && names.includes('invoice.created')) || (value === 'usage_cap_reached' && names.includes('resource_missing')));

function check(value: unknown, given: Schema, pointer: string): Violation[] {
  if (value === null) return allowsNull(given) ? [] : [{ pointer, problem: 'null, which it never is' }];
  const schema = resolve(given);
  if (schema.allOf) return schema.allOf.flatMap((each) => check(value, each, pointer));
  if (schema.anyOf) return checkAny(value, schema.anyOf, pointer);
  if (schema.enum && !schema.enum.includes(value) && !isOwn(value, schema.enum)) return [{ pointer, problem: `${JSON.stringify(value)}, which is none of ${schema.enum.slice(0, 8).join(', ')}${schema.enum.length > 8 ? ', …' : ''}` }];
  switch (schema.type) {
    case 'object':
      return isObject(value) ? checkObject(value, schema, pointer) : wrong('an object', value, pointer);
    case 'array':
      return Array.isArray(value) ? value.flatMap((each, n) => check(each, schema.items ?? {}, `${pointer}/${n}`)) : wrong('a list', value, pointer);
    case 'integer':
      return Number.isSafeInteger(value) ? [] : wrong('an integer', value, pointer);
    case 'number':
      return Number.isFinite(value) ? [] : wrong('a number', value, pointer);
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong('a boolean', value, pointer);
    case 'string':
      if (typeof value !== 'string') return wrong('a string', value, pointer);
      return schema.format === 'decimal' && !/^-?[0-9]+(\.[0-9]+)?$/.test(value) ? wrong('a decimal', value, pointer) : [];
    default:
      return [];
  }
}

function wrong(wanted: string, value: unknown, pointer: string): Violation[] {
  return [{ pointer, problem: `${JSON.stringify(value)?.slice(0, 80)} instead of ${wanted}` }];
}

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

function checkObject(value: Record<string, unknown>, schema: Schema, pointer: string): Violation[] {
  const { properties, required = [], additionalProperties: rest } = schema;
  // An object of any kind, as in an event: it says itself what it is.
  if (!properties && rest === undefined) return checkByName(value, pointer);
  const missing = required.filter((name) => value[name] === undefined).map((name) => ({ pointer: `${pointer}/${escaped(name)}`, problem: 'missing' }));
  const held = Object.entries(value).filter(([, each]) => each !== undefined).flatMap(([name, each]) => {
    const at = `${pointer}/${escaped(name)}`;
    if (properties?.[name]) return check(each, properties[name], at);
    if (rest === undefined || rest === false) return [{ pointer: at, problem: 'unknown' }];
    return rest === true ? [] : check(each, rest, at);
  });
  return [...missing, ...held];
}

/** The violations of the alternative that comes nearest: the one of the same `object` and the same kind, with the fewest violations. */
function checkAny(value: unknown, alternatives: readonly Schema[], pointer: string): Violation[] {
  const likely = isObject(value) ? alternatives.filter((each) => fits(value, resolve(each))) : [];
  const found = (likely.length > 0 ? likely : alternatives).map((each) => check(value, each, pointer));
  return found.sort((a, b) => a.length - b.length)[0] ?? [];
}

function fits(value: Record<string, unknown>, schema: Schema): boolean {
  const { object, deleted } = schema.properties ?? {};
  return schema.type === 'object' && (object?.enum?.includes(value.object) ?? false) && (deleted?.enum !== undefined) === (value.deleted === true);
}

/** The fields of a successful answer that hold an id and that a caller may expand, as paths of `expand`: `customer`, `data.customer`. */
export function references(method: string, path: string, body: unknown): string[] {
  const operation = operationOf(method, path);
  return operation ? [...new Set(named(body, operation.answer, ''))] : [];
}

function named(value: unknown, given: Schema, path: string): string[] {
  const schema = resolve(given);
  if (schema.allOf) return schema.allOf.flatMap((each) => named(value, each, path));
  if (schema.anyOf && typeof value === 'string') return schema.anyOf.some((each) => each.$ref !== undefined) && schema.anyOf.some((each) => each.type === 'string' && !each.enum) ? [path] : [];
  if (schema.anyOf) {
    const likely = isObject(value) ? schema.anyOf.find((each) => fits(value, resolve(each))) : undefined;
    return likely ? named(value, likely, path) : [];
  }
  if (Array.isArray(value)) return value.flatMap((each) => named(each, schema.items ?? {}, path));
  if (!isObject(value) || !schema.properties) return [];
  return Object.entries(value).flatMap(([name, each]) => (schema.properties![name] ? named(each, schema.properties![name], path === '' ? name : `${path}.${name}`) : []));
}
