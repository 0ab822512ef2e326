import { byDefault, choice, doc, fields, id, listParams, required, text } from '../../../server/http/params.ts';

const reason = () => text({ max: 500 });

export const listOutcomes = listParams({
  customer: id('cus'),
  definition: id('odef'),
  invoice: doc('Those that were billed on this invoice, whatever has become of them since.', id('in')),
  state: choice('new', 'open', 'succeeded', 'contested', 'failed', 'reversed', 'ignored'),
  subject: doc('The unit of work, as its events name it.', text({ max: 100 })),
});

export const contestOutcome = fields({
  by: doc('Who says so.', byDefault(choice('customer', 'operator'), 'operator')),
  reason: doc('Why it was no success.', required(reason())),
});

export const acceptContest = fields({ reason: reason() });
export const refuseContest = fields({ reason: doc('What the customer is told.', required(reason())) });
export const listOfLine = listParams({});
export const nothing = fields({});
