import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import { searchable } from '../../server/search/search.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { plan, price } from './resource.ts';

const SEARCHED = { active: { of: 'boolean', column: 'active' }, currency: { of: 'token', column: 'currency' }, lookup_key: { of: 'text', column: 'lookup_key' }, product: { of: 'id', column: 'product' }, type: { of: 'token', column: 'type' } } as const;

export const prices: Room = {
  resources: [price, plan],
  routes: [
    post('/v1/prices', params.createPrice, commands.create),
    get('/v1/prices', params.listPrices, commands.list),
    searchable('/v1/prices/search', 'price', 'prices', SEARCHED),
    get('/v1/prices/:price', params.nothing, commands.retrieve),
    post('/v1/prices/:price', params.updatePrice, commands.update),
  ],
};
