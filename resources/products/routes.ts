import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import { searchable } from '../../server/search/search.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { product } from './resource.ts';

const SEARCHED = { active: { of: 'boolean', column: 'active' }, description: { of: 'text', column: 'description' }, name: { of: 'text', column: 'name' }, shippable: { of: 'boolean', column: 'shippable' }, url: { of: 'text', column: 'url' } } as const;

export const products: Room = {
  resources: [product],
  routes: [
    post('/v1/products', params.createProduct, commands.create),
    get('/v1/products', params.listProducts, commands.list),
    searchable('/v1/products/search', 'product', 'products', SEARCHED, 'not deleted'),
    get('/v1/products/:product', params.nothing, commands.retrieve),
    post('/v1/products/:product', params.updateProduct, commands.update),
    del('/v1/products/:product', params.nothing, commands.remove),
  ],
};
