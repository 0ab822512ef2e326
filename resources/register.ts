/** All rooms of the house. A new resource is a new folder and one line here. */
import type { Room } from '../server/context.ts';
import { customers } from './customers/routes.ts';
import { discounts } from './discounts/resource.ts';
import { events } from './events/routes.ts';
import { paymentMethods } from './payment_methods/routes.ts';
import { testClocks } from './test_helpers/test_clocks/routes.ts';

export const rooms: readonly Room[] = [customers, discounts, events, paymentMethods, testClocks];
