/** What is told with a payment, as Adyen takes it, and what it cannot be told. */
import type * as Library from '@adyen/api-library';
import type { ChargeRequest, Failed, Shipping, Told } from '../processor.ts';

type Payment = Partial<Library.Types.checkout.PaymentRequest>;

/** So much of the metadata Adyen keeps with a payment; the rest stays with Kontor only. */
const PAIRS = { number: 20, name: 20, value: 80 };

function pairs(metadata: Told['metadata']): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata ?? {}).filter(([name, value]) => name.length <= PAIRS.name && value.length <= PAIRS.value).slice(0, PAIRS.number));
}

/** Adyen wants each part of an address, and has words for what is not known; the number of the house is in the line. */
const addressOf = ({ address: { line1, line2, city, country, postal_code, state } }: Shipping): Payment['deliveryAddress'] => ({
  street: [line1, line2].filter(Boolean).join(', ') || 'N/A', houseNumberOrName: 'N/A', city: city || 'N/A', postalCode: postal_code || 'N/A', country: country || 'ZZ', ...(state && { stateOrProvince: state }),
});

/** Options whose asking is enough: where a processor has none of it, it is not available. */
const IF_AVAILABLE: readonly string[] = ['request_extended_authorization', 'request_incremental_authorization', 'request_multicapture', 'request_overcapture'];
const OWN: readonly string[] = ['moto'];
const LANGUAGES: readonly string[] = ['preferred_locale', 'preferred_language'];

/** What Adyen has no place for and would have to act on; null where there is nothing. */
export function untold({ receipt_email, options = {} }: Pick<ChargeRequest, 'receipt_email' | 'options'>): Failed | null {
  const foreign = Object.keys(options).find((name) => !IF_AVAILABLE.includes(name) && !LANGUAGES.includes(name) && !OWN.includes(name));
  const what = receipt_email ? '`receipt_email`: it mails no receipts' : foreign ? `\`${foreign}\`` : null;
  return what === null ? null : { kind: 'failed', code: 'payment_intent_invalid_parameter', message: `Adyen takes no ${what}. Leave it out, and confirm again.` };
}

/** All that goes with a payment. Its description stays with Kontor: Adyen has no place for it. */
export function toldWith({ metadata, shipping, statement_descriptor, statement_descriptor_suffix, options = {}, capture }: Pick<ChargeRequest, keyof Told | 'options'> & { capture?: ChargeRequest['capture'] }): Payment {
  const statement = statement_descriptor ?? statement_descriptor_suffix;
  const locale = LANGUAGES.map((name) => options[name]).find((each) => typeof each === 'string' && each !== '') as string | undefined;
  const known = pairs(metadata);
  return {
    ...(statement && { shopperStatement: statement }),
    ...(Object.keys(known).length > 0 && { metadata: known }),
    ...(shipping && { deliveryAddress: addressOf(shipping) }),
    ...(shipping?.phone && { telephoneNumber: shipping.phone }),
    ...(locale && { shopperLocale: locale }),
    ...(options.moto === true && { shopperInteraction: 'Moto' as Payment['shopperInteraction'] }),
    // Only what is marked so can be raised later.
    ...(capture === 'manual' ? { additionalData: { manualCapture: 'true', ...(isRaisable(options) && { authorisationType: 'PreAuth' }) } } : { captureDelayHours: 0 }),
  };
}

export const isRaisable = (options: ChargeRequest['options'] = {}): boolean => options.request_incremental_authorization === 'if_available';
