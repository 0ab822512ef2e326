import { refuse } from '../../../billing/decision.ts';
import { boolean, byDefault, check, choice, doc, exclusive, fields, id, integer, list, listOfEach, listParams, map, required, text, timestamp } from '../../../server/http/params.ts';

/** A batch holds so many events. */
export const MOST_EVENTS = 1_000;

const payload = map(text({ max: 100 }), { max: 20, names: text({ max: 100 }) });

export const recordEvents = fields({
  events: doc('Each as of `POST /v1/billing/meter_events`. They are answered one by one, in this order.', required(listOfEach(
    fields({ event_name: required(text({ max: 100 })), identifier: text({ max: 100 }), payload: required(payload), timestamp: timestamp() }), { min: 1, max: MOST_EVENTS }))),
});

const name = text({ max: 100 });

const amend = fields({
  event_name: required(name),
  identifier: doc('Of the event that was wrong.', required(name)),
  payload: doc('What it should have said; left out, it stays.', payload),
  timestamp: doc('When it should have been; left out, it stays.', timestamp()),
});

const backfill = fields(
  {
    event_name: required(name),
    customer: required(id('cus')),
    start_time: doc('Every event of the customer from here until `end_time`, exclusive, is taken back.', required(timestamp())),
    end_time: required(timestamp()),
    events: doc('What takes their place.', byDefault(list(fields({ payload: required(payload), timestamp: required(timestamp()) }), { max: MOST_EVENTS }), [])),
  },
  check(({ start_time, end_time }, at) => { if (end_time <= start_time) refuse(undefined, '`end_time` must be later than `start_time`.', at('end_time')); }, '`end_time` is later than `start_time`'),
);

const KINDS = ['amend', 'backfill', 'revert'] as const;

export const createCorrection = fields(
  {
    type: required(choice(...KINDS)),
    amend: doc('One event says something else, or happened at another time.', amend),
    backfill: doc('The events of a customer in a span are replaced.', backfill),
    revert: doc('An earlier correction is taken back.', fields({ correction: required(id('mtrc')) })),
    reason: doc('Why, for whoever asks later.', text({ max: 500 })),
    dry_run: doc('Say what would become of it, and change nothing.', byDefault(boolean(), false)),
  },
  check((given, at) => {
    for (const kind of KINDS) {
      if (kind === given.type && given[kind] === undefined) refuse('parameter_missing', `Missing required param: ${at(kind)}.`, at(kind));
      if (kind !== given.type && given[kind] !== undefined) refuse('parameters_exclusive', `\`${at(kind)}\` belongs to another type than ${given.type}.`, at(kind));
    }
  }, 'exactly the map that `type` names'),
);

export const listEvents = fields(
  {
    customer: required(id('cus')),
    meter: required(id()),
    start_time: doc('Events from here on.', timestamp()),
    end_time: doc('Events before here.', timestamp()),
    limit: byDefault(integer({ min: 1, max: 100 }), 10),
    starting_after: doc('The identifier of the last event of a page: the ones before it in time follow.', name),
    ending_before: doc('The identifier of the first event of a page: the ones after it in time follow.', name),
  },
  exclusive(['starting_after', 'ending_before']),
);
export const listCorrections = listParams({ customer: id('cus'), meter: id('mtr'), type: choice(...KINDS) });
export const nothing = fields({});
