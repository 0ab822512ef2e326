/**
 * What an operator may set, all of it, in one table. The table is read at start, is checked with sentences that say what to write instead, and is the source of
 * `docs/operating/configuration.md`.
 */

import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { StartRefused } from './refused.ts';
import { Secret } from './secret.ts';
import type { NatsSettings } from './usage/intake/open.ts';
import { USAGE_DAYS } from './usage/slots.ts';

const logLevels = ['silent', 'error', 'warn', 'info'] as const;
type LogLevel = (typeof logLevels)[number];

export type Config = {
  /** Where the HTTP server listens. Port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** The address at which others reach the server, without a slash at its end; null where that is the one that it listens on. */
  readonly url: string | null;
  /** The directory of everything that this installation keeps: the embedded database, its passwords, the pepper. Absolute. */
  readonly data: string;
  /** The PostgreSQL to use, as a role that may create tables; null for the embedded one. */
  readonly database_url: Secret | null;
  /** The same database as the role that serves requests; null lets Kontor make that role itself. */
  readonly app_database_url: Secret | null;
  /** How many connections to PostgreSQL this process keeps at most. */
  readonly pool: number;
  /** After how many seconds PostgreSQL gives up a statement of a request. */
  readonly statement_timeout: number;
  /** Holds the secret that API keys are hashed with. */
  readonly pepper_file: string;
  /** Holds the root key of the sandbox's vault. */
  readonly vault_key_file: string;
  /** For how many days after receipt usage events are kept at least. */
  readonly usage_days: number;
  /** Where usage events are written before they are dropped. Absolute; null where they are dropped only. */
  readonly usage_archive: string | null;
  /** The NATS from which usage is acknowledged; null where it goes into PostgreSQL at once. */
  readonly nats: NatsSettings | null;
  readonly log: LogLevel;
  /** May webhooks be sent to this machine? */
  readonly webhook_loopback: boolean;
};

type Variables = Readonly<Record<string, string | undefined>>;

type Setting = {
  readonly variable: string;
  readonly meaning: string;
  /** The default in words, for the documentation. */
  readonly default: string;
};

/** Each variable with its meaning and its default, in the order of the documentation. */
export const settings: readonly Setting[] = [
  { variable: 'KONTOR_PORT', default: '`4242`', meaning: 'The port that Kontor listens on. `0` takes a free one.' },
  { variable: 'KONTOR_HOST', default: '`127.0.0.1`', meaning: 'The address that Kontor listens on. `0.0.0.0` is every network of the machine; put TLS in front.' },
  { variable: 'KONTOR_URL', default: 'the address that Kontor listens on', meaning: 'The address at which others reach Kontor, where a proxy stands in front: `https://billing.example.com`. Links in answers and the addresses for webhooks of processors begin with it, and the address of a caller is what the proxy says in `X-Forwarded-For`.' },
  { variable: 'KONTOR_DATA', default: '`./data`', meaning: 'The directory of everything that this installation keeps: the embedded database, its passwords, the pepper. It is made where it does not exist. One Kontor uses it at a time.' },
  { variable: 'DATABASE_URL', default: 'the embedded PostgreSQL', meaning: 'A PostgreSQL of your own, version 18 or later: `postgres://user:password@host:5432/kontor`. The user owns the tables and is used for migrations only.' },
  { variable: 'KONTOR_APP_DATABASE_URL', default: 'the role `kontor_app`, made by Kontor', meaning: 'The same database as the role that serves requests, where the user of `DATABASE_URL` may not create roles. It must be `kontor_app` or a member of it.' },
  { variable: 'KONTOR_POOL', default: 'four for each core, 8 to 32', meaning: 'How many connections to PostgreSQL one process keeps at most.' },
  { variable: 'KONTOR_STATEMENT_TIMEOUT', default: '`30`', meaning: 'After how many seconds PostgreSQL gives up a statement of a request.' },
  { variable: 'KONTOR_PEPPER_FILE', default: '`pepper` in the data directory', meaning: 'The file with the secret that API keys are hashed with; made at the first start. Back it up apart from the database. Processes that share a database share this file.' },
  { variable: 'KONTOR_VAULT_KEY_FILE', default: '`vault.key` in the data directory', meaning: 'The file with the root key of the vault, in which the numbers of typed test cards are; made with the first of them. Back it up apart from the vault.' },
  { variable: 'KONTOR_USAGE_DAYS', default: '`455`', meaning: 'For how many days after their receipt usage events are kept at least; what they added up to by the hour is kept for good. So long identifiers are remembered and lines of usage explained by their events: keep them for your longest period and 35 days.' },
  { variable: 'KONTOR_USAGE_ARCHIVE', default: 'they are dropped', meaning: 'The directory to which usage events are written before they are dropped, a compressed file for every 91 days of receipt: see [usage that is past its time](usage-archive.md). It is made where it does not exist. While it cannot be written to, nothing is dropped.' },
  { variable: 'KONTOR_NATS_URL', default: 'usage goes into PostgreSQL at once', meaning: 'The servers of a NATS with JetStream: `nats://user:password@host:4222`, more of them with commas between, `tls://` for TLS. Usage is acknowledged from its streams then, and counted by any number of workers: see [usage at scale](usage-at-scale.md). All processes of an installation name the same NATS.' },
  { variable: 'KONTOR_NATS_CREDS', default: 'what `KONTOR_NATS_URL` says', meaning: 'The file with the credentials of a NATS user that is known by its keys (`.creds`).' },
  { variable: 'KONTOR_NATS_MONITOR_URL', default: 'not asked', meaning: "The monitoring addresses of the servers of NATS, with commas between: `http://host:8222`. At start Kontor asks them whether each server writes to the disk before it acknowledges." },
  { variable: 'KONTOR_NATS_STREAM', default: '`KONTOR_USAGE`', meaning: 'What the names of the streams begin with. Installations that share an account of NATS need different ones.' },
  { variable: 'KONTOR_LOG', default: '`info`', meaning: 'How much is logged: `silent`, `error`, `warn` or `info`.' },
  { variable: 'KONTOR_WEBHOOK_LOOPBACK', default: '`yes` on the embedded database, else `no`', meaning: 'Whether webhooks may be sent to this machine: `yes` or `no`. To private networks they are never sent.' },
];

