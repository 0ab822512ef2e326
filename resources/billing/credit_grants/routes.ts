import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { creditGrant } from './resource.ts';

export const creditGrants: Room = {
  resources: [creditGrant],
  routes: [
    post('/v1/billing/credit_grants', params.createGrant, commands.create),
    get('/v1/billing/credit_grants', params.listGrants, commands.list),
    get('/v1/billing/credit_grants/:grant', params.nothing, commands.retrieve),
    post('/v1/billing/credit_grants/:grant', params.updateGrant, commands.update),
    post('/v1/billing/credit_grants/:grant/expire', params.nothing, commands.expire),
    post('/v1/billing/credit_grants/:grant/void', params.nothing, commands.voided),
  ],
  timers: { 'credit_grant.expire': commands.expireDue },
};
