import { choice, doc, fields, map, required, text } from '../../../server/http/params.ts';

const client_secret = text({ max: 200, secret: true });

/** What a holder has answered where the sandbox asks, of a payment or a setup. */
export const authenticate = fields({ client_secret, result: required(choice('succeeded', 'failed')) });

/** With what a holder has come back from the page of a live processor. */
export const comeBack = fields({
  client_secret,
  details: required(doc('What the processor has added to the address to which the holder came back, by name: for `adyen` `redirectResult`.', map(text({ max: 20_000, secret: true }), { max: 10 }))),
});
