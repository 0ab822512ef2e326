/** Cards that are typed: kept by the vault, which presents them to a processor, and shredded when they are used up. */
import { decision, refuse, together, type Moment } from '../../billing/decision.ts';
import { faultInExpiry, fullYear } from '../../billing/payment/card_number.ts';
import { monthOf, sweepOfVault } from '../../billing/payment/method.ts';
import type { AddressGiven, Processor, Recognized } from '../../connectors/processors/processor.ts';
import type { Down, Kept, Refused, Vault } from '../../connectors/vault/vault.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type App, type CallCommand, type Context, type TimerCommand, type World } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { outside } from '../../server/questions.ts';

declare module '../../server/context.ts' {
  interface Connectors {
    /** Who keeps the numbers of typed cards, by mode. */
    vaults: { test: Vault; live: Vault };
  }
}

const vaultOf = (app: App, world: World): Vault => (world.livemode ? app.connectors.vaults.live : app.connectors.vaults.test);

const refuseDown = (_: Down): never =>
  refuse(undefined, 'The vault that keeps card numbers does not answer. Nothing has been changed; try again in a moment. Cards that are named, such as `pm_card_visa`, do not need it.', undefined, { type: 'api_error', status: 503, should_retry: true });

export type TypedCard = { number: string; exp_month: number; exp_year: number; cvc?: string };

type Typed = { kept: Kept; by: { processor: string; reference: string } | null };

/** Keeps a number, and presents it to the first of these processors that takes it. */
async function keepIn(vault: Vault, card: Parameters<Vault['keep']>[0], processors: readonly string[]): Promise<Typed | Refused | Down> {
  const kept = await vault.keep(card);
  if (kept.kind !== 'kept') return kept;
  for (const processor of processors) {
    const provisioned = await vault.provision({ world: card.world, token: kept.token }, processor);
    if (provisioned.kind === 'down') return provisioned;
    if (provisioned.kind === 'provisioned') return { kept, by: { processor, reference: provisioned.reference } };
  }
  return { kept, by: null };
}

/** What the first processor that takes cards from a vault makes of a typed one, and the vault's token for it. */
export async function keepTyped(ctx: Context, processors: readonly Processor[], { number, cvc, ...given }: TypedCard, moment: Moment, address: AddressGiven): Promise<{ processor: Processor; kept: Recognized; vault: string | null }> {
  const { app, world } = ctx;
  const expiry = { exp_month: given.exp_month, exp_year: fullYear(given.exp_year) };
  const fault = faultInExpiry(expiry, monthOf(moment.now));
  if (fault) refuse(fault.code, fault.message, `card[${fault.param}]`, { type: 'card_error' });
  const able = processors.flatMap((processor) => (processor.presented ? [{ processor, show: processor.presented }] : []));
  const card = { world: world.id, number: Buffer.from(number), cvc: cvc === undefined || cvc === '' ? null : Buffer.from(cvc), at: app.clock.now() };
  const typed = await outside(ctx, 'the vault', () => keepIn(vaultOf(app, world), card, able.map((each) => each.processor.name)));
  if ('kind' in typed) return typed.kind === 'down' ? refuseDown(typed) : refuse(typed.code, typed.message, `card[${typed.param}]`, { type: typed.type ?? 'card_error', ...(typed.decline_code && { decline_code: typed.decline_code }) });
  const { kept, by } = typed;
  const taker = able.find((each) => each.processor.name === by?.processor);
  if (!by || !taker) return refuse('payment_method_not_available', 'No payment processor of this account takes a card from the vault.', 'card[number]');
  return { processor: taker.processor, kept: taker.show({ reference: by.reference, last4: kept.last4, ...expiry }, address), vault: kept.token };
}

/** Shreds a card that is used up. One that the vault does not have is as good. */
const shred: CallCommand<{ token: string }> = {
  async ask(app, world, { request }) {
    const done = await vaultOf(app, world).shred({ world: world.id, token: request.token });
    return done.kind === 'down' ? null : { kind: done.kind };
  },
  async answer() {},
};

/** A card that no payment method has after so long belongs to nobody: what it was kept for was never committed. */
const ORPHANED_S = 3_600;

const ownedOf = (app: App, world: World, tokens: readonly string[]): Promise<{ vault: string }[]> =>
  inWorld(app.database.pool, world, (tx) => rows<{ vault: string }>(tx, sql`select vault from payment_methods where vault = any(${tokens}::text[])`));

/** Shreds what belongs to nobody, and says how many cards are left. */
const sweep: CallCommand<object, { left: number }> = {
  async ask(app, world) {
    const vault = vaultOf(app, world);
    const listed = await vault.list(world.id, app.clock.now() - ORPHANED_S);
    if (listed.kind === 'down') return null;
    const owned = new Set((await ownedOf(app, world, listed.tokens)).map((each) => each.vault));
    for (const token of listed.tokens) if (!owned.has(token)) await vault.shred({ world: world.id, token });
    const left = await vault.list(world.id, app.clock.now());
    return left.kind === 'down' ? null : { left: left.tokens.length };
  },
  async answer(ctx, answers) {
    if (answers.some(({ answer }) => answer.left > 0)) await commit(ctx, { ...decision(), timers: [sweepOfVault(realMoment(ctx.app))] });
  },
};

const sweepDue: TimerCommand = (ctx, due) =>
  commit(ctx, together(due.map(({ at }) => ({ ...decision(), calls: [{ id: `vault:sweep:${at}`, kind: 'vault.sweep', subject: 'vault', request: {}, test_clock: null }] }))));

export const vaultCalls = { 'vault.shred': shred, 'vault.sweep': sweep };
export const vaultTimers = { 'vault.sweep': sweepDue };
