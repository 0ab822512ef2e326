import { createHash } from 'node:crypto';
import { merge, numberOf, pack, type AttemptRow, type PackedWord, type Verb, type Word } from '../../billing/payment/attempt.ts';
import { decision, type Call, type Decision, type Timer } from '../../billing/decision.ts';
import { contradiction, isWordOf, lookAgainIn, waysTo, wordOfAbsence } from '../../billing/payment/resolve.ts';
import type { Action, HandledOutcome, Notice, Outcome, Processor, RefundOutcome, Said, Sought, StoredMethod } from '../../connectors/processors/processor.ts';
import { commit } from '../../server/commit.ts';
import { inContext, NotYet, type Answered, type App, type Context, type OpenCall, type World } from '../../server/context.ts';
import { row, rows, rowsById, sql } from '../../server/database/sql.ts';
import { inWorld, type Tx } from '../../server/database/world.ts';
import { NotReached } from '../../server/turnstile.ts';
import { processorNamed } from '../kontor/processors/rows.ts';

/** Attempts by their `op_id`, in that order. `lock` keeps others from changing them until the transaction ends. */
export function attemptsById(tx: Tx, ids: readonly string[], lock = false): Promise<AttemptRow[]> {
  return rowsById<AttemptRow>(tx, 'payment_attempts', ids, lock);
}

/** All attempts of intents or refunds, oldest first. */
export function attemptsOf(tx: Tx, subjects: readonly string[]): Promise<AttemptRow[]> {
  return rows<AttemptRow>(tx, sql`select * from payment_attempts where subject = any(${subjects}::text[]) order by created, id`);
}

/** What a processor has under this name of its own. */
export function attemptsNamed(tx: Tx, processor: string, reference: string): Promise<AttemptRow[]> {
  return rows<AttemptRow>(tx, sql`select * from payment_attempts where processor = ${processor} and reference = ${reference} order by created, id`);
}

/** The questions as they were asked, by `op_id`. */
export async function questionsById<Request extends object = Place>(tx: Tx, ids: readonly string[]): Promise<Map<string, OpenCall<Request>>> {
  const found = await rows<OpenCall<Request>>(tx, sql`select id, kind, subject, request, state, attempts, created, begun from calls where world = kontor_world() and id = any(${ids}::text[])`);
  return new Map(found.map((call) => [call.id, call]));
}

/** The question as it was asked, locked: nobody begins to make it, or takes its answer, until the transaction ends. */
export function lockQuestion(tx: Tx, id: string): Promise<(OpenCall<Place> & { next_at: number }) | undefined> {
  return row(tx, sql`select id, kind, subject, request, state, attempts, created, begun, next_at from calls where id = ${id} for update`);
}

/** The attempts at a processor that its notices are about: by our name of them, else by the processor's. */
export async function attemptsNoticed(tx: Tx, processor: string, notices: readonly Notice[]): Promise<{ notice: Notice; attempt: AttemptRow }[]> {
  const sought = notices.map((each) => each.sought);
  const found = await rows<AttemptRow>(
    tx,
    sql`select * from payment_attempts where processor = ${processor}
        and (id = any(${sought.flatMap((each) => each.op_id ?? [])}::text[]) or reference = any(${sought.flatMap((each) => each.reference ?? [])}::text[])) order by created, id`,
  );
  return notices.flatMap((notice) => {
    const { op_id, reference, verb } = notice.sought;
    // What somebody does at a processor may come with the name of the payment that it is done to.
    const attempt = found.find((each) => each.id === op_id && (each.verb === notice.about || (each.verb === 'save' && notice.about === 'charge'))) ?? found.find((each) => each.reference === reference && (verb === undefined || each.verb === verb));
    return attempt ? [{ notice, attempt }] : [];
  });
}

/** An attempt before and after a word: where the two are the same the word said nothing new. */
type Heard = { before: AttemptRow; after: AttemptRow };

/** Merges words into their attempts. What has no attempt is left out. */
async function hear(ctx: Context, words: readonly { op_id: string; word: PackedWord }[]): Promise<Map<string, Heard>> {
  const attempts = await attemptsById(ctx.tx, words.map((each) => each.op_id), true);
  const heard = new Map(attempts.map((attempt) => [attempt.id, { before: attempt, after: attempt }]));
  for (const { op_id, word } of words) {
    const attempt = heard.get(op_id);
    if (attempt) attempt.after = merge(attempt.after, word, ctx.app.clock.now());
  }
  return heard;
}

