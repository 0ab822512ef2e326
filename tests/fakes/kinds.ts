/** Processors of other kinds, behind the fake of Stripe that behaves so: what they recognise decides how an answer that was lost is cleared up. */
import type { Capabilities, Processor, ProcessorKind } from '../../connectors/processors/processor.ts';
import { stripeProcessor, type StripeOptions } from '../../connectors/processors/stripe/stripe.ts';

/** By the names of `FakeStripePlan.recognises`. */
export const KINDS = ['key', 'search', 'nothing'] as const;
export type Recognising = (typeof KINDS)[number];

const CAPABILITIES: Record<Recognising, Partial<Capabilities>> = {
  key: {},
  search: { idempotency: 'none', ttl_hours: null, lookup: ['op_id', 'reference'], settles_in_s: 60 },
  nothing: { idempotency: 'none', ttl_hours: null, lookup: ['reference'], settles_in_s: 0 },
};

/** Stripe's adapter for a fake that recognises so much, and says so of itself unless it `claims` otherwise. */
export function kindRecognising(recognises: Recognising, options: StripeOptions, claims = recognises): ProcessorKind {
  const kind = stripeProcessor(options);
  return {
    ...kind,
    kind: `stripe_by_${recognises}`,
    async open(configuration): Promise<Processor> {
      const processor = await kind.open(configuration);
      const capabilities = { ...processor.capabilities(), ...CAPABILITIES[claims] };
      processor.capabilities = () => capabilities;
      return processor;
    },
  };
}
