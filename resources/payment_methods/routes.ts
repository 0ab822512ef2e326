import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import { detaching } from './detach.ts';
import * as params from './params.ts';
import { paymentMethod } from './resource.ts';
import { vaultCalls, vaultTimers } from './vault.ts';

export const paymentMethods: Room = {
  resources: [paymentMethod],
  routes: [
    post('/v1/payment_methods', params.createPaymentMethod, commands.create),
    get('/v1/payment_methods', params.listPaymentMethods, commands.list),
    get('/v1/payment_methods/:payment_method', params.nothing, commands.retrieve),
    post('/v1/payment_methods/:payment_method', params.updatePaymentMethod, commands.update),
    post('/v1/payment_methods/:payment_method/attach', params.attachPaymentMethod, commands.attach),
    post('/v1/payment_methods/:payment_method/detach', params.nothing, commands.detach),
    get('/v1/customers/:customer/payment_methods', params.listOfCustomer, commands.listOfCustomer),
    get('/v1/customers/:customer/payment_methods/:payment_method', params.nothing, commands.retrieveOfCustomer),
  ],
  calls: { ...vaultCalls, 'processor.detach': detaching },
  timers: vaultTimers,
};
