/** All rooms of the house. A new resource is a new folder and one line here. */
import type { Room } from '../server/context.ts';
import { searchResult } from '../server/search/search.ts';
import { account } from './account/routes.ts';
import { accountBalance } from './balance/routes.ts';
import { fundsTransactions } from './balance_transactions/routes.ts';
import { alerts } from './billing/alerts/routes.ts';
import { creditBalanceSummary } from './billing/credit_balance_summary/routes.ts';
import { creditBalanceTransactions } from './billing/credit_balance_transactions/routes.ts';
import { creditGrants } from './billing/credit_grants/routes.ts';
import { meterEventAdjustments } from './billing/meter_event_adjustments/routes.ts';
import { meterEvents } from './billing/meter_events/routes.ts';
import { meters } from './billing/meters/routes.ts';
import { charges } from './charges/routes.ts';
import { confirmationTokens } from './confirmation_tokens/routes.ts';
import { coupons } from './coupons/routes.ts';
import { creditNotes } from './credit_notes/routes.ts';
import { balanceTransactions } from './customers/balance_transactions/routes.ts';
import { customerSessions } from './customer_sessions/routes.ts';
import { cashBalances, cashTransactions } from './customers/cash_balance/routes.ts';
import { fundingInstructions } from './customers/funding_instructions/routes.ts';
import { customers } from './customers/routes.ts';
import { discounts } from './discounts/resource.ts';
import { disputes } from './disputes/routes.ts';
import { events } from './events/routes.ts';
import { fileLinks } from './file_links/routes.ts';
import { files } from './files/routes.ts';
import { invoicePayments } from './invoice_payments/routes.ts';
import { invoiceItems } from './invoiceitems/routes.ts';
import { invoices } from './invoices/routes.ts';
import { customersBeyond } from './kontor/customers/routes.ts';
import { bankAccounts } from './kontor/bank_accounts/routes.ts';
import { caps } from './kontor/caps/routes.ts';
import { creditTopUps } from './kontor/credit_top_ups/routes.ts';
import { destinationSecrets } from './kontor/event_destinations/routes.ts';
import { invoiceExplanations } from './kontor/invoices/routes.ts';
import { ledger } from './kontor/ledger/routes.ts';
import { kontorMeters } from './kontor/meters/routes.ts';
import { invoiceCorrections } from './kontor/invoice_corrections/routes.ts';
import { outcomeReceipts } from './kontor/outcome_receipts/routes.ts';
import { outcomeDefinitions } from './kontor/outcome_definitions/routes.ts';
import { outcomes } from './kontor/outcomes/routes.ts';
import { paymentAttempts } from './kontor/payment_attempts/routes.ts';
import { authentication } from './kontor/payment_intents/routes.ts';
import { priceMoves } from './kontor/price_moves/routes.ts';
import { priceExtensions } from './kontor/prices/routes.ts';
import { processors } from './kontor/processors/routes.ts';
import { sandboxPages } from './kontor/sandbox/routes.ts';
import { settings } from './kontor/settings/routes.ts';
import { setupAuthentication } from './kontor/setup_intents/routes.ts';
import { subscriptionExtensions } from './kontor/subscriptions/routes.ts';
import { usage } from './kontor/usage/routes.ts';
import { usageCheck } from './kontor/usage/check/routes.ts';
import { webhookDeliveries } from './kontor/webhook_deliveries/routes.ts';
import { webhookSecrets } from './kontor/webhook_endpoints/routes.ts';
import { mandates } from './mandates/routes.ts';
import { paymentIntents } from './payment_intents/routes.ts';
import { paymentMethodConfigurations } from './payment_method_configurations/routes.ts';
import { paymentMethodDomains } from './payment_method_domains/routes.ts';
import { paymentMethods } from './payment_methods/routes.ts';
import { payouts } from './payouts/routes.ts';
import { prices } from './prices/routes.ts';
import { trialOffers } from './product_catalog/trial_offers/routes.ts';
import { products } from './products/routes.ts';
import { promotionCodes } from './promotion_codes/routes.ts';
import { refunds } from './refunds/routes.ts';
import { setupAttempts } from './setup_attempts/routes.ts';
import { setupIntents } from './setup_intents/routes.ts';
import { subscriptionItems } from './subscription_items/routes.ts';
import { subscriptionSchedules } from './subscription_schedules/routes.ts';
import { subscriptions } from './subscriptions/routes.ts';
import { taxIds } from './tax_ids/routes.ts';
import { taxRates } from './tax_rates/routes.ts';
import { testConfirmationTokens } from './test_helpers/confirmation_tokens/routes.ts';
import { testCustomers } from './test_helpers/customers/routes.ts';
import { testClocks } from './test_helpers/test_clocks/routes.ts';
import { meterEventAdjustmentsInJson } from './v2/billing/meter_event_adjustments/routes.ts';
import { meterEventSessions } from './v2/billing/meter_event_session/routes.ts';
import { meterEventStream } from './v2/billing/meter_event_stream/routes.ts';
import { meterEventsInJson } from './v2/billing/meter_events/routes.ts';
import { eventDestinations } from './v2/core/event_destinations/routes.ts';
import { thinEvents } from './v2/core/events/routes.ts';
import { webhookEndpoints } from './webhook_endpoints/routes.ts';

export const rooms: readonly Room[] = [
  { resources: [searchResult] },
  account,
  accountBalance,
  alerts,
  authentication,
  meterEventAdjustments,
  meterEventAdjustmentsInJson,
  meterEvents,
  meterEventSessions,
  meterEventsInJson,
  meterEventStream,
  meters,
  caps,
  charges,
  confirmationTokens,
  coupons,
  creditBalanceSummary,
  creditBalanceTransactions,
  creditGrants,
  creditNotes,
  creditTopUps,
  balanceTransactions,
  bankAccounts,
  cashBalances,
  cashTransactions,
  customerSessions,
  customers,
  customersBeyond,
  fundingInstructions,
  fundsTransactions,
  destinationSecrets,
  discounts,
  disputes,
  events,
  fileLinks,
  files,
  invoiceExplanations,
  invoiceItems,
  invoicePayments,
  invoices,
  kontorMeters,
  ledger,
  invoiceCorrections,
  outcomeDefinitions,
  outcomeReceipts,
  outcomes,
  mandates,
  paymentAttempts,
  paymentIntents,
  paymentMethodConfigurations,
  paymentMethodDomains,
  paymentMethods,
  payouts,
  priceMoves,
  prices,
  priceExtensions,
  processors,
  products,
  promotionCodes,
  refunds,
  sandboxPages,
  settings,
  setupAuthentication,
  setupAttempts,
  setupIntents,
  subscriptionExtensions,
  subscriptionItems,
  subscriptions,
  subscriptionSchedules,
  taxIds,
  taxRates,
  testClocks,
  testCustomers,
  trialOffers,
  testConfirmationTokens,
  eventDestinations,
  thinEvents,
  usage,
  usageCheck,
  webhookDeliveries,
  webhookEndpoints,
  webhookSecrets,
];
