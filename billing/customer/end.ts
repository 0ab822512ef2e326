/** The end of a customer: it is deleted, and all that would go on charging it ends with it. */
import { decision, together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { detachMethod } from '../payment/method.ts';
import type { MandateRow, PaymentMethodRow } from '../payment/payment.ts';
import { endSchedule, type ScheduleWhole } from '../schedule/schedule.ts';
import { stopCollecting } from '../subscription/bill.ts';
import { endDiscounts } from '../redeem.ts';
import { endSubscription } from '../subscription/end.ts';
import type { SubscriptionWhole } from '../subscription/subscription.ts';
import type { CustomerWhole, TaxIdRow } from './customer.ts';
import { deleteTaxId } from './tax_id.ts';

/** What hangs on a customer and ends with it. `subscriptions` are those that have not ended, `schedules` those that have not started, `unpaid` the drafts and open invoices. */
type Held = { subscriptions: readonly SubscriptionWhole[]; unpaid: readonly InvoiceWhole[]; payment_methods: readonly PaymentMethodRow[]; mandates: readonly MandateRow[]; tax_ids: readonly TaxIdRow[]; schedules: readonly ScheduleWhole[] };

/** Nothing of the person remains. The number prefix, the balance and what bills refer to do: invoices keep what they said. */
const FORGOTTEN = {
  name: null, email: null, phone: null, description: null, address: null, shipping: null, business_name: null, individual_name: null, preferred_locales: [], metadata: {}, default_payment_method: null,
} satisfies Partial<CustomerWhole>;

/** Cancels the customer's subscriptions at once: nothing is credited, nothing more is billed, and nobody is asked for what is unpaid. Invoices that are open stay so. */
function endSubscriptionsOf({ subscriptions, unpaid }: Pick<Held, 'subscriptions' | 'unpaid'>, moment: Moment): Decision {
  return together([...subscriptions.map((subscription) => endSubscription(subscription, 'cancellation_requested', moment)), stopCollecting(unpaid, moment)]);
}

/** Deletes the customer. The event shows it as it was. */
export function endCustomer(customer: CustomerWhole, held: Held, moment: Moment): Decision {
  const without: CustomerWhole = { ...customer, default_payment_method: null };
  return together([
    endSubscriptionsOf(held, moment),
    ...held.schedules.map((schedule) => endSchedule(schedule, 'canceled', moment)),
    ...held.payment_methods.map((method) => detachMethod(method, held.mandates, without, moment)),
    ...held.tax_ids.map((tax_id) => deleteTaxId(tax_id, customer, moment)),
    endDiscounts(customer.discount ? [customer.discount] : [], moment),
    {
      ...decision(),
      puts: [{ table: 'customers', before: customer, after: { ...customer, ...FORGOTTEN, deleted: true } }],
      facts: [{ type: 'customer.deleted', object: 'customer', whole: customer, at: moment.now }],
    },
  ]);
}
