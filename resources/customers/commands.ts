import type Stripe from 'stripe';
import { changeCustomer, createCustomer, takeDiscount, type CustomerChange } from '../../billing/customer/change.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { endCustomer } from '../../billing/customer/end.ts';
import { createTaxId } from '../../billing/customer/tax_id.ts';
import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { showCustomer } from '../../billing/invoice/edit.ts';
import { formatMoney } from '../../billing/money.ts';
import { accountById } from '../../server/accounts.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Wire } from '../../server/http/wire.ts';
import { lockLanes } from '../../server/lanes.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { renderDiscount } from '../discounts/resource.ts';
import { cashOf, setMode } from './cash_balance/rows.ts';
import { draftsOf, invoicesById } from '../invoices/rows.ts';
import { lockMandatesOf } from '../mandates/rows.ts';
import { attachPaymentMethod, lockMethodsOf, resolvePaymentMethod } from '../payment_methods/rows.ts';
import { subscriptionsById } from '../subscriptions/rows.ts';
import { startingOf } from '../subscription_schedules/rows.ts';
import { taxIdsOf } from '../tax_ids/rows.ts';
import { testClock } from '../test_helpers/test_clocks/resource.ts';
import type * as params from './params.ts';
import { customer } from './resource.ts';
import { customersById, goingOn, invoicePrefixIsTaken, lockCustomer, withDiscounts } from './rows.ts';

const rendered = (ctx: Context, whole: CustomerWhole): Json => customer.render(whole, ctx.world);

/** The parameters in the words of the core: the default payment method is a column of its own. */
function changeOf(given: Omit<Params<typeof params.updateCustomer>, 'cash_balance'>): CustomerChange {
  const { invoice_settings, tax_exempt, address, shipping, ...rest } = given;
  const { default_payment_method, rendering_options, ...settings } = invoice_settings ?? {};
  const blank = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };
  return {
    ...rest,
    ...(address !== undefined && { address: address && { ...blank, ...address } }),
    ...(shipping !== undefined && { shipping: shipping && { phone: null, carrier: null, tracking_number: null, ...shipping, address: { ...blank, ...shipping.address } } }),
    ...(tax_exempt !== undefined && { tax_exempt: tax_exempt ?? 'none' }),
    ...(default_payment_method !== undefined && { default_payment_method }),
    invoice_settings: { ...settings, ...(rendering_options !== undefined && { rendering_options: rendering_options && { amount_tax_display: null, template: null, ...rendering_options } }) },
  };
}

/** A prefix that nobody has: eight letters and digits, as Stripe's. */
async function freePrefix(ctx: Context, wanted: string | undefined): Promise<string> {
  if (wanted !== undefined && (await invoicePrefixIsTaken(ctx.tx, wanted))) refuse(undefined, `The invoice prefix ${wanted} is used by another customer.`, 'invoice_prefix');
  return wanted ?? ctx.app.clock.secret(8).toUpperCase();
}

const DEFAULT = 'invoice_settings[default_payment_method]';

export async function create(ctx: Context, given: Params<typeof params.createCustomer>): Promise<Json> {
  const { test_clock = null, payment_method, tax_id_data = [], cash_balance, ...rest } = given;
  if (test_clock !== null && (await testClock.load!(ctx, [test_clock])).length === 0) missing('test clock', test_clock, 'test_clock');
  const moment = await momentOn(ctx, test_clock);
  const account = await accountById(ctx.tx, ctx.world.account);
  const invoice_prefix = await freePrefix(ctx, given.invoice_prefix);
  const id = moment.newId('cus');
  const change = changeOf(rest);
  const attached = payment_method === undefined ? null : await attachPaymentMethod(ctx, payment_method, { customer: id, moment, param: 'payment_method' });
  const wanted = change.default_payment_method;
  const chosen = !wanted ? null : wanted === payment_method ? attached : await resolvePaymentMethod(ctx, wanted, { customer: id, moment, param: DEFAULT });
  const decided = createCustomer({ ...change, default_payment_method: chosen?.method.id ?? null, id, invoice_prefix, test_clock, currency: account.default_currency }, moment);
  lockLanes(ctx.tx, [id]);
  const taxIds = tax_id_data.map((each, n) => createTaxId({ ...each, param: `tax_id_data[${n}][value]` }, decided.customer, ctx.world.livemode, moment));
  const methods = [...new Set([attached, chosen])].flatMap((each) => each?.decision ?? []);
  await commit(ctx, together([decided, ...methods, ...taxIds]));
  const mode = cash_balance?.settings?.reconciliation_mode;
  if (mode !== undefined) await setMode(ctx, decided.customer, mode, moment);
  return rendered(ctx, decided.customer);
}

