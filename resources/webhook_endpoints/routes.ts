import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { webhookEndpoint } from './resource.ts';

export const webhookEndpoints: Room = {
  resources: [webhookEndpoint],
  routes: [
    post('/v1/webhook_endpoints', params.createEndpoint, commands.create),
    get('/v1/webhook_endpoints', params.listEndpoints, commands.list),
    get('/v1/webhook_endpoints/:webhook_endpoint', params.nothing, commands.retrieve),
    post('/v1/webhook_endpoints/:webhook_endpoint', params.updateEndpoint, commands.update),
    del('/v1/webhook_endpoints/:webhook_endpoint', params.nothing, commands.remove),
  ],
};
