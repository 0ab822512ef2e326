/** Plans that move subscriptions to another price: a dry run to be looked at, then all of it by itself. */
import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import { apply, applyDue, cancel, create, entriesOf, list, retrieve } from './commands.ts';
import { createMove, listEntries, listMoves, nothing } from './params.ts';
import { priceMove, priceMoveEntry } from './resource.ts';

export const priceMoves: Room = {
  resources: [priceMove, priceMoveEntry],
  routes: [
    post('/v1/kontor/price_moves', createMove, create),
    get('/v1/kontor/price_moves', listMoves, list),
    get('/v1/kontor/price_moves/:price_move', nothing, retrieve),
    get('/v1/kontor/price_moves/:price_move/entries', listEntries, entriesOf),
    post('/v1/kontor/price_moves/:price_move/apply', nothing, apply, { counts: true }),
    post('/v1/kontor/price_moves/:price_move/cancel', nothing, cancel),
  ],
  timers: { 'price_move.apply': applyDue },
};
