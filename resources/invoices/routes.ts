import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import { searchable } from '../../server/search/search.ts';
import * as commands from './commands.ts';
import { lineItem } from './line_item.ts';
import * as lines from './lines.ts';
import * as params from './params.ts';
import * as payment from './payment.ts';
import { invoice, upcomingInvoice } from './resource.ts';
import * as timers from './timers.ts';

const SEARCHED = {
  created: { of: 'time', column: 'created' }, currency: { of: 'token', column: 'currency' }, customer: { of: 'id', column: 'customer' }, number: { of: 'text', column: 'number' }, status: { of: 'text', column: 'status' }, subscription: { of: 'id', column: 'subscription' }, total: { of: 'number', column: 'total' },
} as const;

export const invoices: Room = {
  resources: [invoice, lineItem, upcomingInvoice],
  routes: [
    post('/v1/invoices', params.createInvoice, commands.create),
    get('/v1/invoices', params.listInvoices, commands.list),
    searchable('/v1/invoices/search', 'invoice', 'invoices', SEARCHED),
    get('/v1/invoices/:invoice', params.nothing, commands.retrieve),
    post('/v1/invoices/:invoice', params.updateInvoice, commands.update),
    del('/v1/invoices/:invoice', params.nothing, commands.remove),
    post('/v1/invoices/:invoice/finalize', params.finalizeInvoice, payment.finalize, { counts: true }),
    post('/v1/invoices/:invoice/pay', params.payInvoice, payment.pay, { counts: true }),
    post('/v1/invoices/:invoice/send', params.nothing, payment.send, { counts: true }),
    post('/v1/invoices/:invoice/void', params.nothing, payment.voidInvoice),
    post('/v1/invoices/:invoice/mark_uncollectible', params.nothing, payment.markUncollectible),
    post('/v1/invoices/:invoice/attach_payment', params.attachPayment, payment.attachPayment),
    get('/v1/invoices/:invoice/lines', params.listLines, lines.listLines),
    post('/v1/invoices/:invoice/add_lines', params.addLines, lines.addLines),
    post('/v1/invoices/:invoice/update_lines', params.updateLines, lines.updateLines),
    post('/v1/invoices/:invoice/remove_lines', params.removeLines, lines.removeLines),
    post('/v1/invoices/:invoice/lines/:line', params.updateLine, lines.updateLine),
  ],
  timers: { 'invoice.finalize': timers.finalize, 'invoice.collect': timers.collect, 'invoice.overdue': timers.overdue },
};
