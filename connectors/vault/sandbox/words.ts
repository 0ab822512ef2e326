/** What the vault's process is asked and answers. Messages are copied by the structured clone of the channel, so that a number stays bytes. */
import type { Entry, Kept, KeyLevel, Provisioned, Refused, TypedCard } from '../vault.ts';

export type Questions = {
  keep: TypedCard;
  provision: Entry & { processor: string };
  shred: Entry;
  list: { world: number; until: number };
  check: object;
  rotate: { level: KeyLevel };
};
export type Answers = {
  keep: Kept | Refused;
  provision: Exclude<Provisioned, { kind: 'down' }>;
  shred: { kind: 'shredded' | 'absent' };
  list: { kind: 'listed'; tokens: string[] };
  check: { cards: number; findings: string[] };
  rotate: { sealed: number; resumed: boolean };
};
export type Verb = keyof Questions;

export type Asked = { [V in Verb]: { id: number; verb: V; question: Questions[V] } }[Verb];
/** `fault` is a sentence for operators. */
export type Told = { id: number; answer: unknown } | { id: number; fault: string };

/** Where the vault is, and the modules whose `presenter` is taken in, as URLs. */
export type Place = { directory: string; key_file: string; presenters: string[] };

/** The exit code of a process that could not open its vault. */
export const UNOPENED = 3;
