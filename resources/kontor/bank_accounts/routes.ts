/** The account's own bank accounts, to which its processor pays out. In test mode a test account stands for the one of a currency that has none. */
import { decision, refuse } from '../../../billing/decision.ts';
import type { BankAccountRow } from '../../../billing/balance/payout.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { boolean, byDefault, choice, clearable, currency, doc, fields, listParams, required, text, type Params } from '../../../server/http/params.ts';
import { del, get, post } from '../../../server/http/route.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { bankAccount, renderBankAccount } from './resource.ts';
import { bankAccountsById, defaultBank, keptBank, lockPayouts, payingOut } from './rows.ts';

const createBankAccount = fields({
  account_holder_name: clearable(text({ max: 200 })),
  account_holder_type: choice('company', 'individual'),
  account_number: required(doc('The number or the IBAN. In test mode one of the test accounts of docs/guides/test-values.md.', text({ max: 34, secret: true }))),
  country: required(doc('Where the bank is, as two letters.', text({ min: 2, max: 2, pattern: /^[A-Z]{2}$/ }))),
  currency: required(currency()),
  default_for_currency: byDefault(doc('Payouts in its currency go there.', boolean()), true),
  routing_number: text({ max: 20 }),
});
const listBankAccounts = listParams({ currency: currency() });
const nothing = fields({});

type Path = { bank_account: string };

async function create(ctx: Context, given: Params<typeof createBankAccount>): Promise<Json> {
  await lockPayouts(ctx.tx);
  const before = await defaultBank(ctx.tx, given.currency);
  const first = given.default_for_currency || before === undefined;
  const { account_number, country, routing_number = null, account_holder_name = null, account_holder_type = null } = given;
  const account = keptBank(ctx, { account_number, country, currency: given.currency, routing_number }, { account_holder_name, account_holder_type, default_for_currency: first }, realMoment(ctx.app));
  // A currency has one default: the former one gives way before the new one comes.
  if (before && first) await commit(ctx, { ...decision(), puts: [{ table: 'bank_accounts', before, after: { ...before, default_for_currency: false } }] });
  await commit(ctx, { ...decision(), puts: [{ table: 'bank_accounts', before: null, after: account }] });
  return renderBankAccount(account, ctx.world);
}

async function existing(ctx: Context, id: string): Promise<BankAccountRow> {
  const [found] = await bankAccountsById(ctx.tx, [id]);
  return found && !found.deleted ? found : missing('bank account', id);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return renderBankAccount(await existing(ctx, path.bank_account), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listBankAccounts>): Promise<Json> {
  const { data, has_more } = await page<BankAccountRow>(ctx, 'bank_accounts', 'bank account', [...equal('deleted', false), ...equal('currency', given.currency)], given);
  return renderList('/v1/kontor/bank_accounts', data.map((each) => renderBankAccount(each, ctx.world)), has_more);
}

/** What was paid out to it keeps naming it. */
async function remove(ctx: Context, _given: object, path: Path): Promise<Json> {
  await lockPayouts(ctx.tx);
  const before = await existing(ctx, path.bank_account);
  if (before.processor !== payingOut(ctx).name) refuse(undefined, `The payment processor ${before.processor} pays out to ${before.id} by itself: what it pays out to is set there.`);
  const others = await page<BankAccountRow>(ctx, 'bank_accounts', 'bank account', [...equal('deleted', false), ...equal('processor', before.processor), ...equal('currency', before.currency)], { limit: 2 });
  if (before.default_for_currency && others.data.length > 1) refuse(undefined, `Payouts in ${before.currency} go to ${before.id}. Make another bank account the default of the currency first.`);
  await commit(ctx, { ...decision(), puts: [{ table: 'bank_accounts', before, after: { ...before, deleted: true, default_for_currency: false } }] });
  return { id: before.id, object: 'bank_account', currency: before.currency, deleted: true };
}

export const bankAccounts: Room = {
  resources: [bankAccount],
  routes: [
    post('/v1/kontor/bank_accounts', createBankAccount, create),
    get('/v1/kontor/bank_accounts', listBankAccounts, list),
    get('/v1/kontor/bank_accounts/:bank_account', nothing, retrieve),
    del('/v1/kontor/bank_accounts/:bank_account', nothing, remove),
  ],
};
