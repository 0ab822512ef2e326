/** The sandbox's page on which who pays authorizes a payment, or lets it fail. Whoever has its address has it from the payment: its last part proves that. */
import { Refusal, refuse } from '../../../billing/decision.ts';
import { refuseUnpayable } from '../../../billing/invoice/pay.ts';
import { formatMoney } from '../../../billing/money.ts';
import type { AttemptRow } from '../../../billing/payment/attempt.ts';
import type { HolderAnswer, NextAction } from '../../../billing/payment/payment.ts';
import { accountById } from '../../../server/accounts.ts';
import { performCalls } from '../../../server/calls.ts';
import { commit } from '../../../server/commit.ts';
import { inContext, type App, type Context, type PageAnswer, type Room, type World } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { overAllWorlds } from '../../../server/database/world.ts';
import { isSecret } from '../../../server/http/secrets.ts';
import { attemptsById, proofOf } from '../../payment_attempts/rows.ts';
import { methodsById, verifyDeposits } from '../../payment_methods/rows.ts';
import { answered, intentsById, lockIntent } from '../../payment_intents/rows.ts';
import { answeredSetup, lockSetup, setupsById } from '../../setup_intents/rows.ts';
import { codeAsPng, codeAsSvg } from './code.ts';
import { renderQuestion } from './page.ts';

type Path = { account: string; intent: string; proof: string };

/** An intent of either kind, as far as a page of it asks something, or has asked. */
type Asked = {
  kind: 'payment' | 'setup';
  id: string;
  client_secret: string;
  next_action: NextAction | null;
  /** The page was answered, and the payment waits to be confirmed once more. */
  authentication: { reference: string } | null;
  status: string;
  amount: string | null;
  method: string;
};

/** The page that an attempt at an intent has led to. */
type Page = { reference: string; return_url: string | null; verifies: boolean; /** What was said on it, and the attempt that came of that. */ answer: { op_id: string; result: HolderAnswer['result'] } | null };

type Opened = { asked: Asked; page: Page; open: boolean };

const GONE = { status: 404, html: renderQuestion({ title: 'Nothing is asked here', words: 'This address is of no payment. Go back to where you came from and try again.', outcome: 'failed' }) } as const;

/** Test mode of an account: the sandbox is in no other. */
async function worldOf(app: App, account: string): Promise<World | null> {
  const [world] = await overAllWorlds(app.database.pool, (tx) => rows<World>(tx, sql`select id, account, livemode from worlds where account = ${account} and not livemode`));
  return world ?? null;
}

async function askedIn(ctx: Context, id: string): Promise<Asked | null> {
  const [[setup], [payment]] = [await setupsById(ctx.tx, [id]), await intentsById(ctx.tx, [id])];
  const intent = setup ?? payment;
  if (!intent) return null;
  const [method] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method]);
  const { client_secret, next_action, status } = intent;
  const kind = setup ? ({ kind: 'setup', authentication: null, amount: null } as const) : ({ kind: 'payment', authentication: payment!.authentication, amount: formatMoney(payment!.amount, payment!.currency) } as const);
  return { ...kind, id, client_secret, next_action, status, method: method?.type ?? 'card' };
}

/** All pages to which an intent has ever led. */
async function pagesOf(tx: Context['tx'], intent: string): Promise<Page[]> {
  type Question = { id: string; request: { return_url?: string | null; authentication?: HolderAnswer | null }; action: { kind: string; reference: string } | null };
  const questions = await rows<Question>(tx, sql`select id, request, answer->'action' as action from calls where world = kontor_world() and subject = ${intent} order by created, id`);
  const answers = new Map(questions.flatMap(({ id, request: { authentication } }) => (authentication ? [[authentication.reference, { op_id: id, result: authentication.result }] as const] : [])));
  return questions.flatMap(({ request: { return_url = null }, action }) => (action ? [{ reference: action.reference, return_url, verifies: action.kind === 'microdeposits', answer: answers.get(action.reference) ?? null }] : []));
}

/** The page at an address, which whoever has it has from the intent; `open`: it still asks. */
async function opened(ctx: Context, { intent, proof }: Path): Promise<Opened | null> {
  const asked = await askedIn(ctx, intent);
  const page = asked && (await pagesOf(ctx.tx, intent)).find(({ reference }) => isSecret(proof, proofOf(reference, asked.client_secret)));
  return page ? { asked, page, open: asked.next_action?.reference === page.reference } : null;
}

