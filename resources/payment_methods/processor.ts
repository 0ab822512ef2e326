/**
 * What is asked of a processor before a method is kept. These are questions: they move no money, and asking again is harmless. That is why they may be asked before a decision, while nothing is held, where charges and
 * refunds are calls after one.
 */
import { refuse, type Moment } from '../../billing/decision.ts';
import { monthOf, type KeptMethod } from '../../billing/payment/method.ts';
import type { BillingDetails, PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { MethodSource, Outcome, Payer, Processor, Recognized, Tokenized } from '../../connectors/processors/processor.ts';
import type { Context } from '../../server/context.ts';
import { processorNamed, refuseNoProcessor, saidBy } from '../kontor/processors/rows.ts';
import { keepTyped, type TypedCard } from './vault.ts';

/** The first processor that takes methods of the kind and knows this one, and what it makes of it. One that is down is passed over; where no other takes the method, it may be that one's. */
async function firstToKnow(ctx: Context, processors: readonly Processor[], source: MethodSource, ask: (processor: Processor) => Promise<Tokenized>): Promise<{ processor: Processor; kept: Recognized } | null> {
  const type = 'type' in source ? source.type : 'card';
  const able = processors.filter((each) => each.capabilities().methods[type] !== undefined);
  if (able.length === 0) refuse('payment_method_not_available', `No payment processor of this account takes payments by ${type}.`, 'type');
  let down: string | null = null;
  for (const processor of able) {
    const kept = await saidBy(ctx, processor, `tokenize ${'type' in source ? source.type : source.token}`, () => ask(processor));
    if (kept.kind === 'down') down ??= kept.message;
    else if (kept.kind !== 'absent' && (down === null || kept.kind !== 'refused')) return { processor, kept };
  }
  return down === null ? null : refuse('processing_error', down, undefined, { type: 'api_error', status: 503, should_retry: true });
}

/** What a processor makes of a method that a caller sent, or null where none knows the name. `spelt` spells a parameter of it; a card's are under `card`. */
export async function keepMethod(ctx: Context, processors: readonly Processor[], source: MethodSource | TypedCard, moment: Moment, spelt: (name: string) => string, details: Partial<BillingDetails> = {}): Promise<(KeptMethod & { payer: Partial<Payer> }) | null> {
  const given = { line1: Boolean(details.address?.line1), postal_code: Boolean(details.address?.postal_code) };
  if ('number' in source) return keptBy(await keepTyped(ctx, processors, source, moment, given), spelt);
  if (processors.length === 0) refuseNoProcessor();
  const found = await firstToKnow(ctx, processors, source, (processor) => processor.tokenize(source, monthOf(moment.now), given));
  return found && keptBy({ ...found, vault: null }, spelt);
}

function keptBy({ processor, kept, vault }: { processor: Processor; kept: Recognized; vault: string | null }, spelt: (name: string) => string): (KeptMethod & { payer: Partial<Payer> }) | null {
  if (kept.kind === 'absent') return null;
  if (kept.kind === 'refused') return refuse(kept.code, kept.message, spelt(kept.param), { type: kept.type ?? 'card_error', ...(kept.decline_code && { decline_code: kept.decline_code }) });
  const { method } = kept;
  if (kept.kind === 'card') return { processor: processor.name, type: 'card', method, card: kept.card, verified: kept.verified, details: null, vault, payer: {} };
  return { processor: processor.name, type: kept.type, method, card: null, verified: null, details: kept.details, vault, payer: kept.payer ?? {} };
}

/** Asks the issuer whether the card may be kept for a customer; refuses with its word where it may not. Returns the processor's token for it from now on. */
export async function askIssuer(ctx: Context, method: PaymentMethodRow, customer: string, param?: string): Promise<string> {
  const { type, processor_reference: reference, set_up, network_transaction_id } = method;
  const processor = await processorNamed(ctx.app, ctx.world, method.processor, ctx.tx);
  // The sandbox has one reference for all uses of a test card; elsewhere the name is of the method there, whatever it is called here when it is asked for again.
  const op_id = processor === ctx.app.connectors.processors.test ? `${method.id}:attach:${customer}` : `${reference}:attach`;
  const outcome: Outcome = await saidBy(ctx, processor, op_id, () => processor.save({ op_id, method: { type, reference, set_up, network_transaction_id }, purpose: 'attach' }));
  switch (outcome.kind) {
    case 'succeeded':
    case 'pending':
      return outcome.learned?.reference ?? reference;
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
    case 'canceled':
      return refuse('payment_method_unexpected_state', 'The payment processor has canceled to keep the payment method.', param);
    case 'failed':
      return refuse(outcome.code, outcome.message, param);
    case 'unknown':
      return refuse(undefined, 'The payment processor has not answered whether the card can be kept. Nothing has been changed; try again.', undefined, { type: 'api_error', status: 503, should_retry: true });
  }
}
