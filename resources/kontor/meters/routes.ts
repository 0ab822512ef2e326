/** Meters with more ways of counting, and by dimensions. They are the same meters as those of /v1/billing/meters. */
import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import { create, retrieve, summaries } from './commands.ts';
import { createMeter, listSummaries, nothing } from './params.ts';

export const kontorMeters: Room = {
  routes: [
    post('/v1/kontor/meters', createMeter, create),
    get('/v1/kontor/meters/:meter', nothing, retrieve),
    get('/v1/kontor/meters/:meter/summaries', listSummaries, summaries),
  ],
};
