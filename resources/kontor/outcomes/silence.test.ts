import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { machineClock } from '../../../server/clock.ts';
import { runDueTimers } from '../../../server/timers.ts';
import { DAY, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { outcomesById } from './rows.ts';

let now = START;
const kontor = await startKontor({ works: false, clock: machineClock(() => now * 1_000) });
after(() => kontor.close());
const { stripe } = kontor;

test('what an event comes for in the moment in which its silence is over is not waited for, and is decided once that is recorded', async () => {
  await own(stripe, 'POST', 'outcome_definitions', { display_name: 'AI agent', subject_key: 'conversation', rules: [{ event_name: 'answered', effect: 'open', quiet_for: '24h' }] });
  const { id: customer } = await stripe.customers.create();
  for (const conversation of ['busy', 'idle']) await stripe.billing.meterEvents.create({ event_name: 'answered', timestamp: START, payload: { stripe_customer_id: customer, conversation } });
  const found = async (): Promise<[string, string][]> => (await own(stripe, 'GET', `outcomes?customer=${customer}`)).data.map(({ subject, state }: { subject: string; state: string }) => [subject, state]).sort();
  const { id } = (await own(stripe, 'GET', `outcomes?customer=${customer}&subject=busy`)).data[0];
  now += DAY;
  await kontor.inside(async ({ tx }) => {
    await outcomesById(tx, [id], true);
    await runDueTimers(kontor.app);
    assert.deepEqual(await found(), [['busy', 'open'], ['idle', 'succeeded']]);
  });
  while (await runDueTimers(kontor.app));
  assert.deepEqual(await found(), [['busy', 'succeeded'], ['idle', 'succeeded']]);
});
