/** What a command may use, and what a room gives to the house. */
import { refuse, type Instant, type Moment } from '../billing/decision.ts';
import type { UsageEvent, Watched } from '../billing/usage.ts';
import type { Clock } from './clock.ts';
import type { Columns } from './commit.ts';
import type { Database } from './database/database.ts';
import { row, sql } from './database/sql.ts';
import { inWorld, type Tx } from './database/world.ts';
import { areaOf, type Route } from './http/route.ts';
import type { Download } from './http/uploads.ts';
import type { VersionChange } from './http/versions.ts';
import type { Log } from './log.ts';
import type { Outside } from './questions.ts';
import type { Safe } from './secret.ts';
import type { Intake } from './usage/intake/intake.ts';

/** One account in one mode. Test and live mode share nothing. */
export type World = { readonly id: number; readonly account: string; readonly livemode: boolean };

/** What goes over the wire. */
export type Json = { [field: string]: unknown };

/** A resource: how it looks, how it is read, what of it may be expanded. `Whole` is the row with all that rendering reads. */
export type Resource<Whole extends object = never> = {
  /** The `object` value on the wire, e.g. `customer`. */
  object: string;
  /** The prefix of its ids, e.g. `cus`. */
  prefix: string;
  /** The same function for answers and events. */
  render(whole: Whole, world: World): Json;
  /** What of the rendered object its customer's browser may see, which has its client secret. Without it a publishable key sees all. */
  forHolder?(body: Json): Json;
  /** Reads many at once, in any order; what does not exist in this world is left out. */
  load?(ctx: Context, ids: readonly string[]): Promise<Whole[]>;
  /** Fields that hold an id (or a list of ids) and what they name; dotted from the resource, e.g. `invoice_settings.default_payment_method`. `*` is whatever has the prefix of the id. */
  expands?: Record<string, string>;
  /** Refuses with the card error where the last payment of this object was declined. */
  refuseUnpaid?(ctx: Context, id: string): Promise<void>;
  /** Fields that are absent unless asked for by `expand`: the value for each of these objects, by id. */
  includes?: Record<string, (ctx: Context, ids: readonly string[]) => Promise<Map<string, unknown>>>;
};

/** A timer's command: takes many subjects, each with the moment that its timer was set for. */
export type TimerCommand = (ctx: Context, due: readonly { subject: string; at: Instant }[]) => Promise<void>;

/** A call as it is stored. `Request` is what calls of its kind ask. */
export type OpenCall<Request extends object = object> = {
  id: string;
  kind: string;
  subject: string;
  request: Request;
  state: 'pending' | 'unknown' | 'answered';
  /** How often it was begun, this time included. */
  attempts: number;
  /** In real time. */
  created: Instant;
  /** When it was first begun. */
  begun: Instant | null;
};

/** The answer to a call. `at` is when it was given, where that is not now: what a timer lets happen has its moment. */
export type Answered<Request extends object = object, Answer extends Json = Json> = { call: OpenCall<Request>; answer: Answer; at?: Instant };

/** No answer is known yet, and it is asked for again after so many seconds at the earliest. Where the other side was not even `reached`, this was no attempt. */
export class NotYet {
  readonly after_s: number;
  readonly reached: boolean;
  constructor(after_s: number, reached = true) {
    this.after_s = after_s;
    this.reached = reached;
  }
}

/** How calls of a kind are made, and the command that takes their answers. `ask` returns null, or says more of it, while the other side's answer is not known. */
export type CallCommand<Request extends object = object, Answer extends Json = Json> = {
  ask(app: App, world: World, call: OpenCall<Request>): Promise<Answer | NotYet | null>;
  answer(ctx: Context, answers: readonly Answered<Request, Answer>[]): Promise<void>;
  /** Hears that no answer is known yet. */
  missed?(ctx: Context, calls: readonly OpenCall<Request>[]): Promise<void>;
};

/** What a check has looked at since it was asked last, and what of it is not as it must be: the object's id, and a sentence about it. */
export type Audited = { looked: number; findings: readonly { object: string; sentence: string }[] };

/** Something that must always be true and that no query can tell: `kontor verify` asks it of each world, batch by batch. It reads only. */
export type Audit = {
  /** The short name, as in docs/operating. */
  id: string;
  /** What is always true. */
  about: string;
  /** What is looked at, in the plural. */
  things: string;
  look(tx: Tx): AsyncIterable<Audited>;
};

