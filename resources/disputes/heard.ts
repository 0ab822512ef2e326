/** Disputes at live processors: what a webhook tells of is looked up there, and what is answered to one is sent there. What is found comes back as a word about the whole dispute. */
import { decision, refuse, type Decision, type Moment } from '../../billing/decision.ts';
import type { DisputeWhole, DisputeWord } from '../../billing/dispute/dispute.ts';
import { hearDispute } from '../../billing/dispute/hear.ts';
import { pack, unpack, type PackedWord } from '../../billing/payment/attempt.ts';
import type { EvidenceFile, News } from '../../connectors/processors/processor.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Answered, type App, type CallCommand, type Context, type OpenCall, type World } from '../../server/context.ts';
import { row, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { chargeAt, onceBooked } from '../charges/rows.ts';
import { fileWithContents, MEDIA_TYPES } from '../files/rows.ts';
import { processorNamed, type NewsQuestion } from '../kontor/processors/rows.ts';
import { FILES } from './evidence.ts';
import { disputeNamed, lockContested } from './rows.ts';

/** What is not there, or about no payment of ours. */
const NOTHING: PackedWord = { kind: 'absent' };

/** Takes a word; one about no payment of ours says nothing. */
async function hear(ctx: Context, processor: string, word: DisputeWord): Promise<void> {
  const charge = await chargeAt(ctx.tx, processor, word.charge);
  if (charge === null) return;
  // The charge is locked first: of two words about a new dispute the second one sees what the first has made.
  const contested = await lockContested(ctx, charge);
  const known = await disputeNamed(ctx.tx, processor, word.reference);
  await commit(ctx, hearDispute(contested, known, word, await momentOn(ctx, contested.payment_intent.test_clock)));
}

/** One after the other: two may be about one charge. */
async function answer(ctx: Context, answers: readonly Answered<{ processor: string }, PackedWord>[]): Promise<void> {
  for (const { call, answer: word } of answers) if (word.kind === 'dispute') await hear(ctx, call.request.processor, unpack<DisputeWord>(word));
}

async function find(app: App, world: World, call: OpenCall<NewsQuestion>): Promise<PackedWord | null> {
  const { subject: reference, request: { processor, said } } = call;
  const { disputes } = await processorNamed(app, world, processor);
  const news: Pick<News, 'reference' | 'said'> = { reference, ...(said && { said: unpack<DisputeWord>(said) }) };
  const found = await disputes?.find(news);
  if (found === undefined || found.kind === 'absent') return NOTHING;
  return found.kind === 'unknown' ? null : onceBooked(app, world, call, processor, found);
}

type Given = { evidence: DisputeWhole['evidence'] } | { accept: true };

/** The files that evidence names, with what is in them. */
async function filesOf(app: App, world: World, evidence: DisputeWhole['evidence']): Promise<EvidenceFile[]> {
  return inWorld(app.database.pool, world, async (tx) => {
    const files: EvidenceFile[] = [];
    for (const field of FILES) {
      const found = typeof evidence[field] === 'string' ? await fileWithContents(tx, evidence[field]) : undefined;
      if (found) files.push({ field, filename: found.filename, type: MEDIA_TYPES[found.type], bytes: found.bytes });
    }
    return files;
  });
}

type Response = Given & { processor: string; dispute: string };

async function send(app: App, world: World, { id: op_id, request }: OpenCall<Response>): Promise<PackedWord | null> {
  const { processor, dispute, ...given } = request;
  const { disputes } = await processorNamed(app, world, processor);
  const said = await disputes!.respond!({ op_id, dispute, ...('accept' in given ? given : { ...given, files: await filesOf(app, world, given.evidence) }) });
  return said.kind === 'unknown' ? null : pack(said);
}

export const hearing: CallCommand<NewsQuestion, PackedWord> = { ask: find, answer };
export const responding: CallCommand<Response, PackedWord> = { ask: send, answer };

/** Sends an answer to a dispute to the processor that has it; refuses where that takes none from us. */
export async function sendAnswer(ctx: Context, dispute: DisputeWhole, given: Given, moment: Moment): Promise<Decision> {
  const { id, processor, processor_reference } = dispute;
  const { disputes } = await processorNamed(ctx.app, ctx.world, processor, ctx.tx);
  if (!disputes?.respond) refuse(undefined, `The dispute ${id} is answered at the payment processor ${processor}, which takes evidence in its own dashboard only. What comes of it is told here.`, 'evidence' in given ? 'evidence' : undefined);
  const request = { processor, dispute: processor_reference, ...given };
  return { ...decision(), calls: [{ id: moment.newId(`${id}:respond`), kind: 'processor.respond', subject: id, request, test_clock: null }] };
}

/** Refuses in the words of the processor where the last answer to a dispute was not taken. What was given as evidence is kept, so that it can be submitted again. */
export async function refuseUnanswered(ctx: Context, id: string): Promise<void> {
  const last = await row<{ answer: { kind: string; code?: string; message?: string } | null }>(ctx.tx, sql`select answer from calls where world = kontor_world() and subject = ${id} and kind = 'processor.respond' order by created desc, id desc limit 1`);
  const said = last?.answer;
  if (said?.kind === 'failed') refuse(said.code, `The payment processor has not taken the answer to the dispute ${id}: ${said.message}`, 'evidence');
}
