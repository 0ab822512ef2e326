import { createHash } from 'node:crypto';
import { merge, pack, type AttemptRow, type PackedWord } from '../../billing/payment/attempt.ts';
import { decision, type Decision } from '../../billing/decision.ts';
import type { Action, Processor } from '../../connectors/processors/processor.ts';
import { commit } from '../../server/commit.ts';
import type { App, Context, OpenCall, World } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Attempts by their `op_id`, in that order. `lock` keeps others from changing them until the transaction ends. */
export function attemptsById(tx: Tx, ids: readonly string[], lock = false): Promise<AttemptRow[]> {
  return rows<AttemptRow>(tx, sql`select * from payment_attempts where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

/** All attempts of intents or refunds, oldest first. */
export function attemptsOf(tx: Tx, subjects: readonly string[]): Promise<AttemptRow[]> {
  return rows<AttemptRow>(tx, sql`select * from payment_attempts where subject = any(${subjects}::text[]) order by created, id`);
}

/** The questions as they were asked, by `op_id`. */
export async function questionsById(tx: Tx, ids: readonly string[]): Promise<Map<string, OpenCall>> {
  const found = await rows<OpenCall>(tx, sql`select id, kind, subject, request, state, attempts from calls where id = any(${ids}::text[])`);
  return new Map(found.map((call) => [call.id, call]));
}

/** An attempt before and after a word: where the two are the same the word said nothing new. */
export type Heard = { before: AttemptRow; after: AttemptRow };

/** Merges words into their attempts. What has no attempt is left out. */
export async function hear(tx: Tx, words: readonly { op_id: string; word: PackedWord; at: number }[]): Promise<Map<string, Heard>> {
  const attempts = await attemptsById(tx, words.map((each) => each.op_id), true);
  const heard = new Map(attempts.map((attempt) => [attempt.id, { before: attempt, after: attempt }]));
  for (const { op_id, word, at } of words) {
    const attempt = heard.get(op_id);
    if (attempt) attempt.after = merge(attempt.after, word, at);
  }
  return heard;
}

export function keep(heard: Iterable<Heard>): Decision {
  const puts = [...heard].filter(({ before, after }) => before !== after).map(({ before, after }) => ({ table: 'payment_attempts', before, after }));
  return { ...decision(), puts };
}

/** Answers that did not arrive: that the operations may have had an effect is written down, too. */
export async function missed(ctx: Context, calls: readonly OpenCall[]): Promise<void> {
  const word = pack({ kind: 'unknown', reason: 'No answer has arrived.', retry_after: null });
  const heard = await hear(ctx.tx, calls.map((call) => ({ op_id: call.id, word, at: ctx.app.clock.now() })));
  await commit(ctx, keep(heard.values()));
}

/** The processor that has what an operation is about. */
export function processorNamed(app: App, world: World, name: string): Processor {
  const { test, live } = app.connectors.processors;
  const processor = world.livemode ? live : test;
  if (processor?.name !== name) throw new Error(`The processor ${name}, which keeps the payment method, is not configured.`);
  return processor;
}

/** A page of Kontor's own is at Kontor's address; its path ends in what only whoever has the intent's client secret can know. */
export function placedAt(ctx: Context, intent: { id: string; client_secret: string }, action: Action): Action {
  if (action.url === null || !action.url.startsWith('/')) return action;
  return { ...action, url: `${ctx.app.url}${action.url}/${ctx.world.account}/${intent.id}/${proofOf(action.reference, intent.client_secret)}` };
}

export const proofOf = (reference: string, client_secret: string): string => createHash('sha256').update(`${reference} ${client_secret}`).digest('base64url').slice(0, 24);
