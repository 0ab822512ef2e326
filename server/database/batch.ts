/**
 * What a transaction sends in one turn of the event loop goes to PostgreSQL as one message, up to a single Sync, and is answered by one: every message wakes a process on the other side, which costs more
 * than most statements do. Only what is large goes at once, so that PostgreSQL works on it while the rest is made. Where a statement fails, PostgreSQL passes over those behind it, and they fail for the same reason.
 */
import type { Writable } from 'node:stream';
import pg from 'pg';
import type { Queryable } from './world.ts';

/** A statement and who hears what became of it. Nobody reads the rows of one without `resolve`. */
export type Step = { name: string; text: string; values: (string | Buffer | null)[]; resolve?(result: pg.QueryResult): void; reject(error: unknown): void };

/** How the rows of a statement are read. */
type Shape = { fields: pg.FieldDef[]; parsers: ((text: string) => unknown)[]; empty: Record<string, unknown> };

/** A connection of `pg`, as it is. Its types know less. */
type Wire = {
  stream: Pick<Writable, 'writable' | 'write'>;
  parsedStatements: Record<string, string>;
  submittedNamedStatements: Record<string, string>;
  parse(of: { name: string; text: string }): void;
  bind(of: { statement: string; values: Step['values'] }): void;
  describe(of: { type: 'P' }): void;
  execute(): void;
  sync(): void;
};

const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): string | Buffer | null } }).utils;

/** What the statements of a connection return, by name: PostgreSQL describes each once, and refuses to execute one that has come to return something else. Null for those that return no rows. */
const shapes = new WeakMap<object, Map<string, Shape | null>>();

/** Statements as `pg` takes them: as one query with many results. */
export class Batch extends pg.Query {
  readonly steps: readonly Step[];
  private readonly client: pg.ClientBase;
  private readonly known: Map<string, Shape | null>;
  private readonly results: pg.QueryResult[] = [];
  /** The result that is coming in, how it is read, and why it could not be. */
  private incoming: Record<string, unknown>[] = [];
  private shape: Shape | null | undefined;
  private unread = new Map<number, unknown>();
  /** Of the statement whose answer is coming in: by these, `pg` knows what has been parsed. */
  name: string;
  text: string;

  constructor(client: pg.ClientBase, steps: readonly Step[]) {
    super('');
    this.client = client;
    this.steps = steps;
    const known = shapes.get(client) ?? new Map<string, Shape | null>();
    shapes.set(client, known);
    this.known = known;
    this.name = steps[0]!.name;
    this.text = steps[0]!.text;
    this.shape = known.get(this.name);
  }

  override readonly submit = (connection: pg.Connection): void => {
    const wire = connection as unknown as Wire;
    const parts: Buffer[] = [];
    const outbox = Object.create(wire, { stream: { value: { writable: true, write: (part: Buffer) => parts.push(part) } } }) as Wire;
    for (const { name, text, values } of this.steps) {
      if (name === '' || (wire.parsedStatements[name] ?? wire.submittedNamedStatements[name]) === undefined) {
        outbox.parse({ name, text });
        if (name !== '') wire.submittedNamedStatements[name] = text;
      }
      outbox.bind({ statement: name, values });
      if (!this.known.has(name)) outbox.describe({ type: 'P' });
      outbox.execute();
    }
    outbox.sync();
    if (wire.stream.writable) wire.stream.write(Buffer.concat(parts));
  };

  handleRowDescription({ fields }: { fields: pg.FieldDef[] }): void {
    const parsers = fields.map(({ dataTypeID }) => this.client.getTypeParser(dataTypeID, 'text') as (text: string) => unknown);
    this.shape = { fields, parsers, empty: Object.fromEntries(fields.map(({ name }) => [name, null])) };
  }

  handleDataRow({ fields: values }: { fields: (string | null)[] }): void {
    const at = this.results.length;
    if (!this.steps[at]!.resolve || this.unread.has(at)) return;
    const { fields, parsers, empty } = this.shape!;
    const row = { ...empty };
    try {
      for (let n = 0; n < values.length; n += 1) {
        const value = values[n]!;
        if (value !== null) row[fields[n]!.name] = parsers[n]!(value);
      }
    } catch (error) {
      this.unread.set(at, error);
    }
    this.incoming.push(row);
  }

  handleCommandComplete({ text }: { text: string }): void {
    const words = text.split(' ');
    const count = Number(words.at(-1));
    if (this.name !== '') this.known.set(this.name, this.shape ?? null);
    this.results.push({ command: words[0]!, rowCount: Number.isNaN(count) ? null : count, oid: 0, fields: this.shape?.fields ?? [], rows: this.incoming });
    const next = this.steps[this.results.length];
    this.incoming = [];
    this.name = next?.name ?? '';
    this.text = next?.text ?? '';
    this.shape = this.known.get(this.name);
  }

  handleReadyForQuery(): void {
    for (const [at, result] of this.results.entries()) {
      const { resolve, reject } = this.steps[at]!;
      if (this.unread.has(at)) reject(this.unread.get(at));
      else resolve?.(result);
    }
  }

  /** What was answered before stays answered; what comes behind was not done, and is parsed again when it is sent next. */
  handleError(error: unknown, connection: pg.Connection): void {
    this.handleReadyForQuery();
    for (const { name, reject } of this.steps.slice(this.results.length)) {
      delete (connection as unknown as Wire).submittedNamedStatements[name];
      reject(error);
    }
  }
}

/** Statements of one connection, gathered as long as the event loop does not turn. */
type Outbox = {
  query: Queryable['query'];
  /** Sends a statement whose rows nobody reads; `failed` hears of it where it fails. */
  later(statement: pg.QueryConfig, failed: (error: unknown) => void): void;
  /** Sends what waits. */
  flush(): void;
};

/** Values of so many bytes are a large statement. */
const LARGE_BYTES = 1 << 16;

function isLarge({ values }: Step): boolean {
  let bytes = 0;
  for (const value of values) bytes += value?.length ?? 0;
  return bytes > LARGE_BYTES;
}

export function outboxOf(client: pg.ClientBase): Outbox {
  let waiting: Step[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const batch = new Batch(client, waiting);
    waiting = [];
    client.query(batch);
  };
  const put = (step: Step): void => {
    if (waiting.push(step) === 1) process.nextTick(flush);
    if (isLarge(step)) flush();
  };
  const query = (given: string | pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult> => {
    if (typeof given === 'string' && values === undefined) {
      // It may hold several statements, which only a message of its own can.
      flush();
      return client.query(given);
    }
    const { name = '', text, values: own = [] } = typeof given === 'string' ? { text: given, values } : given;
    const prepared = own.map((value) => prepareValue(value));
    return new Promise<pg.QueryResult>((resolve, reject) => put({ name, text, values: prepared, resolve, reject })).catch((error: Error) => {
      // Its stack leads to the socket that it came from; who asked is of more help.
      Error.captureStackTrace(error);
      throw error;
    });
  };
  return {
    query: query as Queryable['query'],
    later: ({ name = '', text, values = [] }, failed) => put({ name, text, values: values.map((value) => prepareValue(value)), reject: failed }),
    flush,
  };
}
