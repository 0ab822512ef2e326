/**
 * How a test card is declined: Stripe's codes, as its testing and decline-code pages give them, and sentences of ours.
 *
 * `advice_code` and `network_decline_code` of `generic_decline` are those that Stripe's test mode sends; the others follow its rules for retries and the networks' response codes (ISO 8583 field 39).
 */
import type { Declined } from '../processor.ts';

export type DeclineName =
  | 'generic_decline' | 'insufficient_funds' | 'lost_card' | 'stolen_card' | 'expired_card' | 'incorrect_cvc' | 'processing_error' | 'card_velocity_exceeded'
  | 'fraudulent' | 'authentication_required' | 'authentication_failed' | 'authentication_error';

type Decline = Pick<Declined, 'code' | 'decline_code' | 'message' | 'advice_code' | 'network_decline_code' | 'network_advice_code'>;

function decline(code: string, decline_code: string | null, advice_code: Decline['advice_code'], network_decline_code: string | null, message: string): Decline {
  return { code, decline_code, message, advice_code, network_decline_code, network_advice_code: null };
}

export const DECLINES: Readonly<Record<DeclineName, Decline>> = {
  generic_decline: decline('card_declined', 'generic_decline', 'try_again_later', '01', "The card's bank declined the payment without giving a reason."),
  insufficient_funds: decline('card_declined', 'insufficient_funds', 'try_again_later', '51', 'There is not enough money on the card for this payment.'),
  // What a thief should not learn is told to the caller by the decline code only; the sentence, which customers may see, stays general.
  lost_card: decline('card_declined', 'lost_card', 'do_not_try_again', '41', "The card's bank declined the payment. Please use another card."),
  stolen_card: decline('card_declined', 'stolen_card', 'do_not_try_again', '43', "The card's bank declined the payment. Please use another card."),
  expired_card: decline('expired_card', null, 'do_not_try_again', '54', 'The card is past its expiry date. Please use another card.'),
  incorrect_cvc: decline('incorrect_cvc', null, 'confirm_card_data', '82', "The card's security code does not match. Please check it and try again."),
  processing_error: decline('processing_error', null, 'try_again_later', '96', "The payment could not be processed at the card's bank. Please try again in a while."),
  card_velocity_exceeded: decline('card_declined', 'card_velocity_exceeded', 'try_again_later', '65', 'The card has reached the limit for how often, or how much, it may be used for now.'),
  fraudulent: decline('card_declined', 'fraudulent', 'do_not_try_again', null, 'The payment was not accepted. Please use another card.'),
  authentication_required: decline('authentication_required', 'authentication_required', null, '1A', "The card's bank wants its holder to confirm this payment."),
  authentication_failed: decline('payment_intent_authentication_failure', null, null, null, "The card's holder was not confirmed by the bank. Please try again or use another card."),
  authentication_error: decline('card_declined', 'generic_decline', 'try_again_later', null, "The card's bank could not be reached to confirm the holder, so the payment was declined."),
};
