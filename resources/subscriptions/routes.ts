import type { Room } from '../../server/context.ts';
import { del, get, post } from '../../server/http/route.ts';
import { searchable } from '../../server/search/search.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { createPreview, preview } from './preview.ts';
import { subscription } from './resource.ts';
import { announceDue, announceInvoices, collectDue, expireDue, renewDue, sweepDue, thresholdsDue } from './timers.ts';
import { subscriptionVersions } from './versions.ts';

const SEARCHED = { canceled_at: { of: 'time', column: 'canceled_at' }, created: { of: 'time', column: 'created' }, status: { of: 'token', column: 'status' } } as const;

export const subscriptions: Room = {
  resources: [subscription],
  routes: [
    post('/v1/subscriptions', params.createSubscription, commands.create),
    get('/v1/subscriptions', params.listSubscriptions, commands.list),
    searchable('/v1/subscriptions/search', 'subscription', 'subscriptions', SEARCHED),
    get('/v1/subscriptions/:subscription', params.nothing, commands.retrieve),
    post('/v1/subscriptions/:subscription', params.updateSubscription, commands.update, { counts: true }),
    del('/v1/subscriptions/:subscription', params.cancelSubscription, commands.cancel, { counts: true }),
    post('/v1/subscriptions/:subscription/pause', params.pauseSubscription, commands.pause, { counts: true }),
    post('/v1/subscriptions/:subscription/resume', params.resumeSubscription, commands.resume, { counts: true }),
    del('/v1/subscriptions/:subscription/discount', params.nothing, commands.deleteDiscount),
    post('/v1/invoices/create_preview', createPreview, preview, { counts: true }),
  ],
  timers: { 'subscription.renew': renewDue, 'subscription.expire': expireDue, 'subscription.trial_will_end': announceDue, 'subscription.collect': collectDue, 'subscription.upcoming': announceInvoices, 'subscription.sweep': sweepDue, 'subscription.threshold': thresholdsDue },
  versions: subscriptionVersions,
};
