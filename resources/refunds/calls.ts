/** What is asked of the processor that gives back, and what is heard of it: at once, or days later. */
import { together, type Decision, type Moment } from '../../billing/decision.ts';
import { pack, unpack, type PackedWord } from '../../billing/payment/attempt.ts';
import { refundedInquiry } from '../../billing/dispute/respond.ts';
import { refundable, settleRefund, type CancelRefundQuestion, type RefundAnswer, type RefundQuestion, type RefundRow } from '../../billing/payment/refund.ts';
import { commit } from '../../server/commit.ts';
import { NotYet, momentAt, momentOn, realMoment, type Answered, type App, type CallCommand, type Context, type OpenCall, type World } from '../../server/context.ts';
import { lockLanes } from '../../server/lanes.ts';
import { chargesById } from '../charges/rows.ts';
import { settlementAt, settlementOf } from '../kontor/settings/rows.ts';
import { lockInquiriesOf } from '../disputes/rows.ts';
import { processorNamed } from '../kontor/processors/rows.ts';
import { askProcessor, hearAnswers, keep, missed, tell } from '../payment_attempts/rows.ts';
import { refundsById } from './rows.ts';

/** What is asked about here is of a charge. */
const chargeOf = ({ charge }: RefundRow): string => charge!;

async function ask(app: App, world: World, call: OpenCall<RefundQuestion>): Promise<PackedWord | NotYet | null> {
  const { processor, at: _, amount, ...question } = call.request;
  return askProcessor(app, world, call, { processor, verb: 'refund', put: (of) => of.refund({ ...question, op_id: call.id, amount: BigInt(amount) }) });
}

async function answer(ctx: Context, answers: readonly Answered<RefundQuestion, PackedWord>[]): Promise<void> {
  const ids = [...new Set(answers.map(({ call }) => call.subject))];
  const found = await refundsById(ctx.tx, ids);
  lockLanes(ctx.tx, found.flatMap((each) => [each.customer ?? each.id, each.customer ?? each.payment_intent!]));
  const charges = new Map((await chargesById(ctx.tx, [...new Set(found.map(chargeOf))], true)).map((charge) => [charge.id, charge]));
  const refunds = new Map((await refundsById(ctx.tx, ids, true)).map((refund) => [refund.id, refund]));
  const heard = await hearAnswers(ctx, answers);
  const settlement = await settlementOf(ctx);
  const decided: Decision[] = [];
  const given = new Map<string, Moment>();
  for (const { call, at } of answers) {
    const attempt = heard.get(call.id)!;
    const refund = refunds.get(call.subject)!;
    if (attempt.before === attempt.after || refund.status === 'canceled') continue;
    const first = attempt.before.heard === null;
    const moment = at !== undefined ? momentAt(ctx, at) : refund.test_clock === null ? realMoment(ctx.app) : first ? momentAt(ctx, call.request.at) : await momentOn(ctx, refund.test_clock);
    const settled = settleRefund({ refund, charge: charges.get(chargeOf(refund))!, settlement: settlementAt(settlement, attempt.after.processor) }, attempt.after, unpack<RefundAnswer>(attempt.after.word!), moment);
    refunds.set(refund.id, settled.refund);
    charges.set(settled.charge.id, settled.charge);
    decided.push(settled);
    if (settled.charge.disputed && refundable(settled.charge) === 0n) given.set(settled.charge.id, moment);
  }
  // What was asked about and has been given back is asked about no more.
  const inquiries = given.size === 0 ? [] : await lockInquiriesOf(ctx, [...given.keys()]);
  decided.push(...inquiries.map((inquiry) => refundedInquiry({ ...inquiry, charge: charges.get(inquiry.charge.id)! }, given.get(inquiry.charge.id)!)));
  await commit(ctx, together([keep(heard.values()), ...decided]));
}

export const refund: CallCommand<RefundQuestion, PackedWord> = { ask, answer, missed };

/** What has become of a refund that was to be called back is a word about that. */
export const canceling: CallCommand<CancelRefundQuestion, PackedWord> = {
  async ask(app, world, { id: op_id, request }) {
    const { processor, charge, method, refund: reference } = request;
    const word = await (await processorNamed(app, world, processor)).cancelRefund({ op_id, refund: reference, charge, method });
    if (word.kind === 'unknown') return word.retry_after === null ? null : new NotYet(word.retry_after);
    return word.kind === 'failed' && word.technical ? null : pack(word);
  },
  async answer(ctx, answers) {
    // That it could not be canceled says nothing of the refund.
    const words = answers.filter((each) => each.answer.kind !== 'failed').map(({ call, answer: word }) => ({ op_id: call.request.of, word }));
    if (words.length > 0) await tell(ctx, words);
  },
};
