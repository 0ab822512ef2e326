import type Stripe from 'stripe';
import type { Phase, PhaseInvoiceSettings, ScheduleWhole } from '../../billing/schedule/schedule.ts';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { renderTaxRate } from '../tax_rates/resource.ts';
import { schedulesById } from './rows.ts';

type Schedule = Wire<Stripe.SubscriptionSchedule>;

/** What Stripe has in phases and default settings and Kontor has nothing to say about. */
const ABSENT = { application_fee_percent: null, on_behalf_of: null, transfer_data: null } satisfies Partial<Schedule['default_settings']> & Partial<Schedule['phases'][number]>;
const NO_TAX = { disabled_reason: null, enabled: false, liability: null } satisfies Schedule['default_settings']['automatic_tax'];

const renderSettings = (settings: PhaseInvoiceSettings) => ({ account_tax_ids: null, ...settings, issuer: { type: 'self' as const } });

function renderPhase(phase: Phase, schedule: ScheduleWhole, world: World): Schedule['phases'][number] {
  const rates = (ids: readonly string[]) => ids.flatMap((id) => schedule.rates.find((rate) => rate.id === id) ?? []).map((rate) => renderTaxRate(rate, world));
  const { trial_end, end_date } = phase;
  return {
    ...ABSENT,
    add_invoice_items: phase.add_invoice_items.map(({ discountable, discounts, metadata, period, price, quantity, tax_rates }) => ({ discountable, discounts, metadata, period, price, quantity, tax_rates: rates(tax_rates) })),
    automatic_tax: NO_TAX,
    billing_cycle_anchor: phase.billing_cycle_anchor,
    billing_thresholds: phase.billing_thresholds ?? null,
    collection_method: phase.collection_method,
    currency: phase.currency,
    default_payment_method: phase.default_payment_method,
    default_tax_rates: phase.default_tax_rates === null ? null : rates(phase.default_tax_rates),
    description: phase.description,
    discounts: phase.discounts,
    end_date,
    invoice_settings: phase.invoice_settings && renderSettings(phase.invoice_settings),
    items: phase.items.map(({ billing_thresholds = null, discounts, metadata, price, quantity, tax_rates }) => ({
      billing_thresholds, discounts, metadata, plan: price, price, ...(quantity !== null && { quantity }), tax_rates: rates(tax_rates),
    })),
    metadata: phase.metadata,
    proration_behavior: phase.proration_behavior,
    start_date: phase.start_date,
    ...(trial_end === end_date && { trial: true }),
    trial_end,
  };
}

export function renderSchedule(schedule: ScheduleWhole, world: World): Schedule {
  const { billing_mode, default_settings } = schedule;
  const { updated_at, ...mode } = billing_mode;
  return {
    id: schedule.id,
    object: 'subscription_schedule',
    application: null,
    billing_mode: { ...mode, ...(updated_at !== null && { updated_at }) },
    canceled_at: schedule.canceled_at,
    completed_at: schedule.completed_at,
    created: schedule.created,
    current_phase: schedule.current_phase,
    customer: schedule.customer,
    customer_account: null,
    default_settings: { ...ABSENT, automatic_tax: NO_TAX, ...default_settings, billing_thresholds: default_settings.billing_thresholds ?? null, invoice_settings: renderSettings(default_settings.invoice_settings) },
    end_behavior: schedule.end_behavior,
    livemode: world.livemode,
    metadata: schedule.metadata,
    pause_schedules: [],
    phases: schedule.phases.map((phase) => renderPhase(phase, schedule, world)),
    released_at: schedule.released_at,
    released_subscription: schedule.released_subscription,
    status: schedule.status,
    subscription: schedule.subscription,
    test_clock: schedule.test_clock,
  };
}

export const subscriptionSchedule: Resource<ScheduleWhole> = {
  object: 'subscription_schedule',
  prefix: 'sub_sched',
  render: renderSchedule,
  load: (ctx, ids) => schedulesById(ctx.tx, ids),
  expands: {
    customer: 'customer',
    'default_settings.default_payment_method': 'payment_method',
    'phases.add_invoice_items.discounts.coupon': 'coupon',
    'phases.add_invoice_items.discounts.discount': 'discount',
    'phases.add_invoice_items.discounts.promotion_code': 'promotion_code',
    'phases.add_invoice_items.price': 'price',
    'phases.default_payment_method': 'payment_method',
    'phases.discounts.coupon': 'coupon',
    'phases.discounts.discount': 'discount',
    'phases.discounts.promotion_code': 'promotion_code',
    'phases.items.discounts.coupon': 'coupon',
    'phases.items.discounts.discount': 'discount',
    'phases.items.discounts.promotion_code': 'promotion_code',
    'phases.items.plan': 'plan',
    'phases.items.price': 'price',
    subscription: 'subscription',
    test_clock: 'test_helpers.test_clock',
  },
};
