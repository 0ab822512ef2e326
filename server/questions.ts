/**
 * Questions to the outside without whose answer a command cannot decide: as what a processor knows a card, whether its issuer lets it be kept. A command holds locks, and nobody is to wait for them while a network is
 * waited for. So at such a question the command is given up, with all that it has done; the question is asked while nothing is held; and the command runs anew, with the answer.
 *
 * What is asked so changes nothing, or has one effect however often it is asked. Where nobody needs the answer to decide, it is a call, which is written with the decision (`calls.ts`).
 */
import { assert } from '../billing/decision.ts';
import type { Context } from './context.ts';

/** The answers that a request has, by its questions, and how often this run has asked each of them. */
export type Outside = { known: Map<string, unknown>; asked: Map<string, number> };

/** A run has come to a question that has no answer yet. */
class Unanswered extends Error {
  readonly question: string;
  readonly ask: () => Promise<unknown>;
  constructor(question: string, ask: () => Promise<unknown>) {
    super(`The question has no answer yet: ${question}`);
    this.question = question;
    this.ask = ask;
  }
}

/** The answer of the outside. `question` says the same in each run of a request; `ask` uses nothing of the transaction. */
export async function outside<T>({ request }: Context, question: string, ask: () => Promise<T>): Promise<T> {
  assert(request, `${question} is asked by no request`);
  const { known, asked } = request.outside;
  const before = asked.get(question) ?? 0;
  asked.set(question, before + 1);
  const once = `${question} (${before})`;
  if (!known.has(once)) throw new Unanswered(once, ask);
  return known.get(once) as T;
}

/** More questions than any request has. */
const MOST = 200;

/** Runs until all questions are answered. `run` is given what is known, and leaves nothing where it comes to a question. */
export async function answering<T>(run: (outside: Outside) => Promise<T>): Promise<T> {
  const known = new Map<string, unknown>();
  for (;;) {
    try {
      return await run({ known, asked: new Map() });
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      assert(known.size < MOST, `a request asks without an end: ${error.question}`);
      known.set(error.question, await error.ask());
    }
  }
}
