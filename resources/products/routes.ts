import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { product } from './resource.ts';

export const products: Room = {
  resources: [product],
  routes: [
    post('/v1/products', params.createProduct, commands.create),
    get('/v1/products', params.listProducts, commands.list),
    get('/v1/products/:product', params.nothing, commands.retrieve),
    post('/v1/products/:product', params.updateProduct, commands.update),
    del('/v1/products/:product', params.nothing, commands.remove),
  ],
};
