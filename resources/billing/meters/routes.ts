import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import * as commands from './commands.ts';
import { listSummaries } from './event_summaries/commands.ts';
import * as summaries from './event_summaries/params.ts';
import * as params from './params.ts';
import { meter } from './resource.ts';

export const meters: Room = {
  resources: [meter],
  routes: [
    post('/v1/billing/meters', params.createMeter, commands.create),
    get('/v1/billing/meters', params.listMeters, commands.list),
    get('/v1/billing/meters/:meter', params.nothing, commands.retrieve),
    post('/v1/billing/meters/:meter', params.updateMeter, commands.update),
    post('/v1/billing/meters/:meter/deactivate', params.nothing, commands.deactivate),
    post('/v1/billing/meters/:meter/reactivate', params.nothing, commands.reactivate),
    get('/v1/billing/meters/:meter/event_summaries', summaries.listEventSummaries, listSummaries),
  ],
};
