/** What was asked of processors, and what is known of it. Where neither a repetition nor a look-up can tell, a person finds out and says so. */
import { decision, refuse } from '../../../billing/decision.ts';
import { pack, type AttemptRow } from '../../../billing/payment/attempt.ts';
import { wordOfPerson } from '../../../billing/payment/resolve.ts';
import { isBeingMade } from '../../../server/calls.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { quoted } from '../../../server/http/forms.ts';
import { choice, doc, fields, listParams, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { equal, named, page, renderList } from '../../../server/lists.ts';
import { attemptsById, attemptsNamed, lockQuestion, lookUp, questionsById, tell } from '../../payment_attempts/rows.ts';
import { processorNamed, saidBy } from '../processors/rows.ts';
import { refundAt } from '../../refunds/rows.ts';
import { paymentAttempt, wholeAttempts } from './resource.ts';

const listAttempts = listParams({
  processor: doc('`sandbox`, or the id of a processor.', text({ max: 100 })),
  state: doc('`unknown` are those of which no word has come, and `sending` those that are being asked right now.', choice('sending', 'unknown', 'requires_action', 'pending', 'authorized', 'failed', 'declined', 'canceled', 'succeeded')),
  subject: doc('The payment intent, setup intent, refund or payment method that they are for.', text({ max: 100 })),
});
const decideAttempt = fields({
  outcome: required(doc('What the processor\'s books say: `succeeded`, or `not_done` where nothing was taken.', choice('succeeded', 'not_done'))),
  reference: doc('The processor\'s id of what it did, where it has succeeded.', text({ max: 200 })),
  evidence: required(doc('How you know: who looked where, and what was seen. It is kept with the attempt.', text({ min: 10, max: 2_000 }))),
});
const nothing = fields({});

type Path = { attempt: string };

async function attemptNamed(ctx: Context, id: string): Promise<AttemptRow> {
  return (await attemptsById(ctx.tx, [id]))[0] ?? missing('payment attempt', id);
}

async function list(ctx: Context, { processor, state, subject, ...given }: Params<typeof listAttempts>): Promise<Json> {
  const { data, has_more } = await page<AttemptRow>(ctx, 'payment_attempts', 'payment attempt', [...equal('processor', processor), ...named('state', state), ...equal('subject', subject)], given);
  return renderList('/v1/kontor/payment_attempts', (await wholeAttempts(ctx, data)).map((each) => paymentAttempt.render(each, ctx.world)), has_more);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [whole] = await wholeAttempts(ctx, [await attemptNamed(ctx, path.attempt)]);
  return paymentAttempt.render(whole!, ctx.world);
}

/** Looks an attempt up now, rather than when it is its turn. It is a question, which moves nothing. */
async function ask(ctx: Context, given: object, path: Path): Promise<Json> {
  const attempt = await attemptNamed(ctx, path.attempt);
  const question = (await questionsById(ctx.tx, [attempt.id])).get(attempt.id);
  if (!question) return retrieve(ctx, given, path);
  const processor = await processorNamed(ctx.app, ctx.world, attempt.processor, ctx.tx);
  const word = await saidBy(ctx, processor, `look up ${attempt.id}`, () => lookUp(processor, attempt, question));
  if (word) await tell(ctx, [{ op_id: attempt.id, word }]);
  return retrieve(ctx, given, path);
}

/** A question is given so long to be answered before a person may answer it. */
const PATIENCE_S = 300;
/** For so long a processor that can be asked is; then a person may know better, e.g. that its key will never be in force again. */
const OWN_WAYS_S = 3 * 86_400;

async function decide(ctx: Context, given: Params<typeof decideAttempt>, path: Path): Promise<Json> {
  const { outcome, evidence } = given;
  const reference = given.reference ?? null;
  // Whoever takes an answer locks its question first, too.
  const question = await lockQuestion(ctx.tx, path.attempt);
  const attempt = await attemptNamed(ctx, path.attempt);
  const { id, verb, state, processor, subject } = attempt;
  const now = ctx.app.clock.now();
  if (state !== 'unknown' && state !== 'sending') refuse(undefined, `The payment attempt ${id} is ${state}: the processor has said so, and nothing is left to be decided.`);
  if (!question || isBeingMade(question, now) || (state === 'sending' && now < question.created + PATIENCE_S)) refuse('lock_timeout', `The payment attempt ${id} is being asked right now. Wait for its answer.`, undefined, { status: 409, should_retry: false });
  const [whole] = await wholeAttempts(ctx, [attempt]);
  if (whole!.clears_up !== 'person' && now < (question.begun ?? question.created) + OWN_WAYS_S) {
    refuse('lock_timeout', `What became of the payment attempt ${id} is still found out by ${whole!.clears_up === 'look_up' ? 'looking it up' : 'asking again'}. Let the processor be asked for three days before you say it.`, undefined, { status: 409, should_retry: false });
  }
  if (outcome === 'succeeded' && attempt.word?.contradicts === true) refuse(undefined, `${String(attempt.word.reason)}`, 'outcome');
  if (outcome === 'succeeded' && reference === null) refuse('parameter_missing', 'Give the `reference` under which the processor has what succeeded.', 'reference');
  if (outcome === 'not_done' && reference !== null) refuse(undefined, 'What was not done has no `reference`.', 'reference');
  const others = reference === null ? [] : (await attemptsNamed(ctx.tx, processor, reference)).filter((each) => each.subject !== subject);
  if (verb === 'charge' && others.length > 0) refuse(undefined, `What the processor has as ${quoted(reference!)} is ${others[0]!.id}, another payment.`, 'reference');
  const booked = verb === 'refund' && reference !== null ? (others.find((each) => each.verb === 'refund')?.subject ?? (await refundAt(ctx.tx, processor, reference))) : null;
  if (booked !== null) refuse(undefined, `What the processor has as ${quoted(reference!)} is booked already, as the refund ${booked}. Where this one was not done, say \`not_done\`.`, 'reference');
  await tell(ctx, [{ op_id: id, word: pack(wordOfPerson(verb, { outcome, reference }, question.request.capture !== 'manual')) }]);
  const [before] = await attemptsById(ctx.tx, [id], true);
  await commit(ctx, { ...decision(), puts: [{ table: 'payment_attempts', before: before!, after: { ...before!, decided: { outcome, reference, evidence, at: now } } }] });
  return retrieve(ctx, given, path);
}

export const paymentAttempts: Room = {
  resources: [paymentAttempt],
  routes: [
    get('/v1/kontor/payment_attempts', listAttempts, list),
    get('/v1/kontor/payment_attempts/:attempt', nothing, retrieve),
    post('/v1/kontor/payment_attempts/:attempt/look_up', nothing, ask),
    post('/v1/kontor/payment_attempts/:attempt/decide', decideAttempt, decide),
  ],
};
