import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { plan, price } from './resource.ts';

export const prices: Room = {
  resources: [price, plan],
  routes: [
    post('/v1/prices', params.createPrice, commands.create),
    get('/v1/prices', params.listPrices, commands.list),
    get('/v1/prices/:price', params.nothing, commands.retrieve),
    post('/v1/prices/:price', params.updatePrice, commands.update),
  ],
};
