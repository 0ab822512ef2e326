import { changeCustomer, createCustomer, type CustomerChange } from '../../billing/customer/change.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse } from '../../billing/decision.ts';
import { accountById } from '../../server/accounts.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import type * as params from './params.ts';
import { customer } from './resource.ts';
import { customersById, invoicePrefixIsTaken, lockCustomer, withDiscounts } from './rows.ts';

const rendered = (ctx: Context, whole: CustomerWhole): Json => customer.render(whole, ctx.world);

/** The parameters in the words of the core: the default payment method is a column of its own. */
function changeOf(given: Params<typeof params.updateCustomer>): CustomerChange {
  const { invoice_settings, tax_exempt, address, shipping, ...rest } = given;
  const { default_payment_method, ...settings } = invoice_settings ?? {};
  const blank = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };
  return {
    ...rest,
    ...(address !== undefined && { address: address && { ...blank, ...address } }),
    ...(shipping !== undefined && { shipping: shipping && { phone: null, carrier: null, tracking_number: null, ...shipping, address: { ...blank, ...shipping.address } } }),
    ...(tax_exempt !== undefined && { tax_exempt: tax_exempt ?? 'none' }),
    ...(default_payment_method !== undefined && { default_payment_method }),
    invoice_settings: settings as CustomerChange['invoice_settings'],
  };
}

/** A prefix that nobody has: eight letters and digits, as Stripe's. */
async function freePrefix(ctx: Context, wanted: string | undefined): Promise<string> {
  if (wanted !== undefined && (await invoicePrefixIsTaken(ctx.tx, wanted))) refuse(undefined, `The invoice prefix ${wanted} is used by another customer.`, 'invoice_prefix');
  return wanted ?? ctx.app.clock.secret(8).toUpperCase();
}

export async function create(ctx: Context, given: Params<typeof params.createCustomer>): Promise<Json> {
  const { test_clock = null, payment_method, tax_id_data, ...rest } = given;
  const moment = await momentOn(ctx, test_clock);
  const account = await accountById(ctx.tx, ctx.world.account);
  const invoice_prefix = await freePrefix(ctx, given.invoice_prefix);
  const decided = createCustomer({ ...changeOf(rest), invoice_prefix, test_clock, currency: account.default_currency }, moment);
  await commit(ctx, decided);
  return rendered(ctx, decided.customer);
}

export async function update(ctx: Context, given: Params<typeof params.updateCustomer>, path: { customer: string }): Promise<Json> {
  const before = await lockCustomer(ctx, path.customer);
  const moment = await momentOn(ctx, before.test_clock);
  const account = await accountById(ctx.tx, ctx.world.account);
  if (given.invoice_prefix !== undefined && given.invoice_prefix !== before.invoice_prefix) await freePrefix(ctx, given.invoice_prefix);
  const decided = changeCustomer(before, changeOf(given), account.default_currency, moment);
  await commit(ctx, decided);
  return rendered(ctx, decided.customer);
}

export async function retrieve(ctx: Context, _given: object, path: { customer: string }): Promise<Json> {
  const [found] = await customersById(ctx.tx, [path.customer]);
  if (!found) missing('customer', path.customer);
  return rendered(ctx, found);
}

export async function list(ctx: Context, given: Params<typeof params.listCustomers>): Promise<Json> {
  const conditions = [...equal('deleted', false), ...equal('email', given.email), ...within('created', given.created), ...equal('test_clock', given.test_clock ?? null)];
  const { data, has_more } = await page<CustomerWhole>(ctx, 'customers', 'customer', conditions, given);
  return renderList('/v1/customers', (await withDiscounts(ctx.tx, data)).map((each) => rendered(ctx, each)), has_more);
}
