/** Tax ids of customers: their types, how the common ones are written, and what a register has said about them. */
import { decision, refuse, type Decision, type Moment } from '../decision.ts';
import type { TaxIdRow } from './customer.ts';

export const TAX_ID_TYPES = [
  'ad_nrt', 'ae_trn', 'al_tin', 'am_tin', 'ao_tin', 'ar_cuit', 'au_abn', 'au_acn', 'au_arn', 'au_wpn', 'aw_tin', 'az_tin', 'ba_tin', 'bb_tin', 'bd_bin', 'bf_ifu', 'bg_uic', 'bh_vat', 'bj_ifu',
  'bo_tin', 'br_cnpj', 'br_cpf', 'bs_tin', 'bw_vat', 'by_tin', 'ca_bn', 'ca_gst_hst', 'ca_pst_bc', 'ca_pst_mb', 'ca_pst_sk', 'ca_qst', 'cd_nif', 'ch_uid', 'ch_vat', 'ci_vat', 'cl_tin',
  'cm_niu', 'cn_tin', 'co_nit', 'cr_tin', 'cv_nif', 'cz_dic', 'de_stn', 'do_rcn', 'ec_ruc', 'eg_tin', 'es_cif', 'et_tin', 'eu_oss_vat', 'eu_vat', 'fo_vat', 'fr_siren', 'fr_siret', 'fr_spi',
  'gb_vat', 'ge_vat', 'gh_tin', 'gi_tin', 'gn_nif', 'hk_br', 'hr_oib', 'hu_tin', 'ic_nif', 'id_npwp', 'il_vat', 'in_gst', 'is_kt', 'is_vat', 'it_cf', 'jp_cn', 'jp_rn', 'jp_trn', 'ke_pin',
  'kg_tin', 'kh_tin', 'kr_brn', 'kz_bin', 'la_tin', 'li_uid', 'li_vat', 'lk_vat', 'ma_vat', 'md_cf', 'md_vat', 'me_pib', 'mk_vat', 'mr_nif', 'mu_vat', 'mx_rfc', 'my_frp', 'my_itn', 'my_sst',
  'mz_nuit', 'ng_tin', 'no_vat', 'no_voec', 'np_pan', 'nz_bn', 'nz_gst', 'om_vat', 'pe_ruc', 'ph_tin', 'pl_nip', 'pt_nif', 'py_ruc', 'ro_tin', 'rs_pib', 'ru_inn', 'ru_kpp', 'sa_vat', 'sg_gst',
  'sg_uen', 'si_tin', 'sm_coe', 'sn_ninea', 'sr_fin', 'sv_nit', 'th_vat', 'tj_tin', 'tr_tin', 'tt_bir', 'tt_vat', 'tw_vat', 'tz_vat', 'ua_vat', 'ug_tin', 'us_ein', 'uy_ruc', 'uz_tin', 'uz_vat',
  've_rif', 'vn_tin', 'za_vat', 'zm_tin', 'zw_tin',
] as const;
type TaxIdType = (typeof TAX_ID_TYPES)[number];

/** VAT numbers of the Union by the letters they begin with (Greece writes EL, Northern Ireland XI), as the Commission's VIES describes them. */
const EU_VAT: Record<string, string> = {
  AT: 'U\\d{8}', BE: '\\d{10}', BG: '\\d{9,10}', CY: '\\d{8}[A-Z]', CZ: '\\d{8,10}', DE: '\\d{9}', DK: '\\d{8}', EE: '\\d{9}', EL: '\\d{9}', ES: '[A-Z0-9]\\d{7}[A-Z0-9]', FI: '\\d{8}',
  FR: '[A-Z0-9]{2}\\d{9}', HR: '\\d{11}', HU: '\\d{8}(?:\\d{3})?', IE: '\\d[A-Z0-9+*]\\d{5}[A-Z]{1,2}', IT: '\\d{11}', LT: '(?:\\d{9}|\\d{12})', LU: '\\d{8}', LV: '\\d{11}', MT: '\\d{8}',
  NL: '[A-Z0-9+*]{9}B\\d{2}', PL: '\\d{10}', PT: '\\d{9}', RO: '\\d{2,10}', SE: '\\d{12}', SI: '\\d{8}', SK: '\\d{10}', XI: '(?:\\d{9}|\\d{12}|(?:GD|HA)\\d{3})',
};