const NAMES: Record<string, string> = { bancontact: 'Bancontact', card: 'Card, 3-D Secure', cashapp: 'Cash App Pay', ideal: 'iDEAL', klarna: 'Klarna', paypal: 'PayPal', us_bank_account: 'US bank account' };

/** What the page asks. `problem`: why what was typed before is not it. */
async function ask(ctx: Context, { asked, page }: Opened, path: Path, problem: string | null = null): Promise<string> {
  const { business_name } = await accountById(ctx.tx, path.account);
  const facts: [string, string][] = [['To', business_name ?? 'A test account'], ['By', NAMES[asked.method] ?? asked.method]];
  if (page.verifies) {
    if (asked.amount) facts.push(['For', asked.amount]);
    return renderQuestion({ title: 'Verify a bank account', words: 'A cent was sent to the account, with a code in its text that begins with SM. Which code is it?', facts, code: { hint: 'In the sandbox SM11AA is right.', problem } });
  }
  const words = asked.kind === 'payment' ? 'Do you authorize this payment?' : 'Do you agree that this payment method is kept and charged later?';
  const scan = asked.method === 'cashapp' ? `${addressOf(ctx.app, path)}/qr.svg` : null;
  return renderQuestion({ title: asked.kind === 'payment' ? 'Authorize a payment' : 'Set up a payment method', words, amount: asked.amount, facts, scan });
}

/** What has become of a page that asks nothing any more, for who opens it once more or presses its button a second time. */
async function tellOver(ctx: Context, { asked, page }: Opened): Promise<PageAnswer> {
  const [attempt] = page.answer ? await attemptsById(ctx.tx, [page.answer.op_id]) : [];
  const outcome = (page.answer === null ? asked.authentication?.reference === page.reference : page.answer.result === 'succeeded' && attempt?.state !== 'declined' && attempt?.state !== 'failed') ? 'succeeded' : 'failed';
  const back = wayBack(asked, page.return_url, outcome);
  const [title, words] = pastOf(asked, page, attempt?.state ?? null, outcome);
  return { status: 200, html: renderQuestion({ title, words, amount: asked.amount, outcome, back }) };
}

function pastOf({ kind, status }: Asked, { answer, verifies }: Page, state: AttemptRow['state'] | null, outcome: 'succeeded' | 'failed'): [title: string, words: string] {
  const [what, done] = [kind === 'payment' ? 'payment' : 'setup', verifies ? 'verified' : 'authorized'];
  if (answer === null && outcome === 'failed') {
    return status === 'canceled' ? ['Canceled', `This ${what} was canceled before you answered. No money was taken.`] : ['Not asked any more', `This ${what} has gone on without this page. Go back to where you came from and look there.`];
  }
  if (answer?.result === 'failed') return [`Not ${done}`, `This was not ${done}, and no money was taken. Go back to where you came from to try again.`];
  if (outcome === 'failed') return ['Declined', `You have ${done} this, and it was declined all the same. No money was taken.`];
  if (state === 'sending' || state === 'unknown') return ['On its way', 'Your answer has arrived. What comes of it is shown where you came from.'];
  return [`${verifies ? 'Verified' : 'Authorized'} already`, `You have ${done} this before. It is done once, however often you open this page.`];
}

async function show(app: App, path: Record<string, string>): Promise<PageAnswer> {
  const world = await worldOf(app, path.account!);
  if (!world) return GONE;
  return inContext(app, world, async (ctx) => {
    const found = await opened(ctx, path as Path);
    if (!found) return GONE;
    return found.open ? { status: 200, html: await ask(ctx, found, path as Path) } : tellOver(ctx, found);
  });
}

const addressOf = (app: App, { account, intent, proof }: Path): string => `${app.url}/sandbox/authorize/${account}/${intent}/${proof}`;

/** The code that opens the page, as an image. */
const image = (type: 'image/png' | 'image/svg+xml') => async (app: App, path: Record<string, string>): Promise<PageAnswer> => {
  const world = await worldOf(app, path.account!);
  const found = world && (await inContext(app, world, (ctx) => opened(ctx, path as Path)));
  if (!found?.open) return GONE;
  const address = addressOf(app, path as Path);
  return { image: type === 'image/png' ? codeAsPng(address) : codeAsSvg(address), type };
};

