import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { subscriptionSchedule } from './resource.ts';
import { announceDue, startDue } from './timers.ts';

export const subscriptionSchedules: Room = {
  resources: [subscriptionSchedule],
  routes: [
    post('/v1/subscription_schedules', params.createSchedule, commands.create),
    get('/v1/subscription_schedules', params.listSchedules, commands.list),
    get('/v1/subscription_schedules/:schedule', params.nothing, commands.retrieve),
    post('/v1/subscription_schedules/:schedule', params.updateSchedule, commands.update, { counts: true }),
    post('/v1/subscription_schedules/:schedule/cancel', params.cancelSchedule, commands.cancel, { counts: true }),
    post('/v1/subscription_schedules/:schedule/release', params.releaseSchedule, commands.release),
  ],
  timers: { 'subscription_schedule.advance': startDue, 'subscription_schedule.expiring': announceDue },
};
