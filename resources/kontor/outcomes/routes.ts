/** Outcomes: what has become of each unit of work, and why. */
import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import { outcomeAudits } from './audit.ts';
import * as commands from './commands.ts';
import { outcomeObserver } from './observe.ts';
import * as params from './params.ts';
import { outcome } from './resource.ts';
import * as timers from './timers.ts';

export const outcomes: Room = {
  resources: [outcome],
  routes: [
    get('/v1/kontor/outcomes', params.listOutcomes, commands.list),
    get('/v1/kontor/outcomes/:outcome', params.nothing, commands.retrieve),
    get('/v1/kontor/invoices/:invoice/lines/:line/outcomes', params.listOfLine, commands.ofLine),
    post('/v1/kontor/outcomes/:outcome/contest', params.contestOutcome, commands.contest, { counts: true }),
    post('/v1/kontor/outcomes/:outcome/accept_contest', params.acceptContest, commands.accept),
    post('/v1/kontor/outcomes/:outcome/refuse_contest', params.refuseContest, commands.refuse),
  ],
  timers: { 'outcome.settle': timers.settle, 'outcome.rejudge': timers.judgeAgain },
  usage: outcomeObserver,
  audits: outcomeAudits,
};
