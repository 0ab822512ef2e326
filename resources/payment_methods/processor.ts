/**
 * Which processor keeps and charges cards (in test mode the sandbox, in live mode the one that the operator has configured), and what is asked of it before a card is kept.
 * Both are questions: they move no money, and asking again is harmless. That is why they may be asked before a decision, where charges and refunds are calls after one.
 */
import { refuse, type Moment } from '../../billing/decision.ts';
import { monthOf, type KeptMethod } from '../../billing/payment/method.ts';
import type { BillingDetails, PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { MethodSource, Outcome, Payer, Processor } from '../../connectors/processors/processor.ts';
import type { App, Context, World } from '../../server/context.ts';

declare module '../../server/context.ts' {
  interface Connectors {
    processors: { test: Processor; live: Processor | null };
  }
}

/** The processor of a world, or null where live mode has none yet. */
export function findProcessor(app: App, world: World): Processor | null {
  const { test, live } = app.connectors.processors;
  return world.livemode ? live : test;
}

export function processorOf(app: App, world: World): Processor {
  return findProcessor(app, world) ?? refuse(undefined, 'No payment processor is configured for live mode, so cards can be neither kept nor charged. Configure one, or use a test key.');
}

/** What the processor makes of a method that a caller sent, or null where it does not know the name. `spelt` spells a parameter of it; a card's are under `card`. */
export async function keepMethod(ctx: Context, source: MethodSource, moment: Moment, spelt: (name: string) => string, details: Partial<BillingDetails> = {}): Promise<(KeptMethod & { payer: Partial<Payer> }) | null> {
  const processor = processorOf(ctx.app, ctx.world);
  const given = { line1: Boolean(details.address?.line1), postal_code: Boolean(details.address?.postal_code) };
  const kept = await processor.tokenize(source, monthOf(moment.now), given);
  if (kept.kind === 'absent') return null;
  if (kept.kind === 'refused') return refuse(kept.code, kept.message, spelt(kept.param), { type: kept.type ?? 'card_error', ...(kept.decline_code && { decline_code: kept.decline_code }) });
  const { method } = kept;
  if (kept.kind === 'card') return { processor: processor.name, type: 'card', method, card: kept.card, verified: kept.verified, details: null, payer: {} };
  return { processor: processor.name, type: kept.type, method, card: null, verified: null, details: kept.details, payer: kept.payer ?? {} };
}

/** Asks the issuer whether the card may be kept for a customer; refuses with its word where it may not. */
export async function askIssuer(ctx: Context, method: PaymentMethodRow, customer: string, param?: string): Promise<void> {
  const { type, processor_reference: reference, set_up, network_transaction_id } = method;
  const outcome: Outcome = await processorOf(ctx.app, ctx.world).save({ op_id: `${method.id}:attach:${customer}`, method: { type, reference, set_up, network_transaction_id }, purpose: 'attach' });
  switch (outcome.kind) {
    case 'succeeded':
    case 'pending':
      return;
    case 'declined': {
      const { code, message, decline_code, advice_code, network_decline_code, network_advice_code } = outcome;
      return refuse(code, message, param, {
        type: 'card_error',
        decline_code: decline_code ?? undefined,
        advice_code: advice_code ?? undefined,
        network_decline_code: network_decline_code ?? undefined,
        network_advice_code: network_advice_code ?? undefined,
      });
    }
    case 'requires_action':
      return refuse('authentication_required', 'The card issuer wants to ask the card holder first. Set the card up with a setup intent, in the presence of the holder.', param, { type: 'card_error', decline_code: 'authentication_required' });
    case 'failed':
      return refuse(outcome.code, outcome.message, param);
    case 'unknown':
      return refuse(undefined, 'The payment processor has not answered whether the card can be kept. Nothing has been changed; try again.', undefined, { type: 'api_error', status: 503, should_retry: true });
  }
}
