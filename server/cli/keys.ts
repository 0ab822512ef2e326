/** `kontor keys`: the API keys of an account. A key is shown once, when it is made. */

import type { Instant } from '../../billing/decision.ts';
import { createKey, listKeys, listWorlds, LONGEST_OVERLAP_S, revokeKey, rollKey, type KeyRow } from '../accounts.ts';
import { machineClock, type Clock } from '../clock.ts';
import type { World } from '../context.ts';
import { row, sql } from '../database/sql.ts';
import { overAllWorlds, transactionOn } from '../database/world.ts';
import type { KeyKind, Permissions } from '../http/keys.ts';
import { nearest } from '../nearest.ts';
import { StartRefused } from '../refused.ts';
import { command, type Command, type Flag } from './command.ts';
import { dataFlag, inHouse, readPepper, type House } from './house.ts';
import { dateOf, print, say, table } from './terminal.ts';

const accountFlag = { type: 'string', value: 'ACCOUNT', about: 'Whose keys; needed where there are several accounts.' } as const satisfies Flag;
const modeFlag = { type: 'string', value: 'MODE', about: 'test or live.' } as const satisfies Flag;
const json = (what: string) => ({ type: 'boolean', about: `Print ${what} as JSON.` }) as const satisfies Flag;

const KINDS: readonly KeyKind[] = ['secret', 'publishable', 'restricted'];

/** The commands, given the parts of the API that a restricted key may be allowed: the first words of the paths under /v1. */
export function keys(areas: ReadonlySet<string>): readonly Command[] {
  return [list, create(areas), roll, revoke];
}

const list = command({
  name: 'keys list',
  about: 'List the keys, without their secret part.',
  flags: { account: accountFlag, mode: modeFlag, data: dataFlag, json: json('each key') },
  run: (flags) => inHouse(flags, async (house) => {
    const now = house.clock.now();
    const lines = [['KEY_ID', 'MODE', 'KIND', 'KEY', 'NAME', 'MAY', 'CREATED', 'STATE']];
    for (const world of await worldsOf(house, flags.account, flags.mode === undefined ? undefined : modeOf(flags.mode))) {
      for (const key of await house.database.asOwner((owner) => listKeys(owner, world))) {
        if (flags.json) print(JSON.stringify({ ...key, account: world.account, livemode: world.livemode }));
        else lines.push([key.id, world.livemode ? 'live' : 'test', key.kind, key.hint, key.name ?? '', permissionsText(key), dateOf(key.created), stateOf(key, now)]);
      }
    }
    if (!flags.json) print(table(lines));
  }),
});

const create = (areas: ReadonlySet<string>): Command => command({
  name: 'keys create',
  about: 'Make a key and print it, once.',
  flags: {
    kind: { type: 'string', value: 'KIND', about: 'secret (the default), publishable or restricted.' },
    mode: { ...modeFlag, about: 'test (the default) or live.' },
    name: { type: 'string', value: 'NAME', about: 'What the key is for.' },
    allow: { type: 'string', multiple: true, value: 'AREA=read|write', about: "What a restricted key may do, e.g. customers=read or '*=read'. May be repeated; write includes read." },
    expires: { type: 'string', value: 'WHEN', about: 'When the key ends: after 90d or 12h, or on 2027-01-31.' },
    account: accountFlag,
    data: dataFlag,
    json: json('the key'),
  },
  run(flags) {
    const kind = KINDS.find((each) => each === (flags.kind ?? 'secret'));
    if (kind === undefined) throw new StartRefused(`--kind is '${flags.kind}'. Write one of: ${KINDS.join(', ')}.`);
    const permissions = permissionsOf(flags.allow ?? [], areas);
    if (kind === 'restricted' && flags.allow === undefined) throw new StartRefused('A restricted key may do only what it is allowed: name it, such as --allow customers=read.');
    if (kind !== 'restricted' && flags.allow !== undefined) throw new StartRefused(`--allow is for restricted keys: write --kind restricted. A ${kind} key may do ${kind === 'secret' ? 'everything' : 'only what a browser may'}.`);
    const livemode = modeOf(flags.mode ?? 'test');
    const expires_at = flags.expires === undefined ? null : expiryOf(flags.expires, machineClock());
    return inHouse(flags, async (house) => {
      const [world] = await worldsOf(house, flags.account, livemode);
      const order = { kind, name: flags.name ?? null, permissions, expires_at };
      const pepper = await readPepper(house.config, house.database);
      const made = await house.database.asOwner((owner) => createKey(owner, house.clock, pepper, world!, order));
      show(made, flags.json, `Made the ${kind} key ${made.id} of ${world!.account}, in ${livemode ? 'live' : 'test'} mode.`);
    });
  },
});

