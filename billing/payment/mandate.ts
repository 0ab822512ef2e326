/** A mandate: the holder's agreement to be debited, once or again and again. */
import { decision, type Decision, type Moment } from '../decision.ts';
import type { Acceptance, MandateRow, PaymentMethodRow } from './payment.ts';
import { METHODS } from './offer.ts';

/** Whether a payment by this type is made under a mandate: each debit is, and whatever is kept to be charged without its holder. */
export function needsMandate(type: string, future: 'on_session' | 'off_session' | null): boolean {
  const facts = METHODS[type];
  return facts !== undefined && facts.mandate && (facts.flow === 'debit' || future === 'off_session');
}

const reference = (id: string) => id.slice(-16).toUpperCase();

/** With what the reference of a mandate begins, by the options of a payment or setup. */
export const prefixIn = ({ mandate_options: options }: Readonly<Record<string, unknown>>): string => (options as { reference_prefix?: string | null } | undefined)?.reference_prefix ?? '';

function detailsOf({ type, details }: Pick<PaymentMethodRow, 'type' | 'details'>, id: string, prefix: string): MandateRow['payment_method_details'] {
  switch (type) {
    case 'sepa_debit':
      return { type, sepa_debit: { reference: `${prefix}${reference(id)}`, url: '' } };
    case 'us_bank_account':
      return { type, us_bank_account: { collection_method: 'paper' } };
    case 'paypal':
      return { type, paypal: { billing_agreement_id: `B-${reference(id)}`, payer_id: details?.payer_id ?? null } };
    default:
      return { type, [type]: {} };
  }
}

type MandateOrder = { id: string; acceptance: Acceptance; customer: string | null; single: { amount: bigint; currency: string } | null; /** With what its reference begins, where the bank's statement shows one. */ prefix?: string };

/** A mandate that is in force, or that was for the one payment that it is made with. Making one is no event. */
export function makeMandate({ id, acceptance, customer, single, prefix = '' }: MandateOrder, method: Pick<PaymentMethodRow, 'id' | 'type' | 'details'>, moment: Moment): Decision & { mandate: MandateRow } {
  const mandate: MandateRow = {
    id,
    created: moment.now,
    customer,
    payment_method: method.id,
    type: single ? 'single_use' : 'multi_use',
    status: single ? 'inactive' : 'active',
    customer_acceptance: { ...acceptance, accepted_at: acceptance.accepted_at ?? moment.now },
    payment_method_details: detailsOf(method, id, prefix),
    amount: single?.amount ?? null,
    currency: single?.currency ?? null,
  };
  return { ...decision(), puts: [{ table: 'mandates', before: null, after: mandate }], mandate };
}

/** It is in force no more, e.g. because the debit was disputed or the method was detached. */
export function endMandate(before: MandateRow, moment: Moment): Decision {
  const made = decision();
  if (before.status !== 'active') return made;
  const mandate: MandateRow = { ...before, status: 'inactive' };
  made.puts.push({ table: 'mandates', before, after: mandate });
  made.facts.push({ type: 'mandate.updated', object: 'mandate', whole: mandate, before, at: moment.now });
  return made;
}
