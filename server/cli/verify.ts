import { machineClock } from '../clock.ts';
import { register, type Room } from '../context.ts';
import { StartRefused } from '../refused.ts';
import { signer } from '../secret.ts';
import { verify as look } from '../verify.ts';
import { command, type Command } from './command.ts';
import { dataFlag, inHouse, readPepper } from './house.ts';
import { print, say } from './terminal.ts';
import { checkVault, type Custodian } from './vault.ts';

/** The rooms bring checks of their own. */
export const verify = (rooms: readonly Room[], custodian: Custodian): Command => command({
  name: 'verify',
  about: 'Check that all that is stored holds together: invoices and how each of their amounts came about, payments, ledger, events, the cards of the vault. Changes nothing; the exit code is 1 where something does not.',
  flags: { data: dataFlag },
  run: (flags) => inHouse(flags, async ({ config, database }) => {
    const findings = await look(database, print, machineClock(), { audits: register(rooms).audits, sign: signer(await readPepper(config, database)), progress: say });
    const custody = custodian(config);
    const cards = custody ? await checkVault(custody) : 0;
    if (findings.length + cards > 0) throw new StartRefused('Something does not hold together. Each line above names the object; docs/operating/verify.md says what each invariant means.');
  }),
});
