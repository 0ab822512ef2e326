/** What a vault presents to the sandbox in the canary proof: beside the test cards, as many numbers as there are flows, each of which behaves as one of a few test cards. */
import { presenter as usual } from '../../connectors/processors/sandbox/present.ts';
import type { Presenter } from '../../connectors/vault/vault.ts';
import { BEHAVIOURS, CANARY, nOf } from './numbers.ts';

const isCanary = (number: Uint8Array): boolean => Buffer.from(number).toString('latin1').startsWith(CANARY);

export const presenter: Presenter = {
  processor: 'sandbox',
  takes: (number) => isCanary(number) || usual.takes(number),
  present: async (card) => {
    if (!isCanary(card.number)) return usual.present(card);
    const key = BEHAVIOURS[nOf(Buffer.from(card.number).toString('latin1')) % BEHAVIOURS.length]!;
    return { reference: card.cvc ? key : `${key}.no_cvc` };
  },
};
