/** An outcome as it is stored: one row for each subject. */
import type { Instant } from '../decision.ts';
import type { DefinitionWhole } from './definition.ts';
import type { Contest, Judgement, SubjectEvent } from './settle.ts';

export type OutcomeRow = {
  id: string;
  created: Instant;
  updated: Instant;
  definition: string;
  /** The number of the version that judges it; null where none does. */
  version: number | null;
  customer: string;
  test_clock: string | null;
  subject: string;
  state: Judgement['state'];
  /** The success that stands for the subject: which outcome, and how it came about. */
  outcome: string | null;
  basis: 'confirmed' | 'assumed' | null;
  /** The timestamp of its earliest event that was not canceled: what says which version judges it. */
  began_at: Instant | null;
  occurred_at: Instant | null;
  settled_at: Instant | null;
  reversed_at: Instant | null;
  reversed_by: 'event' | 'contest' | null;
  /** When silence next decides something. */
  due_at: Instant | null;
  /** What is on a meter for it, and when; null where nothing is. */
  meter: string | null;
  counted_at: Instant | null;
  /** How often something was put on a meter for it: the number in the identifier of what is there. */
  counts: number;
  /** The meter that would count it if nothing else happened. */
  provisional_meter: string | null;
  events: SubjectEvent[];
  contests: Contest[];
};

/** An outcome with its definition, as it is rendered. */
export type OutcomeWhole = OutcomeRow & { terms: DefinitionWhole };

/** The identifier of the event that counts an outcome on its meter. */
export const countIdentifier = (row: Pick<OutcomeRow, 'id' | 'counts'>): string => `${row.id}:${row.counts}`;

/** Whether an event of this identifier counts an outcome, or takes one off: only Kontor itself says that, and takes it back. */
export const isCount = (identifier: string): boolean => /^outc_[^:]+:[0-9]+(?::back)?$/.test(identifier);
