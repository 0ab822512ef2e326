import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import * as commands from './commands.ts';
import { lookup, lookUpAgain, settle, webhooks } from './hear.ts';
import { keepToken } from './keep.ts';
import * as params from './params.ts';

export const processors: Room = {
  routes: [
    post('/v1/kontor/processors', params.createProcessor, commands.create),
    get('/v1/kontor/processors', params.listProcessors, commands.list),
    get('/v1/kontor/processors/:processor', params.nothing, commands.retrieve),
    post('/v1/kontor/processors/:processor', params.updateProcessor, commands.update),
    post('/v1/kontor/processors/:processor/payment_methods', params.keepMethod, keepToken),
  ],
  receivers: [webhooks],
  calls: { 'processor.lookup': lookup },
  timers: { 'payment_attempt.settle': settle, 'payment_attempt.look_up': lookUpAgain },
};
