import { machineClock } from '../clock.ts';
import { register, type Room } from '../context.ts';
import { StartRefused } from '../refused.ts';
import { signer } from '../secret.ts';
import { verify as look } from '../verify.ts';
import { command, type Command } from './command.ts';
import { dataFlag, inHouse, readPepper } from './house.ts';
import { print, say } from './terminal.ts';

/** The rooms bring checks of their own. */
export const verify = (rooms: readonly Room[]): Command => command({
  name: 'verify',
  about: 'Check that all that is stored holds together: invoices and how each of their amounts came about, payments, ledger, events. Changes nothing; the exit code is 1 where something does not.',
  flags: { data: dataFlag },
  run: (flags) => inHouse(flags, async ({ config, database }) => {
    const findings = await look(database, print, machineClock(), { audits: register(rooms).audits, sign: signer(await readPepper(config, database)), progress: say });
    if (findings.length > 0) throw new StartRefused('Something does not hold together. Each line above names the object; docs/operating/verify.md says what each invariant means.');
  }),
});
