/** Usage beyond single events: batches with an answer for each event, and corrections that say what they change. */
import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import { correct, events, list, recordBatch, retrieve } from './commands.ts';
import { createCorrection, listCorrections, listEvents, nothing, recordEvents } from './params.ts';
import { correction } from './resource.ts';

export const usage: Room = {
  resources: [correction],
  routes: [
    post('/v1/kontor/usage/events', recordEvents, recordBatch, { gathered: true, values: 40_000 }),
    get('/v1/kontor/usage/events', listEvents, events, { counts: true }),
    post('/v1/kontor/usage/corrections', createCorrection, correct, { values: 40_000, counts: true }),
    get('/v1/kontor/usage/corrections', listCorrections, list),
    get('/v1/kontor/usage/corrections/:correction', nothing, retrieve),
  ],
};
