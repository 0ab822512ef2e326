/** The sandbox's page on which who pays authorizes a payment, or lets it fail. Whoever has its address has it from the payment: its last part proves that. */
import { Refusal } from '../../../billing/decision.ts';
import { refuseUnpayable } from '../../../billing/invoice/pay.ts';
import { formatMoney } from '../../../billing/money.ts';
import type { HolderAnswer, NextAction } from '../../../billing/payment/payment.ts';
import { accountById } from '../../../server/accounts.ts';
import { performCalls } from '../../../server/calls.ts';
import { commit } from '../../../server/commit.ts';
import type { App, Context, PageAnswer, Room, World } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { inWorld, overAllWorlds } from '../../../server/database/world.ts';
import { isSecret } from '../../../server/http/secrets.ts';
import { proofOf, questionsById } from '../../payment_attempts/rows.ts';
import { methodsById, verifyDeposits } from '../../payment_methods/rows.ts';
import { answered, intentsById, lockIntent } from '../../payment_intents/rows.ts';
import { answeredSetup, lockSetup, setupsById } from '../../setup_intents/rows.ts';
import { codeAsPng, codeAsSvg } from './code.ts';
import { renderQuestion } from './page.ts';

type Path = { account: string; intent: string; proof: string };

/** An intent of either kind, as far as the page is about it. */
type Asked = { kind: 'payment' | 'setup'; id: string; op_id: string; client_secret: string; next_action: NextAction | null; status: string; amount: string | null; method: string };

const GONE = { status: 404, html: renderQuestion({ title: 'Nothing is asked here', words: 'This address is of a payment that is over, or of none. Go back to where you came from and try again.', outcome: 'failed' }) } as const;

/** Test mode of an account: the sandbox is in no other. */
async function worldOf(app: App, account: string): Promise<World | null> {
  const [world] = await overAllWorlds(app.database.pool, (tx) => rows<World>(tx, sql`select id, account, livemode from worlds where account = ${account} and not livemode`));
  return world ?? null;
}

const contextOf = (app: App, world: World, tx: Context['tx']): Context => ({ app, tx, world, request: null, calls: [] });

async function askedIn(ctx: Context, id: string): Promise<Asked | null> {
  const [setup] = await setupsById(ctx.tx, [id]);
  if (setup) {
    const [method] = setup.payment_method === null ? [] : await methodsById(ctx.tx, [setup.payment_method]);
    return { kind: 'setup', id, op_id: `${id}:save:${setup.attempts}`, client_secret: setup.client_secret, next_action: setup.next_action, status: setup.status, amount: null, method: method?.type ?? 'card' };
  }
  const [intent] = await intentsById(ctx.tx, [id]);
  if (!intent) return null;
  const [method] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method]);
  return { kind: 'payment', id, op_id: `${id}:charge:${intent.attempts}`, client_secret: intent.client_secret, next_action: intent.next_action, status: intent.status, amount: formatMoney(intent.amount, intent.currency), method: method?.type ?? 'card' };
}

/** Whoever has the address has it from the intent. */
function isProven({ next_action, client_secret }: Asked, proof: string): boolean {
  return next_action !== null && isSecret(proof, proofOf(next_action.reference, client_secret));
}

const NAMES: Record<string, string> = { bancontact: 'Bancontact', card: 'Card, 3-D Secure', cashapp: 'Cash App Pay', ideal: 'iDEAL', klarna: 'Klarna', paypal: 'PayPal', us_bank_account: 'US bank account' };

const verifies = ({ next_action }: { next_action: NextAction | null }): boolean => next_action?.type === 'verify_with_microdeposits';

/** What the page asks. `problem`: why what was typed before is not it. */
async function ask(ctx: Context, asked: Asked, path: Path, problem: string | null = null): Promise<string> {
  const { business_name } = await accountById(ctx.tx, path.account);
  const facts: [string, string][] = [['To', business_name ?? 'A test account'], ['By', NAMES[asked.method] ?? asked.method]];
  if (verifies(asked)) {
    if (asked.amount) facts.push(['For', asked.amount]);
    return renderQuestion({ title: 'Verify a bank account', words: 'A cent was sent to the account, with a code in its text that begins with SM. Which code is it?', facts, code: { hint: 'In the sandbox SM11AA is right.', problem } });
  }
  const words = asked.kind === 'payment' ? 'Do you authorize this payment?' : 'Do you agree that this payment method is kept and charged later?';
  const scan = asked.method === 'cashapp' ? `${addressOf(ctx.app, path)}/qr.svg` : null;
  return renderQuestion({ title: asked.kind === 'payment' ? 'Authorize a payment' : 'Set up a payment method', words, amount: asked.amount, facts, scan });
}

