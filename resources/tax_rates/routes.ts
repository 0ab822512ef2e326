import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { taxRate } from './resource.ts';

export const taxRates: Room = {
  resources: [taxRate],
  routes: [
    post('/v1/tax_rates', params.createTaxRate, commands.create),
    get('/v1/tax_rates', params.listTaxRates, commands.list),
    get('/v1/tax_rates/:tax_rate', params.nothing, commands.retrieve),
    post('/v1/tax_rates/:tax_rate', params.updateTaxRate, commands.update),
  ],
};
