import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { invoiceItem } from './resource.ts';

export const invoiceItems: Room = {
  resources: [invoiceItem],
  routes: [
    post('/v1/invoiceitems', params.createInvoiceItem, commands.create),
    get('/v1/invoiceitems', params.listInvoiceItems, commands.list),
    get('/v1/invoiceitems/:invoiceitem', params.nothing, commands.retrieve),
    post('/v1/invoiceitems/:invoiceitem', params.updateInvoiceItem, commands.update),
    del('/v1/invoiceitems/:invoiceitem', params.nothing, commands.remove),
  ],
};
