/** Why a payment or a setup did not go through. */
import type { Answer } from './outcome.ts';
import type { PaymentError, PaymentMethodRow } from './payment.ts';

/** Where no issuer was heard. */
export const NO_ADVICE = { advice_code: null, network_advice_code: null, network_decline_code: null };

export const adviceIn = ({ advice_code, network_advice_code, network_decline_code }: Answer<'declined'>) => ({ advice_code, network_advice_code, network_decline_code });

/** What nobody has said is null. */
export function paymentError(type: PaymentError['type'], said: Pick<PaymentError, 'code' | 'message'> & Partial<PaymentError>, method: Pick<PaymentMethodRow, 'id'>): PaymentError {
  return { decline_code: null, ...NO_ADVICE, charge: null, ...said, type, payment_method: method.id };
}
