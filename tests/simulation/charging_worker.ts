/** A server in a process of its own, to be killed: it takes payments at processors that fakes play elsewhere. */
import { isStripes } from '../../resources/operations.ts';
import { sandbox } from '../../connectors/processors/sandbox/sandbox.ts';
import { vaultOff } from '../../connectors/vault/vault.ts';
import { rooms } from '../../resources/register.ts';
import { open } from '../../server/app.ts';
import { machineClock } from '../../server/clock.ts';
import { connections } from '../../server/database/database.ts';
import { openLog } from '../../server/log.ts';
import { kindRecognising, KINDS, type Recognising } from '../fakes/kinds.ts';

/** `ahead_s`: how far its clock is ahead of the machine's; a message to the process says how far it is from then on. */
export type ChargingOrder = { urls: { owner: string; app: string }; port: number; ahead_s: number; ports: Record<Recognising, number>; timeout_ms: number; gullible: boolean };

async function work({ urls, port, ahead_s, ports, timeout_ms, gullible }: ChargingOrder): Promise<void> {
  let ahead = ahead_s;
  const database = { ...connections({ connectionString: urls.owner }, { connectionString: urls.app }, { pool: 10, statement_timeout: 30 }, () => Promise.resolve()), embedded: false };
  const kinds = KINDS.map((kind) => kindRecognising(kind, { address: { host: '127.0.0.1', port: ports[kind], protocol: 'http' }, timeout_ms }, gullible ? 'key' : kind));
  await open({
    database, rooms, connectors: { processors: { test: sandbox(), kinds }, vaults: { test: vaultOff, live: vaultOff } }, isStripes: isStripes(), pepper: 'pepper of the tests', log: openLog('silent'), host: '127.0.0.1', port, allowLoopback: true,
    clock: machineClock(() => Date.now() + ahead * 1_000),
  });
  process.on('message', (further) => { ahead = further as number; });
  process.send?.('working');
}

await work(JSON.parse(process.argv[2]!) as ChargingOrder);
