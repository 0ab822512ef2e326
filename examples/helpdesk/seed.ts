/** The helpdesk company in the test world of a new account: its catalogue, and two customers with a month behind them, whose time is moved by a test clock. */

import { catalog } from './catalog.ts';
import { clientOf, END_OF_FIRST_MONTH, firstMonth, open } from './story.ts';

const NAME = 'The helpdesk company';

/** Makes what is missing. A month that was interrupted is played again from its beginning; one that is there stays as it is. */
export async function seed(url: string, key: string): Promise<void> {
  const stripe = clientOf(url, key);
  await catalog(stripe);
  for await (const clock of stripe.testHelpers.testClocks.list({ limit: 100 })) {
    if (clock.name !== NAME) continue;
    if (clock.status === 'ready' && clock.frozen_time >= END_OF_FIRST_MONTH) return;
    await stripe.testHelpers.testClocks.del(clock.id);
  }
  await firstMonth(await open(stripe, NAME, () => undefined));
}
