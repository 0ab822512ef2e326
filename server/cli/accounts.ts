/** `kontor accounts`: the companies that bill with this installation. */

import { isCurrency } from '../../billing/money.ts';
import { createAccount, listAccounts } from '../accounts.ts';
import { transactionOn } from '../database/world.ts';
import { StartRefused } from '../refused.ts';
import { command, type Command } from './command.ts';
import { dataFlag, inHouse } from './house.ts';
import { dateOf, print, say, table } from './terminal.ts';

const list = command({
  name: 'accounts list',
  about: 'List the accounts, oldest first.',
  flags: { data: dataFlag, json: { type: 'boolean', about: 'Print a line of JSON for each.' } },
  run: (flags) => inHouse(flags, async ({ database }) => {
    const accounts = await database.asOwner(listAccounts);
    if (flags.json) for (const { id, created, business_name, email, country, default_currency } of accounts) print(JSON.stringify({ id, created, name: business_name, email, country, currency: default_currency }));
    else print(table([['ACCOUNT', 'NAME', 'COUNTRY', 'CURRENCY', 'CREATED'], ...accounts.map((each) => [each.id, each.business_name, each.country, each.default_currency, dateOf(each.created)])]));
  }),
});

const create = command({
  name: 'accounts create',
  about: 'Make another account, with a test and a live world of its own.',
  flags: {
    name: { type: 'string', value: 'NAME', about: 'The name of the company, as its invoices show it.' },
    email: { type: 'string', value: 'ADDRESS', about: 'Where its customers reach it.' },
    country: { type: 'string', value: 'XX', about: 'Its country, two letters; otherwise US.' },
    currency: { type: 'string', value: 'XXX', about: 'Its usual currency; otherwise usd.' },
    data: dataFlag,
    json: { type: 'boolean', about: 'Print the account as a line of JSON.' },
  },
  run(flags) {
    const { name, email, country = 'US', currency = 'usd' } = flags;
    if (!/^[A-Z]{2}$/.test(country)) throw new StartRefused(`--country is '${country}'. Write two capital letters, such as IE.`);
    if (!isCurrency(currency)) throw new StartRefused(`--currency is '${currency}'. Write the code of a currency in small letters, such as eur.`);
    return inHouse(flags, async ({ database, clock }) => {
      const account = await database.asOwner((owner) => transactionOn(owner, () => createAccount(owner, clock, { business_name: name, email, country, default_currency: currency })));
      print(flags.json ? JSON.stringify({ id: account.id, created: account.created, name: account.business_name, email: account.email, country, currency }) : account.id);
      say(`A key for it: kontor keys create --account ${account.id}`);
    });
  },
});

export const accounts: readonly Command[] = [list, create];
