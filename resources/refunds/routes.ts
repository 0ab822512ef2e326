import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import { canceling, refund as answered } from './calls.ts';
import * as commands from './commands.ts';
import { hearing } from './heard.ts';
import * as params from './params.ts';
import { refund } from './resource.ts';
import { returning } from './returns.ts';

export const refunds: Room = {
  resources: [refund],
  routes: [
    post('/v1/refunds', params.createRefund, commands.create),
    get('/v1/refunds', params.listRefunds, commands.list),
    get('/v1/refunds/:refund', params.nothing, commands.retrieve),
    post('/v1/refunds/:refund', params.updateRefund, commands.update),
    post('/v1/refunds/:refund/cancel', params.nothing, commands.cancel),
  ],
  calls: { 'processor.refund': answered, 'processor.cancel_refund': canceling, 'processor.return': returning, 'processor.refund_news': hearing },
};