/**
 * The configuration from the environment. Every mistake is found and told at once, in a `StartRefused`; so is a variable that starts with `KONTOR_` and does not exist,
 * since a misspelt one would otherwise be obeyed by nobody. Variables that start with `KONTOR_TEST_` belong to the tests.
 */
export function readConfig(environment: Variables, directory: string = process.cwd()): Config {
  const wrong: string[] = [];
  const known = new Set(settings.map((setting) => setting.variable));
  for (const name of Object.keys(environment)) {
    if (name.startsWith('KONTOR_') && !name.startsWith('KONTOR_TEST_') && !known.has(name)) wrong.push(`${name} is not a setting of Kontor.${nearest(name, known)}`);
  }
  const read = reader(environment, wrong);
  const data = resolve(directory, read.text('KONTOR_DATA') ?? 'data');
  const database_url = read.databaseUrl('DATABASE_URL');
  const app_database_url = read.databaseUrl('KONTOR_APP_DATABASE_URL');
  if (app_database_url !== null && database_url === null) wrong.push('KONTOR_APP_DATABASE_URL is set and DATABASE_URL is not. Set both, or neither for the embedded PostgreSQL.');
  const [pepper, vault_key, archive] = [read.text('KONTOR_PEPPER_FILE'), read.text('KONTOR_VAULT_KEY_FILE'), read.text('KONTOR_USAGE_ARCHIVE')];
  const config: Config = {
    host: read.text('KONTOR_HOST') ?? '127.0.0.1',
    port: read.whole('KONTOR_PORT', 4242, 0, 65_535),
    url: originOf(read, wrong),
    data,
    database_url,
    app_database_url,
    pool: read.whole('KONTOR_POOL', Math.min(32, Math.max(8, 4 * availableParallelism())), 2, 1000),
    statement_timeout: read.whole('KONTOR_STATEMENT_TIMEOUT', 30, 1, 3600),
    pepper_file: pepper === undefined ? join(data, 'pepper') : resolve(directory, pepper),
    vault_key_file: vault_key === undefined ? join(data, 'vault.key') : resolve(directory, vault_key),
    usage_days: read.whole('KONTOR_USAGE_DAYS', USAGE_DAYS, 66, 36_500),
    usage_archive: archive === undefined ? null : resolve(directory, archive),
    nats: natsOf(read, wrong, directory),
    log: read.oneOf('KONTOR_LOG', logLevels, 'info'),
    webhook_loopback: read.oneOf('KONTOR_WEBHOOK_LOOPBACK', ['yes', 'no'], database_url === null ? 'yes' : 'no') === 'yes',
  };
  if (wrong.length > 0) throw new StartRefused(wrong.join('\n'));
  return config;
}

