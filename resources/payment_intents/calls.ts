/** The question that is put to the processor, and what its answers make true: many at once, as one commit. */
import { inSettlement } from '../../billing/balance/settlement.ts';
import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { numberOf, pack, unpack, type AttemptRow, type PackedWord } from '../../billing/payment/attempt.ts';
import { handledElsewhere, isReserved } from '../../billing/payment/capture.ts';
import { failOver, mayFailOver, takesPayment } from '../../billing/payment/failover.ts';
import { waitsFor, type AskedQuestion, type ChargeQuestion } from '../../billing/payment/confirm.ts';
import type { PaymentIntentWhole } from '../../billing/payment/payment.ts';
import { countryOf } from '../../billing/payment/route.ts';
import type { PaymentAnswer } from '../../billing/payment/outcome.ts';
import type { Payment } from '../../billing/payment/receive.ts';
import { settlePayment } from '../../billing/payment/settle.ts';
import { hasEnded } from '../../billing/subscription/subscription.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, momentOn, realMoment, type Answered, type App, type CallCommand, type Context, type NotYet, type OpenCall, type World } from '../../server/context.ts';
import { askProcessor, hearAnswers, keep, missed, ownFirst, placedAt } from '../payment_attempts/rows.ts';
import { withoutTwin } from '../payment_methods/rows.ts';
import { settlementOf } from '../kontor/settings/rows.ts';
import { stopCollectingOf } from '../subscriptions/rows.ts';
import { processorsFor } from '../kontor/processors/rows.ts';
import { Affected, type Named } from './affected.ts';
import { giveUpTo } from './give_up.ts';

const questionOf = (call: OpenCall<ChargeQuestion>): AskedQuestion => ({ ...call.request, op_id: call.id });

/** Null while it is not known whether the method was charged; asking again under the same name charges it at most once. */
async function ask(app: App, world: World, call: OpenCall<ChargeQuestion>): Promise<PackedWord | NotYet | null> {
  const { processor, op_id, amount, currency, method, capture, options, off_session, request_three_d_secure, authentication, payer, return_url, setup_future_usage, agreed, ...words } = questionOf(call);
  const { amount_details, description, payment_details, receipt_email, shipping, statement_descriptor, statement_descriptor_suffix } = words;
  const request = {
    op_id, amount: BigInt(amount), currency, method, off_session, capture, options, request_three_d_secure, authentication, payer, return_url, setup_future_usage,
    amount_details, description, payment_details, receipt_email, shipping, statement_descriptor, statement_descriptor_suffix, acceptance: agreed?.acceptance ?? null, metadata: ownFirst({ payment_intent: call.subject }, words.metadata),
  };
  if (authentication === null && !op_id.endsWith(':1')) {
    const before = await giveUpTo(app, world, call.subject, numberOf(op_id) - 1);
    if (before === 'unknown') return null;
    if (before === 'taken') return pack({ kind: 'failed', code: 'payment_intent_unexpected_state', message: 'An earlier attempt of this payment has gone through, or is on its way, so nothing else was charged.' });
  }
  return askProcessor(app, world, call, { processor, verb: 'charge', put: (of) => of.charge(request) });
}

/** When a word is taken. On a test clock a payment takes no time, but what comes later does. */
async function momentOf(ctx: Context, { test_clock }: PaymentIntentWhole, attempt: AttemptRow, question: ChargeQuestion, at: number | undefined): Promise<Moment> {
  if (at !== undefined) return momentAt(ctx, at);
  if (test_clock === null) return realMoment(ctx.app);
  return attempt.heard === null ? momentAt(ctx, question.at) : momentOn(ctx, test_clock);
}

/** A page of Kontor's own is at Kontor's address. */
const placed = (ctx: Context, intent: PaymentIntentWhole, answer: PaymentAnswer): PaymentAnswer => (answer.kind === 'requires_action' ? { ...answer, action: placedAt(ctx, intent, answer.action) } : answer);

