/** A NATS for tests: real servers, on this machine, in memory where it allows. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Secret } from '../server/secret.ts';
import type { NatsSettings } from '../server/usage/intake/open.ts';
import { findNats, type Program } from '../tools/nats/program.ts';
import { passingDirectory, startNats, type NatsServers } from '../tools/nats/servers.ts';

export type TestNats = NatsServers & { settings(stream?: string): NatsSettings };

/** Starts so many servers, or says why there is no program for them. */
export async function testNats(count: number): Promise<TestNats | string> {
  const program = await findNats();
  if (typeof program === 'string') return program;
  const servers = await started(program, count);
  return {
    ...servers,
    settings: (stream = 'KONTOR_USAGE') => ({ url: new Secret(servers.url), creds_file: null, monitors: servers.monitors, stream }),
  };
}

/** Another program may take a port that was free a moment ago: then others are taken. */
async function started(program: Program, count: number, tries = 3): Promise<NatsServers> {
  const servers = await startNats(program, await passingDirectory(existsSync('/dev/shm') ? '/dev/shm' : tmpdir()), { count });
  try {
    await servers.ready();
    return servers;
  } catch (error) {
    await servers.stop();
    if (tries === 1) throw error;
    return started(program, count, tries - 1);
  }
}

let one: Promise<TestNats | string> | null = null;
let made = 0;

/** The NATS of all Kontors of this process where KONTOR_TEST_NATS asks for one, with streams of their own for each. */
export async function natsOfAll(): Promise<NatsSettings | null> {
  if (process.env['KONTOR_TEST_NATS'] !== '1') return null;
  const nats = await (one ??= testNats(1));
  if (typeof nats === 'string') throw new Error(nats);
  return nats.settings(`KONTOR_TEST_${(made += 1)}`);
}
