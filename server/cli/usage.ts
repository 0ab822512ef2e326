import type { World } from '../context.ts';
import { openLog } from '../log.ts';
import { StartRefused } from '../refused.ts';
import { signer } from '../secret.ts';
import { verifyArchive } from '../usage/archive.ts';
import { openIntake } from '../usage/intake/open.ts';
import { recountWorld } from '../usage/rebuild.ts';
import { restoreArchive } from '../usage/restore.ts';
import { command } from './command.ts';
import { dataFlag, inHouse, readPepper } from './house.ts';
import { print, say } from './terminal.ts';

export const usageRecount = command({
  name: 'usage recount',
  about: 'Count the usage of every hour again from the events that are kept. Who reports usage meanwhile waits.',
  flags: { data: dataFlag },
  run: (flags) => inHouse(flags, ({ database }) => database.asOwner(async (owner) => {
    const { rows: worlds } = await owner.query<World>('select id, account, livemode from worlds order by id');
    for (const world of worlds) print(`${world.account} (${world.livemode ? 'live' : 'test'}): ${await recountWorld(owner, world, say)} hours were counted again.`);
  })),
});

/** Needs no server and no database. */
const archiveVerify = command({
  name: 'archive verify',
  about: 'Check a file of archived usage events against its manifest: that all of them are there, as they were written.',
  takes: 'FILE',
  flags: {},
  run: async (_flags, path) => {
    const { events, from, until } = await verifyArchive(path);
    print(`${events} events that were received from ${from} up to ${until} are there, as they were written.`);
  },
});

const archiveRestore = command({
  name: 'archive restore',
  about: 'Bring the usage events of an archived file back among those that are kept.',
  takes: 'FILE',
  flags: { data: dataFlag },
  run: (flags, path) => inHouse(flags, ({ config, database, clock }) => database.asOwner(async (owner) => {
    print(`${await restoreArchive(owner, path, { now: clock.now(), usage_days: config.usage_days })} events were restored.`);
  })),
});

export const archives = [archiveVerify, archiveRestore];

export const usageLag = command({
  name: 'usage lag',
  about: 'Show how much of the usage that JetStream has acknowledged is not counted yet, by partition.',
  flags: { data: dataFlag },
  run: (flags) => inHouse(flags, async ({ config, database, clock }) => {
    if (config.nats === null) throw new StartRefused('KONTOR_NATS_URL is not set: usage is counted before it is acknowledged, and nothing lags.');
    const intake = await openIntake(config.nats, { database, clock, log: openLog('error'), sign: signer(await readPepper(config, database)) });
    try {
      const { rows } = await database.pool.query<{ partition: number; sequence: bigint; folder: string | null }>('select partition, sequence, folder from usage_partitions join usage_leases using (partition)');
      const partitions = new Map(rows.map((each) => [each.partition, each]));
      print(['partition', 'acknowledged', 'counted', 'behind', 'counted by'].join('\t'));
      for (const { partition, last } of await intake.ends()) {
        const { sequence, folder } = partitions.get(partition)!;
        print([partition, last, sequence, Math.max(0, last - Number(sequence)), folder ?? 'nobody'].join('\t'));
      }
    } finally {
      await intake.close();
    }
  }),
});
