/**
 * Sends one webhook: one POST, to an address that was checked and to no other, without following anything the answer says.
 *
 * It never throws and never takes longer than its limits. The receiver's answer is its status; the body is read, so that a polite receiver is not cut off, and thrown away unseen.
 */
import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { checkAddress, checkUrl, type Destination } from './destination.ts';

export type DispatchOptions = {
  allowLoopback: boolean;
  /** All addresses of a name; the system's resolver unless told otherwise. It is asked once. */
  resolve?: (host: string) => Promise<readonly string[]>;
  /** Ports that are allowed beside 443 and 8443. */
  ports?: readonly number[];
  /** Certificates of an authority of one's own, in PEM, beside the public ones. */
  ca?: readonly string[];
  /** Milliseconds until the connection stands (10,000), and until the whole exchange is over (20,000). */
  connect_ms?: number;
  total_ms?: number;
  /** Gives up when it is aborted. */
  signal?: AbortSignal;
};

/**
 * `status` is the receiver's, once it has sent one; an answer that breaks off afterwards has still been given. `error` is a sentence: why there is no status, or that a redirect was not followed.
 * Delivered is: a status from 200 to 299.
 */
export type Delivery = { status: number | null; error: string | null; duration_ms: number };

type Dispatch = { url: string; body: string | Uint8Array; headers: Record<string, string>; options: DispatchOptions };

const CONNECT_MS = 10_000;
const TOTAL_MS = 20_000;
const MOST_RESPONSE_BYTES = 64 * 1024;

/** What we set ourselves, or what would change how the message is framed. */
const OURS = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'expect', 'upgrade', 'te', 'trailer']);

type Result = Omit<Delivery, 'duration_ms'>;
/** What is allowed in all, and what of it the looking up of the name has already used. */
type Limits = { connect_ms: number; total_ms: number; spent: number };

const seconds = (ms: number): string => `${ms / 1000} seconds`;

/** Sentences for the account's people; nothing of our own network is told. */
function sentence(cause: unknown): string {
  const code = String((cause as { code?: unknown } | null)?.code ?? '');
  if (code === 'ECONNREFUSED') return 'The endpoint refused the connection.';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'The endpoint closed the connection before it answered.';
  if (['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'ESERVFAIL', 'EAI_FAIL'].includes(code)) return 'The host could not be resolved.';
  if (['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(code)) return 'The endpoint could not be reached.';
  if (code.startsWith('HPE_')) return 'The endpoint did not answer in HTTP.';
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code === 'EPROTO' || code.includes('CERT') || code.includes('SELF_SIGNED') || code.includes('SIGNATURE')) {
    return "The endpoint's certificate or encryption could not be verified.";
  }
  return 'The request could not be sent.';
}

/** Resolves to null after some time; `stop` forgets it. */
function patience(ms: number): { over: Promise<null>; stop: () => void } {
  let timer: NodeJS.Timeout;
  const over = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  return { over, stop: () => clearTimeout(timer) };
}

async function systemResolve(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map((each) => each.address);
}

/** The addresses to connect to, each of them checked; one that is not allowed refuses them all, for such a name is up to something. */
async function addressesOf(to: Destination, options: DispatchOptions, connect_ms: number): Promise<string[] | { refused: string }> {
  if (isIP(to.host)) return [to.host];
  const limit = patience(connect_ms);
  try {
    const found = await Promise.race([(options.resolve ?? systemResolve)(to.host), limit.over]);
    if (found === null) return { refused: `The host was not resolved within ${seconds(connect_ms)}.` };
    if (found.length === 0) return { refused: 'The host could not be resolved.' };
    const refused = found.map((address) => checkAddress(address, to.loopback)).find((each) => each !== null);
    return refused ? { refused } : [...found];
  } finally {
    limit.stop();
  }
}

/** In place of a resolver: says the checked addresses whatever it is asked, so that nothing is looked up a second time. */
function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, callback) => {
    if (options.all) callback(null, all);
    else callback(null, all[0]!.address, all[0]!.family);
  };
}

function ask(to: Destination, addresses: readonly string[], { body, headers, options }: Dispatch, limits: Limits): Promise<Result> {
  const secure = to.url.protocol === 'https:';
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => !OURS.has(name.toLowerCase())));
  return new Promise((resolve) => {
    let status: number | null = null;
    let timers: NodeJS.Timeout[] = [];
    // A fresh agent of its own: no proxy from the environment, no connection that another account's receiver has seen.
    const request = (secure ? https : http).request({
      agent: false, method: 'POST', host: to.host, port: to.port, path: `${to.url.pathname}${to.url.search}`,
      headers: { ...sent, 'content-length': String(bytes.byteLength), connection: 'close' },
      lookup: pinned(addresses), signal: options.signal,
      ...(secure ? { servername: isIP(to.host) ? '' : to.host, ...(options.ca ? { ca: [...options.ca] } : {}) } : {}),
    });
    const settle = (result: Result): void => {
      for (const timer of timers) clearTimeout(timer);
      timers = [];
      // Only the first settling counts; errors that follow our hanging up are heard and ignored.
      resolve(result);
      request.destroy();
    };
    const answered = (): Result => ({ status, error: status !== null && status >= 300 && status < 400 ? 'The endpoint answered with a redirect; redirects are not followed.' : null });
    const giveUp = (error: string) => (): void => settle(status === null ? { status: null, error } : answered());
    const connecting = setTimeout(giveUp(`The connection did not stand within ${seconds(limits.connect_ms)}.`), Math.max(limits.connect_ms - limits.spent, 1));
    timers = [connecting, setTimeout(giveUp(`The endpoint did not answer within ${seconds(limits.total_ms)}.`), Math.max(limits.total_ms - limits.spent, 1))];
    request.on('socket', (socket) => socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting)));
    request.on('error', (cause) => giveUp(sentence(cause))());
    request.on('close', giveUp('The endpoint closed the connection before it answered.'));
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      giveUp('The endpoint asked for another protocol.')();
    });
    request.on('response', (response) => {
      status = response.statusCode ?? null;
      let read = 0;
      response.on('data', (chunk: Buffer) => {
        read += chunk.byteLength;
        if (read >= MOST_RESPONSE_BYTES) settle(answered());
      });
      response.on('end', () => settle(answered()));
      response.on('error', () => settle(answered()));
    });
    request.end(bytes);
  });
}

/** POSTs `body` to `url` with `headers` (ours win where they frame the message). Needs no catching. */
export async function dispatch(what: Dispatch): Promise<Delivery> {
  const started = performance.now();
  const done = (result: Result): Delivery => ({ ...result, duration_ms: Math.round(performance.now() - started) });
  try {
    const { options } = what;
    const connect_ms = options.connect_ms ?? CONNECT_MS;
    const to = checkUrl(what.url, { allowLoopback: options.allowLoopback, ports: options.ports });
    if ('refused' in to) return done({ status: null, error: to.refused });
    const addresses = await addressesOf(to, options, connect_ms);
    if ('refused' in addresses) return done({ status: null, error: addresses.refused });
    return done(await ask(to, addresses, what, { connect_ms, total_ms: options.total_ms ?? TOTAL_MS, spent: performance.now() - started }));
  } catch (cause) {
    return done({ status: null, error: sentence(cause) });
  }
}
