/** A thousand customers with a daily subscription each, made at once: something to bill while workers die. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { PriceRow } from '../../billing/catalog.ts';
import { createCustomer } from '../../billing/customer/change.ts';
import { together, type Decision, type Moment } from '../../billing/decision.ts';
import { attachMethod, makeMethod } from '../../billing/payment/method.ts';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import { startSubscription, type StartOrder } from '../../billing/subscription/start.ts';
import { processorsOf } from '../../resources/kontor/processors/rows.ts';
import { keepMethod } from '../../resources/payment_methods/processor.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context } from '../../server/context.ts';
import { row, sql } from '../../server/database/sql.ts';
import { lockLanes } from '../../server/lanes.ts';
import { DAY } from '../days.ts';
import type { Kontor } from '../kontor.ts';

const BATCH = 250;

/** One in so many has a card that is declined when it is charged; one in so many gets invoices by mail. */
const DECLINED = 25;
const MAILED = 3;

function orderOf(price: PriceRow, n: number, trial_end: number): StartOrder {
  const mailed = n % MAILED === 0;
  return {
    currency: 'usd', collection_method: mailed ? 'send_invoice' : 'charge_automatically', days_until_due: mailed ? 30 : null, billing_cycle_anchor: null, billing_cycle_anchor_config: null,
    backdate_start_date: null, trial_end, trial_period_days: null, trial_from_plan: false, billing_mode: { type: 'flexible', flexible: { proration_discounts: 'included' }, updated_at: null },
    trial_settings: { end_behavior: { missing_payment_method: 'create_invoice' } }, cancel_at: null, cancel_at_period_end: false, proration_behavior: 'create_prorations', default_payment_method: null,
    description: null, invoice_settings: { custom_fields: null, description: null, footer: null }, payment_settings: { save_default_payment_method: 'off' }, metadata: {}, add_invoice_items: [], discounts: [],
    default_rates: [], payment_behavior: 'allow_incomplete', off_session: true,
    items: [{ param: 'items[0]', price: { param: 'items[0][price]', terms: price, product_name: 'Seat', product_active: true }, quantity: BigInt(1 + (n % 5)), tax_rates: [], metadata: {}, discounts: [] }],
  };
}

/** A customer with a card and a subscription whose trial ends within a day of `first`. */
async function settle(ctx: Context, price: PriceRow, n: number, first: number, moment: Moment): Promise<Decision> {
  const kept = await keepMethod(ctx, await processorsOf(ctx), { token: n % DECLINED === 1 ? 'pm_card_chargeCustomerFail' : 'pm_card_visa' }, moment, (name) => name);
  const made = makeMethod(kept!, {}, moment);
  const id = moment.newId('cus');
  lockLanes(ctx.tx, [id]);
  const customer = createCustomer({ id, name: `Customer ${n}`, invoice_prefix: `T${String(n).padStart(6, '0')}`, test_clock: null, currency: 'usd', default_payment_method: made.method.id }, moment);
  const attached = attachMethod(made.method, id, made.method.processor_reference, moment);
  const payment_method: PaymentMethodRow = attached.method;
  const facts = { customer: customer.customer as CustomerWhole, account: { business_name: 'Helpdesk Inc.', country: 'US', proration: 'second' as const }, tax_ids: [], payment_method, subscriptions: 0, first_time: true, pending: [] };
  return together([customer, made, attached, startSubscription(orderOf(price, n, first + ((n * 7_919) % DAY)), facts, moment)]);
}

/** Makes so many, each of whose first day ends within the day after `first`. */
export async function populate(kontor: Kontor, count: number, first: number): Promise<void> {
  const { id } = await kontor.stripe.prices.create({ currency: 'usd', unit_amount: 700, recurring: { interval: 'day' }, product_data: { name: 'Seat' } });
  const moment = realMoment(kontor.app);
  for (let from = 0; from < count; from += BATCH) {
    await kontor.inside(async (ctx) => {
      const price = (await row<PriceRow>(ctx.tx, sql`select * from prices where id = ${id}`))!;
      const all: Decision[] = [];
      for (let n = from; n < Math.min(count, from + BATCH); n += 1) all.push(await settle(ctx, price, n, first, moment));
      await commit(ctx, together(all));
    });
  }
}
