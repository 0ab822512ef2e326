/** The events that an endpoint can ask for: Stripe's names of what Kontor tells. A name that is not here could only be waited for in vain, so it is refused. */
export const EVENT_NAMES = [
  'balance.available', 'billing.alert.triggered', 'billing.credit_balance_transaction.created', 'billing.credit_grant.created', 'billing.credit_grant.updated', 'billing.meter.created',
  'billing.meter.deactivated', 'billing.meter.reactivated', 'billing.meter.updated', 'cash_balance.funds_available', 'charge.captured', 'charge.dispute.closed', 'charge.dispute.created',
  'charge.dispute.funds_reinstated', 'charge.dispute.funds_withdrawn', 'charge.dispute.updated', 'charge.expired', 'charge.failed', 'charge.pending', 'charge.refunded', 'charge.succeeded',
  'charge.updated', 'coupon.created', 'coupon.deleted', 'coupon.updated', 'credit_note.created', 'credit_note.updated', 'credit_note.voided', 'customer.created', 'customer.deleted',
  'customer.discount.created', 'customer.discount.deleted', 'customer.subscription.created', 'customer.subscription.deleted', 'customer.subscription.paused',
  'customer.subscription.pending_update_applied', 'customer.subscription.pending_update_expired', 'customer.subscription.resumed', 'customer.subscription.trial_will_end',
  'customer.subscription.updated', 'customer.tax_id.created', 'customer.tax_id.deleted', 'customer.tax_id.updated', 'customer.updated', 'customer_cash_balance_transaction.created',
  'file.created', 'invoice.created', 'invoice.deleted', 'invoice.finalized', 'invoice.marked_uncollectible', 'invoice.overdue', 'invoice.overpaid', 'invoice.paid',
  'invoice.payment_action_required', 'invoice.payment_failed', 'invoice.payment_succeeded', 'invoice.sent', 'invoice.upcoming', 'invoice.updated', 'invoice.voided', 'invoice_payment.paid',
  'invoiceitem.created', 'invoiceitem.deleted', 'mandate.updated', 'payment_intent.amount_capturable_updated', 'payment_intent.canceled', 'payment_intent.created',
  'payment_intent.payment_failed', 'payment_intent.processing', 'payment_intent.requires_action', 'payment_intent.succeeded', 'payment_method.attached', 'payment_method.detached',
  'payment_method.updated', 'payout.canceled', 'payout.created', 'payout.failed', 'payout.paid', 'payout.reconciliation_completed', 'payout.updated', 'price.created', 'price.updated',
  'product.created', 'product.deleted', 'product.updated', 'promotion_code.created', 'promotion_code.updated', 'refund.created', 'refund.failed', 'refund.updated', 'setup_intent.canceled',
  'setup_intent.created', 'setup_intent.requires_action', 'setup_intent.setup_failed', 'setup_intent.succeeded', 'subscription_schedule.aborted', 'subscription_schedule.canceled',
  'subscription_schedule.completed', 'subscription_schedule.created', 'subscription_schedule.expiring', 'subscription_schedule.released', 'subscription_schedule.updated',
  'tax_rate.created', 'tax_rate.updated', 'test_helpers.test_clock.advancing', 'test_helpers.test_clock.created', 'test_helpers.test_clock.deleted',
  'test_helpers.test_clock.internal_failure', 'test_helpers.test_clock.ready',
] as const;

/** The events of what Stripe does not have. */
export const OWN_EVENT_NAMES: readonly string[] = [
  'kontor.alert.triggered', 'kontor.invoice.usage_held', 'kontor.invoice_correction.created', 'kontor.outcome.contest_refused', 'kontor.outcome.contested', 'kontor.outcome.reversed', 'kontor.outcome.settled',
  'kontor.outcome_definition.created', 'kontor.outcome_definition.updated',
];