/** Where who pays goes back to, with what Stripe's page adds to the address. */
function wayBack({ kind, id, client_secret }: Asked, return_url: string | null, status: 'succeeded' | 'failed'): string | null {
  if (return_url === null) return null;
  const url = new URL(return_url);
  for (const [name, value] of [[`${kind}_intent`, id], [`${kind}_intent_client_secret`, client_secret], ['redirect_status', status]]) url.searchParams.set(name!, value!);
  return url.href;
}

/** The word of who pays: which button, or which code. It counts for what the page asks, and for nothing that has taken its place since. */
async function saidIn(ctx: Context, { id, payment_method, next_action }: { id: string; payment_method: string | null; next_action: NextAction | null }, { reference, verifies }: Page, form: Record<string, unknown>): Promise<Omit<HolderAnswer, 'reference'>> {
  if (next_action?.reference !== reference) return refuse(undefined, `${id} does not wait for this answer any more.`);
  if (!verifies) return { result: form.result === 'succeeded' ? 'succeeded' : 'failed' };
  const [method] = await methodsById(ctx.tx, [payment_method!], true);
  return verifyDeposits(ctx, method!, reference, { descriptor_code: String(form.code ?? '').trim().toUpperCase() });
}

/** Takes the word of who pays, and says what it was. */
const TAKES: Record<Asked['kind'], (ctx: Context, id: string, page: Page, form: Record<string, unknown>) => Promise<HolderAnswer['result']>> = {
  async setup(ctx, id, page, form) {
    const { intent, moment } = await lockSetup(ctx, id);
    const said = await saidIn(ctx, intent, page, form);
    await commit(ctx, await answeredSetup(ctx, intent, said, moment));
    return said.result;
  },
  async payment(ctx, id, page, form) {
    const { intent, facts, moment } = await lockIntent(ctx, id);
    if (facts) refuseUnpayable(facts);
    const said = await saidIn(ctx, intent, page, form);
    await commit(ctx, await answered(ctx, intent, said, moment));
    return said.result;
  },
};

async function take(app: App, path: Record<string, string>, form: Record<string, unknown>): Promise<PageAnswer> {
  const world = await worldOf(app, path.account!);
  if (!world) return GONE;
  const inThat = <T>(work: (ctx: Context) => Promise<T>): Promise<T> => inContext(app, world, work);
  const found = await inThat((ctx) => opened(ctx, path as Path));
  if (!found) return GONE;
  if (!found.open) return inThat((ctx) => tellOver(ctx, found));
  const { asked, page } = found;
  try {
    const { result, calls } = await inThat(async (ctx) => ({ result: await TAKES[asked.kind](ctx, asked.id, page, form), calls: ctx.calls }));
    await performCalls(app, world, calls);
    app.nudge();
    const after = await inThat((ctx) => askedIn(ctx, asked.id));
    // What was authorized may be declined all the same.
    const outcome = after?.status === 'requires_payment_method' ? 'failed' : result;
    const back = wayBack(asked, page.return_url, outcome);
    if (back) return { location: back };
    const [well, not] = page.verifies ? ['Verified', 'Not verified'] as const : ['Authorized', 'Not authorized'] as const;
    const title = outcome === 'succeeded' ? well : result === 'succeeded' ? 'Declined' : not;
    return { status: 200, html: renderQuestion({ title, words: 'You can close this page and go back to where you came from.', outcome }) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.param === 'descriptor_code') return { status: 400, html: await inThat((ctx) => ask(ctx, found, path as Path, error.message)) };
    const now = await inThat((ctx) => opened(ctx, path as Path));
    // Another click was faster.
    if (now && !now.open) return inThat((ctx) => tellOver(ctx, now));
    return { status: 409, html: renderQuestion({ title: 'Not possible any more', words: error.message, outcome: 'failed' }) };
  }
}

const AUTHORIZE = '/sandbox/authorize/:account/:intent/:proof';

export const sandboxPages: Room = {
  pages: [
    { method: 'GET', path: AUTHORIZE, serve: show },
    { method: 'POST', path: AUTHORIZE, serve: take },
    { method: 'GET', path: `${AUTHORIZE}/qr.png`, serve: image('image/png') },
    { method: 'GET', path: `${AUTHORIZE}/qr.svg`, serve: image('image/svg+xml') },
  ],
};
