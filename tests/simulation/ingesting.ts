/** A process that takes usage, or counts what JetStream holds, to be killed. It says where it listens. With `now` it works, too, and sees that moment. */
import { rooms } from '../../resources/register.ts';
import { sandbox } from '../../connectors/processors/sandbox/sandbox.ts';
import { vaultOff } from '../../connectors/vault/vault.ts';
import { open } from '../../server/app.ts';
import { machineClock } from '../../server/clock.ts';
import { connections } from '../../server/database/database.ts';
import { openLog } from '../../server/log.ts';
import { Secret } from '../../server/secret.ts';
import { startCounting } from '../../server/workers.ts';

/** With `nats`, usage goes through JetStream: such a process takes it, or, with `folds`, counts it. */
export type ProcessOrder = { urls: { owner: string; app: string }; nats: { url: string; monitors: readonly string[] } | null; folds: boolean; now?: number };

const { urls, nats, folds, now } = JSON.parse(process.argv[2]!) as ProcessOrder;
const begun = Date.now();
const database = { ...connections({ connectionString: urls.owner }, { connectionString: urls.app }, { pool: 6, statement_timeout: 30 }, () => Promise.resolve()), embedded: false };
const { app, url } = await open({
  database, rooms, connectors: { processors: { test: sandbox(), kinds: [] }, vaults: { test: vaultOff, live: vaultOff } }, isStripes: () => false, pepper: 'pepper of the tests', log: openLog('silent'), host: '127.0.0.1', port: 0, allowLoopback: true,
  works: now !== undefined, clock: machineClock(now === undefined ? undefined : () => now * 1_000 + Date.now() - begun),
  nats: nats && { url: new Secret(nats.url), monitors: nats.monitors, creds_file: null, stream: 'KONTOR_USAGE' },
});
if (folds) startCounting(app);
process.send?.(url);