/** What the processor calls what it has taken, or is about to, by a word. */
const namedBy = ({ call, answer: { kind, reference } }: Answered<ChargeQuestion, PackedWord>): Named | null => ((kind === 'succeeded' || kind === 'pending') && typeof reference === 'string' ? { processor: questionOf(call).processor, reference } : null);

/**
 * Words about charges, by the questions that they answer: what came back, what a webhook or a look-up says, what the sandbox foretold. A word that says nothing new changes nothing, and one about an
 * attempt that the intent has gone on from is written down with the attempt only, unless money was taken.
 */
async function answer(ctx: Context, answers: readonly Answered<ChargeQuestion, PackedWord>[]): Promise<void> {
  const calls = answers.map(({ call }) => call);
  const affected = await Affected.lock(ctx, calls);
  await affected.lockNamed(ctx, answers.flatMap((each) => namedBy(each) ?? []));
  const heard = await hearAnswers(ctx, answers);
  const living = [...affected.subscriptions.values()].filter((each) => !hasEnded(each));
  const settlement = await settlementOf(ctx);
  const decided: Decision[] = [];
  for (const { call, at, ...said } of answers) {
    const attempt = heard.get(call.id)!;
    const payment = affected.payment(call, namedBy({ call, ...said }));
    const question = questionOf(call);
    const { charge: made } = payment;
    if (made && made.payment_intent !== call.subject) refuse(undefined, `What the processor has as ${made.processor_reference} is booked already, as the charge ${made.id} of ${made.payment_intent}: it cannot be the payment of ${call.subject}, too.`, 'reference');
    // Its money comes once, whichever of its attempts brings the word.
    const come = made !== null && made.status === 'succeeded';
    const taken = attempt.after.state === 'succeeded' && attempt.before.state !== 'succeeded' && !come;
    if (attempt.after !== attempt.before && (attempt.before.state === 'authorized' || (come && (!made.captured || isReserved(payment.payment_intent, made))))) {
      if (made === null || !isReserved(payment.payment_intent, made)) continue;
      const word = unpack<PaymentAnswer>(attempt.after.word!);
      if (word.kind !== 'canceled' && !(word.kind === 'succeeded' && word.captured)) continue;
      const settled = handledElsewhere({ ...payment, charge: made }, word, await momentOf(ctx, payment.payment_intent, attempt.before, question, at));
      affected.take(settled);
      decided.push(settled);
      continue;
    }
    if (attempt.after === attempt.before || (!taken && !waitsFor(payment.payment_intent, question))) continue;
    // That nothing was done is said once; it may be that another processor is being asked already.
    if (attempt.before.state === 'failed' && attempt.after.state === 'failed') continue;
    const others = mayFailOver(payment.payment_method, question, attempt.after) ? await othersFor(ctx, payment, question) : [];
    if (others.length > 0) {
      decided.push(failOver(payment, question, others));
      continue;
    }
    const moment = await momentOf(ctx, payment.payment_intent, attempt.before, question, at);
    const word = inSettlement(await withoutTwin(ctx, question.processor, unpack<PaymentAnswer>(attempt.after.word!)), question, settlement);
    const settled = settlePayment(payment, question, placed(ctx, payment.payment_intent, word), moment);
    affected.take(settled);
    decided.push(settled);
  }
  await commit(ctx, together([keep(heard.values()), ...decided]));
  await stopCollectingOf(ctx, living.map(({ id }) => affected.subscriptions.get(id)!).filter(hasEnded));
}

/** The other processors that take such a payment and were not asked for it, in the order of the rules. */
async function othersFor(ctx: Context, { payment_method: { type, details, billing_details } }: Payment, question: ChargeQuestion): Promise<string[]> {
  const asked = [...(question.failed_at ?? []), question.processor];
  const processors = await processorsFor(ctx, { type, currency: question.currency, country: countryOf(type, details ?? {}, billing_details.address?.country ?? null) });
  return processors.filter((each) => !asked.includes(each.name) && takesPayment(each.capabilities().methods[type], question)).map((each) => each.name);
}

export const charge: CallCommand<ChargeQuestion, PackedWord> = { ask, answer, missed };
