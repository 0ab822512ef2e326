import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import { checkDue, commandsOf } from './commands.ts';
import * as params from './params.ts';
import { alert, alertTriggered, recurringAlert, recurringTriggered, renderAlert, renderRecurring } from './resource.ts';

const once = commandsOf('one_time', '/v1/billing/alerts', renderAlert);
const eachPeriod = commandsOf('recurring', '/v1/kontor/alerts', renderRecurring);

export const alerts: Room = {
  resources: [alert, recurringAlert, alertTriggered, recurringTriggered],
  routes: [
    post('/v1/billing/alerts', params.createAlert, once.create),
    get('/v1/billing/alerts', params.listAlerts, once.list),
    get('/v1/billing/alerts/:alert', params.nothing, once.retrieve),
    post('/v1/billing/alerts/:alert/activate', params.nothing, once.activate),
    post('/v1/billing/alerts/:alert/archive', params.nothing, once.archive),
    post('/v1/billing/alerts/:alert/deactivate', params.nothing, once.deactivate),
    post('/v1/kontor/alerts', params.createRecurring, eachPeriod.create),
    get('/v1/kontor/alerts', params.listAlerts, eachPeriod.list),
    get('/v1/kontor/alerts/:alert', params.nothing, eachPeriod.retrieve),
    post('/v1/kontor/alerts/:alert/activate', params.nothing, eachPeriod.activate),
    post('/v1/kontor/alerts/:alert/archive', params.nothing, eachPeriod.archive),
    post('/v1/kontor/alerts/:alert/deactivate', params.nothing, eachPeriod.deactivate),
  ],
  timers: { 'alert.check': checkDue },
};
