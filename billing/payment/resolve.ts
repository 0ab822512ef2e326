/**
 * What to do about an operation whose answer is missing. It may have taken effect, so it is only put again where the processor is certain to recognise it; else it is looked up; and where neither can be, it waits for
 * a webhook or for a person. It is never taken to have failed.
 */
import { formatMoney } from '../money.ts';
import type { Decided, Verb, Word } from './attempt.ts';
import type { Failed } from './outcome.ts';

/** How a processor tells whether it has heard of an operation. */
export type Recognition = {
  /** How it recognises a repeated `op_id`, and for how many hours; null is for ever. */
  idempotency: 'header' | 'reference' | 'none';
  ttl_hours: number | null;
  /** By what an operation can be looked up. */
  lookup: readonly ('op_id' | 'reference')[];
  /** For so long after it was sent an operation may still take effect, or not be found yet: before, its absence proves nothing. */
  settles_in_s: number;
};

type Way = 'put' | 'look_up';

/** So much of the time in which an `op_id` is recognised is left unused, since clocks differ and requests take their time. */
const MARGIN_S = 3_600;

/** For so long after it was first begun an operation may be put again. */
const repeatedFor = ({ idempotency, ttl_hours }: Recognition): number => (idempotency === 'none' ? 0 : ttl_hours === null ? Infinity : ttl_hours * 3_600 - MARGIN_S);

/** What has one effect however often it is put, whether or not it is recognised: what is gone stays gone. It is put until it is answered. */
const isRepeatable = (verb: Verb): boolean => verb === 'detach';

/** The ways to a word about an operation, in the order in which they are tried. `begun` is how often it was begun before, `age_s` how long ago it was first. */
export function waysTo({ begun, age_s, verb }: { begun: number; age_s: number; verb: Verb }, recognition: Recognition): Way[] {
  if (begun === 0 || isRepeatable(verb)) return ['put'];
  return [...(age_s < repeatedFor(recognition) ? (['put'] as const) : []), ...(recognition.lookup.includes('op_id') ? (['look_up'] as const) : [])];
}

/**
 * Whether a word about a question that was put says what became of the operation. That a repetition was not taken, since it never arrived or its key is not in force any more, proves nothing about what was put
 * before; and what is put until it is answered is not answered by that.
 */
export const isWordOf = (word: { kind: string; technical?: boolean }, begun: number, verb: Verb): boolean => word.kind !== 'unknown' && !((begun > 0 || isRepeatable(verb)) && word.kind === 'failed' && word.technical === true);

/**
 * What is wrong with a word that names money in another currency than was asked for: that is no word about the question, and a person has to look. Another amount is what has moved, and is booked as such.
 * Null where nothing is wrong.
 */
export function contradiction(word: Word, { currency }: { currency?: string }): string | null {
  const money = 'money' in word ? word.money : undefined;
  if (money === undefined || currency === undefined || money.currency === currency) return null;
  return `The payment processor says that it has moved ${formatMoney(money.amount, money.currency)}, and was asked for ${currency}. Give it back there, and say \`not_done\`.`;
}

/** The word where a processor has never heard of an operation that was first begun so long ago; null while that proves nothing, since it may have been put again until just now. */
export function wordOfAbsence(age_s: number, recognition: Recognition): Failed | null {
  if (age_s < repeatedFor(recognition) + recognition.settles_in_s) return null;
  return { kind: 'failed', code: 'processing_error', message: 'The payment processor has never received this, so nothing was done. Try again.', technical: true };
}

/** How long after a look-up what is under way for days is looked up again, in case no webhook comes: half as long as it has been known, between a quarter of an hour and a day; null once it is given up. */
export function lookAgainIn(known_s: number): number | null {
  return known_s > 90 * 86_400 ? null : Math.min(Math.max(Math.floor(known_s / 2), 900), 86_400);
}

/** What a person has found out, as a word of the processor's. A charge that only reserves has reserved. */
export function wordOfPerson(verb: Verb, { outcome, reference }: Pick<Decided, 'outcome' | 'reference'>, captured: boolean): Word {
  if (outcome === 'not_done') return { kind: 'failed', code: 'processing_error', message: 'The payment processor has never done this, as somebody has found out there. Try again.', technical: true };
  const done = { kind: 'succeeded', reference: reference! } as const;
  if (verb === 'refund') return { ...done, network_reference: null, foretold: [] };
  if (verb !== 'charge' && verb !== 'save') return done;
  return {
    ...done, captured: verb === 'charge' && captured, network_transaction_id: null, authorization_code: null, three_d_secure: null, available: 'later', foretold: [],
    assessment: { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 0 },
  };
}
