import { joinDatabase } from '../database/database.ts';
import { migrate as apply } from '../database/migrate.ts';
import { command } from './command.ts';
import { configOf, dataFlag } from './house.ts';
import { print, say } from './terminal.ts';

export const migrate = command({
  name: 'migrate',
  about: 'Bring the database to this version. A start does it, too.',
  flags: { data: dataFlag },
  async run(flags) {
    const database = await joinDatabase(configOf(flags), say);
    try {
      const applied = await database.asOwner((owner) => apply(owner));
      print(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.length} migration${applied.length === 1 ? '' : 's'}, up to ${applied.at(-1)!}.`);
    } finally {
      await database.close();
    }
  },
});
