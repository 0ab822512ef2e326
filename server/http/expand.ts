/** `expand`: ids become the objects that they name, level by level, each level of one kind with one read. */
import { refuse } from '../../billing/decision.ts';
import { resourceOfId, type Context, type Json, type Resource } from '../context.ts';
import { downgrade, NATIVE_VERSION, wanting } from './versions.ts';

type Tree = Map<string, Tree>;

/** Whether whoever asks may read what is in a part of the API. */
export type MayRead = (area: string) => boolean;

/** `['a.b', 'a.c']` → `a → {b, c}`. */
function treeOf(paths: readonly string[]): Tree {
  const tree: Tree = new Map();
  for (const path of paths) {
    let at = tree;
    for (const name of path.split('.')) {
      if (!at.has(name)) at.set(name, new Map());
      at = at.get(name)!;
    }
  }
  return tree;
}

/** A place that holds an id, or ids, to be replaced by objects. `any`: objects of several kinds may stand there. `path` is the whole way to it. */
type Place = { holder: Json | unknown[]; key: string | number; then: Tree; any: boolean; path: string };

/** A field by a name of the caller's, which may be one that every object inherits. */
const own = <Value>(fields: Record<string, Value> | undefined, name: string): Value | undefined => (fields && Object.hasOwn(fields, name) ? fields[name] : undefined);

const isPlain = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field of a resource that is only there when asked for, and where it goes. */
type Included = { resource: Resource<any>; field: string; slots: { owner: Json; holder: Json; name: string }[]; then: Tree; path: string };

/** What one level of expansion found: ids to load by kind, and fields to include by resource and name. */
type Found = { places: Map<string, Place[]>; included: Map<string, Included> };

class Walk {
  readonly ctx: Context;
  /** Whether what is expanded is a list, whose paths begin with `data.` */
  readonly ofList: boolean;
  found: Found = { places: new Map(), included: new Map() };
  constructor(ctx: Context, ofList: boolean) {
    this.ctx = ctx;
    this.ofList = ofList;
  }

  /** Follows `tree` from `value`. `resource` is the nearest resource above and `prefix` the way from it to here. */
  visit(value: unknown, tree: Tree, resource: Resource<any> | undefined, owner: Json | undefined, prefix: string, path: string): void {
    if (Array.isArray(value)) {
      for (const each of value) this.visit(each, tree, resource, owner, prefix, path);
      return;
    }
    if (!isPlain(value)) return;
    const itself = typeof value.object === 'string' ? this.ctx.app.register.resources.get(value.object) : undefined;
    for (const [name, then] of tree) {
      const here = path ? `${path}.${name}` : name;
      const at = itself ? name : prefix ? `${prefix}.${name}` : name;
      this.step(value, name, then, itself ?? resource, itself ? value : owner, at, here);
    }
  }

  private step(holder: Json, name: string, then: Tree, resource: Resource<any> | undefined, owner: Json | undefined, at: string, path: string): void {
    const target = own(resource?.expands, at);
    if (target) {
      this.place(holder, name, target, then, path);
    } else if (resource && owner && own(resource.includes, at)) {
      const key = `${resource.object}.${at}`;
      const entry = this.found.included.get(key);
      if (entry) entry.slots.push({ owner, holder, name });
      else this.found.included.set(key, { resource, field: at, slots: [{ owner, holder, name }], then, path });
    } else if (Object.hasOwn(holder, name) && typeof holder[name] === 'object') {
      if (holder[name] === null) return;
      if (then.size === 0 && !(Array.isArray(holder[name]) || isPlain(holder[name]))) this.refuse(path);
      // The field is there already; go on to what is below it.
      if (then.size > 0) this.visit(holder[name], then, resource, owner, at, path);
    } else {
      this.refuse(path);
    }
  }

  private place(holder: Json, name: string, target: string, then: Tree, path: string): void {
    const value = holder[name];
    const add = (at: Omit<Place, 'any' | 'path'>) => {
      const place = { ...at, any: target === '*', path };
      const named = place.any ? resourceOfId(this.ctx.app.register, (place.holder as Json)[place.key] as string)?.object : target;
      if (named === undefined) return this.refuse(path);
      if (!this.found.places.has(named)) this.found.places.set(named, []);
      this.found.places.get(named)!.push(place);
    };
    if (Array.isArray(value)) value.forEach((each, key) => (typeof each === 'string' ? add({ holder: value, key, then }) : this.visit(each, then, undefined, undefined, '', path)));
    else if (typeof value === 'string') add({ holder, key: name, then });
    else this.visit(value, then, undefined, undefined, '', path);
  }

