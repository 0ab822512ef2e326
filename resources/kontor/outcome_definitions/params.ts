import { EFFECTS, OPERATORS } from '../../../billing/outcome/definition.ts';
import { boolean, byDefault, choice, doc, fields, id, list, listParams, metadata, required, text, timestamp } from '../../../server/http/params.ts';

const key = () => text({ max: 100 });
const outcomeName = () => text({ max: 40, pattern: /^[a-z][a-z0-9_]*$/, shape: 'be small letters, digits and underscores, beginning with a letter' });

const condition = fields({
  key: doc('Names a value of the payload.', required(key())),
  operator: doc('`eq`, `ne`, `gt`, `gte`, `lt` and `lte` compare with `value`; `in` and `not_in` with `values`.', byDefault(choice(...OPERATORS), 'eq')),
  value: text({ max: 100 }),
  values: list(text({ max: 100 }), { min: 1, max: 50 }),
});

const rule = fields({
  event_name: required(text({ max: 100 })),
  conditions: doc('All of them have to hold.', list(condition, { max: 10 })),
  effect: doc('What the event does to the outcome; see docs/concepts/outcomes.md.', required(choice(...EFFECTS))),
  outcome: doc('Left out, every outcome of the definition.', outcomeName()),
  quiet_for: doc('With `open`: after so long without an event that matters, such as `24h`, it is a success.', text({ max: 10 })),
  within: doc('With `reverse`: for so long after the success, such as `30d`. Left out, forever.', text({ max: 10 })),
  requires_open: doc('With `succeed`: only while the outcome is open.', boolean()),
  final: doc('With `fail` and `reverse`: no success is possible afterwards.', boolean()),
});

const terms = {
  timing: doc('Which moment a success is counted at: when it occurred, that is at its last opening, or when it was settled. Left out, as in the version before, or `settled_at`.', choice('occurred_at', 'settled_at')),
  outcomes: doc('What a subject may end in, the dearest first. Left out, as in the version before, or one that is called `success`.', list(fields({ name: required(outcomeName()), meter: doc('Counts the successes, with the formula `sum`. Left out, one is made.', id('mtr')) }), { min: 1, max: 10 })),
  rules: doc('In the order of the story that they tell.', required(list(rule, { min: 1, max: 50 }))),
};

export const createDefinition = fields({
  display_name: required(text({ max: 250 })),
  subject_key: doc('The key of the payload that names the unit of work: of each there is at most one success.', required(key())),
  customer_key: doc('The key of the payload that names the customer.', byDefault(key(), 'stripe_customer_id')),
  metadata: metadata(),
  ...terms,
});

export const createVersion = fields({ ...terms, effective_from: doc('Judges the subjects whose earliest event has this timestamp or a later one. By default now.', timestamp()) });

export const updateDefinition = fields({ display_name: text({ max: 250 }), metadata: metadata() });

export const listDefinitions = listParams({ archived: boolean() });

export const previewDefinition = fields({
  definition: doc('A definition that there is: what was is what it counted.', id('odef')),
  definition_data: doc('Terms to try; left out, those of the newest version of `definition`.', fields({ subject_key: key(), ...terms })),
  from: doc('The first moment of the past that is looked at.', required(timestamp())),
  to: doc('The first moment that is not looked at any more, by default now.', timestamp()),
  prices: doc('Other prices to count with than the customers have.', list(fields({ outcome: required(outcomeName()), price: required(id()) }), { max: 10 })),
  customer: doc('Only this customer.', id('cus')),
});

export const nothing = fields({});
