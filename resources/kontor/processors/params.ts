import { choice, clearable, doc, fields, listParams, map, metadata, required, text } from '../../../server/http/params.ts';

const settings = doc('What the type of processor needs, by name: for `stripe` `secret_key` and `webhook_secret`. Secrets are sealed, and never shown again but for their end.', map(text({ max: 2_000, secret: true }), { max: 20 }));
const name = doc('What you call it.', text({ max: 100 }));
const status = doc('At an inactive one nothing new is kept; what is kept there is still charged, captured and refunded.', choice('active', 'inactive'));

export const createProcessor = fields({ type: required(text({ max: 40, pattern: /^[a-z_]+$/, shape: 'be the name of a type of processor, e.g. `stripe`' })), settings: required(settings), name, metadata: metadata() });
export const updateProcessor = fields({ settings: doc('Settings to be replaced; the others stay.', settings), name: clearable(name), status, metadata: metadata() });
export const listProcessors = listParams({ status, type: text({ max: 40 }) });
export const keepMethod = fields({
  token: required(doc('The processor\'s token for the method: for `stripe` the id of a payment method there.', text({ max: 200, secret: true }))),
  metadata: metadata(),
});
export const nothing = fields({});
