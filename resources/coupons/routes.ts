import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { coupon } from './resource.ts';

export const coupons: Room = {
  resources: [coupon],
  routes: [
    post('/v1/coupons', params.createCoupon, commands.create),
    get('/v1/coupons', params.listCoupons, commands.list),
    get('/v1/coupons/:coupon', params.nothing, commands.retrieve),
    post('/v1/coupons/:coupon', params.updateCoupon, commands.update),
    del('/v1/coupons/:coupon', params.nothing, commands.remove),
  ],
};