const roll = command({
  name: 'keys roll',
  about: 'Replace a key by a new one, and print that. Both are good for a while.',
  takes: 'KEY_ID',
  flags: { overlap: { type: 'string', value: 'TIME', about: 'How long the old key stays good: 0s to 7d; otherwise 1h.' }, data: dataFlag, json: json('the new key') },
  run(flags, id) {
    const overlap = secondsOf(flags.overlap ?? '1h');
    if (overlap === null || overlap > LONGEST_OVERLAP_S) throw new StartRefused(`--overlap is '${flags.overlap}'. Write a time from 0s to 7d, such as 12h.`);
    return inHouse(flags, async (house) => {
      const world = await worldOf(house, id);
      const pepper = await readPepper(house.config, house.database);
      const made = await house.database.asOwner((owner) => transactionOn(owner, () => rollKey(owner, house.clock, pepper, world, id, overlap)));
      if (made === null) throw new StartRefused(`The key ${id} has ended already, so there is nothing to roll. Make a new one with kontor keys create.`);
      show(made, flags.json, `The key ${made.id} replaces ${id}, which stays good until ${dateOf(house.clock.now() + overlap)} at most.`);
    });
  },
});

const revoke = command({
  name: 'keys revoke',
  about: 'End a key now. Servers that run refuse it within seconds.',
  takes: 'KEY_ID',
  flags: { data: dataFlag },
  run: (flags, id) => inHouse(flags, async (house) => {
    const world = await worldOf(house, id);
    const revoked = await house.database.asOwner((owner) => revokeKey(owner, house.clock, world, id));
    say(revoked ? `The key ${id} is revoked.` : `The key ${id} was revoked before.`);
  }),
});

function show(made: { id: string; text: string }, asJson: boolean | undefined, sentence: string): void {
  say(`${sentence} Keep it now: only a hash of it is stored, so that it cannot be shown again.`);
  print(asJson ? JSON.stringify({ id: made.id, key: made.text }) : made.text);
}

async function worldsOf({ database }: House, account: string | undefined, livemode: boolean | undefined): Promise<World[]> {
  const worlds = await database.asOwner(listWorlds);
  const accounts = [...new Set(worlds.map((world) => world.account))];
  if (accounts.length === 0) throw new StartRefused('There is no account yet. Run kontor start, or kontor accounts create.');
  if (account !== undefined && !accounts.includes(account)) throw new StartRefused(`There is no account ${account}. The accounts are ${accounts.slice(0, 10).join(', ')}${accounts.length > 10 ? ', …' : ''}.`);
  if (account === undefined && livemode !== undefined && accounts.length > 1) throw new StartRefused(`There are ${accounts.length} accounts. Say which with --account; kontor accounts list shows them.`);
  return worlds.filter((world) => (account === undefined || world.account === account) && (livemode === undefined || world.livemode === livemode));
}

async function worldOf({ database }: House, key: string): Promise<World> {
  const world = await overAllWorlds(database.pool, (tx) => row<World>(tx, sql`select w.id, w.account, w.livemode from api_keys k join worlds w on w.id = k.world where k.id = ${key}`));
  if (!world) throw new StartRefused(`There is no key with the id ${/^[srp]k_/.test(key) ? 'that you wrote: it is the key itself' : key}. kontor keys list shows the ids.`);
  return world;
}

function modeOf(text: string): boolean {
  if (text !== 'test' && text !== 'live') throw new StartRefused(`--mode is '${text}'. Write test or live.`);
  return text === 'live';
}

function permissionsOf(allowed: readonly string[], areas: ReadonlySet<string>): Permissions {
  return Object.fromEntries(allowed.map((each) => {
    const [area = '', right = ''] = each.split('=', 2);
    if (right !== 'read' && right !== 'write') throw new StartRefused(`--allow is '${each}'. Write an area and read or write, such as customers=read.`);
    if (area !== '*' && !areas.has(area)) {
      const meant = nearest(area, [...areas]);
      throw new StartRefused(`There is nothing under /v1/${area} to allow. ${meant === undefined ? `The areas are ${[...areas].sort().join(', ')}, or * for all.` : `Did you mean ${meant}?`}`);
    }
    return [area, right];
  }));
}

function permissionsText({ kind, permissions }: KeyRow): string {
  return kind === 'restricted' ? Object.entries(permissions).map((entry) => entry.join('=')).join(' ') : '';
}

function stateOf({ revoked_at, expires_at }: KeyRow, now: Instant): string {
  if (revoked_at !== null) return `revoked ${dateOf(revoked_at)}`;
  if (expires_at === null) return 'good';
  return expires_at <= now ? `ended ${dateOf(expires_at)}` : `good until ${dateOf(expires_at)}`;
}

/** `90d`, `12h`, `30m` or `45s` in seconds. */
function secondsOf(text: string): number | null {
  const [, count, unit] = /^(\d{1,6})([dhms])$/.exec(text) ?? [];
  return unit === undefined ? null : Number(count) * { d: 86_400, h: 3_600, m: 60, s: 1 }[unit as 'd' | 'h' | 'm' | 's'];
}

/** A key ends after a time, at an instant, or with the beginning of a day in UTC. */
function expiryOf(text: string, clock: Clock): Instant {
  const seconds = secondsOf(text);
  const at = seconds === null ? instantOf(text) : clock.now() + seconds;
  if (at === null) throw new StartRefused(`--expires is '${text}'. Write a time such as 90d or 12h, or a date such as 2027-01-31.`);
  if (at <= clock.now()) throw new StartRefused(`--expires is '${text}', which is over already. Write a time to come.`);
  return at;
}

function instantOf(text: string): Instant | null {
  try {
    return Math.floor(Temporal.Instant.from(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text).epochMilliseconds / 1000);
  } catch {
    return null;
  }
}
