/**
 * Callers with an older Stripe library. Kontor speaks one version; a request of an older one is lifted to it before it is read, and what is rendered is lowered before it is sent. Each change
 * is written down once, beside the room that it concerns (`resources/<room>/versions.ts`), and they are applied one after the other. What Stripe only added is left as it is in older versions.
 */
import { refuse } from '../../billing/decision.ts';
import { isMap, quoted, type Raw, type RawMap } from './forms.ts';

/** What Kontor speaks and stores. */
export const NATIVE_VERSION = '2026-10-28.endive';

/** What Kontor understands, oldest first. Earlier ones have subscriptions and invoices of another make: there is no honest way to render ours in them. */
export const VERSIONS = [
  '2025-03-31.basil', '2025-04-30.basil', '2025-05-28.basil', '2025-06-30.basil', '2025-07-30.basil', '2025-08-27.basil',
  '2025-09-30.clover', '2025-10-29.clover', '2025-11-17.clover', '2025-12-15.clover', '2026-01-28.clover', '2026-02-25.clover',
  '2026-03-25.dahlia', '2026-04-22.dahlia', '2026-05-27.dahlia', '2026-06-24.dahlia', '2026-07-29.dahlia', '2026-08-26.dahlia',
  '2026-09-30.endive', '2026-10-28.endive',
] as const;
export type Version = (typeof VERSIONS)[number];

type Json = { [field: string]: unknown };

/** Maps whose names the caller chose: an `object` in there is not one of ours. */
const OF_THE_CALLER: ReadonlySet<string> = new Set(['metadata', 'payload']);

/** A method and a path as a route has it: `POST /v1/subscriptions/:subscription`. The names of a path's parameters do not matter. */
type RouteKey = `${'GET' | 'POST' | 'DELETE'} /${string}`;

/** One change of the API. It says how callers of versions before it are served. */
export type VersionChange = {
  /** The version that brought the change: every version before it has the older shape. */
  before: Version;
  /** What changed, in a sentence, for the documents. */
  describes: string;
  request?: {
    path: RouteKey | RegExp | readonly (RouteKey | RegExp)[];
    /** Lifts the parameters in place. It gets whatever was sent, valid or not, and leaves alone what it does not recognise: the schema refuses that. */
    up(raw: RawMap): void;
  };
  /** Lifts a path of `expand`. */
  expand?(path: string): string;
  /** The `object` value that `response` and `whole` are about. */
  object?: string;
  /** The older shape of a rendered object; what is inside it is lowered already. It may be a part only (in `previous_attributes`), so it looks for each field before it moves it. The object given is not changed. */
  response?(rendered: Json): Json;
  /** Paths of `expand` on such an object that the older shape always has as whole objects. */
  whole?: readonly string[];
};

/** The caller's version: the header's, or else `fallback`. Others are refused with what to do. */
export function versionOf(header: string | undefined, fallback: Version = NATIVE_VERSION): Version {
  if (header === undefined || header === '') return fallback;
  if (isVersion(header)) return header;
  const range = `from ${VERSIONS[0]} to ${NATIVE_VERSION}`;
  if (/;/.test(header) || /preview/.test(header)) return refuse(undefined, `Kontor does not serve previews and betas of the API (Stripe-Version: ${quoted(header)}). It understands the versions ${range}.`);
  if (/^20[0-9]{2}-[0-9]{2}-[0-9]{2}/.test(header) && header < VERSIONS[0]) {
    return refuse(undefined, `Kontor does not understand the API version ${quoted(header)}: it understands the versions ${range}. Update your Stripe library (stripe-node 18 and later, stripe-python 12 and later), or send a later Stripe-Version.`);
  }
  return refuse(undefined, `Invalid Stripe API version: ${quoted(header)}. Kontor understands the versions ${range}.`);
}

function isVersion(text: string): text is Version {
  return (VERSIONS as readonly string[]).includes(text);
}

/** What one version needs of all changes: made once. */
type Plan = { lifts: VersionChange[]; paths: VersionChange[]; lowers: Map<string, ((rendered: Json) => Json)[]>; wholes: Map<string, string[]> };

const plans = new WeakMap<readonly VersionChange[], Map<string, Plan>>();

function planOf(version: string, changes: readonly VersionChange[]): Plan {
  let byVersion = plans.get(changes);
  if (!byVersion) plans.set(changes, (byVersion = new Map()));
  let plan = byVersion.get(version);
  if (!plan) byVersion.set(version, (plan = planned(version, changes)));
  return plan;
}

