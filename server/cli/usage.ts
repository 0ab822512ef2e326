import type { World } from '../context.ts';
import { recountWorld } from '../usage/rebuild.ts';
import { command } from './command.ts';
import { dataFlag, inHouse } from './house.ts';
import { print } from './terminal.ts';

export const usageRecount = command({
  name: 'usage recount',
  about: 'Count the usage of every hour again from the events that are kept. Who reports usage meanwhile waits.',
  flags: { data: dataFlag },
  run: (flags) => inHouse(flags, ({ database }) => database.asOwner(async (owner) => {
    const { rows: worlds } = await owner.query<World>('select id, account, livemode from worlds order by id');
    for (const world of worlds) print(`${world.account} (${world.livemode ? 'live' : 'test'}): ${await recountWorld(owner, world)} hours were counted again.`);
  })),
});
