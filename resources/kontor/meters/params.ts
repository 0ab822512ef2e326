import { refuse } from '../../../billing/decision.ts';
import { check, choice, doc, fields, id, list, map, required, text, timestamp } from '../../../server/http/params.ts';

const key = text({ max: 100 });

const FORMULAS = ['count', 'last', 'sum', 'max', 'unique_count', 'latest', 'weighted_by_time'] as const;

/** A meter counts apart by at most so many keys. */
const MOST_DIMENSIONS = 10;

export const createMeter = fields(
  {
    customer_mapping: fields({ event_payload_key: required(key), type: required(choice('by_id')) }),
    default_aggregation: required(fields({ formula: required(choice(...FORMULAS)) })),
    dimensions: doc('Keys of the payload by whose values it counts apart.', list(key, { min: 1, max: MOST_DIMENSIONS })),
    display_name: required(text({ max: 250 })),
    event_name: required(text({ max: 100 })),
    event_time_window: doc('For events that come aggregated: the last one of each counts. Only with `count`, `sum`, `last` and `max`.', choice('day', 'hour')),
    value_settings: fields({ event_payload_key: required(key) }),
  },
  check(({ dimensions, default_aggregation: { formula }, event_time_window, customer_mapping, value_settings }, at) => {
    const own = new Set([customer_mapping?.event_payload_key ?? 'stripe_customer_id', value_settings?.event_payload_key ?? 'value']);
    for (const [n, each] of (dimensions ?? []).entries()) {
      if (dimensions!.indexOf(each) !== n) refuse(undefined, `The key ${each} is named twice.`, `${at('dimensions')}[${n}]`);
      if (own.has(each)) refuse(undefined, `The key ${each} holds the customer or the value, and is no dimension.`, `${at('dimensions')}[${n}]`);
    }
    if (event_time_window && !['count', 'sum', 'last', 'max'].includes(formula)) refuse(undefined, `\`event_time_window\` has no meaning with the formula ${formula}.`, at('event_time_window'));
  }, 'the keys of dimensions are different, and neither the customer’s nor the value’s'),
);

export const listSummaries = fields({
  customer: required(id('cus')),
  start_time: required(timestamp()),
  end_time: required(timestamp()),
  value_grouping_window: doc('One row for each hour or day of UTC; left out, one for the whole span.', choice('day', 'hour')),
  dimensions: doc('Only what has these values.', map(text({ max: 100, blank: true }), { max: MOST_DIMENSIONS, names: key })),
  group_by: doc('Rows for each combination of the values of these dimensions.', list(key, { min: 1, max: MOST_DIMENSIONS })),
});

export const nothing = fields({});
