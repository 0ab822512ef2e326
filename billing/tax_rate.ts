/** Tax rates: what they are called and where they are from may change, what they take never does. */
import type { TaxRateRow } from './catalog.ts';
import { decision, type Decision, type Moment } from './decision.ts';
import { defined, mergeMetadata } from './metadata.ts';

type TaxRateChange = Partial<Omit<TaxRateRow, 'id' | 'created' | 'percentage' | 'inclusive' | 'metadata'>> & { metadata?: Record<string, string> | '' };

const BLANK = { active: true, description: null, country: null, state: null, jurisdiction: null, tax_type: null, metadata: {} };

function applied(row: TaxRateRow, change: TaxRateChange): TaxRateRow {
  const { metadata, ...rest } = change;
  return { ...row, ...defined(rest), metadata: mergeMetadata(row.metadata, metadata) };
}

/** A new rate of `percentage` per cent, a number of at most four decimal places. */
export function createTaxRate(given: TaxRateChange & { display_name: string; percentage: number; inclusive: boolean }, moment: Moment): Decision & { rate: TaxRateRow } {
  const { percentage, inclusive, ...change } = given;
  const rate = applied({ ...BLANK, id: moment.newId('txr'), created: moment.now, display_name: given.display_name, percentage: String(percentage), inclusive }, change);
  const made = decision();
  made.puts.push({ table: 'tax_rates', before: null, after: rate });
  made.facts.push({ type: 'tax_rate.created', object: 'tax_rate', whole: rate, at: moment.now });
  return { ...made, rate };
}

export function changeTaxRate(before: TaxRateRow, change: TaxRateChange, moment: Moment): Decision & { rate: TaxRateRow } {
  const rate = applied(before, change);
  const made = decision();
  made.puts.push({ table: 'tax_rates', before, after: rate });
  made.facts.push({ type: 'tax_rate.updated', object: 'tax_rate', whole: rate, before, at: moment.now });
  return { ...made, rate };
}
