import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startKontor } from '../../tests/kontor.ts';

const kontor = await startKontor();
after(() => kontor.close());

test('a key tells which account it belongs to, and whether it can charge', async () => {
  const account = await kontor.stripe.accounts.retrieveCurrent();
  assert.deepEqual([account.id, account.object, account.type], [kontor.world.account, 'account', 'standard']);
  assert.deepEqual([account.country, account.default_currency, account.business_profile?.name, account.settings?.dashboard.display_name], ['US', 'usd', 'Helpdesk Inc.', 'Helpdesk Inc.']);
  assert.deepEqual([account.charges_enabled, account.payouts_enabled], [true, true]);
  const live = await kontor.another(true);
  assert.deepEqual(await live.stripe.accounts.retrieveCurrent().then(({ charges_enabled, payouts_enabled }) => [charges_enabled, payouts_enabled]), [false, false]);
});
