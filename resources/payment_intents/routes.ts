import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import { searchable } from '../../server/search/search.ts';
import { charge } from './calls.ts';
import { givingUp } from './give_up.ts';
import { expire, handling } from './handling.ts';
import * as commands from './commands.ts';
import { lineItems, listLineItems } from './details.ts';
import { move } from './move.ts';
import * as params from './params.ts';
import { paymentIntent } from './resource.ts';
import { applyCustomerBalance, payWaitingInvoices } from './transfers.ts';
import { paymentIntentVersions } from './versions.ts';

const SEARCHED = { amount: { of: 'number', column: 'amount' }, created: { of: 'time', column: 'created' }, currency: { of: 'token', column: 'currency' }, customer: { of: 'id', column: 'customer' }, status: { of: 'token', column: 'status' } } as const;

export const paymentIntents: Room = {
  resources: [paymentIntent],
  routes: [
    post('/v1/payment_intents', params.createPaymentIntent, commands.create),
    get('/v1/payment_intents', params.listPaymentIntents, commands.list),
    searchable('/v1/payment_intents/search', 'payment_intent', 'payment_intents', SEARCHED),
    get('/v1/payment_intents/:intent', params.retrievePaymentIntent, commands.retrieve, { publishable: true }),
    get('/v1/payment_intents/:intent/amount_details_line_items', listLineItems, lineItems),
    post('/v1/payment_intents/:intent', params.updatePaymentIntent, commands.update),
    post('/v1/payment_intents/:intent/confirm', params.confirmPaymentIntent, commands.confirm, { publishable: true }),
    post('/v1/payment_intents/:intent/cancel', params.cancelPaymentIntent, commands.cancel),
    post('/v1/payment_intents/:intent/apply_customer_balance', params.applyCustomerBalance, applyCustomerBalance),
    post('/v1/payment_intents/:intent/capture', params.capturePaymentIntent, commands.capture),
    post('/v1/payment_intents/:intent/increment_authorization', params.incrementAuthorization, commands.incrementAuthorization),
    post('/v1/payment_intents/:intent/verify_microdeposits', params.verifyMicrodeposits, commands.verifyMicrodeposits, { publishable: true }),
  ],
  calls: { 'processor.charge': charge, 'payment_method.move': move, 'processor.capture': handling, 'processor.increment': handling, 'processor.cancel': handling, 'processor.give_up': givingUp },
  timers: { 'payment_intent.expire_authorization': expire, 'payment_intent.apply_cash': payWaitingInvoices },
  versions: paymentIntentVersions,
};
