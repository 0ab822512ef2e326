/** The test cards of the fake, from Stripe's page on testing: what an issuer says of them. */
export type FakeCard = { brand: string; last4: string; decline?: { code: string; decline_code: string; network_decline_code: string; advice_code: string }; /** Whether the holder is asked. */ asks?: 'always' | 'unless_set_up' };

const decline = (decline_code: string, network_decline_code: string, advice_code = 'try_again_later', code = 'card_declined') => ({ code, decline_code, network_decline_code, advice_code });

/** By the name behind `pm_card_` and `tok_`. */
const CARDS: Readonly<Record<string, FakeCard>> = {
  visa: { brand: 'visa', last4: '4242' },
  mastercard: { brand: 'mastercard', last4: '4444' },
  chargeCustomerFail: { brand: 'visa', last4: '0341', decline: decline('generic_decline', '01') },
  visa_chargeDeclined: { brand: 'visa', last4: '0002', decline: decline('generic_decline', '01') },
  visa_chargeDeclinedInsufficientFunds: { brand: 'visa', last4: '9995', decline: decline('insufficient_funds', '51') },
  visa_chargeDeclinedLostCard: { brand: 'visa', last4: '9987', decline: decline('lost_card', '41', 'do_not_try_again') },
  chargeDeclinedExpiredCard: { brand: 'visa', last4: '0069', decline: decline('expired_card', '54', 'do_not_try_again', 'expired_card') },
  authenticationRequired: { brand: 'visa', last4: '3184', asks: 'always' },
  authenticationRequiredOnSetup: { brand: 'visa', last4: '3155', asks: 'unless_set_up' },
};

export const cardNamed = (name: string): FakeCard | undefined => CARDS[/^(?:pm_card|tok)_(.+)$/.exec(name)?.[1] ?? ''];

/** What is shown of it under `card`. */
export const shownCard = ({ brand, last4 }: FakeCard) => ({
  brand, last4, country: 'US', display_brand: brand, exp_month: 12, exp_year: 2034, fingerprint: `fake${last4}`, funding: 'credit', networks: { available: [brand], preferred: null }, regulated_status: 'unregulated',
  three_d_secure_usage: { supported: true }, wallet: null, checks: { cvc_check: 'pass', address_line1_check: null, address_postal_code_check: null },
});
