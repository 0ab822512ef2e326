import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import { hearing, responding } from './heard.ts';
import * as params from './params.ts';
import { dispute } from './resource.ts';

export const disputes: Room = {
  resources: [dispute],
  routes: [
    get('/v1/disputes', params.listDisputes, commands.list),
    get('/v1/disputes/:dispute', params.nothing, commands.retrieve),
    post('/v1/disputes/:dispute', params.updateDispute, commands.update),
    post('/v1/disputes/:dispute/close', params.nothing, commands.close),
  ],
  calls: { 'processor.dispute': hearing, 'processor.respond': responding },
  timers: { 'charge.contest': commands.contest, 'dispute.proceed': commands.proceed },
};
