import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import { searchable } from '../../server/search/search.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { customer } from './resource.ts';

const SEARCHED = { created: { of: 'time', column: 'created' }, email: { of: 'text', column: 'email' }, name: { of: 'text', column: 'name' }, phone: { of: 'text', column: 'phone' } } as const;

export const customers: Room = {
  resources: [customer],
  routes: [
    post('/v1/customers', params.createCustomer, commands.create),
    get('/v1/customers', params.listCustomers, commands.list),
    searchable('/v1/customers/search', 'customer', 'customers', SEARCHED, 'not deleted'),
    get('/v1/customers/:customer', params.nothing, commands.retrieve),
    post('/v1/customers/:customer', params.updateCustomer, commands.update),
    del('/v1/customers/:customer', params.nothing, commands.remove, { counts: true }),
    del('/v1/customers/:customer/discount', params.nothing, commands.deleteDiscount),
  ],
};
