import { refuse } from '../../../billing/decision.ts';
import { byDefault, choice, doc, exclusive, fields, id, integer, list, listParams, required } from '../../../server/http/params.ts';

/** As many subscriptions as one plan holds. */
export const MOST_ENTRIES = 10_000;

export const createMove = fields(
  {
    from_price: doc('The price that is left; it may be archived.', required(id())),
    to_price: doc('The price that is gone to: active and recurring, with an amount in the currency of each subscription.', required(id())),
    when: doc('When the new price counts from: `now`, or `period_end`, the end of each item\'s own current period.', byDefault(choice('now', 'period_end'), 'now')),
    proration_behavior: doc('As in a change of a subscription: whether what is left of the period is credited and charged anew, and whether that is billed at once. Required with `now`; at a period\'s end nothing is left.', choice('always_invoice', 'create_prorations', 'none')),
    subscriptions: doc('Only these. Left out, all that have the price.', list(id('sub'), { min: 1, max: 1_000 })),
    limit: doc('At most so many, those that have had an item the longest first.', integer({ min: 1, max: MOST_ENTRIES })),
  },
  exclusive(['subscriptions', 'limit']),
  {
    about: '`proration_behavior` is given with `when` `now`; with `period_end` it is left out, or `none`.',
    verify({ when, proration_behavior }, at) {
      if (when === 'now' && proration_behavior === undefined) refuse('parameter_missing', 'Missing required param: proration_behavior.', at('proration_behavior'));
      if (when === 'period_end' && (proration_behavior ?? 'none') !== 'none') refuse(undefined, 'At the end of a period there is nothing to prorate: leave `proration_behavior` out.', at('proration_behavior'));
    },
  },
);

const status = choice('draft', 'applying', 'applied', 'canceled');
export const listMoves = listParams({ from_price: id(), to_price: id(), status });
export const listEntries = listParams({ state: choice('pending', 'scheduled', 'applied', 'skipped', 'failed'), subscription: id('sub') });
export const nothing = fields({});