export async function update(ctx: Context, { cash_balance, ...given }: Params<typeof params.updateCustomer>, path: { customer: string }): Promise<Json> {
  // Cash that is applied by itself from now on may pay what waits for it.
  const before = await lockCustomer(ctx, path.customer);
  const moment = await momentOn(ctx, before.test_clock);
  const account = await accountById(ctx.tx, ctx.world.account);
  if (given.invoice_prefix !== undefined && given.invoice_prefix !== before.invoice_prefix) await freePrefix(ctx, given.invoice_prefix);
  const change = changeOf(given);
  const wanted = change.default_payment_method;
  const chosen = wanted ? await resolvePaymentMethod(ctx, wanted, { customer: before.id, moment, param: DEFAULT }) : null;
  const decided = changeCustomer(before, chosen ? { ...change, default_payment_method: chosen.method.id } : change, account.default_currency, moment);
  await commit(ctx, together([...(chosen ? [chosen.decision] : []), decided, await shownOnDrafts(ctx, change, decided.customer, moment)]));
  const mode = cash_balance?.settings?.reconciliation_mode;
  if (mode === undefined) return rendered(ctx, decided.customer);
  await setMode(ctx, decided.customer, mode, moment);
  return rendered(ctx, (await customersById(ctx.tx, [before.id]))[0]!);
}

/** What drafts say of their customer until they are finalized. */
const SHOWN = ['address', 'email', 'name', 'phone', 'shipping', 'tax_exempt'] as const satisfies readonly (keyof CustomerChange)[];

async function shownOnDrafts(ctx: Context, change: CustomerChange, after: CustomerWhole, moment: Moment): Promise<Decision> {
  const drafts = SHOWN.some((name) => change[name] !== undefined) ? await draftsOf(ctx.tx, after.id) : [];
  const tax_ids = drafts.length === 0 ? [] : await taxIdsOf(ctx.tx, [after.id]);
  return together(drafts.map((draft) => showCustomer(draft, after, tax_ids, moment)));
}

export async function remove(ctx: Context, _given: object, path: { customer: string }): Promise<Wire<Stripe.DeletedCustomer>> {
  const before = await lockCustomer(ctx, path.customer);
  const [cash] = (await cashOf(ctx.tx, before.id)).filter(({ amount }) => amount > 0n);
  if (cash) refuse(undefined, `The customer ${before.id} has sent ${formatMoney(cash.amount, cash.currency)} that paid nothing yet. Send it back, by \`POST /v1/refunds\` with \`origin\` = \`customer_balance\`, or apply it to a payment; then delete the customer.`);
  const moment = await momentOn(ctx, before.test_clock);
  const ids = await goingOn(ctx.tx, before.id);
  const payment_methods = await lockMethodsOf(ctx.tx, before.id);
  const held = {
    subscriptions: await subscriptionsById(ctx.tx, ids.subscriptions, true),
    unpaid: await invoicesById(ctx.tx, ids.unpaid, true),
    payment_methods,
    mandates: await lockMandatesOf(ctx.tx, payment_methods.map((method) => method.id)),
    tax_ids: await taxIdsOf(ctx.tx, [before.id]),
    schedules: await startingOf(ctx.tx, before.id),
  };
  await commit(ctx, endCustomer(before, held, moment));
  return { id: before.id, object: 'customer', deleted: true };
}

export async function deleteDiscount(ctx: Context, _given: object, path: { customer: string }): Promise<Wire<Stripe.DeletedDiscount>> {
  const before = await lockCustomer(ctx, path.customer);
  const { discount } = before;
  if (!discount) return refuse('resource_missing', `The customer ${before.id} has no discount.`, undefined, { status: 404 });
  await commit(ctx, takeDiscount(before, discount, await momentOn(ctx, before.test_clock)));
  const { end, ...shown } = renderDiscount(discount);
  return { ...shown, deleted: true };
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
