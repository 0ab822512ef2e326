/** At which processor a new payment method is kept, by the account's rules; and what else can be tried for a payment that a processor was not able to take. */
import { METHODS, type MethodCapability } from './offer.ts';

/** What is null matches whatever it is. */
export type RoutingRule = { currency: string | null; country: string | null; payment_method_type: string | null; processor: string };

/** What is to be kept, as far as it is known: a currency only where it is for one payment. */
export type Routed = { currency: string | null; country: string | null; type: string };

const says = (wanted: string | null, is: string | null): boolean => wanted === null || wanted === is;
const matches = ({ currency, country, payment_method_type }: RoutingRule, what: Routed): boolean => says(currency, what.currency) && says(country, what.country) && says(payment_method_type, what.type);

/** Processors in the order in which they are asked: those of the rules that match, then the others as they are. A rule whose processor is not among them is passed over. */
export function route<P extends { name: string }>(rules: readonly RoutingRule[], what: Routed, processors: readonly P[]): P[] {
  const ruled = rules.filter((rule) => matches(rule, what)).flatMap((rule) => processors.filter(({ name }) => name === rule.processor));
  return [...new Set([...ruled, ...processors])];
}

/** The country of a method: of its bank account, else the only one in which its type is, else of the billing address. */
export function countryOf(type: string, { iban }: Readonly<Record<string, unknown>>, billing: string | null): string | null {
  if (typeof iban === 'string' && /^[A-Z]{2}/i.test(iban)) return iban.slice(0, 2).toUpperCase();
  const countries = METHODS[type]?.countries ?? 'all';
  return countries !== 'all' && countries.length === 1 ? countries[0]! : billing;
}

const has = (taken: readonly string[] | 'all', one: string | null): boolean => one === null || taken === 'all' || taken.includes(one);

/** What of a rule its processor does not take, as a field and a sentence; null where it takes what matches. */
export function faultInRule({ currency, country, payment_method_type: type }: RoutingRule, methods: Partial<Record<string, MethodCapability>>): { field: 'payment_method_type' | 'currency' | 'country'; message: string } | null {
  const able = Object.entries(methods).flatMap(([name, capability]) => (capability && says(type, name) ? [capability] : []));
  const by = type ?? 'any method that it has';
  if (able.length === 0) return { field: 'payment_method_type', message: `The processor takes no payments by ${type}; it takes ${Object.keys(methods).join(', ')}.` };
  if (!able.some(({ currencies }) => has(currencies, currency))) return { field: 'currency', message: `The processor takes no payments in ${currency} by ${by}.` };
  if (!able.some(({ currencies, countries }) => has(currencies, currency) && has(countries, country))) return { field: 'country', message: `The processor takes no payments from ${country} by ${by}${currency === null ? '' : ` in ${currency}`}.` };
  return null;
}