  private refuse(path: string): never {
    const hint = this.ofList && !/^data\b/.test(path) ? `In a list, expand \`data.${path}\` instead.` : 'It may not exist, may hold no reference, or Kontor may not support expanding it.';
    return refuse(undefined, `This property cannot be expanded (${path}). ${hint}`, 'expand');
  }
}

/** Something that was put in its place and is to be expanded further. */
type Further = { value: unknown; tree: Tree; any?: boolean; path: string };

/** What of a tree an object has, where one of another kind may have the rest. */
const fitting = (value: Json, tree: Tree): Tree => new Map([...tree].filter(([name]) => Object.hasOwn(value, name)));

/** Nobody reads by `expand` what they may not read by itself. */
function refuseUnreadable(ctx: Context, object: unknown, mayRead: MayRead): void {
  const area = ctx.app.register.areas.get(String(object));
  if (area !== undefined && !mayRead(area)) refuse(undefined, `This restricted key has no permission to read \`${area}\`, which \`expand\` asks for. Give it \`${area}=read\` with \`kontor keys\`, or do not expand it.`, 'expand', { status: 403 });
}

/** Expands in place. `body` is a rendered object, or a list whose paths begin with `data.`. What one level needs of different kinds is asked for at once. */
export async function expand(ctx: Context, body: Json, paths: readonly string[], mayRead: MayRead = () => true): Promise<void> {
  if (paths.length === 0) return;
  let next: Further[] = [{ value: body, tree: treeOf(paths), path: '' }];
  while (next.length > 0) {
    const walk = new Walk(ctx, Array.isArray(body.data));
    for (const { value, tree, any, path } of next) walk.visit(value, any ? fitting(value as Json, tree) : tree, undefined, undefined, '', path);
    const { included, places } = walk.found;
    next = (await Promise.all([...[...included.values()].map((asked) => include(ctx, asked, mayRead)), ...[...places].map(([target, of]) => replace(ctx, target, of, mayRead))])).flat();
  }
}

async function include(ctx: Context, { resource, field, slots, then, path }: Included, mayRead: MayRead): Promise<Further[]> {
  const values = await resource.includes![field]!(ctx, slots.map(({ owner }) => owner.id as string));
  for (const value of values.values()) {
    const held = isPlain(value) && Array.isArray(value.data) ? value.data : [value];
    for (const each of held) if (isPlain(each)) refuseUnreadable(ctx, each.object, mayRead);
  }
  for (const { owner, holder, name } of slots) {
    const value = values.get(owner.id as string);
    // A resource that answers with nothing leaves the field out.
    if (value !== undefined || !values.has(owner.id as string)) holder[name] = value ?? null;
  }
  return then.size > 0 ? slots.map(({ holder, name }) => ({ value: holder[name], tree: then, path })) : [];
}

async function replace(ctx: Context, target: string, places: readonly Place[], mayRead: MayRead): Promise<Further[]> {
  refuseUnreadable(ctx, target, mayRead);
  const resource = ctx.app.register.resources.get(target);
  if (!resource?.load) throw new Error(`Nothing loads ${target}.`);
  const wholes = await resource.load(ctx, [...new Set(places.map(({ holder, key }) => (holder as Json)[key] as string))]);
  const objects = new Map(wholes.map((whole: { id: string }) => [whole.id, whole]));
  return places.flatMap(({ holder, key, then, any, path }) => {
    const whole = objects.get((holder as Json)[key] as string);
    if (!whole) return [];
    const object = resource.render(whole, ctx.world);
    (holder as Json)[key] = object;
    return then.size > 0 ? [{ value: object, tree: then, any, path }] : [];
  });
}

/** A rendered body in the shape of a version; what an older shape always has as whole objects is expanded for it. */
export async function inVersion(ctx: Context, body: Json, version: string): Promise<Json> {
  if (version === NATIVE_VERSION) return body;
  const { versions } = ctx.app.register;
  for (const { data, paths } of wanting(version, body, versions)) await expand(ctx, { object: 'list', data }, paths);
  return downgrade(version, body, versions);
}
