/** How a vault hands a card to the sandbox: by the row of the table that has its number. Runs in the vault's process. */
import type { Presenter } from '../../vault/vault.ts';
import { referenceTo, testCardByNumber } from './cards.ts';

const cardOf = (number: Uint8Array) => testCardByNumber(Buffer.from(number).toString('latin1'));

export const presenter: Presenter = {
  processor: 'sandbox',
  takes: (number) => cardOf(number) !== null,
  present: async ({ number, cvc }) => ({ reference: referenceTo(cardOf(number)!, cvc !== null) }),
};
