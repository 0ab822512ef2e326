/** The accounts to which customers of the sandbox send money: made up, and the same for the same customer. No bank has them. */
import { createHash } from 'node:crypto';
import type { VirtualAccount } from '../processor.ts';

const digits = (of: string, length: number) => BigInt(`0x${createHash('sha256').update(`kontor sandbox account ${of}`).digest('hex')}`).toString().slice(-length);

const address = (country: string) => ({ city: null, country, line1: '1 Test Street', line2: null, postal_code: null, state: null });

/** An IBAN with its check digits (ISO 13616). */
function iban(country: string, bban: string): string {
  const number = `${bban}${country}00`.replaceAll(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
  return `${country}${String(98n - (BigInt(number) % 97n)).padStart(2, '0')}${bban}`;
}

/** Of each kind of transfer: its currency, and its address in a country. */
const KINDS: Record<string, { currency: string; address(customer: string, country: string): Record<string, unknown> }> = {
  us_bank_transfer: {
    currency: 'usd',
    address: (customer) => ({
      type: 'aba', supported_networks: ['ach', 'domestic_wire_us'],
      aba: { account_holder_address: address('US'), account_holder_name: 'Kontor sandbox', account_number: digits(customer, 12), account_type: 'checking', bank_address: address('US'), bank_name: 'SANDBOX BANK', routing_number: '110000000' },
    }),
  },
  eu_bank_transfer: {
    currency: 'eur',
    address: (customer, country) => ({
      type: 'iban', supported_networks: ['sepa'],
      iban: { account_holder_address: address(country), account_holder_name: 'Kontor sandbox', bank_address: address(country), bic: `SNDB${country}22`, country, iban: iban(country, digits(`${customer} ${country}`, 18)) },
    }),
  },
  gb_bank_transfer: {
    currency: 'gbp',
    address: (customer) => ({
      type: 'sort_code', supported_networks: ['bacs', 'fps'],
      sort_code: { account_holder_address: address('GB'), account_holder_name: 'Kontor sandbox', account_number: digits(customer, 8), bank_address: address('GB'), sort_code: '108800' },
    }),
  },
  jp_bank_transfer: {
    currency: 'jpy',
    address: (customer) => ({
      type: 'zengin', supported_networks: ['zengin'],
      zengin: { account_holder_address: address('JP'), account_holder_name: 'Kontor sandbox', account_number: digits(customer, 7), account_type: 'futsu', bank_address: address('JP'), bank_code: '0000', bank_name: 'SANDBOX BANK', branch_code: '000', branch_name: 'SANDBOX' },
    }),
  },
  mx_bank_transfer: {
    currency: 'mxn',
    address: (customer) => ({
      type: 'spei', supported_networks: ['spei'],
      spei: { account_holder_address: address('MX'), account_holder_name: 'Kontor sandbox', bank_address: address('MX'), bank_code: '000', bank_name: 'SANDBOX BANK', clabe: digits(customer, 18) },
    }),
  },
};

export function virtualAccount({ customer, currency, type, country }: { customer: string; currency: string; type: string; country: string }): VirtualAccount | null {
  const kind = KINDS[type];
  if (!kind || kind.currency !== currency) return null;
  return { type, country, currency, financial_addresses: [kind.address(customer, country)] };
}
