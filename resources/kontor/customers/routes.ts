import type { Room } from '../../../server/context.ts';
import { get } from '../../../server/http/route.ts';
import { showUsage, usageOfCustomer } from './usage.ts';

export const customerUsage: Room = { routes: [get('/v1/kontor/customers/:customer/usage', showUsage, usageOfCustomer)] };
