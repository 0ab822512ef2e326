/** What a caller sent as a card, as a test card or as a refusal. A number that was typed goes to the vault, which presents it here. */
import { faultInExpiry, fullYear, type Expiry, type Month } from '../../../billing/payment/card_number.ts';
import type { AddressGiven, MethodSource, PresentedCard, Recognized, Tokenized } from '../processor.ts';
import { checksOf, detailsOf, referenceTo, testCardByName, testCardByReference, type TestCard } from './cards.ts';
import { keepNamed, keepOther } from './others.ts';

/** The expiry of cards that are named instead of typed, where the caller gives none. */
const NAMED_EXPIRY = { exp_month: 12, exp_year: 2034 } as const;

const NO_ADDRESS: AddressGiven = { line1: false, postal_code: false };

/** A card that a phone gives has the name of the card and of the wallet: `pm_card_visa_applePay`. It is charged as the card behind it. */
function walletIn(token: string): { name: string; wallet: 'apple_pay' | 'google_pay' | null } {
  const [, name, wallet] = /^(.+)_(applePay|googlePay)$/.exec(token) ?? [];
  return { name: name ?? token, wallet: wallet === undefined ? null : wallet === 'applePay' ? 'apple_pay' : 'google_pay' };
}

function found(card: TestCard, expiry: { exp_month: number; exp_year: number }, cvc: boolean, address: AddressGiven, wallet: 'apple_pay' | 'google_pay' | null = null): Recognized {
  const given = { cvc, ...address };
  return {
    kind: 'card',
    method: { reference: referenceTo(card, cvc), set_up: false, network_transaction_id: null },
    card: { ...detailsOf(card, expiry, given), ...(wallet && { wallet: { type: wallet, dynamic_last4: card.last4, [wallet]: {} } }) },
    verified: checksOf(card, given, true),
  };
}

function refuseExpiry(expiry: Expiry, today: Month): Recognized | null {
  const fault = faultInExpiry(expiry, today);
  return fault && { kind: 'refused', decline_code: null, ...fault };
}

/** A card, or something else, by its name or its fields. */
export function tokenize(source: MethodSource, today: Month, address: AddressGiven = NO_ADDRESS): Tokenized {
  if ('type' in source) return keepOther(source);
  const { name, wallet } = walletIn(source.token);
  const named = testCardByName(name);
  if (!named) return keepNamed(source.token) ?? { kind: 'absent' };
  const expiry = { exp_month: source.exp_month ?? NAMED_EXPIRY.exp_month, exp_year: fullYear(source.exp_year ?? NAMED_EXPIRY.exp_year) };
  const kept = found(named, expiry, true, address, wallet);
  return (source.exp_month ?? source.exp_year) === undefined ? kept : (refuseExpiry(expiry, today) ?? kept);
}

/** A card that was typed, as the vault has presented it: by the reference of its row. */
export function showPresented({ reference, last4, exp_month, exp_year }: PresentedCard, address: AddressGiven): Recognized {
  const presented = testCardByReference(reference);
  if (!presented) return { kind: 'absent' };
  const taken = found(presented.card, { exp_month, exp_year }, presented.cvc_given, address);
  return taken.kind === 'card' ? { ...taken, card: { ...taken.card, last4 } } : taken;
}
