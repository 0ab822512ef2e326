/** All rooms of the house. A new resource is a new folder and one line here. */
import type { Room } from '../server/context.ts';
import { customers } from './customers/routes.ts';
import { discounts } from './discounts/resource.ts';
import { testClocks } from './test_helpers/test_clocks/routes.ts';

export const rooms: readonly Room[] = [customers, discounts, testClocks];