/** Merges the answers to questions into their attempts. */
export const hearAnswers = (ctx: Context, answers: readonly Answered<object, PackedWord>[]): Promise<Map<string, Heard>> => hear(ctx, answers.map(({ call, answer }) => ({ op_id: call.id, word: answer })));

/** Whether the processor may say more of an attempt by itself. */
export const mayMove = (state: AttemptRow['state']): boolean => state === 'pending' || state === 'requires_action' || state === 'authorized';

/** What an intent has begun at processors by attempts up to the `last` one of them, and waits there for its holder, with the questions. The sandbox has pages of Kontor's own, which ask the intent first. */
export async function openAt<Request extends object>(app: App, world: World, intent: string, verb: 'charge' | 'save', last: number): Promise<{ attempt: AttemptRow; question: OpenCall<Request> }[]> {
  return inWorld(app.database.pool, world, async (tx) => {
    const open = (await attemptsOf(tx, [intent])).filter((each) => each.verb === verb && numberOf(each.id) <= last && mayMove(each.state) && each.processor !== app.connectors.processors.test.name);
    const questions = open.length === 0 ? new Map<string, OpenCall<Request>>() : await questionsById<Request>(tx, open.map((each) => each.id));
    return open.map((attempt) => ({ attempt, question: questions.get(attempt.id)! }));
  });
}

/** When an attempt that is under way is looked up next. What the sandbox lets happen it has foretold. */
export function lookAgain({ id, processor, heard }: AttemptRow, now: number): Timer[] {
  const wait = processor === 'sandbox' || heard === null ? null : lookAgainIn(now - heard);
  return wait === null ? [] : [{ kind: 'payment_attempt.look_up', subject: id, at: now + wait, lane: id, test_clock: null }];
}

/** What a webhook has said of an attempt: the processor's name of it, and what became of it. */
export type LookUpQuestion = { reference?: string; said?: Said };

/** Asks what the processor has of an attempt, once for each `id`. */
export const toLookUp = (op_id: string, id: string, request: LookUpQuestion = {}): Call => ({ id: `${op_id}:look_up:${id}`, kind: 'processor.lookup', subject: op_id, request, test_clock: null });

export function keep(heard: Iterable<Heard>): Decision {
  const changed = [...heard].filter(({ before, after }) => before !== after);
  const waiting = changed.filter(({ after: { state } }) => mayMove(state));
  return { ...decision(), puts: changed.map(({ before, after }) => ({ table: 'payment_attempts', before, after })), timers: waiting.flatMap(({ after }) => lookAgain(after, after.heard!)) };
}

/** Gives words to the commands that take the answers of the operations that they are about. */
export async function tell(ctx: Context, words: readonly { op_id: string; word: PackedWord; at?: number }[]): Promise<void> {
  const questions = await questionsById(ctx.tx, words.map((each) => each.op_id));
  const answers = words.flatMap(({ op_id, word, at }): Answered<Place, PackedWord>[] => {
    const call = questions.get(op_id);
    return call ? [{ call, answer: word, ...(at !== undefined && { at }) }] : [];
  });
  for (const [kind, taken] of Map.groupBy(answers, (each) => each.call.kind)) await ctx.app.register.calls.get(kind)!.answer(ctx, taken);
}

/** The same in a transaction of its own, as what was found out by asking. */
export async function tellOf(app: App, world: World, words: readonly { op_id: string; word: PackedWord }[]): Promise<void> {
  if (words.length === 0) return;
  await inContext(app, world, (ctx) => tell(ctx, words));
}

/** Answers that did not arrive: that the operations may have had an effect is written down, too. */
export async function missed(ctx: Context, calls: readonly OpenCall[]): Promise<void> {
  const word = pack({ kind: 'unknown', reason: 'No answer has arrived.', retry_after: null });
  const heard = await hear(ctx, calls.map((call) => ({ op_id: call.id, word })));
  await commit(ctx, keep(heard.values()));
}

/** What is asked of a processor. */
type Question = {
  processor: string;
  verb: Verb;
  put(processor: Processor): Promise<Outcome | HandledOutcome | RefundOutcome>;
};

/** Metadata for a processor, which may keep only the first ones: by ours the payment is found there, so nobody else's take their names. */
export const ownFirst = (own: Record<string, string>, metadata: Record<string, string> = {}): Record<string, string> => ({ ...own, ...metadata, ...own });