function planned(version: string, changes: readonly VersionChange[]): Plan {
  const oldestFirst = changes.filter((change) => version < change.before).sort((a, b) => (a.before < b.before ? -1 : a.before > b.before ? 1 : 0));
  const plan: Plan = { lifts: oldestFirst.filter((change) => change.request), paths: oldestFirst.filter((change) => change.expand), lowers: new Map(), wholes: new Map() };
  for (const { object, response, whole } of oldestFirst.toReversed()) {
    if (object === undefined) continue;
    if (response) plan.lowers.set(object, [...(plan.lowers.get(object) ?? []), response]);
    if (whole) plan.wholes.set(object, [...(plan.wholes.get(object) ?? []), ...whole]);
  }
  return plan;
}

/** Lifts the parameters of a request to the native version, in place. `route` is the method and the path as the route has it. */
export function upgradeRequest(version: string, route: string, raw: RawMap, changes: readonly VersionChange[]): RawMap {
  if (version === NATIVE_VERSION) return raw;
  const plan = planOf(version, changes);
  for (const { request } of plan.lifts) if (request && matches(request.path, route)) request.up(raw);
  if (raw.expand !== undefined && plan.paths.length > 0) raw.expand = liftedPaths(raw.expand, plan.paths);
  return raw;
}

function matches(path: RouteKey | RegExp | readonly (RouteKey | RegExp)[], route: string): boolean {
  if (path instanceof RegExp) return path.test(route);
  if (typeof path === 'string') return unnamed(path) === unnamed(route);
  return path.some((each) => matches(each, route));
}

function unnamed(route: string): string {
  return route.replace(/:[A-Za-z0-9_]+/g, ':');
}

function liftedPaths(raw: Raw, changes: readonly VersionChange[]): Raw {
  if (typeof raw === 'string') return changes.reduce((path, change) => change.expand?.(path) ?? path, raw);
  if (Array.isArray(raw)) return raw.map((each) => liftedPaths(each, changes));
  if (isMap(raw)) for (const name of Object.keys(raw)) raw[name] = liftedPaths(raw[name] as Raw, changes);
  return raw;
}

/** What has to be expanded in a rendered body before it can be lowered: for each group, `expand(ctx, { data }, paths)`. */
export function wanting(version: string, body: unknown, changes: readonly VersionChange[]): { data: Json[]; paths: string[] }[] {
  if (version === NATIVE_VERSION) return [];
  const { wholes } = planOf(version, changes);
  if (wholes.size === 0) return [];
  const found = new Map<string, Json[]>();
  gather(body, wholes, found);
  return [...found].map(([object, data]) => ({ data, paths: (wholes.get(object) ?? []).map((path) => `data.${path}`) }));
}

function gather(value: unknown, wholes: ReadonlyMap<string, readonly string[]>, found: Map<string, Json[]>): void {
  if (typeof value !== 'object' || value === null) return;
  const { object } = value as Json;
  if (typeof object === 'string' && wholes.get(object)?.every((path) => isHeld(value as Json, path))) found.set(object, [...(found.get(object) ?? []), value as Json]);
  for (const [field, each] of Object.entries(value)) if (!OF_THE_CALLER.has(field)) gather(each, wholes, found);
}

/** Whether there is something to expand at the path. */
function isHeld(rendered: Json, path: string): boolean {
  return path.split('.').reduce<unknown>((held, name) => (held as Json | null | undefined)?.[name], rendered) != null;
}

/** A rendered body (an object, a list, an event, an error) in the shape of an older version. The body given is not changed. */
export function downgrade<T>(version: string, body: T, changes: readonly VersionChange[]): T {
  if (version === NATIVE_VERSION) return body;
  return lowered(body, version, planOf(version, changes).lowers) as T;
}

function lowered(value: unknown, version: string, lowers: Plan['lowers']): unknown {
  if (Array.isArray(value)) return value.map((each) => lowered(each, version, lowers));
  if (typeof value !== 'object' || value === null) return value;
  const inner: Json = Object.fromEntries(Object.entries(value).map(([field, each]) => [field, OF_THE_CALLER.has(field) ? each : lowered(each, version, lowers)]));
  const object = inner.object;
  if (typeof object !== 'string') return inner;
  if (object === 'event') return loweredEvent(inner, version, lowers);
  return apply(inner, lowers.get(object));
}

function apply(rendered: Json, transforms: readonly ((rendered: Json) => Json)[] = []): Json {
  return transforms.reduce((shape, transform) => transform(shape), rendered);
}

/** An event says which version its data have; its `previous_attributes` are a part of the object, without its name. */
function loweredEvent(event: Json, version: string, lowers: Plan['lowers']): Json {
  const data = event.data as { object?: { object?: unknown }; previous_attributes?: Json } | undefined;
  const transforms = lowers.get(String(data?.object?.object));
  const shaped = data?.previous_attributes && transforms ? { ...data, previous_attributes: apply(data.previous_attributes, transforms) } : data;
  return { ...event, ...('api_version' in event && { api_version: version }), data: shaped };
}
