/** What a room says about a request: its method and path, what it may carry, and the command that answers. */
import type { Context, Json } from '../context.ts';
import type { Params, Presence, Schema } from './params.ts';
import type { Download } from './uploads.ts';

/** The names in a path: `/v1/customers/:customer` → `{ customer: string }`. */
type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { [key in Name]: string } & PathParams<Rest>
  : Path extends `${string}:${infer Name}`
    ? { [key in Name]: string }
    : {};

/**
 * An answer that is rendered from the stored object once the outside calls of the request are answered.
 * `refuseUnpaid` turns a declined payment of that object into the card error that the caller expects.
 */
export type Reference = { ref: { object: string; id: string; refuseUnpaid?: boolean } };

/** The rendered object, or a reference to it. */
export type Answer = Json | Reference;

export const isReference = (answer: Answer): answer is Reference => 'ref' in answer;
export const isDownload = (answer: Answer | Download): answer is Download => 'bytes' in answer && Buffer.isBuffer(answer.bytes);

export type Method = 'GET' | 'POST' | 'DELETE';

export type Route = {
  method: Method;
  path: string;
  schema: Schema<any, Presence, any>;
  run(ctx: Context, params: any, path: any): Promise<Answer | Download>;
  /** A publishable key may make this request, too (the room checks the client secret). */
  publishable?: boolean;
  /** Answers without a transaction: what it writes goes together with what others write. It sees to it itself that a repetition has no second effect, and that a failure has none. */
  gathered?: boolean;
  /** Takes the token of a meter event session in place of a key. */
  session?: boolean;
  /** What it answers or decides rests on usage: where that goes through JetStream, it waits until what was acknowledged before is counted, for a few seconds at most. */
  counts?: boolean;
  /** The body may be `multipart/form-data`, too, and have this many bytes. */
  upload?: number;
  /** The body may be JSON, too, and have this many values. */
  values?: number;
};

/** The part of the API that a request belongs to, e.g. `customers`, or `billing` of /v1/billing/meters. */
export const areaOf = ({ path }: Route): string => path.split('/')[2] ?? '';

type Run<S, Path extends string> = (ctx: Context, params: Params<S>, path: PathParams<Path>) => Promise<Answer | Download>;
type Options = Pick<Route, 'publishable' | 'gathered' | 'session' | 'values' | 'counts' | 'upload'>;

const route =
  (method: Method) =>
  <const Path extends string, S extends Schema<any, Presence, any>>(path: Path, schema: S, run: Run<S, Path>, options: Options = {}): Route => ({ method, path, schema, run, ...options });

export const get = route('GET');
export const post = route('POST');
export const del = route('DELETE');
