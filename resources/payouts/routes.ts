import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import { hearing } from './heard.ts';
import * as params from './params.ts';
import { payout } from './resource.ts';

export const payouts: Room = {
  resources: [payout],
  routes: [
    post('/v1/payouts', params.createPayout, commands.create),
    get('/v1/payouts', params.listPayouts, commands.list),
    get('/v1/payouts/:payout', params.nothing, commands.retrieve),
    post('/v1/payouts/:payout', params.updatePayout, commands.update),
    post('/v1/payouts/:payout/cancel', params.nothing, commands.cancel),
  ],
  calls: { 'processor.payout': hearing },
  timers: { 'payout.proceed': commands.proceed, 'payouts.automatic': commands.payAutomatically },
};