/** How the common types are written, without blanks, dots, dashes and slashes, in capitals; and an example for the refusal. The other types are taken as they come. */
const FORMATS: Partial<Record<TaxIdType, { pattern: RegExp; example: string }>> = {
  ae_trn: { pattern: /^\d{15}$/, example: '123456789012345' },
  au_abn: { pattern: /^\d{11}$/, example: '12345678912' },
  au_arn: { pattern: /^\d{12}$/, example: '123456789123' },
  br_cnpj: { pattern: /^[A-Z0-9]{12}\d{2}$/, example: '01.234.456/5432-10' },
  br_cpf: { pattern: /^\d{11}$/, example: '123.456.789-87' },
  ca_bn: { pattern: /^\d{9}$/, example: '123456789' },
  ca_gst_hst: { pattern: /^\d{9}RT\d{4}$/, example: '123456789RT0002' },
  ca_qst: { pattern: /^\d{10}TQ\d{4}$/, example: '1234567890TQ1234' },
  ch_uid: { pattern: /^CHE\d{9}(?:HR)?$/, example: 'CHE-123.456.789 HR' },
  ch_vat: { pattern: /^CHE\d{9}(?:MWST|TVA|IVA)$/, example: 'CHE-123.456.789 MWST' },
  es_cif: { pattern: /^[A-Z]\d{7}[A-Z0-9]$/, example: 'A12345678' },
  eu_oss_vat: { pattern: /^EU\d{9}$/, example: 'EU123456789' },
  eu_vat: { pattern: new RegExp(`^(?:${Object.entries(EU_VAT).map(([country, rest]) => country + rest).join('|')})$`), example: 'DE123456789' },
  gb_vat: { pattern: /^GB(?:\d{9}|\d{12}|(?:GD|HA)\d{3})$/, example: 'GB123456789' },
  in_gst: { pattern: /^\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]Z[A-Z0-9]$/, example: '12ABCDE3456FGZH' },
  jp_cn: { pattern: /^\d{13}$/, example: '1234567891234' },
  kr_brn: { pattern: /^\d{10}$/, example: '123-45-67890' },
  mx_rfc: { pattern: /^[A-ZÑ&]{3,4}\d{6}[A-Z0-9]{3}$/, example: 'ABC010203AB9' },
  no_vat: { pattern: /^\d{9}MVA$/, example: '123456789MVA' },
  nz_gst: { pattern: /^\d{8,9}$/, example: '123456789' },
  sa_vat: { pattern: /^\d{15}$/, example: '123456789012345' },
  us_ein: { pattern: /^\d{9}$/, example: '12-3456789' },
  za_vat: { pattern: /^4\d{9}$/, example: '4123456789' },
};

/** What a test says about a number instead of a register: verified, not verified, never answered. */
const TEST_ANSWERS: Record<string, 'verified' | 'unverified' | null> = { '000000000': 'verified', '111111111': 'unverified', '222222222': null };

/** Whether it is one of the numbers with which the verification of this type is tested. */
function isTestNumber(type: string, value: string): boolean {
  return (type === 'eu_vat' || type === 'au_abn') && value in TEST_ANSWERS;
}

function countryOf(type: string, value: string): string | null {
  if (type === 'eu_oss_vat') return null;
  if (type === 'ic_nif') return 'ES';
  if (type !== 'eu_vat') return type.slice(0, 2).toUpperCase();
  const letters = value.slice(0, 2).toUpperCase();
  return letters === 'EL' ? 'GR' : letters === 'XI' ? 'GB' : letters in EU_VAT ? letters : null;
}

/** A new tax id. No register is asked in live mode, which is said as `unavailable`; the test numbers are answered a moment later. */
export function createTaxId(given: { type: TaxIdType; value: string; param: string }, owner: { id: string; test_clock: string | null }, livemode: boolean, moment: Moment): Decision & { tax_id: TaxIdRow } {
  const { type, value, param } = given;
  const tested = !livemode && isTestNumber(type, value);
  const format = FORMATS[type];
  if (!tested && format && !format.pattern.test(value.toUpperCase().replaceAll(/[\s./-]/g, ''))) {
    refuse('tax_id_invalid', `This is not how a tax id of the type ${type} is written. One looks like ${format.example}.`, param);
  }
  const status = tested ? 'pending' : 'unavailable';
  const tax_id: TaxIdRow = { id: moment.newId('txi'), created: moment.now, customer: owner.id, type, value, country: countryOf(type, value), verification: { status, verified_address: null, verified_name: null } };
  const made = decision();
  made.puts.push({ table: 'tax_ids', before: null, after: tax_id });
  made.facts.push({ type: 'customer.tax_id.created', object: 'tax_id', whole: tax_id, at: moment.now });
  if (tested && TEST_ANSWERS[value]) made.timers.push({ kind: 'tax_id.verify', subject: tax_id.id, at: moment.now, lane: owner.id, test_clock: owner.test_clock });
  return { ...made, tax_id };
}

/** What becomes of a tax id when its verification is answered. */
export function verifyTaxId(before: TaxIdRow, moment: Pick<Moment, 'now'>): Decision {
  const status = TEST_ANSWERS[before.value];
  if (!status || before.verification?.status !== 'pending') return decision();
  const verified = status === 'verified';
  const after: TaxIdRow = { ...before, verification: { status, verified_address: verified ? 'Test address' : null, verified_name: verified ? 'Test name' : null } };
  return {
    ...decision(),
    puts: [{ table: 'tax_ids', before, after }],
    facts: [{ type: 'customer.tax_id.updated', object: 'tax_id', whole: after, before, at: moment.now }],
  };
}

export function deleteTaxId(tax_id: TaxIdRow, owner: { id: string; test_clock: string | null }, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'tax_ids', before: tax_id, after: null }],
    facts: [{ type: 'customer.tax_id.deleted', object: 'tax_id', whole: tax_id, at: moment.now }],
    timers: [{ kind: 'tax_id.verify', subject: tax_id.id, at: null, lane: owner.id, test_clock: owner.test_clock }],
  };
}
