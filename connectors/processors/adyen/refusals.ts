/** Adyen's reasons for a refusal, from its page on refusal reasons, in the codes of the API. What a thief should not learn is told by the codes only; the sentences stay general. */
import type { Declined } from '../processor.ts';

export type Refusal = Pick<Declined, 'code' | 'decline_code' | 'advice_code' | 'message'>;

const refusal = (code: string, decline_code: string | null, advice_code: Refusal['advice_code'], message = "The card's bank declined the payment. Please use another card."): Refusal => ({ code, decline_code, advice_code, message });
const declined = (decline_code: string, advice_code: Refusal['advice_code'] = 'try_again_later', message?: string): Refusal => refusal('card_declined', decline_code, advice_code, message);

const GENERIC: Refusal = declined('generic_decline');
const PROCESSING: Refusal = refusal('processing_error', 'processing_error', 'try_again_later', 'The payment could not be processed. Please try again in a while.');
const UNCONFIRMED: Refusal = refusal('payment_intent_authentication_failure', null, null, "The card's holder was not confirmed by the bank. Please try again or use another card.");

/** By `refusalReasonCode`, with the `refusalReason` that webhooks give instead. */
const REFUSALS: Readonly<Record<string, [reason: string, refusal: Refusal]>> = {
  2: ['Refused', GENERIC],
  3: ['Referral', declined('call_issuer')],
  4: ['Acquirer Error', PROCESSING],
  5: ['Blocked Card', declined('restricted_card', 'do_not_try_again')],
  6: ['Expired Card', refusal('expired_card', 'expired_card', 'do_not_try_again', 'The card is past its expiry date. Please use another card.')],
  7: ['Invalid Amount', declined('invalid_amount')],
  8: ['Invalid Card Number', refusal('incorrect_number', 'incorrect_number', 'confirm_card_data', 'The card number is wrong. Please check it and try again.')],
  9: ['Issuer Unavailable', declined('issuer_not_available')],
  10: ['Not supported', declined('card_not_supported', 'do_not_try_again')],
  11: ['3D Not Authenticated', UNCONFIRMED],
  12: ['Not enough balance', declined('insufficient_funds', 'try_again_later', 'There is not enough money on the card for this payment.')],
  14: ['Acquirer Fraud', declined('fraudulent', 'do_not_try_again')],
  15: ['Cancelled', UNCONFIRMED],
  16: ['Shopper Cancelled', UNCONFIRMED],
  17: ['Invalid Pin', declined('incorrect_pin')],
  18: ['Pin tries exceeded', declined('pin_try_exceeded')],
  20: ['FRAUD', declined('fraudulent', 'do_not_try_again')],
  22: ['FRAUD-CANCELLED', declined('fraudulent', 'do_not_try_again')],
  23: ['Transaction Not Permitted', declined('transaction_not_allowed', 'do_not_try_again')],
  24: ['CVC Declined', refusal('incorrect_cvc', 'incorrect_cvc', 'confirm_card_data', "The card's security code does not match. Please check it and try again.")],
  25: ['Restricted Card', declined('restricted_card', 'do_not_try_again')],
  26: ['Revocation Of Auth', declined('revocation_of_authorization', 'do_not_try_again')],
  27: ['Declined Non Generic', GENERIC],
  28: ['Withdrawal amount exceeded', declined('card_velocity_exceeded')],
  29: ['Withdrawal count exceeded', declined('withdrawal_count_limit_exceeded')],
  31: ['Issuer Suspected Fraud', declined('fraudulent', 'do_not_try_again')],
  38: ['Authentication required', refusal('authentication_required', 'authentication_required', null, "The card's bank wants its holder to confirm this payment.")],
  42: ['3DS Authentication Error', UNCONFIRMED],
};

export const refusalOf = (code: string | undefined): Refusal => REFUSALS[code ?? '']?.[1] ?? GENERIC;
export const refusalByReason = (reason: string | null): Refusal => Object.values(REFUSALS).find(([name]) => name === reason)?.[1] ?? GENERIC;
export { PROCESSING };
