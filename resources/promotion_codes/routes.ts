import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { promotionCode } from './resource.ts';
import { promotionCodeVersions } from './versions.ts';

export const promotionCodes: Room = {
  resources: [promotionCode],
  routes: [
    post('/v1/promotion_codes', params.createPromotionCode, commands.create),
    get('/v1/promotion_codes', params.listPromotionCodes, commands.list),
    get('/v1/promotion_codes/:promotion_code', params.nothing, commands.retrieve),
    post('/v1/promotion_codes/:promotion_code', params.updatePromotionCode, commands.update),
  ],
  versions: promotionCodeVersions,
};