async function show(app: App, path: Record<string, string>): Promise<PageAnswer> {
  const { account, intent, proof } = path as Path;
  const world = await worldOf(app, account);
  if (!world) return GONE;
  return inWorld(app.database.pool, world, async (tx) => {
    const ctx = contextOf(app, world, tx);
    const asked = await askedIn(ctx, intent);
    return asked && isProven(asked, proof) ? { status: 200, html: await ask(ctx, asked, path as Path) } : GONE;
  });
}

const addressOf = (app: App, { account, intent, proof }: Path): string => `${app.url}/sandbox/authorize/${account}/${intent}/${proof}`;

/** The code that opens the page, as an image. */
const image = (type: 'image/png' | 'image/svg+xml') => async (app: App, path: Record<string, string>): Promise<PageAnswer> => {
  const { account, intent, proof } = path as Path;
  const world = await worldOf(app, account);
  const asked = world && (await inWorld(app.database.pool, world, (tx) => askedIn(contextOf(app, world, tx), intent)));
  if (!asked || !isProven(asked, proof)) return GONE;
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

/** The word of who pays: which button, or which code. */
async function saidIn(ctx: Context, intent: { payment_method: string | null; next_action: NextAction | null }, form: Record<string, unknown>): Promise<Omit<HolderAnswer, 'reference'>> {
  if (!verifies(intent)) return { result: form.result === 'succeeded' ? 'succeeded' : 'failed' };
  const [method] = await methodsById(ctx.tx, [intent.payment_method!], true);
  return verifyDeposits(ctx, method!, intent.next_action!.reference, { descriptor_code: String(form.code ?? '').trim().toUpperCase() });
}

/** Takes the word of who pays, and says what it was. */
const TAKES: Record<Asked['kind'], (ctx: Context, id: string, form: Record<string, unknown>) => Promise<HolderAnswer['result']>> = {
  async setup(ctx, id, form) {
    const { intent, moment } = await lockSetup(ctx, id);
    const said = await saidIn(ctx, intent, form);
    await commit(ctx, await answeredSetup(ctx, intent, said, moment));
    return said.result;
  },
  async payment(ctx, id, form) {
    const { intent, facts, moment } = await lockIntent(ctx, id);
    if (facts) refuseUnpayable(facts);
    const said = await saidIn(ctx, intent, form);
    await commit(ctx, await answered(ctx, intent, said, moment));
    return said.result;
  },
};

async function take(app: App, path: Record<string, string>, form: Record<string, unknown>): Promise<PageAnswer> {
  const { account, intent, proof } = path as Path;
  const world = await worldOf(app, account);
  if (!world) return GONE;
  const inThat = <T>(work: (ctx: Context) => Promise<T>): Promise<T> => inWorld(app.database.pool, world, (tx) => work(contextOf(app, world, tx)));
  const asked = await inThat((ctx) => askedIn(ctx, intent));
  if (!asked || !isProven(asked, proof)) return GONE;
  try {
    const { result, return_url, calls } = await inThat(async (ctx) => {
      const { return_url = null } = (await questionsById<{ return_url?: string | null }>(ctx.tx, [asked.op_id])).get(asked.op_id)?.request ?? {};
      return { result: await TAKES[asked.kind](ctx, intent, form), return_url, calls: ctx.calls };
    });
    await performCalls(app, world, calls);
    app.nudge();
    const after = await inThat((ctx) => askedIn(ctx, intent));
    // What was authorized may be declined all the same.
    const outcome = after?.status === 'requires_payment_method' ? 'failed' : result;
    const back = wayBack(asked, return_url, outcome);
    if (back) return { location: back };
    const [well, not] = verifies(asked) ? ['Verified', 'Not verified'] as const : ['Authorized', 'Not authorized'] as const;
    const title = outcome === 'succeeded' ? well : result === 'succeeded' ? 'Declined' : not;
    return { status: 200, html: renderQuestion({ title, words: 'You can close this page and go back to where you came from.', outcome }) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.param === 'descriptor_code') return { status: 400, html: await inThat((ctx) => ask(ctx, asked, path as Path, error.message)) };
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