/**
 * Who learns of usage as it is recorded. It is called in the transaction that records, so what it commits there holds together with the events, and where it throws, nothing is recorded.
 */
export type UsageObserver = {
  /** Which of these event names it wants although no meter may count them, with what it finds in their payload. Asked for each batch: one query at most. */
  watches(ctx: Context, names: readonly string[]): Promise<ReadonlyMap<string, Watched>>;
  /** Of events of names whose watch is `ending`, those that are looked at all the same. Another one has no effect, and is refused where no meter counts it. */
  heeds?(ctx: Context, events: readonly UsageEvent[]): Promise<ReadonlySet<UsageEvent>>;
  /** Takes a batch: what is new, in the order of receipt, and what was taken back or put back since. Repetitions are not in it. */
  observe(ctx: Context, batch: UsageBatch): Promise<void>;
};

/** Events of one transaction. */
export type UsageBatch = { recorded: readonly UsageEvent[]; canceled: readonly UsageEvent[]; restored: readonly UsageEvent[] };

/** A page for people, without a key: what proves that it may be seen is in its address. `form` is what was sent. */
export type PageRoute = { method: 'GET' | 'POST'; path: string; serve(app: App, path: Record<string, string>, form: Record<string, unknown>): Promise<PageAnswer> };
export type PageAnswer = { status: number; html: string } | { location: string } | { image: Buffer | string; type: 'image/png' | 'image/svg+xml' } | { file: Download };

/** Takes what another system tells, without a key: its signature proves it. `body` is as it came, the names of headers are in lower case. Nothing is answered but that it was taken, or why not. */
export type Receiver = { path: string; receive(app: App, path: Record<string, string>, delivery: { body: Uint8Array; headers: Readonly<Record<string, string | undefined>> }): Promise<void> };

/** What a room puts into the house. */
export type Room = {
  /** Each of a whole of its own, which only its own functions know. */
  resources?: readonly Resource<any>[];
  routes?: readonly Route[];
  timers?: Record<string, TimerCommand>;
  calls?: Record<string, CallCommand>;
  versions?: readonly VersionChange[];
  pages?: readonly PageRoute[];
  receivers?: readonly Receiver[];
  audits?: readonly Audit[];
  usage?: UsageObserver;
};

/** The rooms by what they answer to. */
type Register = {
  resources: Map<string, Resource<any>>;
  /** The part of the API in which an object is, by its name: what restricted keys are allowed, the first word of a path under /v1. What has no requests of its own is in none. */
  areas: Map<string, string>;
  /** The path of the request that reads an object, by its name: `/v1/customers/:customer`. It is the first object of its room. */
  addresses: Map<string, string>;
  routes: Route[];
  timers: Map<string, TimerCommand>;
  calls: Map<string, CallCommand>;
  versions: VersionChange[];
  pages: PageRoute[];
  receivers: Receiver[];
  audits: Audit[];
  usage: UsageObserver[];
};

/** The resource of an id, by the longest prefix that fits: `sub_sched_…` is no `sub_…`. */
export function resourceOfId({ resources }: Register, id: string): Resource<any> | undefined {
  const [longest] = [...resources.values()].filter(({ load, prefix }) => load && prefix !== '' && id.startsWith(`${prefix}_`)).sort((a, b) => b.prefix.length - a.prefix.length);
  return longest;
}

export function register(rooms: readonly Room[]): Register {
  return {
    resources: new Map(rooms.flatMap((room) => room.resources ?? []).map((resource) => [resource.object, resource])),
    areas: new Map(rooms.flatMap(({ resources = [], routes: [first] = [] }) => (first ? resources.map(({ object }) => [object, areaOf(first)] as const) : []))),
    addresses: new Map(rooms.flatMap(({ resources: [own] = [], routes = [] }) => {
      const reading = routes.filter(({ method }) => method === 'GET');
      const address = reading.find(({ path }) => /:[a-z_]+$/.test(path)) ?? reading[0];
      return own && address ? [[own.object, address.path] as const] : [];
    })),
    routes: rooms.flatMap((room) => room.routes ?? []),
    timers: new Map(rooms.flatMap((room) => Object.entries(room.timers ?? {}))),
    calls: new Map(rooms.flatMap((room) => Object.entries(room.calls ?? {}))),
    versions: rooms.flatMap((room) => room.versions ?? []),
    pages: rooms.flatMap((room) => room.pages ?? []),
    receivers: rooms.flatMap((room) => room.receivers ?? []),
    audits: rooms.flatMap((room) => room.audits ?? []),
    usage: rooms.flatMap((room) => room.usage ?? []),
  };
}

