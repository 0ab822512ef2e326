import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import { discountGiven, giveDiscount } from './discount.ts';
import { showUsage, usageOfCustomer } from './usage.ts';

export const customersBeyond: Room = {
  routes: [get('/v1/kontor/customers/:customer/usage', showUsage, usageOfCustomer, { counts: true }), post('/v1/kontor/customers/:customer/discount', discountGiven, giveDiscount)],
};
