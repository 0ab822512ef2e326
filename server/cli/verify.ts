import { StartRefused } from '../refused.ts';
import { verify as look } from '../verify.ts';
import { command } from './command.ts';
import { dataFlag, inHouse } from './house.ts';
import { print } from './terminal.ts';

export const verify = command({
  name: 'verify',
  about: 'Check that all that is stored holds together: invoices, payments, ledger, events. Changes nothing; the exit code is 1 where something does not.',
  flags: { data: dataFlag },
  run: (flags) => inHouse(flags, async ({ database }) => {
    const findings = await look(database, print);
    if (findings.length > 0) throw new StartRefused('Something does not hold together. Each line above names the object; docs/operating/verify.md says what each invariant means.');
  }),
});
