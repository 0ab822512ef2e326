#!/usr/bin/env node
/** The front door: every command, and the only file that knows every room. A new command is a file in server/cli/ and a line here. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { adyenProcessor } from './connectors/processors/adyen/adyen.ts';
import { sandbox } from './connectors/processors/sandbox/sandbox.ts';
import { stripeProcessor } from './connectors/processors/stripe/stripe.ts';
import { sandboxVault } from './connectors/vault/sandbox/vault.ts';
import { vaultOff } from './connectors/vault/vault.ts';
import { isStripes } from './resources/operations.ts';
import { rooms } from './resources/register.ts';
import { accounts } from './server/cli/accounts.ts';
import { perform, type Command } from './server/cli/command.ts';
import { keys } from './server/cli/keys.ts';
import { migrate } from './server/cli/migrate.ts';
import { receipts } from './server/cli/receipts.ts';
import { simulate, type Simulation } from './server/cli/simulate.ts';
import { start, type Example, type Parts } from './server/cli/start.ts';
import { archives, usageLag, usageRecount } from './server/cli/usage.ts';
import { verify } from './server/cli/verify.ts';
import { vault, type Custodian } from './server/cli/vault.ts';
import { version } from './server/cli/version.ts';
import type { Config } from './server/config.ts';
import { areaOf } from './server/http/route.ts';

const areas = new Set(rooms.flatMap((room) => room.routes ?? []).map(areaOf));

/** The vault of test mode. The sandbox's row of a test card is all that its number is ever presented to. */
const sandboxVaultOf = ({ data, vault_key_file }: Config, warn?: (sentence: string) => void) =>
  sandboxVault({ directory: join(data, 'vault'), key_file: vault_key_file, presenters: [new URL('./connectors/processors/sandbox/present.ts', import.meta.url)], ...(warn && { warn }) });

const custodian: Custodian = (config) => (existsSync(join(config.data, 'vault')) ? sandboxVaultOf(config) : null);

/** Test mode has the sandbox and its vault; live mode has what its account configures, and no vault. */
const parts: Parts = {
  rooms,
  connectors: (config, log) => ({ processors: { test: sandbox(), kinds: [stripeProcessor(), adyenProcessor()] }, vaults: { test: sandboxVaultOf(config, (sentence) => log.warn(sentence)), live: vaultOff } }),
  isStripes: isStripes(),
};

/** Loaded when it is wanted: it needs Stripe's library, which a server does not. */
const example: Example = async (url, key) => (await import('./examples/helpdesk/seed.ts')).seed(url, key);

/** Loaded when it is wanted, like the example. */
const simulation: Simulation = async () => new (await import('./tests/simulation/simulate.ts')).Simulator();

const commands: readonly Command[] = [
  start(parts, example),
  migrate,
  verify(rooms, custodian),
  ...vault(custodian),
  simulate(simulation),
  ...keys(areas),
  ...accounts,
  usageRecount,
  usageLag,
  ...archives,
  ...receipts,
  version,
];

process.exitCode = await perform(commands, process.argv.slice(2));