/** What questions to processors say of where their answers are found, and in which currency these must be. */
type Place = { reference?: string; charge?: string; method?: StoredMethod; capture?: 'automatic' | 'manual'; authentication?: { reference: string } | null; currency?: string };

/** Where a processor has to look for what a question asked: with the charge, as it calls it, or with the method that it was about. What goes on after its holder was asked is known by what asked. */
function placeOf({ request: { reference, charge, method, capture, authentication } }: OpenCall<Place>): Pick<Sought, 'reference' | 'charge' | 'method' | 'capture'> {
  const of = reference ?? charge;
  return { ...(authentication && { reference: authentication.reference }), ...(of !== undefined && { charge: of }), ...(method && { method }), ...(capture && { capture }) };
}

/** What has not reached a processor is tried again soon. */
const SOON_S = 5;

/** Puts a question, or clears up what became of it where it was begun before. No answer while that is not known: then it is tried again later, or a webhook or a person says it. */
export async function askProcessor(app: App, world: World, call: OpenCall<Place>, question: Question): Promise<PackedWord | NotYet | null> {
  const { verb } = question;
  const processor = await processorNamed(app, world, question.processor);
  if (call.attempts > 1) {
    const [attempt] = await inWorld(app.database.pool, world, (tx) => attemptsById(tx, [call.id]));
    if (attempt?.word && attempt.state !== 'unknown') return attempt.word;
  }
  const recognition = processor.capabilities();
  const begun = call.attempts - 1;
  const age_s = app.clock.now() - (call.begun ?? call.created);
  let [reached, after_s] = [false, 0];
  for (const way of waysTo({ begun, age_s, verb }, recognition)) {
    const said = await (way === 'put' ? question.put(processor) : processor.lookup({ op_id: call.id, verb, ...placeOf(call) })).catch((error: unknown) => {
      if (error instanceof NotReached) return null;
      throw error;
    });
    if (said === null) return new NotYet(SOON_S, reached);
    reached = true;
    const word = way === 'put' ? (said as Word) : 'outcome' in said ? said.outcome : said.kind === 'absent' ? wordOfAbsence(age_s, recognition) : null;
    if (word && (await contradicts(app, world, call, word))) return new NotYet(0);
    if (word && (way === 'put' ? isWordOf(word, begun, verb) : word.kind !== 'unknown')) return pack(word);
    if (said.kind === 'unknown') after_s = Math.max(after_s, said.retry_after ?? 0);
  }
  return new NotYet(after_s);
}

/** Whether a word cannot be about the question, which is written down for whoever looks at what is unknown. */
async function contradicts(app: App, world: World, call: OpenCall<Place>, word: Word): Promise<boolean> {
  const reason = contradiction(word, call.request);
  if (reason === null) return false;
  await inContext(app, world, async (ctx) => {
    const heard = await hear(ctx, [{ op_id: call.id, word: pack({ kind: 'unknown', reason, retry_after: null, contradicts: true }) }]);
    await commit(ctx, keep(heard.values()));
  });
  return true;
}

/** What the processor has of an attempt: null while it does not know, or has never heard of it, which is no word about it. `heard` is what a webhook has said. */
export async function lookUp(processor: Processor, attempt: AttemptRow, question: OpenCall<Place>, heard: LookUpQuestion = {}): Promise<PackedWord | null> {
  const { reference = attempt.reference, said } = heard;
  const found = await processor.lookup({ op_id: attempt.id, verb: attempt.verb, ...(reference !== null && { reference }), ...(said && { said }), ...placeOf(question) });
  if (found.kind === 'unknown' || found.kind === 'absent' || found.outcome.kind === 'unknown') return null;
  return contradiction(found.outcome, question.request) === null ? pack(found.outcome) : null;
}

/** A page of Kontor's own is at Kontor's address; its path ends in what only whoever has the intent's client secret can know. */
export function placedAt(ctx: Context, intent: { id: string; client_secret: string }, action: Action): Action {
  if (action.url === null || !action.url.startsWith('/')) return action;
  return { ...action, url: `${ctx.app.url}${action.url}/${ctx.world.account}/${intent.id}/${proofOf(action.reference, intent.client_secret)}` };
}

export const proofOf = (reference: string, client_secret: string): string => createHash('sha256').update(`${reference} ${client_secret}`).digest('base64url').slice(0, 24);