function originOf(read: ReturnType<typeof reader>, wrong: string[]): string | null {
  const value = read.text('KONTOR_URL');
  if (value === undefined) return null;
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
  wrong.push(`KONTOR_URL is '${value}'. Write the address at which others reach Kontor, such as https://billing.example.com, without a path.`);
  return null;
}

function natsOf(read: ReturnType<typeof reader>, wrong: string[], directory: string): NatsSettings | null {
  const url = read.urls('KONTOR_NATS_URL', /^(?:nats|tls):$/, 'nats://user:password@host:4222');
  const monitors = read.urls('KONTOR_NATS_MONITOR_URL', /^https?:$/, 'http://host:8222');
  const [creds, stream] = [read.text('KONTOR_NATS_CREDS'), read.text('KONTOR_NATS_STREAM') ?? 'KONTOR_USAGE'];
  if (!/^[A-Z][A-Z0-9_]{0,31}$/.test(stream)) wrong.push(`KONTOR_NATS_STREAM is '${stream}'. Write up to 32 capital letters, digits and underscores, such as KONTOR_USAGE.`);
  if (url === null) {
    for (const name of ['KONTOR_NATS_CREDS', 'KONTOR_NATS_MONITOR_URL', 'KONTOR_NATS_STREAM']) if (read.text(name) !== undefined) wrong.push(`${name} is set and KONTOR_NATS_URL is not. Set both, or neither for usage that goes into PostgreSQL at once.`);
    return null;
  }
  return { url: new Secret(url.join(',')), creds_file: creds === undefined ? null : resolve(directory, creds), monitors: monitors ?? [], stream };
}

function reader(environment: Variables, wrong: string[]) {
  const text = (name: string): string | undefined => {
    const value = environment[name]?.trim();
    return value === '' ? undefined : value;
  };
  return {
    text,
    whole(name: string, otherwise: number, least: number, most: number): number {
      const value = text(name);
      if (value === undefined) return otherwise;
      const number = /^\d{1,9}$/.test(value) ? Number(value) : -1;
      if (number >= least && number <= most) return number;
      wrong.push(`${name} is '${value}'. Write a whole number from ${least} to ${most}.`);
      return otherwise;
    },
    oneOf<Word extends string>(name: string, words: readonly Word[], otherwise: Word): Word {
      const value = text(name);
      if (value === undefined) return otherwise;
      const word = words.find((each) => each === value);
      if (word !== undefined) return word;
      wrong.push(`${name} is '${value}'. Write one of: ${words.join(', ')}.`);
      return otherwise;
    },
    /** Addresses with commas between them. */
    urls(name: string, scheme: RegExp, example: string): string[] | null {
      const value = text(name);
      if (value === undefined) return null;
      const all = value.split(',').map((each) => each.trim());
      if (all.every((each) => URL.canParse(each) && scheme.test(new URL(each).protocol) && new URL(each).hostname !== '')) return all;
      wrong.push(`${name} is not a list of addresses. Write ${example}, and a comma before each further one.`);
      return null;
    },
    databaseUrl(name: string): Secret | null {
      const value = text(name);
      if (value === undefined) return null;
      const url = URL.canParse(value) ? new URL(value) : null;
      if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1) return new Secret(value);
      wrong.push(`${name} is not the address of a database. Write postgres://user:password@host:5432/name.`);
      return null;
    },
  };
}

/** The setting that was probably meant: the one that shares the longest beginning or holds the same words. */
function nearest(name: string, known: ReadonlySet<string>): string {
  const words = new Set(name.split('_').slice(1));
  const score = (other: string): number => other.split('_').slice(1).filter((word) => words.has(word)).length * 10 + shared(name, other);
  const best = [...known].sort((a, b) => score(b) - score(a))[0];
  return best === undefined ? '' : ` Did you mean ${best}?`;
}

function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