/** The roads out, named by the rooms that use them (`declare module`) and given at the start: the house itself knows none of them. */
export interface Connectors {}

/** The running house. */
export type App = {
  database: Database;
  connectors: Connectors;
  clock: Clock;
  register: Register;
  columns: Columns;
  log: Log;
  /** The address under which people and programs reach this server. */
  url: string;
  /** A signature of a text that only this installation makes. */
  sign(text: string): string;
  /** Keeps secrets of accounts. */
  safe: Safe;
  /** For how many days after receipt usage events are kept at least. */
  usage_days: number;
  /** The directory to which they are written before they are dropped; null where they are not. */
  usage_archive: string | null;
  /** The streams from which usage is acknowledged before it is counted; null where it is counted at once. */
  intake: Intake | null;
  /** Webhooks may go to this machine itself. */
  allowLoopback: boolean;
  /** Tells the workers that there may be something to do. */
  nudge(): void;
  /** True once the process is to end: long work stops after its current transaction, and goes on with the next start. */
  stopping: boolean;
};

/** The request by which something was told. */
export type Cause = { id: string; idempotency_key: string | null };

export type Context = {
  app: App;
  tx: Tx;
  world: World;
  /** Null when a timer or an answer is at work. */
  request: {
    id: string;
    idempotency_key: string | null;
    version: string;
    /** A publishable key asks: somebody's browser, which may only do what a client secret proves. */
    publishable: boolean;
    /** Whether all usage is counted that was acknowledged before; where a route does not wait for that (`counts`), nobody has looked. */
    counted: boolean;
    /** From where and with what it is asked. */
    client: { ip_address: string | null; user_agent: string | null };
    /** What it has asked of the outside. */
    outside: Outside;
  } | null;
  /** While the answer to a call is taken: the request that waits for it, which events name as theirs. */
  cause?: Cause | null;
  /** The calls that this transaction has written. */
  calls: string[];
  /** Usage that is told of later in this transaction, as one batch: see `server/usage/tell.ts`. */
  untold?: UsageBatch[];
};

/** The context of what no request asks for: a timer, an answer, a page. `cause` is the request that waits for it. */
export const contextIn = (app: App, world: World, tx: Tx, cause: Cause | null = null): Context => ({ app, tx, world, request: null, cause, calls: [] });

/** Does what no request asks for, in a transaction of a world. */
export function inContext<Result>(app: App, world: World, work: (ctx: Context) => Promise<Result>, cause: Cause | null = null): Promise<Result> {
  return inWorld(app.database.pool, world, (tx) => work(contextIn(app, world, tx, cause)));
}

/** A moment of real time. */
export function realMoment(app: App): Moment {
  return { now: app.clock.now(), newId: app.clock.newId, newSecret: app.clock.secret };
}

/** The moment at an instant that a timer was set for. */
export function momentAt(ctx: Context, now: Instant): Moment {
  return { now, newId: ctx.app.clock.newId, newSecret: ctx.app.clock.secret };
}

/**
 * The moment for things that live on a test clock, or on real time where `testClock` is null. The clock's row is locked against being advanced meanwhile;
 * while it is being advanced, or deleted, a request is refused. It never waits for the clock: whoever moves it waits for what the request has locked.
 */
export async function momentOn(ctx: Context, testClock: string | null): Promise<Moment> {
  if (testClock === null) return realMoment(ctx.app);
  const clock = await row<{ frozen_time: Instant; status: string }>(
    ctx.tx,
    sql`select frozen_time, status from test_clocks where id = ${testClock} for share ${ctx.request ? sql`skip locked` : sql``}`,
  );
  if (!clock && !ctx.request) throw new Error(`The test clock ${testClock} is missing.`);
  if (!clock || (clock.status === 'advancing' && ctx.request)) {
    refuse(undefined, `The test clock ${testClock} is being advanced. Wait until its status is \`ready\`, then try again.`, undefined, { status: 429, should_retry: true });
  }
  return momentAt(ctx, clock.frozen_time);
}

