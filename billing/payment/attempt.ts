/**
 * An attempt: one operation of a processor's, from the row that is written before it is asked to the last thing that is heard of it.
 *
 * What is heard comes in any order and more than once: the answer, a webhook, a look-up, a timer of the sandbox. `merge` is a maximum over a total order of words, so it is commutative, associative
 * and idempotent: whatever the order and the number of the words, the attempt ends in the same state. A word that money was taken outranks every word that it was not.
 */
import type { HandledOutcome, Outcome, RefundOutcome } from './outcome.ts';

export type Verb = 'charge' | 'save' | 'capture' | 'cancel' | 'increment' | 'refund' | 'detach';

type AttemptState = 'sending' | 'unknown' | 'requires_action' | 'pending' | 'authorized' | 'failed' | 'declined' | 'canceled' | 'succeeded';

export type AttemptRow = {
  /** The `op_id`: `pi_…:charge:2`. */
  id: string;
  created: number;
  verb: Verb;
  /** The intent, refund or payment method that it is for. */
  subject: string;
  processor: string;
  state: AttemptState;
  /** The processor's id of what it did. */
  reference: string | null;
  /** The word that stands: an outcome of the port, packed (see `pack`). */
  word: PackedWord | null;
  /** When that word was taken. */
  heard: number | null;
  /** What a person has found out about it, where no word came. */
  decided: Decided | null;
  test_clock: string | null;
};

/** Which of its intent's attempts an `op_id` is, or after which one something is asked: the number at its end. */
export const numberOf = (op_id: string): number => Number(op_id.slice(op_id.lastIndexOf(':') + 1));

/** A person's word: whether it took effect, how the person knows, and when that was said. */
export type Decided = { outcome: 'succeeded' | 'not_done'; reference: string | null; evidence: string; at: number };

/** Any outcome of the port. */
export type Word = Outcome | HandledOutcome | RefundOutcome;
export type PackedWord = { kind: string; [field: string]: unknown };

/** How much a state says. `failed` says that nothing was tried, so whatever was tried outranks it; success outranks all, since money that has moved has moved. */
const RANKS: Record<AttemptState, number> = { sending: 0, unknown: 1, failed: 2, requires_action: 3, pending: 4, authorized: 5, canceled: 6, declined: 7, succeeded: 8 };
/** Of a refund the last word is that it has come back. */
const rankOf = (verb: Verb, state: AttemptState): number => (verb === 'refund' && state === 'declined' ? RANKS.succeeded + 1 : RANKS[state]);

/** What an attempt is by a word. */
export function stateOf(verb: Verb, word: { kind: string; captured?: unknown }): AttemptState {
  if (verb === 'charge' && word.kind === 'succeeded' && word.captured === false) return 'authorized';
  return word.kind as AttemptState;
}

/** Whether no further word is to come that changes what is done about it. */
export const isOver = (state: AttemptState): boolean => RANKS[state] >= RANKS.canceled || state === 'failed';

/** The same text for the same word. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const fields = Object.entries(value).filter(([, each]) => each !== undefined && each !== null);
  return `{${fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
}

/** That something has moved says more than that it has not yet. */
const weighed = (word: PackedWord | null): string => `${word?.contradicts === true ? 2 : word?.moved === false ? 0 : 1}${canonical(word)}`;

/** Bigints as text with an `n`, so that a word can be kept as JSON. */
export function pack<W extends { kind: string }>(word: W): PackedWord {
  return JSON.parse(JSON.stringify(word, (_name, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))) as PackedWord;
}

export function unpack<W extends { kind: string }>(packed: PackedWord): W {
  return JSON.parse(JSON.stringify(packed), (_name, value: unknown) => (typeof value === 'string' && /^-?[0-9]+n$/.test(value) ? BigInt(value.slice(0, -1)) : value)) as W;
}

/** The row that is written before a processor is asked. */
export function beginAttempt(id: string, verb: Verb, subject: string, processor: string, test_clock: string | null, now: number): AttemptRow {
  return { id, created: now, verb, subject, processor, state: 'sending', reference: null, word: null, heard: null, decided: null, test_clock };
}

/** Takes a word about an attempt. The attempt is the same object where the word says nothing new. */
export function merge(attempt: AttemptRow, word: PackedWord, at: number): AttemptRow {
  const state = stateOf(attempt.verb, word);
  const [mine, theirs] = [rankOf(attempt.verb, attempt.state), rankOf(attempt.verb, state)];
  if (theirs < mine) return attempt;
  // Between two words of one rank any total order will do, as long as it is always the same; a contradiction is not forgotten where another answer is only missing.
  if (theirs === mine && weighed(word) <= weighed(attempt.word)) return attempt;
  return { ...attempt, state, word, reference: typeof word.reference === 'string' ? word.reference : attempt.reference, heard: at };
}
