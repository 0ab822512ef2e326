/** Trial offers: an item is sold at a price of its own for a while, and then goes to another one by itself. */
import type { PriceRow } from './catalog.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from './decision.ts';
import { termsIn } from './subscription/terms.ts';

export type TrialOfferRow = {
  id: string;
  created: Instant;
  active: boolean;
  /** The price during the trial. */
  price: string;
  /** For how many periods of that price. */
  iterations: number;
  /** The price after it. */
  transition_price: string;
  nickname: string | null;
};

type TrialOfferOrder = { price: PriceRow; transition: PriceRow; iterations: number | undefined; active: boolean; nickname: string | null };

function refuseUnsellable(price: PriceRow, param: string): void {
  if (price.recurring === null) refuse(undefined, `The price ${price.id} recurs never: a trial offer is about recurring prices.`, param);
  if (!price.active) refuse(undefined, `The price ${price.id} is inactive. Activate it, or use another one.`, param);
}

export function createTrialOffer(order: TrialOfferOrder, moment: Moment): Decision & { offer: TrialOfferRow } {
  const { price, transition, iterations } = order;
  refuseUnsellable(price, 'price');
  refuseUnsellable(transition, 'end_behavior[transition][price]');
  if (iterations === undefined) refuse('parameter_missing', 'Say for how many periods of its price the trial lasts: give `duration[relative][iterations]`.', 'duration[relative][iterations]');
  if (transition.id === price.id) refuse(undefined, 'The price after the trial is another one than that during it.', 'end_behavior[transition][price]');
  if (termsIn(transition, price.currency) === null) refuse(undefined, `The price ${transition.id} has no amount in ${price.currency}, the currency of the price during the trial.`, 'end_behavior[transition][price]');
  const offer: TrialOfferRow = { id: moment.newId('trof'), created: moment.now, active: order.active, price: price.id, iterations: iterations!, transition_price: transition.id, nickname: order.nickname };
  return { ...decision(), puts: [{ table: 'trial_offers', before: null, after: offer }], offer };
}
